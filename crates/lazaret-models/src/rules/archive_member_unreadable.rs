//! A member of an archive, or a stretch of one, cannot be read: its header is damaged, its bytes are cut off or not
//! there, its packing is not known here. All other members are read all the same.
//!
//! **Why it matters.** A loader that goes to a member by its name never touches the damaged one and runs the rest. A
//! scanner that stops at the first fault says nothing of what comes after.
//!
//! **Example.** A torch file whose first local header begins with `PK\x07\x04`: `torch.load` reads `data.pkl` and runs it.
//!
//! **How it is judged.** The place is the member. What was unpacked before the fault is looked at; a loader may act on
//! that much.
//!
//! **What to do.** Ask the sender for a whole file; do not repair it by hand.
//!
//! **References.** protectai/modelscan issue 354.

use lazaret_core::Severity;

use super::{ModelRule, SUPPLY_CHAIN};

/// The rule.
pub(crate) static RULE: ModelRule = ModelRule::new(
    "archive.member-unreadable",
    Severity::High,
    "a member of an archive cannot be read",
    &[20],
    SUPPLY_CHAIN,
    include_str!("archive_member_unreadable.rs"),
);
