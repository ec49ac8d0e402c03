//! The provenance is not of this model, or not of all of it.
//!
//! **Why it matters.** What was built somewhere else, or added afterwards, has no provenance. One file that runs code is enough.
//!
//! **Example.** Provenance of the weights alone, beside a tokenizer that somebody added.
//!
//! **How it is judged.** The SHA-256 of the model (that over the digests of its files), or that of every signed file, is among the statement's subjects.
//! Names do not count, digests do; subjects with other digests than SHA-256 are passed over.
//!
//! **What to do.** Ask the builder for provenance of the whole model.
//!
//! **References.** in-toto statement 1, `subject`; SLSA 1.0, verifying artifacts; CWE-345.

use lazaret_core::Severity;

use super::{ModelRule, SUPPLY_CHAIN};

/// The rule.
pub(crate) static RULE: ModelRule = ModelRule::new(
    "provenance.wrong-subject",
    Severity::Critical,
    "provenance is of other files",
    &[345],
    SUPPLY_CHAIN,
    include_str!("provenance_wrong_subject.rs"),
);
