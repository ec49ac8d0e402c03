//! The file is whole and right in two formats at once, so that it is another thing to each reader.
//!
//! **Why it matters.** A scanner that reads one of them calls it clean, the loader that reads the other runs it.
//! All of them are read here, and their findings stand beside this one.
//!
//! **Example.** A pickle with a zip archive at its end: `torch.load` of one version takes the archive, of another
//! the pickle.
//!
//! **What to do.** Ask the sender for a file of one format.

use lazaret_core::Severity;

use super::{ModelRule, SUPPLY_CHAIN};

/// The rule.
pub(crate) static RULE: ModelRule = ModelRule::new(
    "format.polyglot",
    Severity::High,
    "a file is of two formats at once",
    &[434],
    SUPPLY_CHAIN,
    include_str!("format_polyglot.rs"),
);
