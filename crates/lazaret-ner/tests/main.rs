//! The model as the scanner meets it: folders opened and refused, texts read.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    reason = "a test that breaks off is a failed test; what it reads is its own"
)]

#[path = "main/folder.rs"]
mod folder;
#[path = "main/text.rs"]
mod text;
#[path = "main/tiny.rs"]
mod tiny;
