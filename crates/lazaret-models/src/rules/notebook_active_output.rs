//! An output or a cell of a Jupyter notebook is a script, or markup that has one or loads another page.
//!
//! **Why it matters.** A notebook that is trusted runs it when it is opened, before any cell is run: in the browser of the
//! person who reads it, with that person's session.
//!
//! **Example.** An output `text/html` with `<script>fetch('http://…')</script>`.
//!
//! **How it is judged.** By the kind of the output, and by elements and attributes: a script, an event handler, an address
//! that is a script, a frame. Tables and pictures are quiet. Libraries that draw in the browser write scripts too.
//!
//! **What to do.** Clear the outputs of the notebook (`jupyter nbconvert --clear-output`).
//!
//! **References.** <https://jupyter-server.readthedocs.io/en/latest/operators/security.html>. CWE-79.

use lazaret_core::Severity;

use super::{ModelRule, SUPPLY_CHAIN};

/// The rule.
pub(crate) static RULE: ModelRule = ModelRule::new(
    "notebook.active-output",
    Severity::Medium,
    "a notebook holds what a browser runs",
    &[79],
    SUPPLY_CHAIN,
    include_str!("notebook_active_output.rs"),
);
