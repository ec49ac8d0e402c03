//! The formats, one file or folder each.

pub(crate) mod json;
pub(crate) mod pickle;
pub(crate) mod zip;
