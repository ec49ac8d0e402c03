//! A weight index, an adapter's configuration, the `.metadata` of a distributed checkpoint of PyTorch, the manifest of a Core ML
//! package or of an OCI artifact, a tag `!include:` of HyperPyYAML, or a chain of LangChain names a file that is not in the
//! folder of the model: an absolute path, `..`, another address.
//!
//! **Why it matters.** The loader reads that file as weights, which may be a pickle that nobody inspected, or a file of
//! the host. Clients of OCI write layers to the paths that
//! annotations name. For an adapter, whose base model may lie anywhere by design, and for layers that are fetched from an
//! address of their own (`urls`), it is high.
//!
//! **Example.** `"weight_map": {"a": "../../other/pytorch_model.bin"}`.
//!
//! **What to do.** Ask for a whole model in one folder.
//!
//! **References.** <https://cwe.mitre.org/data/definitions/22.html>.

use lazaret_core::Severity;

use super::{ModelRule, SUPPLY_CHAIN};

/// The rule.
pub(crate) static RULE: ModelRule = ModelRule::new(
    "hf.path-escapes-model",
    Severity::Critical,
    "a configuration names a file outside the model",
    &[22, 73],
    SUPPLY_CHAIN,
    include_str!("hf_path_escape.rs"),
);
