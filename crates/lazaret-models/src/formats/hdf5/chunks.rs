//! Chunks of a dataset: where they lie, by any of the indexes that the format has.

use lazaret_core::Limit;
use rustc_hash::FxHashSet;

use super::file::{Fields, File, broken};
use super::heap;
use super::value::{self, Space};
use crate::part::Unread;

/// Most chunks of one file that are looked at; each counts once for every dimension.
pub(crate) const MAX_CHUNKS: Limit = Limit::new("hdf5.max_chunks", 2_000_000);
/// Most dimensions, with the one of the element's bytes.
const MOST_DIMENSIONS: u64 = 33;

/// How a dataset is cut into chunks.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Chunks {
    /// The lengths of a chunk; the last is that of an element in bytes.
    pub(super) dimensions: Vec<u64>,
    index: Index,
    address: u64,
    /// Whether chunks that lie only in part within the dataset are stored as they are.
    plain_edges: bool,
}

#[derive(Debug, PartialEq, Eq)]
enum Index {
    /// A tree of version 1.
    Tree,
    /// One chunk; its stored length and the filters left out, where there are any.
    Single(Option<(u64, u32)>),
    /// All chunks one after the other.
    Implicit,
    FixedArray,
    ExtensibleArray,
    /// A tree of version 2.
    SecondTree,
}

/// One chunk as it is stored.
pub(super) struct Chunk {
    pub(super) address: u64,
    /// Bytes as stored.
    pub(super) size: u64,
    /// Filters that were left out, a bit each.
    pub(super) left_out: u32,
    /// Which it is of the chunks along each dimension.
    pub(super) number: Vec<u64>,
}

impl Chunks {
    /// The description of versions 1 to 3, behind the class.
    pub(super) fn of_tree(fields: &mut Fields<'_>, rank: u64, address: u64) -> Result<Self, Unread> {
        let dimensions = lengths(fields, rank, 4)?;
        Ok(Self { dimensions, index: Index::Tree, address, plain_edges: false })
    }

    /// The description of versions 4 and 5, behind the class.
    pub(super) fn of_any(fields: &mut Fields<'_>) -> Result<Self, Unread> {
        let at = fields.place();
        let (flags, rank, width) = (fields.byte()?, fields.number(1)?, fields.byte()?);
        let dimensions = lengths(fields, rank, width)?;
        let index = match fields.byte()? {
            1 if flags & 2 != 0 => {
                let size = fields.length()?;
                let left_out = u32::try_from(fields.number(4)?).unwrap_or(0);
                Index::Single(Some((size, left_out)))
            }
            1 => Index::Single(None),
            2 => Index::Implicit,
            3 => {
                fields.skip(1)?;
                Index::FixedArray
            }
            4 => {
                fields.skip(5)?;
                Index::ExtensibleArray
            }
            5 => {
                fields.skip(6)?;
                Index::SecondTree
            }
            other => return Err(broken(at, format!("an index of chunks of the unknown kind {other}"))),
        };
        Ok(Self { dimensions, index, address: fields.address()?, plain_edges: flags & 1 == 1 })
    }

    /// How many bytes a chunk has when its filters are undone.
    pub(super) fn bytes(&self) -> u64 {
        self.dimensions.iter().fold(1, |bytes, length| bytes.saturating_mul(*length))
    }

    /// The chunks of a dataset of this shape, in the order of rows.
    pub(super) fn read(&self, file: &File<'_>, space: &Space) -> Result<Vec<Chunk>, Unread> {
        if file.is_nowhere(self.address) {
            return Ok(Vec::new());
        }
        let rank = space.lengths.len();
        let plain = |address, number| Chunk { address, size: self.bytes(), left_out: 0, number };
        let mut found = match self.index {
            Index::Tree => self.tree(file)?,
            Index::Single(filtered) => {
                let (size, left_out) = filtered.unwrap_or((self.bytes(), 0));
                vec![Chunk { address: self.address, size, left_out, number: vec![0; rank] }]
            }
            Index::Implicit => {
                let grid = self.grid(space);
                let address = |number: u64| number.saturating_mul(self.bytes()).saturating_add(self.address);
                let is_there = |number: &u64| address(*number).saturating_add(file.base) < file.part.len();
                let mut found = Vec::new();
                for number in (0..grid.chunks()).take_while(is_there) {
                    push(&mut found, plain(address(number), grid.place(number)), file, self.address)?;
                }
                found
            }
            Index::FixedArray => self.fixed_array(file, &self.grid(space))?,
            Index::ExtensibleArray => self.extensible_array(file, &self.grid(space))?,
            Index::SecondTree => self.second_tree(file, rank)?,
        };
        if self.plain_edges {
            let ends = |number: u64, length: u64| number.saturating_add(1).saturating_mul(length);
            for chunk in &mut found {
                let mut along = chunk.number.iter().zip(&self.dimensions).zip(&space.lengths);
                if along.any(|((number, of_chunk), length)| ends(*number, *of_chunk) > *length) {
                    chunk.left_out = u32::MAX;
                }
            }
        }
        found.sort_unstable_by(|one, other| one.number.cmp(&other.number));
        Ok(found)
    }

    /// How chunks are numbered. Those that may come count too, and the dimension that grows without end is the first.
    fn grid(&self, space: &Space) -> Grid {
        let endless = space.most.iter().position(|most| *most == value::ENDLESS).unwrap_or(0);
        let lengths = space.most.iter().zip(&self.dimensions);
        let mut along: Vec<u64> = lengths.map(|(most, chunk)| most.div_ceil((*chunk).max(1))).collect();
        if let Some(moved) = along.get_mut(..=endless) {
            moved.rotate_right(1);
        }
        Grid { along, endless }
    }

    fn tree(&self, file: &File<'_>) -> Result<Vec<Chunk>, Unread> {
        let (mut found, mut seen) = (Vec::new(), FxHashSet::default());
        let mut open = vec![(self.address, u8::MAX)];
        let rank = self.dimensions.len();
        let key = 8_u64.saturating_add(8_u64.saturating_mul(rank as u64));
        let address_width = u64::from(file.offsets);
        while let Some((address, above)) = open.pop() {
            let at = file.base.saturating_add(address);
            if !seen.insert(address) {
                return Err(broken(at, "the tree of chunks goes in a circle"));
            }
            let start = file.block(address, *b"TREE", 8)?;
            let mut fields = file.fields(&start, address);
            fields.skip(4)?;
            let (kind, level, entries) = (fields.byte()?, fields.byte()?, fields.number(2)?);
            if kind != 1 || level >= above {
                return Err(broken(at, "a node of another tree where one of chunks is pointed at"));
            }
            let begins = address.saturating_add(8).saturating_add(address_width.saturating_mul(2));
            let bytes = file.bytes(begins, entries.saturating_mul(key.saturating_add(address_width)))?;
            let mut fields = file.fields(&bytes, begins);
            for _ in 0..entries {
                let (size, left_out) = (fields.number(4)?, u32::try_from(fields.number(4)?).unwrap_or(0));
                let mut number = Vec::new();
                for length in &self.dimensions {
                    number.push(fields.number(8)?.checked_div(*length).unwrap_or(0));
                }
                number.truncate(rank.saturating_sub(1));
                let child = fields.address()?;
                if level > 0 {
                    open.push((child, level));
                } else {
                    push(&mut found, Chunk { address: child, size, left_out, number }, file, address)?;
                }
            }
        }
        Ok(found)
    }

    fn second_tree(&self, file: &File<'_>, rank: usize) -> Result<Vec<Chunk>, Unread> {
        let (kind, records) = heap::records(file, self.address, &[10, 11])?;
        let mut found = Vec::new();
        for record in records {
            let mut fields = file.fields(&record, self.address);
            let numbers = rank.saturating_mul(8);
            let address = fields.address()?;
            let (size, left_out) = if kind == 11 {
                let width = fields.left().saturating_sub(numbers).saturating_sub(4);
                let size = fields.number(u8::try_from(width).unwrap_or(8))?;
                (size, u32::try_from(fields.number(4)?).unwrap_or(0))
            } else {
                (self.bytes(), 0)
            };
            let number = (0..rank).map(|_| fields.number(8)).collect::<Result<_, _>>()?;
            push(&mut found, Chunk { address, size, left_out, number }, file, self.address)?;
        }
        Ok(found)
    }

    fn fixed_array(&self, file: &File<'_>, grid: &Grid) -> Result<Vec<Chunk>, Unread> {
        let (o, l) = (u64::from(file.offsets), u64::from(file.lengths));
        let header = file.block(self.address, *b"FAHD", 8_u64.saturating_add(l).saturating_add(o))?;
        let mut fields = file.fields(&header, self.address);
        fields.skip(5)?;
        let entry = Entry { filtered: fields.byte()? == 1, width: fields.number(1)?, grid };
        let page_bits = fields.number(1)?;
        let (count, block) = (fields.length()?, fields.address()?);
        let mut found = Vec::new();
        if file.is_nowhere(block) {
            return Ok(found);
        }
        file.block(block, *b"FADB", 6)?;
        let begins = block.saturating_add(6).saturating_add(o);
        self.entries(file, &entry, begins, 0, count, page_bits, Paging::Map, &mut found)?;
        Ok(found)
    }

    fn extensible_array(&self, file: &File<'_>, grid: &Grid) -> Result<Vec<Chunk>, Unread> {
        let (o, l) = (u64::from(file.offsets), u64::from(file.lengths));
        let size = 12_u64.saturating_add(l.saturating_mul(6)).saturating_add(o);
        let header = file.block(self.address, *b"EAHD", size)?;
        let mut fields = file.fields(&header, self.address);
        fields.skip(5)?;
        let entry = Entry { filtered: fields.byte()? == 1, width: fields.number(1)?, grid };
        let (max_bits, in_index) = (fields.number(1)?, fields.number(1)?);
        let (least, pointers, page_bits) = (fields.number(1)?, fields.number(1)?, fields.number(1)?);
        for _ in 0..4 {
            fields.length()?;
        }
        let (count, _) = (fields.length()?, fields.length()?);
        let index = fields.address()?;
        let mut found = Vec::new();
        if file.is_nowhere(index) {
            return Ok(found);
        }
        if least == 0 || pointers < 2 || max_bits > 64 {
            return Err(broken(file.base.saturating_add(self.address), "an array of impossible sizes"));
        }
        file.block(index, *b"EAIB", 6)?;
        let begins = index.saturating_add(6).saturating_add(o);
        self.entries(file, &entry, begins, 0, in_index.min(count), 63, Paging::Map, &mut found)?;
        // Blocks grow by super blocks: each has twice as many, or twice as long ones, as the one before.
        let direct = u64::from(pointers.ilog2()).saturating_mul(2);
        let offset_width = max_bits.div_ceil(8);
        let prefix = 6_u64.saturating_add(o).saturating_add(offset_width);
        let mut place = begins.saturating_add(in_index.saturating_mul(entry.width));
        let mut first = in_index;
        let mut row = 0_u64;
        while first < count && row <= max_bits {
            let blocks = 1_u64.checked_shl(u32::try_from(row / 2).unwrap_or(64)).unwrap_or(u64::MAX);
            let doubled = u32::try_from(row.div_ceil(2)).unwrap_or(64);
            let length = least.saturating_mul(1_u64.checked_shl(doubled).unwrap_or(u64::MAX));
            let mut pointers_at = place;
            if row >= direct {
                let own = address_at(file, place)?;
                place = place.saturating_add(o);
                if file.is_nowhere(own) {
                    first = first.saturating_add(blocks.saturating_mul(length));
                    row = row.saturating_add(1);
                    continue;
                }
                file.block(own, *b"EASB", 6)?;
                let page = 1_u64.checked_shl(u32::try_from(page_bits).unwrap_or(64)).unwrap_or(u64::MAX);
                let map = if length > page { (length / page).div_ceil(8).saturating_mul(blocks) } else { 0 };
                pointers_at = own.saturating_add(prefix).saturating_add(map);
            }
            for _ in 0..blocks {
                if first >= count {
                    break;
                }
                let block = address_at(file, pointers_at)?;
                pointers_at = pointers_at.saturating_add(o);
                if !file.is_nowhere(block) {
                    file.block(block, *b"EADB", 6)?;
                    let begins = block.saturating_add(prefix);
                    // The whole block is there, however much of it is used.
                    let used = count.saturating_sub(first).min(length);
                    let paging = Paging::Whole(length);
                    self.entries(file, &entry, begins, first, used, page_bits, paging, &mut found)?;
                }
                first = first.saturating_add(length);
            }
            if row < direct {
                place = pointers_at;
            }
            row = row.saturating_add(1);
        }
        Ok(found)
    }

    /// The entries of a block of an array, in pages where there are more than a page holds.
    #[expect(clippy::too_many_arguments, reason = "where the entries lie, which they are, and where they go")]
    fn entries(
        &self,
        file: &File<'_>,
        entry: &Entry<'_>,
        begins: u64,
        first: u64,
        count: u64,
        page_bits: u64,
        paging: Paging,
        found: &mut Vec<Chunk>,
    ) -> Result<(), Unread> {
        let page = 1_u64.checked_shl(u32::try_from(page_bits).unwrap_or(64)).unwrap_or(u64::MAX);
        let (paged, map) = match paging {
            Paging::Map => (count > page, count.div_ceil(page).div_ceil(8)),
            Paging::Whole(length) => (length > page, 0),
        };
        let mut place = begins;
        if paged {
            place = place.saturating_add(map).saturating_add(4);
        }
        let mut done = 0_u64;
        while done < count {
            let some = if paged { page.min(count.saturating_sub(done)) } else { count };
            let length = some.saturating_mul(entry.width);
            let bytes = file.bytes(place, length)?;
            let mut fields = file.fields(&bytes, place);
            for within in 0..some {
                let number = first.saturating_add(done).saturating_add(within);
                if let Some(chunk) = self.entry(file, entry, &mut fields, number)? {
                    push(found, chunk, file, place)?;
                }
            }
            place = place.saturating_add(page.saturating_mul(entry.width)).saturating_add(4);
            done = done.saturating_add(some);
        }
        Ok(())
    }

    fn entry(
        &self,
        file: &File<'_>,
        entry: &Entry<'_>,
        fields: &mut Fields<'_>,
        number: u64,
    ) -> Result<Option<Chunk>, Unread> {
        let address = fields.address()?;
        let (size, left_out) = if entry.filtered {
            let width = entry.width.saturating_sub(u64::from(file.offsets)).saturating_sub(4);
            let size = fields.number(u8::try_from(width).unwrap_or(8))?;
            (size, u32::try_from(fields.number(4)?).unwrap_or(0))
        } else {
            (self.bytes(), 0)
        };
        // Pages that were never written are zeroes.
        let is_there = address != 0 && !file.is_nowhere(address);
        Ok(is_there.then(|| Chunk { address, size, left_out, number: entry.grid.place(number) }))
    }
}

/// What the entries of an array are like.
struct Entry<'g> {
    filtered: bool,
    width: u64,
    grid: &'g Grid,
}

/// How a block says that it has pages.
#[derive(Clone, Copy)]
enum Paging {
    /// By a map before them.
    Map,
    /// By its own length; the map lies elsewhere.
    Whole(u64),
}

fn lengths(fields: &mut Fields<'_>, rank: u64, width: u8) -> Result<Vec<u64>, Unread> {
    if rank > MOST_DIMENSIONS {
        return Err(broken(fields.place(), "chunks of impossibly many dimensions"));
    }
    let at = fields.place();
    let lengths: Vec<u64> = (0..rank).map(|_| fields.number(width)).collect::<Result<_, _>>()?;
    if lengths.contains(&0) { Err(broken(at, "chunks of no length")) } else { Ok(lengths) }
}

fn address_at(file: &File<'_>, place: u64) -> Result<u64, Unread> {
    let bytes = file.bytes(place, u64::from(file.offsets))?;
    file.fields(&bytes, place).address()
}

fn push(found: &mut Vec<Chunk>, chunk: Chunk, file: &File<'_>, address: u64) -> Result<(), Unread> {
    file.count_chunk(chunk.number.len() as u64, address)?;
    found.push(chunk);
    Ok(())
}

/// How many chunks there may be along each dimension, the one that grows without end before the others.
struct Grid {
    along: Vec<u64>,
    /// Which one that is; the first where none does.
    endless: usize,
}

impl Grid {
    fn chunks(&self) -> u64 {
        value::points(&self.along)
    }

    /// Which chunk it is along each dimension, by its number.
    fn place(&self, number: u64) -> Vec<u64> {
        let mut left = number;
        let mut places = vec![0; self.along.len()];
        for (place, along) in places.iter_mut().zip(&self.along).rev() {
            *place = left.checked_rem(*along).unwrap_or(0);
            left = left.checked_div(*along).unwrap_or(0);
        }
        if let Some(moved) = places.get_mut(..=self.endless) {
            moved.rotate_left(1);
        }
        places
    }
}
