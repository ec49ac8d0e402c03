//! A member is encrypted, so that nobody without its password can look into it; or a flag says so and it is not.
//!
//! **Why it matters.** What cannot be read was not inspected. A flag that lies makes scanners pass the member by while
//! loaders that do not look at the flag read it.
//!
//! **Example.** A torch file with the encryption bit set on `data.pkl`: `torch.load` reads it all the same.
//!
//! **How it is judged.** A member whose bytes have the size and the CRC that the archive says is not encrypted: it is
//! looked at.
//!
//! **What to do.** Ask the sender for the file without encryption.
//!
//! **References.** CVE-2025-1945.

use lazaret_core::Severity;

use super::{ModelRule, SUPPLY_CHAIN};

/// The rule.
pub(crate) static RULE: ModelRule = ModelRule::new(
    "archive.encrypted",
    Severity::High,
    "a member is encrypted, or says so",
    &[311, 436],
    SUPPLY_CHAIN,
    include_str!("archive_encrypted.rs"),
);
