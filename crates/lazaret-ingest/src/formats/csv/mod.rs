//! CSV by RFC 4180, held to a schema.
//!
//! A row is a record; a header is not. Without a schema nothing says what a column is, so every row is
//! `input.uninspectable`. A header that is not the schema's holds the whole file: no cell of it can be named. A
//! quote that is misplaced holds the rows it swallowed together, as one record at the line where its row began.
//! What a row has outside edits is written as it was, byte for byte.
//!
//! | file | what is in it |
//! |---|---|
//! | `schema` | the schema file |
//! | `payload` | the file: header, rows, what is held together |
//! | `row` | one row, read and written |
//! | `split` | where rows end and cells are |
//! | `check` | types, and formulas |
//! | `rules` | the rules |

mod check;
mod payload;
mod row;
pub mod rules;
mod schema;
pub(crate) mod split;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use lazaret_core::{Format, FormatId, Hint, Likeness, Limit, Limits, Payload, Refused, Source};

pub use rules::RULES;
pub use schema::{Column, MAX_COLUMNS, Schema, SchemaError, Type};

/// The id of the format.
pub const FORMAT: FormatId = FormatId("csv");

/// The most bytes one row may have, quoted line ends included. What is above is held in parts.
pub const MAX_ROW: Limit = Limit::new("csv.max_row", 1 << 20);

/// The format.
#[derive(Debug, Clone, Default)]
pub struct CsvFormat {
    schemas: Vec<Arc<Schema>>,
}

impl CsvFormat {
    /// CSV without a schema: every row is told to be uninspectable.
    pub fn new() -> Self {
        Self::default()
    }

    /// CSV of one table.
    pub fn with_schema(schema: Arc<Schema>) -> Self {
        Self { schemas: vec![schema] }
    }

    /// CSV of several tables; a file's header says which it is.
    pub fn with_schemas(schemas: Vec<Arc<Schema>>) -> Self {
        Self { schemas }
    }
}

impl Format for CsvFormat {
    fn id(&self) -> FormatId {
        FORMAT
    }

    fn recognise(&self, head: &[u8], hint: &Hint) -> Likeness {
        if self.schemas.iter().any(|schema| payload::is_header_of(schema, head)) {
            return Likeness::Certain;
        }
        let named = matches!(hint.extension.as_deref(), Some("csv" | "tsv"))
            || hint.media_type.as_deref().is_some_and(|media| media.starts_with("text/csv"));
        let texty = !head.contains(&0) && !matches!(head.first(), Some(b'{' | b'[' | b'<' | b'%'));
        match (named, texty) {
            (true, true) => Likeness::Possible,
            (true, false) => Likeness::ByName,
            (false, _) => Likeness::No,
        }
    }

    fn open(&self, source: Arc<dyn Source>, limits: &Limits) -> Result<Box<dyn Payload>, Refused> {
        Ok(Box::new(payload::Rows::open(source, &self.schemas, limits)?))
    }
}
