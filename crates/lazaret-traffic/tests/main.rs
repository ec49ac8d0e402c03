//! The proxies, asked as clients ask them, before servers that behave and servers that do not.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::string_slice,
    reason = "helpers of tests fail loudly"
)]

mod main {
    mod admission;
    mod client;
    mod house;
    mod hub;
    mod hugging_face;
    mod mlflow;
    mod oci;
    mod packages;
    mod registry;
}
