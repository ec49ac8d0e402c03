//! An instruction of a Dockerfile runs what it downloads, or opens a connection for a shell.
//!
//! **Why it matters.** What is run lies in no file that could be inspected, and another may lie at the address tomorrow. Who
//! builds the image runs it, often with the network and the secrets of the build.
//!
//! **Example.** `RUN curl https://… | sh`, `RUN bash -c "$(wget -qO- https://…)"`.
//!
//! **How it is judged.** By the words of each command: high where an interpreter is fed by a program that downloads or decodes,
//! medium where a file is downloaded and one is run by the same instruction, and for `ADD` of an address without a checksum.
//! What else the commands of an image do is not judged.
//!
//! **What to do.** Have the program in the image's own files, or check its digest before it is run.
//!
//! **References.** <https://docs.docker.com/reference/dockerfile/>; CWE-494.

use lazaret_core::Severity;

use super::{ModelRule, RUNS_CODE};

/// The rule.
pub(crate) static RULE: ModelRule = ModelRule::new(
    "dockerfile.runs-download",
    Severity::High,
    "building the image runs what it downloads",
    &[494],
    RUNS_CODE,
    include_str!("dockerfile_runs_download.rs"),
);
