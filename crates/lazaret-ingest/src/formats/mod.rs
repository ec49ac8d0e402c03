//! The formats of the ingest gate, one file or folder each.

pub mod csv;
