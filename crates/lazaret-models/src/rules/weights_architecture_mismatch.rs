//! Tensors of a model do not fit the `config.json` beside it: a layer beyond those declared, or fewer; a table of tokens that
//! has other rows than `vocab_size`, or rows of a length that the configuration does not have.
//!
//! **Why it matters.** Loaders pass over layers they do not know: a way to carry something along. A table with rows more is
//! a table with tokens that nobody has listed.
//!
//! **Example.** `encoder.layer.6.output.dense.weight` where `num_hidden_layers` is 6, so that the last is 5.
//!
//! **How it is judged.** Only files of `transformers` (`model*.safetensors`, `pytorch_model*.bin`) with a `config.json` that has
//! a `model_type`. The largest number of layers anywhere in the configuration counts, layers for multi-token prediction are
//! added, and architectures in stages are left out. Quantised tables are not compared.
//!
//! **What to do.** A model that was cut down or extended by hand does this in good faith: ask. The loader says which tensors
//! it did not use.
//!
//! **References.** `PreTrainedModel.from_pretrained` (`unexpected_keys`). CWE-506, CWE-1288.

use lazaret_core::Severity;

use super::{ModelRule, SUPPLY_CHAIN};

/// The rule.
pub(crate) static RULE: ModelRule = ModelRule::new(
    "weights.architecture-mismatch",
    Severity::Low,
    "tensors are not those that the configuration declares",
    &[506, 1288],
    SUPPLY_CHAIN,
    include_str!("weights_architecture_mismatch.rs"),
);
