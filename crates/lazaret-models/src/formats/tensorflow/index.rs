//! The index of a checkpoint: a sorted table in blocks (as `LevelDB` has it), from names of tensors to their places.

use lazaret_core::Limits;

use crate::formats::protobuf::{Fields, Span};
use crate::part::{MAX_WHOLE, Part, Unread, printed};
use crate::weights::Kind;

/// The last eight bytes of a table.
pub(super) const MAGIC: [u8; 8] = 0xdb47_7524_8b80_fb57_u64.to_le_bytes();
/// The footer: two handles, padding, the magic number.
const FOOTER: u64 = 48;
/// What follows a block: how it is packed, and a checksum.
const TRAILER: u64 = 5;

/// What the index says of one tensor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) shard: u64,
    pub(super) offset: u64,
    pub(super) size: u64,
    pub(super) kind: Kind,
    /// Its dimensions; none where they are not said, or it lies in slices.
    pub(super) shape: Option<Vec<u64>>,
}

/// What an index holds, told one by one.
pub(super) enum Told {
    /// How many files of data there are.
    Shards(u64),
    /// A tensor.
    Tensor { name: String, entry: Entry },
}

/// Whether a part ends as a table does.
pub(super) fn is_table(part: &Part) -> bool {
    let from = part.len().checked_sub(FOOTER);
    from.is_some_and(|from| part.array::<8>(from.saturating_add(40)).is_ok_and(|last| last == MAGIC))
}

/// Where a block lies.
#[derive(Clone, Copy)]
struct Handle {
    offset: u64,
    size: u64,
}

/// Tells all that is in an index.
pub(super) fn read(
    part: &Part,
    limits: &Limits,
    tell: &mut dyn FnMut(Told) -> Result<(), Unread>,
) -> Result<(), Unread> {
    let from = part.len().checked_sub(FOOTER).ok_or_else(|| Unread::cut_off(part.len()))?;
    let footer: [u8; 40] = part.array(from)?;
    let mut rest = footer.as_slice();
    let _names_of_blocks = handle(&mut rest, from)?;
    let index = block(part, handle(&mut rest, from)?, limits)?;
    for_each(&index, |_, mut value| {
        let data = block(part, handle(&mut value, from)?, limits)?;
        for_each(&data, |key, value| entry(part, key, value, limits, tell))
    })
}

fn handle(rest: &mut &[u8], at: u64) -> Result<Handle, Unread> {
    let wrong = || Unread::malformed(at, "a block of the table has no place");
    let offset = varint(rest).ok_or_else(wrong)?;
    Ok(Handle { offset, size: varint(rest).ok_or_else(wrong)? })
}

fn block(part: &Part, at: Handle, limits: &Limits) -> Result<Vec<u8>, Unread> {
    limits.get(MAX_WHOLE).check(at.size)?;
    let after = at.offset.saturating_add(at.size);
    if after.saturating_add(TRAILER) > part.len() {
        return Err(Unread::malformed(
            at.offset.min(part.len()),
            "a block of the table lies outside the file",
        ));
    }
    if part.array::<1>(after)? != [0] {
        return Err(Unread::malformed(at.offset, "a block of the table is packed"));
    }
    let mut bytes = part.bytes(at.offset, usize::try_from(at.size).unwrap_or(usize::MAX))?;
    let restarts = bytes.last_chunk::<4>().map(|count| u32::from_le_bytes(*count));
    let restarts = restarts.and_then(|count| usize::try_from(count).ok()?.checked_add(1)?.checked_mul(4));
    let kept = restarts.and_then(|bytes_of| bytes.len().checked_sub(bytes_of));
    bytes.truncate(kept.ok_or_else(|| Unread::malformed(at.offset, "a block of the table has no end"))?);
    Ok(bytes)
}

/// Goes over the pairs of a block. A key is what it shares with the one before, and the rest.
fn for_each(block: &[u8], mut tell: impl FnMut(&[u8], &[u8]) -> Result<(), Unread>) -> Result<(), Unread> {
    let wrong = || Unread::malformed(0, "an entry of the table is longer than its block");
    let (mut rest, mut key) = (block, Vec::new());
    while !rest.is_empty() {
        let mut size = || usize::try_from(varint(&mut rest)?).ok();
        let (shared, own, length) = (size(), size(), size());
        let (shared, own, length) =
            shared.zip(own).zip(length).map(|((a, b), c)| (a, b, c)).ok_or_else(wrong)?;
        let (name, after) = rest.split_at_checked(own).ok_or_else(wrong)?;
        let (value, after) = after.split_at_checked(length).ok_or_else(wrong)?;
        if shared > key.len() {
            return Err(wrong());
        }
        key.truncate(shared);
        key.extend_from_slice(name);
        rest = after;
        tell(&key, value)?;
    }
    Ok(())
}

fn entry(
    part: &Part,
    key: &[u8],
    value: &[u8],
    limits: &Limits,
    tell: &mut dyn FnMut(Told) -> Result<(), Unread>,
) -> Result<(), Unread> {
    let length = value.len() as u64;
    let source = lazaret_input::MemorySource::new(value, lazaret_core::Hint::default());
    let value = part.member(std::sync::Arc::new(source), length, "entry");
    let mut fields = Fields::new(&value, limits);
    let mut span = fields.root();
    let mut found = Entry { shard: 0, offset: 0, size: 0, kind: Kind::Unknown, shape: None };
    let mut shards = 1;
    while let Some(field) = fields.next(&mut span)? {
        match (field.number, field.varint()) {
            // Of the first entry it is the number of files.
            (1, Some(number)) => (shards, found.kind) = (number, kind_of(number)),
            (3, Some(number)) => found.shard = number,
            (4, Some(number)) => found.offset = number,
            (5, Some(number)) => found.size = number,
            (2, None) => {
                found.shape = field.span().map(|span| shape(&mut fields, span)).transpose()?.flatten();
            }
            (7, None) => found.shape = None,
            _ => {}
        }
    }
    if key.is_empty() {
        tell(Told::Shards(shards))
    } else {
        tell(Told::Tensor { name: printed(&String::from_utf8_lossy(key)), entry: found })
    }
}

/// The dimensions of a `TensorShapeProto`; none of one that is not known.
fn shape(fields: &mut Fields<'_>, span: Span) -> Result<Option<Vec<u64>>, Unread> {
    const MOST: usize = 64;
    let (mut span, mut lengths) = (span, Vec::new());
    while let Some(field) = fields.next(&mut span)? {
        let (2, Some(mut dimension)) = (field.number, field.span()) else { continue };
        let mut length = 0;
        while let Some(field) = fields.next(&mut dimension)? {
            length = field.varint().filter(|_| field.number == 1).unwrap_or(length);
        }
        if lengths.len() >= MOST {
            return Ok(None);
        }
        lengths.push(length);
    }
    Ok(Some(lengths))
}

/// The types of `DataType` whose size is fixed.
const fn kind_of(kind: u64) -> Kind {
    match kind {
        1 => Kind::F32,
        2 => Kind::F64,
        3 => Kind::Int(4),
        4 => Kind::Uint(1),
        5 => Kind::Int(2),
        6 => Kind::Int(1),
        8 => Kind::Bits(64),
        9 => Kind::Int(8),
        10 => Kind::Bool,
        14 => Kind::Bf16,
        17 => Kind::Uint(2),
        18 => Kind::Bits(128),
        19 => Kind::F16,
        22 => Kind::Uint(4),
        23 => Kind::Uint(8),
        _ => Kind::Unknown,
    }
}

fn varint(rest: &mut &[u8]) -> Option<u64> {
    let mut number = 0_u64;
    for shift in (0..64).step_by(7) {
        let (byte, after) = rest.split_first()?;
        *rest = after;
        number |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some(number);
        }
    }
    None
}
