//! A file lies in a signed model's folder, and its signature does not cover it.
//!
//! **Why it matters.** Loaders choose among the files of a folder. One that was put beside the signed ones may be the one that is
//! loaded: a `pytorch_model.bin`, a Python file that `config.json` names.
//!
//! **Example.** `modeling_custom.py` beside three signed files.
//!
//! **How it is judged.** Every file of the folder that is neither signed nor left out. With `--ignore-unsigned-files` it is told and no
//! fault. An empty file beside shards is only told: shards cover none.
//!
//! **What to do.** Remove the file, or have the model signed with it.
//!
//! **References.** OpenSSF Model Signing 1.0.

use lazaret_core::Severity;

use super::{ModelRule, SUPPLY_CHAIN};

/// The rule.
pub(crate) static RULE: ModelRule = ModelRule::new(
    "signature.unsigned-file",
    Severity::Medium,
    "a file that no signature covers",
    &[345],
    SUPPLY_CHAIN,
    include_str!("signature_unsigned_file.rs"),
);
