//! The road, with fakes for everything outside it.

#[path = "main/fakes.rs"]
mod fakes;
#[path = "main/invariants.rs"]
mod invariants;
#[path = "main/verdicts.rs"]
mod verdicts;
