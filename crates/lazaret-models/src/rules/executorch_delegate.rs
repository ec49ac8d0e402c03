//! An `ExecuTorch` program hands part of itself to a backend that is no known one, or has an operator of a library that is
//! none of `ExecuTorch`.
//!
//! **Why it matters.** The backend is native code that the app registers; what it does with the part handed to it was not
//! inspected.
//!
//! **Example.** A delegate with the id `EvilBackend`.
//!
//! **How it is judged.** By the ids of delegates and the first part of the names of operators. Backends of `ExecuTorch` itself
//! are told as info, its operators not at all.
//!
//! **What to do.** Find out which library brings the backend and whether your app has it on purpose. If so, allow this rule for
//! the model.
//!
//! **References.** <https://github.com/pytorch/executorch/blob/main/schema/program.fbs>. CWE-829.

use lazaret_core::Severity;

use super::{ModelRule, RUNS_CODE};

/// The rule.
pub(crate) static RULE: ModelRule = ModelRule::new(
    "executorch.delegate",
    Severity::Medium,
    "an ExecuTorch program that a library of no known backend runs",
    &[829],
    RUNS_CODE,
    include_str!("executorch_delegate.rs"),
);
