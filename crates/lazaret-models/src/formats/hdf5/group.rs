//! What a group links to: symbol tables of old groups, link messages of new ones.

use rustc_hash::FxHashSet;

use super::file::{Fields, File, broken};
use crate::part::Unread;

/// A link of a group.
#[derive(Debug)]
pub(super) struct Link {
    pub(super) name: String,
    pub(super) to: To,
}

/// What it leads to.
#[derive(Debug)]
pub(super) enum To {
    /// An object of the file, by its address.
    Object(u64),
    /// A path within the file.
    Path,
    /// An object of another file.
    File { file: String, path: String },
    /// Something that only a program's own code follows.
    Own(u8),
}

/// One link message, also as it lies in a heap.
pub(super) fn link(fields: &mut Fields<'_>) -> Result<Link, Unread> {
    let at = fields.place();
    let (version, flags) = (fields.byte()?, fields.byte()?);
    if version != 1 {
        return Err(broken(at, format!("a link of the unknown version {version}")));
    }
    let kind = if flags & 0x08 != 0 { fields.byte()? } else { 0 };
    if flags & 0x04 != 0 {
        fields.skip(8)?;
    }
    if flags & 0x10 != 0 {
        fields.skip(1)?;
    }
    let length = fields.size(1 << (flags & 3))?;
    let name = String::from_utf8_lossy(fields.take(length)?).into_owned();
    let to = match kind {
        0 => To::Object(fields.address()?),
        1 => To::Path,
        64 => {
            let length = fields.size(2)?;
            let value = fields.take(length)?;
            let mut texts = value.get(1..).unwrap_or_default().split(|byte| *byte == 0);
            let mut text = || String::from_utf8_lossy(texts.next().unwrap_or_default()).into_owned();
            To::File { file: text(), path: text() }
        }
        other => To::Own(other),
    };
    Ok(Link { name, to })
}

/// The links of an old group: a tree whose leaves are symbol tables, names in a heap. What was read before a fault is
/// kept.
pub(super) fn symbol_table(
    file: &File<'_>,
    message: &mut Fields<'_>,
    links: &mut Vec<Link>,
) -> Result<(), Unread> {
    let (tree, heap) = (message.address()?, message.address()?);
    if file.is_nowhere(tree) {
        return Ok(());
    }
    let names = local_heap(file, heap)?;
    let (mut seen, mut open) = (FxHashSet::default(), vec![(tree, u8::MAX)]);
    while let Some((address, above)) = open.pop() {
        let at = file.base.saturating_add(address);
        if !seen.insert(address) {
            return Err(broken(at, "the tree of a group goes in a circle"));
        }
        let start = file.bytes(address, 8)?;
        if start.starts_with(b"SNOD") {
            symbols(file, address, &start, &names, links)?;
            continue;
        }
        if !start.starts_with(b"TREE") {
            return Err(broken(at, "no node of a tree where one is pointed at"));
        }
        let mut fields = file.fields(&start, address);
        fields.skip(4)?;
        let (kind, level, entries) = (fields.byte()?, fields.byte()?, fields.number(2)?);
        if kind != 0 || level >= above {
            return Err(broken(at, "a node of another tree where a group's is pointed at"));
        }
        let (key, child) = (u64::from(file.lengths), u64::from(file.offsets));
        let begins = address.saturating_add(8).saturating_add(2 * child);
        let bytes = file.bytes(begins, entries.saturating_mul(key + child).saturating_add(key))?;
        let mut fields = file.fields(&bytes, begins);
        for _ in 0..entries {
            fields.length()?;
            open.push((fields.address()?, level));
        }
    }
    Ok(())
}

fn symbols(
    file: &File<'_>,
    address: u64,
    start: &[u8],
    names: &[u8],
    links: &mut Vec<Link>,
) -> Result<(), Unread> {
    let mut fields = file.fields(start, address);
    fields.skip(6)?;
    let count = fields.number(2)?;
    let entry = 2 * u64::from(file.offsets) + 24;
    let begins = address.saturating_add(8);
    let bytes = file.bytes(begins, count.saturating_mul(entry))?;
    let mut fields = file.fields(&bytes, begins);
    for _ in 0..count {
        let at = fields.place();
        let (name, object, cached) = (fields.address()?, fields.address()?, fields.number(4)?);
        fields.skip(20)?;
        let name = usize::try_from(name).ok().and_then(|name| names.get(name..));
        let name = name.and_then(|name| Some((name, memchr::memchr(0, name)?)));
        let Some((name, end)) = name else { return Err(broken(at, "a name lies outside its heap")) };
        let name = String::from_utf8_lossy(name.get(..end).unwrap_or_default()).into_owned();
        let to = if cached == 2 { To::Path } else { To::Object(object) };
        links.push(Link { name, to });
    }
    Ok(())
}

/// The texts of a local heap.
pub(super) fn local_heap(file: &File<'_>, address: u64) -> Result<Vec<u8>, Unread> {
    let size = 8 + 2 * u64::from(file.lengths) + u64::from(file.offsets);
    let bytes = file.block(address, *b"HEAP", size)?;
    let mut fields = file.fields(&bytes, address);
    fields.skip(8)?;
    let length = fields.length()?;
    fields.length()?;
    let begins = fields.address()?;
    file.bytes(begins, length)
}
