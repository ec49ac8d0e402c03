//! The formats of clinical records, one file or folder each.

pub mod csv;
pub mod fhir;
pub mod note;
pub mod opaque;
pub mod refused;
