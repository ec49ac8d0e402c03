//! The bytes of a dataset lie in another file that the HDF5 file names, or a virtual dataset is put together of others.
//!
//! **Why it matters.** Reading the weights reads that file with the rights of whoever reads: any file of the host can be
//! made to look like weights, and leaves the host with the model.
//!
//! **Example.** A dataset `e` of four bytes, stored in `/etc/hostname` from byte 0 on.
//!
//! **How it is judged.** Critical where the name is absolute, climbs out of the folder, or is an address; high where it lies
//! beside the model. A virtual dataset of the file itself is quiet.
//!
//! **What to do.** Ask for one file with all weights in it.
//!
//! **References.** HDF5 File Format Specification 3.0, IV.A.2.h; CVE-2026-1669; CWE-610.

use lazaret_core::Severity;

use super::{ModelRule, SUPPLY_CHAIN};

/// The rule.
pub(crate) static RULE: ModelRule = ModelRule::new(
    "hdf5.external-storage",
    Severity::High,
    "an HDF5 dataset is stored in another file",
    &[73, 610],
    SUPPLY_CHAIN,
    include_str!("hdf5_external_storage.rs"),
);
