//! The readers against the cases in `testdata`, against arbitrary bytes, and against mutated seeds.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "helpers of tests fail loudly")]

#[path = "main/decompress.rs"]
mod decompress;
#[path = "main/json.rs"]
mod json;
#[path = "main/mutations.rs"]
mod mutations;
#[path = "main/testdata.rs"]
mod testdata;
#[path = "main/xml.rs"]
mod xml;
