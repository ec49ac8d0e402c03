//! A file of `torch.package` carries Python source beside its pickles.
//!
//! **Why it matters.** Loading a pickle of the package imports the modules that it names from the package itself: their
//! code runs. This is how the format works, and nothing limits what the code does.
//!
//! **How it is judged.** The source is judged as well; what it does is told by findings of its own.
//!
//! **What to do.** Read the source, or ask for the weights alone.
//!
//! **References.** PyTorch documentation, `torch.package` ("does not provide any security").

use lazaret_core::Severity;

use super::{ModelRule, RUNS_CODE};

/// The rule.
pub(crate) static RULE: ModelRule = ModelRule::new(
    "torch.package-code",
    Severity::High,
    "a PyTorch package carries Python source",
    &[94, 829],
    RUNS_CODE,
    include_str!("torch_package_code.rs"),
);
