//! A Jinja template reaches for what lies behind the values that it is given: classes and their methods, frames, code,
//! the functions of modules, another file.
//!
//! **Why it matters.** A chat template is a program that runs at every prompt, wherever the model is served. From any
//! value of Python a way leads to all of the interpreter: `''.__class__.__mro__[1].__subclasses__()`. Renderers without a
//! sandbox run it; sandboxes have had holes.
//!
//! **Example.** `{{ cycler.__init__.__globals__.os.popen('id').read() }}`.
//!
//! **How it is judged.** By the syntax tree. Names are computed where they are put together (`'__cl' ~ 'ass__'`, escapes,
//! `|attr`, `|map(attribute=…)`, `|format`, `|reverse`, macros, captured text), and followed through assignments, loops
//! and macros. A name that cannot be computed is high, and with `|attr` critical. The same words in printed text are no
//! finding.
//!
//! **What to do.** Do not use the model with this template. Ask its maker; a template can be replaced by one that you
//! wrote yourself.
//!
//! **References.** CVE-2024-34359 (llama-cpp-python); CVE-2024-56326, CVE-2025-27516 (holes of Jinja's sandbox);
//! <https://jinja.palletsprojects.com/en/stable/sandbox/>.

use lazaret_core::Severity;

use super::{ModelRule, RUNS_CODE};

/// The rule.
pub(crate) static RULE: ModelRule = ModelRule::new(
    "template.sandbox-escape",
    Severity::Critical,
    "a template leaves its sandbox",
    &[94, 1336],
    RUNS_CODE,
    include_str!("template_sandbox_escape.rs"),
);
