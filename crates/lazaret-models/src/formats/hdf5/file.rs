//! The bytes of an HDF5 file: addresses, blocks read under limits, and the fields within them.

use std::cell::{Cell, RefCell};

use lazaret_core::{Limit, Limits};
use lazaret_input::decompress::MAX_RATIO;
use rustc_hash::FxHashSet;

use super::chunks::MAX_CHUNKS;
use crate::look::Looking;
use crate::part::{Part, Unread};
use crate::rules;

/// Most bytes of one header, node, heap or attribute.
pub(crate) const MAX_BLOCK: Limit = Limit::new("hdf5.max_block", 32 << 20);
/// Most bytes of structure that are read of one file; tensor data are none.
pub(crate) const MAX_READ: Limit = Limit::new("hdf5.max_read", 256 << 20);

/// How many times as long deflate makes bytes at most.
const MOST_TIMES_PACKED: u64 = 1_032;

/// Something of the structure cannot be followed.
pub(super) fn broken(at: u64, why: impl Into<String>) -> Unread {
    Unread { rule: &rules::HDF5_UNREADABLE.rule, at: Some(at), why: why.into() }
}

/// The file.
pub(super) struct File<'a> {
    pub(super) part: &'a Part,
    /// What addresses count from.
    pub(super) base: u64,
    /// Bytes of an address.
    pub(super) offsets: u8,
    /// Bytes of a length.
    pub(super) lengths: u8,
    pub(super) max_block: Limit,
    max_read: Limit,
    read: Cell<u64>,
    max_chunks: Limit,
    chunks: Cell<u64>,
    /// Bytes of global heaps that were read.
    heaps: Cell<u64>,
    /// Where values lie that were looked at, their lengths and those of their pieces: many may point at one.
    looked: RefCell<FxHashSet<(u64, u64, u64)>>,
    /// The limits under which chunks are unpacked: how long one is, is known before.
    pub(super) unpacking: Limits,
    /// Once no more than this may be unpacked, long datasets of single bytes are not read to their end.
    pub(super) reserve: u64,
}

impl<'a> File<'a> {
    pub(super) fn new(part: &'a Part, base: u64, offsets: u8, lengths: u8, looking: &Looking<'_>) -> Self {
        let (max_block, max_read) = (looking.limits.get(MAX_BLOCK), looking.limits.get(MAX_READ));
        let mut unpacking = looking.limits.clone();
        unpacking.set(MAX_RATIO.key(), unpacking.get(MAX_RATIO).most().max(MOST_TIMES_PACKED));
        Self {
            part,
            base,
            offsets,
            lengths,
            max_block,
            max_read,
            read: Cell::new(0),
            max_chunks: looking.limits.get(MAX_CHUNKS),
            chunks: Cell::new(0),
            heaps: Cell::new(0),
            looked: RefCell::default(),
            unpacking,
            reserve: looking.room().most() / 2,
        }
    }

    /// So many bytes at an address.
    pub(super) fn bytes(&self, address: u64, count: u64) -> Result<Vec<u8>, Unread> {
        let at = self.base.saturating_add(address);
        let within = at.checked_add(count).is_some_and(|end| end <= self.part.len());
        if !within {
            return Err(broken(at.min(self.part.len()), "what is pointed at lies outside the file"));
        }
        let read = self.read.get().saturating_add(count).saturating_add(16);
        let allowed = self.max_block.check(count).and_then(|()| self.max_read.check(read));
        allowed.map_err(|reached| broken(at, reached.to_string()))?;
        self.read.set(read);
        let count = usize::try_from(count).map_err(|_| broken(at, "a block is too long"))?;
        self.part.bytes(at, count)
    }

    /// All of a global heap's collection, of so many bytes. Each is needed once or twice.
    pub(super) fn collection(&self, address: u64, count: u64) -> Result<Vec<u8>, Unread> {
        let at = self.base.saturating_add(address);
        let read = self.heaps.get().saturating_add(count);
        let most = self.max_read.with(self.max_read.most().saturating_add(self.part.len()));
        most.check(read).map_err(|reached| broken(at, reached.to_string()))?;
        self.heaps.set(read);
        self.part.bytes(at, usize::try_from(count).unwrap_or(usize::MAX))
    }

    /// Counts a chunk of so many dimensions.
    pub(super) fn count_chunk(&self, rank: u64, address: u64) -> Result<(), Unread> {
        self.chunks.set(self.chunks.get().saturating_add(rank.max(1)));
        let checked = self.max_chunks.check(self.chunks.get());
        checked.map_err(|reached| broken(self.base.saturating_add(address), reached.to_string()))
    }

    /// Whether nothing was looked at yet that lies there, is so long, and is taken in such pieces.
    pub(super) fn is_new(&self, address: u64, length: u64, piece: u64) -> bool {
        const MOST: usize = 1 << 20;
        let mut looked = self.looked.borrow_mut();
        if looked.len() >= MOST {
            looked.clear();
        }
        looked.insert((address, length, piece))
    }

    /// A block at an address, to be read field by field; it begins with a signature.
    pub(super) fn block(&self, address: u64, signature: [u8; 4], count: u64) -> Result<Vec<u8>, Unread> {
        let bytes = self.bytes(address, count)?;
        if bytes.starts_with(&signature) {
            Ok(bytes)
        } else {
            let name = String::from_utf8_lossy(&signature);
            Err(broken(
                self.base.saturating_add(address),
                format!("no block `{name}` where one is pointed at"),
            ))
        }
    }

    /// The fields of some bytes that lie at an address.
    pub(super) fn fields<'b>(&self, bytes: &'b [u8], address: u64) -> Fields<'b> {
        let at = self.base.saturating_add(address);
        Fields { bytes, next: 0, at, offsets: self.offsets, lengths: self.lengths }
    }

    /// Whether an address says "nowhere".
    pub(super) fn is_nowhere(&self, address: u64) -> bool {
        address == u64::MAX || (self.offsets < 8 && address == (1_u64 << (u32::from(self.offsets) * 8)) - 1)
    }
}

/// Bytes read field by field; the end of them is an error.
#[derive(Clone)]
pub(super) struct Fields<'b> {
    bytes: &'b [u8],
    next: usize,
    /// Where they begin in the file.
    at: u64,
    offsets: u8,
    lengths: u8,
}

impl<'b> Fields<'b> {
    pub(super) fn place(&self) -> u64 {
        self.at.saturating_add(self.next as u64)
    }

    pub(super) fn left(&self) -> usize {
        self.bytes.len().saturating_sub(self.next)
    }

    pub(super) fn take(&mut self, count: usize) -> Result<&'b [u8], Unread> {
        let end = self.next.saturating_add(count);
        let bytes =
            self.bytes.get(self.next..end).ok_or_else(|| broken(self.place(), "a block is cut off"))?;
        self.next = end;
        Ok(bytes)
    }

    pub(super) fn skip(&mut self, count: usize) -> Result<(), Unread> {
        self.take(count).map(|_| ())
    }

    /// An unsigned number of up to eight bytes, the least first.
    pub(super) fn number(&mut self, width: u8) -> Result<u64, Unread> {
        let bytes = self.take(usize::from(width.min(8)))?;
        Ok(bytes.iter().rev().fold(0, |value, byte| value << 8 | u64::from(*byte)))
    }

    pub(super) fn byte(&mut self) -> Result<u8, Unread> {
        Ok(self.take(1)?.first().copied().unwrap_or(0))
    }

    pub(super) fn address(&mut self) -> Result<u64, Unread> {
        let width = self.offsets;
        let value = self.number(width)?;
        let nowhere = width < 8 && value == (1_u64 << (u32::from(width) * 8)) - 1;
        Ok(if nowhere { u64::MAX } else { value })
    }

    /// What a length is whose bits are all set.
    pub(super) fn all_ones(&self) -> u64 {
        u64::MAX
            .checked_shr(64_u32.saturating_sub(u32::from(self.lengths).saturating_mul(8)))
            .unwrap_or(u64::MAX)
    }

    pub(super) fn length(&mut self) -> Result<u64, Unread> {
        self.number(self.lengths)
    }

    pub(super) fn size(&mut self, width: u8) -> Result<usize, Unread> {
        let at = self.place();
        usize::try_from(self.number(width)?).map_err(|_| broken(at, "a size is too large"))
    }

    /// A text up to the zero that ends it.
    pub(super) fn text(&mut self) -> Result<String, Unread> {
        let rest = self.rest();
        let end = memchr::memchr(0, rest).ok_or_else(|| broken(self.place(), "a text has no end"))?;
        let text = String::from_utf8_lossy(rest.get(..end).unwrap_or_default()).into_owned();
        self.skip(end.saturating_add(1))?;
        Ok(text)
    }

    pub(super) fn rest(&self) -> &'b [u8] {
        self.bytes.get(self.next..).unwrap_or_default()
    }

    /// Leaves only so many bytes to be read.
    pub(super) fn cut(&mut self, count: usize) {
        let end = self.next.saturating_add(count).min(self.bytes.len());
        self.bytes = self.bytes.get(..end).unwrap_or_default();
    }
}
