//! A TorchScript program calls an operator that reads or writes files of the host, or starts work on other hosts.
//!
//! **Why it matters.** The program runs when the model is called, `__setstate__` of its modules when it is loaded.
//! `weights_only` does not look at it. `aten::save` writes a file wherever it says, `aten::from_file` maps one.
//!
//! **Example.** `ops.aten.save(x, "/tmp/x")` in `code/__torch__.py`.
//!
//! **How it is judged.** By the exact names of the operators that the source calls; words in strings and comments are
//! none.
//!
//! **What to do.** Treat the file as an attack.

use lazaret_core::Severity;

use super::{ModelRule, RUNS_CODE};

/// The rule.
pub(crate) static RULE: ModelRule = ModelRule::new(
    "torchscript.reaches-out",
    Severity::Critical,
    "a TorchScript program reads or writes files or reaches other hosts",
    &[73, 22],
    RUNS_CODE,
    include_str!("torchscript_reaches_out.rs"),
);
