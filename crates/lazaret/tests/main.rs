//! The binary as its user meets it, and the rules of the house.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    unreachable_pub,
    reason = "a test that breaks off is a failed test"
)]

#[path = "main/docs.rs"]
mod docs;
#[path = "main/house.rs"]
mod house;
