//! A weight index names a file of weights that does not lie beside it.
//!
//! **Why it matters.** The model is not whole here: loading fails, or the library fetches what is missing from elsewhere,
//! where it was not inspected.
//!
//! **Example.** `"weight_map": {"a": "model-00002-of-00002.safetensors"}` without that file.
//!
//! **What to do.** Inspect the whole folder.
//!
//! **References.** <https://huggingface.co/docs/transformers/big_models>.

use lazaret_core::Severity;

use super::ModelRule;

/// The rule.
pub(crate) static RULE: ModelRule = ModelRule::new(
    "hf.missing-shard",
    Severity::Info,
    "a weight index names a file that is not there",
    &[],
    &[],
    include_str!("hf_missing_shard.rs"),
);
