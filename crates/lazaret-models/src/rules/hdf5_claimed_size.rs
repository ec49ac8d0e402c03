//! The shape of a dataset asks for far more memory than its file has bytes, or for more than its storage holds.
//!
//! **Why it matters.** A loader allocates by the shape before it reads: a file of some kilobytes takes all memory of the
//! host.
//!
//! **Example.** A dataset of 2^40 numbers in a file of 7 KB.
//!
//! **How it is judged.** Above 256 MiB, a dataset may claim at most a thousand times the length of its file.
//!
//! **What to do.** Ask for the model again; real weights are stored.
//!
//! **References.** CWE-789; CWE-400.

use lazaret_core::Severity;

use super::{ModelRule, SUPPLY_CHAIN};

/// The rule.
pub(crate) static RULE: ModelRule = ModelRule::new(
    "hdf5.claimed-size",
    Severity::High,
    "an HDF5 dataset claims more than the file can hold",
    &[789, 400],
    SUPPLY_CHAIN,
    include_str!("hdf5_claimed_size.rs"),
);
