//! Where a row ends and where its cells are, by RFC 4180, byte by byte and without guessing.
//!
//! A quote opens only at the beginning of a cell. A closing quote must be followed by the delimiter or the end
//! of the row; if it is not, the quote was misplaced and everything from the row's beginning to the end of that
//! line belongs to one faulty row, so no row that was swallowed is lost or read as another.

use std::borrow::Cow;

/// Finds the end of one row; keeps its state while more bytes are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Scanner {
    at: usize,
    state: State,
    delimiter: u8,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// At the beginning of the row.
    Start,
    /// Outside quotes.
    Plain,
    /// Within quotes.
    Quoted,
    /// After a quote within quotes.
    QuoteSeen,
    /// After a closing quote that closed nothing.
    Misclosed,
}

/// How far a row reaches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scan {
    /// Its length with the line end, and whether its quotes are as they must be.
    Row(usize, bool),
    /// Its end is not among the bytes given.
    More,
}

impl Scanner {
    /// A scanner at the beginning of a row.
    pub(crate) const fn new(delimiter: u8) -> Self {
        Self { at: 0, state: State::Start, delimiter }
    }

    /// Looks on in a row that begins where `row` begins; `last` if no more bytes will come.
    pub(crate) fn scan(&mut self, row: &[u8], last: bool) -> Scan {
        loop {
            let rest = row.get(self.at..).unwrap_or_default();
            let Some(first) = rest.first() else { break };
            match self.state {
                State::Start => {
                    self.state = if *first == b'"' { State::Quoted } else { State::Plain };
                    self.at += usize::from(*first == b'"');
                }
                State::Plain => match memchr::memchr2(b'\n', b'"', rest) {
                    None => self.at = row.len(),
                    Some(stop) if rest.get(stop) == Some(&b'\n') => {
                        return Scan::Row(self.at + stop + 1, true);
                    }
                    Some(stop) => {
                        let before = (self.at + stop).checked_sub(1).and_then(|at| row.get(at));
                        if before == Some(&self.delimiter) {
                            self.state = State::Quoted;
                        }
                        self.at += stop + 1;
                    }
                },
                State::Quoted => match memchr::memchr(b'"', rest) {
                    None => self.at = row.len(),
                    Some(stop) => {
                        self.at += stop + 1;
                        self.state = State::QuoteSeen;
                    }
                },
                State::QuoteSeen => {
                    self.state = match *first {
                        b'"' => State::Quoted,
                        b'\n' => return Scan::Row(self.at + 1, true),
                        b'\r' => State::Plain,
                        byte if byte == self.delimiter => State::Plain,
                        _ => State::Misclosed,
                    };
                    if self.state != State::Misclosed {
                        self.at += 1;
                    }
                }
                State::Misclosed => match memchr::memchr(b'\n', rest) {
                    None => self.at = row.len(),
                    Some(stop) => return Scan::Row(self.at + stop + 1, false),
                },
            }
        }
        if last {
            let open = matches!(self.state, State::Quoted | State::Misclosed);
            Scan::Row(row.len(), !open)
        } else {
            Scan::More
        }
    }

    /// Goes on in the same row after its first `taken` bytes were given away.
    pub(crate) fn cut(&mut self, taken: usize) {
        self.at = self.at.saturating_sub(taken);
    }
}

/// One cell: where it stands in its row, with its quotes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Cell {
    /// First byte.
    pub(crate) start: u32,
    /// One past the last byte.
    pub(crate) end: u32,
    /// Whether it stands in quotes.
    pub(crate) quoted: bool,
    /// What is wrong with its quotes.
    pub(crate) fault: Option<Fault>,
}

/// What may be wrong with a cell's quotes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// A quote opens and never closes.
    Open,
    /// Something follows the closing quote.
    AfterQuote,
    /// A quote in a cell that does not begin with one.
    Stray,
    /// A carriage return outside quotes that ends no line.
    Return,
}

impl Fault {
    /// What is wrong, for a message.
    pub(crate) const fn message(self) -> &'static str {
        match self {
            Self::Open => "a quote opens here and never closes",
            Self::AfterQuote => "the quote that opens here is closed by one that other text follows",
            Self::Stray => "a quote in a cell that does not begin with one",
            Self::Return => "a carriage return outside quotes",
        }
    }
}

impl Cell {
    /// Its text in a row: without quotes, doubled quotes single.
    pub(crate) fn text<'r>(&self, row: &'r str) -> Cow<'r, str> {
        let raw = self.raw(row);
        if !self.quoted {
            return Cow::Borrowed(raw);
        }
        let inner = raw.strip_prefix('"').and_then(|raw| raw.strip_suffix('"')).unwrap_or(raw);
        if inner.contains('"') { Cow::Owned(inner.replace("\"\"", "\"")) } else { Cow::Borrowed(inner) }
    }

    /// As it stands.
    pub(crate) fn raw<'r>(&self, row: &'r str) -> &'r str {
        row.get(self.start as usize..self.end as usize).unwrap_or_default()
    }
}

/// The cells of a row of less than 4 GiB. A faulty cell takes the rest of the row.
pub(crate) fn cells(row: &[u8], delimiter: u8, into: &mut Vec<Cell>) {
    into.clear();
    let row = without_line_end(row);
    let has_quote = memchr::memchr2(b'"', b'\r', row).is_some();
    let mut at = 0;
    loop {
        let rest = row.get(at..).unwrap_or_default();
        let (length, quoted, fault) =
            if has_quote { cell(rest, delimiter) } else { (plain(rest, delimiter), false, None) };
        let end = at + length;
        let (Ok(start), Ok(stop)) = (u32::try_from(at), u32::try_from(end)) else { return };
        into.push(Cell { start, end: stop, quoted, fault });
        if end >= row.len() {
            return;
        }
        at = end + 1;
    }
}

/// A row without the LF or CRLF that ends it.
pub(crate) fn without_line_end(row: &[u8]) -> &[u8] {
    let row = row.strip_suffix(b"\n").unwrap_or(row);
    row.strip_suffix(b"\r").unwrap_or(row)
}

fn plain(rest: &[u8], delimiter: u8) -> usize {
    memchr::memchr(delimiter, rest).unwrap_or(rest.len())
}

/// The length of the first cell, whether it is quoted, and its fault.
fn cell(rest: &[u8], delimiter: u8) -> (usize, bool, Option<Fault>) {
    if rest.first() != Some(&b'"') {
        let length = plain(rest, delimiter);
        let fault = match memchr::memchr2(b'"', b'\r', rest.get(..length).unwrap_or_default()) {
            Some(at) if rest.get(at) == Some(&b'"') => Some(Fault::Stray),
            Some(_) => Some(Fault::Return),
            None => None,
        };
        return (length, false, fault);
    }
    let mut at = 1;
    loop {
        let Some(stop) = memchr::memchr(b'"', rest.get(at..).unwrap_or_default()) else {
            return (rest.len(), false, Some(Fault::Open));
        };
        at += stop + 1;
        match rest.get(at) {
            Some(b'"') => at += 1,
            Some(byte) if *byte == delimiter => return (at, true, None),
            None => return (at, true, None),
            Some(_) => return (rest.len(), false, Some(Fault::AfterQuote)),
        }
    }
}
