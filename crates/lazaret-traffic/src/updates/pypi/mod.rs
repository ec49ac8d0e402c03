//! A simple index.
pub mod html;
pub mod simple;
