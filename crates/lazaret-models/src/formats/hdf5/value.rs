//! Messages that say what a dataset or an attribute holds: shape, type, layout, text.

use super::chunks::Chunks;
use super::file::{Fields, File, broken};
use super::header;
use super::heap;
use crate::part::Unread;
use crate::weights::Kind;

/// The shape of a dataset.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Space {
    /// How long it is along each dimension.
    pub(super) lengths: Vec<u64>,
    /// How long it may become; [`ENDLESS`] where it may grow without end.
    pub(super) most: Vec<u64>,
}

/// The length along a dimension that may grow without end.
pub(super) const ENDLESS: u64 = u64::MAX;

impl Space {
    /// How many values there are, as far as can be counted.
    pub(super) fn points(&self) -> u64 {
        points(&self.lengths)
    }
}

/// The shape; none where there are no values.
pub(super) fn dataspace(fields: &mut Fields<'_>) -> Result<Option<Space>, Unread> {
    let at = fields.place();
    let (version, rank, flags) = (fields.byte()?, fields.byte()?, fields.byte()?);
    match version {
        1 => fields.skip(5)?,
        2 => {
            if fields.byte()? == 2 {
                return Ok(None);
            }
        }
        _ => return Err(broken(at, format!("a shape of the unknown version {version}"))),
    }
    let mut along = || (0..rank).map(|_| fields.length()).collect::<Result<Vec<_>, _>>();
    let lengths = along()?;
    let mut most = if flags & 1 == 1 { along()? } else { lengths.clone() };
    let endless = fields.all_ones();
    most.iter_mut().filter(|most| **most == endless).for_each(|most| *most = ENDLESS);
    Ok(Some(Space { lengths, most }))
}

/// How many values dimensions make, as far as can be counted.
pub(super) fn points(dimensions: &[u64]) -> u64 {
    dimensions.iter().fold(1, |points, dimension| points.saturating_mul(*dimension))
}

/// What a type says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Type {
    pub(super) class: u8,
    /// Of a type of any length: whether it is text.
    pub(super) is_text: bool,
    pub(super) size: u64,
    /// How its numbers are read, if it is a type of numbers.
    pub(super) number: Kind,
}

/// Classes of types: whole numbers, texts of a fixed length, bits, bytes without a meaning, records, names for numbers, values
/// of any length, arrays.
pub(super) const NUMBER: u8 = 0;
pub(super) const TEXT: u8 = 3;
pub(super) const BITS: u8 = 4;
pub(super) const OPAQUE: u8 = 5;
pub(super) const COMPOUND: u8 = 6;
pub(super) const NAMED: u8 = 8;
pub(super) const ANY_LENGTH: u8 = 9;
pub(super) const ARRAY: u8 = 10;

pub(super) fn datatype(fields: &mut Fields<'_>) -> Result<Type, Unread> {
    let (first, bits) = (fields.byte()?, fields.byte()?);
    fields.skip(2)?;
    let size = fields.number(4)?;
    let (class, is_big_endian) = (first & 15, bits & 1 == 1);
    let number = match (class, size) {
        _ if is_big_endian => Kind::Unknown,
        (0, bytes @ (1 | 2 | 4 | 8)) => {
            let bytes = u8::try_from(bytes).unwrap_or(1);
            if bits & 8 == 0 { Kind::Uint(bytes) } else { Kind::Int(bytes) }
        }
        (1, 8) => Kind::F64,
        (1, 4) => Kind::F32,
        (1, 2) => {
            // Where the bits begin, how many there are, where the exponent begins, and how many bits it has.
            let exponent = fields.skip(5).and_then(|()| fields.byte());
            if matches!(exponent, Ok(5)) { Kind::F16 } else { Kind::Unknown }
        }
        _ => Kind::Unknown,
    };
    Ok(Type { class, is_text: bits & 15 == 1, size, number })
}

/// An attribute: its name, and what is needed to read its value.
pub(super) struct Attribute<'b> {
    pub(super) name: String,
    pub(super) kind: Type,
    pub(super) value: Fields<'b>,
}

pub(super) fn attribute<'b>(file: &File<'_>, mut fields: Fields<'b>) -> Result<Attribute<'b>, Unread> {
    let at = fields.place();
    let (version, flags) = (fields.byte()?, fields.byte()?);
    let (name, kind, space) = (fields.size(2)?, fields.size(2)?, fields.size(2)?);
    match version {
        1 | 2 => {}
        3 => fields.skip(1)?,
        _ => return Err(broken(at, format!("an attribute of the unknown version {version}"))),
    }
    let mut piece = |size: usize| -> Result<Fields<'b>, Unread> {
        let mut piece = fields.clone();
        fields.skip(size)?;
        if version == 1 {
            // Each piece is padded to eight bytes.
            fields.skip(size.next_multiple_of(8).saturating_sub(size))?;
        }
        piece.cut(size);
        Ok(piece)
    };
    let name = piece(name)?;
    let (mut kind, _) = (piece(kind)?, piece(space)?);
    let name = name.rest();
    let end = memchr::memchr(0, name).unwrap_or(name.len());
    let name = String::from_utf8_lossy(name.get(..end).unwrap_or_default()).into_owned();
    let is_shared = version > 1 && flags & 1 != 0;
    let kind = if is_shared {
        let own = header::shared_as(file, header::kind::DATATYPE, &mut kind)?;
        datatype(&mut file.fields(&own.data, own.address))?
    } else {
        datatype(&mut kind)?
    };
    Ok(Attribute { name, kind, value: fields })
}

/// The bytes of an attribute that is a text: of a fixed length, or in a global heap.
pub(super) fn text(file: &File<'_>, attribute: &Attribute<'_>) -> Result<Vec<u8>, Unread> {
    let mut value = attribute.value.clone();
    let at = value.place();
    match attribute.kind {
        Type { class: TEXT, size, .. } => {
            let size = usize::try_from(size).map_err(|_| broken(at, "a text is too long"))?;
            let bytes = value.take(size)?;
            let end = bytes.iter().rposition(|byte| *byte != 0).map_or(0, |last| last.saturating_add(1));
            Ok(bytes.get(..end).unwrap_or_default().to_vec())
        }
        Type { class: ANY_LENGTH, .. } => {
            let (length, collection, number) = (value.number(4)?, value.address()?, value.number(4)?);
            let mut bytes = heap::global(file, collection, number)?;
            bytes.truncate(usize::try_from(length).unwrap_or(usize::MAX));
            Ok(bytes)
        }
        _ => Err(broken(at, "it is no text")),
    }
}

/// Where the value lies that elements have which were never written, and its length; none if it is not said.
pub(super) fn fill(fields: &mut Fields<'_>, is_old: bool) -> Result<Option<(u64, u64)>, Unread> {
    if !is_old {
        let version = fields.byte()?;
        let is_there = if version < 3 {
            fields.skip(2)?;
            fields.byte()? != 0
        } else {
            fields.byte()? & 0x20 != 0
        };
        if !is_there {
            return Ok(None);
        }
    }
    let length = fields.number(4)?;
    Ok(Some((fields.place(), length.min(fields.left() as u64))))
}

/// Where the bytes of a dataset lie.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Layout {
    /// In the header: where in the file, and how many.
    Compact(u64, u64),
    /// In one piece: address and, where it is known, length.
    One(u64, Option<u64>),
    /// In chunks.
    Chunked(Chunks),
    /// In other datasets: an object of a global heap says in which.
    Virtual(u64, u64),
}

pub(super) fn layout(fields: &mut Fields<'_>) -> Result<Layout, Unread> {
    let at = fields.place();
    let version = fields.byte()?;
    if version < 3 {
        return old_layout(fields, version, at);
    }
    if version > 5 {
        return Err(broken(at, format!("a layout of the unknown version {version}")));
    }
    match fields.byte()? {
        0 => {
            let length = fields.number(2)?;
            Ok(Layout::Compact(fields.place(), length))
        }
        1 => Ok(Layout::One(fields.address()?, Some(fields.length()?))),
        2 if version == 3 => {
            let (rank, address) = (fields.number(1)?, fields.address()?);
            Ok(Layout::Chunked(Chunks::of_tree(fields, rank, address)?))
        }
        2 => Ok(Layout::Chunked(Chunks::of_any(fields)?)),
        3 => Ok(Layout::Virtual(fields.address()?, fields.number(4)?)),
        class => Err(broken(at, format!("a layout of the unknown class {class}"))),
    }
}

/// The first other file of which a virtual dataset takes something, by its list of sources; `.` is its own file.
pub(super) fn other_file(fields: &mut Fields<'_>) -> Result<Option<String>, Unread> {
    // What a source of the newer lists has in common with one before it, or with the dataset.
    const FILE_AS_BEFORE: u8 = 1;
    const DATASET_AS_BEFORE: u8 = 2;
    const OWN_FILE: u8 = 4;
    let at = fields.place();
    let version = fields.byte()?;
    if version > 1 {
        return Err(broken(at, format!("a list of sources of the unknown version {version}")));
    }
    for _ in 0..fields.length()? {
        let flags = if version == 1 { fields.byte()? } else { 0 };
        if flags & FILE_AS_BEFORE != 0 {
            fields.length()?;
        } else if flags & OWN_FILE == 0 {
            let file = fields.text()?;
            if file != "." {
                return Ok(Some(file));
            }
        }
        if flags & DATASET_AS_BEFORE != 0 {
            fields.length()?;
        } else {
            fields.text()?;
        }
        selection(fields)?;
        selection(fields)?;
    }
    Ok(None)
}

/// Steps over a selection of elements.
fn selection(fields: &mut Fields<'_>) -> Result<(), Unread> {
    let at = fields.place();
    let (kind, version) = (fields.number(4)?, fields.number(4)?);
    match (kind, version) {
        (0..=3, 1) => {
            fields.skip(4)?;
            let length = fields.size(4)?;
            fields.skip(length)
        }
        (2, 2) => {
            fields.skip(1)?;
            let length = fields.size(4)?;
            fields.skip(length)
        }
        (1, 2) => {
            let width = fields.byte()?;
            let (rank, count) = (fields.size(4)?, fields.size(width)?);
            fields.skip(rank.saturating_mul(count).saturating_mul(usize::from(width)))
        }
        (2, 3) => {
            let (flags, width) = (fields.byte()?, fields.byte()?);
            let rank = fields.size(4)?;
            let numbers = if flags & 1 == 1 { 4 } else { fields.size(width)?.saturating_mul(2) };
            fields.skip(rank.saturating_mul(numbers).saturating_mul(usize::from(width)))
        }
        _ => Err(broken(at, format!("a selection of the unknown kind {kind}, version {version}"))),
    }
}

/// Versions 1 and 2: the lengths of all dimensions stand in them.
fn old_layout(fields: &mut Fields<'_>, version: u8, at: u64) -> Result<Layout, Unread> {
    if version == 0 {
        return Err(broken(at, "a layout of the unknown version 0"));
    }
    let (rank, class) = (fields.number(1)?, fields.byte()?);
    fields.skip(5)?;
    match class {
        0 => {
            fields.skip(usize::try_from(rank).unwrap_or(0).saturating_mul(4))?;
            let length = fields.number(4)?;
            Ok(Layout::Compact(fields.place(), length))
        }
        1 => Ok(Layout::One(fields.address()?, None)),
        2 => {
            let address = fields.address()?;
            Ok(Layout::Chunked(Chunks::of_tree(fields, rank, address)?))
        }
        3 => Ok(Layout::Virtual(fields.address()?, fields.number(4)?)),
        _ => Err(broken(at, format!("a layout of the unknown class {class}"))),
    }
}
