//! The aliases of a YAML document, written out, are more than a limit lets through, or go in a circle.
//!
//! **Why it matters.** A few lines take all memory of whoever reads them.
//!
//! **Example.** Ten anchors, each a list of ten aliases of the one before.
//!
//! **What to do.** Ask for the file without aliases.
//!
//! **References.** CWE-776.

use lazaret_core::Severity;

use super::{ModelRule, SUPPLY_CHAIN};

/// The rule.
pub(crate) static RULE: ModelRule = ModelRule::new(
    "yaml.alias-bomb",
    Severity::High,
    "a YAML file expands without end",
    &[776],
    SUPPLY_CHAIN,
    include_str!("yaml_alias_bomb.rs"),
);
