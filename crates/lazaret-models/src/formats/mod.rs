//! The formats, one file or folder each.

pub(crate) mod hdf5;
pub(crate) mod hydra;
pub(crate) mod json;
pub(crate) mod keras;
pub(crate) mod mlflow;
pub(crate) mod msgpack;
pub(crate) mod names;
pub(crate) mod pickle;
pub(crate) mod plain_text;
pub(crate) mod rds;
pub(crate) mod skops;
pub(crate) mod trees;
pub(crate) mod ubjson;
pub(crate) mod yaml;
pub(crate) mod zip;
