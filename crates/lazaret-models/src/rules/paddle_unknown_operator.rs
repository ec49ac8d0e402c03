//! A block of a Paddle program has an operator that Paddle does not register itself.
//!
//! **Why it matters.** The program loads only after a native library was loaded (`paddle.utils.cpp_extension`, a plug-in of
//! the inference engine): the code that runs is not in the model and was not inspected.
//!
//! **Example.** `custom_relu` of a hospital's own extension.
//!
//! **How it is judged.** By name against the operators that Paddle 1.8, 2.6 and 3.3 register
//! (`catalogue/models/paddle_ops.txt`).
//!
//! **What to do.** Find out which library brings it and whether your runtime has it on purpose. If so, allow this rule for
//! the model.
//!
//! **References.** <https://www.paddlepaddle.org.cn/documentation/docs/en/guides/custom_op/new_cpp_op_en.html>. CWE-829.

use lazaret_core::Severity;

use super::{ModelRule, RUNS_CODE};

/// The rule.
pub(crate) static RULE: ModelRule = ModelRule::new(
    "paddle.unknown-operator",
    Severity::Medium,
    "a Paddle operator that a native library must bring",
    &[829],
    RUNS_CODE,
    include_str!("paddle_unknown_operator.rs"),
);
