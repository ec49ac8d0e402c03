//! The checkpoint: holds formats, detectors, policy, vault and ledger, and joins them. Start here.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use serde::Serialize;

use crate::amounts::Amount;
use crate::batches::{Batches, Reader};
use crate::judge::{Aim, Judge};
use crate::stopped::{Failed, Reached};
use crate::workers::{Pending, start};
use crate::{
    Basis, Clock, Counts, Crossing, Deadlines, Destination, Detector, Failure, Finding, Format, FormatId,
    Ledger, Likeness, Limits, Passage, Payload, Policy, Profile, Receipt, Record, RecordPlace, Refused,
    Rewriter, Source, Stage, Stopped, Vault, VaultError, Verdict, Watch, Workers,
};

/// What every passage shares.
pub(crate) struct Parts {
    pub(crate) judge: Judge,
    pub(crate) formats: Vec<Arc<dyn Format>>,
    pub(crate) workers: Arc<dyn Workers>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) deadlines: Deadlines,
    profiles: BTreeMap<Basis, Arc<Profile>>,
}

impl Parts {
    pub(crate) fn profile(&self, basis: Basis) -> Arc<Profile> {
        self.profiles.get(&basis).cloned().unwrap_or_else(|| Arc::new(Profile::of(basis)))
    }
}

/// What a checkpoint is made of.
pub struct CheckpointParts {
    /// The formats it reads, each tried by content.
    pub formats: Vec<Arc<dyn Format>>,
    /// The detectors that look at every text.
    pub detectors: Vec<Arc<dyn Detector>>,
    /// Decides.
    pub policy: Arc<dyn Policy>,
    /// Keeps secrets, tokens and held records.
    pub vault: Arc<dyn Vault>,
    /// Records.
    pub ledger: Arc<dyn Ledger>,
    /// Makes values coarser, moves dates.
    pub rewriter: Arc<dyn Rewriter>,
    /// Runs the steps.
    pub workers: Arc<dyn Workers>,
    /// Tells the time.
    pub clock: Arc<dyn Clock>,
    /// How long steps may take.
    pub deadlines: Deadlines,
    /// The limits in force.
    pub limits: Limits,
    /// Profiles that replace the built-in one of their basis.
    pub profiles: BTreeMap<Basis, Profile>,
}

/// Inspects, decides, records.
pub struct Checkpoint {
    parts: Arc<Parts>,
}

/// What a look at one record gave.
#[derive(Debug, Clone, Serialize)]
pub struct RecordReport {
    /// Where it stands.
    #[serde(flatten)]
    pub place: RecordPlace,
    /// Its format.
    pub format: FormatId,
    /// Its kind; empty if it could not be read.
    pub kind: String,
    /// The verdict of validation and policy, before de-identification.
    pub verdict: Verdict,
    /// Ids of the policies that decided.
    pub policies: Vec<String>,
    /// Identifiers by label.
    pub phi: BTreeMap<String, u64>,
    /// What is wrong with it.
    pub findings: Vec<Finding>,
}

impl Checkpoint {
    /// Joins the parts.
    pub fn new(parts: CheckpointParts) -> Self {
        let judge = Judge {
            detectors: parts.detectors,
            policy: parts.policy,
            vault: parts.vault,
            ledger: parts.ledger,
            rewriter: parts.rewriter,
            limits: parts.limits,
        };
        let profiles =
            parts.profiles.into_iter().map(|(basis, profile)| (basis, Arc::new(profile))).collect();
        Self {
            parts: Arc::new(Parts {
                judge,
                formats: parts.formats,
                workers: parts.workers,
                clock: parts.clock,
                deadlines: parts.deadlines,
                profiles,
            }),
        }
    }

    /// Whether it can inspect: false once too many workers hang.
    pub fn ready(&self) -> bool {
        self.parts.workers.ready()
    }

    /// By what it decides now: the policy, and names and versions of formats and detectors.
    pub fn goes_by(&self) -> String {
        let judge = &self.parts.judge;
        format!("{}\n{}", judge.policy.version(), judge.versions(&self.parts.formats).join("\n"))
    }

    /// Opens a source with the format that knows it best. A format whose content agrees goes before one that
    /// only knows the name; of equals the first registered.
    pub fn recognise(&self, source: &Arc<dyn Source>) -> Result<(FormatId, Box<dyn Payload>), Refused> {
        let mut head = vec![0_u8; HEAD];
        let read = source
            .read_at(0, &mut head)
            .map_err(|error| Refused::new(crate::UNINSPECTABLE.id, error.to_string()))?;
        head.truncate(read);
        let hint = source.hint();
        let mut best: Option<(Likeness, &Arc<dyn Format>)> = None;
        for format in &self.parts.formats {
            let likeness = format.recognise(&head, &hint);
            if likeness > best.map_or(Likeness::No, |(most, _)| most) {
                best = Some((likeness, format));
            }
        }
        let Some((_, format)) = best else {
            return Err(Refused::new("format.unknown", "no known format: not inspected"));
        };
        Ok((format.id(), format.open(Arc::clone(source), &self.parts.judge.limits)?))
    }

    /// Looks only: no destination, no receipt. The verdict is validation's and the policy's, before
    /// de-identification.
    pub fn inspect(
        &self,
        crossing: Crossing,
        payload: Box<dyn Payload>,
        visit: &mut dyn FnMut(RecordReport),
    ) -> Result<Counts, Stopped> {
        let profile = self.parts.profile(crossing.basis);
        let crossing = Arc::new(crossing);
        let mut batches = Batches::new(&self.parts, payload, &crossing, &profile, Aim::Look);
        let mut counts = Counts::default();
        let mut held = Amount::of_held(&self.parts.judge.limits);
        while let Some(judged) = batches.next().map_err(|failed| before_opening(&crossing, failed))? {
            for judged in judged {
                counts.add(&judged.entry);
                held.add(judged.entry.verdict.holds().into()).map_err(|refused| {
                    let (record, failure) = (Some(judged.entry.record), Failure::from_error(refused));
                    before_opening(&crossing, Failed { step: Stage::Judge, record, failure })
                })?;
                visit(RecordReport {
                    place: RecordPlace { number: judged.entry.record, line: judged.entry.line },
                    format: judged.entry.format,
                    kind: judged.entry.kind,
                    verdict: judged.entry.verdict,
                    policies: judged.entry.policies,
                    phi: judged.entry.phi,
                    findings: judged.findings,
                });
            }
        }
        Ok(counts)
    }

    /// A first pass over a payload: learns what its records say of the patients they describe, so that this is
    /// sought in notes that lie in other files. Returns how many facts were learnt.
    pub fn survey(&self, crossing: &Crossing, payload: Box<dyn Payload>) -> Result<u64, Stopped> {
        let stopped = |failed| before_opening(crossing, failed);
        let mut batches = Reader::new(&self.parts, payload);
        let of_step = Arc::new(crossing.clone());
        let most_ahead = self.parts.workers.width().saturating_add(1);
        let mut ahead = VecDeque::new();
        let mut learnt = 0_u64;
        loop {
            while ahead.len() < most_ahead {
                let Some(batch) = batches.next(ahead.is_empty()).map_err(stopped)? else { break };
                ahead.push_back(self.learn(&of_step, batch.records).map_err(stopped)?);
            }
            let Some(learning) = ahead.pop_front() else { return Ok(learnt) };
            let facts = learning.wait(self.parts.deadlines.call, || false);
            let facts = facts.and_then(|facts| facts.map_err(Failure::from_error));
            learnt = learnt.saturating_add(facts.map_err(|failure| stopped(of_vault(failure)))?);
        }
    }

    /// Learns what records say of the subjects they describe, on a worker.
    fn learn(
        &self,
        crossing: &Arc<Crossing>,
        records: Vec<Arc<dyn Record>>,
    ) -> Result<Pending<Result<u64, VaultError>>, Failed> {
        let (parts, crossing) = (Arc::clone(&self.parts), Arc::clone(crossing));
        let learning = start(&self.parts.workers, move || {
            let mut describing = records.iter().filter(|record| record.may_describe_subject());
            describing.try_fold(0_u64, |sum, record| {
                parts.judge.learn(&crossing, record.as_ref()).map(|facts| sum.saturating_add(facts))
            })
        });
        learning.map_err(of_vault)
    }

    /// Begins a crossing. Returns when the *opened* receipt is durable.
    pub fn open(&self, crossing: Crossing) -> Result<Passage<'_>, Stopped> {
        Passage::open(&self.parts, crossing)
    }

    /// The whole-payload form: opens, feeds every record, seals, commits.
    pub fn pass(
        &self,
        crossing: Crossing,
        payload: Box<dyn Payload>,
        to: Box<dyn Destination>,
        watch: &mut dyn FnMut(Watch<'_>),
    ) -> Result<Receipt, Stopped> {
        self.open(crossing)?.pass(payload, to, watch)
    }
}

/// How much of a source formats see to recognise it.
const HEAD: usize = 16 * 1024;

fn of_vault(failure: Failure) -> Failed {
    Failed { step: Stage::Vault, record: None, failure }
}

fn before_opening(crossing: &Crossing, failed: Failed) -> Stopped {
    Stopped {
        crossing: crossing.id,
        step: failed.step,
        record: failed.record,
        reached: Reached::Nothing,
        failure: failed.failure,
    }
}
