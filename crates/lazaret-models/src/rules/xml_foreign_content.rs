//! A model written as XML names code or files that are not in it.
//!
//! **Why it matters.** Some evaluators of PMML load a class by the name of a function that they do not know: the document
//! picks code of the host. `XInclude` puts any file of the host, or what an address answers, into the document. A script waits
//! for a program that shows the document.
//!
//! **Example.** `<Apply function="com.example.Exec">`; `<xi:include href="file:///etc/hostname"/>`.
//!
//! **How it is judged.** Functions whose names have the form of a class and that the document does not define itself, and
//! elements called `script`: high. Inclusion: critical.
//!
//! **What to do.** Ask the maker for a document that stands on its own.
//!
//! **References.** CWE-470, CWE-610, CWE-829; <https://www.w3.org/TR/xinclude/>.

use lazaret_core::Severity;

use super::{ModelRule, RUNS_CODE};

/// The rule.
pub(crate) static RULE: ModelRule = ModelRule::new(
    "xml.foreign-content",
    Severity::High,
    "a model written as XML names code or files that are not in it",
    &[470, 610, 829],
    RUNS_CODE,
    include_str!("xml_foreign_content.rs"),
);
