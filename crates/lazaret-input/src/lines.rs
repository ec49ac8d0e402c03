//! Lines of a stream, with their numbers and offsets, in bounded memory: a line above the limit is reported and
//! skipped, and the next one is read.

use std::io::{self, Read};
use std::sync::Arc;

use lazaret_core::{Limit, LimitExceeded, Limits, Source, SourceError};

use crate::file::{BLOCK, SourceReader};

/// How many bytes one record may have.
pub const MAX_RECORD: Limit = Limit::new("input.max_record", 16 << 20);
/// So many bytes of a line above the limit are given all the same, for whoever wants to see what it was.
pub const BEGINNING: usize = 64 << 10;

/// How a line ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LineEnd {
    /// By the end of the stream.
    Stream,
    /// By LF.
    Lf,
    /// By CR LF.
    CrLf,
}

impl LineEnd {
    /// Its bytes.
    pub const fn bytes(self) -> &'static [u8] {
        match self {
            Self::Stream => b"",
            Self::Lf => b"\n",
            Self::CrLf => b"\r\n",
        }
    }
}

/// One line.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Line<'l> {
    /// Its number, from 1.
    pub number: u64,
    /// The offset of its first byte in the stream.
    pub offset: u64,
    /// Its bytes without the line end, or the limit it is above: then it was skipped, and `found` in the error
    /// is its whole length.
    pub bytes: Result<&'l [u8], LimitExceeded>,
    /// Of a line above the limit its first [`BEGINNING`] bytes; of any other nothing.
    pub beginning: &'l [u8],
    /// How it ended.
    pub end: LineEnd,
}

impl std::fmt::Debug for Line<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { number, offset, bytes, end, .. } = self;
        write!(
            f,
            "Line {{ number: {number}, offset: {offset}, len: {:?}, end: {end:?} }}",
            bytes.map(<[u8]>::len)
        )
    }
}

/// Reads lines.
pub struct Lines<R> {
    stream: R,
    most: Limit,
    buffer: Vec<u8>,
    /// What of the buffer is not yet given out.
    begin: usize,
    end: usize,
    /// Up to here the buffer was searched for a line end.
    searched: usize,
    /// The offset of `begin` in the stream.
    offset: u64,
    number: u64,
    ended: bool,
    beginning: Vec<u8>,
}

impl Lines<SourceReader> {
    /// The lines of a source.
    pub fn of_source(source: Arc<dyn Source>, limits: &Limits) -> Self {
        Self::new(SourceReader::new(source), limits)
    }
}

impl<R: Read> Lines<R> {
    /// The lines of a stream, each at most [`MAX_RECORD`].
    pub fn new(stream: R, limits: &Limits) -> Self {
        let (begin, end, searched, offset, number, ended) = (0, 0, 0, 0, 0, false);
        let (buffer, beginning) = (vec![0; BLOCK], Vec::new());
        let most = limits.get(MAX_RECORD);
        Self { stream, most, buffer, begin, end, searched, offset, number, ended, beginning }
    }

    /// How many bytes of the stream were given out.
    pub fn offset(&self) -> u64 {
        self.offset
    }

    /// The next line, or none at the end. After an error nothing more comes.
    #[expect(
        clippy::should_implement_trait,
        reason = "a line borrows the buffer, which an iterator cannot lend"
    )]
    pub fn next(&mut self) -> Result<Option<Line<'_>>, SourceError> {
        loop {
            let unsearched = self.buffer.get(self.searched..self.end).unwrap_or(&[]);
            if let Some(place) = memchr::memchr(b'\n', unsearched) {
                let line_feed = self.searched.saturating_add(place);
                return Ok(Some(self.give(line_feed, 1)));
            }
            self.searched = self.end;
            if self.ended {
                return Ok((self.begin < self.end).then(|| self.give(self.end, 0)));
            }
            // One byte more than the limit may be the CR of a line end.
            if self.end.saturating_sub(self.begin) as u64 > self.most.most().saturating_add(1) {
                return self.skip().map(Some);
            }
            self.refill()?;
        }
    }

    /// Gives the line that ends before `stop`, where `feed` bytes of line end follow.
    fn give(&mut self, stop: usize, feed: usize) -> Line<'_> {
        let (begin, offset) = (self.begin, self.offset);
        self.begin = stop.saturating_add(feed);
        self.searched = self.begin;
        self.offset = offset.saturating_add(self.begin.saturating_sub(begin) as u64);
        self.number = self.number.saturating_add(1);
        let bytes = self.buffer.get(begin..stop).unwrap_or(&[]);
        let (bytes, end) = match (feed, bytes.split_last()) {
            (0, _) => (bytes, LineEnd::Stream),
            (_, Some((b'\r', before))) => (before, LineEnd::CrLf),
            _ => (bytes, LineEnd::Lf),
        };
        let (bytes, beginning) = match self.most.check(bytes.len() as u64) {
            Ok(()) => (Ok(bytes), &[][..]),
            Err(reached) => (Err(reached), bytes.get(..BEGINNING).unwrap_or(bytes)),
        };
        Line { number: self.number, offset, bytes, beginning, end }
    }

    /// Reads to the end of a line that is too long, keeping nothing of it but its beginning.
    fn skip(&mut self) -> Result<Line<'_>, SourceError> {
        let offset = self.offset;
        let mut length = 0_u64;
        let mut last = 0;
        self.beginning.clear();
        let end = loop {
            let held = self.buffer.get(self.begin..self.end).unwrap_or(&[]);
            let feed = memchr::memchr(b'\n', held);
            let of_line = held.get(..feed.unwrap_or(held.len())).unwrap_or(&[]);
            length = length.saturating_add(of_line.len() as u64);
            let wanted = BEGINNING.saturating_sub(self.beginning.len()).min(of_line.len());
            self.beginning.extend_from_slice(of_line.get(..wanted).unwrap_or(&[]));
            last = of_line.last().copied().unwrap_or(last);
            let taken = of_line.len().saturating_add(usize::from(feed.is_some()));
            self.begin = self.begin.saturating_add(taken);
            self.searched = self.begin;
            self.offset = self.offset.saturating_add(taken as u64);
            match (feed, last) {
                (Some(_), b'\r') => break LineEnd::CrLf,
                (Some(_), _) => break LineEnd::Lf,
                (None, _) if self.ended => break LineEnd::Stream,
                (None, _) => self.refill()?,
            }
        };
        self.number = self.number.saturating_add(1);
        let found = length.saturating_sub(u64::from(end == LineEnd::CrLf));
        let too_long = self.most.exceeded(found);
        // The CR of the line end is not the line's, should the beginning reach as far.
        let whole = usize::try_from(found).unwrap_or(usize::MAX);
        self.beginning.truncate(whole);
        Ok(Line { number: self.number, offset, bytes: Err(too_long), beginning: &self.beginning, end })
    }

    /// Moves what is left to the front, makes room if there is none, and reads once.
    fn refill(&mut self) -> Result<(), SourceError> {
        self.buffer.copy_within(self.begin..self.end, 0);
        self.end = self.end.saturating_sub(self.begin);
        self.searched = self.searched.saturating_sub(self.begin);
        self.begin = 0;
        if self.end == self.buffer.len() {
            self.buffer.resize(self.buffer.len().saturating_mul(2), 0);
        }
        let room = self.buffer.get_mut(self.end..).unwrap_or(&mut []);
        loop {
            match self.stream.read(room) {
                Ok(0) => self.ended = true,
                Ok(read) => self.end = self.end.saturating_add(read),
                Err(cause) if cause.kind() == io::ErrorKind::Interrupted => continue,
                Err(cause) => {
                    let at = self.offset.saturating_add(self.end as u64);
                    (self.ended, self.begin, self.searched) = (true, self.end, self.end);
                    return Err(SourceError { at, cause });
                }
            }
            return Ok(());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    type Owned = (u64, u64, Result<Vec<u8>, u64>, LineEnd);

    /// All lines of a stream that gives so many bytes at once.
    fn lines(bytes: &[u8], at_once: usize, most: u64) -> Vec<Owned> {
        let mut limits = Limits::default();
        limits.set("input.max_record", most);
        let mut lines = Lines::new(Slow { bytes, at_once }, &limits);
        let mut all = Vec::new();
        while let Some(line) = lines.next().unwrap() {
            let bytes = line.bytes.map(<[u8]>::to_vec).map_err(|reached| reached.found);
            all.push((line.number, line.offset, bytes, line.end));
        }
        assert_eq!(lines.offset(), bytes.len() as u64);
        all
    }

    struct Slow<'b> {
        bytes: &'b [u8],
        at_once: usize,
    }

    impl Read for Slow<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            let count = self.bytes.len().min(self.at_once).min(buffer.len());
            buffer[..count].copy_from_slice(&self.bytes[..count]);
            self.bytes = &self.bytes[count..];
            Ok(count)
        }
    }

    #[test]
    fn lines_come_with_number_offset_and_end() {
        for at_once in [1, 2, 3, 100] {
            assert_eq!(
                lines(b"a\r\n\nb\rc\nlast", at_once, 9),
                [
                    (1, 0, Ok(b"a".to_vec()), LineEnd::CrLf),
                    (2, 3, Ok(b"".to_vec()), LineEnd::Lf),
                    (3, 4, Ok(b"b\rc".to_vec()), LineEnd::Lf),
                    (4, 8, Ok(b"last".to_vec()), LineEnd::Stream),
                ]
            );
            assert_eq!(lines(b"", at_once, 9), []);
            assert_eq!(lines(b"\n", at_once, 9), [(1, 0, Ok(vec![]), LineEnd::Lf)]);
        }
    }

    #[test]
    fn a_line_above_the_limit_is_reported_with_its_length_and_the_next_is_read() {
        for at_once in [1, 2, 5, 100] {
            assert_eq!(
                lines(b"1234\r\n12345\n123456789\r\nok\n12345", at_once, 4),
                [
                    (1, 0, Ok(b"1234".to_vec()), LineEnd::CrLf),
                    (2, 6, Err(5), LineEnd::Lf),
                    (3, 12, Err(9), LineEnd::CrLf),
                    (4, 23, Ok(b"ok".to_vec()), LineEnd::Lf),
                    (5, 26, Err(5), LineEnd::Stream),
                ]
            );
        }
    }

    #[test]
    fn memory_stays_bounded_however_long_a_line_is() {
        let mut limits = Limits::default();
        limits.set("input.max_record", 3 << 20);
        let mut lines = Lines::new(io::repeat(b'x').take(100 << 20), &limits);
        let line = lines.next().unwrap().unwrap();
        assert_eq!(line.bytes.unwrap_err().found, 100 << 20);
        assert!(lines.buffer.len() <= 8 << 20);
        assert!(lines.next().unwrap().is_none());
    }

    #[test]
    fn a_stream_that_fails_is_an_error_with_its_place() {
        struct Fails;
        impl Read for Fails {
            fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
                Err(io::ErrorKind::PermissionDenied.into())
            }
        }
        let mut lines = Lines::new(b"ab\ncd".as_slice().chain(Fails), &Limits::default());
        assert_eq!(lines.next().unwrap().unwrap().bytes, Ok(b"ab".as_slice()));
        assert_eq!(lines.next().unwrap_err().at, 5);
        assert!(lines.next().unwrap().is_none());
    }
}
