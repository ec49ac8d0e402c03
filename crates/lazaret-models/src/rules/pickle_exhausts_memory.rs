//! A short file makes its reader ask for far more memory than the file could ever fill, or for values that lie in
//! each other without end.
//!
//! **Why it matters.** The loader is killed, and with it the service that it runs in; a scanner that walks over
//! what it has read is killed too, and nobody has looked.
//!
//! **Example.** A memo number of 2,147,483,647, for which Python makes room at once; lists that each hold the one
//! before twice, sixty times.
//!
//! **What to do.** Ask the sender for another file: no library writes such.
//!
//! **References.** CWE-400, CWE-674.

use lazaret_core::Severity;

use super::{ModelRule, SUPPLY_CHAIN};

/// The rule.
pub(crate) static RULE: ModelRule = ModelRule::new(
    "pickle.exhausts-memory",
    Severity::Medium,
    "a pickle is made to exhaust the memory or stack of who loads it",
    &[400, 674],
    SUPPLY_CHAIN,
    include_str!("pickle_exhausts_memory.rs"),
);
