//! A tensor has a name that no tensor of the declared architecture has, or lies in a file of weights without standing in the
//! index of the model.
//!
//! **Why it matters.** The loader passes over it with a warning at most. It is the simplest way to make a model file carry
//! anything: appended data that every check of the format finds in order.
//!
//! **Example.** `encoder.layer.0.payload` in a BERT. A tensor in `model-00001-of-00002.safetensors` that
//! `model.safetensors.index.json` does not list.
//!
//! **How it is judged.** By every word of the name, for the architectures whose words are known (BERT and its kin, DistilBERT,
//! GPT-2, Llama and its kin, T5, ViT), with the words of heads, quantisation and adapters. A name made of known words is not
//! found. Of an index: the headers of its safetensors files are read.
//!
//! **What to do.** A head of one's own does this in good faith. Look at the size of the tensor and ask what it is for.
//!
//! **References.** `PreTrainedModel.from_pretrained` (`unexpected_keys`); Wang et al., "EvilModel" (2021). CWE-506.

use lazaret_core::Severity;

use super::{ModelRule, SUPPLY_CHAIN};

/// The rule.
pub(crate) static RULE: ModelRule = ModelRule::new(
    "weights.hidden-tensor",
    Severity::Low,
    "a tensor that the model does not know",
    &[506],
    SUPPLY_CHAIN,
    include_str!("weights_hidden_tensor.rs"),
);
