//! The header of an `.npy` file is a dictionary of Python literals. This one holds an expression, or anything else.
//!
//! **Why it matters.** Old readers, and readers in other projects, evaluate the header. Whatever it says then runs.
//!
//! **Example.** `{'descr': __import__('os').system('…'), …}`.
//!
//! **What to do.** Do not load the file.
//!
//! **References.** <https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html>.

use lazaret_core::Severity;

use super::{ModelRule, RUNS_CODE};

/// The rule.
pub(crate) static RULE: ModelRule = ModelRule::new(
    "numpy.header-code",
    Severity::High,
    "the header of a NumPy array is no literal",
    &[95],
    RUNS_CODE,
    include_str!("numpy_header_code.rs"),
);
