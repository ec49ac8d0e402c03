//! The formats, one file or folder each.

pub(crate) mod json;
pub(crate) mod numpy;
pub(crate) mod pickle;
pub(crate) mod python;
pub(crate) mod requirements;
pub(crate) mod template;
pub(crate) mod text;
pub(crate) mod zip;
