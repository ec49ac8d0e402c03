//! A text that is given as a chat template does not parse as Jinja, or is far longer than templates are.
//!
//! **Why it matters.** What does not parse was not judged. A renderer with another dialect may read it all the same. In a
//! text that is far too long, what matters is easy to overlook.
//!
//! **Example.** `{{ unclosed`.
//!
//! **What to do.** Ask the maker of the model for a template that parses.
//!
//! **References.** <https://jinja.palletsprojects.com/en/stable/templates/>.

use lazaret_core::Severity;

use super::{ModelRule, SUPPLY_CHAIN};

/// The rule.
pub(crate) static RULE: ModelRule = ModelRule::new(
    "template.malformed",
    Severity::Medium,
    "a template cannot be read as one",
    &[20],
    SUPPLY_CHAIN,
    include_str!("template_malformed.rs"),
);
