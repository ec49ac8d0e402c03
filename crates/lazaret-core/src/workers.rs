//! The pool that runs every step, and how a step is run: under a deadline, with its panic caught.
//!
//! A thread cannot be stopped from outside. A step that passes its deadline is abandoned: its worker counts as
//! lost, a new one takes its place, and at a stated number of lost workers everything is refused.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use crate::{Job, Workers, WorkersRefused};

/// Jobs that may wait for each worker.
const QUEUE_PER_WORKER: usize = 4;

/// A pool of threads.
pub struct ThreadWorkers {
    shared: Arc<Shared>,
    width: usize,
    most_lost: usize,
}

struct Shared {
    state: Mutex<State>,
    job_waits: Condvar,
    place_free: Condvar,
    places: usize,
}

#[derive(Default)]
struct State {
    jobs: VecDeque<Job>,
    lost: usize,
    surplus: usize,
    shut: bool,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        // Jobs run outside the lock and catch their own panics, so a poisoned lock still guards whole state.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn work(&self) {
        loop {
            let mut state = self.lock();
            let job = loop {
                if state.surplus > 0 {
                    state.surplus -= 1;
                    return;
                }
                if let Some(job) = state.jobs.pop_front() {
                    break job;
                }
                if state.shut {
                    return;
                }
                state = self.job_waits.wait(state).unwrap_or_else(PoisonError::into_inner);
            };
            drop(state);
            self.place_free.notify_one();
            job();
        }
    }
}

impl ThreadWorkers {
    /// A pool of `width` threads that refuses everything once more than `most_lost` of its workers hang.
    pub fn new(width: usize, most_lost: usize) -> Arc<Self> {
        let width = width.max(1);
        let shared = Arc::new(Shared {
            state: Mutex::default(),
            job_waits: Condvar::new(),
            place_free: Condvar::new(),
            places: width.saturating_mul(QUEUE_PER_WORKER),
        });
        let pool = Arc::new(Self { shared, width, most_lost });
        for _ in 0..width {
            pool.spawn();
        }
        pool
    }

    fn spawn(&self) {
        let shared = Arc::clone(&self.shared);
        let spawned = thread::Builder::new().name("lazaret-worker".into()).spawn(move || shared.work());
        if spawned.is_err() {
            // The system gives no more threads: one worker fewer. With none left, deadlines pass and everything
            // is refused, which is the safe side.
            self.shared.lock().lost += 1;
        }
    }
}

impl Drop for ThreadWorkers {
    fn drop(&mut self) {
        self.shared.lock().shut = true;
        self.shared.job_waits.notify_all();
        self.shared.place_free.notify_all();
    }
}

impl Workers for ThreadWorkers {
    fn submit(&self, job: Job) -> Result<(), WorkersRefused> {
        let mut state = self.shared.lock();
        loop {
            if state.shut {
                return Err(WorkersRefused::Shut);
            }
            if state.lost > self.most_lost {
                return Err(WorkersRefused::TooManyLost { lost: state.lost });
            }
            if state.jobs.len() < self.shared.places {
                state.jobs.push_back(job);
                drop(state);
                self.shared.job_waits.notify_one();
                return Ok(());
            }
            state = self.shared.place_free.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn lost(&self) {
        let mut state = self.shared.lock();
        state.lost += 1;
        let replace = state.lost <= self.most_lost;
        drop(state);
        if replace {
            self.spawn();
        } else {
            self.shared.place_free.notify_all(); // whoever waits for a place is refused
        }
    }

    fn found(&self) {
        let mut state = self.shared.lock();
        state.lost = state.lost.saturating_sub(1);
        if state.lost < self.most_lost {
            state.surplus += 1; // its replacement is one too many now
        }
        drop(state);
        self.shared.job_waits.notify_one();
    }

    fn width(&self) -> usize {
        self.width
    }

    fn ready(&self) -> bool {
        self.shared.lock().lost <= self.most_lost
    }
}

/// Why a step gave no answer.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Failure {
    /// It answered with an error.
    #[error("failed")]
    Failed(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// It panicked.
    #[error("broke off (a fault in lazaret: please report it with the receipt id)")]
    Panicked,
    /// It passed its deadline.
    #[error("gave no answer within {} s", .0.as_secs())]
    Overdue(Duration),
    /// No worker would take it.
    #[error("was refused")]
    Refused(#[source] WorkersRefused),
}

impl Failure {
    /// From an error.
    pub fn from_error(error: impl std::error::Error + Send + Sync + 'static) -> Self {
        Self::Failed(Box::new(error))
    }
}

const RUNNING: u8 = 0;
const DONE: u8 = 1;
const LOST: u8 = 2;

/// A step under way.
pub(crate) struct Pending<T> {
    answer: Receiver<Option<T>>,
    state: Arc<AtomicU8>,
    workers: Arc<dyn Workers>,
}

/// Starts a step on a worker.
pub(crate) fn start<T: Send + 'static>(
    workers: &Arc<dyn Workers>,
    step: impl FnOnce() -> T + Send + 'static,
) -> Result<Pending<T>, Failure> {
    let (give, answer) = sync_channel(1);
    let state = Arc::new(AtomicU8::new(RUNNING));
    let (of_job, pool) = (Arc::clone(&state), Arc::clone(workers));
    let job = move || {
        if of_job.load(Ordering::Acquire) == LOST {
            pool.found(); // given up before it began
            return;
        }
        let answer = catch_unwind(AssertUnwindSafe(step)).ok();
        let was_lost =
            of_job.compare_exchange(RUNNING, DONE, Ordering::AcqRel, Ordering::Acquire) == Err(LOST);
        if was_lost {
            pool.found();
        }
        // Nobody may be waiting any more: then the answer is of no use.
        drop(give.send(answer));
    };
    workers.submit(Box::new(job)).map_err(Failure::Refused)?;
    Ok(Pending { answer, state, workers: Arc::clone(workers) })
}

impl<T> Pending<T> {
    /// Whether the step has ended, so that waiting for it takes no time.
    pub(crate) fn has_ended(&self) -> bool {
        self.state.load(Ordering::Acquire) == DONE
    }

    /// Waits for the answer. `went_on` is asked when the time is up: a step of many parts that went on since is
    /// given the same time again.
    pub(crate) fn wait(self, deadline: Duration, mut went_on: impl FnMut() -> bool) -> Result<T, Failure> {
        loop {
            match self.answer.recv_timeout(deadline) {
                Ok(Some(answer)) => return Ok(answer),
                Ok(None) | Err(RecvTimeoutError::Disconnected) => return Err(Failure::Panicked),
                Err(RecvTimeoutError::Timeout) if went_on() => {}
                Err(RecvTimeoutError::Timeout) => {
                    if self
                        .state
                        .compare_exchange(RUNNING, LOST, Ordering::AcqRel, Ordering::Acquire)
                        .is_err()
                    {
                        continue; // it ended this very moment: its answer is on the way
                    }
                    self.workers.lost();
                    return Err(Failure::Overdue(deadline));
                }
            }
        }
    }
}

/// A step nobody waits for any more may hang: its worker counts as lost until it comes back.
impl<T> Drop for Pending<T> {
    fn drop(&mut self) {
        if self.state.compare_exchange(RUNNING, LOST, Ordering::AcqRel, Ordering::Acquire).is_ok() {
            self.workers.lost();
        }
    }
}

/// Runs one step and waits for it.
pub(crate) fn run<T: Send + 'static>(
    workers: &Arc<dyn Workers>,
    deadline: Duration,
    step: impl FnOnce() -> T + Send + 'static,
) -> Result<T, Failure> {
    start(workers, step)?.wait(deadline, || false)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pool(width: usize, most_lost: usize) -> Arc<dyn Workers> {
        ThreadWorkers::new(width, most_lost)
    }

    const SOON: Duration = Duration::from_millis(30);

    #[test]
    fn a_step_answers_panics_or_is_overdue() {
        let workers = pool(1, 8);
        assert_eq!(run(&workers, SOON * 100, || 7).unwrap(), 7);
        assert!(matches!(run(&workers, SOON * 100, || panic!("inside a step")), Err(Failure::Panicked)));
        let (release, wait) = sync_channel::<()>(0);
        assert!(matches!(run(&workers, SOON, move || wait.recv().is_ok()), Err(Failure::Overdue(_))));
        assert_eq!(run(&workers, SOON * 100, || 8).unwrap(), 8, "a lost worker is replaced");
        drop(release);
    }

    #[test]
    fn too_many_lost_workers_refuse_everything_until_they_come_back() {
        let workers = pool(2, 1);
        let (release, wait) = sync_channel::<()>(0);
        let wait = Arc::new(Mutex::new(wait));
        for _ in 0..2 {
            let wait = Arc::clone(&wait);
            assert!(run(&workers, SOON, move || drop(wait.lock().map(|wait| wait.recv().is_ok()))).is_err());
        }
        assert!(!workers.ready());
        assert!(matches!(
            run(&workers, SOON, || 1),
            Err(Failure::Refused(WorkersRefused::TooManyLost { lost: 2 }))
        ));
        drop(release);
        for _ in 0..1_000 {
            if workers.ready() {
                break;
            }
            thread::sleep(Duration::from_millis(2));
        }
        assert_eq!(run(&workers, SOON * 100, || 1).unwrap(), 1);
    }

    #[test]
    fn a_step_that_goes_on_is_given_more_time() {
        let workers = pool(1, 1);
        let mut asked = 0;
        let answer = start(&workers, || thread::sleep(SOON * 3)).unwrap().wait(SOON, || {
            asked += 1;
            asked < 100
        });
        assert!(answer.is_ok() && asked > 0);
    }
}
