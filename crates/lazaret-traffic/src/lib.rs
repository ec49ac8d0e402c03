//! Proxies on the way of model updates: who in the house asks a hub, an index of packages, a registry of images or a
//! server of files for a model asks here, and is given only what the checkpoint cleared.
//!
//! A file is fetched into a private spool, inspected, decided and recorded, and leaves by one road: out of the folder of
//! cleared blobs. One that is held or blocked never leaves, not one byte of it; the client is told why, with the receipt.
//!
//! | folder | what is in it |
//! |---|---|
//! | `admission` | what asks before a workload with a model runs (Kubernetes) |
//! | `net` | the plumbing: asking other servers, answering with files |
//! | `updates` | the proxies: one file each, and what they share |
//! | `registry` | the limits of this room |

#![deny(clippy::arithmetic_side_effects, reason = "lengths and offsets come from other servers")]
#![cfg_attr(
    test,
    allow(clippy::arithmetic_side_effects, clippy::allow_attributes, reason = "a test may break off")
)]

pub mod admission;
pub mod net;
mod registry;
pub mod updates;

pub use registry::LIMITS;
