//! A text in a configuration has the shape of a key, token, password or private key of a known service, or a key that
//! names one holds a value that looks like one.
//!
//! **Why it matters.** Whoever gets the model gets the access. The secret of a stranger in your registry is a matter of
//! law, too.
//!
//! **Example.** `"api_key": "sk-…"`.
//!
//! **How it is judged.** By the fixed shapes that services give their tokens (high), and by names of keys together with
//! values that are no placeholder (medium). The value is never shown.
//!
//! **What to do.** Tell the owner, who has to revoke it; remove it from the file.
//!
//! **References.** <https://cwe.mitre.org/data/definitions/798.html>;
//! <https://docs.github.com/en/code-security/secret-scanning/introduction/supported-secret-scanning-patterns>.

use lazaret_core::Severity;

use super::ModelRule;

/// The rule.
pub(crate) static RULE: ModelRule = ModelRule::new(
    "config.secret",
    Severity::Medium,
    "a configuration holds a secret",
    &[798, 540],
    &["AML.T0055"],
    include_str!("config_secret.rs"),
);
