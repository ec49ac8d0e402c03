//! Bytes or text within the pickle are a pickle themselves, plain or in base64 or hexadecimal. It is read too, and
//! its findings stand beside this one.
//!
//! **Why it matters.** Something has to unpickle it later: a call in the same file, or code that knows where to
//! look. Libraries that do so on purpose (joblib's arrays, cloudpickle's functions) are known here.
//!
//! **Example.** A `bytes` value that begins with `\x80\x04` and loads `os.system`.
//!
//! **What to do.** Ask what reads it.

use lazaret_core::Severity;

use super::{ModelRule, RUNS_CODE};

/// The rule.
pub(crate) static RULE: ModelRule = ModelRule::new(
    "pickle.nested",
    Severity::Medium,
    "a pickle carries another pickle within its data",
    &[502],
    RUNS_CODE,
    include_str!("pickle_nested.rs"),
);
