//! The formats of clinical records, one room each.

pub mod fhir;
