//! The tests of the ingest room, in one binary.

#[path = "main/fhir_table.rs"]
mod fhir_table;

#[path = "main/fhir.rs"]
mod fhir;
