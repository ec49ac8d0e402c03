//! The configuration of a Keras model names a class or function that is none of Keras's and is registered by its author
//! (`package>Name`), lies in `__main__`, or has no module at all.
//!
//! **Why it matters.** Such an object runs only if the loader is handed the code, or imports it. That code is part of the
//! model and is not in the file: what it does is not known.
//!
//! **Example.** `{"module": "my_project.layers", "class_name": "Attn", "registered_name": "my>Attn"}`.
//!
//! **How it is judged.** Names of modules that run programs or reach files are `keras.foreign-callable` whatever they are
//! registered as. Packages beside Keras (`keras_hub`, `keras_nlp`, `keras_cv`) are `info`.
//!
//! **What to do.** Find the source of the class, review it, and allow it by name.
//!
//! **References.** Keras documentation, "Registering custom objects"; CWE-470.

use lazaret_core::Severity;

use super::{ModelRule, RUNS_CODE};

/// The rule.
pub(crate) static RULE: ModelRule = ModelRule::new(
    "keras.custom-object",
    Severity::High,
    "a Keras model needs code of somebody's own",
    &[470],
    RUNS_CODE,
    include_str!("keras_custom_object.rs"),
);
