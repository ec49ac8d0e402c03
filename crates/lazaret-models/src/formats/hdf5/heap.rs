//! Heaps: fractal heaps with the trees that index them (dense links and attributes), global heaps (texts of any length).

use rustc_hash::{FxHashMap, FxHashSet};

use super::file::{File, broken};
use crate::part::Unread;

/// Most records of one tree.
const MOST_RECORDS: usize = 500_000;
/// How deep a tree or a heap's table may go; the format has no deeper ones that hold anything.
const MOST_LEVELS: u64 = 32;

/// The records of a tree of version 2 and of this type; each is the bytes of one record.
pub(super) fn records(file: &File<'_>, address: u64, wanted: &[u8]) -> Result<(u8, Vec<Vec<u8>>), Unread> {
    let at = file.base.saturating_add(address);
    let size = 16 + u64::from(file.offsets) + 2 + u64::from(file.lengths);
    let header = file.block(address, *b"BTHD", size)?;
    let mut fields = file.fields(&header, address);
    fields.skip(5)?;
    let (kind, node_size, record) = (fields.byte()?, fields.number(4)?, fields.number(2)?);
    let depth = fields.number(2)?;
    fields.skip(2)?;
    let (root, count) = (fields.address()?, fields.number(2)?);
    if !wanted.contains(&kind) || record == 0 || depth > MOST_LEVELS {
        return Err(broken(at, "a tree of another kind where an index is pointed at"));
    }
    // How many records a node holds at most says how wide the counts of the level above are.
    let widths = Widths::new(node_size, record, depth, file.offsets);
    let mut all = Vec::new();
    let (mut seen, mut open) = (FxHashSet::default(), vec![(root, count, depth)]);
    while let Some((address, count, depth)) = open.pop() {
        let at = file.base.saturating_add(address);
        if file.is_nowhere(address) {
            continue;
        }
        if !seen.insert(address) {
            return Err(broken(at, "an index goes in a circle"));
        }
        let signature = if depth == 0 { *b"BTLF" } else { *b"BTIN" };
        let bytes = file.block(address, signature, node_size)?;
        let mut fields = file.fields(&bytes, address);
        fields.skip(6)?;
        for _ in 0..count {
            let width = usize::try_from(record).unwrap_or(usize::MAX);
            all.push(fields.take(width)?.to_vec());
            if all.len() > MOST_RECORDS {
                return Err(broken(at, "an index has records without end"));
            }
        }
        if depth > 0 {
            for _ in 0..=count {
                let child = fields.address()?;
                let records = fields.number(widths.count)?;
                fields.number(widths.total(depth))?;
                open.push((child, records, depth.saturating_sub(1)));
            }
        }
    }
    Ok((kind, all))
}

struct Widths {
    count: u8,
    totals: Vec<u8>,
}

impl Widths {
    fn new(node_size: u64, record: u64, depth: u64, offsets: u8) -> Self {
        let leaf = node_size.saturating_sub(10) / record;
        let count = width_of(leaf);
        let mut totals = vec![0];
        let mut below = leaf;
        for level in 1..=depth {
            let own = totals.last().copied().unwrap_or(0);
            let pointer = u64::from(offsets) + u64::from(count) + u64::from(own);
            let most = node_size.saturating_sub(10 + pointer) / record.saturating_add(pointer);
            below = most.saturating_add(1).saturating_mul(below).saturating_add(most);
            if level < depth {
                totals.push(width_of(below));
            }
        }
        Self { count, totals }
    }

    /// How wide the total is that a node of this depth gives for a child.
    fn total(&self, depth: u64) -> u8 {
        let below = usize::try_from(depth.saturating_sub(1)).unwrap_or(0);
        self.totals.get(below).copied().unwrap_or(0)
    }
}

/// How many bytes a number up to this takes.
fn width_of(most: u64) -> u8 {
    u8::try_from(most.max(1).ilog2() / 8 + 1).unwrap_or(8)
}

/// The objects of a fractal heap that an index names: links (types 5 and 6) or attributes (8 and 9).
pub(super) fn dense(
    file: &File<'_>,
    heap: u64,
    index: u64,
    each: &mut dyn FnMut(u64, &[u8]),
) -> Result<(), Unread> {
    let heap = Fractal::read(file, heap)?;
    let (kind, records) = records(file, index, &[5, 6, 8, 9])?;
    let id_at = match kind {
        5 => 4,
        6 => 8,
        _ => 0,
    };
    let mut fault = None;
    for record in records {
        let id = record.get(id_at..).unwrap_or_default();
        match heap.object(file, id) {
            Ok((address, bytes)) => each(address, &bytes),
            Err(error) => fault = fault.or(Some(error)),
        }
    }
    fault.map_or(Ok(()), Err)
}

/// A fractal heap: a table of blocks that double in size.
struct Fractal {
    at: u64,
    offset_width: u8,
    length_width: u8,
    id_length: usize,
    width: u64,
    start: u64,
    max_direct: u64,
    max_bits: u32,
    root: u64,
    rows: u64,
    /// Objects too large for blocks, by their number: address and length.
    huge: FxHashMap<u64, (u64, u64)>,
}

impl Fractal {
    fn read(file: &File<'_>, address: u64) -> Result<Self, Unread> {
        let at = file.base.saturating_add(address);
        let (o, l) = (u64::from(file.offsets), u64::from(file.lengths));
        let bytes = file.block(address, *b"FRHP", 26 + 3 * o + 12 * l)?;
        let mut fields = file.fields(&bytes, address);
        fields.skip(5)?;
        let (id_length, filter) = (fields.size(2)?, fields.number(2)?);
        fields.skip(1)?;
        let max_managed = fields.number(4)?;
        fields.length()?;
        let huge_index = fields.address()?;
        fields.length()?;
        fields.address()?;
        for _ in 0..8 {
            fields.length()?;
        }
        let (width, start, max_direct) = (fields.number(2)?, fields.length()?, fields.length()?);
        let max_bits = fields.number(2)?;
        fields.skip(2)?;
        let (root, rows) = (fields.address()?, fields.number(2)?);
        let sound =
            width > 0 && start > 0 && max_direct >= start && (1..=64).contains(&max_bits) && rows <= 256;
        if filter != 0 || !sound {
            return Err(broken(at, "a heap that is compressed, or of impossible sizes"));
        }
        let mut huge = FxHashMap::default();
        if !file.is_nowhere(huge_index) {
            let (_, records) = records(file, huge_index, &[1])?;
            for record in records {
                let mut fields = file.fields(&record, huge_index);
                let (address, length, number) = (fields.address()?, fields.length()?, fields.length()?);
                huge.insert(number, (address, length));
            }
        }
        let max_bits = u32::try_from(max_bits).unwrap_or(64);
        let offset_width = u8::try_from(max_bits.div_ceil(8)).unwrap_or(8);
        let of_direct = u8::try_from(max_direct.ilog2().div_ceil(8)).unwrap_or(8);
        let length_width = of_direct.min(width_of(max_managed));
        Ok(Self {
            at,
            offset_width,
            length_width,
            id_length,
            width,
            start,
            max_direct,
            max_bits,
            root,
            rows,
            huge,
        })
    }

    /// An object by its id, with its address.
    fn object(&self, file: &File<'_>, id: &[u8]) -> Result<(u64, Vec<u8>), Unread> {
        let id = id.get(..self.id_length.min(id.len())).unwrap_or_default();
        let mut fields = file.fields(id, self.at.saturating_sub(file.base));
        let first = fields.byte()?;
        match first >> 4 & 3 {
            0 => {
                let (offset, length) = (fields.number(self.offset_width)?, fields.number(self.length_width)?);
                let address = self.locate(file, offset)?;
                Ok((address, file.bytes(address, length)?))
            }
            1 => {
                let direct = usize::from(file.offsets) + usize::from(file.lengths);
                let (address, length) = if fields.left() >= direct {
                    (fields.address()?, fields.length()?)
                } else {
                    let number = fields.number(u8::try_from(fields.left().min(8)).unwrap_or(8))?;
                    let known = self.huge.get(&number).copied();
                    known.ok_or_else(|| broken(self.at, "a heap has no such object"))?
                };
                Ok((address, file.bytes(address, length)?))
            }
            2 => {
                let length = usize::from(first & 15).saturating_add(1);
                Ok((0, fields.rest().get(..length).unwrap_or_default().to_vec()))
            }
            _ => Err(broken(self.at, "an object of an unknown kind in a heap")),
        }
    }

    /// The address of an offset in the heap's own space.
    fn locate(&self, file: &File<'_>, offset: u64) -> Result<u64, Unread> {
        let (mut block, mut rows, mut begins) = (self.root, self.rows, 0_u64);
        let outside = || broken(self.at, "an object lies outside its heap");
        let max_direct_rows = u64::from(self.max_direct.ilog2().saturating_sub(self.start.ilog2())) + 2;
        for _ in 0..MOST_LEVELS {
            let within = offset.checked_sub(begins).ok_or_else(outside)?;
            if rows == 0 {
                return block.checked_add(within).ok_or_else(outside);
            }
            // Which row and column the offset falls into.
            let (mut row, mut size, mut row_begins) = (0_u64, self.start, 0_u64);
            loop {
                let row_size = size.checked_mul(self.width).ok_or_else(outside)?;
                let end = row_begins.checked_add(row_size).ok_or_else(outside)?;
                if within < end {
                    break;
                }
                row_begins = end;
                row = row.saturating_add(1);
                if row >= rows {
                    return Err(outside());
                }
                size = if row <= 1 { self.start } else { size.checked_mul(2).ok_or_else(outside)? };
            }
            let column = (within - row_begins) / size;
            let head = 5 + u64::from(file.offsets) + u64::from(self.max_bits.div_ceil(8));
            let entry = row.saturating_mul(self.width).saturating_add(column);
            file.block(block, *b"FHIB", 4)?;
            let address =
                block.saturating_add(head).saturating_add(entry.saturating_mul(u64::from(file.offsets)));
            let bytes = file.bytes(address, u64::from(file.offsets))?;
            block = file.fields(&bytes, address).address()?;
            if file.is_nowhere(block) {
                return Err(outside());
            }
            begins = begins.saturating_add(row_begins).saturating_add(column.saturating_mul(size));
            rows = if row < max_direct_rows {
                0
            } else {
                let base = self.start.saturating_mul(self.width).max(1).ilog2();
                u64::from(size.ilog2().saturating_sub(base)).saturating_add(1)
            };
        }
        Err(outside())
    }
}

/// An object of a global heap, by the address of its collection and its number.
pub(super) fn global(file: &File<'_>, collection: u64, number: u64) -> Result<Vec<u8>, Unread> {
    let mut seen = Seen::default();
    let missing = || broken(file.base.saturating_add(collection), "a global heap has no such object");
    let object = seen.object(file, collection, number)?.ok_or_else(missing)?;
    file.bytes(object.address, object.length)
}

/// The collection of a global heap that was read last: those of a dataset lie together.
#[derive(Default)]
pub(super) struct Seen {
    collection: Option<u64>,
    /// Its bytes, unless they are many.
    bytes: Vec<u8>,
    /// Address and length of each object, by its number.
    objects: FxHashMap<u64, (u64, u64)>,
}

/// An object of a global heap.
pub(super) struct Object<'s> {
    pub(super) address: u64,
    pub(super) length: u64,
    /// Its bytes, if they are held.
    pub(super) bytes: Option<&'s [u8]>,
}

impl Seen {
    /// An object, if the collection has it.
    pub(super) fn object(
        &mut self,
        file: &File<'_>,
        collection: u64,
        number: u64,
    ) -> Result<Option<Object<'_>>, Unread> {
        if self.collection != Some(collection) {
            self.collection = None;
            self.collect(file, collection)?;
            self.collection = Some(collection);
        }
        let Some((address, length)) = self.objects.get(&number).copied() else { return Ok(None) };
        let from = usize::try_from(address.saturating_sub(collection)).unwrap_or(usize::MAX);
        let end = from.saturating_add(usize::try_from(length).unwrap_or(usize::MAX));
        Ok(Some(Object { address, length, bytes: self.bytes.get(from..end) }))
    }

    fn collect(&mut self, file: &File<'_>, collection: u64) -> Result<(), Unread> {
        /// A longer collection holds few objects, or one.
        const HELD: u64 = 1 << 20;
        let head = 8 + u64::from(file.lengths);
        let bytes = file.block(collection, *b"GCOL", head)?;
        let mut fields = file.fields(&bytes, collection);
        fields.skip(8)?;
        let length = fields.length()?;
        let end = collection.saturating_add(length);
        self.bytes = if length <= HELD { file.collection(collection, length)? } else { Vec::new() };
        self.objects.clear();
        let mut at = collection.saturating_add(head.next_multiple_of(8));
        let step = 8 + u64::from(file.lengths);
        while at.saturating_add(step) <= end {
            let from = usize::try_from(at.saturating_sub(collection)).unwrap_or(usize::MAX);
            let known =
                self.bytes.get(from..from.saturating_add(usize::try_from(step).unwrap_or(usize::MAX)));
            let read = if known.is_none() { file.bytes(at, step)? } else { Vec::new() };
            let mut fields = file.fields(known.unwrap_or(&read), at);
            let number = fields.number(2)?;
            fields.skip(6)?;
            let size = fields.length()?;
            if number == 0 {
                break;
            }
            self.objects.entry(number).or_insert((at.saturating_add(step), size));
            at = at.saturating_add(step).saturating_add(size.checked_next_multiple_of(8).unwrap_or(u64::MAX));
        }
        Ok(())
    }
}
