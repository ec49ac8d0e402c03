//! The provenance of a model cannot be read: it is no envelope or bundle, no in-toto statement, or of another predicate than SLSA
//! provenance.
//!
//! **Why it matters.** What cannot be read proves nothing.
//!
//! **Example.** A bill of materials, signed, where provenance was expected.
//!
//! **How it is judged.** A bundle of Sigstore or one DSSE envelope in strict JSON; a statement of in-toto 1 or 0.1; a predicate of SLSA
//! provenance 1 or 0.2 that names its builder.
//!
//! **What to do.** Ask the builder for provenance in one of these forms; of a file with an envelope on each line, give one.
//!
//! **References.** in-toto attestation framework 1; SLSA provenance 1 and 0.2; CWE-20.

use lazaret_core::Severity;

use super::{ModelRule, SUPPLY_CHAIN};

/// The rule.
pub(crate) static RULE: ModelRule = ModelRule::new(
    "provenance.malformed",
    Severity::High,
    "provenance that cannot be read",
    &[20],
    SUPPLY_CHAIN,
    include_str!("provenance_malformed.rs"),
);
