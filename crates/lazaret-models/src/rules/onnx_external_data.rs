//! A tensor of an ONNX graph lies in another file, and what is said of it cannot be: an offset or length that is no whole
//! number, lies beyond the end of the file or does not fit the tensor's shape, or a path that is empty or odd.
//!
//! **Why it matters.** Loaders map the file by these numbers; some read outside of it when they lie. Where the file is not
//! beside the graph (told as low), the model is not whole.
//!
//! **Example.** `offset: -1`.
//!
//! **How it is judged.** Numbers are decimal without sign. The file is asked for beside the graph and measured, not read.
//!
//! **What to do.** Ask the sender for the whole model.
//!
//! **References.** <https://onnx.ai/onnx/repo-docs/ExternalData.html>. CWE-20, CWE-125.

use lazaret_core::Severity;

use super::{ModelRule, SUPPLY_CHAIN};

/// The rule.
pub(crate) static RULE: ModelRule = ModelRule::new(
    "onnx.external-data",
    Severity::High,
    "what a graph says of a tensor in another file cannot be",
    &[20, 125],
    SUPPLY_CHAIN,
    include_str!("onnx_external_data.rs"),
);
