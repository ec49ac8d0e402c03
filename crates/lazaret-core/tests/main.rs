//! The road, with fakes for everything outside it.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    unreachable_pub,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::unnecessary_literal_bound,
    reason = "a test that breaks off is a failed test; fakes keep the signatures of what they stand for"
)]

#[path = "main/fakes.rs"]
mod fakes;
#[path = "main/invariants.rs"]
mod invariants;
#[path = "main/numbers.rs"]
mod numbers;
#[path = "main/verdicts.rs"]
mod verdicts;
