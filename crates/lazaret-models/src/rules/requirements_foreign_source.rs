//! A list of requirements makes pip take packages from another index, a repository, an address or a local path, or turns
//! off its checks.
//!
//! **Why it matters.** Whoever installs what the model asks for runs the set-up code of those packages. A second index
//! lets anybody who can write to it replace any package by its name (dependency confusion).
//!
//! **Example.** `--extra-index-url http://…`, `git+https://…`, `-e .`.
//!
//! **What to do.** Install from your own index, with pinned versions and digests.
//!
//! **References.** <https://pip.pypa.io/en/stable/reference/requirements-file-format/>;
//! <https://medium.com/@alex.birsan/dependency-confusion-4a5d60fec610>.

use lazaret_core::Severity;

use super::ModelRule;

/// The rule.
pub(crate) static RULE: ModelRule = ModelRule::new(
    "requirements.foreign-source",
    Severity::Medium,
    "requirements pull packages from elsewhere",
    &[494, 829, 1357],
    &["AML.T0010.001"],
    include_str!("requirements_foreign_source.rs"),
);
