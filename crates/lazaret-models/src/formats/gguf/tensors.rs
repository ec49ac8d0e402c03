//! The tensor infos: what each says of its shape, type and place.

use std::sync::Arc;

use rustc_hash::FxHashSet;

use super::{Reader, refused};
use crate::look::Looking;
use crate::part::{Unread, printed};
use crate::rules;
use crate::weights::{Data, Kind, Tensor, Tensors};

/// The longest name of a tensor. Loaders take 64 bytes; what is longer in good faith is no attack.
const MAX_NAME: u64 = 1024;
/// Most dimensions.
const MAX_DIMENSIONS: u32 = 4;

/// How many numbers a block of a type has, and how many bytes.
const fn block(kind: u32) -> Option<(u64, u64)> {
    Some(match kind {
        0 | 26 => (1, 4),
        1 | 25 | 30 => (1, 2),
        2 | 20 | 31..=33 | 36..=38 => (32, 18),
        3 => (32, 20),
        6 => (32, 22),
        7 => (32, 24),
        8 => (32, 34),
        9 => (32, 36),
        10 => (256, 84),
        11 | 21 => (256, 110),
        12 => (256, 144),
        13 => (256, 176),
        14 => (256, 210),
        15 => (256, 292),
        16 | 35 => (256, 66),
        17 => (256, 74),
        18 => (256, 98),
        19 => (256, 50),
        22 => (256, 82),
        23 => (256, 136),
        24 => (1, 1),
        27 | 28 => (1, 8),
        29 => (256, 56),
        34 => (256, 54),
        39 => (32, 17),
        40 => (64, 36),
        41 => (128, 18),
        _ => return None,
    })
}

/// How the numbers of a type are read: of quantised ones the scales of blocks.
fn kind_of(kind: u32) -> Kind {
    let Some((numbers, bytes)) = block(kind) else { return Kind::Unknown };
    match kind {
        0 => Kind::F32,
        1 => Kind::F16,
        24 => Kind::Int(1),
        25 => Kind::Int(2),
        26 => Kind::Int(4),
        27 => Kind::Int(8),
        28 => Kind::F64,
        30 => Kind::Bf16,
        2 | 3 | 6..=9 | 12 | 13 | 15 => Kind::Blocks { numbers, bytes, scale: 0 },
        10 => Kind::Blocks { numbers, bytes, scale: 80 },
        11 => Kind::Blocks { numbers, bytes, scale: 108 },
        14 => Kind::Blocks { numbers, bytes, scale: 208 },
        _ => Kind::Unknown,
    }
}

/// A tensor that lies in the data as it says.
struct Placed {
    name: String,
    kind: u32,
    shape: Vec<u64>,
    begin: u64,
    len: u64,
}

/// Reads all; gives where the last tensor ends, or the header if there is none.
pub(super) fn read(
    reader: &mut Reader<'_>,
    count: u64,
    alignment: u64,
    looking: &mut Looking<'_>,
    tensors: &mut Tensors,
) -> Result<u64, Unread> {
    let mut names: FxHashSet<String> = FxHashSet::default();
    let mut places: Vec<(u64, u64, u64)> = Vec::new();
    let mut kept: Vec<Placed> = Vec::new();
    for _ in 0..count {
        let at = reader.position();
        let named_at = reader.position();
        let name = reader.name(MAX_NAME)?;
        if name.contains(char::REPLACEMENT_CHARACTER) {
            return Err(refused(named_at, "the name of a tensor is no text"));
        }
        match extent(reader, at)? {
            Ok(tensor) if tensor.begin % alignment != 0 => {
                let message =
                    format!("tensor `{}` does not begin at a multiple of {alignment}", printed(&name));
                looking.find(&rules::GGUF_TENSOR, reader.part.at(at), message);
            }
            Ok(mut tensor) => {
                places.push((tensor.begin, tensor.begin.saturating_add(tensor.len), at));
                tensor.name.clone_from(&name);
                kept.push(tensor);
            }
            Err(why) => {
                let message = format!("tensor `{}`: {why}", printed(&name));
                looking.find(&rules::GGUF_TENSOR, reader.part.at(at), message);
            }
        }
        if !names.insert(name) {
            let message = "two tensors have one name: readers disagree on which holds";
            looking.find(&rules::GGUF_TENSOR, reader.part.at(at), message);
        }
    }
    let header = reader.position();
    let data = align(header, alignment);
    let room = reader.part.len().saturating_sub(data);
    hand_over(kept, reader, data, tensors);
    places.sort_unstable();
    let mut expected = 0_u64;
    for (begin, end, at) in places {
        let why = if end > room {
            format!("a tensor ends at byte {end} of the data, which has {room}")
        } else if begin < expected {
            format!("two tensors share bytes: one begins at {begin}, the one before ends at {expected}")
        } else if begin > align(expected, alignment) {
            let hole = begin.saturating_sub(expected);
            format!("{hole} bytes of no tensor lie before byte {begin} of the data: more than padding")
        } else {
            expected = end;
            continue;
        };
        expected = expected.max(end);
        looking.find(&rules::GGUF_TENSOR, reader.part.at(at), why);
    }
    Ok(data.saturating_add(align(expected, alignment)).min(reader.part.len()))
}

/// Hands tensors over whose bytes are there. Those of a big-endian file are not read.
fn hand_over(kept: Vec<Placed>, reader: &Reader<'_>, data: u64, tensors: &mut Tensors) {
    let file = Arc::new(reader.part.clone());
    for placed in kept {
        let from = data.saturating_add(placed.begin);
        let is_there = from.saturating_add(placed.len) <= file.len() && !reader.big_endian;
        let data = Data { part: Arc::clone(&file), from, len: placed.len };
        let (name, kind, shape) = (placed.name, kind_of(placed.kind), placed.shape);
        tensors.push(Tensor { name, kind, shape, data: Some(data).filter(|_| is_there) });
    }
}

const fn align(at: u64, alignment: u64) -> u64 {
    match at.checked_next_multiple_of(alignment) {
        Some(aligned) => aligned,
        None => u64::MAX,
    }
}

/// The next tensor, still without its name, or why it cannot be.
fn extent(reader: &mut Reader<'_>, at: u64) -> Result<Result<Placed, String>, Unread> {
    let dimensions = reader.u32()?;
    if dimensions > MAX_DIMENSIONS {
        return Err(refused(
            at,
            format!("a tensor of {dimensions} dimensions; at most {MAX_DIMENSIONS} are known"),
        ));
    }
    let mut numbers = Some(1_u64);
    let (mut row, mut shape) = (1, Vec::new());
    for index in 0..dimensions {
        let length = reader.size()?;
        row = if index == 0 { length } else { row };
        // The innermost dimension stands first.
        shape.insert(0, length);
        numbers =
            numbers.and_then(|numbers| numbers.checked_mul(length)).filter(|n| i64::try_from(*n).is_ok());
    }
    let (kind, offset) = (reader.u32()?, reader.u64()?);
    Ok(match (block(kind), numbers) {
        (None, _) => Err(format!("its type {kind} is unknown")),
        (_, None) => Err("its dimensions make more numbers than any file has".to_owned()),
        (Some((block, _)), _) if row % block != 0 => {
            Err(format!("its rows are not made of blocks of {block}"))
        }
        (Some((block, bytes)), Some(numbers)) => (numbers / block)
            .checked_mul(bytes)
            .map(|len| Placed { name: String::new(), kind, shape, begin: offset, len })
            .ok_or_else(|| "it is larger than any file".to_owned()),
    })
}
