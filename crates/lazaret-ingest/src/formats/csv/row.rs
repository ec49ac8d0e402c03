//! One row as a record: the bytes as they arrived, read on demand.

use std::io::Write;
use std::sync::Arc;

use lazaret_core::{
    Body, Content, Edits, Finding, Findings, Flow, FormatId, Identity, Limits, Locator, Meaning, Place,
    Reading, Record, RecordPlace, Refused, Segment, Step, SubjectRef, UNINSPECTABLE,
};
use lazaret_input::{BYTE_ORDER_MARK, RECORD_SIZE};

use super::schema::{Column, Schema, Type};
use super::split::{self, Cell, Fault};
use super::{FORMAT, MAX_ROW, check, rules};

/// What all rows of a file share.
#[derive(Debug)]
pub(crate) struct Table {
    /// The schema, whose columns are the header's.
    pub(crate) schema: Option<Arc<Schema>>,
    /// What stands between two cells.
    pub(crate) delimiter: u8,
    /// How many columns the header has.
    pub(crate) width: usize,
    /// What is wrong with the header; then no row can be read.
    pub(crate) header: Vec<Finding>,
}

impl Table {
    fn column(&self, at: usize) -> Option<&Column> {
        self.schema.as_ref()?.columns().get(at)
    }

    /// Where a cell stands: the schema's name for its column, never the header's.
    fn locator(&self, at: usize) -> Locator {
        self.column(at)
            .map_or_else(|| Locator::printed(format!("[key#{at}]")), |c| Locator::printed(&*c.name))
    }
}

/// What keeps a row from being read as cells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Trouble {
    /// The header is wrong; this is the file from its beginning.
    Header,
    /// The header is wrong; this is more of the file.
    AfterHeader,
    /// Part of a row above the limit.
    TooLarge,
    /// A quote swallowed rows.
    Quote,
}

/// A row, or what must be held together because no rows can be told apart in it.
pub(crate) struct Row {
    pub(crate) table: Arc<Table>,
    pub(crate) chunk: Arc<Vec<u8>>,
    pub(crate) start: usize,
    pub(crate) end: usize,
    pub(crate) place: RecordPlace,
    pub(crate) trouble: Option<Trouble>,
    /// The file began with a byte order mark, and this is its first record.
    pub(crate) marked: bool,
}

impl Row {
    fn bytes(&self) -> &[u8] {
        self.chunk.get(self.start..self.end).unwrap_or_default()
    }
}

impl Record for Row {
    fn place(&self) -> RecordPlace {
        self.place
    }

    fn format(&self) -> FormatId {
        FORMAT
    }

    fn body(&self) -> Body<'_> {
        Body::Held(self.bytes())
    }

    fn may_describe_subject(&self) -> bool {
        self.trouble.is_none() && self.table.schema.as_ref().is_some_and(|schema| schema.describes_subject())
    }

    fn read<'r>(&'r self, limits: &Limits, findings: &mut Findings) -> Option<Box<dyn Reading + 'r>> {
        if self.marked {
            findings.fault(Finding::new(&BYTE_ORDER_MARK, Locator::offset(0), "the file begins with U+FEFF"));
        }
        if let Some(trouble) = self.trouble {
            self.report(trouble, limits, findings);
            return None;
        }
        let bytes = self.bytes();
        let mut cells = Vec::with_capacity(self.table.width);
        split::cells(bytes, self.table.delimiter, &mut cells);
        let text = match std::str::from_utf8(bytes) {
            Ok(text) => text,
            Err(error) => {
                let bad = cells.iter().position(|cell| error.valid_up_to() < cell.end as usize).unwrap_or(0);
                let message = "not UTF-8; convert the file to UTF-8";
                findings.fault(Finding::new(&UNINSPECTABLE, self.table.locator(bad), message));
                return None;
            }
        };
        let mut well = true;
        for (at, cell) in cells.iter().enumerate() {
            if let Some(fault) = cell.fault {
                findings.fault(Finding::new(&rules::QUOTE, self.table.locator(at), fault.message()));
                well = false;
            }
        }
        if cells.len() != self.table.width {
            let at = self.table.locator(cells.len().min(self.table.width));
            let message =
                format!("a row of {} columns where the header has {}", cells.len(), self.table.width);
            findings.fault(Finding::new(&rules::EXTRA_COLUMN, at, message));
            well = false;
        }
        if !well {
            return None;
        }
        if memchr::memchr(0, bytes).is_some() {
            for (at, _) in cells.iter().enumerate().filter(|(_, cell)| cell.raw(text).contains('\0')) {
                findings.fault(Finding::new(&rules::NUL, self.table.locator(at), "U+0000 in the cell"));
            }
        }
        match &self.table.schema {
            None => findings.fault(Finding::new(
                &UNINSPECTABLE,
                Locator::document(),
                "no schema says what the columns are; give one with --schema",
            )),
            Some(schema) => judge(schema, text, &cells, findings),
        }
        let mut reading = ReadRow { row: self, text, cells, subject: None };
        reading.subject = reading.named_subject();
        Some(Box::new(reading))
    }
}

fn judge(schema: &Schema, text: &str, cells: &[Cell], findings: &mut Findings) {
    for (column, cell) in schema.columns().iter().zip(cells) {
        let value = cell.text(text);
        if let Some(message) = check::fault(column, &value) {
            findings.fault(Finding::new(&rules::TYPE, Locator::printed(&*column.name), message));
        }
        let textual = matches!(column.of, Type::Text | Type::Code | Type::Key);
        if textual && check::begins_formula(&value) {
            let message = "a spreadsheet would take it for a formula";
            findings.fault(Finding::new(&rules::FORMULA, Locator::printed(&*column.name), message));
        }
    }
}

impl Row {
    fn report(&self, trouble: Trouble, limits: &Limits, findings: &mut Findings) {
        match trouble {
            Trouble::Header => self.table.header.iter().cloned().for_each(|finding| findings.fault(finding)),
            Trouble::AfterHeader => {
                if let Some(first) = self.table.header.first() {
                    let message = "the header of this file (line 1) is wrong, so no row of it can be read";
                    findings.fault(Finding {
                        at: Locator::document(),
                        message: message.to_owned(),
                        ..first.clone()
                    });
                }
            }
            Trouble::TooLarge => {
                let limit = limits.get(MAX_ROW);
                let message = format!(
                    "part of a row above `{}` ({} bytes); to raise it, set it under [limits]",
                    limit.key(),
                    limit.most()
                );
                findings.fault(Finding::new(&RECORD_SIZE, Locator::document(), message));
            }
            Trouble::Quote => {
                let bytes = self.bytes();
                let mut cells = Vec::new();
                split::cells(bytes, self.table.delimiter, &mut cells);
                let open = cells.iter().position(|cell| cell.fault.is_some()).unwrap_or(0);
                let (start, fault) = cells.get(open).map_or((0, Fault::Open), |cell| {
                    (cell.start as usize, cell.fault.unwrap_or(Fault::Open))
                });
                let before = bytes.get(..start).unwrap_or_default();
                let line = self.place.line.unwrap_or(1).saturating_add(newlines(before));
                let line_start = memchr::memrchr(b'\n', before).map_or(0, |at| at.saturating_add(1));
                let message = format!(
                    "line {line}, column {}: {}; {} rows are held together",
                    start.saturating_sub(line_start).saturating_add(1),
                    fault.message(),
                    rows_in(bytes)
                );
                findings.fault(Finding::new(&rules::QUOTE, self.table.locator(open), message));
            }
        }
    }
}

/// Line ends in some bytes.
pub(crate) fn newlines(bytes: &[u8]) -> u64 {
    u64::try_from(memchr::memchr_iter(b'\n', bytes).count()).unwrap_or(u64::MAX)
}

/// Lines in some bytes; the last needs no line end.
fn rows_in(bytes: &[u8]) -> u64 {
    newlines(bytes).saturating_add(u64::from(!bytes.is_empty() && !bytes.ends_with(b"\n")))
}

struct ReadRow<'r> {
    row: &'r Row,
    text: &'r str,
    cells: Vec<Cell>,
    subject: Option<String>,
}

impl ReadRow<'_> {
    /// The cells that are visited, with their columns: those with a value that the schema does not hold to a
    /// form in which nothing can hide.
    fn visited(&self) -> impl Iterator<Item = (usize, &Cell, Option<&Column>)> {
        let cells = self.cells.iter().enumerate();
        cells.map(|(at, cell)| (at, cell, self.row.table.column(at))).filter(|(_, cell, column)| {
            cell.start < cell.end
                && column.is_none_or(|c| c.identifies.is_some() || matches!(c.of, Type::Text | Type::Code))
        })
    }

    /// The patient as FHIR names one, `Patient/…`, so that a CSV row and a FHIR note meet.
    fn named_subject(&self) -> Option<String> {
        let id = self.plain(|column| column.subject)?;
        Some(if id.contains('/') { id.to_owned() } else { format!("Patient/{id}") })
    }

    /// The value of the first column of a kind, where it stands without escapes.
    fn plain(&self, wanted: impl Fn(&Column) -> bool) -> Option<&str> {
        let at = self.row.table.schema.as_ref()?.columns().iter().position(wanted)?;
        let raw = self.cells.get(at)?.raw(self.text);
        let inner = raw.strip_prefix('"').and_then(|raw| raw.strip_suffix('"')).unwrap_or(raw);
        Some(inner).filter(|text| !text.is_empty())
    }
}

impl Reading for ReadRow<'_> {
    fn kind(&self) -> &str {
        self.row.table.schema.as_ref().map_or("csv-row", |schema| schema.kind())
    }

    fn identity(&self) -> Identity<'_> {
        Identity { id: self.plain(|column| column.of == Type::Key), version: None }
    }

    fn subject(&self) -> Option<SubjectRef<'_>> {
        self.subject.as_deref().map(|id| SubjectRef { id })
    }

    fn describes_subject(&self) -> bool {
        self.row.table.schema.as_ref().is_some_and(|schema| schema.describes_subject())
    }

    fn segments(&self, visit: &mut dyn FnMut(Segment<'_>) -> Flow) -> Result<(), Refused> {
        let root = Place::root("");
        for (at, cell, column) in self.visited() {
            let place = match column {
                Some(column) => Place::root(&column.name),
                None => root.then(Step::UnknownKey(at)),
            };
            let meaning = match column {
                Some(Column { identifies: Some(label), .. }) => Meaning::Identifier(*label),
                Some(Column { note: true, .. }) => Meaning::Text,
                Some(_) | None => Meaning::ShortText,
            };
            let text = cell.text(self.text);
            let segment = Segment {
                place: &place,
                content: Content::Text(&text),
                meaning,
                subject: None,
                domain: column.map_or("", |column| column.domain.as_str()),
            };
            if visit(segment) == Flow::Stop {
                break;
            }
        }
        Ok(())
    }

    fn write(&self, edits: &Edits, out: &mut dyn Write) -> Result<(), Refused> {
        let bytes = self.row.bytes();
        let mut written = 0;
        for (number, (at, cell, _)) in self.visited().enumerate() {
            if edits.of(number).is_empty() {
                continue;
            }
            let text = cell.text(self.text);
            let edited = edits.apply(number, &text).ok_or_else(|| {
                let place = self.row.table.locator(at);
                Refused::new(UNINSPECTABLE.id, format!("{place}: an edit is not within its cell"))
            })?;
            put(out, bytes.get(written..cell.start as usize).unwrap_or_default())?;
            put(out, &quoted(&edited, cell.quoted, self.row.table.delimiter))?;
            written = cell.end as usize;
        }
        put(out, bytes.get(written..).unwrap_or_default())
    }
}

fn put(out: &mut dyn Write, bytes: &[u8]) -> Result<(), Refused> {
    out.write_all(bytes).map_err(|_| Refused::new(UNINSPECTABLE.id, "the row could not be written"))
}

/// A cell as it is written: in quotes where it needs them or had them.
fn quoted(text: &str, had_quotes: bool, delimiter: u8) -> Vec<u8> {
    let needs = text.bytes().any(|byte| byte == delimiter || matches!(byte, b'"' | b'\n' | b'\r'));
    if !needs && !had_quotes {
        return text.as_bytes().to_vec();
    }
    let mut cell = Vec::with_capacity(text.len().saturating_add(2));
    cell.push(b'"');
    cell.extend(text.replace('"', "\"\"").bytes());
    cell.push(b'"');
    cell
}
