//! The ledger as others use it.

#[path = "main/support.rs"]
mod support;

#[path = "main/ledger.rs"]
mod ledger;
#[path = "main/vectors.rs"]
mod vectors;
