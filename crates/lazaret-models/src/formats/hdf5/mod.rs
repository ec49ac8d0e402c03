//! HDF5, as far as it can make a loader open other files, build a model, unpickle or take memory: every group, link,
//! attribute and dataset header is read, and the values of datasets that are bytes and not numbers. Datasets that lie in one
//! piece are handed over to `weights`, those in chunks are not.
//!
//! | file | what is in it |
//! |---|---|
//! | `attributes` | what attributes say: configurations, pickles |
//! | `file` | bytes at addresses, under limits; fields within them |
//! | `header` | object headers and their messages |
//! | `group` | links of groups of both kinds |
//! | `heap` | fractal heaps with their indexes, global heaps |
//! | `value` | shapes, types, attributes, layouts |
//! | `chunks`, `filters` | chunks of datasets, and how they are unpacked |
//! | `values` | values that are bytes, as programs keep objects in them |

mod attributes;
mod chunks;
mod file;
mod filters;
mod group;
mod header;
mod heap;
#[cfg(test)]
mod tests;
mod value;
mod values;

pub(crate) use chunks::MAX_CHUNKS;
pub(crate) use file::{MAX_BLOCK, MAX_READ};

use std::sync::Arc;

use lazaret_core::{FormatId, Likeness, Limit, Severity};
use rustc_hash::FxHashSet;

use crate::look::{Head, Looking};
use crate::part::{Part, Unread, printed};
use crate::registry::ModelFormat;
use crate::rules;
use crate::weights::{self, Data, Tensor, Tensors};
use file::{Fields, File, broken};
use group::{Link, To};
use header::{Message, kind};
use value::{Layout, Space};
use values::Dataset;

/// Most objects (groups and datasets) of one file.
pub(crate) const MAX_OBJECTS: Limit = Limit::new("hdf5.max_objects", 200_000);
/// What a dataset may claim without being compared with the length of its file.
pub(crate) const MAX_CLAIMED: Limit = Limit::new("hdf5.max_claimed", 256 << 20);
/// How many times the length of the file a larger one may claim.
const MOST_TIMES: u64 = 1_000;

const SIGNATURE: &[u8; 8] = b"\x89HDF\r\n\x1a\n";

/// The format.
pub(crate) struct Hdf5;

impl ModelFormat for Hdf5 {
    fn id(&self) -> FormatId {
        FormatId("hdf5")
    }

    fn about(&self) -> &'static str {
        "HDF5 file (Keras models and weights)"
    }

    fn extensions(&self) -> &'static [&'static str] {
        &["h5", "hdf5", "hdf", "he5", "h5ad"]
    }

    fn recognise(&self, head: &Head<'_>) -> Likeness {
        if begins(head.bytes).is_some() {
            return Likeness::Certain;
        }
        // A user block may be longer than the head.
        let places = (14..40).map(|power| 1_u64 << power).take_while(|at| *at < head.part.len());
        let is_own =
            places.into_iter().any(|at| head.part.array::<8>(at).is_ok_and(|bytes| bytes == *SIGNATURE));
        if is_own && self.extensions().contains(&head.extension) { Likeness::Certain } else { Likeness::No }
    }

    fn read(&self, part: &Part, looking: &mut Looking<'_>) -> Result<FormatId, Unread> {
        let powers = (9..40).map(|power| 1_u64 << power).take_while(|at| *at < part.len());
        let begins = std::iter::once(0)
            .chain(powers)
            .find(|at| part.array::<8>(*at).is_ok_and(|bytes| bytes == *SIGNATURE));
        let begins = begins.ok_or_else(|| broken(0, "it has no superblock"))?;
        if begins > 0 {
            user_block(part, begins, looking)?;
        }
        let unreadable = |unread| Unread { rule: &rules::HDF5_UNREADABLE.rule, ..unread };
        let (file, root) = superblock(part, begins, looking).map_err(unreadable)?;
        let (whole, tensors) = (Arc::new(part.clone()), Tensors::new(looking));
        let open = vec![(root, String::new())];
        let mut walk =
            Walk { file, whole, looking, seen: FxHashSet::default(), open, tensors, is_hickle: false };
        walk.objects();
        let tensors = walk.tensors;
        weights::judge(&tensors, part, looking);
        Ok(self.id())
    }
}

/// Where the superblock begins, if that is within these bytes.
fn begins(head: &[u8]) -> Option<usize> {
    let powers = (9..32).map(|power| 1_usize << power).take_while(|at| *at < head.len());
    std::iter::once(0)
        .chain(powers)
        .find(|at| head.get(*at..).is_some_and(|rest| rest.starts_with(SIGNATURE)))
}

/// What lies before the superblock: a loader of something else may read it.
fn user_block(part: &Part, length: u64, looking: &mut Looking<'_>) -> Result<(), Unread> {
    let looked_at = usize::try_from(length.min(64 << 10)).unwrap_or(0);
    let bytes = part.bytes(0, looked_at)?;
    let text = bytes.iter().rposition(|byte| *byte != 0).map_or(0, |last| last.saturating_add(1));
    if text == 0 && length == looked_at as u64 {
        return Ok(());
    }
    let used = if length == looked_at as u64 { text as u64 } else { length };
    looking.inside(&part.slice(0, used, "user block"));
    Ok(())
}

/// Reads the superblock: how wide addresses are, and where the root is.
fn superblock<'a>(part: &'a Part, begins: u64, looking: &mut Looking<'_>) -> Result<(File<'a>, u64), Unread> {
    let start: [u8; 16] = part.array(begins)?;
    let [.., version, _, _, _, _, _, _, _] = start;
    let (offsets, lengths, head) = match (version, start) {
        (0 | 1, [.., offsets, lengths, _]) => (offsets, lengths, if version == 0 { 24_u64 } else { 28 }),
        (2 | 3, [_, _, _, _, _, _, _, _, _, offsets, lengths, ..]) => (offsets, lengths, 12),
        _ => return Err(broken(begins, format!("a superblock of the unknown version {version}"))),
    };
    if !matches!(offsets, 2 | 4 | 8) || !matches!(lengths, 2 | 4 | 8) {
        return Err(broken(begins, "addresses of an impossible width"));
    }
    let plain = File::new(part, begins, offsets, lengths, looking);
    let bytes = plain.bytes(head, 4 * u64::from(offsets) + 2 * u64::from(offsets))?;
    let mut fields = plain.fields(&bytes, head);
    let (base, second, end, fourth) =
        (fields.address()?, fields.address()?, fields.address()?, fields.address()?);
    // Addresses count from where the superblock is, whatever it says: the block before it may have been put there later.
    let said = if plain.is_nowhere(base) { begins } else { base };
    if said != 0 && said != begins {
        looking.unread(part, &broken(begins, format!("it begins here, and says that it begins at {said}")));
    }
    let file = File::new(part, begins, offsets, lengths, looking);
    let end_of_file = end.saturating_sub(said).saturating_add(begins);
    if end_of_file > part.len() {
        looking.unread(part, &broken(part.len(), "it is cut off: its end lies behind the end of the file"));
    } else {
        looking.tail(part, end_of_file);
    }
    if version >= 2 {
        if !file.is_nowhere(second) {
            let (messages, fault) = header::messages(&file, second);
            if messages.iter().any(|message| message.kind == kind::SHARED_TABLE) {
                looking
                    .unread(part, &broken(begins, "its messages are shared in a table, which is not read"));
            }
            if let Some(fault) = fault {
                looking.unread(part, &fault);
            }
        }
        return Ok((file, fourth));
    }
    if !file.is_nowhere(fourth) {
        looking.unread(part, &broken(begins, "a driver spreads it over other files"));
    }
    fields.address()?;
    let root = fields.address()?;
    Ok((file, root))
}

/// The walk over all objects.
struct Walk<'a, 'l, 'f> {
    file: File<'a>,
    looking: &'l mut Looking<'f>,
    seen: FxHashSet<u64>,
    /// Objects to come, with their paths.
    open: Vec<(u64, String)>,
    whole: Arc<Part>,
    tensors: Tensors,
    /// Whether hickle wrote it: it unpickles each dataset that has no type.
    is_hickle: bool,
}

impl Walk<'_, '_, '_> {
    fn objects(&mut self) {
        let most = self.looking.limits.get(MAX_OBJECTS);
        while let Some((address, path)) = self.open.pop() {
            if !self.seen.insert(address) {
                continue;
            }
            if let Err(reached) = most.check(self.seen.len() as u64) {
                self.unread(&broken(0, reached.to_string()));
                return;
            }
            self.object(address, &path);
        }
    }

    fn object(&mut self, address: u64, path: &str) {
        let (messages, fault) = header::messages(&self.file, address);
        let mut dataset = Dataset::default();
        for message in &messages {
            if let Err(unread) = self.message(message, path, &mut dataset) {
                self.unread(&unread);
            }
        }
        self.size(&dataset, path);
        self.is_hickle |= dataset.hickle.has_version;
        let is_typed = dataset.hickle.has_type && !path.contains("hickle_types_table");
        dataset.holds_pickles |= self.is_hickle && dataset.layout.is_some() && !is_typed;
        values::look(&self.file, &dataset, path, self.looking);
        if let Some(fault) = fault {
            self.unread(&fault);
        }
    }

    fn message(&mut self, message: &Message, path: &str, dataset: &mut Dataset) -> Result<(), Unread> {
        let mut fields = fields_of(&self.file, message);
        let place = fields.place();
        if message.is_shared() {
            let own = header::shared(&self.file, message)?;
            return self.message(&own, path, dataset);
        }
        match message.kind {
            kind::DATASPACE => dataset.space = value::dataspace(&mut fields)?,
            kind::DATATYPE => dataset.kind = Some(value::datatype(&mut fields)?),
            kind::LAYOUT => dataset.layout = Some(value::layout(&mut fields)?),
            kind::FILL | kind::OLD_FILL => {
                dataset.fill = value::fill(&mut fields, message.kind == kind::OLD_FILL)?.or(dataset.fill);
            }
            kind::FILTERS => dataset.filters = filters::pipeline(&mut fields)?,
            kind::EXTERNAL_FILES => {
                dataset.is_external = true;
                self.external_files(&mut fields, path)?;
            }
            kind::SYMBOL_TABLE => {
                let mut links = Vec::new();
                let result = group::symbol_table(&self.file, &mut fields, &mut links);
                for link in links {
                    self.link(link, path);
                }
                result?;
            }
            kind::LINK => {
                let link = group::link(&mut fields)?;
                self.link(link, path);
            }
            kind::LINK_INFO => {
                info(&mut fields, 8)?;
                self.dense_links(&mut fields, path)?;
            }
            kind::ATTRIBUTE => {
                let attribute = value::attribute(&self.file, fields)?;
                attributes::judge(&self.file, self.looking, &attribute, path, dataset);
            }
            kind::ATTRIBUTE_INFO => {
                info(&mut fields, 2)?;
                self.dense_attributes(&mut fields, path, dataset)?;
            }
            unknown if unknown > kind::LAST && message.flags & 0x80 != 0 => {
                return Err(broken(
                    place,
                    format!("a message of the unknown kind {unknown} that must be understood"),
                ));
            }
            _ => {}
        }
        Ok(())
    }

    fn dense_links(&mut self, fields: &mut Fields<'_>, path: &str) -> Result<(), Unread> {
        let (heap, index) = (fields.address()?, fields.address()?);
        if self.file.is_nowhere(heap) {
            return Ok(());
        }
        let (mut links, mut fault) = (Vec::new(), None);
        let result = heap::dense(&self.file, heap, index, &mut |address, bytes| match group::link(
            &mut self.file.fields(bytes, address),
        ) {
            Ok(link) => links.push(link),
            Err(unread) => fault = Some(unread),
        });
        for link in links {
            self.link(link, path);
        }
        result.and(fault.map_or(Ok(()), Err))
    }

    fn dense_attributes(
        &mut self,
        fields: &mut Fields<'_>,
        path: &str,
        dataset: &mut Dataset,
    ) -> Result<(), Unread> {
        let (heap, index) = (fields.address()?, fields.address()?);
        if self.file.is_nowhere(heap) {
            return Ok(());
        }
        let (file, looking, mut fault) = (&self.file, &mut *self.looking, None);
        let result = heap::dense(file, heap, index, &mut |address, bytes| match value::attribute(
            file,
            file.fields(bytes, address),
        ) {
            Ok(attribute) => attributes::judge(file, looking, &attribute, path, dataset),
            Err(unread) => fault = Some(unread),
        });
        result.and(fault.map_or(Ok(()), Err))
    }

    fn link(&mut self, link: Link, path: &str) {
        let own = joined(path, &link.name);
        match link.to {
            To::Object(address) => self.open.push((address, own)),
            To::Path => {}
            To::File { file, path } => {
                let says = format!("it links to {} in the file {}", printed(&path), printed(&file));
                let place = self.file.part.inner(&own);
                self.looking.find_as(graveness(&file), &rules::HDF5_EXTERNAL_LINK, place, says);
            }
            To::Own(kind) => {
                let says =
                    format!("it is a link of the kind {kind}, which only a program's own code follows");
                self.looking.find(&rules::HDF5_EXTERNAL_LINK, self.file.part.inner(&own), says);
            }
        }
    }

    fn external_files(&mut self, fields: &mut Fields<'_>, path: &str) -> Result<(), Unread> {
        fields.skip(4)?;
        fields.number(2)?;
        let (used, heap) = (fields.number(2)?, fields.address()?);
        let names = group::local_heap(&self.file, heap);
        let mut is_named = false;
        for _ in 0..used {
            let offset = fields.length()?;
            fields.skip(usize::from(self.file.lengths).saturating_mul(2))?;
            let name = names.as_ref().ok().and_then(|names| names.get(usize::try_from(offset).ok()?..));
            let name = name.and_then(|name| {
                Some(String::from_utf8_lossy(name.split(|byte| *byte == 0).next()?).into_owned())
            });
            is_named = true;
            let name = name.unwrap_or_else(|| "?".to_owned());
            let says = format!("the bytes of this dataset are read from the file {}", printed(&name));
            let place = self.file.part.inner(or_root(path));
            self.looking.find_as(graveness(&name), &rules::HDF5_EXTERNAL_STORAGE, place, says);
        }
        if !is_named {
            let says = "the bytes of this dataset are read from other files";
            self.looking.find(&rules::HDF5_EXTERNAL_STORAGE, self.file.part.inner(or_root(path)), says);
        }
        names.map(|_| ())
    }

    /// Compares what a dataset claims with what the file has.
    fn size(&mut self, dataset: &Dataset, path: &str) {
        let Some(layout) = &dataset.layout else { return };
        if let Layout::Virtual(heap, number) = layout {
            let source = heap::global(&self.file, *heap, *number).unwrap_or_default();
            let Some(name) = value::other_file(&mut self.file.fields(&source, *heap)).transpose() else {
                return;
            };
            let name = name.unwrap_or_else(|_| "?".to_owned());
            let says = format!("it is put together of datasets of other files, the first {}", printed(&name));
            let place = self.file.part.inner(or_root(path));
            self.looking.find_as(graveness(&name), &rules::HDF5_EXTERNAL_STORAGE, place, says);
            return;
        }
        if dataset.is_external {
            return;
        }
        let length = self.file.part.len();
        let points = dataset.space.as_ref().map_or(0, Space::points);
        let claimed = points.saturating_mul(dataset.kind.map_or(1, |kind| kind.size.max(1)));
        let beyond = matches!(layout, Layout::One(address, Some(stored))
            if !self.file.is_nowhere(*address)
                && address.saturating_add(self.file.base).saturating_add(*stored) > length);
        let place = || self.file.part.inner(or_root(path));
        if claimed > self.looking.limits.get(MAX_CLAIMED).most()
            && claimed > length.saturating_mul(MOST_TIMES)
        {
            let says = format!("it claims {claimed} bytes in a file of {length}");
            self.looking.find(&rules::HDF5_CLAIMED_SIZE, place(), says);
        } else if beyond {
            self.looking.find(&rules::HDF5_CLAIMED_SIZE, place(), "its bytes lie behind the end of the file");
        } else if let (Layout::One(address, Some(stored)), Some(kind)) = (layout, dataset.kind)
            && !self.file.is_nowhere(*address)
        {
            if claimed != *stored {
                let says = format!("its shape and type make {claimed} bytes, {stored} are stored");
                self.looking.find(&rules::WEIGHTS_SHAPE, place(), says);
            }
            let from = address.saturating_add(self.file.base);
            let data = Some(Data { part: Arc::clone(&self.whole), from, len: *stored });
            let shape = dataset.space.as_ref().map(|space| space.lengths.clone()).unwrap_or_default();
            self.tensors.push(Tensor { name: path.to_owned(), kind: kind.number, shape, data });
        }
    }

    fn unread(&mut self, unread: &Unread) {
        self.looking.unread(self.file.part, unread);
    }
}

fn fields_of<'m>(file: &File<'_>, message: &'m Message) -> Fields<'m> {
    file.fields(&message.data, message.address)
}

/// The head of a message that points at a heap: version, flags, and a number where the flags say so.
fn info(fields: &mut Fields<'_>, width: usize) -> Result<(), Unread> {
    let at = fields.place();
    let (version, flags) = (fields.byte()?, fields.byte()?);
    if version != 0 {
        return Err(broken(at, format!("an index of the unknown version {version}")));
    }
    if flags & 1 != 0 {
        fields.skip(width)?;
    }
    Ok(())
}

fn joined(path: &str, name: &str) -> String {
    const MOST: usize = 160;
    let name: String = name.chars().take(MOST).collect();
    if path.is_empty() {
        name
    } else if path.len() > MOST {
        format!("…/{name}")
    } else {
        format!("{path}/{name}")
    }
}

fn or_root(path: &str) -> &str {
    if path.is_empty() { "/" } else { path }
}

/// How grave it is that another file is named.
fn graveness(name: &str) -> Severity {
    let leaves = name.starts_with(['/', '\\', '~'])
        || name.contains(':')
        || name.split(['/', '\\']).any(|step| step == "..");
    if leaves { Severity::Critical } else { Severity::High }
}
