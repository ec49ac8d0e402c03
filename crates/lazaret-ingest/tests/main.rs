//! The tests of the ingest room, in one binary.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "helpers of tests fail loudly"
)]

#[path = "main/fhir.rs"]
mod fhir;
#[path = "main/fhir_table.rs"]
mod fhir_table;

#[path = "main/files.rs"]
mod files;
