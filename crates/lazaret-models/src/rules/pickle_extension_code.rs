//! EXT1, EXT2 and EXT4 load what `copyreg.add_extension` of the loading process registered under a number.
//!
//! **Why it matters.** What the number stands for cannot be told from the file: on another machine it is another
//! function.
//!
//! **Example.** `\x82\x01.`
//!
//! **What to do.** Ask for a file without extension codes; hardly any library writes them.

use lazaret_core::Severity;

use super::{ModelRule, RUNS_CODE};

/// The rule.
pub(crate) static RULE: ModelRule = ModelRule::new(
    "pickle.extension-code",
    Severity::Medium,
    "a pickle names a function by a number that only the loading process knows",
    &[502],
    RUNS_CODE,
    include_str!("pickle_extension_code.rs"),
);
