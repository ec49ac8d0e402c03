//! A serialised R object has a promise: an expression that R evaluates the first time its value is touched; or a closure,
//! byte code or a call where data are expected.
//!
//! **Why it matters.** Reading the file with `readRDS` and looking at the object runs the expression.
//!
//! **Example.** A promise with the call `system("true")`.
//!
//! **How it is judged.** Critical where the object itself is a promise, and where the expression calls or names a function
//! that runs programs, changes files, opens connections, loads code or makes it of a text; high where it evaluates, reads
//! or writes files, finds a function by a text or calls one that is computed first; `info` where it only computes, as the
//! arguments of R's functions do. A promise that has its value does not run. The function of a name that is computed each
//! time and the list of a formula's variables, which a model computes for new data, are judged in the same way. Functions
//! and formulas of a fitted model are quiet; a function that runs programs is high, one that evaluates a text or calls what
//! `get` finds medium.
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
