//! A length or count in the file is far more than the bytes that follow.
//!
//! **Why it matters.** A loader that allocates by what the file says takes all memory of the host, or writes past what it
//! has.
//!
//! **Example.** A UBJSON array of 2^63 numbers in a file of 29 bytes.
//!
//! **What to do.** Ask for the file again; no writer makes such a one.
//!
//! **References.** CWE-789; CWE-130.

use lazaret_core::Severity;

use super::{ModelRule, SUPPLY_CHAIN};

/// The rule.
pub(crate) static RULE: ModelRule = ModelRule::new(
    "format.claimed-size",
    Severity::High,
    "a file claims more than it holds",
    &[789, 130],
    SUPPLY_CHAIN,
    include_str!("format_claimed_size.rs"),
);
