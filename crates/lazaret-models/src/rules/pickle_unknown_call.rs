//! The pickle calls a function that is in no list of constructors known to be harmless, and not merely to build an
//! object whose state follows.
//!
//! **Why it matters.** Any function of any installed package can be called by a pickle, also those nobody has
//! thought of. What the file does tells an unknown function from an unknown class: an object is made (NEWOBJ, or a
//! call whose result gets a state) and filled with plain data; a function is called with arguments and its result
//! is used or dropped.
//!
//! **Example.** `somepackage.utils.run('x')`.
//!
//! **What to do.** Find out what the function does. If it is harmless, list it by its exact name with an owner, a
//! reason and an end date.

use lazaret_core::Severity;

use super::{ModelRule, RUNS_CODE};

/// The rule.
pub(crate) static RULE: ModelRule = ModelRule::new(
    "pickle.unknown-call",
    Severity::Medium,
    "a pickle calls a function that nobody has listed",
    &[502],
    RUNS_CODE,
    include_str!("pickle_unknown_call.rs"),
);
