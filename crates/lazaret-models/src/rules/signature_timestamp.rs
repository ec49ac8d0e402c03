//! A signature of Sigstore has a timestamp that does not hold, or nobody has signed for its time at all.
//!
//! **Why it matters.** A certificate of Sigstore is valid for minutes. It counts only if the signature is proven to be of these minutes.
//!
//! **Example.** A bundle whose timestamp is of another signature.
//!
//! **How it is judged.** A timestamp (RFC 3161) is over the signature's bytes and signed by an authority of time of the trusted root, whose
//! certificate was valid then and may sign nothing but timestamps. A bundle without one needs the log's promise, which is signed
//! with its time. Every timestamp that is there must hold.
//!
//! **What to do.** Do not load the model. Ask the signer to sign it anew, with a timestamp.
//!
//! **References.** RFC 3161; RFC 5652; Sigstore bundle 0.3; CWE-347.

use lazaret_core::Severity;

use super::{ModelRule, SUPPLY_CHAIN};

/// The rule.
pub(crate) static RULE: ModelRule = ModelRule::new(
    "signature.timestamp",
    Severity::Critical,
    "when a model was signed is not proven",
    &[347],
    SUPPLY_CHAIN,
    include_str!("signature_timestamp.rs"),
);
