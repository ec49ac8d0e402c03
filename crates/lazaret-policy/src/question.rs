//! All that a policy may look at, as owned data: of a crossing under way, or of one recorded long ago.

use std::collections::BTreeSet;

use lazaret_core::{Actor, Basis, Crossing, FindingSummary, Gate, Kind, Mode, Purpose, Recipient};
use lazaret_core::{Sensitivity, Severity};
use serde::Serialize;

/// What is asked of the policy about one record.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize)]
pub struct Question {
    /// Who sends.
    pub actor: Actor,
    /// Through which gate.
    pub gate: Gate,
    /// The destination's configured name.
    pub to: String,
    /// Who receives there.
    pub recipient: Recipient,
    /// The route's configured name.
    pub route: String,
    /// For what.
    pub purpose: Purpose,
    /// On which basis.
    pub basis: Basis,
    /// Whether the verdict is enforced.
    pub mode: Mode,
    /// Whether the route was declared care-critical.
    pub care_critical: bool,
    /// Ids of the rules with a finding.
    pub rules: BTreeSet<String>,
    /// The highest severity among the findings.
    pub highest: Option<Severity>,
    /// Kinds of identifier found.
    pub labels: BTreeSet<Kind>,
    /// Special protection the record claims.
    pub sensitivity: BTreeSet<Sensitivity>,
    /// The kind of record; empty if it could not be read.
    pub record_kind: String,
}

impl From<(&Crossing, &FindingSummary)> for Question {
    fn from((crossing, findings): (&Crossing, &FindingSummary)) -> Self {
        Self {
            actor: crossing.actor.clone(),
            gate: crossing.gate,
            to: crossing.to.clone(),
            recipient: crossing.recipient,
            route: crossing.route.clone(),
            purpose: crossing.purpose.clone(),
            basis: crossing.basis,
            mode: crossing.mode,
            care_critical: crossing.care_critical.is_some(),
            rules: findings.rules.iter().map(|rule| (*rule).to_owned()).collect(),
            highest: findings.highest,
            labels: findings.labels.clone(),
            sensitivity: findings.sensitivity.clone(),
            record_kind: findings.record_kind.clone(),
        }
    }
}

impl Question {
    /// Whether this is the question that [`From`] would make, without making it.
    pub(crate) fn is_of(&self, crossing: &Crossing, findings: &FindingSummary) -> bool {
        self.actor == crossing.actor
            && self.gate == crossing.gate
            && self.to == crossing.to
            && self.recipient == crossing.recipient
            && self.route == crossing.route
            && self.purpose == crossing.purpose
            && self.basis == crossing.basis
            && self.mode == crossing.mode
            && self.care_critical == crossing.care_critical.is_some()
            && self.highest == findings.highest
            && self.record_kind == findings.record_kind
            && self.labels == findings.labels
            && self.sensitivity == findings.sensitivity
            && self.rules.len() == findings.rules.len()
            && self.rules.iter().map(String::as_str).eq(findings.rules.iter().copied())
    }

    /// The research protocol's number; empty for other purposes.
    pub(crate) fn protocol(&self) -> &str {
        match &self.purpose {
            Purpose::Research { protocol } => protocol,
            _ => "",
        }
    }
}

/// A severity as the number policies compare: 0 none, 1 info, 2 low, 3 medium, 4 high, 5 critical.
pub(crate) const fn rank(severity: Option<Severity>) -> i64 {
    match severity {
        None => 0,
        Some(Severity::Info) => 1,
        Some(Severity::Low) => 2,
        Some(Severity::Medium) => 3,
        Some(Severity::High) => 4,
        Some(Severity::Critical) => 5,
    }
}

/// The word of a recipient, as the schema has it.
pub(crate) const fn recipient(recipient: Recipient) -> &'static str {
    match recipient {
        Recipient::Internal => "internal",
        Recipient::BusinessAssociate => "business-associate",
        Recipient::Public => "public",
    }
}

/// The word of a mode, as the schema has it.
pub(crate) const fn mode(mode: Mode) -> &'static str {
    match mode {
        Mode::Observe => "observe",
        Mode::Enforce => "enforce",
    }
}
