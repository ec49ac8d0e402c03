//! Rules and findings: what was found, how grave it is, and where. Never the value.

use std::fmt;

use serde::{Serialize, Serializer};

use crate::{Label, Language, Locator};

/// How grave a finding is. The default policy blocks critical, quarantines high and medium, allows the rest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Worth knowing.
    Info,
    /// A departure that harms nothing by itself.
    Low,
    /// Cannot be judged, or may harm.
    Medium,
    /// Wrong or hostile.
    High,
    /// An attack, or a failure of the inspection itself.
    Critical,
}

impl Severity {
    /// The name in lower case, as reports and policies write it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
            Self::Critical => "critical",
        }
    }

    /// All, the least grave first.
    pub const ALL: [Self; 5] = [Self::Info, Self::Low, Self::Medium, Self::High, Self::Critical];

    /// Reads the name.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|severity| severity.name() == text)
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// One rule: the id is forever.
#[derive(Debug, PartialEq, Eq)]
pub struct Rule {
    /// `area.subject[.detail]` in kebab-case.
    pub id: &'static str,
    /// The severity of its findings unless a finding says otherwise.
    pub severity: Severity,
    /// One line for people: what it means.
    pub title: &'static str,
}

impl Rule {
    /// A rule.
    pub const fn new(id: &'static str, severity: Severity, title: &'static str) -> Self {
        Self { id, severity, title }
    }
}

/// Content was not inspected whole.
pub static UNINSPECTABLE: Rule = Rule::new(
    "input.uninspectable",
    Severity::Medium,
    "content was not inspected whole: unknown, encrypted or unreadable",
);
/// A detector errs, hangs or answers nonsense.
pub static DETECTOR_FAILED: Rule = Rule::new(
    "input.detector-failed",
    Severity::Critical,
    "a detector errs, hangs or answers nonsense: nothing crosses",
);
/// A deadline passed.
pub static TIME_LIMIT: Rule =
    Rule::new("limit.time", Severity::High, "a deadline passed before the inspection ended");
/// More records of one payload are held than allowed.
pub static HELD_RECORDS: Rule = Rule::new(
    "limit.held-records",
    Severity::High,
    "`quarantine.max_held` reached: nothing of the file crosses",
);
/// More records in one payload than allowed.
pub static RECORDS: Rule =
    Rule::new("limit.records", Severity::High, "`input.max_records` reached: nothing of the file crosses");
/// The record carries a sensitivity label. Information by itself: the policy holds by the label.
pub static SENSITIVE_RECORD: Rule = Rule::new(
    "record.sensitive",
    Severity::Info,
    "the record is labelled as specially protected (42 CFR Part 2, psychotherapy, HIV, genetic, minors)",
);
/// A note names no subject, or one that no record given describes.
pub static UNKNOWN_SUBJECT: Rule = Rule::new(
    "record.unknown-subject",
    Severity::Low,
    "free text about a patient whose names and numbers are not known, so they could not be sought in it",
);
/// A model does not say where it comes from. Information by itself: a policy may hold by it.
pub static UNLINKED: Rule = Rule::new(
    "provenance.unlinked",
    Severity::Info,
    "the model does not say on which datasets, by which code or in which run it was trained",
);

/// The rules of core itself.
pub const CORE_RULES: [&Rule; 8] = [
    &DETECTOR_FAILED,
    &UNINSPECTABLE,
    &HELD_RECORDS,
    &RECORDS,
    &TIME_LIMIT,
    &SENSITIVE_RECORD,
    &UNKNOWN_SUBJECT,
    &UNLINKED,
];

/// How sure a detector is, from 0 to 1.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd)]
pub struct Confidence(f32);

impl Confidence {
    /// A cue names it, or a check digit holds and the shape is rare.
    pub const HIGH: Self = Self(0.9);

    /// A confidence, brought into 0 to 1; not-a-number becomes 0.
    pub fn new(value: f32) -> Self {
        if value.is_nan() { Self(0.0) } else { Self(value.clamp(0.0, 1.0)) }
    }

    /// The number.
    pub fn value(self) -> f32 {
        self.0
    }
}

impl Serialize for Confidence {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_f32(self.0)
    }
}

/// A half-open range of bytes in a segment's text, on character boundaries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct Span {
    /// First byte.
    pub start: usize,
    /// One past the last byte.
    pub end: usize,
}

impl Span {
    /// A span; an end before its start gives an empty span at the start.
    pub const fn new(start: usize, end: usize) -> Self {
        Self { start, end: if end < start { start } else { end } }
    }

    /// Length in bytes.
    pub const fn len(self) -> usize {
        self.end.saturating_sub(self.start)
    }

    /// Whether nothing is in it.
    pub const fn is_empty(self) -> bool {
        self.end <= self.start
    }

    /// Whether the two share a byte.
    pub const fn overlaps(self, other: Self) -> bool {
        self.start < other.end && other.start < self.end
    }
}

/// A fault of a record: what is wrong, where, how grave.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Finding {
    /// The rule's id.
    pub id: &'static str,
    /// How grave.
    pub severity: Severity,
    /// Where.
    pub at: Locator,
    /// For people: what was expected and what kind of thing was found. Never a value of the record.
    pub message: String,
}

impl Finding {
    /// A finding of a rule at its default severity.
    pub fn new(rule: &Rule, at: Locator, message: impl Into<String>) -> Self {
        Self { id: rule.id, severity: rule.severity, at, message: message.into() }
    }
}

/// Identifying text that a detector saw in one view. The value is not in it, only its place.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Detection {
    /// What it is.
    pub label: Label,
    /// Where in the segment's text, in bytes.
    pub span: Span,
    /// How sure.
    pub confidence: Confidence,
    /// The detector's rule id (`phi.mrn`), for explaining.
    pub rule: &'static str,
    /// The language that the text around it is written in, as far as detectors tell languages apart.
    pub language: Language,
}

/// Most findings of one record that are kept; one more says how many were left out.
pub const MAX_FINDINGS: usize = 10_000;

/// What is gathered while a record, or one view of it, is looked at.
#[derive(Debug, Default)]
pub struct Findings {
    faults: Vec<Finding>,
    left_out: u64,
    worst_left_out: Option<Severity>,
    detections: Vec<Detection>,
}

impl Findings {
    /// Nothing found yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a fault. Above [`MAX_FINDINGS`] only its severity is kept, and counted.
    pub fn fault(&mut self, finding: Finding) {
        if self.faults.len() < MAX_FINDINGS {
            self.faults.push(finding);
        } else {
            self.left_out = self.left_out.saturating_add(1);
            self.worst_left_out = self.worst_left_out.max(Some(finding.severity));
        }
    }

    /// Adds identifying text.
    pub fn detect(&mut self, detection: Detection) {
        self.detections.push(detection);
    }

    /// The faults so far.
    pub fn faults(&self) -> &[Finding] {
        &self.faults
    }

    /// What was detected in the current view.
    pub fn detections(&self) -> &[Detection] {
        &self.detections
    }

    /// Takes what was detected in the current view, leaving room for the next one.
    pub fn take_detections(&mut self) -> Vec<Detection> {
        std::mem::take(&mut self.detections)
    }

    /// The faults, with one more that counts what was left out.
    pub fn into_faults(mut self) -> Vec<Finding> {
        if let Some(severity) = self.worst_left_out {
            self.faults.push(Finding {
                id: UNINSPECTABLE.id,
                severity,
                at: Locator::document(),
                message: format!("{} more findings; only the first {MAX_FINDINGS} are listed", self.left_out),
            });
        }
        self.faults
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn findings_above_the_most_are_counted_and_keep_their_worst_severity() {
        let mut findings = Findings::new();
        for _ in 0..=MAX_FINDINGS {
            findings.fault(Finding::new(&DETECTOR_FAILED, Locator::document(), "x"));
        }
        let faults = findings.into_faults();
        assert_eq!(faults.len(), MAX_FINDINGS + 1);
        assert_eq!(faults[MAX_FINDINGS].severity, Severity::Critical);
    }

    #[test]
    fn a_confidence_is_always_between_nought_and_one() {
        for value in [f32::NAN, f32::INFINITY, -1.0, 0.5, 2.0] {
            assert!((0.0..=1.0).contains(&Confidence::new(value).value()));
        }
    }
}
