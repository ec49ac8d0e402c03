//! The provenance of a model names another source, or another commit of it, than the one that it is to be built from; or names none.
//!
//! **Why it matters.** A right builder builds from a wrong repository too, if somebody asks it to.
//!
//! **Example.** A model that was built from a fork.
//!
//! **How it is judged.** `--source-uri` is compared with the repository of the workflow or the source that was asked for, or with the one dependency
//! that has a commit (SLSA 1), or with `invocation.configSource` (0.2). `git+`, `https://` and `.git` do not count. A commit behind `@`
//! is compared too.
//!
//! **What to do.** Find out what was built. A model of another source is another model.
//!
//! **References.** SLSA 1.0, verifying artifacts, step 2; CWE-345.

use lazaret_core::Severity;

use super::{ModelRule, SUPPLY_CHAIN};

/// The rule.
pub(crate) static RULE: ModelRule = ModelRule::new(
    "provenance.wrong-source",
    Severity::Critical,
    "a model was built from another source",
    &[345],
    SUPPLY_CHAIN,
    include_str!("provenance_wrong_source.rs"),
);
