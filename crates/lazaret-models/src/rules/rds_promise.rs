//! A serialised R object has a promise: an expression that R evaluates the first time its value is touched; or a closure,
//! byte code or a call where data are expected.
//!
//! **Why it matters.** Reading the file with `readRDS` and looking at the object runs the expression.
//!
//! **Example.** A promise with the call `system("true")`.
//!
//! **How it is judged.** Critical where the expression calls a function that runs programs, evaluates text, reaches files or
//! connections, or loads code, and where the object itself is a promise; medium where a promise holds another call. A
//! promise that has its value does not run. Functions and formulas of a fitted model are quiet unless they run programs.
//!
//! **What to do.** Do not read the file with R before 4.4. Ask for plain data (JSON, PMML, ONNX).
//!
//! **References.** CVE-2024-27322; R Internals, "Serialization Formats"; CWE-502.

use lazaret_core::Severity;

use super::{ModelRule, RUNS_CODE};

/// The rule.
pub(crate) static RULE: ModelRule = ModelRule::new(
    "rds.promise",
    Severity::High,
    "an R file has code that runs when a value is used",
    &[502],
    RUNS_CODE,
    include_str!("rds_promise.rs"),
);
