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
    /// The byte before the first one given, where some of the row was given away.
    before: Option<u8>,
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
        Self { at: 0, state: State::Start, delimiter, before: None }
    }

    /// Looks on in a row that begins where `row` begins; `last` if no more bytes will come.
    pub(crate) fn scan(&mut self, row: &[u8], last: bool) -> Scan {
        loop {
            let rest = row.get(self.at..).unwrap_or_default();
            let Some(first) = rest.first() else { break };
            match self.state {
                State::Start => {
                    self.state = if *first == b'"' { State::Quoted } else { State::Plain };
                    self.at = self.at.saturating_add(usize::from(*first == b'"'));
                }
                State::Plain => match memchr::memchr2(b'\n', b'"', rest) {
                    None => self.at = row.len(),
                    Some(stop) if rest.get(stop) == Some(&b'\n') => {
                        return Scan::Row(self.at.saturating_add(stop).saturating_add(1), true);
                    }
                    Some(stop) => {
                        let before = match self.at.saturating_add(stop).checked_sub(1) {
                            Some(at) => row.get(at).copied(),
                            None => self.before,
                        };
                        if before == Some(self.delimiter) {
                            self.state = State::Quoted;
                        }
                        self.at = self.at.saturating_add(stop).saturating_add(1);
                    }
                },
                State::Quoted => match memchr::memchr(b'"', rest) {
                    None => self.at = row.len(),
                    Some(stop) => {
                        self.at = self.at.saturating_add(stop).saturating_add(1);
                        self.state = State::QuoteSeen;
                    }
                },
                State::QuoteSeen => {
                    self.state = match *first {
                        b'"' => State::Quoted,
                        b'\n' => return Scan::Row(self.at.saturating_add(1), true),
                        b'\r' => State::Plain,
                        byte if byte == self.delimiter => State::Plain,
                        _ => State::Misclosed,
                    };
                    if self.state != State::Misclosed {
                        self.at = self.at.saturating_add(1);
                    }
                }
                State::Misclosed => match memchr::memchr(b'\n', rest) {
                    None => self.at = row.len(),
                    Some(stop) => return Scan::Row(self.at.saturating_add(stop).saturating_add(1), false),
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

    /// Goes on in the same row after all of `row` that was given was taken away.
    pub(crate) fn go_on(&mut self, row: &[u8]) {
        self.before = row.last().copied();
        self.at = 0;
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
        let end = at.saturating_add(length);
        let (Ok(start), Ok(stop)) = (u32::try_from(at), u32::try_from(end)) else { return };
        into.push(Cell { start, end: stop, quoted, fault });
        if end >= row.len() {
            return;
        }
        at = end.saturating_add(1);
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
        at = at.saturating_add(stop).saturating_add(1);
        match rest.get(at) {
            Some(b'"') => at = at.saturating_add(1),
            Some(byte) if *byte == delimiter => return (at, true, None),
            None => return (at, true, None),
            Some(_) => return (rest.len(), false, Some(Fault::AfterQuote)),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn rows(text: &str) -> Vec<(&str, bool)> {
        let mut found = Vec::new();
        let mut rest = text;
        while !rest.is_empty() {
            let Scan::Row(length, well) = Scanner::new(b',').scan(rest.as_bytes(), true) else { panic!() };
            let (row, after) = rest.split_at(length);
            found.push((row, well));
            rest = after;
        }
        found
    }

    fn split(row: &str) -> Vec<(String, Option<Fault>)> {
        let mut found = Vec::new();
        cells(row.as_bytes(), b',', &mut found);
        found.iter().map(|cell| (cell.text(row).into_owned(), cell.fault)).collect()
    }

    #[test]
    fn rows_end_outside_quotes_only() {
        let text = "a,\"b\nc\"\r\nd,\"e\"\"f\"\n\n5\" pipe,x\nlast";
        assert_eq!(
            rows(text),
            [
                ("a,\"b\nc\"\r\n", true),
                ("d,\"e\"\"f\"\n", true),
                ("\n", true),
                ("5\" pipe,x\n", true),
                ("last", true)
            ]
        );
    }

    #[test]
    fn a_misplaced_quote_takes_the_rows_it_swallowed_and_no_more() {
        assert_eq!(rows("a,\"b\nc,d\ne,\"f\"\ng\n"), [("a,\"b\nc,d\ne,\"f\"\n", false), ("g\n", true)]);
        assert_eq!(rows("a\n\"b\nc"), [("a\n", true), ("\"b\nc", false)]);
    }

    #[test]
    fn cells_are_unquoted_and_faults_named() {
        let well = |text: &str| (text.to_owned(), None);
        assert_eq!(split("a,\"b,\"\"c\",,\"\"\r\n"), [well("a"), well("b,\"c"), well(""), well("")]);
        assert_eq!(split("\n"), [well("")]);
        assert_eq!(split("a,"), [well("a"), well("")]);
        assert_eq!(split("a\"b,c")[0].1, Some(Fault::Stray));
        assert_eq!(split("a,\"b")[1].1, Some(Fault::Open));
        assert_eq!(split("a,\"b\"c,d")[1].1, Some(Fault::AfterQuote));
        assert_eq!(split("a\rb,c")[0].1, Some(Fault::Return));
        assert_eq!(split("\"a\"\rb,c")[0].1, Some(Fault::AfterQuote));
    }

    proptest! {
        #[test]
        fn a_row_ends_at_the_same_place_however_its_bytes_come(text in "[\"a,\n\r]{1,40}", cut in 0_usize..40) {
            let bytes = text.as_bytes();
            let whole = Scanner::new(b',').scan(bytes, true);
            let cut = cut.min(bytes.len());
            let mut scanner = Scanner::new(b',');
            let mut scan = scanner.scan(&bytes[..cut], false);
            if scan == Scan::More {
                scan = scanner.scan(bytes, true);
            }
            prop_assert_eq!(scan, whole);
            // And if the first part is given away, the rest of the row is as long as it would have been.
            let mut scanner = Scanner::new(b',');
            if scanner.scan(&bytes[..cut], false) == Scan::More {
                scanner.go_on(&bytes[..cut]);
                let Scan::Row(rest, _) = scanner.scan(&bytes[cut..], true) else { panic!() };
                let Scan::Row(length, _) = whole else { panic!() };
                prop_assert_eq!(rest + cut, length);
            }
        }

        #[test]
        fn cells_take_every_byte_of_a_row_but_the_delimiters(row in "[\"a,é\r]{0,40}") {
            let mut found = Vec::new();
            cells(row.as_bytes(), b',', &mut found);
            let body = without_line_end(row.as_bytes()).len();
            let taken: usize = found.iter().map(|cell| (cell.end - cell.start) as usize).sum();
            prop_assert_eq!(taken + found.len() - 1, body);
        }
    }
}
