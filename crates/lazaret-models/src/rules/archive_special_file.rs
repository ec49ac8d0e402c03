//! A member is a device, a pipe or another special file.
//!
//! **Why it matters.** Unpacked by a privileged user it is a door to the disk or to the memory of the machine. No model
//! has one.
//!
//! **Example.** A character device in a tar archive.
//!
//! **What to do.** Treat the file as an attack.

use lazaret_core::Severity;

use super::{ModelRule, RUNS_CODE};

/// The rule.
pub(crate) static RULE: ModelRule = ModelRule::new(
    "archive.special-file",
    Severity::Critical,
    "an archive carries a device or a pipe",
    &[552],
    RUNS_CODE,
    include_str!("archive_special_file.rs"),
);
