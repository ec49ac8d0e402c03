//! A node of a TensorFlow graph runs an operator that is no part of TensorFlow and no function of the graph.
//!
//! **Why it matters.** The graph loads only after a native library was loaded (`tf.load_op_library`): the code that runs is
//! not in the model and was not inspected.
//!
//! **Example.** `EvilCorpRun`; in good faith `SentencepieceOp` of TensorFlow Text.
//!
//! **How it is judged.** By name against the operators of TensorFlow 2.21 (`catalogue/models/tensorflow_ops.txt`).
//!
//! **What to do.** Find out which library brings it and whether your runtime has it on purpose. If so, allow this rule for
//! the model.
//!
//! **References.** <https://www.tensorflow.org/guide/create_op>. CWE-829.

use lazaret_core::Severity;

use super::{ModelRule, RUNS_CODE};

/// The rule.
pub(crate) static RULE: ModelRule = ModelRule::new(
    "tensorflow.unknown-operator",
    Severity::Medium,
    "a TensorFlow operator that a native library must bring",
    &[829],
    RUNS_CODE,
    include_str!("tensorflow_unknown_operator.rs"),
);
