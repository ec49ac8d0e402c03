//! The index of a TensorFlow checkpoint says of a tensor what cannot be: it lies beyond the end of its file, or in a file
//! that the checkpoint does not have.
//!
//! **Why it matters.** The loader reads by these numbers. Where a file of data is not beside the index (told as low), the
//! checkpoint is not whole.
//!
//! **Example.** An entry of 2^60 bytes.
//!
//! **How it is judged.** All entries of the index, against the lengths of the files beside it. Tensors are not read.
//!
//! **What to do.** Ask the sender for the whole checkpoint.
//!
//! **References.** `tensorflow/core/util/tensor_bundle`. CWE-20, CWE-125.

use lazaret_core::Severity;

use super::{ModelRule, SUPPLY_CHAIN};

/// The rule.
pub(crate) static RULE: ModelRule = ModelRule::new(
    "tensorflow.checkpoint",
    Severity::High,
    "the index of a checkpoint does not agree with its files",
    &[20, 125],
    SUPPLY_CHAIN,
    include_str!("tensorflow_checkpoint.rs"),
);
