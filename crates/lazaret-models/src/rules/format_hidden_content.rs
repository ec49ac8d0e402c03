//! Something that can be loaded or run lies where readers of the format look for nothing: in a comment, an extra field,
//! padding, a header that goes on behind its end.
//!
//! **Why it matters.** Every scanner that reads the format as a loader does passes over it. A second step, or a loader that
//! is told where to look, takes it from there.
//!
//! **Example.** A pickle that calls `os.system` as the comment of a zip archive.
//!
//! **How it is judged.** Those bytes are searched for the marks of pickles, programs, scripts, archives and packed streams.
//! What is one beyond doubt is read too, and its findings stand beside this one. Text is no finding.
//!
//! **What to do.** Ask the sender how it came there. No tool that writes models puts it there.

use lazaret_core::Severity;

use super::{ModelRule, SUPPLY_CHAIN};

/// The rule.
pub(crate) static RULE: ModelRule = ModelRule::new(
    "format.hidden-content",
    Severity::High,
    "something loadable lies in bytes that readers pass over",
    &[506],
    SUPPLY_CHAIN,
    include_str!("format_hidden_content.rs"),
);
