//! An archive has two members of one name.
//!
//! **Why it matters.** Some readers take the first, others the last: what was checked may not be what is loaded. Both are
//! looked at here.
//!
//! **Example.** Two `archive/data.pkl`; the second calls a program.
//!
//! **What to do.** Ask the sender for a file written by an ordinary tool.

use lazaret_core::Severity;

use super::{ModelRule, SUPPLY_CHAIN};

/// The rule.
pub(crate) static RULE: ModelRule = ModelRule::new(
    "archive.duplicate-member",
    Severity::High,
    "an archive has two members of one name",
    &[694, 436],
    SUPPLY_CHAIN,
    include_str!("archive_duplicate_member.rs"),
);
