//! One table of the lake while it is written: its columns, and the rows not yet in a file.

use std::sync::Arc;

use arrow_array::builder::{
    BinaryBuilder, BooleanBuilder, Decimal128Builder, Float64Builder, Int32Builder, Int64Builder,
    StringBuilder,
};
use arrow_array::{ArrayRef, RecordBatch};
use arrow_schema::{DataType, Field, SchemaRef};
use lazaret_input::charset;

use super::LakeError;
use super::columns::{self, Class, Spec, Take};
use super::skim::{self, Tree};
use crate::formats::csv::{Schema as CsvSchema, Type, split};

/// The name of the column that holds the record as written.
const RESOURCE: &str = "resource";
const TEXT: &str = "text";
const BYTES: &str = "bytes";
const ROW: &str = "row";
const RECORD: &str = "record";
const ENTRY: &str = "entry";
/// The field metadata that names the key of a column.
const KEY_LABEL: &str = "lazaret.key";

/// A table and its rows not yet written.
pub(crate) struct Table {
    schema: SchemaRef,
    classes: Vec<Class>,
    shape: Shape,
    buffers: Vec<Buffer>,
    rows: usize,
    bytes: usize,
}

enum Shape {
    /// `record`, `entry`, typed columns, `resource`.
    Resource(Vec<Spec>, Tree),
    /// `record`, `text`, `bytes`.
    Text,
    /// `record`, the schema's columns, `row`.
    Row(Arc<CsvSchema>, Vec<split::Cell>),
}

impl Table {
    /// The table of a kind of record. A CSV table has typed columns where its schema is known.
    pub(crate) fn of(kind: &str, csv: Option<Arc<CsvSchema>>) -> Self {
        let mut columns = vec![(Field::new(RECORD, DataType::Int64, false), Class::Clinical)];
        let shape = if let Some(schema) = csv {
            columns = csv_columns(&schema);
            Shape::Row(schema, Vec::new())
        } else if kind.starts_with(|first: char| first.is_ascii_uppercase()) {
            let specs = columns::of_resource(kind);
            columns.push((Field::new(ENTRY, DataType::Int32, true), Class::Clinical));
            columns.extend(
                specs.iter().map(|spec| (Field::new(spec.name, type_of(spec.take), true), spec.class)),
            );
            columns.push((Field::new(RESOURCE, DataType::Utf8, false), Class::Content));
            let tree = Tree::of(specs.iter().map(|spec| spec.paths));
            Shape::Resource(specs, tree)
        } else {
            columns.push((Field::new(TEXT, DataType::Utf8, true), Class::Content));
            columns.push((Field::new(BYTES, DataType::Binary, true), Class::Content));
            Shape::Text
        };
        let buffers = columns.iter().map(|(field, _)| Buffer::of(field.data_type())).collect();
        let (fields, classes): (Vec<Field>, Vec<Class>) =
            columns.into_iter().map(|(field, class)| (labelled(field, class), class)).unzip();
        let schema = Arc::new(arrow_schema::Schema::new(fields));
        Self { schema, classes, shape, buffers, rows: 0, bytes: 0 }
    }

    /// Its columns.
    pub(crate) fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    /// The name of the column with the whole record, whose values differ too much for a dictionary.
    pub(crate) fn content_columns(&self) -> impl Iterator<Item = &str> {
        self.classed().filter(|(_, class)| *class == Class::Content).map(|(name, _)| name)
    }

    /// Every column with its class.
    pub(crate) fn classed(&self) -> impl Iterator<Item = (&str, Class)> {
        self.schema.fields().iter().map(|field| field.name().as_str()).zip(self.classes.iter().copied())
    }

    /// How many rows wait.
    pub(crate) fn rows(&self) -> usize {
        self.rows
    }

    /// About how many bytes they take.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Adds a row. Nothing is added where it fails.
    pub(crate) fn push(&mut self, record: u64, entry: Option<usize>, bytes: &[u8]) -> Result<(), LakeError> {
        let record = i64::try_from(record).map_err(|_| LakeError::TooLarge)?;
        if i32::try_from(bytes.len()).is_err() {
            return Err(LakeError::TooLarge);
        }
        match &mut self.shape {
            Shape::Resource(specs, tree) => {
                let json = std::str::from_utf8(bytes).map_err(|_| LakeError::NoText)?;
                let found = tree.skim(json, specs.len())?;
                let mut buffers = self.buffers.iter_mut();
                let mut put = |cell: Cell<'_>| buffers.next().map_or(Ok(()), |buffer| buffer.put(cell));
                put(Cell::Whole(record))?;
                put(entry.and_then(|at| i64::try_from(at).ok()).map_or(Cell::Null, Cell::Whole))?;
                for column in 0..specs.len() {
                    put(found.text(column).as_deref().map_or(Cell::Null, Cell::Text))?;
                }
                put(Cell::Text(json))?;
            }
            Shape::Text => {
                let mut buffers = self.buffers.iter_mut();
                let mut put = |cell: Cell<'_>| buffers.next().map_or(Ok(()), |buffer| buffer.put(cell));
                put(Cell::Whole(record))?;
                // Text in another charset stands twice: to be searched, and as it was written.
                let text = charset::decode(bytes, None).ok().map(|(text, _)| text);
                put(text.as_deref().map_or(Cell::Null, Cell::Text))?;
                let as_written = text.is_some_and(|text| text.as_bytes() == bytes);
                put(if as_written { Cell::Null } else { Cell::Bytes(bytes) })?;
            }
            Shape::Row(schema, cells) => {
                let row = std::str::from_utf8(bytes).map_err(|_| LakeError::NoText)?;
                split::cells(bytes, schema.delimiter(), cells);
                let mut buffers = self.buffers.iter_mut();
                let mut put = |cell: Cell<'_>| buffers.next().map_or(Ok(()), |buffer| buffer.put(cell));
                put(Cell::Whole(record))?;
                for column in 0..schema.columns().len() {
                    let text = cells.get(column).map(|cell| cell.text(row)).filter(|text| !text.is_empty());
                    put(text.as_deref().map_or(Cell::Null, Cell::Text))?;
                }
                put(Cell::Text(row))?;
            }
        }
        self.rows += 1;
        self.bytes += bytes.len() + 16 * self.buffers.len();
        Ok(())
    }

    /// Takes the rows that wait.
    pub(crate) fn take(&mut self) -> Result<RecordBatch, LakeError> {
        self.rows = 0;
        self.bytes = 0;
        let arrays = self.buffers.iter_mut().map(Buffer::finish).collect();
        RecordBatch::try_new(Arc::clone(&self.schema), arrays).map_err(LakeError::arrow("build a table"))
    }
}

/// A column that says itself which key opens it, to whoever can read the schema.
fn labelled(field: Field, class: Class) -> Field {
    field.with_metadata([(KEY_LABEL.to_owned(), class.name().to_owned())])
}

/// The columns of a CSV table. Its own two give way where the schema already has their names.
fn csv_columns(schema: &CsvSchema) -> Vec<(Field, Class)> {
    let own = |name: &str| {
        let mut name = name.to_owned();
        while schema.columns().iter().any(|column| column.name == name) {
            name.push('_');
        }
        name
    };
    let mut columns = vec![(Field::new(own(RECORD), DataType::Int64, false), Class::Clinical)];
    columns.extend(schema.columns().iter().map(|column| {
        let of = match column.of {
            Type::Integer => DataType::Int64,
            #[expect(clippy::cast_possible_wrap, reason = "a scale is at most 38")]
            Type::Decimal { precision, scale } => DataType::Decimal128(precision, scale as i8),
            Type::Boolean => DataType::Boolean,
            Type::Text | Type::Code | Type::Date | Type::DateTime | Type::Uuid | Type::Key => DataType::Utf8,
        };
        let class = match column.identifies {
            Some(_) => Class::Identity,
            None if column.note => Class::Content,
            None => Class::Clinical,
        };
        (Field::new(&column.name, of, true), class)
    }));
    columns.push((Field::new(own(ROW), DataType::Utf8, false), Class::Content));
    columns
}

fn type_of(take: Take) -> DataType {
    match take {
        Take::Text => DataType::Utf8,
        Take::Year => DataType::Int32,
        Take::Number => DataType::Float64,
        Take::Flag => DataType::Boolean,
    }
}

#[derive(Clone, Copy)]
enum Cell<'a> {
    Null,
    Whole(i64),
    Text(&'a str),
    Bytes(&'a [u8]),
}

enum Buffer {
    Text(StringBuilder),
    Bytes(BinaryBuilder),
    Whole(Int64Builder),
    Small(Int32Builder),
    Number(Float64Builder),
    Flag(BooleanBuilder),
    Decimal(Decimal128Builder, u8, i8),
}

impl Buffer {
    fn of(data_type: &DataType) -> Self {
        match data_type {
            DataType::Binary => Self::Bytes(BinaryBuilder::new()),
            DataType::Int64 => Self::Whole(Int64Builder::new()),
            DataType::Int32 => Self::Small(Int32Builder::new()),
            DataType::Float64 => Self::Number(Float64Builder::new()),
            DataType::Boolean => Self::Flag(BooleanBuilder::new()),
            DataType::Decimal128(precision, scale) => {
                let builder = Decimal128Builder::new().with_data_type(data_type.clone());
                Self::Decimal(builder, *precision, *scale)
            }
            _ => Self::Text(StringBuilder::new()),
        }
    }

    /// Adds one cell; what is not of the column's type becomes null.
    fn put(&mut self, cell: Cell<'_>) -> Result<(), LakeError> {
        match (self, cell) {
            (Self::Text(column), Cell::Text(text)) => column.append_value(text),
            (Self::Text(column), _) => column.append_null(),
            (Self::Bytes(column), Cell::Bytes(bytes)) => column.append_value(bytes),
            (Self::Bytes(column), _) => column.append_null(),
            (Self::Whole(column), Cell::Whole(number)) => column.append_value(number),
            (Self::Whole(column), Cell::Text(text)) => column.append_option(text.parse().ok()),
            (Self::Whole(column), _) => column.append_null(),
            (Self::Small(column), Cell::Whole(number)) => {
                column.append_value(i32::try_from(number).map_err(|_| LakeError::TooLarge)?);
            }
            (Self::Small(column), Cell::Text(text)) => column.append_option(columns::year_of(text)),
            (Self::Small(column), _) => column.append_null(),
            (Self::Number(column), Cell::Text(text)) => {
                column.append_option(text.parse::<f64>().ok().filter(|number| number.is_finite()));
            }
            (Self::Number(column), _) => column.append_null(),
            (Self::Flag(column), Cell::Text(text)) => column.append_option(match text {
                "true" | "1" => Some(true),
                "false" | "0" => Some(false),
                _ => None,
            }),
            (Self::Flag(column), _) => column.append_null(),
            (Self::Decimal(column, precision, scale), Cell::Text(text)) => {
                column.append_option(decimal(text, *precision, *scale));
            }
            (Self::Decimal(column, ..), _) => column.append_null(),
        }
        Ok(())
    }

    fn finish(&mut self) -> ArrayRef {
        match self {
            Self::Text(column) => Arc::new(column.finish()),
            Self::Bytes(column) => Arc::new(column.finish()),
            Self::Whole(column) => Arc::new(column.finish()),
            Self::Small(column) => Arc::new(column.finish()),
            Self::Number(column) => Arc::new(column.finish()),
            Self::Flag(column) => Arc::new(column.finish()),
            Self::Decimal(column, ..) => Arc::new(column.finish()),
        }
    }
}

/// A decimal as a whole number of its smallest unit.
fn decimal(text: &str, precision: u8, scale: i8) -> Option<i128> {
    let scale = usize::try_from(scale).ok()?;
    let (sign, digits) = match text.strip_prefix('-') {
        Some(digits) => (-1, digits),
        None => (1, text),
    };
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let all_digits =
        !whole.is_empty() && whole.bytes().chain(fraction.bytes()).all(|byte| byte.is_ascii_digit());
    if !all_digits || fraction.len() > scale || whole.len() + scale > usize::from(precision) + 1 {
        return None;
    }
    let number: i128 = format!("{whole}{fraction:0<scale$}").parse().ok()?;
    let most = 10_i128.checked_pow(u32::from(precision))?;
    (number < most).then_some(sign * number)
}

/// The resources of a Bundle's entries, each with its index, type and text.
pub(crate) fn entries(bundle: &[u8]) -> Result<Vec<(usize, String, &str)>, LakeError> {
    let text = std::str::from_utf8(bundle).map_err(|_| LakeError::NoText)?;
    Ok(skim::entries(text)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_decimal_keeps_every_digit() {
        for (text, number) in [
            ("12.50", Some(1250)),
            ("-0.5", Some(-50)),
            ("7", Some(700)),
            ("99999999.99", Some(9_999_999_999)),
            ("100000000.00", None),
            ("1.234", None),
            ("1_000", None),
            ("NaN", None),
            (".5", None),
            ("", None),
        ] {
            assert_eq!(decimal(text, 10, 2), number, "{text}");
        }
    }
}
