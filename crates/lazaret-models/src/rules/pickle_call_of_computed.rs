//! What is called is not a function by its name but what another call gave back, so its name stands nowhere in the
//! file.
//!
//! **Why it matters.** Scanners compare names. `getattr(module, part_of_a_name)` gives a function that has none in
//! the file. What `getattr` gives of a class that is named in the file is another name, and is judged by it.
//!
//! **Example.** `operator.attrgetter('system')` called with a module, its result called with a command.
//!
//! **What to do.** Ask for the weights in a format without code (safetensors).

use lazaret_core::Severity;

use super::{ModelRule, RUNS_CODE};

/// The rule.
pub(crate) static RULE: ModelRule = ModelRule::new(
    "pickle.call-of-computed",
    Severity::High,
    "a pickle calls the result of a call",
    &[502],
    RUNS_CODE,
    include_str!("pickle_call_of_computed.rs"),
);
