//! Known faults of the packages that a model names: databases in the OSV format, versions compared as their ecosystems do,
//! and what somebody who answers for it says (VEX). Nothing is fetched: the database is a file that was imported.
//!
//! | file | what is in it |
//! |---|---|
//! | `osv`, `import` | one record, and the files in which records are published |
//! | `versions` | the order of versions (PEP 440, SemVer, R), and what requirements allow |
//! | `affected` | whether a version, or what a requirement allows, has a fault |
//! | `severity` | how grave it is |
//! | `advisories` | records of one fault joined, its id for good, its fingerprint |
//! | `vex` | statements: read, and written |
//! | `check` | the components of a file against all of it: the findings |

mod advisories;
mod affected;
mod check;
mod import;
mod osv;
mod severity;
mod versions;
mod vex;

pub use advisories::{Advisory, Joined, MAX_NAMES, Named, fingerprint, join};
pub use affected::{ranges_in_words, version_has};
pub use check::{Advisories, AdvisoriesError, Checked, Concern, MAX_MATCHES, Match, Said, check};
pub use import::{ImportError, MAX_DOCUMENT, MAX_RECORDS, Taken, read_records};
pub use osv::{
    Affected, Event, MAX_AFFECTED, MAX_ALIASES, MAX_EVENTS, MAX_RECORD, OsvError, Range, RangeKind, Record,
    compared_name,
};
pub use severity::{Graveness, graveness, score};
pub use versions::{compare_versions, requirement_holds};
pub use vex::{
    MAX_STATEMENTS, MAX_VEX, Product, Statement, Status, VexDocument, VexError, VexFormat, VexHead, write_vex,
};

/// What a requirement of Python allows; nothing if it is none.
pub(crate) fn specifiers(text: &str) -> Option<versions::specifier::Specifiers> {
    versions::specifier::Specifiers::parse(text)
}
