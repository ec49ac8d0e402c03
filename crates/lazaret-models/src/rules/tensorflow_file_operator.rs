//! A node of a TensorFlow graph does more than compute: it reads, writes or lists files, prints, or talks to other processes.
//!
//! **Why it matters.** TensorFlow models are programs: such a node acts with the rights of the process on any path that the
//! graph holds, when the model is called or already when it is loaded. Reading brings secrets into the output, writing plants
//! code where the host starts programs.
//!
//! **Example.** `WriteFile` with the path of a start script; `DebugIdentityV3`, which writes tensors to a file or host.
//!
//! **How it is judged.** By the exact name of the operator and a list of what each does. Any file read or written at will,
//! and printing into a file: critical. Files listed, mapped, read as records or written as summaries, other processes: high.
//! Printing to the log, old ways to save: medium. What every writer leaves in a graph (`SaveV2`, `RestoreV2`, tables from
//! assets): told as info, and high where a constant beside it is a path out of the model that is no asset.
//!
//! **What to do.** Do not load what is critical. For the rest ask what the operator is for; a model that serves needs none.
//!
//! **References.** <https://github.com/tensorflow/tensorflow/blob/master/SECURITY.md> ("TensorFlow models are programs");
//! MITRE ATLAS AML.T0010.003. CWE-22, CWE-73.

use lazaret_core::Severity;

use super::{ModelRule, RUNS_CODE};

/// The rule.
pub(crate) static RULE: ModelRule = ModelRule::new(
    "tensorflow.file-operator",
    Severity::High,
    "a TensorFlow operator that reads or writes outside the graph",
    &[22, 73],
    RUNS_CODE,
    include_str!("tensorflow_file_operator.rs"),
);
