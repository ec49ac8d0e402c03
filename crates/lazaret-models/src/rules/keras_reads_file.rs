//! A lookup or text layer of a Keras model has a path where its vocabulary should be.
//!
//! **Why it matters.** The layer reads that file where the model is loaded, and the words of it become part of the model:
//! they leave with it when it is saved or published.
//!
//! **Example.** `{"class_name": "StringLookup", "config": {"vocabulary": "/etc/hostname"}}`.
//!
//! **How it is judged.** A vocabulary that is a text is a path; lists of words are not looked at. Critical where the path is
//! absolute, climbs out of its folder, or is an address; high where it lies beside the model.
//!
//! **What to do.** Ask for a model whose vocabulary lies in it, as Keras writes it.
//!
//! **References.** CVE-2025-12058; CWE-73.

use lazaret_core::Severity;

use super::{ModelRule, SUPPLY_CHAIN};

/// The rule.
pub(crate) static RULE: ModelRule = ModelRule::new(
    "keras.reads-file",
    Severity::High,
    "a Keras model reads a file of the host",
    &[73, 200],
    SUPPLY_CHAIN,
    include_str!("keras_reads_file.rs"),
);
