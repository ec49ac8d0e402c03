//! A Core ML model has a custom layer or is a custom model: a class of the app that loads it. Or it is linked to another
//! model by a path.
//!
//! **Why it matters.** The class is named by the model and found by its name among all of the process: the model picks code
//! that was not inspected. A linked model is another file; a path that leaves the folder is critical.
//!
//! **Example.** A layer `custom` with `className` `EvilLayer`.
//!
//! **How it is judged.** All layers, those of branches, loops and pipelines too.
//!
//! **What to do.** Find out which app brings the class, and whether it is yours. If so, allow this rule for the model.
//!
//! **References.** <https://apple.github.io/coremltools/mlmodel/Format/NeuralNetwork.html> (`CustomLayerParams`). CWE-829.

use lazaret_core::Severity;

use super::{ModelRule, RUNS_CODE};

/// The rule.
pub(crate) static RULE: ModelRule = ModelRule::new(
    "coreml.custom-layer",
    Severity::Medium,
    "a Core ML layer or model that code of an app must bring",
    &[829, 22],
    RUNS_CODE,
    include_str!("coreml_custom_layer.rs"),
);
