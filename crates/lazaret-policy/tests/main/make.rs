//! Crossings, findings and policies for tests.

use std::sync::LazyLock;

use lazaret_core::{
    Actor, Basis, CareCritical, Crossing, CrossingId, FindingSummary, Gate, Kind, Mode, Purpose, Random,
    RandomError, Recipient, Sensitive, Sensitivity, Severity, Timestamp,
};
use lazaret_policy::{CedarPolicy, PoliciesRefused, PolicyText, Question};

struct Zeros;

impl Random for Zeros {
    fn fill(&self, buffer: &mut [u8]) -> Result<(), RandomError> {
        buffer.fill(0);
        Ok(())
    }
}

/// An ordinary crossing into the lake.
pub(crate) fn crossing() -> Crossing {
    Crossing {
        id: CrossingId::new(Timestamp::from_millis(1), &Zeros).unwrap(),
        actor: Actor { id: "etl".into(), role: "pipeline".into() },
        gate: Gate::Ingest,
        from: Sensitive::new("patients.ndjson".into()),
        system: "ehr".into(),
        to: "lake".into(),
        to_id: None,
        recipient: Recipient::Internal,
        route: "nightly".into(),
        purpose: Purpose::Operations,
        basis: Basis::SafeHarbor,
        started: Timestamp::from_millis(1),
        exchange: None,
        mode: Mode::Enforce,
        care_critical: None,
        override_by: None,
        order: None,
        model: None,
    }
}

/// A care-critical declaration.
pub(crate) fn care_critical() -> Option<CareCritical> {
    CareCritical::declared("a.reyes", "m.osei")
}

/// Findings of a patient record.
pub(crate) fn findings(
    highest: Option<Severity>,
    labels: &[Kind],
    sensitivity: &[Sensitivity],
) -> FindingSummary {
    FindingSummary {
        rules: highest.map(|_| "fhir.type").into_iter().collect(),
        highest,
        labels: labels.iter().copied().collect(),
        sensitivity: sensitivity.iter().copied().collect(),
        record_kind: "Patient".into(),
    }
}

/// The question about an ordinary crossing with these findings.
pub(crate) fn question(findings: &FindingSummary) -> Question {
    Question::from((&crossing(), findings))
}

/// The default policies, made once.
pub(crate) fn embedded() -> &'static CedarPolicy {
    static EMBEDDED: LazyLock<CedarPolicy> = LazyLock::new(|| CedarPolicy::embedded().unwrap());
    &EMBEDDED
}

/// Policies of one file `p.cedar`.
pub(crate) fn policies(text: &str) -> Result<CedarPolicy, PoliciesRefused> {
    CedarPolicy::from_texts(&[PolicyText { name: "p.cedar".into(), text: text.into() }])
}

/// The default policies with more files.
pub(crate) fn defaults_and(more: &[(&str, &str)]) -> CedarPolicy {
    let defaults = lazaret_policy::DEFAULTS.iter().map(|file| (file.name, file.text));
    let texts: Vec<_> = defaults
        .chain(more.iter().copied())
        .map(|(name, text)| PolicyText { name: name.into(), text: text.into() })
        .collect();
    CedarPolicy::from_texts(&texts).unwrap()
}

/// No finding, then every severity.
pub(crate) const SEVERITIES: [Option<Severity>; 6] = [
    None,
    Some(Severity::Info),
    Some(Severity::Low),
    Some(Severity::Medium),
    Some(Severity::High),
    Some(Severity::Critical),
];

/// All three recipients.
pub(crate) const RECIPIENTS: [Recipient; 3] =
    [Recipient::Internal, Recipient::BusinessAssociate, Recipient::Public];

/// All six kinds of special protection.
pub(crate) const SENSITIVITIES: [Sensitivity; 6] = [
    Sensitivity::Part2,
    Sensitivity::Psychotherapy,
    Sensitivity::Hiv,
    Sensitivity::Genetic,
    Sensitivity::Minor,
    Sensitivity::Restricted,
];
