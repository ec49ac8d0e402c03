//! Flatbuffers: tables by offsets, read at any place under bounds and never held whole.

use std::cell::Cell;

use lazaret_core::{Limit, Limits};

use crate::look::{Looking, is_certain};
use crate::part::{Part, Unread};

/// Most numbers of one file that are read.
pub(crate) const MAX_READS: Limit = Limit::new("flatbuffers.max_reads", 5_000_000);

/// Files of tables end at multiples of this.
const ALIGNED: u64 = 4;
/// How many of those are tried behind the last table that was visited.
const MOST_UNVISITED: u64 = 4096;
/// How many of those that begin as a file does are looked at.
const MOST_TRIED: u64 = 64;

/// A file of tables.
pub(crate) struct Flat<'p> {
    part: &'p Part,
    reads: Cell<u64>,
    max_reads: Limit,
    /// Where what was read so far ends.
    end: Cell<u64>,
}

/// A table: where it lies, and where its fields are listed.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Table {
    pub(crate) at: u64,
    list: u64,
    list_size: u64,
}

/// Offsets, tables or numbers in a row.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Row {
    pub(crate) at: u64,
    pub(crate) count: u64,
}

impl<'p> Flat<'p> {
    pub(crate) fn new(part: &'p Part, limits: &Limits) -> Self {
        Self { part, reads: Cell::new(0), max_reads: limits.get(MAX_READS), end: Cell::new(0) }
    }

    /// The outermost table.
    pub(crate) fn root(&self) -> Result<Table, Unread> {
        self.table(self.follow(0)?)
    }

    /// The table at a place.
    pub(crate) fn table(&self, at: u64) -> Result<Table, Unread> {
        let back = i64::from(i32::from_le_bytes(self.array(at)?));
        let list =
            i64::try_from(at).ok().and_then(|at| at.checked_sub(back)).and_then(|at| u64::try_from(at).ok());
        let list = list.filter(|list| *list < self.part.len());
        let list =
            list.ok_or_else(|| Unread::malformed(at, "a table whose list of fields lies outside the file"))?;
        let list_size = u64::from(u16::from_le_bytes(self.array(list)?));
        if list_size < 4 || list_size % 2 != 0 || list.saturating_add(list_size) > self.part.len() {
            return Err(Unread::malformed(list, "a list of fields of a length that cannot be"));
        }
        self.reaches(list.saturating_add(list_size));
        // The second number of the list is the size of the table.
        let size = u64::from(u16::from_le_bytes(self.array(list.saturating_add(2))?));
        self.reaches(at.saturating_add(size));
        Ok(Table { at, list, list_size })
    }

    /// Where a field of a table lies, if the table has it.
    fn field(&self, table: Table, number: u64) -> Result<Option<u64>, Unread> {
        let entry = number.saturating_mul(2).saturating_add(4);
        if entry.saturating_add(2) > table.list_size {
            return Ok(None);
        }
        let offset = u16::from_le_bytes(self.array(table.list.saturating_add(entry))?);
        Ok((offset != 0).then(|| table.at.saturating_add(u64::from(offset))))
    }

    /// A row in a field, whose elements have so many bytes.
    pub(crate) fn row(&self, table: Table, number: u64, width: u64) -> Result<Option<Row>, Unread> {
        let Some(at) = self.field(table, number)? else { return Ok(None) };
        let at = self.follow(at)?;
        let count = u64::from(u32::from_le_bytes(self.array(at)?));
        let from = at.saturating_add(4);
        if count.saturating_mul(width) > self.part.len().saturating_sub(from) {
            return Err(Unread::malformed(at, "a row that is longer than the file"));
        }
        self.reaches(from.saturating_add(count.saturating_mul(width)));
        Ok(Some(Row { at: from, count }))
    }

    /// The tables in a field.
    pub(crate) fn tables(
        &self,
        table: Table,
        number: u64,
    ) -> Result<impl Iterator<Item = Result<Table, Unread>> + '_, Unread> {
        let row = self.row(table, number, 4)?.unwrap_or(Row { at: 0, count: 0 });
        Ok((0..row.count).map(move |index| {
            let at = row.at.saturating_add(index.saturating_mul(4));
            self.table(self.follow(at)?)
        }))
    }

    /// A text in a field, at most so many bytes of it.
    pub(crate) fn text(&self, table: Table, number: u64, most: usize) -> Result<Option<String>, Unread> {
        let Some(row) = self.row(table, number, 1)? else { return Ok(None) };
        let count = usize::try_from(row.count).unwrap_or(usize::MAX).min(most);
        Ok(Some(String::from_utf8_lossy(&self.part.bytes(row.at, count)?).into_owned()))
    }

    /// A number of one byte in a field.
    pub(crate) fn i8(&self, table: Table, number: u64) -> Result<Option<i8>, Unread> {
        self.field(table, number)?.map(|at| self.array(at).map(i8::from_le_bytes)).transpose()
    }

    /// A number of four bytes in a field.
    pub(crate) fn i32(&self, table: Table, number: u64) -> Result<Option<i32>, Unread> {
        self.field(table, number)?.map(|at| self.array(at).map(i32::from_le_bytes)).transpose()
    }

    /// A number of four bytes without a sign in a field.
    pub(crate) fn u32(&self, table: Table, number: u64) -> Result<Option<u32>, Unread> {
        self.field(table, number)?.map(|at| self.array(at).map(u32::from_le_bytes)).transpose()
    }

    /// A table in a field.
    pub(crate) fn inner(&self, table: Table, number: u64) -> Result<Option<Table>, Unread> {
        self.field(table, number)?.map(|at| self.table(self.follow(at)?)).transpose()
    }

    /// Whether a table has a field.
    pub(crate) fn has(&self, table: Table, number: u64) -> Result<bool, Unread> {
        Ok(self.field(table, number)?.is_some())
    }

    /// Numbers of four bytes in a row, at most so many of them.
    pub(crate) fn i32s(&self, table: Table, number: u64, most: usize) -> Result<Vec<i32>, Unread> {
        let row = self.row(table, number, 4)?.unwrap_or(Row { at: 0, count: 0 });
        let places = (0..row.count).take(most).map(|index| row.at.saturating_add(index.saturating_mul(4)));
        places.map(|at| self.array(at).map(i32::from_le_bytes)).collect()
    }

    /// A number of eight bytes in a field.
    pub(crate) fn u64(&self, table: Table, number: u64) -> Result<Option<u64>, Unread> {
        self.field(table, number)?.map(|at| self.array(at).map(u64::from_le_bytes)).transpose()
    }

    /// Where an offset at a place leads: always forward.
    fn follow(&self, at: u64) -> Result<u64, Unread> {
        let offset = u64::from(u32::from_le_bytes(self.array(at)?));
        let to = at.saturating_add(offset);
        if offset == 0 || to >= self.part.len() {
            return Err(Unread::malformed(at, "an offset that leads out of the file"));
        }
        Ok(to)
    }

    fn reaches(&self, end: u64) {
        self.end.set(self.end.get().max(end));
    }

    /// Looks for another file behind the tables. Those that a reader does not visit lie there too, so the end is known only
    /// roughly: what does not begin as a program, a pickle or a packed file is taken for theirs. A zip archive at the end is
    /// read as what the file is besides.
    pub(crate) fn tail(&self, looking: &mut Looking<'_>) {
        let from = self.end.get().next_multiple_of(ALIGNED);
        let mut tried = 0_u64;
        for step in 0..MOST_UNVISITED {
            let at = from.saturating_add(step.saturating_mul(ALIGNED));
            let Ok(first) = self.part.array::<4>(at) else { return };
            if !begins_a_file(first) {
                continue;
            }
            tried = tried.saturating_add(1);
            // So many beginnings are no tables.
            if tried > MOST_TRIED || is_certain(&self.part.rest(at, self.part.len().saturating_sub(at))) {
                looking.tail(self.part, at);
                return;
            }
        }
    }

    fn array<const N: usize>(&self, at: u64) -> Result<[u8; N], Unread> {
        self.reads.set(self.reads.get().saturating_add(1));
        self.max_reads.check(self.reads.get())?;
        self.part.array(at)
    }
}

/// Whether bytes begin as programs, pickles and packed files do.
const fn begins_a_file(first: [u8; 4]) -> bool {
    matches!(
        first,
        [0x7f, b'E', b'L', b'F']
            | [b'M', b'Z', ..]
            | [0xfe, 0xed, 0xfa, 0xce | 0xcf]
            | [0xce | 0xcf, 0xfa, 0xed, 0xfe]
            | [0xca, 0xfe, 0xba, 0xbe]
            | [0x80, 2..=5, ..]
            | [0x1f, 0x8b, 8, _]
            | [b'B', b'Z', b'h', b'1'..=b'9']
            | [0xfd, b'7', b'z', b'X']
            | [0x28, 0xb5, 0x2f, 0xfd]
            | [b'7', b'z', 0xbc, 0xaf]
    )
}
