//! A model archive of TorchServe carries Python source, or its manifest names a handler that is neither the server's own nor
//! in the archive (critical where that runs programs or the like). Of a manifest that lies by itself any handler that is none
//! of the server's own is told (medium).
//!
//! **Why it matters.** The server imports the handler that the manifest names when it starts a worker: its code runs with
//! the server's rights.
//!
//! **How it is judged.** The source is judged as well; what it does is told by findings of its own.
//!
//! **What to do.** Read the handler, or serve the model with one of the server's own handlers.
//!
//! **References.** TorchServe documentation, "Custom Service"; its security notes.

use lazaret_core::Severity;

use super::{ModelRule, RUNS_CODE};

/// The rule.
pub(crate) static RULE: ModelRule = ModelRule::new(
    "torchserve.handler-code",
    Severity::High,
    "a TorchServe archive carries its own handler",
    &[94, 829],
    RUNS_CODE,
    include_str!("torchserve_handler_code.rs"),
);
