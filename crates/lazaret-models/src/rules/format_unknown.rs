//! No reader here knows the content, so nobody looked at it. This is not "nothing was found".
//!
//! **Why it matters.** A file that was skipped must not count as clean. The name of a file is no reason to trust
//! what is in it.
//!
//! **Example.** 256 bytes named `weights.bin` with no graph beside them that says what they are.
//!
//! **What to do.** Find out what the file is for. A graph beside raw weights (`OpenVINO`, ONNX) says what they are:
//! scan the folder, not the file.

use lazaret_core::Severity;

use super::{ModelRule, SUPPLY_CHAIN};

/// The rule.
pub(crate) static RULE: ModelRule = ModelRule::new(
    "format.unknown",
    Severity::Medium,
    "no known format: not inspected",
    &[],
    SUPPLY_CHAIN,
    include_str!("format_unknown.rs"),
);
