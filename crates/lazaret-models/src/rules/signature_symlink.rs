//! A file that the signature names is a link, or a folder on the way to it is one.
//!
//! **Why it matters.** A link can lead anywhere on the machine, and to another place tomorrow: what is hashed now need not be what
//! is loaded later.
//!
//! **Example.** `weights.bin` leads to `/mnt/shared/weights.bin`, which others can write.
//!
//! **How it is judged.** Links to files are followed where the caller says so (`--allow-symlinks`), whatever the signature says:
//! it is the signer's, and the link is in your file system. Links to folders never are.
//!
//! **What to do.** Copy the file into the model, or check again with `--allow-symlinks` if you know where the link leads.
//!
//! **References.** OpenSSF Model Signing 1.0, `allow_symlinks`; CWE-59.

use lazaret_core::Severity;

use super::{ModelRule, SUPPLY_CHAIN};

/// The rule.
pub(crate) static RULE: ModelRule = ModelRule::new(
    "signature.symlink",
    Severity::High,
    "a signed file is a link",
    &[59],
    SUPPLY_CHAIN,
    include_str!("signature_symlink.rs"),
);
