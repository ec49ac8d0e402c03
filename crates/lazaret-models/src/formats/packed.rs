//! Files that are one packed stream: what is in them is looked at like any file.

use lazaret_core::{FormatId, Likeness};
use lazaret_input::archive::{Packing, Window, unpack};
use lazaret_input::decompress::{Codec, is_compressed};

use super::archive;
use crate::look::{Head, Looking};
use crate::part::{Part, Unread};
use crate::registry::ModelFormat;

/// A codec as a format.
pub(crate) struct Packed {
    id: &'static str,
    about: &'static str,
    codec: Codec,
    extensions: &'static [&'static str],
}

const fn packed(
    id: &'static str,
    about: &'static str,
    codec: Codec,
    extensions: &'static [&'static str],
) -> Packed {
    Packed { id, about, codec, extensions }
}

pub(crate) static GZIP: Packed = packed("gzip", "gzip stream", Codec::Gzip, &["gz", "tgz", "gzip"]);
pub(crate) static ZLIB: Packed = packed("zlib", "zlib stream", Codec::Zlib, &["zlib", "z", "zz"]);
pub(crate) static ZSTD: Packed = packed("zstd", "zstd stream", Codec::Zstd, &["zst", "tzst", "zstd"]);
pub(crate) static BZIP2: Packed = packed("bzip2", "bzip2 stream", Codec::Bzip2, &["bz2", "tbz2", "tbz"]);
pub(crate) static XZ: Packed = packed("xz", "xz stream", Codec::Xz, &["xz", "txz"]);
pub(crate) static LZMA: Packed = packed("lzma", "LZMA stream (.lzma)", Codec::Lzma, &["lzma", "tlz"]);
pub(crate) static LZ4: Packed = packed("lz4", "LZ4 frame", Codec::Lz4, &["lz4"]);

impl ModelFormat for Packed {
    fn id(&self) -> FormatId {
        FormatId(self.id)
    }

    fn about(&self) -> &'static str {
        self.about
    }

    fn extensions(&self) -> &'static [&'static str] {
        self.extensions
    }

    fn recognise(&self, head: &Head<'_>) -> Likeness {
        let is = match self.codec {
            Codec::Bzip2 => matches!(
                head.bytes,
                [b'B', b'Z', b'h', b'1'..=b'9', 0x31, 0x41, 0x59, 0x26, 0x53, 0x59, ..]
                    | [b'B', b'Z', b'h', b'1'..=b'9', 0x17, 0x72, 0x45, 0x38, 0x50, 0x90, ..]
            ),
            Codec::Xz => head.bytes.starts_with(b"\xfd7zXZ\0"),
            Codec::Lz4 => head.bytes.starts_with(b"\x04\x22\x4d\x18"),
            Codec::Lzma => return lzma(head.bytes, self.extensions.contains(&head.extension)),
            codec => is_compressed(head.bytes) == Some(codec),
        };
        if is { Likeness::Certain } else { Likeness::No }
    }

    fn read(&self, part: &Part, looking: &mut Looking<'_>) -> Result<FormatId, Unread> {
        let window = Window { source: part.as_source(), from: 0, len: part.len() };
        let unpacked = unpack(&window, &Packing::Codec(self.codec), looking.room(), looking.limits);
        looking.unpacked(unpacked.len)?;
        let inner = part.member(unpacked.source, unpacked.len, &self.inner_name(part));
        if let Some(error) = &unpacked.fault {
            archive::cut(error, &inner, looking);
        } else if matches!(self.codec, Codec::Bzip2 | Codec::Lz4 | Codec::Lzma | Codec::Xz) {
            looking.tail(part, unpacked.taken);
        }
        looking.inside(&inner);
        Ok(self.id())
    }
}

impl Packed {
    /// The name without the ending that says how it is packed: `model.pkl.gz` is `model.pkl`, `model.tgz` `model.tar`.
    fn inner_name(&self, part: &Part) -> String {
        let name = part.name().rsplit(['/', '\\']).next().unwrap_or_default();
        let extension = part.extension();
        let stem = name.rsplit_once('.').map_or(name, |(stem, _)| stem);
        match extension.as_str() {
            "tgz" | "tbz" | "tbz2" | "txz" | "tlz" | "tzst" => format!("{stem}.tar"),
            ending if self.extensions.contains(&ending) => stem.to_owned(),
            _ if name.is_empty() => "unpacked".to_owned(),
            _ => name.to_owned(),
        }
    }
}

/// The header of `.lzma` files has no mark: properties, dictionary, size, and the first byte of the coder, which is 0.
/// Numbers in a file of weights can look like that; the properties that all tools write do not happen among them by
/// chance, others are believed where the name says so too.
fn lzma(head: &[u8], is_named: bool) -> Likeness {
    const USUAL: u8 = 0x5d;
    let [properties, d0, d1, d2, d3, size @ ..] = head else { return Likeness::No };
    let dictionary = u32::from_le_bytes([*d0, *d1, *d2, *d3]);
    let third = dictionary / 3;
    let is_round = dictionary.is_power_of_two() || (dictionary % 3 == 0 && third.is_power_of_two());
    let Some((size, [0, ..])) = size.split_first_chunk::<8>() else { return Likeness::No };
    let size = u64::from_le_bytes(*size);
    let fits = *properties < 225 && is_round && dictionary >= 1 << 12 && (size == u64::MAX || size < 1 << 40);
    // What unpacks to nothing, or to more than any packing gives, is no stream.
    let is_usual = *properties == USUAL && dictionary <= 1 << 30 && size > 0;
    match (fits, is_usual, is_named) {
        (true, true, _) => Likeness::Certain,
        (true, false, true) => Likeness::Possible,
        _ => Likeness::No,
    }
}
