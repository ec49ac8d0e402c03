//! A block of a Paddle program has an operator that does more than compute: `py_func` calls Python, `save` and `load` and their
//! kin write and read files.
//!
//! **Why it matters.** The operator acts with the rights of the process on what the program names.
//!
//! **Example.** `save_combine` with a path of the host.
//!
//! **How it is judged.** By the exact type of the operator in every block. `py_func` is critical, the others high.
//!
//! **What to do.** Do not load it. A program that serves has no use for them.
//!
//! **References.** `paddle/fluid/framework/framework.proto`; `paddle/fluid/operators/py_func_op.cc`. CWE-94.

use lazaret_core::Severity;

use super::{ModelRule, RUNS_CODE};

/// The rule.
pub(crate) static RULE: ModelRule = ModelRule::new(
    "paddle.operator",
    Severity::High,
    "a Paddle operator that runs code or touches files",
    &[94, 73],
    RUNS_CODE,
    include_str!("paddle_operator.rs"),
);
