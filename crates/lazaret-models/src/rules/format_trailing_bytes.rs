//! The format says where it ends, and the file goes on. A loader does not read what follows; other programs may.
//!
//! **Why it matters.** What lies behind the end is no part of the model: a place to hide a program, a second model,
//! or data on their way out. What is recognised there is read too, and its findings stand beside this one.
//!
//! **Example.** A safetensors file with an executable behind its last tensor.
//!
//! **What to do.** Ask the sender what it is.

use lazaret_core::Severity;

use super::{ModelRule, SUPPLY_CHAIN};

/// The rule.
pub(crate) static RULE: ModelRule = ModelRule::new(
    "format.trailing-bytes",
    Severity::Medium,
    "bytes follow the end of the format",
    &[20],
    SUPPLY_CHAIN,
    include_str!("format_trailing_bytes.rs"),
);
