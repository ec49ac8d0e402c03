//! The records of a zip archive, as they are written.

use std::sync::Arc;

use lazaret_core::{Source, SourceError};
use memchr::memmem;

use super::super::bytes::{read, u16_at, u32_at, u64_at};
use super::{Found, Member};

pub(super) const LOCAL: &[u8] = b"PK\x03\x04";
pub(super) const CENTRAL: &[u8] = b"PK\x01\x02";
pub(super) const END: &[u8] = b"PK\x05\x06";
const END_64: &[u8] = b"PK\x06\x06";
const LOCATOR_64: &[u8] = b"PK\x06\x07";
const DESCRIPTOR: &[u8] = b"PK\x07\x08";

/// Bytes of an end record before its comment.
pub(super) const END_LEN: u64 = 22;
const COMMENT_MOST: u64 = 0xffff;
pub(super) const CENTRAL_LEN: usize = 46;
pub(super) const LOCAL_LEN: usize = 30;
/// How much of a local header is read: names and fields beyond it are padding, or differ from the directory.
const LONGEST_HEADER: usize = 2 << 10;

/// A directory that an end record leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Directory {
    /// Where it begins.
    pub(super) at: u64,
    /// How many bytes it is said to have.
    pub(super) size: u64,
    /// How many entries it is said to have.
    pub(super) entries: u64,
    /// What is added to offsets: the bytes before the archive.
    pub(super) base: u64,
}

/// An end record.
#[derive(Debug, Clone)]
pub(super) struct End {
    pub(super) at: u64,
    /// Where the records of the end begin: here, or at the zip64 end record.
    pub(super) begins: u64,
    /// How long the comment is said to be.
    pub(super) comment: u64,
    /// The directories it leads to, one for each way to read it.
    pub(super) directories: Vec<Directory>,
    /// What two readings disagree in.
    pub(super) faults: Vec<&'static str>,
}

/// Where an end record is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ends {
    /// It ends the bytes, with its comment.
    AtTheEnd,
    /// Bytes follow it: some readers take the archive all the same.
    Before,
}

/// Whether the bytes end with an end record that leads to a directory: what makes them a zip archive whatever they
/// begin with.
pub fn ends_as_one(source: &dyn Source, len: u64) -> Result<Option<Ends>, SourceError> {
    let plain = len.saturating_sub(END_LEN);
    let end = if read(source, plain, 4)? == END { Some(plain) } else { last_end(source, len)? };
    let Some(at) = end else { return Ok(None) };
    let Some(end) = parse_end(source, len, at)? else { return Ok(None) };
    if end.directories.iter().all(|directory| directory.size == 0) {
        return Ok(None);
    }
    let exact = at.saturating_add(END_LEN).saturating_add(end.comment) >= len;
    Ok(Some(if exact { Ends::AtTheEnd } else { Ends::Before }))
}

/// The place of the last end record.
pub(super) fn last_end(source: &dyn Source, len: u64) -> Result<Option<u64>, SourceError> {
    let from = len.saturating_sub(END_LEN.saturating_add(COMMENT_MOST));
    let count = usize::try_from(len.saturating_sub(from)).unwrap_or(0);
    let bytes = read(source, from, count)?;
    let last = bytes.len().saturating_sub(18); // a signature at which a record can begin
    let found = bytes.get(..last).and_then(|bytes| memmem::rfind(bytes, END));
    Ok(found.map(|at| from.saturating_add(at as u64)))
}

/// Reads the end record at a place.
pub(super) fn parse_end(source: &dyn Source, len: u64, at: u64) -> Result<Option<End>, SourceError> {
    let record = read(source, at, 22)?;
    let fields = (|| {
        let entries = u16_at(&record, 10)?;
        let here = u16_at(&record, 8)?;
        Some((here, entries, u32_at(&record, 12)?, u32_at(&record, 16)?, u16_at(&record, 20)?))
    })();
    let Some((entries_here, entries, size, offset, comment)) = fields else { return Ok(None) };
    if !record.starts_with(END) {
        return Ok(None);
    }
    let mut end =
        End { at, begins: at, comment: comment.into(), directories: Vec::new(), faults: Vec::new() };
    if entries_here != entries {
        end.faults.push("its end record says two numbers of members");
    }
    let mut said = vec![(u64::from(entries), u64::from(size), u64::from(offset))];
    if let Some((begins, wide)) = parse_end_64(source, at)? {
        end.begins = begins;
        let (entries_64, size_64, offset_64) = wide;
        let agrees = |narrow: u64, none: u64, wide: u64| narrow == none || narrow == wide;
        let all_agree = agrees(entries.into(), 0xffff, entries_64)
            && agrees(size.into(), 0xffff_ffff, size_64)
            && agrees(offset.into(), 0xffff_ffff, offset_64);
        if all_agree {
            said = vec![wide];
        } else {
            end.faults.push("its end record and its zip64 end record disagree");
            said.insert(0, wide);
        }
    }
    for (entries, size, offset) in said {
        directories(source, len, &mut end, entries, size, offset)?;
    }
    Ok(Some(end))
}

/// The number of entries, the size and the offset that an end record says.
type Said = (u64, u64, u64);

/// The zip64 end record before an end record: where it begins, and what it says.
fn parse_end_64(source: &dyn Source, end_at: u64) -> Result<Option<(u64, Said)>, SourceError> {
    let Some(locator_at) = end_at.checked_sub(20) else { return Ok(None) };
    let locator = read(source, locator_at, 20)?;
    let Some(said) = u64_at(&locator, 8).filter(|_| locator.starts_with(LOCATOR_64)) else { return Ok(None) };
    // Where it says, or right before the locator: bytes before the archive move it.
    for at in [locator_at.saturating_sub(56), said] {
        let record = read(source, at, 56)?;
        let fields = (|| Some((u64_at(&record, 32)?, u64_at(&record, 40)?, u64_at(&record, 48)?)))();
        if let Some(fields) = fields.filter(|_| record.starts_with(END_64) && at < locator_at) {
            return Ok(Some((at, fields)));
        }
    }
    Ok(None)
}

/// The directories to which an end record leads: counted back from it, and at the offset it says.
fn directories(
    source: &dyn Source,
    len: u64,
    end: &mut End,
    entries: u64,
    size: u64,
    offset: u64,
) -> Result<(), SourceError> {
    if size == 0 && entries == 0 {
        end.directories.push(Directory { at: end.begins, size, entries, base: 0 });
        return Ok(());
    }
    let by_end = end.begins.checked_sub(size);
    let mut found = Vec::new();
    for (at, base) in [
        by_end.and_then(|at| Some((at, at.checked_sub(offset)?))),
        Some((offset, 0)),
        by_end.map(|at| (at, 0)),
    ]
    .into_iter()
    .flatten()
    {
        let directory = Directory { at, size, entries, base };
        let seen = found.iter().chain(&end.directories).any(|known: &Directory| known.at == at);
        if !seen && at < len && read(source, at, 4)? == CENTRAL {
            found.push(directory);
        }
    }
    if found.len() > 1 {
        end.faults.push("its end record leads to two directories");
    }
    end.directories.append(&mut found);
    Ok(())
}

/// An entry of a directory, and how long it is.
pub(super) fn central(bytes: &[u8], base: u64, found: Found) -> Option<(Member, usize, Vec<u8>)> {
    if !bytes.starts_with(CENTRAL) {
        return None;
    }
    let (name_len, extra_len) = (usize::from(u16_at(bytes, 28)?), usize::from(u16_at(bytes, 30)?));
    let comment_len = usize::from(u16_at(bytes, 32)?);
    let name_end = CENTRAL_LEN.checked_add(name_len)?;
    let extra_end = name_end.checked_add(extra_len)?;
    let raw_name = bytes.get(CENTRAL_LEN..name_end)?;
    let extra = bytes.get(name_end..extra_end)?;
    let mut sizes =
        [u64::from(u32_at(bytes, 24)?), u64::from(u32_at(bytes, 20)?), u64::from(u32_at(bytes, 42)?)];
    widen(&mut sizes, extra);
    let [size, packed, offset] = sizes;
    let member = Member {
        name: text(raw_name),
        found,
        header_at: base.saturating_add(offset),
        data_at: None,
        flags: u16_at(bytes, 8)?,
        method: u16_at(bytes, 10)?,
        packed,
        size,
        crc: u32_at(bytes, 16)?,
        mode: u32_at(bytes, 38)?.wrapping_shr(16),
        unsized_: false,
    };
    Some((member, extra_end.checked_add(comment_len)?, raw_name.to_vec()))
}

/// What a local header says.
pub(super) struct Local {
    pub(super) raw_name: Vec<u8>,
    pub(super) unicode_name: Option<String>,
    /// Where its extra fields lie, and how long they are.
    pub(super) fields: (u64, u64),
    pub(super) member: Member,
}

/// Whether the local header at a place is one, and not four bytes that look like it.
pub(super) fn is_likely(source: &dyn Source, at: u64) -> Result<bool, SourceError> {
    let header = read(source, at, LOCAL_LEN)?;
    let fields = u16_at(&header, 4).zip(u16_at(&header, 8)).zip(u16_at(&header, 26));
    Ok(fields.is_some_and(|((version, method), name_len)| {
        version & 0xff <= 63 && matches!(method, 0..=20 | 93..=99) && (1..=512).contains(&name_len)
    }))
}

/// Reads the local header at a place.
pub(super) fn local(source: &dyn Source, at: u64) -> Result<Option<Local>, SourceError> {
    // Most names and extra fields are short: one reading gives both.
    let mut bytes = read(source, at, 192)?;
    if !bytes.starts_with(LOCAL) {
        return Ok(None);
    }
    let lengths = u16_at(&bytes, 26).zip(u16_at(&bytes, 28));
    let Some((name_len, extra_len)) = lengths else { return Ok(None) };
    let name_end = LOCAL_LEN.saturating_add(name_len.into());
    let extra_end = name_end.saturating_add(extra_len.into());
    if extra_end > bytes.len() {
        bytes = read(source, at, extra_end.min(LONGEST_HEADER))?;
    }
    Ok((|| {
        let raw_name = bytes.get(LOCAL_LEN..name_end.min(LONGEST_HEADER))?.to_vec();
        let extra = bytes.get(name_end..extra_end.min(LONGEST_HEADER)).unwrap_or_default();
        let mut sizes = [u64::from(u32_at(&bytes, 22)?), u64::from(u32_at(&bytes, 18)?), 0];
        widen(&mut sizes, extra);
        let flags = u16_at(&bytes, 6)?;
        let [size, packed, _] = sizes;
        let crc = u32_at(&bytes, 14)?;
        let member = Member {
            name: text(&raw_name),
            found: Found::LocalHeader,
            header_at: at,
            data_at: Some(at.checked_add(extra_end as u64)?),
            flags,
            method: u16_at(&bytes, 8)?,
            packed,
            size,
            crc,
            mode: 0,
            unsized_: flags & 8 != 0 && packed == 0,
        };
        let fields = (at.checked_add(name_end as u64)?, extra_len.into());
        Some(Local { raw_name, unicode_name: unicode_name(extra), fields, member })
    })())
}

/// How long the data descriptor is that follows a member's bytes, if it says what the directory says.
pub(super) fn descriptor(
    source: &Arc<dyn Source>,
    at: u64,
    member: &Member,
) -> Result<Option<u64>, SourceError> {
    let bytes = read(&**source, at, 24)?;
    let (skip, fields) =
        if bytes.starts_with(DESCRIPTOR) { (4_u64, bytes.get(4..)) } else { (0, Some(bytes.as_slice())) };
    let fields = fields.unwrap_or_default();
    let says = |packed: Option<u64>, size: Option<u64>| {
        u32_at(fields, 0) == Some(member.crc) && packed == Some(member.packed) && size == Some(member.size)
    };
    let wide = says(u64_at(fields, 4), u64_at(fields, 12));
    let narrow = says(u32_at(fields, 4).map(u64::from), u32_at(fields, 8).map(u64::from));
    let len = if wide { Some(20) } else { narrow.then_some(12_u64) };
    Ok(len.map(|len| len.saturating_add(skip)))
}

/// Takes the sizes that did not fit from the zip64 field, in its order: size, packed size, offset.
fn widen(sizes: &mut [u64; 3], extra: &[u8]) {
    let Some(field) = field(extra, 1) else { return };
    let mut at = 0_usize;
    for size in sizes.iter_mut().filter(|size| **size == 0xffff_ffff) {
        let Some(wide) = u64_at(field, at) else { return };
        *size = wide;
        at = at.saturating_add(8);
    }
}

/// The name that some readers take instead (field 0x7075).
fn unicode_name(extra: &[u8]) -> Option<String> {
    field(extra, 0x7075)?.get(5..).map(text)
}

fn field(mut extra: &[u8], id: u16) -> Option<&[u8]> {
    loop {
        let end = usize::from(u16_at(extra, 2)?).checked_add(4)?;
        if u16_at(extra, 0)? == id {
            return extra.get(4..end);
        }
        extra = extra.get(end..)?;
    }
}

/// A name as text. What is no UTF-8 is shown as it is where it is ASCII, and as a mark where it is not.
fn text(name: &[u8]) -> String {
    String::from_utf8_lossy(name).into_owned()
}
