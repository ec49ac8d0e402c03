//! Values of datasets and attributes that are bytes: a program that keeps objects in HDF5 (hickle, PyTables, h5py with
//! `pickle.dumps`) loads them from there. Numbers of more than a byte are tensors, and none of this.

use std::sync::Arc;

use lazaret_core::Hint;
use lazaret_input::MemorySource;

use super::chunks::Chunks;
use super::file::{Fields, File, MAX_BLOCK, broken};
use super::filters::{self, Filter};
use super::heap;
use super::value::{self, Layout, Type};
use crate::formats::pickle::{self, Pickle};
use crate::hidden::begins_as_other;
use crate::look::{Looking, is_certain};
use crate::part::{Part, Unread};
use crate::registry::ModelFormat;

/// How much is read at once.
const BLOCK: u64 = 64 << 10;
/// How much of a value tells what it is.
const HEAD: u64 = 4 << 10;
/// No shorter value holds anything that acts.
const SHORTEST: u64 = 8;

/// What the messages of one object say of its data.
#[derive(Default)]
pub(super) struct Dataset {
    pub(super) dimensions: Option<Vec<u64>>,
    pub(super) kind: Option<Type>,
    pub(super) layout: Option<Layout>,
    pub(super) filters: Vec<Filter>,
    pub(super) is_external: bool,
    /// Whether its attributes say that its values are pickles.
    pub(super) holds_pickles: bool,
}

/// Looks at the values of a dataset that are bytes.
pub(super) fn look(file: &File<'_>, dataset: &Dataset, path: &str, looking: &mut Looking<'_>) {
    let (Some(layout), Some(kind)) = (&dataset.layout, dataset.kind) else { return };
    let dimensions = dataset.dimensions.as_deref().unwrap_or_default();
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
    let row = |from: usize| value::points(dimensions.get(from..).unwrap_or_default()).max(1);
    let done = if kind.class == value::ANY_LENGTH {
        values.of_any_length(layout, dataset, kind, row(0))
    } else if is_whole && kind.size >= SHORTEST {
        values.pieces(layout, dataset, &mut |values, part| values.all(part, kind.size))
    } else {
        let row = row(1).saturating_mul(kind.size.max(1));
        values.together(layout, dataset, row)
    };
    if let Err(unread) = done {
        values.unread(&unread);
    }
}

/// Looks at the value of an attribute that is bytes and no text of a fixed length.
pub(super) fn of_attribute(
    file: &File<'_>,
    kind: Type,
    value: &Fields<'_>,
    path: &str,
    looking: &mut Looking<'_>,
) -> Result<(), Unread> {
    let mut values = Values { file, looking, path, is_pickle: false, seen: heap::Seen::default() };
    let mut value = value.clone();
    match kind.class {
        value::ANY_LENGTH => {
            while value.left() as u64 >= reference(file) {
                values.refer(&mut value)?;
            }
        }
        value::NUMBER | value::OPAQUE if kind.size == 1 || kind.class == value::OPAQUE => {
            let part = file.part.slice(value.place(), value.left() as u64, path);
            values.all(&part, part.len())?;
        }
        _ => {}
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

    /// The bytes of a dataset in the pieces in which they are stored, filters undone.
    fn pieces(
        &mut self,
        layout: &Layout,
        dataset: &Dataset,
        each: &mut dyn FnMut(&mut Self, &Part) -> Result<(), Unread>,
    ) -> Result<(), Unread> {
        let file = self.file;
        let nothing = || dataset.dimensions.as_deref().is_none_or(|lengths| lengths.contains(&0));
        match layout {
            _ if dataset.is_external || nothing() => Ok(()),
            Layout::Compact(place, length) => each(self, &file.part.slice(*place, *length, self.path)),
            Layout::One(address, _) if file.is_nowhere(*address) => Ok(()),
            Layout::One(address, length) => {
                let points = dataset.dimensions.as_deref().map_or(0, value::points);
                let claimed = points.saturating_mul(dataset.kind.map_or(1, |kind| kind.size));
                let from = address.saturating_add(file.base);
                each(self, &file.part.slice(from, length.unwrap_or(claimed), self.path))
            }
            Layout::Chunked(chunks) => {
                let lengths = dataset.dimensions.as_deref().unwrap_or_default();
                for chunk in chunks.read(file, lengths)? {
                    if file.is_nowhere(chunk.address) {
                        continue;
                    }
                    let part = if dataset.filters.is_empty() {
                        let from = chunk.address.saturating_add(file.base);
                        file.part.slice(from, chunk.size, self.path)
                    } else {
                        let most = chunks.bytes();
                        let bytes = filters::undone(file, &chunk, &dataset.filters, most, self.looking)?;
                        self.member(bytes)
                    };
                    each(self, &part)?;
                }
                Ok(())
            }
            Layout::Virtual(..) => Ok(()),
        }
    }

    fn member(&self, bytes: Vec<u8>) -> Part {
        let len = bytes.len() as u64;
        self.file.part.member(Arc::new(MemorySource::new(bytes, Hint::default())), len, self.path)
    }

    /// Single bytes: a value may begin wherever a row does. Chunks are put together first.
    fn together(&mut self, layout: &Layout, dataset: &Dataset, row: u64) -> Result<(), Unread> {
        let dimensions = dataset.dimensions.as_deref().unwrap_or_default();
        let step = if dimensions.len() < 2 || row < SHORTEST { u64::MAX } else { row };
        let Layout::Chunked(chunks) = layout else {
            return self.pieces(layout, dataset, &mut |values, part| values.all(part, step));
        };
        let most = self.looking.limits.get(MAX_BLOCK).most();
        let bytes = self.joined(chunks, dataset, dimensions, most)?;
        let part = self.member(bytes);
        self.all(&part, step)
    }

    /// The first bytes of a dataset in chunks, each where it belongs.
    fn joined(
        &mut self,
        chunks: &Chunks,
        dataset: &Dataset,
        lengths: &[u64],
        most: u64,
    ) -> Result<Vec<u8>, Unread> {
        let size = chunks.dimensions.last().copied().unwrap_or(1).max(1);
        let mut bytes: Vec<u8> = Vec::new();
        for chunk in chunks.read(self.file, lengths)? {
            let begins = place_of(&first_of(&chunk.number, chunks), lengths).saturating_mul(size);
            if begins >= most || self.file.is_nowhere(chunk.address) {
                continue;
            }
            let stored = filters::undone(self.file, &chunk, &dataset.filters, chunks.bytes(), self.looking)?;
            let row = chunks
                .dimensions
                .iter()
                .rev()
                .take(2)
                .fold(1, |row: u64, length| row.saturating_mul(*length));
            let row = usize::try_from(row).unwrap_or(usize::MAX).max(1);
            let before = bytes.len();
            for (number, piece) in (0_u64..).zip(stored.chunks(row)) {
                let Some((place, kept)) = placed(number, &chunk.number, chunks, lengths) else { continue };
                let place = place.saturating_mul(size);
                let end = place.saturating_add(kept.saturating_mul(size)).min(most);
                let (Ok(place), Ok(end)) = (usize::try_from(place), usize::try_from(end)) else { continue };
                if end > bytes.len() {
                    bytes.resize(end, 0);
                }
                let room = bytes.get_mut(place..end).unwrap_or_default();
                room.iter_mut().zip(piece).for_each(|(room, byte)| *room = *byte);
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
                if self.may_be_something(value) {
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
        self.pieces(layout, dataset, &mut |values, part| {
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
        let Some((address, size)) = self.seen.place(self.file, collection, number)? else { return Ok(()) };
        let part = self.file.part.slice(address.saturating_add(self.file.base), size, self.path);
        let head = part.bytes(0, usize::try_from(part.len().min(HEAD)).unwrap_or(0))?;
        if self.may_be_something(&head) {
            self.one(&part, &head);
        }
        Ok(())
    }

    fn may_be_something(&self, value: &[u8]) -> bool {
        if self.is_pickle {
            return value.iter().any(|byte| *byte != 0);
        }
        value.len() as u64 >= SHORTEST && (begins_as_other(value) || pickle::may_be_pickle(value))
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

/// Where a row of a chunk belongs, and how many elements of it are of the dataset; none if it lies outside.
fn placed(row: u64, number: &[u64], chunks: &Chunks, lengths: &[u64]) -> Option<(u64, u64)> {
    let mut element = first_of(number, chunks);
    let mut left = row;
    let (last, others) = element.split_last_mut()?;
    let of_chunk = chunks.dimensions.get(..others.len())?;
    for ((at, of_chunk), length) in others.iter_mut().zip(of_chunk).zip(lengths).rev() {
        *at = at.saturating_add(left.checked_rem(*of_chunk)?);
        left = left.checked_div(*of_chunk)?;
        if *at >= *length {
            return None;
        }
    }
    let kept = lengths.last()?.checked_sub(*last)?.min(*chunks.dimensions.get(others.len())?);
    Some((place_of(&element, lengths), kept))
}
