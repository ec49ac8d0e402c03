//! A file of Python lies in a model: a loader that is told to trust it imports it.
//!
//! **Why it matters.** Static reading can find what is plainly dangerous; it cannot show that code is harmless. Code that
//! comes with a model runs with all rights of the process that loads it.
//!
//! **Example.** `modeling_x.py`, `handler.py`, `custom_loader.py`, `setup.py`.
//!
//! **What to do.** Have it read by somebody and pin its digest, or use a model that needs no code of its own.
//!
//! **References.** <https://huggingface.co/docs/transformers/custom_models>.

use lazaret_core::Severity;

use super::{ModelRule, RUNS_CODE};

/// The rule.
pub(crate) static RULE: ModelRule = ModelRule::new(
    "python.remote-code",
    Severity::High,
    "Python code comes with a model",
    &[829, 494],
    RUNS_CODE,
    include_str!("python_remote_code.rs"),
);
