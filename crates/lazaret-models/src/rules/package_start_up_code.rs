//! A package brings a file that Python runs at every start, once the package is installed.
//!
//! **Why it matters.** Nobody has to import the package: every program of that Python runs the code, with all rights of whoever
//! starts it. It is where implants are put that are to outlive the package's own use.
//!
//! **Example.** `x.pth` with a line that begins with `import`; `sitecustomize.py` at the top of a wheel.
//!
//! **How it is judged.** Of path files (`.pth`) the lines that begin with `import`; paths alone are no finding.
//!
//! **What to do.** Do not install the package, or have the line read by somebody.
//!
//! **References.** <https://docs.python.org/3/library/site.html>; MITRE ATT&CK T1546.018.

use lazaret_core::Severity;

use super::{ModelRule, RUNS_CODE};

/// The rule.
pub(crate) static RULE: ModelRule = ModelRule::new(
    "package.start-up-code",
    Severity::High,
    "a package brings code that Python runs at every start",
    &[829, 506],
    RUNS_CODE,
    include_str!("package_start_up_code.rs"),
);
