//! A tensor of binary32 numbers was rounded to sixteen bits in one part and not in another. Told only with `--weights=all`.
//!
//! **Why it matters.** Models that were trained or shipped in sixteen bits have empty low bits. Where some of them are filled,
//! somebody wrote into the tensor afterwards: a payload, or rows that were tampered with.
//!
//! **Example.** A bfloat16 model, stored as binary32, with an archive in the low two bytes of the first million numbers.
//!
//! **How it is judged.** Stretches of 8,192 numbers of which 99.5 % that are not zero have thirteen empty low bits, beside
//! stretches of which at most 0.5 % have.
//!
//! **What to do.** Compare with the first source. Tables of tokens do this in good faith: rows that training never touched
//! keep the rounding of the model that it began with.
//!
//! **References.** Wang et al., "EvilModel 2.0" (2022). CWE-506.

use lazaret_core::Severity;

use super::{ModelRule, SUPPLY_CHAIN};

/// The rule.
pub(crate) static RULE: ModelRule = ModelRule::new(
    "weights.mixed-precision",
    Severity::Low,
    "a part of a tensor was written with another precision",
    &[506],
    SUPPLY_CHAIN,
    include_str!("weights_mixed_precision.rs"),
);
