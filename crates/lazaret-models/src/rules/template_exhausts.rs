//! A template counts, repeats, pads or doubles without a sensible end: millions of rounds, or millions of characters.
//!
//! **Why it matters.** The template is rendered at every prompt, in the process that serves the model. One of these stops
//! the service for everybody.
//!
//! **Example.** `{% for i in range(10**9) %}{% endfor %}`.
//!
//! **How it is judged.** Constants are computed: a range of more than a million, loops within loops of more than ten
//! million rounds (also those of macros that call each other), a text repeated or padded to more than ten million characters,
//! a number of more than 100,000 digits, a text made of itself twice in a loop: critical. High where it depends on what the
//! template is given, or ends with an error: a macro, a block or a recursive loop that calls itself with what it began with, a
//! macro that calls itself more than once and counts, a text that doubles with each message. A macro that goes down a schema
//! by its own pieces is no finding.
//!
//! **What to do.** Do not use the template.
//!
//! **References.** <https://jinja.palletsprojects.com/en/stable/sandbox/#operators> (`MAX_RANGE`).

use lazaret_core::Severity;

use super::{ModelRule, SUPPLY_CHAIN};

/// The rule.
pub(crate) static RULE: ModelRule = ModelRule::new(
    "template.exhausts",
    Severity::Critical,
    "a template uses up the machine that renders it",
    &[400, 834],
    SUPPLY_CHAIN,
    include_str!("template_exhausts.rs"),
);
