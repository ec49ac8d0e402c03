//! The settings by which a package of Python is built have code run that lies in its own folder, or name a build system that
//! nobody has listed.
//!
//! **Why it matters.** Who installs the model's package from its folder (`pip install .`) builds it, and this code runs then
//! with all their rights, before anything of the model is loaded.
//!
//! **Example.** `build-backend` with `backend-path` in `pyproject.toml`; `cmdclass` in `setup.cfg`.
//!
//! **How it is judged.** High for code that runs at each build; medium for a build system that is in no list of the usual ones;
//! low for `version = attr: …`, which setuptools reads from the source and imports only where it cannot. The source is judged
//! where it lies; what the build system's own package does is not looked at.
//!
//! **What to do.** Do not build the package from its folder, or have the code read by somebody.
//!
//! **References.** PEP 517 (in-tree build backends); setuptools documentation, "Configuring setuptools". CWE-829.

use lazaret_core::Severity;

use super::{ModelRule, RUNS_CODE};

/// The rule.
pub(crate) static RULE: ModelRule = ModelRule::new(
    "package.build-code",
    Severity::High,
    "building the package runs code of its folder",
    &[829],
    RUNS_CODE,
    include_str!("package_build_code.rs"),
);
