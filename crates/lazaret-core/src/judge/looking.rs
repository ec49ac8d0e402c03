//! Looking at a record: it is read, the detectors see every segment of it, and what they found is gathered.

use std::sync::Arc;

use super::doing::{Doing, Grave};
use super::{Judge, Task, subject_of};
use crate::{
    Confidence, Context, DETECTOR_FAILED, Detection, Finding, Findings, Flow, Known, Label, Locator, Meaning,
    Reading, SENSITIVE_RECORD, Segment, Sensitive, Sensitivity, Severity, Span, Subject, UNINSPECTABLE,
    UNKNOWN_SUBJECT, VaultError, View,
};

/// What inspection gave, before the decision.
pub(super) struct Inspected<'r> {
    /// None if the record could not be read.
    pub(super) reading: Option<Box<dyn Reading + 'r>>,
    pub(super) kind: String,
    pub(super) subject: Option<Subject>,
    pub(super) hits: Vec<Hit>,
    pub(super) findings: Vec<Finding>,
    pub(super) sensitivity: Vec<Sensitivity>,
    /// Why it was not inspected in full, if something broke.
    pub(super) failed: Option<String>,
}

/// An identifier found in a record.
#[derive(Debug, Clone)]
pub(super) struct Hit {
    pub(super) segment: usize,
    pub(super) span: Span,
    /// Whether it is the whole of its segment.
    pub(super) whole: bool,
    /// It is a remark that was looked at: it goes whole only where everything is redacted.
    pub(super) is_remark: bool,
    pub(super) label: Label,
    pub(super) value: Sensitive<String>,
    pub(super) subject: Option<Subject>,
    pub(super) domain: String,
}

impl Inspected<'_> {
    /// A record that nothing is known of but why.
    pub(super) fn unread(findings: Vec<Finding>) -> Self {
        Self {
            reading: None,
            kind: String::new(),
            subject: None,
            hits: Vec::new(),
            findings,
            sensitivity: Vec::new(),
            failed: None,
        }
    }
}

impl Judge {
    /// Reads a record and lets the detectors look at its segments.
    pub(super) fn inspect<'r>(&self, task: Task<'r>) -> Result<Inspected<'r>, Grave> {
        let mut findings = Findings::new();
        let Some(reading) = task.record.read(&self.limits, &mut findings) else {
            if !findings.faults().iter().any(|fault| fault.severity >= Severity::Medium) {
                let what = "the record could not be read";
                findings.fault(Finding::new(&UNINSPECTABLE, Locator::document(), what));
            }
            return Ok(Inspected::unread(findings.into_faults()));
        };
        let kind = reading.kind().to_owned();
        let subject = reading.subject().map(|subject| subject_of(task.crossing, subject.id));
        let sensitivity = reading.sensitivity();
        for word in &sensitivity {
            let what = format!("labelled `{}`", word.name());
            findings.fault(Finding::new(&SENSITIVE_RECORD, Locator::document(), what));
        }
        let mut looking = Looking {
            judge: self,
            task,
            kind: &kind,
            own_subject: subject.as_ref(),
            own_known: OwnKnown::NotAsked,
            findings,
            hits: Vec::new(),
            number: 0,
            failed: None,
            grave: None,
        };
        let visited = reading.segments(&mut |segment| looking.look(&segment));
        task.doings.set(Doing::Reading);
        if let Some(error) = looking.grave {
            return Err(error.into());
        }
        if let Err(refused) = visited {
            looking.findings.fault(Finding::new(&UNINSPECTABLE, Locator::document(), refused.to_string()));
        }
        let Looking { findings, hits, failed, .. } = looking;
        let findings = findings.into_faults();
        Ok(Inspected { reading: Some(reading), kind, subject, hits, findings, sensitivity, failed })
    }
}

/// What the vault knows of the record's own subject, asked once a record.
enum OwnKnown {
    NotAsked,
    Asked(Option<Arc<Known>>),
}

/// The visitor of a record's segments.
struct Looking<'j> {
    judge: &'j Judge,
    task: Task<'j>,
    kind: &'j str,
    own_subject: Option<&'j Subject>,
    own_known: OwnKnown,
    findings: Findings,
    hits: Vec<Hit>,
    number: usize,
    failed: Option<String>,
    grave: Option<VaultError>,
}

impl Looking<'_> {
    fn look(&mut self, segment: &Segment<'_>) -> Flow {
        let number = self.number;
        self.number = self.number.saturating_add(1);
        match segment.meaning {
            Meaning::Identifier(label) => {
                let text = segment.text().unwrap_or("");
                if !text.is_empty() {
                    let span = Span::new(0, text.len());
                    self.hits.push(self.hit(segment, number, span, true, label, text));
                }
                Flow::On
            }
            Meaning::Remark(label) => {
                let text = segment.text().unwrap_or("");
                let is_remark = self.task.profile.reads_remarks();
                if !text.is_empty() {
                    let whole = self.hit(segment, number, Span::new(0, text.len()), true, label, text);
                    self.hits.push(Hit { is_remark, ..whole });
                }
                if !is_remark {
                    return Flow::On;
                }
                let flow = self.detect(segment, number);
                self.task.doings.set(Doing::Reading);
                flow
            }
            Meaning::Opaque => Flow::On,
            Meaning::Text | Meaning::ShortText | Meaning::Fact => {
                let flow = self.detect(segment, number);
                self.task.doings.set(Doing::Reading);
                flow
            }
        }
    }

    fn detect(&mut self, segment: &Segment<'_>, number: usize) -> Flow {
        let known = match self.known_for(segment) {
            Ok(known) => known,
            Err(error) => {
                self.grave = Some(error);
                return Flow::Stop;
            }
        };
        if segment.meaning == Meaning::Text && known.is_none() {
            let what =
                "free text whose subject is not known: names from the record could not be sought in it";
            self.findings.fault(Finding::new(&UNKNOWN_SUBJECT, segment.place.locator(), what));
        }
        if known.as_ref().is_some_and(|known| known.too_much) {
            let what = "more is said of this subject than the vault keeps (`vault.max_known_facts`, \
                        `vault.max_fact_bytes` under [limits]): it could not all be sought in this text";
            self.findings.fault(Finding::new(&UNINSPECTABLE, segment.place.locator(), what));
        }
        let view = View::of(segment);
        let context = Context { known: known.as_deref(), profile: self.task.profile, record_kind: self.kind };
        self.task.doings.set(Doing::Inspecting);
        for detector in &self.judge.detectors {
            if let Err(error) = detector.inspect(&view, &context, &mut self.findings) {
                self.fail(segment, error.to_string());
            }
        }
        let detections = self.findings.take_detections();
        let text = segment.text().unwrap_or("");
        match disjoint(detections, text) {
            Ok(detections) => {
                for Detection { label, span, .. } in detections {
                    let value = text.get(span.start..span.end).unwrap_or("");
                    self.hits.push(self.hit(segment, number, span, false, label, value));
                }
            }
            Err(Nonsense) => {
                self.fail(segment, "a detector named a place that is not in the text".to_owned());
            }
        }
        Flow::On
    }

    fn fail(&mut self, segment: &Segment<'_>, what: String) {
        self.findings.fault(Finding::new(&DETECTOR_FAILED, segment.place.locator(), what.clone()));
        self.failed.get_or_insert(what);
    }

    fn hit(
        &self,
        segment: &Segment<'_>,
        number: usize,
        span: Span,
        whole: bool,
        label: Label,
        value: &str,
    ) -> Hit {
        let subject = segment.subject.map(|subject| subject_of(self.task.crossing, subject.id));
        Hit {
            segment: number,
            span,
            whole,
            is_remark: false,
            label,
            value: value.to_owned().into(),
            subject: subject.or_else(|| self.own_subject.cloned()),
            domain: segment.domain.to_owned(),
        }
    }

    fn known_for(&mut self, segment: &Segment<'_>) -> Result<Option<Arc<Known>>, VaultError> {
        if let Some(subject) = segment.subject {
            self.task.doings.set(Doing::Vault);
            return self.judge.vault.known(&subject_of(self.task.crossing, subject.id));
        }
        if let OwnKnown::Asked(known) = &self.own_known {
            return Ok(known.clone());
        }
        self.task.doings.set(Doing::Vault);
        let known = match self.own_subject {
            Some(subject) => self.judge.vault.known(subject)?,
            None => None,
        };
        self.own_known = OwnKnown::Asked(known.clone());
        Ok(known)
    }
}

struct Nonsense;

/// Detections in order and without overlap: of two that overlap, the longer, then the surer, then the first
/// stays, and it grows over what the other alone covered, so that nothing detected is left standing.
fn disjoint(mut detections: Vec<Detection>, text: &str) -> Result<Vec<Detection>, Nonsense> {
    for detection in &detections {
        let Span { start, end } = detection.span;
        if start >= end || end > text.len() || !text.is_char_boundary(start) || !text.is_char_boundary(end) {
            return Err(Nonsense);
        }
    }
    detections.sort_by_key(|detection| (detection.span.start, detection.span.end));
    let mut kept: Vec<Detection> = Vec::with_capacity(detections.len());
    for next in detections {
        match kept.last_mut() {
            Some(last) if last.span.overlaps(next.span) => {
                let joined = Span::new(last.span.start, last.span.end.max(next.span.end));
                let better =
                    (next.span.len(), sure(next.confidence)) > (last.span.len(), sure(last.confidence));
                let winner = if better { next } else { *last };
                *last = Detection { span: joined, ..winner };
            }
            _ => kept.push(next),
        }
    }
    Ok(kept)
}

/// A confidence as a number that orders totally.
fn sure(confidence: Confidence) -> u32 {
    confidence.value().to_bits() // between 0 and 1 the bits of a float order as the float does
}
