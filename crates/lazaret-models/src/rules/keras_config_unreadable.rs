//! An HDF5 file has a `model_config` or `training_config` that is no JSON text, or none that can be found.
//!
//! **Why it matters.** What the model would build and call stands there. What cannot be read was not inspected.
//!
//! **Example.** An attribute `model_config` with the text `{not json`.
//!
//! **What to do.** Ask for the file to be written again by Keras.
//!
//! **References.** Keras documentation, "Save, serialize, and export models".

use lazaret_core::Severity;

use super::{ModelRule, SUPPLY_CHAIN};

/// The rule.
pub(crate) static RULE: ModelRule = ModelRule::new(
    "keras.config-unreadable",
    Severity::High,
    "a Keras model's configuration cannot be read",
    &[20],
    SUPPLY_CHAIN,
    include_str!("keras_config_unreadable.rs"),
);
