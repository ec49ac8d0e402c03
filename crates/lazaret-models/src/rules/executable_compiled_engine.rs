//! An engine of TensorRT: a model compiled for one kind of GPU, perhaps with plug-ins. Or a node of an ONNX graph
//! (`EPContext`) with a model in it that was compiled for one kind of processor.
//!
//! **Why it matters.** Its maker says to load engines of trusted origin only: plug-ins in it are code that runs on the
//! host. What is in it cannot be read without the library that made it.
//!
//! **What to do.** Build the engine yourself from the model it was made of.
//!
//! **References.** NVIDIA TensorRT documentation, "Deserializing a plan".

use lazaret_core::Severity;

use super::{ModelRule, SUPPLY_CHAIN};

/// The rule.
pub(crate) static RULE: ModelRule = ModelRule::new(
    "executable.compiled-engine",
    Severity::Medium,
    "a compiled engine that cannot be inspected",
    &[494],
    SUPPLY_CHAIN,
    include_str!("executable_compiled_engine.rs"),
);
