//! A file of a model has another digest than the one that its signature has for it: it was changed after it was signed, or
//! another one was put in its place.
//!
//! **Why it matters.** The signature is all that ties these bytes to whoever signed them. A changed file is one that nobody
//! vouches for.
//!
//! **Example.** `model.safetensors` was replaced in the registry's store; its SHA-256 is not the signed one.
//!
//! **How it is judged.** The signed bytes are checked first, then each file is hashed as the statement says (SHA-256, BLAKE2b or
//! BLAKE3, whole or in shards). A file that is shorter or longer than its shards is a changed one.
//!
//! **What to do.** Do not load it. Fetch the model anew from its source, and ask who changed it.
//!
//! **References.** OpenSSF Model Signing 1.0; CWE-354.

use lazaret_core::Severity;

use super::{ModelRule, SUPPLY_CHAIN};

/// The rule.
pub(crate) static RULE: ModelRule = ModelRule::new(
    "signature.digest-mismatch",
    Severity::Critical,
    "a file is not the one that was signed",
    &[354],
    SUPPLY_CHAIN,
    include_str!("signature_digest_mismatch.rs"),
);
