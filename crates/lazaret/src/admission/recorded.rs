//! Records in the ledger what the webhook noted: where models run, where they no longer do, what was found in them.
//!
//! The ledger takes one writer at a time. Where this process has it open, that is used; else it is opened for as long as
//! something is written, so that models are passed and admitted by others meanwhile. What could not be written yet waits on
//! disk.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use lazaret_ledger::{SqliteLedger, StoreError};
use lazaret_traffic::admission::named::Model;
use lazaret_traffic::admission::notes::{Note, Place, Waiting};
use lazaret_vault::SqliteVault;
use serde::{Deserialize, Serialize};

use crate::admission::places::{MOST_PLACES, Places};
use crate::admission::verdicts::Duty;
use crate::compose::Data;
use crate::config::Config;
use crate::exit::{CliError, chain};

/// A workload with a file was let in.
pub(crate) const RUNS: &str = "models.runs";
/// It was deleted, or has the file no longer.
pub(crate) const ENDED: &str = "models.ended";

/// How long notes wait, so that many are written together.
const PAUSE: Duration = Duration::from_secs(2);
/// How often the end is looked for.
const STEP: Duration = Duration::from_millis(100);

/// What is recorded of where a file runs.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct RunEvent {
    /// The cluster, by its name in the settings.
    pub(crate) cluster: String,
    /// The namespace; empty for what is the cluster's.
    pub(crate) namespace: String,
    /// The kind of the workload.
    pub(crate) kind: String,
    /// Its name.
    pub(crate) name: String,
    /// As what the model is named there, that was cleared: what was let in so once stays let in.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub(crate) model: String,
    /// The same of one that was not cleared, which mode observe lets in.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub(crate) not_cleared: String,
    /// When it was let in, or ended; it may have been recorded later.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(crate) when: String,
}

impl RunEvent {
    fn new(at: &Place, model: &str, is_cleared: bool, when: &str) -> Self {
        let Place { cluster, namespace, kind, name } = at.clone();
        let (model, not_cleared) =
            if is_cleared { (cut(model), String::new()) } else { (String::new(), cut(model)) };
        Self { cluster, namespace, kind, name, model, not_cleared, when: when.to_owned() }
    }

    /// As what a model is named in an event.
    pub(crate) fn named(model: &Model) -> String {
        cut(&model.to_string())
    }

    /// Where it is.
    pub(crate) fn place(&self) -> Place {
        let Self { cluster, namespace, kind, name, .. } = self;
        let [cluster, namespace, kind, name] = [cluster, namespace, kind, name].map(Clone::clone);
        Place { cluster, namespace, kind, name }
    }
}

fn cut(model: &str) -> String {
    model.chars().take(1_000).collect()
}

/// The ledger that is written to.
pub(crate) enum Target {
    /// Open in this process.
    Open(Arc<SqliteLedger>),
    /// Opened for as long as something is written.
    When(Box<Config>, Arc<SqliteVault>),
}

/// Records notes, on a thread of its own.
pub(crate) struct Recorder {
    ended: Arc<AtomicBool>,
    thread: Option<std::thread::JoinHandle<()>>,
}

impl Recorder {
    /// Begins.
    pub(crate) fn start(waiting: Arc<Waiting>, into: Target, duty: Duty) -> std::io::Result<Self> {
        let ended = Arc::new(AtomicBool::new(false));
        let told = Arc::clone(&ended);
        let sink = Sink { into, duty, known: Mutex::default() };
        let thread = std::thread::Builder::new().name("recorder".into()).spawn(move || {
            let mut waited = Duration::ZERO;
            loop {
                let is_last = told.load(Ordering::Acquire);
                if is_last || waited >= PAUSE {
                    waited = Duration::ZERO;
                    sink.hand_over(&waiting);
                }
                if is_last {
                    return;
                }
                std::thread::sleep(STEP);
                waited = waited.saturating_add(STEP);
            }
        })?;
        Ok(Self { ended, thread: Some(thread) })
    }
}

impl Drop for Recorder {
    /// What waits is recorded, if that can be done now; else at the next start.
    fn drop(&mut self) {
        self.ended.store(true, Ordering::Release);
        if let Some(thread) = self.thread.take() {
            let _broke_off = thread.join();
        }
    }
}

struct Sink {
    into: Target,
    duty: Duty,
    /// Where files are known to run; none until it was read from the ledger.
    known: Mutex<Option<Places>>,
}

impl Sink {
    fn hand_over(&self, waiting: &Waiting) {
        let batch = match waiting.take() {
            Ok(None) => return,
            Ok(Some(batch)) => batch,
            Err(error) => {
                tracing::error!(cause = chain(&error), "notes of where models run cannot be read");
                return;
            }
        };
        match self.write(batch.notes()) {
            Ok(()) => {
                if let Err(error) = waiting.done(batch) {
                    tracing::error!(cause = chain(&error), "notes that were recorded cannot be removed");
                }
            }
            Err(error) => tracing::warn!(cause = chain(&error), "where models run waits to be recorded"),
        }
    }

    fn write(&self, notes: &[Note]) -> Result<(), CliError> {
        match &self.into {
            Target::Open(ledger) => self.append(ledger, notes).map_err(of_ledger),
            Target::When(config, vault) => {
                let data = Data::open_over(config, Arc::clone(vault))?;
                self.append(&data.ledger, notes).map_err(of_ledger)?;
                data.close()
            }
        }
    }

    fn append(&self, ledger: &SqliteLedger, notes: &[Note]) -> Result<(), StoreError> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let known = match &mut *known {
            Some(known) => known,
            none => none.insert(Places::read(ledger.reader(), MOST_PLACES)?),
        };
        for note in notes {
            match note {
                Note::Runs { sha256, model, cleared, at, when, .. } => {
                    let key = (*sha256, at.clone());
                    let is_known = || ledger.reader().has_event_of_model(*sha256, RUNS, &cut(model));
                    // What was only observed when it began may be cleared since.
                    if known.begins(&key, when) || *cleared && known.runs(&key) && !is_known()? {
                        ledger.append_about(*sha256, RUNS, &RunEvent::new(at, model, *cleared, when))?;
                        known.put(key, true, when.clone());
                    }
                }
                Note::Ended { sha256, at, when } => {
                    let key = (*sha256, at.clone());
                    if known.ends(&key, when) {
                        ledger.append_about(*sha256, ENDED, &RunEvent::new(at, "", true, when))?;
                        known.put(key, false, when.clone());
                    }
                }
                Note::Alert { sha256, .. } => {
                    // By what the ledger says now, not by what was noted.
                    if let Some(trouble) = self.duty.trouble(ledger.reader(), *sha256, None)? {
                        Duty::raise(ledger, &trouble)?;
                    }
                }
            }
        }
        Ok(())
    }
}

fn of_ledger(error: StoreError) -> CliError {
    CliError::failed("the ledger could not be written", error)
}
