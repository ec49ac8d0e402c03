//! One crossing under way: opened, fed record by record, sealed. The only place where anything is cleared.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};

use crate::amounts::Amount;
use crate::batches::{Batches, Judging, Terms, Writing};
use crate::checkpoint::Parts;
use crate::judge::{Aim, Judged};
use crate::numbers::Numbers;
use crate::stopped::Failed;
use crate::workers::{Pending, run, start};
use crate::{
    Cleared, Counts, Crossing, CrossingId, Destination, Ending, Entry, Failure, Finding, HoldId, Opened,
    Output, Payload, Piece, Profile, Reached, Receipt, Record, Refused, Seal, Sealed, Stage, Stopped,
    Undelivered,
};

/// Most batches that wait for those before them to be recorded.
const MOST_WAITING: usize = 4;

/// One crossing under way. Dropped without [`Passage::seal`] or [`Passage::cut`] it stays unsealed, and is
/// sealed as cut at the next start.
pub struct Passage<'c> {
    parts: &'c Arc<Parts>,
    crossing: Arc<Crossing>,
    profile: Arc<Profile>,
    opened: Opened,
    counts: Counts,
    held: Amount,
    seen: HashSet<[u8; 16]>,
    /// Of the records fed one by one.
    numbers: Numbers,
}

impl<'c> Passage<'c> {
    pub(crate) fn open(parts: &'c Arc<Parts>, crossing: Crossing) -> Result<Self, Stopped> {
        let profile = parts.profile(crossing.basis);
        let held = Amount::of_held(&parts.judge.limits);
        let (crossing, shared) = (Arc::new(crossing), Arc::clone(parts));
        let (of_step, id) = (Arc::clone(&crossing), crossing.id);
        let name = profile.id().to_owned();
        let stopped =
            |step, failure| Stopped { crossing: id, step, record: None, reached: Reached::Nothing, failure };
        let opened = run(&parts.workers, parts.deadlines.call, move || {
            let from = shared
                .judge
                .vault
                .digest(None, of_step.from.expose().as_bytes())
                .map_err(|e| (Stage::Vault, Failure::from_error(e)))?;
            let versions = shared.judge.versions(&shared.formats);
            let opened = Opened::of(&of_step, from, &name, shared.judge.policy.version(), versions);
            shared.judge.ledger.open(&opened).map_err(|e| (Stage::Open, Failure::from_error(e)))?;
            Ok(opened)
        })
        .map_err(|failure| stopped(Stage::Open, failure))?
        .map_err(|(step, failure)| stopped(step, failure))?;
        Ok(Self {
            parts,
            crossing,
            profile,
            opened,
            counts: Counts::default(),
            held,
            seen: HashSet::new(),
            numbers: Numbers::new(&parts.judge),
        })
    }

    /// The crossing's id.
    pub fn id(&self) -> CrossingId {
        self.crossing.id
    }

    /// What was recorded at the beginning.
    pub fn opened(&self) -> &Opened {
        &self.opened
    }

    /// Judges one record and records what became of it.
    pub fn feed(&mut self, record: Arc<dyn Record>) -> Result<Fate, Stopped> {
        let terms = Terms::new(self.parts, &self.crossing, &self.profile, Aim::Pass);
        let judged = Judging::start(&terms, vec![record])
            .and_then(|judging| judging.number(&mut self.numbers))
            .and_then(Writing::wait)
            .map_err(|failed| self.failed(failed))?;
        let mut fates = self.take(judged, &mut |_| {})?;
        let entries = fates.iter().map(|(entry, _)| entry.clone()).collect();
        self.record(entries)?;
        let Some((entry, piece)) = fates.pop() else {
            return Err(self.stopped(Stage::Judge, None, Failure::Panicked));
        };
        Ok(match (piece, entry.held, entry.again) {
            (Some(piece), ..) => Fate::Cleared(piece),
            (None, Some(held), _) => Fate::Held(held),
            (None, None, Some(again)) => Fate::Again(again),
            (None, None, None) => {
                return Err(self.stopped(Stage::Judge, Some(entry.record), Failure::Panicked));
            }
        })
    }

    /// Ends the crossing: everything it did is durable, with a root over its entries.
    pub fn seal(self, outputs: Vec<Output>) -> Result<(Opened, Sealed), Stopped> {
        let (vault, id) = (Arc::clone(&self.parts.judge.vault), self.crossing.id);
        let at =
            |step, failure| Stopped { crossing: id, step, record: None, reached: Reached::Opened, failure };
        run(&self.parts.workers, self.parts.deadlines.call, move || vault.sync())
            .map_err(|failure| at(Stage::Vault, failure))?
            .map_err(|error| at(Stage::Vault, Failure::from_error(error)))?;
        let sealed = seal(self.parts, id, Ending::Complete, None, self.counts, outputs)
            .map_err(|failure| at(Stage::Seal, failure))?;
        Ok((self.opened, sealed))
    }

    /// Ends the crossing as cut. Best effort: if the ledger cannot record it, the next start does.
    pub fn cut(self, reason: &str) -> Option<Sealed> {
        let reason = Some(reason.to_owned());
        seal(self.parts, self.crossing.id, Ending::Cut, reason, self.counts, Vec::new()).ok()
    }

    /// Feeds a whole payload and seals. The judging of batches runs ahead in parallel; what they give is
    /// recorded and staged in order.
    pub(crate) fn pass(
        mut self,
        payload: Box<dyn Payload>,
        to: Box<dyn Destination>,
        watch: &mut dyn FnMut(Watch<'_>),
    ) -> Result<Receipt, Stopped> {
        let to = Arc::new(Mutex::new(to));
        let outcome = self.feed_all(payload, &to, watch).and_then(|()| self.finish(&to));
        let outputs = match outcome {
            Ok(outputs) => outputs,
            Err(stopped) => return Err(self.abandon(stopped, &to)),
        };
        let (parts, id) = (self.parts, self.crossing.id);
        let (opened, sealed) = match self.seal(outputs) {
            Ok(ends) => ends,
            Err(stopped) => {
                // Whether the ledger has the end is not known here: the next start finishes or undoes.
                return Err(stopped);
            }
        };
        let of_step = sealed.clone();
        on_destination(parts, &to, move |to| to.commit(&of_step)).map_err(|failure| Stopped {
            crossing: id,
            step: Stage::Commit,
            record: None,
            reached: Reached::Sealed,
            failure,
        })?;
        Ok(Receipt { opened, sealed })
    }

    fn feed_all(
        &mut self,
        payload: Box<dyn Payload>,
        to: &SharedDestination,
        watch: &mut dyn FnMut(Watch<'_>),
    ) -> Result<(), Stopped> {
        let mut batches = Batches::new(self.parts, payload, &self.crossing, &self.profile, Aim::Pass);
        let mut delivering: Option<Delivering> = None;
        let mut waiting = Load::default();
        while let Some(judged) = batches.next().map_err(|failed| self.failed(failed))? {
            let position = batches.position();
            waiting.add(self.take(judged, &mut |judged| watch(Watch::Record(judged)))?);
            watch(Watch::Position(position));
            // While the disk is busy with what came before, the judged waits and goes with one write.
            if delivering.as_ref().is_none_or(Delivering::has_ended) || waiting.batches >= MOST_WAITING {
                if let Some(before) = delivering.take() {
                    self.delivered(before)?;
                }
                delivering = Some(self.deliver(std::mem::take(&mut waiting), to)?);
            }
        }
        if let Some(before) = delivering {
            self.delivered(before)?;
        }
        if waiting.batches > 0 {
            let last = self.deliver(waiting, to)?;
            self.delivered(last)?;
        }
        Ok(())
    }

    /// Counts what was judged and clears the pieces: the one place where `Cleared` is made.
    fn take(
        &mut self,
        judged: Vec<Judged>,
        watch: &mut dyn FnMut(&Judgement<'_>),
    ) -> Result<Vec<Taken>, Stopped> {
        let mut taken = Vec::with_capacity(judged.len());
        for Judged { mut entry, findings, mut piece, .. } in judged {
            if piece.is_some() && !self.seen.insert(entry.identity.half()) {
                entry.again = Some(self.crossing.id); // twice in the same payload: once is enough
                entry.digest_out = None;
                piece = None;
            }
            self.counts.add(&entry);
            self.held.add(entry.held.is_some().into()).map_err(|refused| {
                self.stopped(Stage::Judge, Some(entry.record), Failure::from_error(refused))
            })?;
            watch(&Judgement { entry: &entry, findings: &findings });
            taken.push((entry, piece.map(Cleared::new)));
        }
        Ok(taken)
    }

    fn record(&self, entries: Vec<Entry>) -> Result<(), Stopped> {
        let (ledger, id) = (Arc::clone(&self.parts.judge.ledger), self.crossing.id);
        run(&self.parts.workers, self.parts.deadlines.call, move || ledger.record(id, entries))
            .and_then(|answer| answer.map_err(Failure::from_error))
            .map_err(|failure| self.stopped(Stage::Record, None, failure))
    }

    /// Records what was judged, then stages its pieces, on a worker.
    fn deliver(&self, load: Load, to: &SharedDestination) -> Result<Delivering, Stopped> {
        let Load { entries, pieces, .. } = load;
        let (ledger, id, to) = (Arc::clone(&self.parts.judge.ledger), self.crossing.id, Arc::clone(to));
        start(&self.parts.workers, move || {
            ledger.record(id, entries).map_err(|e| (Stage::Record, Failure::from_error(e)))?;
            let mut to = to.lock().unwrap_or_else(PoisonError::into_inner);
            for piece in pieces {
                to.stage(piece).map_err(|e| (Stage::Deliver, Failure::from_error(e)))?;
            }
            Ok(())
        })
        .map_err(|failure| self.stopped(Stage::Deliver, None, failure))
    }

    fn delivered(&self, delivering: Delivering) -> Result<(), Stopped> {
        delivering
            .wait(self.parts.deadlines.call, || false)
            .map_err(|failure| self.stopped(Stage::Deliver, None, failure))?
            .map_err(|(step, failure)| self.stopped(step, None, failure))
    }

    fn finish(&self, to: &SharedDestination) -> Result<Vec<Output>, Stopped> {
        // What the vault still gathers is written beside the last of the output. The seal asks once more.
        let vault = Arc::clone(&self.parts.judge.vault);
        let at_vault = |failure| self.stopped(Stage::Vault, None, failure);
        let syncing = start(&self.parts.workers, move || vault.sync()).map_err(at_vault)?;
        let finished = on_destination(self.parts, to, |to| to.finish());
        let synced = syncing.wait(self.parts.deadlines.call, || false);
        let outputs = finished.map_err(|failure| self.stopped(Stage::Finish, None, failure))?;
        synced.and_then(|synced| synced.map_err(Failure::from_error)).map_err(at_vault)?;
        Ok(outputs)
    }

    /// Undoes the destination's output and seals as cut, as far as both still answer.
    fn abandon(self, stopped: Stopped, to: &SharedDestination) -> Stopped {
        // A destination that hangs keeps its lock: then the next start undoes.
        if to.try_lock().is_ok() {
            let _undone = on_destination(self.parts, to, |to| {
                to.undo();
                Ok::<(), Undelivered>(())
            });
        }
        // Of the failure only a rule's id is said: an error's text may come from anywhere.
        let rule = match &stopped.failure {
            Failure::Failed(cause) => cause.downcast_ref::<Refused>().map(|refused| refused.rule),
            _ => None,
        };
        let reason =
            rule.map_or_else(|| stopped.step.to_string(), |rule| format!("{}: {rule}", stopped.step));
        let _sealed = self.cut(&reason);
        stopped
    }

    fn stopped(&self, step: Stage, record: Option<u64>, failure: Failure) -> Stopped {
        Stopped { crossing: self.crossing.id, step, record, reached: Reached::Opened, failure }
    }

    fn failed(&self, failed: Failed) -> Stopped {
        self.stopped(failed.step, failed.record, failed.failure)
    }
}

/// The fate of one record.
#[derive(Debug)]
pub enum Fate {
    /// It may go on.
    Cleared(Cleared<Piece>),
    /// It is kept back.
    Held(HoldId),
    /// It had crossed before; nothing is to be done.
    Again(CrossingId),
}

/// What a watcher of a crossing sees.
#[derive(Debug)]
pub enum Watch<'a> {
    /// A record was judged.
    Record(&'a Judgement<'a>),
    /// So many bytes of the source were read.
    Position(u64),
}

/// A record's entry, and its findings in full.
#[derive(Debug)]
pub struct Judgement<'a> {
    /// What is recorded.
    pub entry: &'a Entry,
    /// With messages, for the operator's own terminal.
    pub findings: &'a [Finding],
}

/// Batches that were judged and are to be recorded and staged together.
#[derive(Default)]
struct Load {
    batches: usize,
    entries: Vec<Entry>,
    pieces: Vec<Cleared<Piece>>,
}

impl Load {
    fn add(&mut self, judged: Vec<Taken>) {
        self.batches += 1;
        for (entry, piece) in judged {
            self.entries.push(entry);
            self.pieces.extend(piece);
        }
    }
}

/// What is recorded of a record, and what may go on.
type Taken = (Entry, Option<Cleared<Piece>>);
type SharedDestination = Arc<Mutex<Box<dyn Destination>>>;
type Delivering = Pending<Result<(), (Stage, Failure)>>;

fn on_destination<T: Send + 'static>(
    parts: &Arc<Parts>,
    to: &SharedDestination,
    step: impl FnOnce(&mut dyn Destination) -> Result<T, Undelivered> + Send + 'static,
) -> Result<T, Failure> {
    let to = Arc::clone(to);
    run(&parts.workers, parts.deadlines.call, move || {
        step(to.lock().unwrap_or_else(PoisonError::into_inner).as_mut())
    })?
    .map_err(Failure::from_error)
}

fn seal(
    parts: &Arc<Parts>,
    crossing: CrossingId,
    ending: Ending,
    reason: Option<String>,
    counts: Counts,
    outputs: Vec<Output>,
) -> Result<Sealed, Failure> {
    let shared = Arc::clone(parts);
    run(&parts.workers, parts.deadlines.call, move || {
        let ended = shared.clock.now();
        shared.judge.ledger.seal(&Seal { crossing, ending, reason, ended, counts, outputs })
    })?
    .map_err(Failure::from_error)
}
