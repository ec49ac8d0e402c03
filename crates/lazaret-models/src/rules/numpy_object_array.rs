//! The type of the array has Python objects in it: its data are a pickle, read here as one.
//!
//! **Why it matters.** `numpy.load(…, allow_pickle=True)` runs what the pickle says. What is wrong with it is told by the
//! rules of pickles; this says only why it was read.
//!
//! **Example.** `'descr': '|O'`.
//!
//! **What to do.** Prefer arrays of numbers or of fixed-length text.
//!
//! **References.** CVE-2019-6446; <https://numpy.org/doc/stable/reference/generated/numpy.load.html>.

use lazaret_core::Severity;

use super::ModelRule;

/// The rule.
pub(crate) static RULE: ModelRule = ModelRule::new(
    "numpy.object-array",
    Severity::Info,
    "a NumPy array of objects is a pickle",
    &[502],
    &[],
    include_str!("numpy_object_array.rs"),
);
