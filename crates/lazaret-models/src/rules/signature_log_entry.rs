//! A signature of Sigstore is not in the public log as it says: the entry is about something else, it is not in the log's tree,
//! or the log has not signed for it.
//!
//! **Why it matters.** The key of such a signature lived for minutes. Only the log says that it signed while it lived; without the
//! entry, whoever stole the key later could sign too, and nobody would see it in the log.
//!
//! **Example.** A bundle whose entry was taken from another signature of the same person.
//!
//! **How it is judged.** The entry's digest, signature and certificate are those of the envelope; its proof of inclusion leads to a root
//! that the log has signed; where the log promised it at a time, that promise is signed as well. The logs that are trusted stand
//! in the trusted root. Nothing is asked over a network.
//!
//! **What to do.** Do not load the model. Ask the signer to sign it anew.
//!
//! **References.** Sigstore bundle 0.3; Rekor; RFC 6962, 2.1.1; C2SP signed note; CWE-347.

use lazaret_core::Severity;

use super::{ModelRule, SUPPLY_CHAIN};

/// The rule.
pub(crate) static RULE: ModelRule = ModelRule::new(
    "signature.log-entry",
    Severity::Critical,
    "a public log does not have this signature",
    &[347],
    SUPPLY_CHAIN,
    include_str!("signature_log_entry.rs"),
);
