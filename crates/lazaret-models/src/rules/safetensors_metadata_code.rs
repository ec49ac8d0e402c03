//! A text in the metadata of a safetensors file is a script: Python code, a script for a shell or for a web page.
//!
//! **Why it matters.** Loaders keep metadata as texts and run nothing. A tool that shows them in a page without escaping,
//! or evaluates them as a configuration, would run what stands there; and weights need no script to describe them.
//!
//! **Example.** `"model_info": "import os; os.system('id')"`; `"documentation": "<script>…</script>"`.
//!
//! **How it is judged.** By the form of the text and not by words in it: a statement that is an import, a call of what
//! was imported, `eval(…)`, `__import__(…)`, an element or attribute that runs in a page, `#!`. Prose about code is
//! none.
//!
//! **What to do.** Ask the sender why it is there; have the file written again without it.
//!
//! **References.** CWE-79, CWE-94.

use lazaret_core::Severity;

use super::{ModelRule, SUPPLY_CHAIN};

/// The rule.
pub(crate) static RULE: ModelRule = ModelRule::new(
    "safetensors.metadata-code",
    Severity::Medium,
    "a text in the metadata is a script",
    &[79, 94],
    SUPPLY_CHAIN,
    include_str!("safetensors_metadata_code.rs"),
);
