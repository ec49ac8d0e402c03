//! One pass over a tensor: sums and powers, extremes, what is no number, norms of rows and columns, exponents.

use super::bits::{Bits, WINDOW};
use super::{Kind, Tensor};
use crate::part::Unread;

/// How many bytes are read at once.
const BUFFER: usize = 1 << 20;
/// Most rows, and most columns, whose norms are kept.
const MOST_NORMS: u64 = 1 << 20;
/// Fewer rows or columns have no norm that could stand out.
const LEAST_NORMS: u64 = 4;

/// What is known of the numbers of a tensor.
#[derive(Debug, Clone)]
pub(super) struct Sums {
    /// Values read: numbers, or scales of blocks.
    pub(super) count: u64,
    pub(super) zeros: u64,
    pub(super) not_numbers: u64,
    pub(super) infinite: u64,
    /// The least and the greatest that is finite.
    pub(super) least: f32,
    pub(super) greatest: f32,
    /// Sums of the first four powers of what is finite.
    powers: [f64; 4],
    /// The sum of squares of each row (the outermost dimension); empty where there are too few or too many.
    pub(super) rows: Vec<f32>,
    /// The same of each column, of tensors of two dimensions.
    pub(super) columns: Vec<f32>,
    /// How many values have each exponent (of binary32): 0 is zero and below the smallest normal, 255 no finite number.
    pub(super) exponents: [u64; 256],
    /// How many values a row has.
    row: u64,
}

impl Sums {
    fn new(tensor: &Tensor, numbers_in_value: u64) -> Self {
        let (rows, others) =
            tensor.shape.split_first().map_or((0, &[][..]), |(rows, others)| (*rows, others));
        let row = others.iter().try_fold(1_u64, |product, length| product.checked_mul(*length)).unwrap_or(0);
        let row = row / numbers_in_value;
        let wanted = |length: u64| (LEAST_NORMS..=MOST_NORMS).contains(&length);
        let has_rows = row > 1 && wanted(rows);
        let has_columns = has_rows && others.len() == 1 && wanted(row) && numbers_in_value == 1;
        let room =
            |is_wanted: bool, length: u64| if is_wanted { usize::try_from(length).unwrap_or(0) } else { 0 };
        Self {
            count: 0,
            zeros: 0,
            not_numbers: 0,
            infinite: 0,
            least: f32::INFINITY,
            greatest: f32::NEG_INFINITY,
            powers: [0.0; 4],
            // The caller has held the shape against bytes that are there.
            rows: vec![0.0; room(has_rows, rows)],
            columns: vec![0.0; room(has_columns, row)],
            exponents: [0; 256],
            row,
        }
    }

    /// How many values are finite.
    pub(super) const fn finite(&self) -> u64 {
        self.count.saturating_sub(self.not_numbers).saturating_sub(self.infinite)
    }

    /// Mean, standard deviation and excess kurtosis of what is finite.
    pub(super) fn moments(&self) -> (f64, f64, f64) {
        let count = as_float(self.finite().max(1));
        let [first, second, third, fourth] = self.powers.map(|power| power / count);
        let variance = (second - first * first).max(0.0);
        let central = fourth - 4.0 * first * third + 6.0 * first * first * second - 3.0 * first.powi(4);
        let kurtosis = if variance > 0.0 { central / (variance * variance) - 3.0 } else { 0.0 };
        (first, variance.sqrt(), kurtosis)
    }

    fn take(&mut self, values: &[f32], from: u64) {
        self.count = self.count.saturating_add(values.len() as u64);
        let mut lanes = [[0_f32; 8]; 4];
        let (eights, rest) = values.as_chunks::<8>();
        for eight in eights {
            let [first, second, third, fourth] = &mut lanes;
            for ((((value, first), second), third), fourth) in
                eight.iter().zip(first).zip(second).zip(third).zip(fourth)
            {
                let square = value * value;
                *first += value;
                *second += square;
                *third += square * value;
                *fourth += square * square;
            }
        }
        let sums = lanes.map(|lane| lane.iter().map(|sum| f64::from(*sum)).sum::<f64>());
        if sums.iter().all(|sum| sum.is_finite()) {
            self.powers.iter_mut().zip(sums).for_each(|(power, sum)| *power += sum);
            for value in rest {
                self.add(*value);
            }
            let (least, greatest) = extremes(values);
            (self.least, self.greatest) = (self.least.min(least), self.greatest.max(greatest));
            self.norms(values, from);
        } else {
            // Something is no number, infinite, or has a power beyond binary32.
            for value in values {
                if value.is_finite() {
                    self.add(*value);
                    (self.least, self.greatest) = (self.least.min(*value), self.greatest.max(*value));
                } else if value.is_nan() {
                    self.not_numbers = self.not_numbers.saturating_add(1);
                } else {
                    self.infinite = self.infinite.saturating_add(1);
                }
            }
        }
    }

    fn add(&mut self, value: f32) {
        let mut power = 1.0;
        for sum in &mut self.powers {
            power *= f64::from(value);
            *sum += power;
        }
    }

    /// Adds squares to the rows and columns that the values from a place on lie in.
    fn norms(&mut self, values: &[f32], from: u64) {
        if self.rows.is_empty() {
            return;
        }
        let mut rest = values;
        let (mut row, mut column) = (from / self.row, from % self.row);
        while !rest.is_empty() {
            let room = usize::try_from(self.row.saturating_sub(column)).unwrap_or(usize::MAX);
            let (now, later) = rest.split_at(room.min(rest.len()));
            if let Some(norm) = usize::try_from(row).ok().and_then(|row| self.rows.get_mut(row)) {
                *norm += square_sum(now);
            }
            let columns = usize::try_from(column).ok().and_then(|column| self.columns.get_mut(column..));
            for (norm, value) in columns.unwrap_or_default().iter_mut().zip(now) {
                *norm += value * value;
            }
            (rest, row, column) = (later, row.saturating_add(1), 0);
        }
    }
}

fn extremes(values: &[f32]) -> (f32, f32) {
    let mut lanes = ([f32::INFINITY; 8], [f32::NEG_INFINITY; 8]);
    let (eights, rest) = values.as_chunks::<8>();
    for eight in eights {
        for ((value, least), greatest) in eight.iter().zip(&mut lanes.0).zip(&mut lanes.1) {
            *least = if value < least { *value } else { *least };
            *greatest = if value > greatest { *value } else { *greatest };
        }
    }
    let all = || rest.iter().copied();
    (
        lanes.0.into_iter().chain(all()).fold(f32::INFINITY, f32::min),
        lanes.1.into_iter().chain(all()).fold(f32::NEG_INFINITY, f32::max),
    )
}

fn square_sum(values: &[f32]) -> f32 {
    let mut lanes = [0_f32; 8];
    let (eights, rest) = values.as_chunks::<8>();
    for eight in eights {
        lanes.iter_mut().zip(eight).for_each(|(lane, value)| *lane += value * value);
    }
    lanes.iter().sum::<f32>() + rest.iter().map(|value| value * value).sum::<f32>()
}

/// A number as the statistics need it: exact below 2^53.
#[expect(clippy::cast_precision_loss, reason = "counts of values; a share of them needs no more")]
pub(super) const fn as_float(number: u64) -> f64 {
    number as f64
}

/// What one pass over a tensor needs and the next can use again.
#[derive(Default)]
pub(super) struct Buffers {
    bytes: Vec<u8>,
    values: Vec<f32>,
    words: Vec<u32>,
}

/// Reads a tensor once; none where its numbers are not read, or its shape does not fit its bytes.
pub(super) fn pass(tensor: &Tensor, buffers: &mut Buffers) -> Result<Option<(Sums, Bits)>, Unread> {
    let (Some(data), Some((step, numbers))) = (&tensor.data, tensor.kind.step()) else { return Ok(None) };
    let fits =
        tensor.count().and_then(|count| tensor.kind.bytes(count)).is_some_and(|bytes| bytes == data.len);
    if !fits || data.len == 0 {
        return Ok(None);
    }
    let (mut sums, mut bits) = (Sums::new(tensor, numbers), Bits::new(tensor.kind));
    let at_once = BUFFER / step * step;
    let mut at = 0_u64;
    let mut place = 0_u64;
    while at < data.len {
        let left = usize::try_from(data.len.saturating_sub(at)).unwrap_or(usize::MAX);
        buffers.bytes.resize(at_once.min(left), 0);
        let offset = data.from.saturating_add(at);
        let read = data.part.read_at(offset, &mut buffers.bytes)?;
        if read < buffers.bytes.len() {
            return Err(Unread::cut_off(offset.saturating_add(read as u64)));
        }
        for window in buffers.bytes.chunks(WINDOW.saturating_mul(step)) {
            tensor.kind.decode(window, &mut buffers.values);
            sums.take(&buffers.values, place);
            let mut exponents = [0_u32; 256];
            for value in &buffers.values {
                let [.., low, high] = value.to_bits().to_le_bytes();
                if let Some(slot) = exponents.get_mut(usize::from(high << 1 | low >> 7)) {
                    *slot = slot.wrapping_add(1);
                }
            }
            sums.exponents
                .iter_mut()
                .zip(&exponents)
                .for_each(|(all, some)| *all = all.saturating_add(u64::from(*some)));
            sums.zeros = sums
                .zeros
                .saturating_add(buffers.values.iter().filter(|value| **value == 0.0).count() as u64);
            if Bits::reads(tensor.kind) {
                words(tensor.kind, window, &mut buffers.words);
                bits.window(&buffers.words, &exponents, place);
            }
            place = place.saturating_add(buffers.values.len() as u64);
        }
        at = at.saturating_add(read as u64);
    }
    Ok(Some((sums, bits)))
}

/// The bits of the numbers; of wide ones the lower half.
fn words(kind: Kind, bytes: &[u8], words: &mut Vec<u32>) {
    words.clear();
    match kind {
        Kind::F32 => words.extend(bytes.as_chunks::<4>().0.iter().map(|bytes| u32::from_le_bytes(*bytes))),
        Kind::F64 => {
            words.extend(
                bytes.as_chunks::<8>().0.iter().map(|[a, b, c, d, ..]| u32::from_le_bytes([*a, *b, *c, *d])),
            );
        }
        _ => words.extend(bytes.as_chunks::<2>().0.iter().map(|bytes| u32::from(u16::from_le_bytes(*bytes)))),
    }
}
