//! A Keras model has a Lambda layer, or a function that stands in its configuration as marshalled Python bytecode.
//!
//! **Why it matters.** The bytecode is unmarshalled when the model is loaded and runs when it is used. Keras 2 runs it
//! without asking, also from HDF5 and JSON; Keras 3 does so with `safe_mode=False`, which old HDF5 files never needed.
//!
//! **Example.** `{"class_name": "Lambda", "config": {"function": ["4wAAAA…", null, null], "function_type": "lambda"}}`.
//!
//! **How it is judged.** Every object of the configuration is looked at, at any depth, in wrappers, nested models,
//! training and compile configurations: the class `Lambda` or `__lambda__` under any package, in any case of letters,
//! and `function_type: lambda`.
//!
//! **What to do.** Ask for a model whose layers are Keras's own. A Lambda layer can be replaced by a registered layer whose
//! source is reviewed.
//!
//! **References.** CVE-2024-3660; CVE-2025-9905 (HDF5 and safe mode); CVE-2021-37678; CWE-502; CWE-94.

use lazaret_core::Severity;

use super::{ModelRule, RUNS_CODE};

/// The rule.
pub(crate) static RULE: ModelRule = ModelRule::new(
    "keras.lambda",
    Severity::Critical,
    "a Keras model carries a function of its own",
    &[502, 94],
    RUNS_CODE,
    include_str!("keras_lambda.rs"),
);
