//! Weights: whether tensors are what they are said to be, and, where it is asked for, what their numbers say.
//!
//! A format hands its tensors over as it reads them ([`Tensors`], then [`judge`]): a name, a type, a shape, and where the
//! bytes lie. What needs no number is always judged; the numbers are read only under [`Statistics`], each tensor once, a
//! buffer at a time.
//!
//! | file | what is in it |
//! |---|---|
//! | `kind` | types of numbers, how many bytes they take, how they are decoded |
//! | `architecture` | what the configuration beside a model declares, held against names and shapes |
//! | `words` | the words that tensors of well-known architectures are named with |
//! | `sums` | one pass over a tensor: sums, norms of rows and columns, exponents |
//! | `bits` | the low bits of a tensor, window by window |
//! | `payload` | what is hidden in low bits, told by its marks |
//! | `statistics` | what the sums and bits mean: outliers, replaced bytes, numbers that are none |

mod architecture;
mod bits;
mod kind;
mod payload;
mod statistics;
mod sums;
#[cfg(test)]
pub(crate) mod tests;
mod words;

use std::sync::Arc;

use lazaret_core::Limit;

pub(crate) use kind::Kind;

use crate::look::Looking;
use crate::part::{Part, Unread};

/// Most tensors of one file whose names and shapes are held.
pub(crate) const MAX_TENSORS: Limit = Limit::new("weights.max_tensors", 1 << 20);

/// Whether the numbers of tensors are read, and what of them is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Statistics {
    /// They are not read.
    #[default]
    Off,
    /// What was false on at most 1 % of benign models when it was measured.
    Measured,
    /// Everything, also what is often false.
    All,
}

/// Where the bytes of a tensor lie: in a file or in a member of one.
#[derive(Debug, Clone)]
pub(crate) struct Data {
    pub(crate) part: Arc<Part>,
    pub(crate) from: u64,
    pub(crate) len: u64,
}

/// A tensor as a format hands it over.
#[derive(Debug, Clone)]
pub(crate) struct Tensor {
    /// Its name as the file has it; empty where it has none.
    pub(crate) name: String,
    pub(crate) kind: Kind,
    /// Its dimensions, the outermost first.
    pub(crate) shape: Vec<u64>,
    /// Its bytes; none where they are elsewhere, packed, or not in this order.
    pub(crate) data: Option<Data>,
}

impl Tensor {
    /// How many numbers its shape makes; none beyond counting.
    pub(crate) fn count(&self) -> Option<u64> {
        self.shape.iter().try_fold(1_u64, |product, length| product.checked_mul(*length))
    }
}

/// The tensors of one file.
pub(crate) struct Tensors {
    list: Vec<Tensor>,
    pushed: u64,
    most: Limit,
}

impl Tensors {
    /// None yet.
    pub(crate) fn new(looking: &Looking<'_>) -> Self {
        Self { list: Vec::new(), pushed: 0, most: looking.limits.get(MAX_TENSORS) }
    }

    /// One more.
    pub(crate) fn push(&mut self, tensor: Tensor) {
        self.pushed = self.pushed.saturating_add(1);
        if self.pushed <= self.most.most() {
            self.list.push(tensor);
        }
    }
}

/// Judges the tensors of a file when all were handed over. What is wrong is told in `part`.
pub(crate) fn judge(tensors: &Tensors, part: &Part, looking: &mut Looking<'_>) {
    if let Err(reached) = tensors.most.check(tensors.pushed) {
        looking.unread(part, &Unread::from(reached));
    }
    architecture::judge(&tensors.list, part, looking);
    if looking.statistics != Statistics::Off {
        statistics::judge(&tensors.list, part, looking);
    }
}
