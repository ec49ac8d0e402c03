//! Which codecs, and how each is told from others.
#![expect(
    clippy::disallowed_types,
    reason = "the one place where raw decoders are allowed: limits wrap them"
)]

use std::fmt;
use std::io::{self, BufRead, Read};

use deflate64::Deflate64Decoder;
use flate2::{Decompress, FlushDecompress};
use lazaret_core::{Hint, Limits};
use lz4_flex::frame::FrameDecoder;
use lzma_rust2::XzReader;

use super::bzip2::Bzip2;
use super::raw::{Brotli, Lzma, Stepped, Zlib};
use super::{MAX_DICTIONARY, MAX_WINDOW, UnpackError};

/// A codec.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Codec {
    /// RFC 1952, any number of members.
    Gzip,
    /// RFC 1950.
    Zlib,
    /// RFC 8878, any number of frames.
    Zstd,
    /// RFC 7932.
    Brotli,
    /// RFC 1951, as members of zip archives are.
    Deflate,
    /// Deflate with a window of 64 KiB (zip method 9).
    Deflate64,
    /// bzip2, any number of streams.
    Bzip2,
    /// LZMA, with the header of `.lzma` files or of a zip member, or without one in 7z.
    Lzma,
    /// LZMA2 without a container, in 7z.
    Lzma2,
    /// xz, any number of streams.
    Xz,
    /// LZ4 frames.
    Lz4,
    /// As it is, in 7z.
    Copy,
}

impl Codec {
    /// Its name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Gzip => "gzip",
            Self::Zlib => "zlib",
            Self::Zstd => "zstd",
            Self::Brotli => "brotli",
            Self::Deflate => "deflate",
            Self::Deflate64 => "deflate64",
            Self::Bzip2 => "bzip2",
            Self::Lzma => "lzma",
            Self::Lzma2 => "lzma2",
            Self::Xz => "xz",
            Self::Lz4 => "lz4",
            Self::Copy => "copy",
        }
    }

    /// A decoder without limits; the caller sets them around it. One that ends before its bytes do ends quietly,
    /// except zlib and brotli, where bytes that follow are an error.
    pub(crate) fn decoder(
        self,
        packed: impl BufRead + Send + 'static,
        limits: &Limits,
    ) -> Result<Box<dyn Read + Send>, UnpackError> {
        Ok(match self {
            Self::Gzip => Box::new(flate2::bufread::MultiGzDecoder::new(packed)),
            Self::Zlib => Box::new(Stepped::new(packed, Zlib::new())),
            Self::Brotli => Box::new(Stepped::new(packed, Brotli::new())),
            Self::Zstd => {
                let mut decoder = zstd::Decoder::with_buffer(packed)?;
                // The library takes 10 (1 KiB) to 31 (2 GiB); a smaller limit means the smallest window.
                let log = limits.get(MAX_WINDOW).most().max(1).ilog2().clamp(10, 31);
                decoder.window_log_max(log)?;
                Box::new(decoder)
            }
            Self::Deflate => Box::new(Stepped::ending(packed, Zlib::raw())),
            Self::Deflate64 => Box::new(Deflate64Decoder::with_buffer(packed)),
            Self::Bzip2 => Box::new(Bzip2::new(packed)),
            Self::Lzma => Box::new(Stepped::ending(packed, Lzma::new(dictionary_kib(limits)))),
            Self::Xz => Box::new(XzReader::new_mem_limit(packed, true, dictionary_kib(limits))),
            Self::Lz4 => Box::new(Frames(Some(FrameDecoder::new(packed)))),
            Self::Copy => Box::new(packed),
            // It has no header of its own: `archive` makes its decoder, with what the archive says of it.
            Self::Lzma2 => return Err(UnpackError::Damaged { codec: self, at: 0, what: "it has no header" }),
        })
    }
}

impl fmt::Display for Codec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The codec by which these bytes are compressed, if they show it. Brotli never does.
pub fn is_compressed(head: &[u8]) -> Option<Codec> {
    match head {
        [0x1f, 0x8b, 0x08, ..] => Some(Codec::Gzip),
        [0x28, 0xb5, 0x2f, 0xfd, ..] | [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..] => Some(Codec::Zstd),
        [method, flags, ..] if is_zlib_header(*method, *flags) && inflates(head) => Some(Codec::Zlib),
        _ => None,
    }
}

/// LZ4 frames one after the other: their decoder is for one.
struct Frames<R: Read>(Option<FrameDecoder<R>>);

impl<R: BufRead> Read for Frames<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        const MARK: &[u8] = b"\x04\x22\x4d\x18";
        loop {
            let Some(frame) = &mut self.0 else { return Ok(0) };
            let read = frame.read(buffer)?;
            if read > 0 || buffer.is_empty() {
                return Ok(read);
            }
            let follows = frame.get_mut().fill_buf()?;
            // What is at hand may end within the mark.
            let is_frame = !follows.is_empty() && (follows.starts_with(MARK) || MARK.starts_with(follows));
            self.0 = self.0.take().filter(|_| is_frame).map(|frame| FrameDecoder::new(frame.into_inner()));
        }
    }
}

/// The dictionary an LZMA decoder may have, in KiB, with what it needs besides.
pub(crate) fn dictionary_kib(limits: &Limits) -> u32 {
    let kib = limits.get(MAX_DICTIONARY).most().div_ceil(1 << 10);
    u32::try_from(kib).unwrap_or(u32::MAX).saturating_add(BESIDES_KIB)
}

/// What an LZMA decoder needs besides its dictionary: tables of at most 6 MiB.
const BESIDES_KIB: u32 = 8 << 10;

/// The codec that only the name gives away.
pub(super) fn by_name(hint: &Hint) -> Option<Codec> {
    let last = hint.extension.as_deref().and_then(|extension| extension.rsplit('.').next());
    let named =
        matches!(last, Some("br")) || matches!(hint.media_type.as_deref(), Some("application/x-brotli"));
    named.then_some(Codec::Brotli)
}

/// Whether a file name ending means compression, so that the ending before it says what is inside.
pub(crate) fn is_ending(extension: &str) -> bool {
    matches!(extension, "gz" | "zst" | "zz" | "br")
}

fn is_zlib_header(method: u8, flags: u8) -> bool {
    let check = u16::from_be_bytes([method, flags]);
    method & 0x0f == 8 && method >> 4 <= 7 && check.is_multiple_of(31) && flags & 0x20 == 0
}

/// Whether what follows a header unpacks. `x^` begins a zlib stream, and a text: there the bytes must be no text.
fn inflates(head: &[u8]) -> bool {
    let text = simdutf8::compat::from_utf8(head).map_or_else(|error| error.valid_up_to(), str::len);
    if head.starts_with(b"x^") && text.saturating_add(3) >= head.len() {
        return false; // the last character may be cut off
    }
    let mut decoder = Decompress::new(true);
    let mut out = [0; 256];
    decoder.decompress(head, &mut out, FlushDecompress::None).is_ok()
        && (decoder.total_out() > 0 || decoder.total_in() == head.len() as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_that_looks_like_a_header_is_not_taken_for_one() {
        assert_eq!(is_compressed(b"x^2 + y^2 = z^2 in the note"), None);
        assert_eq!(is_compressed(b"{\"a\":1}"), None);
        assert_eq!(is_compressed(b""), None);
        assert_eq!(is_compressed(b"\x1f\x8b\x08\x00"), Some(Codec::Gzip));
        assert_eq!(is_compressed(b"\x28\xb5\x2f\xfd"), Some(Codec::Zstd));
    }
}
