//! A TensorFlow Lite model has a custom operator, or an operator of TensorFlow (`Flex…`).
//!
//! **Why it matters.** A custom operator is native code that someone registers with the interpreter: it is not in the model
//! and was not inspected. A Flex operator runs the TensorFlow operator of its name, which may read and write files.
//!
//! **Example.** `FlexWriteFile`.
//!
//! **How it is judged.** By the codes of operators that the model declares. Four customs that the interpreter brings itself
//! are quiet. A Flex operator has the severity of what the TensorFlow operator does (see `tensorflow.file-operator`), at
//! least that of this rule; one that only computes is told as info. A built-in operator whose number no interpreter has is
//! told too.
//!
//! **What to do.** Find out which library brings the operator and whether your runtime has it on purpose. If so, allow this
//! rule for the model.
//!
//! **References.** <https://ai.google.dev/edge/litert/models/ops_custom> and <https://ai.google.dev/edge/litert/models/ops_select>. CWE-829.

use lazaret_core::Severity;

use super::{ModelRule, RUNS_CODE};

/// The rule.
pub(crate) static RULE: ModelRule = ModelRule::new(
    "tflite.custom-operator",
    Severity::Medium,
    "a TensorFlow Lite operator that a native library must bring",
    &[829],
    RUNS_CODE,
    include_str!("tflite_custom_operator.rs"),
);
