//! A document names a function or class that runs code, or one that is not known, and its loader imports and calls it: by
//! Hydra's `_target_`, by `target`, `class_path` or `type` of other frameworks, by tags of HyperPyYAML, by `py/object` of
//! jsonpickle and its like, by `pyref` of Fiddle; or a bundle of MONAI has an expression that does. A recipe that loads a
//! model from an address is told too.
//!
//! **Why it matters.** `hydra.utils.instantiate` imports and calls it with the keys beside it as arguments; NeMo does so when
//! a `.nemo` archive is restored, SpeechBrain when it reads `hyperparams.yaml`, jsonpickle when it decodes. MONAI evaluates
//! each text of a bundle that begins with `$` as Python when it reads it.
//!
//! **Example.** `_target_: os.system`, `command: 'true'`; `x: !apply:os.system ['true']`; `"$os.system('true')"`.
//!
//! **How it is judged.** By the whole name: critical for what runs code or reaches files and programs, high for what lies in
//! a module that a package has imported (`torch.warnings.warn`), medium for functions of known packages that are in no list
//! and for names that are put together when the document is loaded; packages that are not known are high under `_target_`,
//! medium elsewhere. Classes of the usual training libraries are quiet. Under keys that many documents have (`type`) only
//! what is beyond doubt counts.
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
