//! A PyTorch archive has the bytes of a tensor (`data/3`) that nothing in its pickle refers to.
//!
//! **Why it matters.** Loading passes them over, so anything can lie there and travel with the model. PyTorch writes a
//! storage only where a tensor needs it.
//!
//! **Example.** An archive whose pickle names the storages `0` and `1`, and that has `data/0`, `data/1` and `data/payload`.
//!
//! **How it is judged.** The keys of the storages that the pickle's persistent ids name, against the members beside it. Where
//! the pickle has too many to follow, nothing is said.
//!
//! **What to do.** Ask the sender for a file that `torch.save` wrote. Look at what the member holds.
//!
//! **References.** `torch/serialization.py` (`_save`); Zhao et al., "Models Are Codes" (2024). CWE-506.

use lazaret_core::Severity;

use super::{ModelRule, SUPPLY_CHAIN};

/// The rule.
pub(crate) static RULE: ModelRule = ModelRule::new(
    "weights.unused-storage",
    Severity::Medium,
    "bytes of tensors that no tensor refers to",
    &[506],
    SUPPLY_CHAIN,
    include_str!("weights_unused_storage.rs"),
);
