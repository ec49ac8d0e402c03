//! Two places of an archive say different things of one member or of the archive: its directory and a local header, two
//! directories, two end records, a CRC or a length and the bytes themselves.
//!
//! **Why it matters.** Readers believe different places. The scanner that believes one sees an innocent file, the loader
//! that believes the other runs what is really there.
//!
//! **Example.** The directory calls a member `data.pkl`, its local header `data.txt`; an end record stands in the comment
//! of another.
//!
//! **How it is judged.** Every local header is compared with the directory, every member of every directory that a
//! reader could take is looked at. What the bytes of a member look like is no evidence: records count only outside of
//! all members. Sizes of 0 in the local header of a member that was written as a stream are no fault.
//!
//! **What to do.** Ask the sender for a file written by an ordinary tool.
//!
//! **References.** APPNOTE 6.3.10, 4.3 and 4.4; CVE-2025-1944, CVE-2025-1945, CVE-2025-10156.

use lazaret_core::Severity;

use super::{ModelRule, SUPPLY_CHAIN};

/// The rule.
pub(crate) static RULE: ModelRule = ModelRule::new(
    "archive.header-mismatch",
    Severity::High,
    "headers of an archive disagree",
    &[436, 345],
    SUPPLY_CHAIN,
    include_str!("archive_header_mismatch.rs"),
);
