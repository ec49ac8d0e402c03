//! The binary as its user meets it, and the rules of the house.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::disallowed_methods,
    reason = "a test that breaks off is a failed test; what it reads is its own"
)]

#[path = "main/canary.rs"]
mod canary;
#[path = "main/cli.rs"]
mod cli;
#[path = "main/console.rs"]
mod console;
#[path = "main/docs.rs"]
mod docs;
#[path = "main/house.rs"]
mod house;
#[path = "main/keys_export.rs"]
mod keys_export;
#[path = "main/killed.rs"]
mod killed;
#[cfg(target_os = "linux")]
#[path = "main/power.rs"]
mod power;
#[path = "main/reference.rs"]
mod reference;
