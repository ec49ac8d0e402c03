//! A layer of an `OpenVINO` graph is of no set of operations that `OpenVINO` has, or names a library.
//!
//! **Why it matters.** Such a layer comes from a native library that the loader is told to load (`add_extension`): its code is
//! not in the model and was not inspected.
//!
//! **Example.** `<layer type="Evil" version="extension" library="/tmp/evil.so"/>`.
//!
//! **How it is judged.** By the attribute `version` of the layer: `opset1` and later, and the internal sets of the converters
//! are known. A layer without a version is of an old graph. An attribute that names a library is told in any layer.
//!
//! **What to do.** Find out which library brings the layer (`OpenVINO` Tokenizers is one in good faith) and whether your runtime
//! has it on purpose. If so, allow this rule for the model.
//!
//! **References.** <https://docs.openvino.ai/2024/documentation/openvino-extensibility.html>. CWE-829.

use lazaret_core::Severity;

use super::{ModelRule, RUNS_CODE};

/// The rule.
pub(crate) static RULE: ModelRule = ModelRule::new(
    "openvino.custom-layer",
    Severity::High,
    "an OpenVINO layer that a native library must bring",
    &[829],
    RUNS_CODE,
    include_str!("openvino_custom_layer.rs"),
);
