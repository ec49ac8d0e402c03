//! Exponents of a tensor's numbers are equally frequent in pairs that differ in the lowest bit, while neighbouring pairs are
//! not: all bits but the highest of each number look replaced. Read only with `--weights`.
//!
//! **Why it matters.** EvilModel replaces the three low bytes of each binary32 number and keeps sign and high exponent, which
//! keeps the size of each weight. The payload may be encrypted: its place tells it.
//!
//! **Example.** A layer into which a program was written with `struct.pack('>f', w)[0:1] + payload[i:i+3]`.
//!
//! **How it is judged.** binary32 and bfloat16, in stretches of 8,192 numbers: at least three pairs of exponents with 64
//! numbers or more, whose difference is that of chance (2.5 at most, squared and over the sum), with a difference between
//! neighbouring pairs that is not (20 at least).
//!
//! **What it does not find.** Replaced low bytes that do not reach the exponent: one or two of binary32, one of binary16.
//!
//! **What to do.** Ask for the model from its first source and compare.
//!
//! **References.** Wang et al., "EvilModel" (2021); Westfeld and Pfitzmann, "Attacks on Steganographic Systems" (1999), for
//! pairs of values. CWE-506.

use lazaret_core::Severity;

use super::{ModelRule, SUPPLY_CHAIN};

/// The rule.
pub(crate) static RULE: ModelRule = ModelRule::new(
    "weights.replaced-bytes",
    Severity::Medium,
    "the low bytes of numbers look replaced",
    &[506],
    SUPPLY_CHAIN,
    include_str!("weights_replaced_bytes.rs"),
);
