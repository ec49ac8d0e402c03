//! A Hydra or NeMo configuration names in `_target_` (or `target`) a function or class that runs code, or one of a package
//! that is not known; or a bundle of MONAI has an expression that does.
//!
//! **Why it matters.** `hydra.utils.instantiate` imports and calls it with the keys beside it as arguments; NeMo does so when
//! a `.nemo` archive is restored. MONAI evaluates each text of a bundle that begins with `$` as Python when it reads it.
//!
//! **Example.** `_target_: os.system`, `command: 'true'`; `"$os.system('true')"`.
//!
//! **How it is judged.** By exact names: critical for what runs code or reaches files and programs, high for packages that
//! are not known. Classes of the usual training libraries are quiet.
//!
//! **What to do.** Treat a critical one as an attack; review the source of an unknown package.
//!
//! **References.** CVE-2025-23304 (NeMo); CWE-470.

use lazaret_core::Severity;

use super::{ModelRule, RUNS_CODE};

/// The rule.
pub(crate) static RULE: ModelRule = ModelRule::new(
    "config.target",
    Severity::High,
    "a configuration names what its loader calls",
    &[470, 502],
    RUNS_CODE,
    include_str!("config_target.rs"),
);
