//! Judging ahead: a payload is read in batches, each judged on a worker while those before it are recorded. In the
//! batches' order their placeholders are numbered; what bears numbers is then written, on a worker again.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::amounts::Amount;
use crate::checkpoint::Parts;
use crate::judge::{Aim, Doing, Doings, Grave, Judged, Task};
use crate::numbers::Numbers;
use crate::stopped::Failed;
use crate::workers::{Pending, run, start};
use crate::{Body, Crossing, Failure, Payload, Profile, Record, Refused, Stage};

/// Most records in one batch.
const BATCH_RECORDS: usize = 64;
/// A batch is full at this many bytes.
const BATCH_BYTES: u64 = 512 * 1024;

/// Bytes of a file that are read in a second at the slowest.
const SLOWEST: u64 = 32 << 20;

/// Batches that one reading fetches: a worker is woken once for all of them.
const BATCHES_READ: usize = 4;

/// Batches on their way beyond one for each worker: enough that no worker waits for the reading or for a number, and no
/// more, since each holds its records in memory until it is recorded.
const SPARE: usize = 4;

/// A payload judged in batches, several ahead, given in order.
pub(crate) struct Batches {
    terms: Terms,
    source: Reader,
    ahead: VecDeque<(u64, Judging)>,
    numbers: Numbers,
    numbered: VecDeque<(u64, Writing)>,
    position: u64,
}

impl Batches {
    pub(crate) fn new(
        parts: &Arc<Parts>,
        payload: Box<dyn Payload>,
        crossing: &Arc<Crossing>,
        profile: &Arc<Profile>,
        aim: Aim,
    ) -> Self {
        Self {
            terms: Terms::new(parts, crossing, profile, aim),
            source: Reader::new(parts, payload),
            ahead: VecDeque::new(),
            numbers: Numbers::new(&parts.judge),
            numbered: VecDeque::new(),
            position: 0,
        }
    }

    /// Bytes of the source behind the batch given last.
    pub(crate) fn position(&self) -> u64 {
        self.position
    }

    /// The next batch, judged.
    pub(crate) fn next(&mut self) -> Result<Option<Vec<Judged>>, Failed> {
        let width = self.terms.parts.workers.width();
        loop {
            while self.ahead.len() + self.numbered.len() < width.saturating_add(SPARE) {
                // While something is being judged or written there is no hurry to wait for the reading.
                let idle = self.ahead.is_empty() && self.numbered.is_empty();
                let Some(Batch { records, position }) = self.source.next(idle)? else { break };
                self.ahead.push_back((position, Judging::start(&self.terms, records)?));
            }
            // Before the first is waited for, what may keep its workers is: a batch that hangs is given up there, and makes
            // room. Workers take their work in order, so few are numbered meanwhile.
            let is_written = self.numbered.front().is_some_and(|(_, writing)| writing.has_begun());
            if !is_written && let Some((position, judging)) = self.ahead.pop_front() {
                self.numbered.push_back((position, judging.number(&mut self.numbers)?));
                continue;
            }
            let Some((position, writing)) = self.numbered.pop_front() else { return Ok(None) };
            let judged = writing.wait()?;
            self.position = position;
            return Ok(Some(judged));
        }
    }
}

/// Records that are judged together.
pub(crate) struct Batch {
    pub(crate) records: Vec<Arc<dyn Record>>,
    /// Bytes of the source behind them.
    position: u64,
}

/// Reads a payload on a worker, a few batches ahead.
pub(crate) struct Reader {
    parts: Arc<Parts>,
    source: Arc<Mutex<Counted>>,
    read: VecDeque<Batch>,
    reading: Option<Pending<Fetched>>,
    /// How the payload ended, once it has.
    end: Option<Result<(), Refused>>,
}

/// What one reading gave. What comes before a fault is given before it.
struct Fetched {
    batches: Vec<Batch>,
    end: Option<Result<(), Refused>>,
}

impl Reader {
    pub(crate) fn new(parts: &Arc<Parts>, payload: Box<dyn Payload>) -> Self {
        Self {
            parts: Arc::clone(parts),
            source: Arc::new(Mutex::new(Counted {
                payload,
                records: Amount::of_records(&parts.judge.limits),
            })),
            read: VecDeque::new(),
            reading: None,
            end: None,
        }
    }

    /// The next batch. None at the payload's end and, unless told to `wait`, while the next is still being read.
    pub(crate) fn next(&mut self, wait: bool) -> Result<Option<Batch>, Failed> {
        let of_read = |failure| Failed { step: Stage::Read, record: None, failure };
        loop {
            let must = wait && self.read.is_empty();
            if let Some(reading) = self.reading.take_if(|reading| must || reading.has_ended()) {
                let fetched = reading.wait(self.parts.deadlines.call, || false).map_err(of_read)?;
                self.read.extend(fetched.batches);
                self.end = fetched.end;
            }
            if self.reading.is_none() && self.end.is_none() && self.read.len() < BATCHES_READ {
                self.reading = Some(self.fetch().map_err(of_read)?);
                if must {
                    continue;
                }
            }
            if let Some(batch) = self.read.pop_front() {
                return Ok(Some(batch));
            }
            return match self.end.take() {
                Some(Err(refused)) => Err(of_read(Failure::from_error(refused))),
                end => {
                    self.end = end;
                    Ok(None)
                }
            };
        }
    }

    /// Begins to read the next few batches.
    fn fetch(&self) -> Result<Pending<Fetched>, Failure> {
        let source = Arc::clone(&self.source);
        start(&self.parts.workers, move || {
            let mut source = source.lock().unwrap_or_else(PoisonError::into_inner);
            let mut batches = Vec::with_capacity(BATCHES_READ);
            while batches.len() < BATCHES_READ {
                match source.fill() {
                    Ok(records) if records.is_empty() => return Fetched { batches, end: Some(Ok(())) },
                    Ok(records) => batches.push(Batch { records, position: source.payload.position() }),
                    Err(refused) => return Fetched { batches, end: Some(Err(refused)) },
                }
            }
            Fetched { batches, end: None }
        })
    }
}

/// A payload whose records are counted.
struct Counted {
    payload: Box<dyn Payload>,
    records: Amount,
}

impl Counted {
    /// The records of one batch; none at the payload's end.
    fn fill(&mut self) -> Result<Vec<Arc<dyn Record>>, Refused> {
        let mut records = Vec::new();
        let mut bytes = 0_u64;
        while records.len() < BATCH_RECORDS && bytes < BATCH_BYTES {
            let Some(record) = self.payload.next()? else { break };
            self.records.add(1)?;
            bytes = bytes.saturating_add(record.body().len());
            records.push(record);
        }
        Ok(records)
    }
}

/// On what terms records are judged: the same for all of a payload.
#[derive(Clone)]
pub(crate) struct Terms {
    parts: Arc<Parts>,
    crossing: Arc<Crossing>,
    profile: Arc<Profile>,
    aim: Aim,
}

impl Terms {
    pub(crate) fn new(
        parts: &Arc<Parts>,
        crossing: &Arc<Crossing>,
        profile: &Arc<Profile>,
        aim: Aim,
    ) -> Self {
        Self { parts: Arc::clone(parts), crossing: Arc::clone(crossing), profile: Arc::clone(profile), aim }
    }

    fn task<'a>(&'a self, record: &'a dyn Record, doings: &'a Doings) -> Task<'a> {
        Task { crossing: &self.crossing, profile: &self.profile, record, aim: self.aim, doings }
    }
}

/// A batch being judged, or what of it bears numbers being written, on a worker.
pub(crate) struct Judging {
    terms: Terms,
    tasks: Vec<Assignment>,
    done: Arc<Done>,
    pending: Option<Pending<Result<(), Grave>>>,
}

/// A record that is to be judged or, if it is judged already, to be written.
#[derive(Clone)]
struct Assignment {
    record: Arc<dyn Record>,
    judged: Option<Arc<Judged>>,
}

/// What a batch has given so far; the waiting side sees how far it came.
#[derive(Default)]
struct Done {
    begun: AtomicBool,
    judged: Mutex<Vec<Judged>>,
    doings: Doings,
}

impl Done {
    fn lock(&self) -> MutexGuard<'_, Vec<Judged>> {
        self.judged.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Judging {
    pub(crate) fn start(terms: &Terms, records: Vec<Arc<dyn Record>>) -> Result<Self, Failed> {
        Self::of(terms, records.into_iter().map(|record| Assignment { record, judged: None }).collect())
    }

    fn of(terms: &Terms, tasks: Vec<Assignment>) -> Result<Self, Failed> {
        let mut judging = Self { terms: terms.clone(), tasks, done: Arc::default(), pending: None };
        judging.begin(0).map_err(|failure| Failed { step: Stage::Judge, record: None, failure })?;
        Ok(judging)
    }

    /// Waits for the batch, numbers its placeholders and begins to write what bears them. Called in the order of the
    /// batches.
    pub(crate) fn number(mut self, numbers: &mut Numbers) -> Result<Writing, Failed> {
        let judged = self.wait()?;
        let mut tasks = Vec::new();
        let mut all = Vec::with_capacity(judged.len());
        for (mut judged, Assignment { record, .. }) in judged.into_iter().zip(self.tasks) {
            let Some(draft) = &mut judged.draft else {
                all.push(Some(judged));
                continue;
            };
            let number = judged.entry.record;
            numbers.give(draft).map_err(|failure| Failed {
                step: Stage::Judge,
                record: Some(number),
                failure,
            })?;
            tasks.push(Assignment { record, judged: Some(Arc::new(judged)) });
            all.push(None);
        }
        let writing = if tasks.is_empty() { None } else { Some(Self::of(&self.terms, tasks)?) };
        Ok(Writing { all, writing })
    }

    /// Starts a worker on the records from the n-th on.
    fn begin(&mut self, from: usize) -> Result<(), Failure> {
        let terms = self.terms.clone();
        let tasks: Vec<_> = self.tasks.iter().skip(from).cloned().collect();
        let done = Arc::new(Done::default());
        self.done = Arc::clone(&done);
        self.pending = Some(start(&self.terms.parts.workers, move || {
            done.begun.store(true, Ordering::Release);
            for Assignment { record, judged } in tasks {
                let task = terms.task(record.as_ref(), &done.doings);
                let judged = match judged {
                    None => terms.parts.judge.judge(task)?,
                    Some(judged) => terms.parts.judge.write(task, &judged)?,
                };
                done.lock().push(judged);
            }
            Ok(())
        })?);
        Ok(())
    }

    /// Waits for the batch. A record that hangs is judged by its finding, and the rest goes on.
    fn wait(&mut self) -> Result<Vec<Judged>, Failed> {
        let mut all = Vec::with_capacity(self.tasks.len());
        while let Some(pending) = self.pending.take() {
            let done = Arc::clone(&self.done);
            let mut before = 0;
            let answer = pending.wait(self.deadline(), || {
                let now = done.lock().len();
                std::mem::replace(&mut before, now) < now
            });
            all.append(&mut done.lock());
            let number = self.tasks.get(all.len()).map(|task| task.record.place().number);
            match answer {
                Ok(Ok(())) => {}
                Ok(Err(grave)) => return Err(of_grave(grave, number)),
                Err(Failure::Overdue(after)) => {
                    let doing = done.doings.get();
                    let Some(Assignment { record: hung, .. }) = self.tasks.get(all.len()).cloned() else {
                        break;
                    };
                    if !doing.is_of_the_record() {
                        return Err(Failed {
                            step: step_of(doing),
                            record: number,
                            failure: Failure::Overdue(after),
                        });
                    }
                    all.push(self.judge_overdue(hung, doing)?);
                    if all.len() < self.tasks.len() {
                        self.begin(all.len()).map_err(|failure| Failed {
                            step: Stage::Judge,
                            record: number,
                            failure,
                        })?;
                    }
                }
                Err(failure) => {
                    return Err(Failed { step: step_of(done.doings.get()), record: number, failure });
                }
            }
        }
        Ok(all)
    }

    /// How long one record may take: a file that is read from the disk takes longer the longer it is.
    fn deadline(&self) -> Duration {
        let longest = self.tasks.iter().map(|task| match task.record.body() {
            Body::Held(_) => 0,
            Body::Stored(stored) => stored.file.len,
        });
        let more = Duration::from_secs(longest.max().unwrap_or(0) / SLOWEST);
        self.terms.parts.deadlines.record.saturating_add(more)
    }

    fn judge_overdue(&self, record: Arc<dyn Record>, doing: Doing) -> Result<Judged, Failed> {
        let (terms, number) = (self.terms.clone(), record.place().number);
        let done = Arc::new(Doings::default());
        let doings = Arc::clone(&done);
        run(&self.terms.parts.workers, self.deadline(), move || {
            terms.parts.judge.judge_overdue(terms.task(record.as_ref(), &doings), doing)
        })
        .map_err(|failure| Failed { step: step_of(done.get()), record: Some(number), failure })?
        .map_err(|grave| of_grave(grave, Some(number)))
    }
}

/// A judged batch of which some is still being written.
pub(crate) struct Writing {
    /// None for those.
    all: Vec<Option<Judged>>,
    writing: Option<Judging>,
}

impl Writing {
    /// Whether a worker has taken it up, if there is anything to write.
    fn has_begun(&self) -> bool {
        self.writing.as_ref().is_none_or(|writing| writing.done.begun.load(Ordering::Acquire))
    }

    /// Waits for the rest of the batch.
    pub(crate) fn wait(self) -> Result<Vec<Judged>, Failed> {
        let written = match self.writing {
            Some(mut writing) => writing.wait()?,
            None => Vec::new(),
        };
        let mut written = written.into_iter();
        let all: Option<Vec<_>> =
            self.all.into_iter().map(|judged| judged.or_else(|| written.next())).collect();
        all.ok_or(Failed { step: Stage::Judge, record: None, failure: Failure::Panicked })
    }
}

fn step_of(doing: Doing) -> Stage {
    match doing {
        Doing::Reading | Doing::Inspecting | Doing::Writing => Stage::Judge,
        Doing::Deciding => Stage::Decide,
        Doing::Vault => Stage::Vault,
        Doing::Ledger => Stage::Record,
    }
}

fn of_grave(grave: Grave, record: Option<u64>) -> Failed {
    let (step, failure) = match grave {
        Grave::Policy(error) => (Stage::Decide, Failure::from_error(error)),
        Grave::Vault(error) => (Stage::Vault, Failure::from_error(error)),
        Grave::Ledger(error) => (Stage::Record, Failure::from_error(error)),
        Grave::Panicked(doing) => (step_of(doing), Failure::Panicked),
    };
    Failed { step, record, failure }
}
