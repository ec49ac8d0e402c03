//! A file of a wheel is not the one in the wheel's own list of files (`RECORD`), or is not in it.
//!
//! **Why it matters.** The list is written when the wheel is built. A file that differs from it was changed or added later. Installers
//! do not look.
//!
//! **Example.** `name/__init__.py` with another SHA-256 than `name-1.0.dist-info/RECORD` has.
//!
//! **How it is judged.** The SHA-256 of every file, where the list has one; the list itself and its signatures are not in it.
//!
//! **What to do.** Take the package from its publisher anew, by the digest that the publisher names.
//!
//! **References.** <https://packaging.python.org/specifications/binary-distribution-format/>.

use lazaret_core::Severity;

use super::{ModelRule, SUPPLY_CHAIN};

/// The rule.
pub(crate) static RULE: ModelRule = ModelRule::new(
    "package.record-mismatch",
    Severity::Medium,
    "a file of a wheel is not as the wheel's own list has it",
    &[345, 354],
    SUPPLY_CHAIN,
    include_str!("package_record_mismatch.rs"),
);
