//! The Hugging Face hub.
pub mod page;
pub mod route;
