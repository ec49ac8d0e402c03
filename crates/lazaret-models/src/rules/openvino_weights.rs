//! A constant of an `OpenVINO` graph lies beyond the end of the weights beside it, or where no number says, or has fewer bytes
//! than its shape and type make.
//!
//! **Why it matters.** The loader maps the weights by these numbers. Where the weights are not beside the graph (told as
//! low), the model is not whole.
//!
//! **Example.** `offset="-4" size="9223372036854775807"`.
//!
//! **How it is judged.** `offset` and `size` of each constant against the length of the `.bin` of the same name, and against
//! `shape` and `element_type`.
//!
//! **What to do.** Ask the sender for the whole model.
//!
//! **References.** <https://docs.openvino.ai/2024/documentation/openvino-ir-format.html>. CWE-20, CWE-125.

use lazaret_core::Severity;

use super::{ModelRule, SUPPLY_CHAIN};

/// The rule.
pub(crate) static RULE: ModelRule = ModelRule::new(
    "openvino.weights",
    Severity::High,
    "an OpenVINO graph and its weights do not agree",
    &[20, 125],
    SUPPLY_CHAIN,
    include_str!("openvino_weights.rs"),
);
