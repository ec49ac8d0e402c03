//! The pickle loads `__builtins__`, `__dict__`, `__globals__`, `__loader__`, `__spec__`, `__class__` or the like of
//! a module or function.
//!
//! **Why it matters.** Every module carries `__builtins__`, and with it `eval` and `__import__`: an allow list that
//! trusts a package as a whole opens all of Python. Names are compared whole here; no package is trusted by its
//! first letters.
//!
//! **Example.** `numpy.__builtins__`, fetched and asked for `exec`.
//!
//! **References.** protectai/modelscan#330.

use lazaret_core::Severity;

use super::{ModelRule, RUNS_CODE};

/// The rule.
pub(crate) static RULE: ModelRule = ModelRule::new(
    "pickle.module-dunder",
    Severity::Critical,
    "a pickle reaches into a module's own dictionaries",
    &[502, 915],
    RUNS_CODE,
    include_str!("pickle_module_dunder.rs"),
);
