//! The provenance of a model is not signed by the key that was given, or was changed after it was signed.
//!
//! **Why it matters.** Provenance that anybody could have written proves nothing of where a model is from.
//!
//! **Example.** A statement in which the builder was replaced.
//!
//! **How it is judged.** ECDSA over the encoding of DSSE, of the payload's bytes as they stand in the file. Where the provenance is a bundle of
//! Sigstore, the rules of its signature tell what does not hold (`signature.log-entry`, `signature.wrong-identity` and others).
//!
//! **What to do.** Get the provenance from the builder itself, and the key by another way.
//!
//! **References.** DSSE 1.0; SLSA 1.0, verifying artifacts; CWE-347.

use lazaret_core::Severity;

use super::{ModelRule, SUPPLY_CHAIN};

/// The rule.
pub(crate) static RULE: ModelRule = ModelRule::new(
    "provenance.invalid",
    Severity::Critical,
    "provenance is not signed by who is to have built",
    &[347],
    SUPPLY_CHAIN,
    include_str!("provenance_invalid.rs"),
);
