//! The schema of a CSV table, written in TOML: what each column is, and whom it tells about.
//!
//! `docs/src/guides/csv-schema.md` describes it for people.

use std::collections::BTreeSet;

use lazaret_core::{Kind, Label};
use serde::Deserialize;

/// The most columns a schema may have.
pub const MAX_COLUMNS: usize = 2_000;

/// Why a schema file is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SchemaError {
    /// The file is no TOML, or has a key or word that no schema has.
    #[error("the CSV schema cannot be read: {reason}")]
    Toml {
        /// Where and why, in the words of the TOML reader.
        reason: String,
    },
    /// The table's name is no name.
    #[error("`name` of a CSV schema must be 1 to 40 of a-z, 0-9 and `-`, beginning with a letter")]
    Name,
    /// There is no column, or there are too many.
    #[error("a CSV schema must have 1 to {MAX_COLUMNS} columns")]
    Columns,
    /// The delimiter cannot be one.
    #[error("`delimiter` must be one of `,`, `;`, `|` and a tab")]
    Delimiter,
    /// One column is wrong.
    #[error("column `{column}` of the CSV schema: {reason}")]
    Column {
        /// Its name, which the schema's author chose.
        column: String,
        /// Why.
        reason: String,
    },
}

/// The type of a column's cells. An empty cell is of every type unless the column is `required`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Type {
    /// Any text.
    Text,
    /// Words with single spaces between, no control characters, at most 256 characters.
    Code,
    /// A whole number of 64 bits, without leading noughts or a plus sign.
    Integer,
    /// A decimal number of at most `precision` digits, `scale` of them after the point.
    Decimal {
        /// Digits in all, 1 to 38.
        precision: u8,
        /// Digits after the point.
        scale: u8,
    },
    /// A day that exists, `YYYY-MM-DD`.
    Date,
    /// A day and a time, `YYYY-MM-DDThh:mm:ss`, with a fraction and an offset if there is one.
    DateTime,
    /// `true`, `false`, `1` or `0`.
    Boolean,
    /// A UUID, 8-4-4-4-12 hexadecimal digits.
    Uuid,
    /// The row's own id: letters, digits, `-`, `.`, `_`, `:`, at most 64.
    Key,
}

impl Type {
    /// The word, as the schema writes it and messages name it.
    pub fn name(self) -> String {
        match self {
            Self::Text => "text".to_owned(),
            Self::Code => "code".to_owned(),
            Self::Integer => "integer".to_owned(),
            Self::Decimal { precision, scale } => format!("decimal({precision},{scale})"),
            Self::Date => "date".to_owned(),
            Self::DateTime => "datetime".to_owned(),
            Self::Boolean => "boolean".to_owned(),
            Self::Uuid => "uuid".to_owned(),
            Self::Key => "key".to_owned(),
        }
    }

    fn parse(text: &str) -> Option<Self> {
        Some(match text {
            "text" => Self::Text,
            "code" => Self::Code,
            "integer" => Self::Integer,
            "date" => Self::Date,
            "datetime" => Self::DateTime,
            "boolean" => Self::Boolean,
            "uuid" => Self::Uuid,
            "key" => Self::Key,
            _ => {
                let (precision, scale) = text.strip_prefix("decimal(")?.strip_suffix(')')?.split_once(',')?;
                let (precision, scale) = (precision.trim().parse().ok()?, scale.trim().parse().ok()?);
                if precision == 0 || precision > 38 || scale > precision {
                    return None;
                }
                Self::Decimal { precision, scale }
            }
        })
    }
}

/// One column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Column {
    /// Its name in the header.
    pub name: String,
    /// The type of its cells.
    pub of: Type,
    /// Whether an empty cell is a fault.
    pub required: bool,
    /// What it identifies, if the schema says so or its type does.
    pub identifies: Option<Label>,
    /// Whether it names the patient the row is about.
    pub subject: bool,
    /// Whether it is free text about the patient.
    pub note: bool,
    /// The most characters a cell may have.
    pub max_length: Option<usize>,
    /// The only values a cell may have; empty for any.
    pub allowed: BTreeSet<String>,
    /// What tokens of this column are scoped by: `Patient`. Equal domains of two tables join.
    pub domain: String,
}

/// The schema of one table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Schema {
    kind: String,
    delimiter: u8,
    describes_subject: bool,
    columns: Vec<Column>,
}

impl Schema {
    /// Reads a schema file. What it does not know it refuses.
    pub fn parse(toml: &str) -> Result<Self, SchemaError> {
        let file: File =
            toml::from_str(toml).map_err(|error| SchemaError::Toml { reason: error.message().to_owned() })?;
        let named = file.name.bytes().next().is_some_and(|first| first.is_ascii_lowercase())
            && file.name.len() <= 40
            && file.name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
        if !named {
            return Err(SchemaError::Name);
        }
        let delimiter = match file.delimiter.as_str() {
            "," => b',',
            ";" => b';',
            "|" => b'|',
            "\t" => b'\t',
            _ => return Err(SchemaError::Delimiter),
        };
        if file.columns.is_empty() || file.columns.len() > MAX_COLUMNS {
            return Err(SchemaError::Columns);
        }
        let columns = file.columns.into_iter().map(column).collect::<Result<Vec<_>, _>>()?;
        once(&columns, |_| true, |column| Some(column.name.as_str()), "is named twice")?;
        once(
            &columns,
            |column| column.subject,
            |_| Some(""),
            "is a second subject: a row is about one patient",
        )?;
        once(&columns, |column| column.of == Type::Key, |_| Some(""), "is a second key: a row has one id")?;
        if file.describes_subject && !columns.iter().any(|column| column.subject) {
            let column = columns.first().map(|column| column.name.clone()).unwrap_or_default();
            let reason = "`describes-subject` needs a column with `subject = true`".to_owned();
            return Err(SchemaError::Column { column, reason });
        }
        let kind = format!("csv-{}", file.name);
        Ok(Self { kind, delimiter, describes_subject: file.describes_subject, columns })
    }

    /// The kind of its records: `csv-` and the table's name.
    pub fn kind(&self) -> &str {
        &self.kind
    }

    /// What stands between two cells.
    pub fn delimiter(&self) -> u8 {
        self.delimiter
    }

    /// Whether its rows describe patients, so that their names and numbers are sought in notes.
    pub fn describes_subject(&self) -> bool {
        self.describes_subject
    }

    /// Its columns.
    pub fn columns(&self) -> &[Column] {
        &self.columns
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct File {
    name: String,
    #[serde(default = "comma")]
    delimiter: String,
    #[serde(default)]
    describes_subject: bool,
    columns: Vec<FileColumn>,
}

fn comma() -> String {
    ",".to_owned()
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct FileColumn {
    name: String,
    #[serde(rename = "type")]
    of: String,
    #[serde(default)]
    required: bool,
    identifies: Option<String>,
    #[serde(default)]
    subject: bool,
    #[serde(default)]
    note: bool,
    max_length: Option<usize>,
    #[serde(default)]
    allowed: BTreeSet<String>,
    domain: Option<String>,
}

fn column(file: FileColumn) -> Result<Column, SchemaError> {
    let wrong = |reason: String| SchemaError::Column { column: file.name.clone(), reason };
    let usable = !file.name.is_empty()
        && file.name.chars().count() <= 128
        && !file.name.chars().any(|c| c.is_control() || c == '[');
    if !usable {
        return Err(wrong(
            "a name must be 1 to 128 characters, without control characters and `[`".to_owned(),
        ));
    }
    let of = Type::parse(&file.of).ok_or_else(|| {
        wrong(format!(
            "`{}` is no type; one of text, code, integer, decimal(precision,scale) up to 38 digits, date, \
             datetime, boolean, uuid, key",
            file.of
        ))
    })?;
    let identifies = match file.identifies.as_deref() {
        Some("none") => None,
        Some(label) => Some(label_of(label).ok_or_else(|| {
            wrong(format!("`{label}` is no label; write `none`, or one of {}", known_labels()))
        })?),
        None if file.subject => Some(Label::RECORD_ID),
        None => match of {
            Type::Date | Type::DateTime => Some(Label::DATE),
            Type::Uuid | Type::Key => Some(Label::RECORD_ID),
            _ => None,
        },
    };
    if file.note && of != Type::Text {
        return Err(wrong("`note = true` needs the type text".to_owned()));
    }
    if file.note && identifies.is_some() {
        return Err(wrong("a note is searched for identifiers; it cannot be one itself".to_owned()));
    }
    if file.subject && identifies.is_none() {
        return Err(wrong("the subject's id identifies: `identifies` cannot be `none`".to_owned()));
    }
    let domain = file
        .domain
        .clone()
        .unwrap_or_else(|| if file.subject { "Patient".to_owned() } else { String::new() });
    Ok(Column {
        name: file.name,
        of,
        required: file.required,
        identifies,
        subject: file.subject,
        note: file.note,
        max_length: file.max_length,
        allowed: file.allowed,
        domain,
    })
}

/// Fails if two of the columns looked at have the same key.
fn once<'c>(
    columns: &'c [Column],
    look: impl Fn(&Column) -> bool,
    key: impl Fn(&'c Column) -> Option<&'c str>,
    reason: &str,
) -> Result<(), SchemaError> {
    let mut seen = BTreeSet::new();
    for column in columns.iter().filter(|column| look(column)) {
        if key(column).is_some_and(|key| !seen.insert(key)) {
            return Err(SchemaError::Column { column: column.name.clone(), reason: reason.to_owned() });
        }
    }
    Ok(())
}

/// Every label with a sub-label that a schema may name, beside the twenty kinds themselves.
const SUB_LABELS: [Label; 9] = [
    Label::PATIENT,
    Label::PROVIDER,
    Label::RELATIVE,
    Label::STREET,
    Label::CITY,
    Label::COUNTY,
    Label::ZIP,
    Label::BIRTH_DATE,
    Label::RECORD_ID,
];

fn label_of(text: &str) -> Option<Label> {
    let kinds = Kind::ALL.into_iter().map(Label::of);
    kinds.chain(SUB_LABELS).find(|label| label.to_string() == text)
}

fn known_labels() -> String {
    let kinds = Kind::ALL.into_iter().map(Label::of);
    kinds.chain(SUB_LABELS).map(|label| label.to_string()).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(columns: &str) -> Result<Schema, SchemaError> {
        Schema::parse(&format!("name = \"t\"\n{columns}"))
    }

    #[test]
    fn a_schema_says_what_each_column_is() {
        let schema = parse(
            r#"
            delimiter = ";"
            describes-subject = true
            [[columns]]
            name = "Id"
            type = "key"
            subject = true
            required = true
            [[columns]]
            name = "Born"
            type = "date"
            identifies = "DATE.birth"
            [[columns]]
            name = "Paid"
            type = "decimal(10, 2)"
            "#,
        )
        .unwrap();
        assert_eq!((schema.kind(), schema.delimiter(), schema.describes_subject()), ("csv-t", b';', true));
        let [id, born, paid] = schema.columns() else { panic!() };
        assert_eq!(
            (id.identifies, id.domain.as_str(), id.required),
            (Some(Label::RECORD_ID), "Patient", true)
        );
        assert_eq!(born.identifies, Some(Label::BIRTH_DATE));
        assert_eq!((paid.of, paid.identifies), (Type::Decimal { precision: 10, scale: 2 }, None));
    }

    #[test]
    fn what_no_schema_may_say_is_refused() {
        for (columns, part) in [
            ("", "missing field `columns`"),
            ("columns = []", "1 to 2000 columns"),
            ("[[columns]]\nname = \"A\"\ntype = \"money\"", "is no type"),
            ("[[columns]]\nname = \"A\"\ntype = \"decimal(40,2)\"", "is no type"),
            ("[[columns]]\nname = \"A\"\ntype = \"decimal(2,3)\"", "is no type"),
            ("[[columns]]\nname = \"A\"\ntype = \"text\"\nidentifies = \"NAME.cat\"", "is no label"),
            ("[[columns]]\nname = \"A\"\ntype = \"code\"\nnote = true", "needs the type text"),
            ("[[columns]]\nname = \"A\"\ntype = \"text\"\ncolour = 1", "unknown field"),
            (
                "[[columns]]\nname = \"A\"\ntype = \"text\"\n[[columns]]\nname = \"A\"\ntype = \"code\"",
                "twice",
            ),
            (
                "[[columns]]\nname = \"A\"\ntype = \"key\"\n[[columns]]\nname = \"B\"\ntype = \"key\"",
                "second key",
            ),
            ("delimiter = \"x\"\n[[columns]]\nname = \"A\"\ntype = \"text\"", "delimiter"),
            ("describes-subject = true\n[[columns]]\nname = \"A\"\ntype = \"text\"", "subject"),
        ] {
            let error = parse(columns).unwrap_err().to_string();
            assert!(error.contains(part), "{columns}: {error}");
        }
        assert_eq!(Schema::parse("name = \"A b\"\ncolumns = []"), Err(SchemaError::Name));
    }
}
