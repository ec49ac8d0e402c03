//! The file `MLmodel` names a loader module that is none of MLflow's, code or a program that is imported with the model, a
//! Python object as the model, a class or module that a flavour imports and that is not known, or a path outside the model's
//! folder; or a file beside it (`keras_module.txt`, `pickle_module_info.txt`) names such a module.
//!
//! **Why it matters.** `mlflow.pyfunc.load_model` puts the code on the path of Python, imports the loader and calls it.
//!
//! **Example.** `loader_module: os`, `code: ../../outside`.
//!
//! **How it is judged.** Critical where the module runs programs or reaches files, or a path leaves the folder; high for
//! other loaders and for code that comes along; medium for a model that is a Python object of its own.
//!
//! **What to do.** Review the code that comes with the model, or take a model of a plain flavour.
//!
//! **References.** MLflow documentation, "MLflow Models"; CWE-470; CWE-427.

use lazaret_core::Severity;

use super::{ModelRule, RUNS_CODE};

/// The rule.
pub(crate) static RULE: ModelRule = ModelRule::new(
    "mlflow.loader",
    Severity::High,
    "an MLflow model brings its own loader or code",
    &[470, 427],
    RUNS_CODE,
    include_str!("mlflow_loader.rs"),
);
