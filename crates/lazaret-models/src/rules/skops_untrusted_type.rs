//! A skops file builds objects of classes that are neither scikit-learn's nor of the libraries around it.
//!
//! **Why it matters.** skops asks for such types by name (`trusted`). Their `__setstate__` runs when the file is loaded.
//!
//! **Example.** A pipeline with a transformer of `__main__`.
//!
//! **What to do.** Look at the classes that the message names before trusting them.
//!
//! **References.** skops documentation, "Secure persistence".

use lazaret_core::Severity;

use super::{ModelRule, RUNS_CODE};

/// The rule.
pub(crate) static RULE: ModelRule = ModelRule::new(
    "skops.untrusted-type",
    Severity::Info,
    "a skops file has objects of other packages",
    &[470],
    RUNS_CODE,
    include_str!("skops_untrusted_type.rs"),
);
