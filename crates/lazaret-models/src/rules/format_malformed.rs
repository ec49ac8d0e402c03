//! The file is of a format that is known here, and breaks its rules: it is cut off, says a length that is not
//! there, points outside itself.
//!
//! **Why it matters.** Readers disagree on what a broken file holds: one refuses it, another reads on and runs what
//! it finds. An attack needs only the reader that the hospital uses. What follows the broken place was not
//! inspected.
//!
//! **Example.** A pickle that calls `os.system` and then breaks off: Python runs the call before it comes to the
//! break.
//!
//! **What to do.** Ask the sender for a whole file; do not repair it by hand.

use lazaret_core::Severity;

use super::{ModelRule, SUPPLY_CHAIN};

/// The rule.
pub(crate) static RULE: ModelRule = ModelRule::new(
    "format.malformed",
    Severity::High,
    "a file breaks the rules of its own format",
    &[20],
    SUPPLY_CHAIN,
    include_str!("format_malformed.rs"),
);
