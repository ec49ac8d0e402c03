//! Decisions by Cedar policies.
//!
//! A policy says which forms a record may cross in: `Allow`, `Tokenise`, `Redact`, `Quarantine`. The engine asks
//! for them in this order and takes the first that is permitted; if none is, the record is blocked. Policies are
//! text, checked strictly against a schema before they are used: a policy set that exists is valid. The defaults
//! lie in `policies/`, are built in, and may be copied out and changed.
//!
//! | file | what is in it |
//! |---|---|
//! | `engine` | [`CedarPolicy`]: the policy port, decided by Cedar |
//! | `question` | [`Question`]: all that a policy may look at, as owned data |
//! | `cache` | answers given before |
//! | `embedded` | the schema, the default policies and the examples, as text |
//! | `load` | from files to a checked policy set, or to [`Diagnostic`]s |
//! | `nesting` | how deep a policy may be nested |
//! | `check` | what `lazaret policy check` says beyond what makes a set invalid |
//! | `explain` | why a verdict is what it is |
//! | `dry_run` | what another policy set would have decided |

mod cache;
mod check;
mod diagnostic;
mod dry_run;
mod embedded;
mod engine;
mod explain;
mod load;
mod nesting;
mod question;

pub use cache::MAX_CACHED;
pub use check::check;
pub use diagnostic::{Diagnostic, Level, PoliciesRefused};
pub use dry_run::{Difference, DryRun, Outcome, dry_run};
pub use embedded::{DEFAULTS, EXAMPLES, Embedded, SCHEMA};
pub use engine::{CedarPolicy, DEFAULT_DENY};
pub use explain::{Answer, Explanation};
pub use load::{Effect, MAX_POLICY_BYTES, MAX_POLICY_FILES, PolicyNote, PolicyText};
pub use nesting::{MAX_POLICY_DEPTH, MAX_POLICY_OPERATORS};
pub use question::{Question, Recorded, UnknownWord};

/// The limits of this room, sorted by key.
pub const LIMITS: &[lazaret_core::Limit] =
    &[MAX_CACHED, MAX_POLICY_DEPTH, MAX_POLICY_BYTES, MAX_POLICY_FILES, MAX_POLICY_OPERATORS];
