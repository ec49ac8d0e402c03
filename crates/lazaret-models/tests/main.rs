//! What model files are said to be and to do.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail loudly")]

mod main {
    mod archives;
    mod cases;
    mod corpus;
    mod fixtures;
    mod graphs;
    mod hidden;
    mod inside;
    mod vulnerabilities;
}
