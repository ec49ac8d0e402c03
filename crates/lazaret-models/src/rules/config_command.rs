//! A key whose name says that it is a command, script or hook holds a command line of a shell; or the description of a kernel
//! of Jupyter starts something else than a kernel.
//!
//! **Why it matters.** A model is data. A field that some tool hands to a shell when the model is deployed runs whatever
//! the maker of the file wrote there.
//!
//! **Example.** `"post_install_command": "curl http://… | sh"`.
//!
//! **How it is judged.** Both must be: the name of the key, and a value that begins with a program of a shell and has
//! arguments. The same words in any other text are no finding.
//!
//! **What to do.** Find out which tool reads the field; remove it.
//!
//! **References.** <https://cwe.mitre.org/data/definitions/78.html>.

use lazaret_core::Severity;

use super::{ModelRule, SUPPLY_CHAIN};

/// The rule.
pub(crate) static RULE: ModelRule = ModelRule::new(
    "config.command",
    Severity::Medium,
    "a configuration holds a command line",
    &[78],
    SUPPLY_CHAIN,
    include_str!("config_command.rs"),
);
