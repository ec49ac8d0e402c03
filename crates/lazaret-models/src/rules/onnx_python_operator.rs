//! A node of an ONNX graph runs Python code: `PyOp` and `PyCustomOp` of ONNX Runtime and its extensions, `PythonOp` of its
//! training.
//!
//! **Why it matters.** The node names a module, class or function; the runtime imports and calls it with what the graph
//! holds. The graph decides which code of the host runs.
//!
//! **Example.** A node `PyOp` of `ai.onnx.contrib` in the branch of an `If`.
//!
//! **How it is judged.** By the exact name of the operator, in any domain and any graph of the model. Names of nodes and
//! bytes of tensors are data.
//!
//! **What to do.** Do not load it.
//!
//! **References.** <https://onnxruntime.ai/docs/reference/operators/custom-python-operator.html>. CWE-94.

use lazaret_core::Severity;

use super::{ModelRule, RUNS_CODE};

/// The rule.
pub(crate) static RULE: ModelRule = ModelRule::new(
    "onnx.python-operator",
    Severity::Critical,
    "an ONNX operator that runs Python code",
    &[94],
    RUNS_CODE,
    include_str!("onnx_python_operator.rs"),
);
