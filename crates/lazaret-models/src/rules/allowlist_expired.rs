//! An entry of the hospital's own allow list, or of its list of own classes, would have held for this file, and its last
//! day has passed. It does nothing any more: what it lowered counts again as it is.
//!
//! **Why it matters.** An exception that nobody renews stops by itself, and nobody should have to guess why a model that
//! passed last week is held today.
//!
//! **Example.** `pickle.unknown-call` of `ourlab.util.rebuild` was allowed until 2026-09-30.
//!
//! **What to do.** Ask the entry's owner, whom the message names. If the reason still holds, the owner sets a new last day, at
//! most a year ahead; if not, take the entry out.

use lazaret_core::Severity;

use super::ModelRule;

/// The rule.
pub(crate) static RULE: ModelRule = ModelRule::new(
    "allowlist.expired",
    Severity::Low,
    "an entry of the hospital's own rules that would hold here has run out, and does nothing",
    &[],
    &[],
    include_str!("allowlist_expired.rs"),
);
