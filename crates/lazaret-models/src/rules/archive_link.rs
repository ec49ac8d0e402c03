//! A member is a link to another file within the folder.
//!
//! **Why it matters.** What a link leads to depends on the folder it is unpacked into; nothing of it is in the archive.
//! A link that leaves the folder is [archive.path-escapes].
//!
//! **Example.** `latest.pt`, a symbolic link to `epoch-9.pt`.
//!
//! **What to do.** Ask for an archive with the files themselves.

use lazaret_core::Severity;

use super::{ModelRule, SUPPLY_CHAIN};

/// The rule.
pub(crate) static RULE: ModelRule = ModelRule::new(
    "archive.link",
    Severity::Medium,
    "an archive carries a link",
    &[59],
    SUPPLY_CHAIN,
    include_str!("archive_link.rs"),
);
