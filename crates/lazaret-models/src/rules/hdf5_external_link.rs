//! A group of an HDF5 file has a link whose target is an object in another file.
//!
//! **Why it matters.** Reading the model opens that file with the rights of whoever reads. What it holds becomes part of
//! the model, and leaves with it.
//!
//! **Example.** A link `ext` to `/x` in the file `/etc/hostname`.
//!
//! **How it is judged.** Critical where the name of the file is absolute, climbs out of the folder, or is an address; high
//! where it lies beside the model.
//!
//! **What to do.** Ask for one file with all weights in it.
//!
//! **References.** HDF5 File Format Specification 3.0, IV.A.2.g; CVE-2026-1669 (Keras weights); CWE-610.

use lazaret_core::Severity;

use super::{ModelRule, SUPPLY_CHAIN};

/// The rule.
pub(crate) static RULE: ModelRule = ModelRule::new(
    "hdf5.external-link",
    Severity::High,
    "an HDF5 file links to another file",
    &[73, 610],
    SUPPLY_CHAIN,
    include_str!("hdf5_external_link.rs"),
);
