//! One record, from bytes to verdict: read, inspect, decide, edit. Runs on a worker; what it cannot do for this
//! record becomes a finding, what it cannot do at all stops the passage.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

use crate::{
    Action, Confidence, Context, Crossing, DETECTOR_FAILED, Decision, Detection, Detector, Edit, Edits,
    Entry, Finding, FindingSummary, Findings, Flow, Hold, KeyedDigest, Known, Ledger, Limits, Locator,
    Meaning, Mode, Ordered, Piece, Policy, PolicyError, Profile, Reading, Recipient, Record, RecordedFinding,
    Rewriter, SENSITIVE_RECORD, Segment, Severity, Span, Subject, TIME_LIMIT, TokenForm, TokenRequest,
    UNINSPECTABLE, UNKNOWN_SUBJECT, Vault, VaultError, Verdict, View,
};

/// What the judging of a record is doing; tells, if it hangs or panics, whose fault it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Doing {
    Reading,
    Inspecting,
    Deciding,
    Writing,
    Vault,
    Ledger,
}

impl Doing {
    /// Whether the fault is this record's alone: the reader's, a detector's or the writer's.
    pub(crate) fn is_of_the_record(self) -> bool {
        matches!(self, Self::Reading | Self::Inspecting | Self::Writing)
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Reading => "reading a record",
            Self::Inspecting => "inspecting a record",
            Self::Deciding => "the policy's decision",
            Self::Writing => "writing a record",
            Self::Vault => "the vault",
            Self::Ledger => "the ledger",
        }
    }
}

/// Where a worker says what it is doing.
#[derive(Debug, Default)]
pub(crate) struct Doings(AtomicU8);

impl Doings {
    fn set(&self, doing: Doing) {
        self.0.store(doing as u8, Ordering::Release);
    }

    pub(crate) fn get(&self) -> Doing {
        match self.0.load(Ordering::Acquire) {
            0 => Doing::Reading,
            1 => Doing::Inspecting,
            2 => Doing::Deciding,
            3 => Doing::Writing,
            4 => Doing::Vault,
            _ => Doing::Ledger,
        }
    }
}

/// Why the passage must stop.
#[derive(Debug)]
pub(crate) enum Grave {
    Policy(PolicyError),
    Vault(VaultError),
    Ledger(crate::LedgerError),
    Panicked(Doing),
}

impl From<PolicyError> for Grave {
    fn from(error: PolicyError) -> Self {
        Self::Policy(error)
    }
}

impl From<VaultError> for Grave {
    fn from(error: VaultError) -> Self {
        Self::Vault(error)
    }
}

/// A record judged.
#[derive(Debug)]
pub(crate) struct Judged {
    pub(crate) entry: Entry,
    /// Every finding in full, for reports.
    pub(crate) findings: Vec<Finding>,
    /// The piece to release; none if it is held, or crossed before.
    pub(crate) piece: Option<Piece>,
}

/// Everything a judge needs; shared by the workers.
pub(crate) struct Judge {
    pub(crate) detectors: Vec<Arc<dyn Detector>>,
    pub(crate) policy: Arc<dyn Policy>,
    pub(crate) vault: Arc<dyn Vault>,
    pub(crate) ledger: Arc<dyn Ledger>,
    pub(crate) rewriter: Arc<dyn Rewriter>,
    pub(crate) limits: Limits,
}

/// An identifier found in a record.
#[derive(Debug, Clone)]
struct Hit {
    segment: usize,
    span: Span,
    whole: bool,
    label: crate::Label,
    value: crate::Sensitive<String>,
    subject: Option<Subject>,
    domain: String,
}

/// What inspection gave, before the decision.
struct Inspected<'r> {
    reading: Option<Box<dyn Reading + 'r>>,
    kind: String,
    subject: Option<Subject>,
    hits: Vec<Hit>,
    findings: Vec<Finding>,
    sensitivity: Vec<crate::Sensitivity>,
    failed: Option<String>,
}

/// How a record is judged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Aim {
    /// For release: edits, digests, holds.
    Pass,
    /// Only looked at: the verdict is of the findings, before de-identification.
    Look,
}

impl Judge {
    /// Judges one record. A panic of the reader, a detector or the writer becomes a finding of that record.
    pub(crate) fn judge(
        &self,
        crossing: &Crossing,
        profile: &Profile,
        record: &dyn Record,
        aim: Aim,
        doings: &Doings,
    ) -> Result<Judged, Grave> {
        let judged = catch_unwind(AssertUnwindSafe(|| {
            doings.set(Doing::Reading);
            let inspected = self.inspect(crossing, profile, record, doings)?;
            self.conclude(crossing, profile, record, inspected, aim, doings)
        }));
        match judged {
            Ok(answer) => answer,
            Err(_) if doings.get().is_of_the_record() => {
                let rule = if doings.get() == Doing::Inspecting { &DETECTOR_FAILED } else { &UNINSPECTABLE };
                let what = format!("{} broke off; nothing of this record crosses", doings.get().name());
                self.judge_unread(
                    crossing,
                    profile,
                    record,
                    Finding::new(rule, Locator::document(), what),
                    aim,
                    doings,
                )
            }
            Err(_) => Err(Grave::Panicked(doings.get())),
        }
    }

    /// Judges a record whose reading, inspection or writing passed its deadline.
    pub(crate) fn judge_overdue(
        &self,
        crossing: &Crossing,
        profile: &Profile,
        record: &dyn Record,
        doing: Doing,
        aim: Aim,
        doings: &Doings,
    ) -> Result<Judged, Grave> {
        let what = format!("{} passed its deadline; nothing of this record crosses", doing.name());
        self.judge_unread(
            crossing,
            profile,
            record,
            Finding::new(&TIME_LIMIT, Locator::document(), what),
            aim,
            doings,
        )
    }

    fn judge_unread(
        &self,
        crossing: &Crossing,
        profile: &Profile,
        record: &dyn Record,
        finding: Finding,
        aim: Aim,
        doings: &Doings,
    ) -> Result<Judged, Grave> {
        let inspected = Inspected {
            reading: None,
            kind: String::new(),
            subject: None,
            hits: Vec::new(),
            failed: Some(finding.message.clone()),
            findings: vec![finding],
            sensitivity: Vec::new(),
        };
        catch_unwind(AssertUnwindSafe(|| self.conclude(crossing, profile, record, inspected, aim, doings)))
            .unwrap_or_else(|_| Err(Grave::Panicked(doings.get())))
    }

    /// Reads a record and lets the detectors look at its segments.
    fn inspect<'r>(
        &self,
        crossing: &Crossing,
        profile: &Profile,
        record: &'r dyn Record,
        doings: &Doings,
    ) -> Result<Inspected<'r>, Grave> {
        let mut findings = Findings::new();
        let reading = record.read(&self.limits, &mut findings);
        let Some(reading) = reading else {
            if !findings.faults().iter().any(|fault| fault.severity >= Severity::Medium) {
                let what = "the record could not be read";
                findings.fault(Finding::new(&UNINSPECTABLE, Locator::document(), what));
            }
            return Ok(Inspected {
                reading: None,
                kind: String::new(),
                subject: None,
                hits: Vec::new(),
                findings: findings.into_faults(),
                sensitivity: Vec::new(),
                failed: None,
            });
        };
        let kind = reading.kind().to_owned();
        let own_subject = reading.subject().map(|subject| subject_of(crossing, subject.id));
        let sensitivity = reading.sensitivity();
        for word in &sensitivity {
            let what = format!("labelled `{}`", word.name());
            findings.fault(Finding::new(&SENSITIVE_RECORD, Locator::document(), what));
        }
        let mut looking = Looking {
            judge: self,
            crossing,
            profile,
            kind: &kind,
            own_subject: own_subject.as_ref(),
            own_known: OwnKnown::NotAsked,
            findings,
            hits: Vec::new(),
            number: 0,
            failed: None,
            grave: None,
            doings,
        };
        let visited = reading.segments(&mut |segment| looking.look(&segment));
        doings.set(Doing::Reading);
        if let Some(error) = looking.grave {
            return Err(error.into());
        }
        if let Err(refused) = visited {
            looking.findings.fault(Finding::new(&UNINSPECTABLE, Locator::document(), refused.to_string()));
        }
        let Looking { findings, hits, failed, .. } = looking;
        let findings = findings.into_faults();
        Ok(Inspected {
            reading: Some(reading),
            kind,
            subject: own_subject,
            hits,
            findings,
            sensitivity,
            failed,
        })
    }

    /// Decides, and carries the decision out.
    fn conclude(
        &self,
        crossing: &Crossing,
        profile: &Profile,
        record: &dyn Record,
        inspected: Inspected<'_>,
        aim: Aim,
        doings: &Doings,
    ) -> Result<Judged, Grave> {
        doings.set(Doing::Deciding);
        let summary = summarise(&inspected, aim);
        let decision = self.policy.decide(crossing, &summary)?;
        let subject = inspected.subject.clone();
        let mut entry = Entry {
            record: record.place().number,
            line: record.place().line,
            format: record.format(),
            kind: inspected.kind.clone(),
            identity: KeyedDigest([0; 32]),
            digest_in: KeyedDigest([0; 32]),
            digest_out: None,
            verdict: decision.verdict,
            policies: decision.policies.to_vec(),
            findings: recorded_all(&inspected.findings),
            phi: BTreeMap::new(),
            edits: BTreeMap::new(),
            sensitivity: inspected.sensitivity.clone(),
            held: None,
            again: None,
            uninspected: None,
        };
        for hit in &inspected.hits {
            bump(&mut entry.phi, hit.label.to_string());
        }
        if aim == Aim::Look {
            // What cannot be read is never allowed, whatever the policy says of its findings.
            if inspected.reading.is_none() && !entry.verdict.holds() {
                entry.verdict = Verdict::Quarantine;
            }
            return Ok(Judged { entry, findings: inspected.findings, piece: None });
        }
        doings.set(Doing::Vault);
        entry.digest_in = self.vault.digest(subject.as_ref(), record.bytes())?;
        entry.identity = self.identity(crossing, record, &inspected)?;
        doings.set(Doing::Ledger);
        entry.again = self.ledger.crossed(&entry.identity).map_err(Grave::Ledger)?;
        let course = self.course(crossing, &inspected, &decision, subject.as_ref())?;
        entry.verdict = course.verdict;
        entry.uninspected = course.uninspected;
        if let Some(reason) = course.policy {
            entry.policies.push(reason.to_owned());
        }
        if entry.again.is_some() && !entry.verdict.holds() {
            return Ok(Judged { entry, findings: inspected.findings, piece: None });
        }
        let Inspected { reading, kind, hits, mut findings, .. } = inspected;
        let bytes = match course.release {
            Release::Held => None,
            Release::AsItIs => Some(record.bytes().to_vec()),
            Release::Edited { redact_all } => {
                doings.set(Doing::Vault);
                let (edits, made) = self.edits(crossing, profile, &hits, redact_all)?;
                doings.set(Doing::Writing);
                let mut out = Vec::with_capacity(record.bytes().len());
                match reading.as_ref().map(|reading| reading.write(&edits, &mut out)) {
                    Some(Ok(())) => {
                        entry.edits = made;
                        Some(out)
                    }
                    refused => {
                        let why = match refused {
                            Some(Err(refused)) => refused.to_string(),
                            _ => "the record was not read".to_owned(),
                        };
                        let what = format!("the edits could not be written ({why}); the record is held");
                        let finding = Finding::new(&UNINSPECTABLE, Locator::document(), what);
                        entry.findings.push(recorded(&finding));
                        findings.push(finding);
                        entry.verdict = Verdict::Quarantine;
                        None
                    }
                }
            }
        };
        doings.set(Doing::Vault);
        let piece = if let Some(bytes) = bytes {
            entry.digest_out = Some(self.vault.digest(subject.as_ref(), &bytes)?);
            Some(Piece { record: entry.record, kind, bytes })
        } else {
            let hold = Hold {
                crossing: crossing.id,
                record: entry.record,
                identity: entry.identity,
                bytes: record.bytes(),
                kind: &kind,
                subject: subject.as_ref(),
                findings: &findings,
                releasable: entry.verdict == Verdict::Quarantine,
            };
            entry.held = Some(self.vault.hold(&hold)?);
            None
        };
        Ok(Judged { entry, findings, piece })
    }

    /// What is done about a decision: modes, break-glass and care-critical routes have their say here.
    fn course(
        &self,
        crossing: &Crossing,
        inspected: &Inspected<'_>,
        decision: &Decision,
        subject: Option<&Subject>,
    ) -> Result<Course, Grave> {
        let mut course =
            Course { verdict: decision.verdict, release: Release::Held, uninspected: None, policy: None };
        let inside = crossing.recipient != Recipient::Public;
        if crossing.mode == Mode::Observe {
            course.release = Release::AsItIs;
            return Ok(course);
        }
        if let Some(glass) = &crossing.override_by {
            let digest = match subject {
                Some(subject) if glass.is_for_subject() => {
                    Some(self.vault.digest(Some(subject), b"override")?.to_string())
                }
                _ => None,
            };
            if glass.holds(&crossing.route, digest.as_deref(), crossing.recipient, crossing.started) {
                course.verdict = Verdict::Override;
                course.release = Release::AsItIs;
                return Ok(course);
            }
        }
        if crossing.care_critical.is_some() && crossing.recipient == Recipient::Internal {
            if let Some(reason) = &inspected.failed {
                course.uninspected = Some(reason.clone());
                course.release = Release::AsItIs;
                course.verdict = Verdict::Allow;
                course.policy = Some("care-critical");
                return Ok(course);
            }
            // A care-critical route never redacts or shifts: what may cross, crosses as it is.
            if !decision.verdict.holds() {
                course.release = Release::AsItIs;
                course.verdict = Verdict::Allow;
                course.policy = Some("care-critical");
                return Ok(course);
            }
        }
        if inspected.reading.is_none() && !course.verdict.holds() {
            course.verdict = Verdict::Quarantine; // what cannot be read is never allowed
        }
        let released = crossing.order.as_ref().is_some_and(|order| order.what == Ordered::Release);
        if released && course.verdict.holds() && inspected.reading.is_some() && inspected.failed.is_none() {
            // Persons let it through: never as it is, and never what no detector could look at.
            course.verdict = Verdict::Tokenise;
            course.policy = Some("released-by-order");
        }
        course.release = match course.verdict {
            Verdict::Allow if !inspected.hits.is_empty() && !inside => {
                // A policy that lets identifiers out to a public service is a mistake; the floor is redaction.
                course.verdict = Verdict::Redact;
                Release::Edited { redact_all: true }
            }
            Verdict::Allow => Release::AsItIs,
            Verdict::Tokenise => Release::Edited { redact_all: false },
            Verdict::Redact => Release::Edited { redact_all: true },
            Verdict::Quarantine | Verdict::Block | Verdict::Override => Release::Held,
        };
        Ok(course)
    }

    /// The same record under the same conditions gives the same identity.
    fn identity(
        &self,
        crossing: &Crossing,
        record: &dyn Record,
        inspected: &Inspected<'_>,
    ) -> Result<KeyedDigest, VaultError> {
        let identity = inspected.reading.as_ref().map(|reading| reading.identity()).unwrap_or_default();
        let mut text = Vec::with_capacity(record.bytes().len().saturating_add(128));
        let parts = [
            crossing.to.as_bytes(),
            crossing.system.as_bytes(),
            crossing.purpose.to_string().as_bytes(),
            crossing.basis.name().as_bytes(),
            inspected.kind.as_bytes(),
            identity.id.unwrap_or("").as_bytes(),
            identity.version.unwrap_or("").as_bytes(),
        ]
        .map(<[u8]>::to_vec);
        for part in &parts {
            // Lengths first, so that no two different lists of parts give the same bytes.
            text.extend_from_slice(&(part.len() as u64).to_be_bytes());
            text.extend_from_slice(part);
        }
        text.extend_from_slice(record.bytes());
        self.vault.digest(inspected.subject.as_ref(), &text)
    }

    /// The edits the profile asks for, and a count of them by `label action`.
    fn edits(
        &self,
        crossing: &Crossing,
        profile: &Profile,
        hits: &[Hit],
        redact_all: bool,
    ) -> Result<(Edits, BTreeMap<String, u64>), VaultError> {
        let mut edits = Edits::none();
        let mut made = BTreeMap::new();
        for hit in hits {
            let action = if redact_all { Action::Redact } else { profile.action(hit.label) };
            let Some((done, with)) = self.replacement(crossing, hit, action)? else { continue };
            bump(&mut made, format!("{} {}", hit.label, action_name(done)));
            let edit = Edit { span: hit.span, with: with.into(), whole: hit.whole };
            edits.push(hit.segment, edit).map_err(|overlap| VaultError {
                what: "make edits that do not overlap",
                cause: Some(Box::new(overlap)),
            })?;
        }
        Ok((edits, made))
    }

    /// What stands in the place of a hit. What has no such form is redacted.
    fn replacement(
        &self,
        crossing: &Crossing,
        hit: &Hit,
        action: Action,
    ) -> Result<Option<(Action, String)>, VaultError> {
        let value = hit.value.expose().as_str();
        let made = match action {
            Action::Keep => return Ok(None),
            Action::Redact => None,
            Action::Token => {
                let form = if hit.whole { TokenForm::Id } else { TokenForm::Text };
                Some(self.vault.token(&TokenRequest {
                    subject: hit.subject.as_ref(),
                    label: hit.label,
                    domain: &hit.domain,
                    system: &crossing.system,
                    value,
                    purpose: &crossing.purpose,
                    basis: crossing.basis,
                    form,
                })?)
            }
            Action::Shift => match &hit.subject {
                Some(subject) => {
                    let days = self.vault.shift_days(subject, &crossing.purpose)?;
                    self.rewriter.shift(hit.label, value, days)
                }
                None => None,
            },
            Action::Generalise => self.rewriter.generalise(hit.label, value),
            Action::Surrogate => {
                let seed = self.vault.digest(hit.subject.as_ref(), value.as_bytes())?;
                self.rewriter.surrogate(hit.label, value, &seed)
            }
        };
        Ok(Some(match made {
            Some(with) => (action, with),
            None if hit.whole => (Action::Redact, String::new()),
            None => (Action::Redact, format!("[{}]", hit.label.kind.name())),
        }))
    }
}

struct Course {
    verdict: Verdict,
    release: Release,
    uninspected: Option<String>,
    policy: Option<&'static str>,
}

enum Release {
    Held,
    AsItIs,
    Edited { redact_all: bool },
}

/// What the vault knows of the record's own subject, asked once a record.
enum OwnKnown {
    NotAsked,
    Asked(Option<Arc<Known>>),
}

/// The visitor of a record's segments.
struct Looking<'j> {
    judge: &'j Judge,
    crossing: &'j Crossing,
    profile: &'j Profile,
    kind: &'j str,
    own_subject: Option<&'j Subject>,
    own_known: OwnKnown,
    findings: Findings,
    hits: Vec<Hit>,
    number: usize,
    failed: Option<String>,
    grave: Option<VaultError>,
    doings: &'j Doings,
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
            Meaning::Opaque => Flow::On,
            Meaning::Text | Meaning::ShortText | Meaning::Fact => {
                let flow = self.detect(segment, number);
                self.doings.set(Doing::Reading);
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
        let context = Context { known: known.as_deref(), profile: self.profile, record_kind: self.kind };
        self.doings.set(Doing::Inspecting);
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
        label: crate::Label,
        value: &str,
    ) -> Hit {
        let subject = segment.subject.map(|subject| subject_of(self.crossing, subject.id));
        Hit {
            segment: number,
            span,
            whole,
            label,
            value: value.to_owned().into(),
            subject: subject.or_else(|| self.own_subject.cloned()),
            domain: segment.domain.to_owned(),
        }
    }

    fn known_for(&mut self, segment: &Segment<'_>) -> Result<Option<Arc<Known>>, VaultError> {
        if let Some(subject) = segment.subject {
            self.doings.set(Doing::Vault);
            return self.judge.vault.known(&subject_of(self.crossing, subject.id));
        }
        if let OwnKnown::Asked(known) = &self.own_known {
            return Ok(known.clone());
        }
        self.doings.set(Doing::Vault);
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

pub(crate) fn subject_of(crossing: &Crossing, id: &str) -> Subject {
    Subject { system: crossing.system.clone(), id: id.to_owned().into() }
}

fn summarise(inspected: &Inspected<'_>, aim: Aim) -> FindingSummary {
    let labels = match aim {
        Aim::Pass => inspected.hits.iter().map(|hit| hit.label.kind).collect(),
        Aim::Look => BTreeSet::new(),
    };
    FindingSummary {
        rules: inspected.findings.iter().map(|finding| finding.id).collect(),
        highest: inspected.findings.iter().map(|finding| finding.severity).max(),
        labels,
        sensitivity: inspected.sensitivity.iter().copied().collect(),
        record_kind: inspected.kind.clone(),
    }
}

/// Most bytes that a record's findings take in its entry: a ledger takes entries up to a size, and a record with very
/// many faults must be recorded as every other is.
const MOST_RECORDED: usize = 40 << 10;

/// The findings as they are recorded: the first ones, and if they are too long one more, as grave as the gravest of
/// those left out.
fn recorded_all(findings: &[Finding]) -> Vec<RecordedFinding> {
    let mut all = Vec::new();
    let mut bytes = 0_usize;
    for (number, finding) in findings.iter().enumerate() {
        let one = recorded(finding);
        bytes = bytes.saturating_add(one.id.len()).saturating_add(one.at.len()).saturating_add(48);
        if bytes > MOST_RECORDED {
            let rest = findings.get(number..).unwrap_or_default();
            let severity = rest.iter().map(|finding| finding.severity).max().unwrap_or(Severity::High);
            all.push(RecordedFinding {
                id: UNINSPECTABLE.id.to_owned(),
                severity,
                at: Locator::document().to_string(),
            });
            break;
        }
        all.push(one);
    }
    all
}

fn recorded(finding: &Finding) -> RecordedFinding {
    RecordedFinding { id: finding.id.to_owned(), severity: finding.severity, at: finding.at.to_string() }
}

fn bump(counts: &mut BTreeMap<String, u64>, key: String) {
    let count = counts.entry(key).or_default();
    *count = count.saturating_add(1);
}

fn action_name(action: Action) -> &'static str {
    match action {
        Action::Keep => "keep",
        Action::Token => "token",
        Action::Redact => "redact",
        Action::Surrogate => "surrogate",
        Action::Shift => "shift",
        Action::Generalise => "generalise",
    }
}

impl Judge {
    /// Learns what the records of a payload say of their subjects. Returns how many facts.
    pub(crate) fn learn(&self, crossing: &Crossing, record: &dyn Record) -> Result<u64, VaultError> {
        let mut findings = Findings::new();
        let Some(reading) = record.read(&self.limits, &mut findings) else { return Ok(0) };
        let mut by_subject: Vec<(Subject, Vec<crate::KnownFact>)> = Vec::new();
        let mut places: HashMap<Subject, usize> = HashMap::new();
        // A reading that fails while it is visited is reported when the record itself passes.
        let _whole = reading.facts(&mut |subject, label, text| {
            let subject = subject_of(crossing, subject.id);
            let fact = crate::KnownFact { label, text: text.to_owned().into() };
            if let Some((_, facts)) = places.get(&subject).and_then(|place| by_subject.get_mut(*place)) {
                facts.push(fact);
            } else {
                places.insert(subject.clone(), by_subject.len());
                by_subject.push((subject, vec![fact]));
            }
        });
        let mut learnt = 0_u64;
        for (subject, facts) in &by_subject {
            self.vault.learn(subject, facts)?;
            learnt = learnt.saturating_add(facts.len() as u64);
        }
        Ok(learnt)
    }

    /// Names and versions of what inspects.
    pub(crate) fn versions(&self, formats: &[Arc<dyn crate::Format>]) -> Vec<String> {
        let mut versions: Vec<String> = self.detectors.iter().map(|detector| detector.version()).collect();
        versions.extend(
            formats.iter().map(|format| format!("format {} {}", format.id(), env!("CARGO_PKG_VERSION"))),
        );
        versions.sort();
        versions
    }
}
