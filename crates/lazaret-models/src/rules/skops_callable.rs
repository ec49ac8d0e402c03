//! A node of a skops schema names a function, method, operator or class that runs code, reaches files or programs, or that
//! nobody has listed.
//!
//! **Why it matters.** skops imports what a node names and calls it while the tree is built. What is trusted is asked by
//! name, and past versions checked another name than the one that they called.
//!
//! **Example.** `{"__loader__": "OperatorFuncNode", "__module__": "operator", "__class__": "call"}`.
//!
//! **How it is judged.** By exact names. A method whose class is not that of its object is an attack; functions of numpy,
//! scipy and scikit-learn that compute are quiet; other functions are high, objects of other packages `info`.
//!
//! **What to do.** Do not load the file. Never pass `trusted` a list that you got from the file itself.
//!
//! **References.** CVE-2025-54412; CVE-2025-54413; CVE-2025-54886; CWE-502.

use lazaret_core::Severity;

use super::{ModelRule, RUNS_CODE};

/// The rule.
pub(crate) static RULE: ModelRule = ModelRule::new(
    "skops.callable",
    Severity::Critical,
    "a skops file names code that runs",
    &[502, 470],
    RUNS_CODE,
    include_str!("skops_callable.rs"),
);
