//! The provenance of a model names another builder than the one that is to have built it.
//!
//! **Why it matters.** Who controls the builder controls the model. One that nobody vouches for may have put in anything.
//!
//! **Example.** A model built on a laptop that is to come from the hospital's pipeline.
//!
//! **How it is judged.** `--builder-id` is compared with `runDetails.builder.id` (SLSA 1) or `builder.id` (0.2), to the last character.
//!
//! **What to do.** Find out who built it. If the builder changed with good reason, check with its new id.
//!
//! **References.** SLSA 1.0, verifying artifacts, step 1; CWE-345.

use lazaret_core::Severity;

use super::{ModelRule, SUPPLY_CHAIN};

/// The rule.
pub(crate) static RULE: ModelRule = ModelRule::new(
    "provenance.wrong-builder",
    Severity::Critical,
    "a model was built by someone else",
    &[345],
    SUPPLY_CHAIN,
    include_str!("provenance_wrong_builder.rs"),
);
