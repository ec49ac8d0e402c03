//! One file a page.

pub(crate) mod assets;
pub(crate) mod bom;
pub(crate) mod crossing;
pub(crate) mod crossings;
pub(crate) mod datasets;
pub(crate) mod file;
pub(crate) mod health;
pub(crate) mod held;
mod inside;
pub(crate) mod lineage;
pub(crate) mod model;
pub(crate) mod models;
mod picture;
pub(crate) mod quarantine;
pub(crate) mod records;
