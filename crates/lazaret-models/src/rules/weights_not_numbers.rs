//! A tensor of floating point numbers holds numbers of many sizes that no weight has (from 2^40 on; binary16: from 4,096 on),
//! or that are none. Read only with `--weights`.
//!
//! **Why it matters.** Bytes of anything else, read as numbers, have every exponent there is: appended data in the form of a
//! tensor, or a payload over whole numbers. Damage looks the same.
//!
//! **Example.** An archive as a tensor `F32` of the right length.
//!
//! **How it is judged.** Six or more different exponents beyond the bound (four for binary16). Masks hold one or two values that
//! stand for infinity and are not found.
//!
//! **What to do.** Do not use it. If a loader needs this tensor, ask what it is.
//!
//! **References.** Wang et al., "EvilModel" (2021). CWE-506.

use lazaret_core::Severity;

use super::{ModelRule, SUPPLY_CHAIN};

/// The rule.
pub(crate) static RULE: ModelRule = ModelRule::new(
    "weights.not-numbers",
    Severity::Medium,
    "a tensor holds what cannot be weights",
    &[506],
    SUPPLY_CHAIN,
    include_str!("weights_not_numbers.rs"),
);
