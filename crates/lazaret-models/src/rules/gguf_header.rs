//! The header of a GGUF file says more than the file holds, or what no loader reads: counts and lengths beyond its end,
//! values of unknown types, arrays in arrays, an alignment that is no power of two.
//!
//! **Why it matters.** Loaders are written in C and take memory by these numbers; several wrote outside of theirs when
//! the numbers lied. What follows the false number was not inspected.
//!
//! **Example.** A file of 60 bytes that claims 2^60 key-values.
//!
//! **How it is judged.** Each count and length against the bytes that are left, before anything else; at most
//! `gguf.max_entries` key-values and tensors, `gguf.max_strings` texts in arrays.
//!
//! **What to do.** Do not load it. Ask the sender for a whole file.
//!
//! **References.** CVE-2024-21802, CVE-2024-21825, CVE-2024-21836, CVE-2024-23496, CVE-2024-23605 (TALOS-2024-1912 to
//! 1916); <https://github.com/ggml-org/ggml/blob/master/docs/gguf.md>. CWE-190, CWE-789.

use lazaret_core::Severity;

use super::{ModelRule, SUPPLY_CHAIN};

/// The rule.
pub(crate) static RULE: ModelRule = ModelRule::new(
    "gguf.header",
    Severity::High,
    "the header of a GGUF file says what cannot be",
    &[190, 789],
    SUPPLY_CHAIN,
    include_str!("gguf_header.rs"),
);
