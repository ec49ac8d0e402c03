//! A zip archive does not begin where the file begins.
//!
//! **Why it matters.** Readers that look at the first bytes take the file for something else (a picture, a program),
//! readers of zip archives find the archive from the end.
//!
//! **Example.** The first bytes of a PNG picture before a torch file.
//!
//! **How it is judged.** What stands before the archive is looked at too, if its format is known.
//!
//! **What to do.** Ask the sender why. Programs that unpack themselves are made in this way; models are not.

use lazaret_core::Severity;

use super::{ModelRule, SUPPLY_CHAIN};

/// The rule.
pub(crate) static RULE: ModelRule = ModelRule::new(
    "archive.prefix",
    Severity::Medium,
    "bytes stand before an archive",
    &[434],
    SUPPLY_CHAIN,
    include_str!("archive_prefix.rs"),
);
