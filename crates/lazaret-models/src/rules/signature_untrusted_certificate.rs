//! The signature was made with a certificate that does not lead to one that is trusted, or that may not be used to sign.
//!
//! **Why it matters.** Anybody can make a certificate with any name in it. Only the chain says who stands behind it.
//!
//! **Example.** A certificate of `Hospital Model Registry` that signed itself.
//!
//! **How it is judged.** Each certificate is signed by the next, up to one that was given; each is valid at the moment from which the
//! signing one is; authorities are authorities and may sign certificates; the signing one may make signatures, and if it names
//! purposes, code signing is one. A critical extension that is not understood refuses the chain.
//!
//! **What to do.** Ask the signer for the chain, and check that its root is the one that you trust.
//!
//! **References.** RFC 5280, 6.1; CWE-295.

use lazaret_core::Severity;

use super::{ModelRule, SUPPLY_CHAIN};

/// The rule.
pub(crate) static RULE: ModelRule = ModelRule::new(
    "signature.untrusted-certificate",
    Severity::Critical,
    "a signing certificate that is not trusted",
    &[295],
    SUPPLY_CHAIN,
    include_str!("signature_untrusted_certificate.rs"),
);
