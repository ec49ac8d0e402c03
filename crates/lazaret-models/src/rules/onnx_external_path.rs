//! A tensor of an ONNX graph lies in another file, and the path that names the file leaves the folder of the model: `..`, an
//! absolute path, a drive, an address, a NUL.
//!
//! **Why it matters.** A loader that follows the path reads any file of the host into a tensor, from where the output of the
//! model carries it away.
//!
//! **Example.** `location: ../../../../etc/passwd` of an initializer, an attribute or a sparse tensor.
//!
//! **How it is judged.** By the path alone, as any system may read it: `/` and `\\` are steps. A path that goes up and
//! stays inside, or has a backslash, is `onnx.external-data`.
//!
//! **What to do.** Do not load it.
//!
//! **References.** CVE-2022-25882, CVE-2024-27318, CVE-2024-5187, CVE-2024-7776. CWE-22.

use lazaret_core::Severity;

use super::{ModelRule, SUPPLY_CHAIN};

/// The rule.
pub(crate) static RULE: ModelRule = ModelRule::new(
    "onnx.external-path",
    Severity::Critical,
    "a tensor is read from a path outside the folder of the model",
    &[22, 73],
    SUPPLY_CHAIN,
    include_str!("onnx_external_path.rs"),
);
