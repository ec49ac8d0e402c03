//! One record, from bytes to verdict: read and inspected (`looking`), decided, and what is done about the
//! decision (`course`, `deidentify`). Runs on a worker; what it cannot do for this record becomes a finding, what
//! it cannot do at all stops the passage (`doing`).

mod course;
mod deidentify;
mod doing;
mod learn;
mod looking;

use std::collections::{BTreeMap, BTreeSet};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use course::Release;
pub(crate) use deidentify::{Draft, Unnumbered};
pub(crate) use doing::{Doing, Doings, Grave};
use looking::Inspected;

use crate::numbers::Numbers;
use crate::{
    Body, Crossing, DETECTOR_FAILED, Decision, Detector, Entry, Finding, FindingSummary, Findings, Format,
    Hold, HoldId, KeyedDigest, Ledger, Limits, Locator, ModelOrigin, Piece, PieceContent, Policy, Profile,
    Reading, Record, RecordedFile, RecordedFinding, Rewriter, Subject, TIME_LIMIT, UNINSPECTABLE, UNLINKED,
    Vault, VaultError, Verdict,
};

/// Everything a judge needs; shared by the workers.
pub(crate) struct Judge {
    pub(crate) detectors: Vec<Arc<dyn Detector>>,
    pub(crate) policy: Arc<dyn Policy>,
    pub(crate) vault: Arc<dyn Vault>,
    pub(crate) ledger: Arc<dyn Ledger>,
    pub(crate) rewriter: Arc<dyn Rewriter>,
    pub(crate) limits: Limits,
}

/// One record to judge, and on what terms.
#[derive(Clone, Copy)]
pub(crate) struct Task<'a> {
    pub(crate) crossing: &'a Crossing,
    pub(crate) profile: &'a Profile,
    pub(crate) record: &'a dyn Record,
    pub(crate) aim: Aim,
    /// Where the worker says what it is doing.
    pub(crate) doings: &'a Doings,
}

/// How a record is judged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Aim {
    /// For release: edits, digests, holds.
    Pass,
    /// Only looked at: the verdict is of the findings, before de-identification.
    Look,
}

/// A record judged.
#[derive(Debug)]
pub(crate) struct Judged {
    pub(crate) entry: Entry,
    /// Every finding in full, for reports.
    pub(crate) findings: Vec<Finding>,
    /// The piece to release; none if it is held, crossed before, or not written yet.
    pub(crate) piece: Option<Piece>,
    /// The edits of a record that is written ([`Judge::write`]) once its placeholders have numbers.
    pub(crate) draft: Option<Draft>,
}

impl Judge {
    /// Judges one record. A panic of the reader, a detector or the writer becomes a finding of that record.
    pub(crate) fn judge(&self, task: Task<'_>) -> Result<Judged, Grave> {
        self.caught(task, || {
            task.doings.set(Doing::Reading);
            let inspected = self.inspect(task)?;
            self.conclude(task, inspected)
        })
    }

    /// Writes a record that was judged and whose placeholders have numbers by now. It is read anew for it: a reading
    /// borrows its record, and could not be kept while others had their turn.
    pub(crate) fn write(&self, task: Task<'_>, judged: &Judged) -> Result<Judged, Grave> {
        self.caught(task, || {
            let Judged { entry, findings, draft, .. } = judged;
            let judged =
                Judged { entry: entry.clone(), findings: findings.clone(), piece: None, draft: None };
            let Some(draft) = draft else { return Ok(judged) };
            task.doings.set(Doing::Reading);
            let reading = task.record.read(&self.limits, &mut Findings::new());
            self.release(task, judged, reading.as_deref(), draft)
        })
    }

    /// A panic of the reader, a detector or the writer becomes a finding of the record.
    fn caught(&self, task: Task<'_>, step: impl FnOnce() -> Result<Judged, Grave>) -> Result<Judged, Grave> {
        let judged = catch_unwind(AssertUnwindSafe(step));
        let doing = task.doings.get();
        match judged {
            Ok(answer) => answer,
            Err(_) if doing.is_of_the_record() => {
                let rule = if doing == Doing::Inspecting { &DETECTOR_FAILED } else { &UNINSPECTABLE };
                let what = format!("{} broke off; nothing of this record crosses", doing.name());
                self.judge_unread(task, Finding::new(rule, Locator::document(), what))
            }
            Err(_) => Err(Grave::Panicked(doing)),
        }
    }

    /// Judges a record whose reading, inspection or writing passed its deadline.
    pub(crate) fn judge_overdue(&self, task: Task<'_>, doing: Doing) -> Result<Judged, Grave> {
        let what = format!("{} passed its deadline; nothing of this record crosses", doing.name());
        self.judge_unread(task, Finding::new(&TIME_LIMIT, Locator::document(), what))
    }

    fn judge_unread(&self, task: Task<'_>, finding: Finding) -> Result<Judged, Grave> {
        let failed = Some(finding.message.clone());
        let inspected = Inspected { failed, ..Inspected::unread(vec![finding]) };
        catch_unwind(AssertUnwindSafe(|| self.conclude(task, inspected)))
            .unwrap_or_else(|_| Err(Grave::Panicked(task.doings.get())))
    }

    /// Decides, and carries the decision out.
    fn conclude(&self, task: Task<'_>, mut inspected: Inspected<'_>) -> Result<Judged, Grave> {
        let Task { crossing, record, aim, doings, .. } = task;
        doings.set(Doing::Deciding);
        if let (Body::Stored(_), Some(model)) = (record.body(), &crossing.model) {
            inspected.findings.extend(unlinked(model));
        }
        let decision = self.policy.decide(crossing, &summarise(&inspected, aim))?;
        let mut entry = entry_of(record, &inspected, &decision);
        if aim == Aim::Look {
            // What cannot be read is never allowed, whatever the policy says of its findings.
            if inspected.reading.is_none() && !entry.verdict.holds() {
                entry.verdict = Verdict::Quarantine;
            }
            return Ok(Judged { entry, findings: inspected.findings, piece: None, draft: None });
        }
        doings.set(Doing::Vault);
        entry.digest_in = self.vault.digest(inspected.subject.as_ref(), &record.body().to_digest())?;
        entry.identity = self.identity(task, &inspected)?;
        doings.set(Doing::Ledger);
        entry.again = self.ledger.crossed(&entry.identity).map_err(Grave::Ledger)?;
        doings.set(Doing::Vault); // whose digest tells whether break-glass is for this subject
        let course = self.course(task, &inspected, &decision)?;
        entry.verdict = course.verdict;
        entry.uninspected = course.uninspected;
        if let Some(reason) = course.policy {
            entry.policies.push(reason.to_owned());
        }
        let mut judged =
            Judged { entry, findings: std::mem::take(&mut inspected.findings), piece: None, draft: None };
        if judged.entry.again.is_some() && !judged.entry.verdict.holds() {
            return Ok(judged);
        }
        let content = match course.release {
            Release::Held => None,
            Release::AsItIs => Some(match record.body() {
                Body::Held(bytes) => PieceContent::Bytes(bytes.to_vec()),
                Body::Stored(stored) => PieceContent::Stored(stored.clone()),
            }),
            Release::Edited { redact_all } => {
                doings.set(Doing::Vault);
                let mut draft = self.draft(task, &inspected, redact_all)?;
                if draft.unnumbered.iter().all(|placeholder| placeholder.subject.is_none()) {
                    // Numbers of a record's own depend on no other: it need not wait, nor be read again.
                    doings.set(Doing::Writing);
                    Numbers::new(self).number(&mut draft);
                    return self.release(task, judged, inspected.reading.as_deref(), &draft);
                }
                judged.draft = Some(draft);
                return Ok(judged);
            }
        };
        self.finish(task, judged, inspected.subject.as_ref(), content)
    }

    /// Writes a record with its edits, and finishes it; one that cannot be written is held.
    fn release(
        &self,
        task: Task<'_>,
        mut judged: Judged,
        reading: Option<&(dyn Reading + '_)>,
        draft: &Draft,
    ) -> Result<Judged, Grave> {
        task.doings.set(Doing::Writing);
        let content = match draft.written(task.record, reading) {
            Ok(bytes) => {
                judged.entry.edits.clone_from(&draft.made);
                Some(PieceContent::Bytes(bytes))
            }
            Err(finding) => {
                judged.entry.findings.push(RecordedFinding::of(&finding));
                judged.findings.push(finding);
                judged.entry.verdict = Verdict::Quarantine;
                None
            }
        };
        self.finish(task, judged, draft.subject.as_ref(), content)
    }

    /// Makes the piece of what is released, and keeps back what is not.
    fn finish(
        &self,
        task: Task<'_>,
        mut judged: Judged,
        subject: Option<&Subject>,
        content: Option<PieceContent>,
    ) -> Result<Judged, Grave> {
        task.doings.set(Doing::Vault);
        let entry = &mut judged.entry;
        if let Some(content) = content {
            let body = match &content {
                PieceContent::Bytes(bytes) => Body::Held(bytes),
                PieceContent::Stored(stored) => Body::Stored(stored),
            };
            entry.digest_out = Some(self.vault.digest(subject, &body.to_digest())?);
            judged.piece = Some(Piece { record: entry.record, kind: entry.kind.clone(), content });
        } else {
            entry.held = Some(self.hold(task, subject, entry, &judged.findings)?);
        }
        Ok(judged)
    }

    /// The same record under the same conditions gives the same identity.
    fn identity(&self, task: Task<'_>, inspected: &Inspected<'_>) -> Result<KeyedDigest, VaultError> {
        let Task { crossing, record, .. } = task;
        let identity = inspected.reading.as_ref().map(|reading| reading.identity()).unwrap_or_default();
        let content = record.body().to_digest();
        let mut text = Vec::with_capacity(content.len().saturating_add(128));
        let purpose = crossing.purpose.to_string();
        for part in [
            crossing.to_id.as_ref().unwrap_or(&crossing.to).as_bytes(),
            crossing.system.as_bytes(),
            purpose.as_bytes(),
            crossing.basis.name().as_bytes(),
            inspected.kind.as_bytes(),
            identity.id.unwrap_or("").as_bytes(),
            identity.version.unwrap_or("").as_bytes(),
        ] {
            // Lengths first, so that no two different lists of parts give the same bytes.
            text.extend_from_slice(&(part.len() as u64).to_be_bytes());
            text.extend_from_slice(part);
        }
        text.extend_from_slice(&content);
        self.vault.digest(inspected.subject.as_ref(), &text)
    }

    /// Keeps the record back, in the vault.
    fn hold(
        &self,
        task: Task<'_>,
        subject: Option<&Subject>,
        entry: &Entry,
        findings: &[Finding],
    ) -> Result<HoldId, VaultError> {
        self.vault.hold(&Hold {
            crossing: task.crossing.id,
            record: entry.record,
            identity: entry.identity,
            body: task.record.body(),
            kind: &entry.kind,
            subject,
            findings,
            releasable: entry.verdict == Verdict::Quarantine,
        })
    }

    /// Names and versions of what inspects.
    pub(crate) fn versions(&self, formats: &[Arc<dyn Format>]) -> Vec<String> {
        let mut versions: Vec<String> = self.detectors.iter().map(|detector| detector.version()).collect();
        versions.extend(
            formats.iter().map(|format| format!("format {} {}", format.id(), env!("CARGO_PKG_VERSION"))),
        );
        versions.extend(formats.iter().flat_map(|format| format.goes_by()));
        versions.sort();
        versions
    }
}

/// What the policy sees of a record.
fn summarise(inspected: &Inspected<'_>, aim: Aim) -> FindingSummary {
    let labels = match aim {
        Aim::Pass => inspected.hits.iter().filter(|hit| !hit.is_remark).map(|hit| hit.label.kind).collect(),
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

/// What a model does not say of where it comes from.
fn unlinked(model: &ModelOrigin) -> Option<Finding> {
    let says = [
        (!model.datasets.is_empty(), "the datasets it was trained on"),
        (model.code.is_some(), "the code that trained it"),
        (model.run.is_some(), "the run that trained it"),
    ];
    let missing: Vec<&str> = says.iter().filter(|(said, _)| !said).map(|(_, what)| *what).collect();
    let what = || format!("the model does not name {}", missing.join(", nor "));
    (!missing.is_empty()).then(|| Finding::new(&UNLINKED, Locator::document(), what()))
}

/// The entry as the decision makes it, before anything is done about it.
fn entry_of(record: &dyn Record, inspected: &Inspected<'_>, decision: &Decision) -> Entry {
    let mut phi = BTreeMap::new();
    for hit in inspected.hits.iter().filter(|hit| !hit.is_remark) {
        bump(&mut phi, hit.label.to_string());
    }
    let place = record.place();
    Entry {
        record: place.number,
        line: place.line,
        format: record.format(),
        kind: inspected.kind.clone(),
        identity: KeyedDigest([0; 32]),
        digest_in: KeyedDigest([0; 32]),
        digest_out: None,
        file: file_of(record),
        verdict: decision.verdict,
        policies: decision.policies.to_vec(),
        findings: RecordedFinding::all(&inspected.findings),
        phi,
        edits: BTreeMap::new(),
        sensitivity: inspected.sensitivity.clone(),
        held: None,
        again: None,
        uninspected: None,
    }
}

/// The file that a record is, if it is one.
fn file_of(record: &dyn Record) -> Option<RecordedFile> {
    let Body::Stored(stored) = record.body() else { return None };
    Some(RecordedFile::of(stored))
}

fn bump(counts: &mut BTreeMap<String, u64>, key: String) {
    let count = counts.entry(key).or_default();
    *count = count.saturating_add(1);
}

fn subject_of(crossing: &Crossing, id: &str) -> Subject {
    Subject { system: crossing.system.clone(), id: id.to_owned().into() }
}
