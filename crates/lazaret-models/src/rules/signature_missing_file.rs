//! The signature names a file that the model does not have, or that is no regular file.
//!
//! **Why it matters.** A model without one of its files is not the one that was signed. Loaders fall back to other files where one
//! is missing: from safetensors to pickle, say.
//!
//! **Example.** `model.safetensors` is signed and gone; `pytorch_model.bin` lies there instead.
//!
//! **What to do.** Fetch the model anew.
//!
//! **References.** OpenSSF Model Signing 1.0.

use lazaret_core::Severity;

use super::{ModelRule, SUPPLY_CHAIN};

/// The rule.
pub(crate) static RULE: ModelRule = ModelRule::new(
    "signature.missing-file",
    Severity::Critical,
    "a signed file is not there",
    &[354],
    SUPPLY_CHAIN,
    include_str!("signature_missing_file.rs"),
);
