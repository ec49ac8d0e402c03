//! What was done to a chunk before it was stored, and how it is undone.

use std::sync::Arc;

use lazaret_core::{Hint, Limit};
use lazaret_input::MemorySource;
use lazaret_input::archive::{Packing, Window, unpack};
use lazaret_input::decompress::Codec;

use super::chunks::Chunk;
use super::file::{Fields, File, broken};
use crate::look::Looking;
use crate::part::{Part, Unread};

/// Most filters, as the format has it.
const MOST: u64 = 32;

/// One filter: its number and the values that it was set up with.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Filter {
    id: u64,
    values: Vec<u64>,
}

impl Filter {
    /// Whether it can be undone here.
    pub(super) const fn is_known(&self) -> bool {
        matches!(self.id, DEFLATE | SHUFFLE | CHECKSUM | BZIP2 | LZF | ZSTD)
    }
}

const DEFLATE: u64 = 1;
const SHUFFLE: u64 = 2;
const CHECKSUM: u64 = 3;
const BZIP2: u64 = 307;
/// Of h5py.
const LZF: u64 = 32_000;
const ZSTD: u64 = 32_015;

/// The message that lists them.
pub(super) fn pipeline(fields: &mut Fields<'_>) -> Result<Vec<Filter>, Unread> {
    let at = fields.place();
    let (version, count) = (fields.byte()?, fields.number(1)?);
    if !matches!(version, 1 | 2) || count > MOST {
        return Err(broken(at, "a list of filters of an unknown kind"));
    }
    if version == 1 {
        fields.skip(6)?;
    }
    let mut filters = Vec::new();
    for _ in 0..count {
        let id = fields.number(2)?;
        let name = if version == 1 || id >= 256 { fields.size(2)? } else { 0 };
        fields.skip(2)?;
        let count = fields.number(2)?;
        fields.skip(if version == 1 { name.next_multiple_of(8) } else { name })?;
        let values = (0..count).map(|_| fields.number(4)).collect::<Result<Vec<_>, _>>()?;
        if version == 1 && count % 2 == 1 {
            fields.skip(4)?;
        }
        filters.push(Filter { id, values });
    }
    Ok(filters)
}

/// A chunk of so many bytes with its filters undone; all of them must be known. A long one is unpacked as it is read.
pub(super) fn undone(
    file: &File<'_>,
    chunk: &Chunk,
    filters: &[Filter],
    most: u64,
    path: &str,
    looking: &mut Looking<'_>,
) -> Result<Part, Unread> {
    let at = file.base.saturating_add(chunk.address);
    let held = |bytes: Vec<u8>| {
        let len = bytes.len() as u64;
        file.part.member(Arc::new(MemorySource::new(bytes, Hint::default())), len, path)
    };
    let mut part = file.part.slice(at, chunk.size, path);
    if part.len() < chunk.size {
        return Err(broken(file.part.len(), "a chunk lies behind the end of the file"));
    }
    for (number, filter) in filters.iter().enumerate().rev() {
        let is_left_out = u32::try_from(number)
            .ok()
            .and_then(|number| chunk.left_out.checked_shr(number))
            .is_some_and(|bits| bits & 1 == 1);
        if is_left_out {
            continue;
        }
        part = match filter.id {
            codec @ (DEFLATE | BZIP2 | ZSTD) => {
                let codec = match codec {
                    BZIP2 => Codec::Bzip2,
                    ZSTD => Codec::Zstd,
                    _ => Codec::Zlib,
                };
                let window = Window { source: part.as_source(), from: 0, len: part.len() };
                let room = room_for(most, looking);
                let unpacked = unpack(&window, &Packing::Codec(codec), room, &file.unpacking);
                looking.unpacked(unpacked.len)?;
                if let Some(fault) = &unpacked.fault {
                    return Err(broken(at, format!("a chunk cannot be unpacked: {fault}")));
                }
                file.part.member(unpacked.source, unpacked.len, path)
            }
            SHUFFLE => match filter.values.first().copied().unwrap_or(1) {
                0 | 1 => part,
                size => held(unshuffled(&part.whole(file.max_block)?, size)),
            },
            CHECKSUM => file.part.member(part.as_source(), part.len().saturating_sub(4), path),
            LZF => {
                // It is held whole, and its length is not known before.
                let room = room_for(most, looking).most().min(file.max_block.most().saturating_add(1));
                let bytes = unpacked(&part.whole(file.max_block)?, room);
                looking.unpacked(bytes.len() as u64)?;
                let allowed = file.max_block.check(bytes.len() as u64);
                allowed.map_err(|reached| broken(at, reached.to_string()))?;
                held(bytes)
            }
            other => return Err(broken(at, format!("the filter {other} is not known"))),
        };
    }
    Ok(part)
}

/// How much a chunk that should have so many bytes may unpack to.
fn room_for(most: u64, looking: &Looking<'_>) -> Limit {
    let room = looking.room();
    if room.most() > most { room.with(most) } else { room }
}

/// The first bytes of all elements stand first, then the second ones, and so on; what makes no element stands behind.
fn unshuffled(bytes: &[u8], size: u64) -> Vec<u8> {
    let size = usize::try_from(size).unwrap_or(1).max(1);
    let count = bytes.len() / size;
    let whole = count.saturating_mul(size);
    let (shuffled, rest) = bytes.split_at_checked(whole).unwrap_or((bytes, &[]));
    let mut elements = Vec::with_capacity(bytes.len());
    for element in 0..count {
        elements.extend(shuffled.iter().skip(element).step_by(count));
    }
    elements.extend(rest);
    elements
}

/// LZF: a run of bytes as it is, or a copy of what came before.
fn unpacked(bytes: &[u8], most: u64) -> Vec<u8> {
    let most = usize::try_from(most).unwrap_or(usize::MAX);
    let (mut out, mut rest) = (Vec::new(), bytes);
    while let [first, after @ ..] = rest {
        if out.len() >= most {
            break;
        }
        let first = usize::from(*first);
        if first < 32 {
            let (run, behind) = after.split_at_checked(first.saturating_add(1)).unwrap_or((after, &[]));
            out.extend_from_slice(run);
            rest = behind;
            continue;
        }
        let mut after = after.iter();
        let mut length = first >> 5;
        if length == 7 {
            length = length.saturating_add(after.next().map_or(0, |more| usize::from(*more)));
        }
        let low = after.next().map_or(0, |low| usize::from(*low));
        let back = ((first & 31) << 8 | low).saturating_add(1);
        for _ in 0..length.saturating_add(2) {
            let Some(byte) = out.len().checked_sub(back).and_then(|from| out.get(from)).copied() else {
                break;
            };
            out.push(byte);
        }
        rest = after.as_slice();
    }
    out
}
