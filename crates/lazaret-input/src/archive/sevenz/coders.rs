//! The coders of a folder, as one stream.
#![expect(clippy::disallowed_types, reason = "raw decoders, under the limits of `unpack`")]

use std::io::{BufReader, Read};
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use lazaret_core::Limits;
use lzma_rust2::Lzma2Reader;
use lzma_rust2::filter::bcj::BcjReader;
use lzma_rust2::filter::delta::DeltaReader;

use super::super::unpack::{Taken, Window, WindowReader, check_dictionary, lzma};
use crate::decompress::{Codec, UnpackError};

type Stream = Box<dyn Read + Send>;

const PACKED_BLOCK: usize = 64 << 10;
const WRONG: &str = "its properties are wrong";

/// One coder.
#[derive(Debug, Clone)]
pub(super) struct Coder {
    pub(super) id: Vec<u8>,
    pub(super) properties: Vec<u8>,
    /// How many bytes it gives.
    pub(super) size: u64,
}

impl Coder {
    /// AES with a key made of a password.
    pub(super) const AES: &'static [u8] = &[0x06, 0xf1, 0x07, 0x01];
}

/// Coders that take each what the one before gives; the first takes the packed bytes.
#[derive(Debug, Clone)]
pub struct Chain {
    /// With the number each has in its folder.
    coders: Vec<(usize, Coder)>,
}

impl Chain {
    /// A chain of the coders of a folder, given from the last to the first; none where one is not read here.
    pub(super) fn new(coders: &[Coder], from_last: &[u64]) -> Option<Self> {
        let mut chain = Vec::new();
        for number in from_last.iter().rev() {
            let number = usize::try_from(*number).ok()?;
            let coder = coders.get(number)?;
            kind(coder)?;
            chain.push((number, coder.clone()));
        }
        Some(Self { coders: chain })
    }

    pub(super) fn set_sizes(&mut self, sizes: &[u64]) {
        for (number, coder) in &mut self.coders {
            coder.size = sizes.get(*number).copied().unwrap_or(0);
        }
    }

    /// The codec that the packed bytes are in.
    pub(in crate::archive) fn codec(&self) -> Codec {
        let first = self.coders.first().and_then(|(_, coder)| kind(coder));
        match first {
            Some(Kind::Codec(codec)) => codec,
            _ => Codec::Copy,
        }
    }

    /// A stream of what they give, without limits but those on memory.
    pub(in crate::archive) fn open(
        &self,
        packed: &Window,
        taken: &Arc<AtomicU64>,
        limits: &Limits,
    ) -> Result<Stream, UnpackError> {
        let window = BufReader::with_capacity(PACKED_BLOCK, WindowReader::new(packed));
        let mut stream: Stream = Box::new(Taken { inner: window, count: Arc::clone(taken) });
        for (_, coder) in &self.coders {
            stream = Box::new(decoder(coder, stream, limits)?.take(coder.size));
        }
        Ok(stream)
    }
}

/// What a coder is.
enum Kind {
    Codec(Codec),
    Delta,
    Branches(fn(Stream) -> Stream),
}

fn kind(coder: &Coder) -> Option<Kind> {
    Some(match coder.id.as_slice() {
        [0x00] => Kind::Codec(Codec::Copy),
        [0x03, 0x01, 0x01] => Kind::Codec(Codec::Lzma),
        [0x21] => Kind::Codec(Codec::Lzma2),
        [0x04, 0x01, 0x08] => Kind::Codec(Codec::Deflate),
        [0x04, 0x01, 0x09] => Kind::Codec(Codec::Deflate64),
        [0x04, 0x02, 0x02] => Kind::Codec(Codec::Bzip2),
        [0x04, 0xf7, 0x11, 0x01] => Kind::Codec(Codec::Zstd),
        [0x03] => Kind::Delta,
        [0x04] | [0x03, 0x03, 0x01, 0x03] => Kind::Branches(|stream| Box::new(BcjReader::new_x86(stream, 0))),
        [0x05] | [0x03, 0x03, 0x02, 0x05] => Kind::Branches(|stream| Box::new(BcjReader::new_ppc(stream, 0))),
        [0x07] | [0x03, 0x03, 0x05, 0x01] => Kind::Branches(|stream| Box::new(BcjReader::new_arm(stream, 0))),
        [0x08] | [0x03, 0x03, 0x07, 0x01] => {
            Kind::Branches(|stream| Box::new(BcjReader::new_arm_thumb(stream, 0)))
        }
        [0x0a] => Kind::Branches(|stream| Box::new(BcjReader::new_arm64(stream, 0))),
        _ => return None,
    })
}

fn decoder(coder: &Coder, packed: Stream, limits: &Limits) -> Result<Stream, UnpackError> {
    let damaged = |codec, what| UnpackError::Damaged { codec, at: 0, what };
    match (kind(coder), coder.properties.as_slice()) {
        (Some(Kind::Codec(Codec::Copy)), _) => Ok(packed),
        (Some(Kind::Codec(Codec::Lzma)), [properties, d0, d1, d2, d3]) => {
            let dictionary = u32::from_le_bytes([*d0, *d1, *d2, *d3]);
            lzma(packed, Some(coder.size), *properties, dictionary, limits)
        }
        (Some(Kind::Codec(Codec::Lzma2)), [bits @ 0..=40]) => {
            // 2 or 3 times a power of two; 40 is all that 32 bits hold.
            let base = 2 | u64::from(bits & 1);
            let said = base.checked_shl(u32::from(bits / 2).saturating_add(11)).unwrap_or(u64::MAX);
            let needed = said.min(coder.size.max(4096));
            let dictionary = u32::try_from(needed).unwrap_or(u32::MAX);
            check_dictionary(dictionary, Codec::Lzma2, limits)?;
            Ok(Box::new(Lzma2Reader::new(packed, dictionary, None)))
        }
        (Some(Kind::Codec(lzma @ (Codec::Lzma | Codec::Lzma2))), _) => Err(damaged(lzma, WRONG)),
        (Some(Kind::Codec(other)), _) => {
            other.decoder(BufReader::with_capacity(PACKED_BLOCK, packed), limits)
        }
        (Some(Kind::Delta), [distance]) => {
            Ok(Box::new(DeltaReader::new(packed, usize::from(*distance).saturating_add(1))))
        }
        (Some(Kind::Branches(open)), _) => Ok(open(packed)),
        (Some(Kind::Delta) | None, _) => Err(damaged(Codec::Copy, WRONG)),
    }
}
