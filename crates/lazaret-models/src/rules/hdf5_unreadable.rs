//! An HDF5 file has a structure that cannot be followed to its end: it points outside itself, goes in circles, is cut off,
//! uses a feature that is not read, or reaches a limit.
//!
//! **Why it matters.** Groups, links and attributes that are not reached may hold what the others do not. A file that
//! libraries read and inspectors do not is the usual way past an inspection.
//!
//! **Example.** A group whose symbol table lies behind the end of the file.
//!
//! **How it is judged.** Superblocks 0 to 3, object headers of both versions, groups of both kinds, attributes and links
//! however they are stored are followed; tensor data are never read.
//!
//! **What to do.** Write the file again with a current library (`h5repack`).
//!
//! **References.** HDF5 File Format Specification 3.0.

use lazaret_core::Severity;

use super::{ModelRule, SUPPLY_CHAIN};

/// The rule.
pub(crate) static RULE: ModelRule = ModelRule::new(
    "hdf5.unreadable",
    Severity::High,
    "an HDF5 file cannot be walked whole",
    &[20],
    SUPPLY_CHAIN,
    include_str!("hdf5_unreadable.rs"),
);
