//! The ending of the name says one format, the bytes are another. The content decides what it is read as; the name
//! is told.
//!
//! **Why it matters.** A name such as `.safetensors` promises that nothing runs when the file is loaded. Loaders
//! that go by content (`torch.load`, `joblib.load`) run what is in it all the same. Where the name promises data
//! and the content can run code the finding is high; else it is information.
//!
//! **Example.** `model.safetensors` that is a pickle.
//!
//! **What to do.** Ask the sender why; rename the file only when you know.

use lazaret_core::Severity;

use super::{ModelRule, SUPPLY_CHAIN};

/// The rule.
pub(crate) static RULE: ModelRule = ModelRule::new(
    "format.name-mismatch",
    Severity::High,
    "a file's name says another format than its content",
    &[434, 646],
    SUPPLY_CHAIN,
    include_str!("format_name_mismatch.rs"),
);
