//! BUILD writes `__setstate__`, `__reduce__`, `__class__`, `__call__`, `__code__` or another name by which Python
//! calls into an object.
//!
//! **Why it matters.** The next step of unpickling calls what was planted, without any call in the pickle itself.
//!
//! **Example.** A state `{'__setstate__': run_string}`, then a second BUILD on the same object.
//!
//! **References.** trailofbits/fickling GHSA-6ggj-6f2q-f7mx; CWE-915.

use lazaret_core::Severity;

use super::{ModelRule, RUNS_CODE};

/// The rule.
pub(crate) static RULE: ModelRule = ModelRule::new(
    "pickle.build-plants-method",
    Severity::Critical,
    "a pickle plants a method or class into an object",
    &[502, 915],
    RUNS_CODE,
    include_str!("pickle_build_plants_method.rs"),
);
