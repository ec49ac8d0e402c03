//! A YAML document has a tag that makes a loader import a module, find a function, call it or build an object.
//!
//! **Why it matters.** `yaml.load` with the unsafe loader, and every loader that was written before it was unsafe, does what
//! the tag says while it reads.
//!
//! **Example.** `model: !!python/object/apply:os.system ['true']`.
//!
//! **How it is judged.** By the tag as the parser resolves it, also through `%TAG` and verbatim tags, never by text in
//! values or comments. Tags of plain values (`!!python/tuple`) are quiet; those of harmless classes are medium.
//!
//! **What to do.** Treat the file as an attack, and read YAML with `safe_load`.
//!
//! **References.** CVE-2020-14343; CVE-2021-37678 (Keras); CWE-502.

use lazaret_core::Severity;

use super::{ModelRule, RUNS_CODE};

/// The rule.
pub(crate) static RULE: ModelRule = ModelRule::new(
    "yaml.python-tag",
    Severity::Critical,
    "a YAML file makes its loader run code",
    &[502],
    RUNS_CODE,
    include_str!("yaml_python_tag.rs"),
);
