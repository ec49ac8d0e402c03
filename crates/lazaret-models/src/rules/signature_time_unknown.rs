//! The signature was made with a certificate and says no time: nobody can tell whether the certificate was valid when it signed.
//!
//! **Why it matters.** A key that leaks after its certificate has ended can still sign, and the signature looks the same.
//!
//! **How it is judged.** The chain is checked as of the moment from which the signing certificate is valid, as `model_signing` does.
//! Revocation is not asked for: that would need the network.
//!
//! **What to do.** Nothing, if the certificate is one that you expect. Else ask when the model was signed.
//!
//! **References.** RFC 5280, 6.1; OpenSSF Model Signing 1.0.

use lazaret_core::Severity;

use super::{ModelRule, SUPPLY_CHAIN};

/// The rule.
pub(crate) static RULE: ModelRule = ModelRule::new(
    "signature.time-unknown",
    Severity::Info,
    "when a certificate signed is not known",
    &[298],
    SUPPLY_CHAIN,
    include_str!("signature_time_unknown.rs"),
);
