//! A template includes, imports or extends another file by a plain name.
//!
//! **Why it matters.** What the other file says was not judged here with it, and may be another one where the template is
//! rendered. Chat templates are one text; none of the usual renderers gives them a way to files. (A name that is computed
//! or leads out of the folder is `template.sandbox-escape`.)
//!
//! **Example.** `{% include 'tools.jinja' %}`.
//!
//! **What to do.** Ask for one template without includes.
//!
//! **References.** <https://jinja.palletsprojects.com/en/stable/templates/#include>.

use lazaret_core::Severity;

use super::{ModelRule, SUPPLY_CHAIN};

/// The rule.
pub(crate) static RULE: ModelRule = ModelRule::new(
    "template.includes-other",
    Severity::Medium,
    "a template takes in another one",
    &[829],
    SUPPLY_CHAIN,
    include_str!("template_includes.rs"),
);
