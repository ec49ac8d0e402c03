//! A signature names a file by a path that leads out of the model's folder, or that two systems read as different files: `..`, an
//! absolute path, a backslash, a drive, an empty step or a `.`, a NUL, a name that is there twice or differs from another only by
//! its Unicode form.
//!
//! **Why it matters.** A verifier that follows the name reads files outside the model, and tells whoever sent the signature
//! whether they are there and what is in them. A name that is two files on another system is checked once and loaded twice.
//!
//! **Example.** `../outside.txt` in the manifest of a signature that holds: `model_signing` 1.1.1 takes it when it is told to ignore
//! unsigned files.
//!
//! **How it is judged.** All names are looked at before any file is opened, whoever signed them. A lone `.` is right: the model is one
//! single file.
//!
//! **What to do.** Do not load the model; ask the signer how the name came in.
//!
//! **References.** sigstore/model-transparency issue 647; CWE-22.

use lazaret_core::Severity;

use super::{ModelRule, SUPPLY_CHAIN};

/// The rule.
pub(crate) static RULE: ModelRule = ModelRule::new(
    "signature.path-escapes-model",
    Severity::Critical,
    "a signed name leads out of the model",
    &[22],
    SUPPLY_CHAIN,
    include_str!("signature_path_escapes_model.rs"),
);
