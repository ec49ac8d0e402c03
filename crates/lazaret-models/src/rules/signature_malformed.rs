//! The file is a signature of a model and breaks the rules of its form: it is no strict JSON, a field is missing or twice there,
//! a digest is none, shards do not follow each other.
//!
//! **Why it matters.** Readers disagree on what a broken document says. One that takes the last of two equal keys checks other
//! names than one that takes the first.
//!
//! **Example.** Two `resources` in one statement.
//!
//! **What to do.** Have the model signed anew; do not repair the signature by hand.
//!
//! **References.** Sigstore bundle 0.3; in-toto Statement 1; OpenSSF Model Signing 1.0.

use lazaret_core::Severity;

use super::{ModelRule, SUPPLY_CHAIN};

/// The rule.
pub(crate) static RULE: ModelRule = ModelRule::new(
    "signature.malformed",
    Severity::High,
    "a signature that cannot be read",
    &[20],
    SUPPLY_CHAIN,
    include_str!("signature_malformed.rs"),
);
