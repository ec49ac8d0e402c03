//! A node of an ONNX graph runs an operator of a domain that is no part of ONNX or of ONNX Runtime, or one that ONNX
//! never had, and the model does not define it as a function of its own.
//!
//! **Why it matters.** Such a graph runs only with a native library that someone registers: the code that runs is not in
//! the model and was not inspected. A model that asks for one is a way to have it installed.
//!
//! **Example.** `Run` of the domain `evil.corp`; the tokenizers of `ai.onnx.contrib`.
//!
//! **How it is judged.** By the domain, exactly, and in ONNX's own domains by the name, in the catalogue of all sets of
//! operators that ONNX has published. Where the model asks for a newer set of that domain, a name that is not in it may be
//! one of ONNX all the same: it is held too, and the message says so. All graphs are read: branches, loops, functions,
//! training.
//!
//! **What to do.** Find out which library brings the operator and whether your runtime has it on purpose. If so, allow this
//! rule for the model.
//!
//! **References.** <https://onnxruntime.ai/docs/reference/operators/add-custom-op.html>. CWE-829.

use lazaret_core::Severity;

use super::{ModelRule, RUNS_CODE};

/// The rule.
pub(crate) static RULE: ModelRule = ModelRule::new(
    "onnx.custom-operator",
    Severity::Medium,
    "an ONNX operator that a native library must bring",
    &[829],
    RUNS_CODE,
    include_str!("onnx_custom_operator.rs"),
);
