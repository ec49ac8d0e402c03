//! The readers against the cases in `testdata`, against arbitrary bytes, and against mutated seeds.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail loudly")]

#[path = "main/decompress.rs"]
mod decompress;
#[path = "main/json.rs"]
mod json;
#[path = "main/testdata.rs"]
mod testdata;
#[path = "main/xml.rs"]
mod xml;
