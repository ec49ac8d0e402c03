//! A local header outside of all listed members: a member that the directory does not list.
//!
//! **Why it matters.** Readers that go from header to header (streams, recovery tools) unpack it, readers that go by the
//! directory do not see it. It is looked at here.
//!
//! **Example.** A pickle between the members of a torch file, without an entry in the directory.
//!
//! **How it is judged.** Only the space outside of members is searched; the bytes of a tensor may look like anything.
//!
//! **What to do.** Ask the sender how the file was made.

use lazaret_core::Severity;

use super::{ModelRule, SUPPLY_CHAIN};

/// The rule.
pub(crate) static RULE: ModelRule = ModelRule::new(
    "archive.hidden-member",
    Severity::High,
    "a member that no directory lists",
    &[436],
    SUPPLY_CHAIN,
    include_str!("archive_hidden_member.rs"),
);
