//! Packed bytes as a source: unpacked once to learn how long they are, then read like any other.
//!
//! Up to [`KEPT`] bytes are kept unpacked; more are unpacked anew as they are read, forward, a block at a time. Their
//! last bytes are kept, so that looking at the end of a long one does not unpack it all again.
#![expect(clippy::disallowed_types, reason = "a raw decoder, under the limits that are set around it here")]

use std::io::{self, BufRead, BufReader, Read};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use flate2::Crc;
use lazaret_core::{Hint, Limit, Limits, Source, SourceError, UNINSPECTABLE};
use lzma_rust2::LzmaReader;

use super::bytes;
use crate::decompress::{Codec, UnpackError, capped, dictionary_kib};
use crate::file::{MemorySource, copy};

/// How often one packed member is unpacked anew because it is read back.
pub const MAX_REREADS: Limit = Limit::new("archive.max_rereads", 32);

/// Up to this many unpacked bytes are kept in memory.
const KEPT: usize = 8 << 20;
/// The last bytes that are kept of longer ones: enough for the end record of a zip archive with its comment.
const TAIL: usize = 128 << 10;
const BLOCK: usize = 256 << 10;
const PACKED_BLOCK: usize = 64 << 10;

/// Bytes of a source that are packed.
#[derive(Clone)]
pub struct Window {
    /// The source.
    pub source: Arc<dyn Source>,
    /// Where they begin in it.
    pub from: u64,
    /// How many they are.
    pub len: u64,
}

/// How bytes are packed.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Packing {
    /// By a codec that says itself all it needs.
    Codec(Codec),
    /// LZMA as in zip members (method 14): a header of its own, and a size that may come from the archive.
    ZipLzma {
        /// The unpacked size, where the stream has no end mark.
        size: Option<u64>,
    },
    /// The coders of a folder of a 7z archive.
    SevenZ(super::sevenz::Chain),
}

impl Packing {
    fn codec(&self) -> Codec {
        match self {
            Self::Codec(codec) => *codec,
            Self::ZipLzma { .. } => Codec::Lzma,
            Self::SevenZ(chain) => chain.codec(),
        }
    }
}

/// What was unpacked.
pub struct Unpacked {
    /// The bytes, up to the fault if there is one.
    pub source: Arc<dyn Source>,
    /// How many there are.
    pub len: u64,
    /// Their CRC-32.
    pub crc: u32,
    /// How many packed bytes that took.
    pub taken: u64,
    /// What went wrong: they are cut off, damaged, or a limit was reached.
    pub fault: Option<UnpackError>,
}

impl std::fmt::Debug for Unpacked {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Unpacked").field("len", &self.len).field("fault", &self.fault).finish_non_exhaustive()
    }
}

/// Unpacks bytes under `input.max_ratio` and the caller's own limit of unpacked bytes. What was unpacked before a
/// fault is given with it: a loader may act on that much.
pub fn unpack(packed: &Window, packing: &Packing, most: Limit, limits: &Limits) -> Unpacked {
    let opened = Opening { packed: packed.clone(), packing: packing.clone(), most, limits: limits.clone() };
    let mut counting = Counting { bytes: Some(Vec::new()), tail: Vec::new(), crc: Crc::new(), len: 0 };
    let (taken, fault) = match opened.open() {
        Ok((mut stream, taken)) => {
            let fault = counting.run(&mut *stream).err();
            (taken.load(Ordering::Relaxed), fault.map(UnpackError::from))
        }
        Err(error) => (0, Some(error)),
    };
    let fault = fault.or_else(|| cut_off(packed, packing, taken, counting.len));
    let (len, crc) = (counting.len, counting.crc.sum());
    let source: Arc<dyn Source> = match counting.bytes {
        Some(bytes) => Arc::new(MemorySource::new(bytes, Hint::default())),
        None => Arc::new(Again {
            opened,
            len,
            tail_from: len.saturating_sub(counting.tail.len() as u64),
            tail: counting.tail,
            forward: Mutex::new(Forward { stream: None, block: Vec::new(), begin: 0, rereads: 0 }),
        }),
    };
    Unpacked { source, len, crc, taken, fault }
}

/// LZ4 frames end with four zero bytes, perhaps with a checksum behind them; their decoder ends quietly without.
fn cut_off(packed: &Window, packing: &Packing, taken: u64, len: u64) -> Option<UnpackError> {
    if !matches!(packing, Packing::Codec(Codec::Lz4)) {
        return None;
    }
    let last = bytes::read(&*packed.source, packed.from.saturating_add(taken.saturating_sub(8)), 8).ok()?;
    let ends = last.get(4..8) == Some(&[0; 4]) || last.get(..4) == Some(&[0; 4]);
    (!ends).then_some(UnpackError::Damaged { codec: Codec::Lz4, at: len, what: "it is cut off" })
}

struct Counting {
    /// All of it, while it is short.
    bytes: Option<Vec<u8>>,
    tail: Vec<u8>,
    crc: Crc,
    len: u64,
}

impl Counting {
    fn run(&mut self, stream: &mut dyn Read) -> io::Result<()> {
        let mut block = vec![0; BLOCK];
        loop {
            let read = match stream.read(&mut block) {
                Ok(0) => return Ok(()),
                Ok(read) => read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error),
            };
            let new = block.get(..read).unwrap_or_default();
            self.crc.update(new);
            self.len = self.len.saturating_add(read as u64);
            self.keep(new);
        }
    }

    fn keep(&mut self, new: &[u8]) {
        if let Some(bytes) = &mut self.bytes {
            bytes.extend_from_slice(new);
            if bytes.len() <= KEPT {
                return;
            }
            self.tail = bytes.split_off(bytes.len().saturating_sub(TAIL));
            self.bytes = None;
        } else {
            self.tail.extend_from_slice(new);
        }
        let over = self.tail.len().saturating_sub(TAIL);
        self.tail.drain(..over);
    }
}

/// All that is needed to unpack from the start.
struct Opening {
    packed: Window,
    packing: Packing,
    most: Limit,
    limits: Limits,
}

type Stream = Box<dyn Read + Send>;

impl Opening {
    /// A stream of unpacked bytes under its limits, and how many packed ones were taken.
    fn open(&self) -> Result<(Stream, Arc<AtomicU64>), UnpackError> {
        let taken = Arc::new(AtomicU64::new(0));
        if let Packing::SevenZ(chain) = &self.packing {
            let stream = chain.open(&self.packed, &taken, &self.limits)?;
            let stream = capped(stream, chain.codec(), Arc::clone(&taken), self.most, &self.limits);
            return Ok((stream, taken));
        }
        let window = WindowReader::new(&self.packed);
        let packed = BufReader::with_capacity(PACKED_BLOCK, window);
        let packed = Taken { inner: packed, count: Arc::clone(&taken) };
        let codec = self.packing.codec();
        let decoder = match &self.packing {
            Packing::ZipLzma { size } => zip_lzma(packed, *size, &self.limits)?,
            Packing::Codec(_) | Packing::SevenZ(_) => codec.decoder(packed, &self.limits)?,
        };
        Ok((capped(decoder, codec, Arc::clone(&taken), self.most, &self.limits), taken))
    }
}

/// Zip method 14: version (2 bytes), size of the properties (2 bytes), the properties (5), and the stream.
fn zip_lzma(
    mut packed: impl BufRead + Send + 'static,
    size: Option<u64>,
    limits: &Limits,
) -> Result<Stream, UnpackError> {
    let damaged = |what| UnpackError::Damaged { codec: Codec::Lzma, at: 0, what };
    let mut header = [0; 9];
    packed.read_exact(&mut header).map_err(|_| damaged("it is cut off"))?;
    let [_, _, 5, 0, properties, dictionary @ ..] = header else {
        return Err(damaged("its properties are not of LZMA"));
    };
    let dictionary = u32::from_le_bytes(dictionary);
    lzma(packed, size, properties, dictionary, limits)
}

/// A stream of LZMA without a header.
pub(super) fn lzma(
    packed: impl Read + Send + 'static,
    size: Option<u64>,
    properties: u8,
    dictionary: u32,
    limits: &Limits,
) -> Result<Stream, UnpackError> {
    // No dictionary larger than what is unpacked is ever used.
    let dictionary =
        size.map_or(dictionary, |size| dictionary.min(u32::try_from(size.max(4096)).unwrap_or(u32::MAX)));
    check_dictionary(dictionary, Codec::Lzma, limits)?;
    let reader =
        LzmaReader::new_with_props(packed, size.unwrap_or(u64::MAX), properties, dictionary, None).map_err(
            |_| UnpackError::Damaged { codec: Codec::Lzma, at: 0, what: "its properties are wrong" },
        )?;
    Ok(Box::new(reader))
}

pub(super) fn check_dictionary(dictionary: u32, codec: Codec, limits: &Limits) -> Result<(), UnpackError> {
    let limit = limits.get(crate::decompress::MAX_DICTIONARY);
    let allowed = dictionary >> 10 <= dictionary_kib(limits);
    let checked = if allowed { Ok(()) } else { limit.check(u64::from(dictionary)) };
    checked.map_err(|reached| UnpackError::Limit { rule: &UNINSPECTABLE, codec, at: 0, reached })
}

/// A window as a stream.
pub(super) struct WindowReader {
    source: Arc<dyn Source>,
    at: u64,
    left: u64,
}

impl WindowReader {
    pub(super) fn new(window: &Window) -> Self {
        Self { source: Arc::clone(&window.source), at: window.from, left: window.len }
    }
}

impl Read for WindowReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let wanted = usize::try_from(self.left).unwrap_or(usize::MAX).min(buffer.len());
        let room = buffer.get_mut(..wanted).unwrap_or_default();
        let read = self.source.read_at(self.at, room).map_err(|error| {
            let kind = error.cause.kind();
            io::Error::new(kind, error)
        })?;
        self.at = self.at.saturating_add(read as u64);
        self.left = self.left.saturating_sub(read as u64);
        Ok(read)
    }
}

/// Counts the bytes that a decoder takes.
pub(super) struct Taken<R> {
    pub(super) inner: R,
    pub(super) count: Arc<AtomicU64>,
}

impl<R: Read> Read for Taken<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        self.count.fetch_add(read as u64, Ordering::Relaxed);
        Ok(read)
    }
}

impl<R: BufRead> BufRead for Taken<R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        self.inner.fill_buf()
    }

    fn consume(&mut self, count: usize) {
        self.count.fetch_add(count as u64, Ordering::Relaxed);
        self.inner.consume(count);
    }
}

/// Bytes that are unpacked anew as they are read.
struct Again {
    opened: Opening,
    len: u64,
    tail: Vec<u8>,
    tail_from: u64,
    forward: Mutex<Forward>,
}

/// A stream that goes forward, with the last block of it.
struct Forward {
    stream: Option<Stream>,
    block: Vec<u8>,
    begin: u64,
    rereads: u64,
}

impl Again {
    /// Makes the block hold the byte at an offset, which is before the end.
    fn reach(&self, forward: &mut Forward, offset: u64) -> io::Result<()> {
        if offset < forward.begin || forward.stream.is_none() {
            forward.rereads = forward.rereads.saturating_add(1);
            self.opened.limits.get(MAX_REREADS).check(forward.rereads).map_err(|reached| {
                let codec = self.opened.packing.codec();
                io::Error::other(UnpackError::Limit { rule: &UNINSPECTABLE, codec, at: offset, reached })
            })?;
            let (stream, _) = self.opened.open().map_err(io::Error::other)?;
            (forward.stream, forward.begin) = (Some(stream), 0);
            forward.block.clear();
        }
        while offset >= forward.begin.saturating_add(forward.block.len() as u64) {
            forward.begin = forward.begin.saturating_add(forward.block.len() as u64);
            forward.block.resize(BLOCK, 0);
            let Some(stream) = &mut forward.stream else { return Err(io::ErrorKind::UnexpectedEof.into()) };
            let mut filled = 0_usize;
            let mut failed = None;
            while let Some(room) = forward.block.get_mut(filled..).filter(|room| !room.is_empty()) {
                match stream.read(room) {
                    Ok(0) => break,
                    Ok(read) => filled = filled.saturating_add(read),
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                    Err(error) => {
                        failed = Some(error);
                        break;
                    }
                }
            }
            forward.block.truncate(filled);
            if filled == 0 {
                return Err(failed.unwrap_or_else(|| io::ErrorKind::UnexpectedEof.into()));
            }
        }
        Ok(())
    }
}

impl Source for Again {
    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> Result<usize, SourceError> {
        let left = usize::try_from(self.len.saturating_sub(offset)).unwrap_or(usize::MAX);
        let wanted = left.min(buffer.len());
        let mut done = 0_usize;
        while let Some(room) = buffer.get_mut(done..wanted).filter(|room| !room.is_empty()) {
            let at = offset.saturating_add(done as u64);
            if let Some(into) = at.checked_sub(self.tail_from) {
                let held =
                    usize::try_from(into).ok().and_then(|into| self.tail.get(into..)).unwrap_or_default();
                return Ok(done.saturating_add(copy(held, room)));
            }
            let failed = |cause| SourceError { at, cause };
            let mut forward =
                self.forward.lock().map_err(|_| failed(io::Error::other("an earlier read panicked")))?;
            self.reach(&mut forward, at).map_err(failed)?;
            let into = usize::try_from(at.saturating_sub(forward.begin)).unwrap_or(usize::MAX);
            done = done.saturating_add(copy(forward.block.get(into..).unwrap_or_default(), room));
        }
        Ok(done)
    }

    fn hint(&self) -> Hint {
        Hint::default()
    }
}
