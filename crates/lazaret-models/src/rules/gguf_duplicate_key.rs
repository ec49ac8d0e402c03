//! A key stands twice in a GGUF file.
//!
//! **Why it matters.** Readers disagree on which value holds: one that inspects takes the first, one that loads the last.
//! A second chat template can hide behind a harmless one in this way.
//!
//! **Example.** `tokenizer.chat_template` twice, the second leaves its sandbox. Both are judged here.
//!
//! **What to do.** Ask the sender for a file with each key once.
//!
//! **References.** <https://github.com/ggml-org/ggml/blob/master/docs/gguf.md>: keys are unique. CWE-694.

use lazaret_core::Severity;

use super::{ModelRule, SUPPLY_CHAIN};

/// The rule.
pub(crate) static RULE: ModelRule = ModelRule::new(
    "gguf.duplicate-key",
    Severity::High,
    "a key stands twice in a GGUF file",
    &[694],
    SUPPLY_CHAIN,
    include_str!("gguf_duplicate_key.rs"),
);
