//! The pickle makes objects of classes of the packages named, so that their code runs when it is loaded.
//!
//! **Why it matters.** Which packages a model needs, and in which versions, is a part of what it is: their known
//! weaknesses become the model's. It is information, no alarm.
//!
//! **Example.** A fitted scikit-learn pipeline names `sklearn` and `numpy`.

use lazaret_core::Severity;

use super::{ModelRule, SUPPLY_CHAIN};

/// The rule.
pub(crate) static RULE: ModelRule = ModelRule::new(
    "pickle.code-of-package",
    Severity::Info,
    "code of a package runs when the pickle is loaded",
    &[],
    SUPPLY_CHAIN,
    include_str!("pickle_code_of_package.rs"),
);
