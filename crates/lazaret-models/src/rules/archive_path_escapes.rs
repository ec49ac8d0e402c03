//! A member's name, or the target of a link in the archive, leads out of the folder that it is unpacked into: by `..`, by
//! an absolute path, by a drive letter; with either kind of slash.
//!
//! **Why it matters.** Unpacking writes the file where its name says: over a program, a key, a start script. A link that
//! leaves the folder gives a second member the way out.
//!
//! **Example.** `../../.ssh/authorized_keys`; a link `d` to `/etc`, then the member `d/passwd`.
//!
//! **How it is judged.** Steps are counted: `a/../b` stays inside. The name in the directory, in the local header and in
//! the extra field of its Unicode name are judged each.
//!
//! **What to do.** Treat the file as an attack.
//!
//! **References.** CWE-22 (zip slip); CWE-59.

use lazaret_core::Severity;

use super::{ModelRule, RUNS_CODE};

/// The rule.
pub(crate) static RULE: ModelRule = ModelRule::new(
    "archive.path-escapes",
    Severity::Critical,
    "the name or link of a member leaves the folder",
    &[22, 59],
    RUNS_CODE,
    include_str!("archive_path_escapes.rs"),
);
