//! A TorchScript program calls operators, or uses classes, of a namespace that does not come with PyTorch or its own
//! libraries.
//!
//! **Why it matters.** Such operators are native code of a library that must be loaded beside the model. What they do is
//! not in the file.
//!
//! **Example.** `ops.evilns.run(x)`.
//!
//! **What to do.** Find out which library brings them, and whether you trust it.

use lazaret_core::Severity;

use super::{ModelRule, SUPPLY_CHAIN};

/// The rule.
pub(crate) static RULE: ModelRule = ModelRule::new(
    "torchscript.custom-operator",
    Severity::Medium,
    "a TorchScript program needs operators that do not come with PyTorch",
    &[829],
    SUPPLY_CHAIN,
    include_str!("torchscript_custom_operator.rs"),
);
