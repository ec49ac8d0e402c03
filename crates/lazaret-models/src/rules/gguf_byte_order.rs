//! A GGUF file has its numbers in big-endian order.
//!
//! **Why it matters.** The version says so only by what it would be otherwise. A loader on a usual machine refuses the
//! file or reads other lengths than were inspected.
//!
//! **Example.** Version `00 00 00 03`.
//!
//! **How it is judged.** The file is read in its own order, and all that is said of GGUF holds for it.
//!
//! **What to do.** Files for big-endian machines (IBM Z) are made on purpose; anywhere else ask the sender.
//!
//! **References.** <https://github.com/ggml-org/ggml/blob/master/docs/gguf.md>: version 3 brings big-endian files.

use lazaret_core::Severity;

use super::{ModelRule, SUPPLY_CHAIN};

/// The rule.
pub(crate) static RULE: ModelRule = ModelRule::new(
    "gguf.byte-order",
    Severity::Medium,
    "a GGUF file is big-endian",
    &[],
    SUPPLY_CHAIN,
    include_str!("gguf_byte_order.rs"),
);
