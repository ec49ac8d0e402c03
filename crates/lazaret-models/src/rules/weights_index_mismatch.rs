//! The index of a model that is split over files (`model.safetensors.index.json`) lists a tensor in a file that does not have it.
//!
//! **Why it matters.** The tensor is then made by chance where the model is loaded, or taken from another file than the one
//! that was looked at.
//!
//! **Example.** `"weight_map": {"lm_head.weight": "model-00002-of-00002.safetensors"}`, and the tensor is in the first file.
//!
//! **How it is judged.** The header of each safetensors file that the index names and that is beside it is read. Files that
//! are missing are told by `hf.missing-shard`, tensors that only a file has by `weights.hidden-tensor`.
//!
//! **What to do.** Fetch the model anew, all files of one revision.
//!
//! **References.** <https://huggingface.co/docs/safetensors>. CWE-1288.

use lazaret_core::Severity;

use super::{ModelRule, SUPPLY_CHAIN};

/// The rule.
pub(crate) static RULE: ModelRule = ModelRule::new(
    "weights.index-mismatch",
    Severity::Medium,
    "the index of a model and its files disagree",
    &[1288],
    SUPPLY_CHAIN,
    include_str!("weights_index_mismatch.rs"),
);
