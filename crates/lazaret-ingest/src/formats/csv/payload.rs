//! A CSV file as a payload: rows of a chunk share its bytes, so that a row costs a pointer and not a copy.

use std::collections::BTreeSet;
use std::sync::Arc;

use lazaret_core::{Finding, Limits, Locator, Payload, Record, RecordPlace, Refused, Source};
use lazaret_input::{RECORD_SIZE, decompress};

use super::row::{Row, Table, Trouble, newlines};
use super::schema::Schema;
use super::split::{self, Cell, Scan, Scanner};
use super::{MAX_ROW, rules};

const CHUNK: usize = 256 << 10;
const BYTE_ORDER_MARK: &[u8] = b"\xEF\xBB\xBF";

/// The rows of one file.
pub(crate) struct Rows {
    source: Arc<dyn Source>,
    chunk: Arc<Vec<u8>>,
    /// Where in the chunk the next row begins.
    begin: usize,
    /// How much of the source is in this chunk and those before.
    read: u64,
    ended: bool,
    table: Arc<Table>,
    scanner: Scanner,
    /// The row under way is above the limit, and part of it was given.
    continues: bool,
    /// Nothing was given yet of a file whose header is wrong.
    refused: Option<Trouble>,
    marked: bool,
    number: u64,
    line: u64,
    max_row: usize,
}

impl Rows {
    /// Opens a file and reads its header.
    pub(crate) fn open(
        source: Arc<dyn Source>,
        schemas: &[Arc<Schema>],
        limits: &Limits,
    ) -> Result<Self, Refused> {
        let table = Table { schema: None, delimiter: b',', width: 0, header: Vec::new() };
        let mut rows = Self {
            source,
            chunk: Arc::default(),
            begin: 0,
            read: 0,
            ended: false,
            table: Arc::new(table),
            scanner: Scanner::new(b','),
            continues: false,
            refused: None,
            marked: false,
            number: 0,
            line: 1,
            max_row: usize::try_from(limits.get(MAX_ROW).most()).unwrap_or(usize::MAX).clamp(1, 1 << 31),
        };
        rows.read_header(schemas)?;
        Ok(rows)
    }

    fn read_header(&mut self, schemas: &[Arc<Schema>]) -> Result<(), Refused> {
        self.refill()?;
        self.marked = self.rest().starts_with(BYTE_ORDER_MARK);
        let skip = if self.marked { BYTE_ORDER_MARK.len() } else { 0 };
        let head = self.rest().get(skip..).unwrap_or_default();
        let schema = best_schema(schemas, head);
        let delimiter = schema.as_ref().map_or(b',', |schema| schema.delimiter());
        self.scanner = Scanner::new(delimiter);
        let (length, well) = loop {
            let header = self.chunk.get(self.begin.saturating_add(skip)..).unwrap_or_default();
            match self.scanner.scan(header, self.ended) {
                Scan::Row(length, well) => break (length, well),
                Scan::More if header.len() > self.max_row => break (header.len(), false),
                Scan::More => self.refill()?,
            }
        };
        let header = self.rest().get(skip..skip.saturating_add(length)).unwrap_or_default();
        let (width, faults) = judge_header(header, well, length > self.max_row, delimiter, schema.as_deref());
        let refused = !faults.is_empty();
        self.table = Arc::new(Table { schema, delimiter, width, header: faults });
        self.scanner = Scanner::new(delimiter);
        if refused {
            self.refused = Some(Trouble::Header);
        } else {
            let length = length.saturating_add(skip);
            self.line = self.line.saturating_add(newlines(self.rest().get(..length).unwrap_or_default()));
            self.begin = self.begin.saturating_add(length);
        }
        Ok(())
    }

    fn rest(&self) -> &[u8] {
        self.chunk.get(self.begin..).unwrap_or_default()
    }

    /// Reads on into a new chunk that begins with the row under way.
    fn refill(&mut self) -> Result<(), Refused> {
        let kept = self.rest().len();
        let mut chunk = Vec::with_capacity(kept.saturating_add(CHUNK.max(kept)));
        chunk.extend_from_slice(self.rest());
        chunk.resize(kept.saturating_add(CHUNK.max(kept)), 0);
        let room = chunk.get_mut(kept..).unwrap_or_default();
        let got = self.source.read_at(self.read, room).map_err(|error| decompress::refused(&error))?;
        chunk.truncate(kept.saturating_add(got));
        self.read = self.read.saturating_add(u64::try_from(got).unwrap_or(u64::MAX));
        self.ended = got == 0;
        self.chunk = Arc::new(chunk);
        self.begin = 0;
        Ok(())
    }

    /// The next record of some bytes of the chunk.
    fn give(&mut self, length: usize, trouble: Option<Trouble>) -> Arc<dyn Record> {
        let start = self.begin;
        let end = start.saturating_add(length);
        let place = RecordPlace { number: self.number, line: Some(self.line) };
        let marked = std::mem::take(&mut self.marked);
        self.line = self.line.saturating_add(newlines(self.rest().get(..length).unwrap_or_default()));
        self.number = self.number.saturating_add(1);
        self.begin = end;
        let (table, chunk) = (Arc::clone(&self.table), Arc::clone(&self.chunk));
        Arc::new(Row { table, chunk, start, end, place, trouble, marked })
    }

    /// Whether nothing but line ends follows: of a table with two columns or more these are no rows (RFC 4180 ends
    /// the last row with an optional line end, and editors add another). A blank line between rows is one.
    fn only_blank_lines_follow(&mut self) -> Result<bool, Refused> {
        if self.continues || self.table.width < 2 {
            return Ok(false);
        }
        loop {
            let rest = self.rest();
            if rest.len() > self.max_row || !rest.iter().all(|byte| matches!(byte, b'\r' | b'\n')) {
                return Ok(false);
            }
            if self.ended {
                self.begin = self.chunk.len();
                return Ok(true);
            }
            self.refill()?;
        }
    }

    /// The next block of a file whose header is wrong: whole lines where they fit.
    fn next_block(&mut self, trouble: Trouble) -> Result<Option<Arc<dyn Record>>, Refused> {
        while !self.ended && self.rest().len() < self.max_row {
            self.refill()?;
        }
        let rest = self.rest();
        if rest.is_empty() && trouble == Trouble::AfterHeader {
            return Ok(None);
        }
        let most = rest.get(..self.max_row).unwrap_or(rest);
        let length = if most.len() == rest.len() && self.ended {
            most.len()
        } else {
            memchr::memrchr(b'\n', most).map_or(most.len(), |at| at.saturating_add(1))
        };
        self.refused = Some(Trouble::AfterHeader);
        Ok(Some(self.give(length, Some(trouble))))
    }
}

impl Payload for Rows {
    fn next(&mut self) -> Result<Option<Arc<dyn Record>>, Refused> {
        if let Some(trouble) = self.refused {
            return self.next_block(trouble);
        }
        loop {
            if self.only_blank_lines_follow()? {
                return Ok(None);
            }
            let rest = self.chunk.get(self.begin..).unwrap_or_default();
            if rest.is_empty() && self.ended {
                return Ok(None);
            }
            match self.scanner.scan(rest, self.ended) {
                Scan::Row(length, well) => {
                    self.scanner = Scanner::new(self.table.delimiter);
                    let too_large = std::mem::take(&mut self.continues) || length > self.max_row;
                    let trouble = if too_large {
                        Some(Trouble::TooLarge)
                    } else if well {
                        None
                    } else {
                        Some(Trouble::Quote)
                    };
                    return Ok(Some(self.give(length, trouble)));
                }
                Scan::More if rest.len() > self.max_row => {
                    self.scanner.go_on(rest);
                    self.continues = true;
                    let length = rest.len();
                    return Ok(Some(self.give(length, Some(Trouble::TooLarge))));
                }
                Scan::More => self.refill()?,
            }
        }
    }

    fn position(&self) -> u64 {
        self.read.saturating_sub(u64::try_from(self.rest().len()).unwrap_or(u64::MAX))
    }
}

/// Whether a file's head begins with a schema's header.
pub(crate) fn is_header_of(schema: &Schema, head: &[u8]) -> bool {
    let head = head.strip_prefix(BYTE_ORDER_MARK).unwrap_or(head);
    let names = header_names(head, schema.delimiter());
    let mut columns = schema.columns().iter();
    names.len() == columns.len() && names.iter().all(|name| columns.next().is_some_and(|c| c.name == *name))
}

fn header_names(head: &[u8], delimiter: u8) -> Vec<String> {
    let mut cells = Vec::new();
    let length = match Scanner::new(delimiter).scan(head, true) {
        Scan::Row(length, _) => length,
        Scan::More => head.len(),
    };
    let header = head.get(..length).unwrap_or_default();
    split::cells(header, delimiter, &mut cells);
    let text = String::from_utf8_lossy(header);
    if text.len() != header.len() {
        return Vec::new();
    }
    cells.iter().map(|cell| cell.text(&text).into_owned()).collect()
}

/// The schema whose header this is, or the one with most of its columns.
fn best_schema(schemas: &[Arc<Schema>], head: &[u8]) -> Option<Arc<Schema>> {
    let exact = schemas.iter().find(|schema| is_header_of(schema, head));
    let nearest = || {
        schemas.iter().rev().max_by_key(|schema| {
            let names: BTreeSet<String> = header_names(head, schema.delimiter()).into_iter().collect();
            schema.columns().iter().filter(|column| names.contains(&column.name)).count()
        })
    };
    exact.or_else(nearest).map(Arc::clone)
}

/// How many columns a header has, and what is wrong with it.
fn judge_header(
    header: &[u8],
    well: bool,
    too_large: bool,
    delimiter: u8,
    schema: Option<&Schema>,
) -> (usize, Vec<Finding>) {
    let whole = |rule, message: &str| (0, vec![Finding::new(rule, Locator::document(), message)]);
    if too_large {
        return whole(&RECORD_SIZE, "the header is above `csv.max_row`");
    }
    let Ok(text) = std::str::from_utf8(header) else {
        return whole(&lazaret_core::UNINSPECTABLE, "the header is not UTF-8; convert the file to UTF-8");
    };
    let mut cells: Vec<Cell> = Vec::new();
    split::cells(header, delimiter, &mut cells);
    if let Some((at, fault)) = cells.iter().enumerate().find_map(|(at, cell)| Some((at, cell.fault?))) {
        let at = Locator::printed(format!("[key#{at}]"));
        return (0, vec![Finding::new(&rules::QUOTE, at, format!("in the header, {}", fault.message()))]);
    }
    if !well {
        return whole(&rules::QUOTE, "a quote of the header never closes");
    }
    if text.contains('\0') {
        return whole(&rules::NUL, "U+0000 in the header");
    }
    let names: Vec<String> = cells.iter().map(|cell| cell.text(text).into_owned()).collect();
    let known = |name: &str| schema.and_then(|schema| schema.columns().iter().position(|c| c.name == name));
    let mut faults = Vec::new();
    let mut seen = BTreeSet::new();
    for (at, name) in names.iter().enumerate() {
        let place = match known(name) {
            Some(_) => Locator::printed(name.as_str()),
            None => Locator::printed(format!("[key#{at}]")),
        };
        if !seen.insert(name) {
            faults.push(Finding::new(&rules::DUPLICATE_COLUMN, place, "named before in the header"));
        } else if schema.is_some() && known(name).is_none() {
            faults.push(Finding::new(&rules::EXTRA_COLUMN, place, "the schema has no such column"));
        }
    }
    if let Some(schema) = schema {
        for column in schema.columns().iter().filter(|column| !seen.contains(&column.name)) {
            let message = "the schema has this column, the header has not";
            faults.push(Finding::new(&rules::EXTRA_COLUMN, Locator::printed(&*column.name), message));
        }
        let moved = names.iter().zip(schema.columns()).find(|(name, column)| **name != column.name);
        if let (true, Some((_, column))) = (faults.is_empty(), moved) {
            let message = "the header has the schema's columns in another order";
            faults.push(Finding::new(&rules::EXTRA_COLUMN, Locator::printed(&*column.name), message));
        }
    }
    (names.len(), faults)
}
