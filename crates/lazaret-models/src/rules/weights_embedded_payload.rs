//! The low bits of the numbers of a tensor hold something else: told by a mark in them (a program, an archive, a script: high),
//! or by how they are spread (medium). Also a tensor whose bytes are a program from the first on (high). Read only with
//! `--weights`.
//!
//! **Why it matters.** Weights lose little when their low bits are replaced, and malware has been carried so. A loader on
//! the other side takes it out again.
//!
//! **Example.** A program laid bit by bit into the lowest bit of each binary32 number of a layer.
//!
//! **How it is judged.** In stretches of 8,192 numbers: the low byte of odd numbers is spread evenly in trained weights, however
//! they were rounded (chi-squared beyond chance, over their number, is at most 1; of programs and texts it is 2 and more); no low
//! bit depends on the place of its number among eight (by more than 0.12 and eight deviations); rounded numbers have no bits set
//! below empty ones. Tables of few different values are left out. Where a stretch is odd, or nearly, marks are searched in 1, 2,
//! 4, 8, 16 and 24 low bits. A texture in all stretches of a tensor is told only with `--weights=all`: it may be how it was made.
//!
//! **What it does not find.** A payload that is compressed or encrypted, in bits that carry no information: nothing tells it
//! from trained numbers. One that is spread over many weights by small changes (MaleficNet).
//!
//! **What to do.** Do not load it in a process that may run other code. Ask for the model from its first source and compare.
//!
//! **References.** Wang et al., "EvilModel" (2021) and "EvilModel 2.0" (2022); Liu et al., "StegoNet" (2020); Hitaj et al.,
//! "MaleficNet" (2022). CWE-506, CWE-1325.

use lazaret_core::Severity;

use super::{ModelRule, SUPPLY_CHAIN};

/// The rule.
pub(crate) static RULE: ModelRule = ModelRule::new(
    "weights.embedded-payload",
    Severity::Medium,
    "something is hidden in the numbers of a tensor",
    &[506, 1325],
    SUPPLY_CHAIN,
    include_str!("weights_embedded_payload.rs"),
);
