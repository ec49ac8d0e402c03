//! A part read forward, block by block: short values from a buffer, long values passed over unread.

use crate::part::{Part, Unread};

/// How much is read at once.
const BLOCK: usize = 256 << 10;
/// Values longer than this are passed over; only their beginning is looked at.
pub(crate) const LONG: usize = 64 << 10;

/// A part read forward.
pub(crate) struct Stream<'a> {
    part: &'a Part,
    block: Vec<u8>,
    /// Where the block begins in the part.
    begin: u64,
    /// How much of the block was taken.
    next: usize,
}

impl<'a> Stream<'a> {
    /// From an offset on.
    pub(crate) const fn new(part: &'a Part, from: u64) -> Self {
        Self { part, block: Vec::new(), begin: from, next: 0 }
    }

    /// What is read.
    pub(crate) const fn part(&self) -> &'a Part {
        self.part
    }

    /// The offset of the next byte.
    pub(crate) fn position(&self) -> u64 {
        self.begin.saturating_add(self.next as u64)
    }

    /// The next byte; none at the end.
    #[inline]
    pub(crate) fn byte(&mut self) -> Result<Option<u8>, Unread> {
        if let Some(byte) = self.block.get(self.next) {
            self.next += 1;
            return Ok(Some(*byte));
        }
        self.refill(1)?;
        let byte = self.block.get(self.next).copied();
        self.next += usize::from(byte.is_some());
        Ok(byte)
    }

    /// So many bytes of the block, at most [`LONG`].
    #[inline]
    pub(crate) fn take(&mut self, count: usize) -> Result<&[u8], Unread> {
        if self.block.len().saturating_sub(self.next) < count {
            self.refill(count)?;
            if self.block.len().saturating_sub(self.next) < count {
                return Err(Unread::cut_off(self.part.len()));
            }
        }
        let from = self.next;
        self.next = from.saturating_add(count);
        self.block.get(from..self.next).ok_or_else(|| Unread::cut_off(self.part.len()))
    }

    /// A number of so many bytes, lowest first.
    #[inline]
    pub(crate) fn number<const N: usize>(&mut self) -> Result<u64, Unread> {
        let mut wide = [0; 8];
        let bytes = self.take(N)?;
        wide.iter_mut().zip(bytes).for_each(|(to, byte)| *to = *byte);
        Ok(u64::from_le_bytes(wide))
    }

    /// A line without its end, at most [`LONG`] bytes.
    pub(crate) fn line(&mut self) -> Result<&[u8], Unread> {
        let mut length = 0;
        loop {
            let held = self.block.get(self.next..).unwrap_or_default();
            if let Some(end) = held.get(length..).and_then(|rest| memchr::memchr(b'\n', rest)) {
                let (from, end) = (self.next, self.next.saturating_add(length).saturating_add(end));
                self.next = end.saturating_add(1);
                return self.block.get(from..end).ok_or_else(|| Unread::cut_off(self.part.len()));
            }
            length = held.len();
            if length > LONG {
                return Err(Unread::malformed(self.position(), format!("a line of more than {LONG} bytes")));
            }
            self.refill(length.saturating_add(1))?;
            if self.block.len().saturating_sub(self.next) <= length {
                // A last line without its end is a line to Python, which takes its last byte for the end.
                let (from, end) = (self.next, self.block.len().saturating_sub(1));
                self.next = self.block.len();
                return self.block.get(from..end).ok_or_else(|| Unread::cut_off(self.part.len()));
            }
        }
    }

    /// The next bytes, at least so many unless the part ends before. None is taken.
    pub(crate) fn peek(&mut self, least: usize) -> Result<&[u8], Unread> {
        if self.block.len().saturating_sub(self.next) < least {
            self.refill(least)?;
        }
        Ok(self.block.get(self.next..).unwrap_or_default())
    }

    /// Takes so many bytes of what was peeked at.
    pub(crate) fn advance(&mut self, count: usize) {
        self.next = self.next.saturating_add(count).min(self.block.len());
    }

    /// Passes over so many bytes, which must be there.
    pub(crate) fn skip(&mut self, count: u64) -> Result<(), Unread> {
        let to = self.position().checked_add(count).filter(|to| *to <= self.part.len());
        let to = to.ok_or_else(|| {
            let left = self.part.len().saturating_sub(self.position());
            Unread::malformed(self.position(), format!("a value of {count} bytes where {left} are left"))
        })?;
        self.seek(to);
        Ok(())
    }

    /// Goes on at an offset, forward or back, without reading what lies between.
    pub(crate) fn seek(&mut self, to: u64) {
        let within = to.checked_sub(self.begin).and_then(|at| usize::try_from(at).ok());
        if let Some(at) = within.filter(|at| *at <= self.block.len()) {
            self.next = at;
        } else {
            (self.begin, self.next) = (to, 0);
            self.block.clear();
        }
    }

    #[cold]
    fn refill(&mut self, least: usize) -> Result<(), Unread> {
        let kept = self.block.len().saturating_sub(self.next);
        self.block.copy_within(self.next.., 0);
        self.begin = self.begin.saturating_add(self.next as u64);
        self.next = 0;
        // No more room than there are bytes: most parts are short.
        let left = self.part.len().saturating_sub(self.begin);
        let room = usize::try_from(left).unwrap_or(usize::MAX).min(BLOCK.max(least));
        self.block.resize(room.max(kept), 0);
        let free = self.block.get_mut(kept..).unwrap_or_default();
        let read = self.part.read_at(self.begin.saturating_add(kept as u64), free)?;
        self.block.truncate(kept.saturating_add(read));
        Ok(())
    }
}
