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

/// The words in which a ledger keeps an opened receipt and one record's entry.
#[derive(Debug, Clone, Copy)]
pub struct Recorded<'a> {
    /// The actor's id.
    pub actor: &'a str,
    /// The actor's role.
    pub role: &'a str,
    /// `ingest`.
    pub gate: &'a str,
    /// The destination's configured name.
    pub to: &'a str,
    /// `internal`.
    pub recipient: &'a str,
    /// The route's configured name.
    pub route: &'a str,
    /// `operations`, `research:P-7`.
    pub purpose: &'a str,
    /// `safe-harbor`.
    pub basis: &'a str,
    /// `enforce`.
    pub mode: &'a str,
    /// Whether the route was declared care-critical.
    pub care_critical: bool,
    /// Rule id and severity of each finding.
    pub findings: &'a [(&'a str, &'a str)],
    /// Labels found, with or without sub-label: `NAME.patient`.
    pub labels: &'a [&'a str],
    /// Special protection claimed.
    pub sensitivity: &'a [&'a str],
    /// The kind of record.
    pub kind: &'a str,
}

/// A recorded word that this version does not know.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{word}` is no {what} this version knows: the entry was recorded by another version of lazaret")]
pub struct UnknownWord {
    /// What it should be.
    pub what: &'static str,
    /// The word.
    pub word: String,
}

impl TryFrom<Recorded<'_>> for Question {
    type Error = UnknownWord;

    fn try_from(recorded: Recorded<'_>) -> Result<Self, UnknownWord> {
        let findings = recorded.findings;
        let severities: Vec<_> = findings
            .iter()
            .map(|(_, word)| one_of("severity", word, SEVERITIES, Severity::name))
            .collect::<Result<_, _>>()?;
        let kind = |label: &&str| label.split_once('.').map_or(*label, |(kind, _)| kind).to_owned();
        Ok(Self {
            actor: Actor { id: recorded.actor.to_owned(), role: recorded.role.to_owned() },
            gate: one_of("gate", recorded.gate, GATES, Gate::name)?,
            to: recorded.to.to_owned(),
            recipient: one_of("recipient", recorded.recipient, RECIPIENTS, recipient)?,
            route: recorded.route.to_owned(),
            purpose: Purpose::parse(recorded.purpose)
                .ok_or_else(|| UnknownWord { what: "purpose", word: recorded.purpose.to_owned() })?,
            basis: one_of("basis", recorded.basis, Basis::ALL, Basis::name)?,
            mode: one_of("mode", recorded.mode, [Mode::Observe, Mode::Enforce], mode)?,
            care_critical: recorded.care_critical,
            rules: findings.iter().map(|(rule, _)| (*rule).to_owned()).collect(),
            highest: severities.into_iter().max(),
            labels: recorded
                .labels
                .iter()
                .map(|label| one_of("label", &kind(label), Kind::ALL, Kind::name))
                .collect::<Result<_, _>>()?,
            sensitivity: recorded
                .sensitivity
                .iter()
                .map(|word| one_of("sensitivity", word, SENSITIVITIES, Sensitivity::name))
                .collect::<Result<_, _>>()?,
            record_kind: recorded.kind.to_owned(),
        })
    }
}

const GATES: [Gate; 5] = [Gate::Ingest, Gate::Models, Gate::Traffic, Gate::Release, Gate::Posture];
const RECIPIENTS: [Recipient; 3] = [Recipient::Internal, Recipient::BusinessAssociate, Recipient::Public];
const SEVERITIES: [Severity; 5] =
    [Severity::Info, Severity::Low, Severity::Medium, Severity::High, Severity::Critical];
const SENSITIVITIES: [Sensitivity; 6] = [
    Sensitivity::Part2,
    Sensitivity::Psychotherapy,
    Sensitivity::Hiv,
    Sensitivity::Genetic,
    Sensitivity::Minor,
    Sensitivity::Restricted,
];

fn one_of<T: Copy>(
    what: &'static str,
    word: &str,
    all: impl IntoIterator<Item = T>,
    name: impl Fn(T) -> &'static str,
) -> Result<T, UnknownWord> {
    all.into_iter()
        .find(|known| name(*known) == word)
        .ok_or_else(|| UnknownWord { what, word: word.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    const RECORDED: Recorded<'_> = Recorded {
        actor: "etl",
        role: "pipeline",
        gate: "ingest",
        to: "lake",
        recipient: "business-associate",
        route: "nightly",
        purpose: "research:P-7",
        basis: "limited-data-set",
        mode: "observe",
        care_critical: true,
        findings: &[("csv.formula", "low"), ("fhir.type", "high")],
        labels: &["NAME.patient", "NAME.provider", "MRN"],
        sensitivity: &["hiv"],
        kind: "Patient",
    };

    #[test]
    fn a_recorded_entry_gives_the_question_that_was_asked() {
        let question = Question::try_from(RECORDED).unwrap();
        let wanted = Question {
            actor: Actor { id: "etl".into(), role: "pipeline".into() },
            gate: Gate::Ingest,
            to: "lake".into(),
            recipient: Recipient::BusinessAssociate,
            route: "nightly".into(),
            purpose: Purpose::Research { protocol: "P-7".into() },
            basis: Basis::LimitedDataSet,
            mode: Mode::Observe,
            care_critical: true,
            rules: ["csv.formula".into(), "fhir.type".into()].into(),
            highest: Some(Severity::High),
            labels: [Kind::Name, Kind::Mrn].into(),
            sensitivity: [Sensitivity::Hiv].into(),
            record_kind: "Patient".into(),
        };
        assert_eq!(question, wanted);
    }

    #[test]
    fn a_word_nobody_knows_is_an_error_that_names_it() {
        let refused = |recorded: Recorded<'_>| Question::try_from(recorded).unwrap_err().what;
        assert_eq!(refused(Recorded { gate: "door", ..RECORDED }), "gate");
        assert_eq!(refused(Recorded { recipient: "x", ..RECORDED }), "recipient");
        assert_eq!(refused(Recorded { purpose: "research:", ..RECORDED }), "purpose");
        assert_eq!(refused(Recorded { basis: "x", ..RECORDED }), "basis");
        assert_eq!(refused(Recorded { mode: "x", ..RECORDED }), "mode");
        assert_eq!(refused(Recorded { findings: &[("a", "grave")], ..RECORDED }), "severity");
        assert_eq!(refused(Recorded { labels: &["NICKNAME"], ..RECORDED }), "label");
        assert_eq!(refused(Recorded { sensitivity: &["x"], ..RECORDED }), "sensitivity");
    }

    #[test]
    fn the_words_are_those_that_receipts_write() {
        for (word, written) in
            RECIPIENTS.map(|known| (recipient(known), serde_json::to_value(known).unwrap()))
        {
            assert_eq!(word, written);
        }
        for (word, written) in SENSITIVITIES.map(|known| (known.name(), serde_json::to_value(known).unwrap()))
        {
            assert_eq!(word, written);
        }
        for known in [Mode::Observe, Mode::Enforce] {
            assert_eq!(mode(known), serde_json::to_value(known).unwrap());
        }
    }
}
