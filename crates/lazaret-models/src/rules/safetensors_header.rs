//! The header of a safetensors file cannot be what a loader reads: it is said to be longer than allowed or than the
//! file, does not begin with `{`, or has metadata that are no texts.
//!
//! **Why it matters.** The header is the only part of the format that is parsed. A false length makes careless readers
//! take memory until the host fails, and what readers disagree on hides tensors from one of them.
//!
//! **Example.** A file of ten bytes that claims a header of one TiB.
//!
//! **How it is judged.** As in the format's own reader: at most 100 MB (`safetensors.max_header`), a JSON object that
//! begins with its bracket, texts alone in `__metadata__`.
//!
//! **What to do.** Ask the sender for a file written by the safetensors library.
//!
//! **References.** The format and its limits: <https://github.com/huggingface/safetensors#format>. CWE-789.

use lazaret_core::Severity;

use super::{ModelRule, SUPPLY_CHAIN};

/// The rule.
pub(crate) static RULE: ModelRule = ModelRule::new(
    "safetensors.header",
    Severity::High,
    "the header of a safetensors file is not what a loader reads",
    &[20, 789],
    SUPPLY_CHAIN,
    include_str!("safetensors_header.rs"),
);
