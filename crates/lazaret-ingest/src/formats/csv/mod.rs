//! CSV by RFC 4180, with a schema.
pub(crate) mod schema;
pub(crate) mod split;
pub use schema::{Column, MAX_COLUMNS, Schema, SchemaError, Type};
