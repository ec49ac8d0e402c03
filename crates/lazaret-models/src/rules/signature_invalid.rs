//! The signature is not one of these bytes by this key: it was made with another key, the statement was changed, or the digest
//! of the model is not that over the digests of its files.
//!
//! **Why it matters.** Nobody vouches for anything that the statement says.
//!
//! **Example.** A manifest in which one digest was replaced after signing.
//!
//! **How it is judged.** ECDSA on P-256, P-384 or P-521 over the encoding of DSSE, of the payload's bytes as they stand in the file.
//! The key that the signature names (the SHA-256 of its PEM text) must be the one that was given.
//!
//! **What to do.** Do not load the model. If the key was the wrong one, check again with the signer's.
//!
//! **References.** DSSE 1.0; OpenSSF Model Signing 1.0; CWE-347.

use lazaret_core::Severity;

use super::{ModelRule, SUPPLY_CHAIN};

/// The rule.
pub(crate) static RULE: ModelRule = ModelRule::new(
    "signature.invalid",
    Severity::Critical,
    "a signature does not hold",
    &[347],
    SUPPLY_CHAIN,
    include_str!("signature_invalid.rs"),
);
