//! Bytes lie between the members of an archive and belong to none of them. Padding and zeros are no fault.
//!
//! **Why it matters.** No reader takes them, so no reader checks them: a place to hide data on their way out or a
//! program for a later step.
//!
//! **What to do.** Ask the sender how the file was made.

use lazaret_core::Severity;

use super::{ModelRule, SUPPLY_CHAIN};

/// The rule.
pub(crate) static RULE: ModelRule = ModelRule::new(
    "archive.gap",
    Severity::Medium,
    "bytes between the members of an archive belong to none",
    &[20],
    SUPPLY_CHAIN,
    include_str!("archive_gap.rs"),
);
