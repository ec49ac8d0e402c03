//! No signer whom the hospital trusts vouches for a file that crosses.
//!
//! **Why it matters.** Where signers are named, a model that none of them signed may come from anybody. By itself this is
//! information: a policy of the hospital's own decides whether such a model is kept back.
//!
//! **Example.** A folder without `model.sig`; one whose signature is of a key that `gates.models.signers` does not name; one of
//! whose files was changed since.
//!
//! **How it is judged.** Only where `gates.models.signers` names somebody, and only of models that cross. A model counts as signed
//! when one signature in it holds for all of its files; what that signature leaves out does not.
//!
//! **What to do.** Have the model signed (`lazaret models sign`), or name its signer in the settings.
//!
//! **References.** OpenSSF Model Signing 1.0.

use lazaret_core::Severity;

use super::{ModelRule, SUPPLY_CHAIN};

/// The rule.
pub(crate) static RULE: ModelRule = ModelRule::new(
    "signature.unsigned",
    Severity::Info,
    "no trusted signer vouches for the file",
    &[345],
    SUPPLY_CHAIN,
    include_str!("signature_unsigned.rs"),
);
