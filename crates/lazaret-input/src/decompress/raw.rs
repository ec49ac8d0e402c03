//! Zlib and brotli, driven step by step. Their ready-made readers end quietly where a stream is cut off or
//! where other bytes follow it; here both are errors.

use std::io::{self, BufRead, Read};

use brotli::{BrotliDecompressStream, BrotliResult, BrotliState, HeapAlloc, HuffmanCode};
use flate2::{Decompress, FlushDecompress, Status};
use lzma_rust2::{Action, LzmaStream};

/// Bytes follow the end of the stream.
#[derive(Debug, thiserror::Error)]
#[error("bytes follow the end of the stream")]
pub(super) struct Tail;

/// What one step did.
pub(super) struct Progress {
    taken: usize,
    given: usize,
    ended: bool,
}

/// A codec that unpacks some bytes into some room.
pub(super) trait Step {
    /// Takes what it can, gives what fits.
    fn step(&mut self, packed: &[u8], room: &mut [u8]) -> io::Result<Progress>;
}

/// A reader over a stepping codec.
pub(super) struct Stepped<R, S> {
    packed: R,
    codec: S,
    ended: bool,
    /// What follows the end is the caller's to look at.
    ends_quietly: bool,
}

impl<R: BufRead, S: Step> Stepped<R, S> {
    pub(super) fn new(packed: R, codec: S) -> Self {
        Self { packed, codec, ended: false, ends_quietly: false }
    }

    /// One that ends where its stream does, whatever follows.
    pub(super) fn ending(packed: R, codec: S) -> Self {
        Self { ends_quietly: true, ..Self::new(packed, codec) }
    }
}

impl<R: BufRead, S: Step> Read for Stepped<R, S> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while !self.ended && !buffer.is_empty() {
            let packed = self.packed.fill_buf()?;
            let at_end = packed.is_empty();
            let progress = self.codec.step(packed, buffer)?;
            self.packed.consume(progress.taken);
            self.ended = progress.ended;
            if progress.given > 0 {
                return Ok(progress.given);
            }
            if !self.ended && progress.taken == 0 {
                let kind = if at_end { io::ErrorKind::UnexpectedEof } else { io::ErrorKind::InvalidData };
                return Err(kind.into());
            }
        }
        if self.ended && !self.ends_quietly && !self.packed.fill_buf()?.is_empty() {
            return Err(io::Error::new(io::ErrorKind::InvalidData, Tail));
        }
        Ok(0)
    }
}

/// RFC 1950.
pub(super) struct Zlib(Decompress);

impl Zlib {
    pub(super) fn new() -> Self {
        Self(Decompress::new(true))
    }

    /// RFC 1951: the same without header and checksum.
    pub(super) fn raw() -> Self {
        Self(Decompress::new(false))
    }
}

impl Step for Zlib {
    fn step(&mut self, packed: &[u8], room: &mut [u8]) -> io::Result<Progress> {
        let (taken, given) = (self.0.total_in(), self.0.total_out());
        let status = self.0.decompress(packed, room, FlushDecompress::None)?;
        let since = |now: u64, before: u64| usize::try_from(now.saturating_sub(before)).unwrap_or(usize::MAX);
        Ok(Progress {
            taken: since(self.0.total_in(), taken),
            given: since(self.0.total_out(), given),
            ended: status == Status::StreamEnd,
        })
    }
}

/// LZMA with the header of `.lzma` files. It may take up to twenty bytes that follow the end.
pub(super) struct Lzma(LzmaStream);

impl Lzma {
    pub(super) fn new(memory_kib: u32) -> Self {
        Self(LzmaStream::new_mem_limit(memory_kib, None))
    }
}

impl Step for Lzma {
    fn step(&mut self, packed: &[u8], room: &mut [u8]) -> io::Result<Progress> {
        let action = if packed.is_empty() { Action::Finish } else { Action::Run };
        let done = self.0.process(packed, room, action)?;
        let ended = done.status == lzma_rust2::Status::StreamEnd;
        Ok(Progress { taken: done.bytes_consumed, given: done.bytes_produced, ended })
    }
}

/// RFC 7932, without the large windows some encoders add to it: 16 MiB at most.
pub(super) struct Brotli(Box<BrotliState<HeapAlloc<u8>, HeapAlloc<u32>, HeapAlloc<HuffmanCode>>>);

impl Brotli {
    pub(super) fn new() -> Self {
        let codes = HeapAlloc::new(HuffmanCode::default());
        Self(Box::new(BrotliState::new_strict(HeapAlloc::new(0), HeapAlloc::new(0), codes)))
    }
}

impl Step for Brotli {
    fn step(&mut self, packed: &[u8], room: &mut [u8]) -> io::Result<Progress> {
        let (mut left_in, mut taken, mut left_out, mut given, mut total) =
            (packed.len(), 0, room.len(), 0, 0);
        let result = BrotliDecompressStream(
            &mut left_in,
            &mut taken,
            packed,
            &mut left_out,
            &mut given,
            room,
            &mut total,
            &mut self.0,
        );
        match result {
            BrotliResult::ResultFailure => Err(io::ErrorKind::InvalidData.into()),
            BrotliResult::ResultSuccess => Ok(Progress { taken, given, ended: true }),
            BrotliResult::NeedsMoreInput | BrotliResult::NeedsMoreOutput => {
                Ok(Progress { taken, given, ended: false })
            }
        }
    }
}
