//! Records in the ledger what the webhook noted: where models run, where they no longer do, what was found in them.
//!
//! The ledger takes one writer at a time. Where this process has it open, that is used; else it is opened for as long as
//! something is written, so that models are passed and admitted by others meanwhile. What could not be written yet waits on
//! disk.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use lazaret_core::Sha256;
use lazaret_ledger::{LedgerReader, SqliteLedger, StoreError};
use lazaret_traffic::admission::notes::{Note, Place, Waiting};
use lazaret_vault::SqliteVault;
use serde::{Deserialize, Serialize};

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
/// Places that are remembered so as not to be recorded twice.
const MOST_PLACES: usize = 500_000;
const PAGE: u32 = 1_000;

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
    /// As what the model is named there.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub(crate) model: String,
    /// When it was let in, or ended; it may have been recorded later.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(crate) when: String,
}

impl RunEvent {
    fn new(at: &Place, model: &str, when: &str) -> Self {
        let Place { cluster, namespace, kind, name } = at.clone();
        Self {
            cluster,
            namespace,
            kind,
            name,
            model: model.chars().take(1_000).collect(),
            when: when.to_owned(),
        }
    }

    /// Whether another is about the same workload.
    pub(crate) fn is_at(&self, other: &Self) -> bool {
        self.cluster == other.cluster
            && self.namespace == other.namespace
            && self.kind == other.kind
            && self.name == other.name
    }

    fn place(self) -> Place {
        Place { cluster: self.cluster, namespace: self.namespace, kind: self.kind, name: self.name }
    }
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
    /// Whether a file is known to run at a place; none until it was read from the ledger.
    known: Mutex<Option<Known>>,
}

/// Whether a file runs at a place, and since when that is known.
type Known = HashMap<(Sha256, Place), (bool, String)>;

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
        if known.as_ref().is_none_or(|known| known.len() > MOST_PLACES) {
            *known = Some(read(ledger.reader())?);
        }
        let known = known.get_or_insert_default();
        for note in notes {
            match note {
                Note::Runs { sha256, model, at, when, .. } => {
                    let was = known.get(&(*sha256, at.clone()));
                    if was.is_none_or(|(runs, since)| !runs && since < when) {
                        ledger.append_about(*sha256, RUNS, &RunEvent::new(at, model, when))?;
                        known.insert((*sha256, at.clone()), (true, when.clone()));
                    }
                }
                Note::Ended { sha256, at, when } => {
                    // What was never seen to run has not ended.
                    if known.get(&(*sha256, at.clone())).is_some_and(|(runs, since)| *runs && since < when) {
                        ledger.append_about(*sha256, ENDED, &RunEvent::new(at, "", when))?;
                        known.insert((*sha256, at.clone()), (false, when.clone()));
                    }
                }
                Note::Alert { sha256, .. } => {
                    // By what the ledger says now, not by what was noted.
                    if let Some(trouble) = self.duty.trouble(ledger.reader(), *sha256)? {
                        Duty::raise(ledger, &trouble)?;
                    }
                }
            }
        }
        Ok(())
    }
}

/// The body of an event about a file.
#[derive(Deserialize)]
struct Body {
    about: String,
    event: RunEvent,
}

/// Where files run by the ledger, the last word of each; at most so many.
fn read(ledger: &LedgerReader) -> Result<Known, StoreError> {
    let mut known = Known::new();
    for (kind, runs) in [(RUNS, true), (ENDED, false)] {
        let mut before = None;
        loop {
            let page = ledger.events(kind, before, PAGE)?;
            let Some(last) = page.last() else { break };
            before = Some(last.index);
            for leaf in page {
                let read = |source| StoreError::Unreadable { index: leaf.index, source };
                let Body { about, event } = serde_json::from_str(&leaf.body).map_err(read)?;
                let Some(file) = Sha256::parse(&about) else { continue };
                let when = event.when.clone();
                let last = known.entry((file, event.place())).or_insert_with(|| (runs, when.clone()));
                if last.1 < when {
                    *last = (runs, when);
                }
            }
            if known.len() >= MOST_PLACES {
                break;
            }
        }
    }
    Ok(known)
}

fn of_ledger(error: StoreError) -> CliError {
    CliError::failed("the ledger could not be written", error)
}
