//! What model files are said to be and to do.

#[path = "main/graphs.rs"]
mod graphs;
