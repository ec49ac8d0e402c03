//! A file or folder of a model is there and was not checked: the signature leaves it out, or whoever checked it did.
//!
//! **Why it matters.** What is left out may be anything. It is told, so that nobody takes it for signed.
//!
//! **Example.** `.git`, which signing leaves out unless it is told not to.
//!
//! **What to do.** Nothing, if the path holds nothing that a loader reads. Else have the model signed whole.
//!
//! **References.** OpenSSF Model Signing 1.0, `ignore_paths`.

use lazaret_core::Severity;

use super::{ModelRule, SUPPLY_CHAIN};

/// The rule.
pub(crate) static RULE: ModelRule = ModelRule::new(
    "signature.ignored-path",
    Severity::Info,
    "a path is left out of a signature",
    &[345],
    SUPPLY_CHAIN,
    include_str!("signature_ignored_path.rs"),
);
