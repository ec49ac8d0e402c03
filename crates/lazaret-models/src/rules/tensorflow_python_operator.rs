//! A node of a TensorFlow graph calls Python code: `PyFunc`, `PyFuncStateless`, `EagerPyFunc`.
//!
//! **Why it matters.** The operator calls a function that the process registered under a name. In the process that loads the
//! model, the graph picks which one, and with which arguments.
//!
//! **Example.** A `SavedModel` with a `PyFunc` in a function of its library.
//!
//! **How it is judged.** By the exact name of the operator in every graph and function; a node that is only named so is
//! none.
//!
//! **What to do.** Do not load it. A model that serves has no use for it.
//!
//! **References.** <https://www.tensorflow.org/api_docs/python/tf/py_function>; <https://github.com/tensorflow/tensorflow/blob/master/SECURITY.md>.
//! CWE-94.

use lazaret_core::Severity;

use super::{ModelRule, RUNS_CODE};

/// The rule.
pub(crate) static RULE: ModelRule = ModelRule::new(
    "tensorflow.python-operator",
    Severity::Critical,
    "a TensorFlow operator that calls Python code",
    &[94],
    RUNS_CODE,
    include_str!("tensorflow_python_operator.rs"),
);
