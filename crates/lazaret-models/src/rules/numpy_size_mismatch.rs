//! The shape and type in the header of an `.npy` file do not fit its data: there are fewer bytes than it says, or the
//! product is beyond any memory.
//!
//! **Why it matters.** Readers that trust the header allocate what it says, and stop the service. A file that is cut off
//! is not the one that was made.
//!
//! **Example.** A shape of `(999999999999,)` over eight bytes.
//!
//! **What to do.** Ask for the file again.
//!
//! **References.** <https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html>.

use lazaret_core::Severity;

use super::{ModelRule, SUPPLY_CHAIN};

/// The rule.
pub(crate) static RULE: ModelRule = ModelRule::new(
    "numpy.size-mismatch",
    Severity::High,
    "a NumPy header says a size that is not there",
    &[1284, 789],
    SUPPLY_CHAIN,
    include_str!("numpy_size_mismatch.rs"),
);
