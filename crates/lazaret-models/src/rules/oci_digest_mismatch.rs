//! A manifest or index of OCI names a blob by its digest and size, and the blob beside it in the layout, or the bytes written
//! into the manifest itself, are others.
//!
//! **Why it matters.** The digest is what was signed, scanned and allowed. A loader that does not compute it takes the other
//! bytes.
//!
//! **Example.** `"digest": "sha256:aaa…"` over a blob `blobs/sha256/aaa…` that somebody exchanged.
//!
//! **How it is judged.** In a folder with the layout of OCI (`blobs/sha256/…`) each blob that a manifest names is read and
//! its SHA-256 computed. A blob that is not there is no finding: a registry may hold it.
//!
//! **What to do.** Fetch the image or artifact again from its source, and ask what changed it.
//!
//! **References.** <https://github.com/opencontainers/image-spec/blob/main/descriptor.md>. CWE-354.

use lazaret_core::Severity;

use super::{ModelRule, SUPPLY_CHAIN};

/// The rule.
pub(crate) static RULE: ModelRule = ModelRule::new(
    "oci.digest-mismatch",
    Severity::High,
    "a blob is not the one that its manifest names",
    &[354],
    SUPPLY_CHAIN,
    include_str!("oci_digest_mismatch.rs"),
);
