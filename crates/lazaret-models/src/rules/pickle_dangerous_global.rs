//! The pickle loads such a function without calling it itself: it is handed to something else that will call it,
//! planted as a method, or kept in the model for later.
//!
//! **Why it matters.** A loaded function needs no visible call: a `defaultdict` calls its factory, `sorted` its
//! key, a planted `__setstate__` is called by the next BUILD, and `copyreg` calls what it is told to.
//!
//! **Example.** `_interpreters.run_string` stored as `__setstate__` of an object whose state is then set.
//!
//! **How it is judged.** As `pickle.dangerous-call`: by exact name. Private modules of the standard library
//! (`_posixsubprocess`, `_interpreters`) are such unless a name of theirs is listed as harmless.
//!
//! **References.** trailofbits/fickling GHSA-6ggj-6f2q-f7mx; CWE-502.

use lazaret_core::Severity;

use super::{ModelRule, RUNS_CODE};

/// The rule.
pub(crate) static RULE: ModelRule = ModelRule::new(
    "pickle.dangerous-global",
    Severity::Critical,
    "a pickle loads a function that runs code, opens files or sockets",
    &[502],
    RUNS_CODE,
    include_str!("pickle_dangerous_global.rs"),
);
