//! Python that comes with a model calls what no model needs: it runs a program, builds code from text (`exec`, `eval`,
//! `compile`, `__import__`), loads pickles or native libraries, opens a socket, reads the environment's secrets.
//!
//! **Why it matters.** A loader that trusts remote code imports the file, and its first lines run before any class is
//! used. What a function does runs when the model is used.
//!
//! **Example.** `import os; os.system('…')` in `modeling_x.py`.
//!
//! **How it is judged.** By the tokens of the source, with names followed through imports, aliases and `getattr`; words in
//! strings and comments are no finding. Compiled Python (`.pyc`) is judged by the names that it uses.
//!
//! **What to do.** Do not load the model.
//!
//! **References.** <https://huggingface.co/docs/hub/security-pickle>; MITRE ATLAS AML.T0011.

use lazaret_core::Severity;

use super::{ModelRule, RUNS_CODE};

/// The rule.
pub(crate) static RULE: ModelRule = ModelRule::new(
    "python.dangerous-call",
    Severity::Critical,
    "Python code runs programs, builds code or opens connections",
    &[94, 78, 506],
    RUNS_CODE,
    include_str!("python_dangerous_call.rs"),
);
