//! The signature holds, and has a form that early releases of `model_signing` wrote: the faulty encoding before 1.0, the
//! statement of 0.2 without a digest of the whole model, no name of the key before 1.1.
//!
//! **Why it matters.** The files are checked all the same. Later verifiers may take such signatures no longer, and the early forms
//! say less.
//!
//! **Example.** A certificate of P-384 whose signature is over SHA-256.
//!
//! **What to do.** Have the model signed anew when it is next released.
//!
//! **References.** `model_signing` 1.1.1, its verifiers for signatures of earlier releases.

use lazaret_core::Severity;

use super::{ModelRule, SUPPLY_CHAIN};

/// The rule.
pub(crate) static RULE: ModelRule = ModelRule::new(
    "signature.legacy",
    Severity::Info,
    "a signature of an early release",
    &[327],
    SUPPLY_CHAIN,
    include_str!("signature_legacy.rs"),
);
