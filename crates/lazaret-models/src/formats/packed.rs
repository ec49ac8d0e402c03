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
        for (from, len) in passed_over(part, self.codec)? {
            looking.hidden(part, from, len, "what the packed stream carries beside its data");
        }
        looking.inside(&inner);
        Ok(self.id())
    }
}

/// How much is read at once.
const BLOCK: usize = 256 << 10;
/// Most stretches that are looked at: streams have a few names, and most have none.
const MOST_PASSED_OVER: usize = 10_000;

/// What a packed stream carries beside its data: the name, comment and extra field of a gzip member, frames that readers of
/// zstd and LZ4 skip. Where one may begin is told by its mark, anywhere: what is none holds nothing.
fn passed_over(part: &Part, codec: Codec) -> Result<Vec<(u64, u64)>, Unread> {
    let (mark, before): (&[u8], u64) = match codec {
        Codec::Gzip => (b"\x1f\x8b\x08", 0),
        Codec::Zstd | Codec::Lz4 => (b"\x2a\x4d\x18", 1),
        _ => return Ok(Vec::new()),
    };
    let mut found = Vec::new();
    let mut block = vec![0; BLOCK];
    let mut at = 0_u64;
    loop {
        let read = part.read_at(at, &mut block)?;
        for place in memchr::memmem::find_iter(block.get(..read).unwrap_or_default(), mark) {
            let Some(begin) = at.saturating_add(place as u64).checked_sub(before) else { continue };
            if found.len() >= MOST_PASSED_OVER {
                let why = format!("more than {MOST_PASSED_OVER} names, comments and frames without data");
                return Err(Unread::malformed(begin, why));
            }
            match codec {
                Codec::Gzip => gzip_fields(part, begin, &mut found)?,
                _ => found.extend(skipped_frame(part, begin)),
            }
        }
        // A mark may lie across two blocks.
        let next = at.saturating_add(read.saturating_sub(mark.len().saturating_sub(1)) as u64);
        if read < block.len() {
            return Ok(found);
        }
        at = next;
    }
}

/// The extra field, name and comment of a gzip member (RFC 1952, 2.3).
fn gzip_fields(part: &Part, begin: u64, found: &mut Vec<(u64, u64)>) -> Result<(), Unread> {
    let Ok([_, _, _, flags, ..]) = part.array::<10>(begin) else { return Ok(()) };
    if flags & 0xe0 != 0 || flags & 0x1c == 0 {
        return Ok(());
    }
    let mut at = begin.saturating_add(10);
    if flags & 4 != 0 {
        let Ok(len) = part.array(at).map(u16::from_le_bytes) else { return Ok(()) };
        at = at.saturating_add(2);
        found.push((at, len.into()));
        at = at.saturating_add(len.into());
    }
    for flag in [8, 16] {
        if flags & flag == 0 {
            continue;
        }
        let mut text = vec![0; LONGEST_NAME];
        let read = part.read_at(at, &mut text)?;
        let text = text.get(..read).unwrap_or_default();
        // One that is longer is looked at as far as it was read.
        let len = memchr::memchr(0, text).unwrap_or(read) as u64;
        found.push((at, len));
        at = at.saturating_add(len).saturating_add(1);
    }
    Ok(())
}

/// Longest name or comment of a gzip member that is looked at.
const LONGEST_NAME: usize = 64 << 10;

/// A frame that readers skip (RFC 8878, 3.1.2): its mark, its length.
fn skipped_frame(part: &Part, begin: u64) -> Option<(u64, u64)> {
    let [first, _, _, _, length @ ..] = part.array::<8>(begin).ok()?;
    let from = begin.saturating_add(8);
    let len = u64::from(u32::from_le_bytes(length)).min(part.len().saturating_sub(from));
    ((0x50..=0x5f).contains(&first)).then_some((from, len))
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
