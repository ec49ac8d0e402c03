//! The key-values.

use std::hash::{DefaultHasher, Hasher};

use rustc_hash::FxHashSet;

use super::{ALIGNMENT, MAX_NESTING, MAX_STRINGS, Reader, Strings, refused};
use crate::formats::template;
use crate::look::Looking;
use crate::own::FactKind;
use crate::part::{MAX_WHOLE, Unread, printed};
use crate::rules;

/// The longest key, as the format has it.
const MAX_KEY: u64 = 65_535;

const U32: u32 = 4;
const BOOL: u32 = 7;
const TEXT: u32 = 8;
const ARRAY: u32 = 9;

/// How many bytes a value of a type takes; none for texts, arrays and unknown types.
const fn width(kind: u32) -> Option<u64> {
    match kind {
        0 | 1 | 7 => Some(1),
        2 | 3 => Some(2),
        4..=6 => Some(4),
        10..=12 => Some(8),
        _ => None,
    }
}

/// Reads all; gives the alignment of the tensors.
pub(super) fn read(reader: &mut Reader<'_>, count: u64, looking: &mut Looking<'_>) -> Result<u64, Unread> {
    let mut alignment = ALIGNMENT;
    // Digests: a million keys of the longest kind would not fit into memory.
    let mut keys: FxHashSet<(u64, u64)> = FxHashSet::default();
    let mut strings = Strings { seen: 0, limit: looking.limits.get(MAX_STRINGS) };
    for _ in 0..count {
        let at = reader.position();
        let key = reader.name(MAX_KEY)?;
        if key.contains(char::REPLACEMENT_CHARACTER) {
            return Err(refused(at, "a key that is no text"));
        }
        if !keys.insert(digest(&key)) {
            let message =
                format!("the key `{}` stands twice: readers disagree on which value holds", printed(&key));
            looking.find(&rules::GGUF_DUPLICATE_KEY, reader.part.at(at), message);
        }
        let part = reader.part;
        looking.met(FactKind::Metadata, &key, || part.at(at));
        let kind_at = reader.position();
        let kind = reader.u32()?;
        match kind {
            U32 if key == "general.alignment" => alignment = align(reader, kind_at)?,
            TEXT if is_template(&key) => template(reader, &key, looking)?,
            _ if key == "general.alignment" => {
                return Err(refused(kind_at, "the alignment is no number of four bytes"));
            }
            TEXT => {
                reader.text()?;
            }
            ARRAY => array(reader, &key, &mut strings, looking)?,
            BOOL => match reader.array::<1>()? {
                [0 | 1] => {}
                [other] => return Err(refused(kind_at, format!("a truth value that is {other}"))),
            },
            _ => scalar(reader, kind, kind_at)?,
        }
    }
    Ok(alignment)
}

/// Templates that a loader renders: `tokenizer.chat_template`, `tokenizer.chat_template.tool_use`. Any other key that says so
/// is taken at its word: some loader has it.
fn is_template(key: &str) -> bool {
    key.to_ascii_lowercase().contains("template")
}

/// Reads a text and judges it as a template.
fn template(reader: &mut Reader<'_>, key: &str, looking: &mut Looking<'_>) -> Result<(), Unread> {
    let (from, length) = reader.text()?;
    looking.limits.get(MAX_WHOLE).check(length)?;
    let bytes = reader.part.bytes(from, usize::try_from(length).unwrap_or(usize::MAX))?;
    template::judge(&String::from_utf8_lossy(&bytes), reader.part.inner(key), looking);
    Ok(())
}

fn digest(key: &str) -> (u64, u64) {
    let (mut one, mut two) = (DefaultHasher::new(), DefaultHasher::new());
    two.write_u8(1);
    one.write(key.as_bytes());
    two.write(key.as_bytes());
    (one.finish(), two.finish())
}

fn align(reader: &mut Reader<'_>, at: u64) -> Result<u64, Unread> {
    let alignment = reader.u32()?;
    if !alignment.is_power_of_two() {
        return Err(refused(at, format!("the alignment {alignment} is no power of two")));
    }
    Ok(u64::from(alignment))
}

fn scalar(reader: &mut Reader<'_>, kind: u32, at: u64) -> Result<(), Unread> {
    let width = width(kind).ok_or_else(|| refused(at, format!("a value of the unknown type {kind}")))?;
    reader.skip(width)
}

/// Goes over an array, and over those in it, which are left to read as counts on a stack.
fn array(
    reader: &mut Reader<'_>,
    key: &str,
    strings: &mut Strings,
    looking: &mut Looking<'_>,
) -> Result<(), Unread> {
    let templates = is_template(key);
    let nesting = looking.limits.get(MAX_NESTING);
    let mut left: Vec<u64> = vec![1];
    while let Some(arrays) = left.last_mut() {
        let Some(rest) = arrays.checked_sub(1) else {
            left.pop();
            continue;
        };
        *arrays = rest;
        let at = reader.position();
        nesting.check(left.len() as u64).map_err(|reached| refused(at, reached.to_string()))?;
        let kind = reader.u32()?;
        let count = reader.size()?;
        let least = match kind {
            TEXT | ARRAY if reader.version == 1 => 4,
            TEXT | ARRAY => 8,
            _ => width(kind).ok_or_else(|| refused(at, format!("an array of the unknown type {kind}")))?,
        };
        let bytes = count.checked_mul(least).filter(|bytes| *bytes <= reader.left());
        let bytes = bytes.ok_or_else(|| {
            refused(
                at,
                format!("an array of {count} values is said to follow; {} bytes are left", reader.left()),
            )
        })?;
        match kind {
            TEXT => {
                for _ in 0..count {
                    strings.add()?;
                    if templates {
                        template(reader, key, looking)?;
                    } else {
                        reader.text()?;
                    }
                }
            }
            ARRAY => {
                strings.add()?;
                left.push(count);
            }
            _ => reader.skip(bytes)?,
        }
    }
    Ok(())
}
