//! The formats of clinical records, one file or folder each.

#![deny(
    clippy::arithmetic_side_effects,
    reason = "offsets come from the input: they are checked or saturate"
)]
#![cfg_attr(
    test,
    allow(clippy::arithmetic_side_effects, clippy::allow_attributes, reason = "a test may break off")
)]

pub mod csv;
pub mod fhir;
pub mod note;
mod one;
pub mod opaque;
pub mod refused;
