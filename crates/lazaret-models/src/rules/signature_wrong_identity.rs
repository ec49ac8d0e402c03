//! A signature of Sigstore holds, and was made by someone else than who is to have signed.
//!
//! **Why it matters.** Anybody with a mail address can sign with Sigstore. That a signature holds says nothing; whose it is says all.
//!
//! **Example.** A model of a hospital, signed by a private mail account.
//!
//! **How it is judged.** The identity (a mail address, or the URI of a workflow) is one of the certificate's alternative names, to the last
//! character, and the provider that knew it is the one given.
//!
//! **What to do.** Do not load the model unless you know the one who signed; then check again with that identity.
//!
//! **References.** Sigstore, Fulcio's certificate specification (1.3.6.1.4.1.57264.1); CWE-290, CWE-347.

use lazaret_core::Severity;

use super::{ModelRule, SUPPLY_CHAIN};

/// The rule.
pub(crate) static RULE: ModelRule = ModelRule::new(
    "signature.wrong-identity",
    Severity::Critical,
    "a model was signed by someone else",
    &[290, 347],
    SUPPLY_CHAIN,
    include_str!("signature_wrong_identity.rs"),
);
