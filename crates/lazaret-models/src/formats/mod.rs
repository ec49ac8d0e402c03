//! The formats, one file or folder each.

mod archive;
pub(crate) mod executable;
pub(crate) mod json;
pub(crate) mod packed;
pub(crate) mod pickle;
pub(crate) mod sevenz;
pub(crate) mod tar;
pub(crate) mod zip;
