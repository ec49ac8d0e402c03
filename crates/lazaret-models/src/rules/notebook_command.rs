//! A cell of a Jupyter notebook hands a command to a shell or to another interpreter, or runs a file or an address.
//!
//! **Why it matters.** Whoever runs the cells, or a service that runs notebooks, runs the command with its own rights.
//!
//! **Example.** `!curl http://… | sh`, `%%bash`, `%run http://…`.
//!
//! **How it is judged.** By the first letters of lines and cells, as `IPython` reads them (`!`, `%sx`, `%%bash`, `%run`,
//! `get_ipython().system`). Critical where what is fetched or decoded is run at once, a connection gets a shell, or an address
//! is run; high for a file outside the folder; low for what notebooks do as a habit (`!pip install NAME`, `!ls`); medium
//! for any other command.
//!
//! **What to do.** Read the command before anybody runs the notebook.
//!
//! **References.** <https://ipython.readthedocs.io/en/stable/interactive/reference.html>. CWE-78.

use lazaret_core::Severity;

use super::{ModelRule, RUNS_CODE};

/// The rule.
pub(crate) static RULE: ModelRule = ModelRule::new(
    "notebook.command",
    Severity::Medium,
    "a notebook hands a command to a shell",
    &[78],
    RUNS_CODE,
    include_str!("notebook_command.rs"),
);
