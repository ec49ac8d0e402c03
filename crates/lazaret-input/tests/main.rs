//! The readers against the cases in `testdata` and against arbitrary bytes; changed seeds are replayed in
//! `crates/lazaret/tests/main/fuzz.rs`.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail loudly")]

#[path = "main/archive.rs"]
mod archive;
#[path = "main/decompress.rs"]
mod decompress;
#[path = "main/json.rs"]
mod json;
#[path = "main/testdata.rs"]
mod testdata;
#[path = "main/xml.rs"]
mod xml;
