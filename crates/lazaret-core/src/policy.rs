//! The policy port: decides over a crossing and what was found in one record.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::{Crossing, Kind, Sensitivity, Severity, Verdict};

/// What a policy may look at of one record's findings. Small and ordered, so that decisions can be cached by it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct FindingSummary {
    /// Rule ids of the faults.
    pub rules: BTreeSet<&'static str>,
    /// The highest severity among the faults.
    pub highest: Option<Severity>,
    /// Kinds of identifier found.
    pub labels: BTreeSet<Kind>,
    /// Special protection the record claims.
    pub sensitivity: BTreeSet<Sensitivity>,
    /// The kind of record: `Patient`, `note`, `csv-row`. A word of the format, never of the data.
    pub record_kind: String,
}

/// What the policy decided, and which of its policies did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decision {
    /// The least intrusive verdict permitted.
    pub verdict: Verdict,
    /// The ids of the policies that decided.
    pub policies: Arc<[String]>,
}

/// The policy could not decide. Nothing crosses.
#[derive(Debug, thiserror::Error)]
#[error("the policy could not decide: {reason}")]
pub struct PolicyError {
    /// Why, without data.
    pub reason: String,
}

/// Decides which verdicts are permitted.
pub trait Policy: Send + Sync {
    /// The least intrusive verdict permitted for this record.
    fn decide(&self, crossing: &Crossing, findings: &FindingSummary) -> Result<Decision, PolicyError>;

    /// Names the policy set in receipts: a digest over its text.
    fn version(&self) -> String;
}
