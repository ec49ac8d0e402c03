//! Values of datasets and attributes that are bytes: a program that keeps objects in HDF5 (hickle, PyTables, h5py with
//! `pickle.dumps`) loads them from there. Numbers of more than a byte are tensors, and none of this.

use std::sync::Arc;

use lazaret_core::Hint;
use lazaret_input::MemorySource;

use super::chunks::{Chunk, Chunks};
use super::file::{Fields, File, broken};
use super::filters::{self, Filter};
use super::heap;
use super::value::{self, Layout, Space, Type};
use crate::formats::pickle::{self, Pickle};
use crate::hidden::begins_as_other;
use crate::look::{Looking, is_certain};
use crate::part::{Part, Unread};
use crate::registry::ModelFormat;

/// How much is read at once.
const BLOCK: u64 = 64 << 10;
/// How much of a value tells what it is.
const HEAD: u64 = 4 << 10;
/// Stands for the length of pieces where these are references.
const REFERENCES: u64 = 0;
/// No shorter value holds anything that acts.
const SHORTEST: u64 = 8;

/// What the messages of one object say of its data.
#[derive(Default)]
pub(super) struct Dataset {
    pub(super) space: Option<Space>,
    pub(super) kind: Option<Type>,
    pub(super) layout: Option<Layout>,
    pub(super) filters: Vec<Filter>,
    pub(super) is_external: bool,
    /// Whether its attributes say that its values are pickles.
    pub(super) holds_pickles: bool,
    pub(super) hickle: Hickle,
    /// Where the value lies that elements have which were never written.
    pub(super) fill: Option<(u64, u64)>,
}

/// What attributes say of the objects that hickle keeps.
#[derive(Default)]
pub(super) struct Hickle {
    pub(super) has_type: bool,
    pub(super) has_version: bool,
}

/// Looks at the values of a dataset that are bytes.
pub(super) fn look(file: &File<'_>, dataset: &Dataset, path: &str, looking: &mut Looking<'_>) {
    let (Some(layout), Some(kind)) = (&dataset.layout, dataset.kind) else { return };
    let Some(space) = &dataset.space else { return };
    let is_loose = kind.size == 1 && matches!(kind.class, value::NUMBER | value::BITS | value::NAMED);
    let is_whole = matches!(
        kind.class,
        value::TEXT | value::OPAQUE | value::ANY_LENGTH | value::COMPOUND | value::ARRAY
    );
    if !(is_loose || is_whole || dataset.holds_pickles) {
        return;
    }
    let mut values =
        Values { file, looking, path, is_pickle: dataset.holds_pickles, seen: heap::Seen::default() };
    let is_sure = dataset.holds_pickles || matches!(kind.class, value::OPAQUE | value::ANY_LENGTH);
    if let Layout::Chunked(_) = layout
        && !dataset.filters.iter().all(Filter::is_known)
    {
        // Pictures are packed in many ways; objects are told.
        if is_sure {
            let says = format!("the values of {path} are packed by a filter that is not known here");
            values.unread(&broken(file.base, says));
        }
        return;
    }
    let done = if kind.class == value::ANY_LENGTH {
        values.of_any_length(layout, dataset, kind, space.points())
    } else if is_whole && kind.size >= SHORTEST {
        values.pieces(layout, dataset, kind.size, &mut |values, part| values.all(part, kind.size))
    } else {
        values.together(layout, dataset, space)
    };
    let done = done.and_then(|()| match dataset.fill {
        Some((place, length)) if kind.class != value::ANY_LENGTH => {
            let part = file.part.slice(place, length, path);
            values.all(&part, part.len())
        }
        _ => Ok(()),
    });
    if let Err(unread) = done {
        values.unread(&unread);
    }
}

/// Looks at the value of an attribute: at its bytes, whatever they are of, and at each element.
pub(super) fn of_attribute(
    file: &File<'_>,
    kind: Type,
    value: &Fields<'_>,
    path: &str,
    looking: &mut Looking<'_>,
) -> Result<(), Unread> {
    let mut values = Values { file, looking, path, is_pickle: false, seen: heap::Seen::default() };
    let mut value = value.clone();
    if kind.class == value::ANY_LENGTH {
        while value.left() as u64 >= reference(file) {
            values.refer(&mut value)?;
        }
        return Ok(());
    }
    let part = file.part.slice(value.place(), value.left() as u64, path);
    values.all(&part, part.len())?;
    if (SHORTEST..part.len()).contains(&kind.size) {
        values.all(&part, kind.size)?;
    }
    Ok(())
}

/// How many bytes a reference to a value of any length has.
fn reference(file: &File<'_>) -> u64 {
    8_u64.saturating_add(u64::from(file.offsets))
}

struct Values<'f, 'l, 'k> {
    file: &'f File<'f>,
    looking: &'l mut Looking<'k>,
    path: &'f str,
    /// Whether whatever stands there is loaded as a pickle.
    is_pickle: bool,
    seen: heap::Seen,
}

impl Values<'_, '_, '_> {
    fn unread(&mut self, unread: &Unread) {
        self.looking.unread(self.file.part, unread);
    }

    /// The bytes of a dataset as they are stored, filters undone, to be taken in pieces of this length.
    fn pieces(
        &mut self,
        layout: &Layout,
        dataset: &Dataset,
        piece: u64,
        each: &mut dyn FnMut(&mut Self, &Part) -> Result<(), Unread>,
    ) -> Result<(), Unread> {
        let file = self.file;
        let Some(space) = &dataset.space else { return Ok(()) };
        match layout {
            _ if dataset.is_external || space.points() == 0 => Ok(()),
            Layout::Compact(place, length) => each(self, &file.part.slice(*place, *length, self.path)),
            Layout::One(address, _) if file.is_nowhere(*address) => Ok(()),
            Layout::One(address, length) => {
                let claimed = space.points().saturating_mul(dataset.kind.map_or(1, |kind| kind.size));
                let length = length.unwrap_or(claimed);
                if !self.is_pickle && !file.is_new(*address, length, piece) {
                    return Ok(());
                }
                each(self, &file.part.slice(address.saturating_add(file.base), length, self.path))
            }
            Layout::Chunked(chunks) => {
                for chunk in chunks.read(file, space)? {
                    let is_new = || self.is_pickle || file.is_new(chunk.address, chunk.size, piece);
                    if !file.is_nowhere(chunk.address) && is_new() {
                        let part = self.undone(&chunk, chunks, dataset)?;
                        each(self, &part)?;
                    }
                }
                Ok(())
            }
            Layout::Virtual(..) => Ok(()),
        }
    }

    fn undone(&mut self, chunk: &Chunk, chunks: &Chunks, dataset: &Dataset) -> Result<Part, Unread> {
        filters::undone(self.file, chunk, &dataset.filters, chunks.bytes(), self.path, self.looking)
    }

    /// Single bytes: a value may begin wherever a row does. Chunks are put together first, as many as rows lie across.
    fn together(&mut self, layout: &Layout, dataset: &Dataset, space: &Space) -> Result<(), Unread> {
        let lengths = space.lengths.as_slice();
        let size = dataset.kind.map_or(1, |kind| kind.size.max(1));
        let row = value::points(lengths.get(1..).unwrap_or_default()).saturating_mul(size);
        let is_one = self.is_pickle || lengths.len() < 2 || row < SHORTEST;
        let step = if is_one { u64::MAX } else { row };
        let Layout::Chunked(chunks) = layout else {
            return self.pieces(layout, dataset, step, &mut |values, part| values.all(part, step));
        };
        let found = chunks.read(self.file, space)?;
        let mut looked = 0_u64;
        for band in found.chunk_by(|one, other| is_one || one.number.first() == other.number.first()) {
            // Numbers of a byte go on as far as there is room: masks are large, and nearly nothing when packed.
            let is_short = self.looking.room().most() < self.file.reserve;
            if looked >= self.file.max_block.most() && is_short && !self.is_pickle {
                break;
            }
            let first = band.first().and_then(|chunk| chunk.number.first()).filter(|_| !is_one);
            let along = chunks.dimensions.first().copied().unwrap_or(1);
            let begins = first.map_or(0, |first| first.saturating_mul(along).saturating_mul(row));
            let bytes = self.joined(band, chunks, dataset, lengths, begins)?;
            let len = bytes.len() as u64;
            looked = looked.saturating_add(len);
            let source = Arc::new(MemorySource::new(bytes, Hint::default()));
            self.all(&self.file.part.member(source, len, self.path), step)?;
        }
        Ok(())
    }

    /// The first bytes from a place in the dataset on, of chunks that lie there.
    fn joined(
        &mut self,
        band: &[Chunk],
        chunks: &Chunks,
        dataset: &Dataset,
        lengths: &[u64],
        begins: u64,
    ) -> Result<Vec<u8>, Unread> {
        let most = self.file.max_block.most();
        let size = chunks.dimensions.last().copied().unwrap_or(1).max(1);
        let mut bytes: Vec<u8> = Vec::new();
        for chunk in band {
            let start = place_of(&first_of(&chunk.number, chunks), lengths).saturating_mul(size);
            if start.saturating_sub(begins) >= most || self.file.is_nowhere(chunk.address) {
                continue;
            }
            let stored = self.undone(chunk, chunks, dataset)?;
            let before = bytes.len();
            for (from, place, length) in Rows::of(&chunk.number, chunks, lengths) {
                let place = place.saturating_mul(size).saturating_sub(begins);
                let end = place.saturating_add(length.saturating_mul(size)).min(most);
                let (Ok(place), Ok(end)) = (usize::try_from(place), usize::try_from(end)) else { break };
                if place >= end {
                    break;
                }
                if end > bytes.len() {
                    bytes.resize(end, 0);
                }
                stored.read_at(from.saturating_mul(size), bytes.get_mut(place..end).unwrap_or_default())?;
            }
            // Few bytes far behind make many zeroes.
            self.looking.unpacked(bytes.len().saturating_sub(before) as u64)?;
        }
        Ok(bytes)
    }

    /// Values of one length, one after the other.
    fn all(&mut self, part: &Part, step: u64) -> Result<(), Unread> {
        let step = step.min(part.len()).max(1);
        let many = (BLOCK / step).max(1);
        let mut at = 0_u64;
        while at < part.len() {
            let left = part.len().saturating_sub(at);
            let wanted = many.saturating_mul(step).min(BLOCK).min(left);
            let mut block = vec![0; usize::try_from(wanted).unwrap_or(0)];
            let read = part.read_at(at, &mut block)?;
            block.truncate(read);
            let width = usize::try_from(step).unwrap_or(usize::MAX);
            for (number, value) in (0_u64..).zip(block.chunks(width)) {
                let is_whole = value.len() as u64 == step;
                if self.may_be_something(value, is_whole) {
                    let from = at.saturating_add(number.saturating_mul(step));
                    let len = without_padding(&part.rest(from, step))?;
                    self.one(&part.rest(from, len), value);
                }
            }
            at = at.saturating_add(many.saturating_mul(step));
        }
        Ok(())
    }

    /// Values of any length, which lie in heaps.
    fn of_any_length(
        &mut self,
        layout: &Layout,
        dataset: &Dataset,
        kind: Type,
        points: u64,
    ) -> Result<(), Unread> {
        let width = reference(self.file);
        if kind.size != width || points == 0 {
            return Ok(());
        }
        self.pieces(layout, dataset, REFERENCES, &mut |values, part| {
            let mut at = 0;
            while at < part.len() {
                let wanted = (BLOCK / width).saturating_mul(width).min(part.len().saturating_sub(at));
                let block = part.bytes(at, usize::try_from(wanted).unwrap_or(0))?;
                let mut fields = values.file.fields(&block, at);
                while fields.left() as u64 >= width {
                    values.refer(&mut fields)?;
                }
                at = at.saturating_add(wanted);
            }
            Ok(())
        })
    }

    /// The next reference, and the value that it leads to.
    fn refer(&mut self, fields: &mut Fields<'_>) -> Result<(), Unread> {
        let (length, collection, number) = (fields.number(4)?, fields.address()?, fields.number(4)?);
        if length == 0 || collection == 0 || self.file.is_nowhere(collection) {
            return Ok(());
        }
        let Some(object) = self.seen.object(self.file, collection, number)? else { return Ok(()) };
        let (address, length) = (object.address, object.length);
        let part = self.file.part.slice(address.saturating_add(self.file.base), length, self.path);
        let head = match object.bytes {
            Some(bytes) => {
                bytes.get(..usize::try_from(HEAD).unwrap_or(0).min(bytes.len())).unwrap_or_default().to_vec()
            }
            None => part.bytes(0, usize::try_from(part.len().min(HEAD)).unwrap_or(0))?,
        };
        let is_whole = head.len() as u64 >= length;
        if self.may_be_something(&head, is_whole)
            && (self.is_pickle || self.file.is_new(address, length, length))
        {
            self.one(&part, &head);
        }
        Ok(())
    }

    /// Whether a value that begins so, or is this, may be something to load.
    fn may_be_something(&self, value: &[u8], is_whole: bool) -> bool {
        if self.is_pickle {
            return value.iter().any(|byte| *byte != 0);
        }
        if (value.len() as u64) < SHORTEST {
            return false;
        }
        begins_as_other(value) || pickle::may_be_pickle(value) && !(is_whole && loads_nothing(value))
    }

    /// A value, if it is something to load; it begins with these bytes.
    fn one(&mut self, part: &Part, value: &[u8]) {
        if self.is_pickle {
            let read = self.looking.within(part, |looking| Pickle.read(part, looking));
            if let Err(unread) = read {
                self.looking.unread(part, &unread);
            }
            return;
        }
        let len = usize::try_from(part.len().min(HEAD)).unwrap_or(0).min(value.len());
        let head = value.get(..len).unwrap_or_default();
        if pickle::begins_at(part, head) || begins_as_other(value) && is_certain(part) {
            self.looking.inside(part);
        }
    }
}

/// Whether no opcode of a pickle stands in these bytes that loads something by its name or number.
fn loads_nothing(value: &[u8]) -> bool {
    let by_line = || value.iter().any(|byte| matches!(byte, b'c' | b'i' | b'P'));
    let is_line = || memchr::memchr(b'\n', value).is_some() && by_line();
    let by_stack = |byte: &u8| matches!(byte, b'Q' | 0x82..=0x84 | 0x93);
    !is_line() && !value.iter().any(by_stack) && !value.starts_with(&[0x80])
}

/// The length of a value without the zeroes that fill it up.
fn without_padding(value: &Part) -> Result<u64, Unread> {
    let mut end = value.len();
    while end > 0 {
        let from = end.saturating_sub(BLOCK);
        let block = value.bytes(from, usize::try_from(end.saturating_sub(from)).unwrap_or(0))?;
        if let Some(last) = block.iter().rposition(|byte| *byte != 0) {
            return Ok(from.saturating_add(last as u64).saturating_add(1));
        }
        end = from;
    }
    Ok(0)
}

/// Where the first element of a chunk stands along each dimension.
fn first_of(number: &[u64], chunks: &Chunks) -> Vec<u64> {
    number.iter().zip(&chunks.dimensions).map(|(number, length)| number.saturating_mul(*length)).collect()
}

/// The place of an element among all, in the order of rows.
fn place_of(element: &[u64], lengths: &[u64]) -> u64 {
    element
        .iter()
        .zip(lengths)
        .fold(0, |place: u64, (at, length)| place.saturating_mul(*length).saturating_add(*at))
}

/// The rows of a chunk that are of the dataset: where each begins in the chunk, where in the dataset, and how many
/// elements of it are of the dataset.
struct Rows<'a> {
    /// Where the next row begins along each dimension.
    element: Vec<u64>,
    first: Vec<u64>,
    of_chunk: &'a [u64],
    lengths: &'a [u64],
    from: u64,
    is_done: bool,
}

impl<'a> Rows<'a> {
    fn of(number: &[u64], chunks: &'a Chunks, lengths: &'a [u64]) -> Self {
        let first = first_of(number, chunks);
        let of_chunk = chunks.dimensions.get(..first.len()).unwrap_or_default();
        let is_outside = first.len() != lengths.len()
            || of_chunk.len() != lengths.len()
            || of_chunk.contains(&0)
            || first.iter().zip(lengths).any(|(at, length)| at >= length);
        Self { element: first.clone(), first, of_chunk, lengths, from: 0, is_done: is_outside }
    }

    /// Goes on to the next row of the dataset; rows that lie outside of it are stepped over.
    fn step(&mut self) {
        let mut width = self.of_chunk.last().copied().unwrap_or(1);
        let dimensions = self.element.iter_mut().zip(&self.first).zip(self.of_chunk).zip(self.lengths);
        for (((at, first), of_chunk), length) in dimensions.rev().skip(1) {
            let within = at.saturating_sub(*first).saturating_add(1);
            if within < *of_chunk && at.saturating_add(1) < *length {
                *at = at.saturating_add(1);
                self.from = self.from.saturating_add(width);
                return;
            }
            // Back to the start along this dimension, and one further along the one before it.
            self.from = self.from.saturating_sub(width.saturating_mul(within.saturating_sub(1)));
            *at = *first;
            width = width.saturating_mul(*of_chunk);
        }
        self.is_done = true;
    }
}

impl Iterator for Rows<'_> {
    type Item = (u64, u64, u64);

    fn next(&mut self) -> Option<Self::Item> {
        if self.is_done {
            return None;
        }
        let (last, length, of_chunk) = (self.first.last()?, self.lengths.last()?, self.of_chunk.last()?);
        let kept = length.saturating_sub(*last).min(*of_chunk);
        let row = (self.from, place_of(&self.element, self.lengths), kept);
        self.step();
        Some(row)
    }
}
