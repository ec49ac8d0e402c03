//! The configuration of a Keras model names a module, class or function that is no layer, loss, metric, optimiser or
//! activation of Keras: one of another package, or one of Keras's own that fetches, reads, writes or loads.
//!
//! **Why it matters.** Loading a configuration imports the module and calls what it names with arguments of the file's
//! choice. `keras.utils.get_file` fetches any address to any place, `keras.config.enable_unsafe_deserialization` switches
//! the safe mode off, `TorchModuleWrapper` unpickles.
//!
//! **Example.** `{"module": "subprocess", "class_name": "Popen", "config": {"args": ["true"]}}`.
//!
//! **How it is judged.** Module names are compared step by step and whole (`keras`, `tf_keras`, `tensorflow.keras`), never
//! by how they begin. Within Keras the areas count: layers, activations, losses and the like are quiet, all others are
//! not. Functions that TensorFlow layers name (`TFOpLambda`) are judged too.
//!
//! **What to do.** Treat the file as an attack.
//!
//! **References.** CVE-2025-1550; CVE-2025-8747; CVE-2025-9906; CVE-2025-49655; CWE-502; CWE-470.

use lazaret_core::Severity;

use super::{ModelRule, RUNS_CODE};

/// The rule.
pub(crate) static RULE: ModelRule = ModelRule::new(
    "keras.foreign-callable",
    Severity::Critical,
    "a Keras model names code from outside Keras",
    &[502, 470],
    RUNS_CODE,
    include_str!("keras_foreign_callable.rs"),
);
