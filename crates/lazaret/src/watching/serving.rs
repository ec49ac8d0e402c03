//! A server's threads, one for each folder of the settings, and what is shown of them. A fault is logged and shown, and ends
//! nothing: what did not pass is tried again. Paths and names that are in no ledger go to the operator's
//! terminal alone, so neither logs nor pages have them.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use lazaret_core::{Clock as _, SystemClock, Timestamp};

use super::{Became, Folder, Inbox, Outcome, Passes, Place, WATCHED, Waits, is_admitted, pass};
use crate::commands::policy::of_ledger;
use crate::compose::Data;
use crate::config::Config;
use crate::exit::{CliError, chain};
use crate::registry::Registry;

/// How long a server that ends waits for a model that is passing.
const LAST_MODEL: Duration = Duration::from_secs(2);
/// How long a thread sleeps without looking whether the server ends.
const LOOK_AGAIN: Duration = Duration::from_millis(100);

/// What is said of a model whose files are not read at all.
const NO_NAME: &str =
    "it is a link or has one in it, has no file, two of one name, or a name that no model can have";

/// What is shown of a folder.
#[derive(Debug, Clone, Default)]
pub(crate) struct Shown {
    /// Its name in the settings.
    pub(crate) name: String,
    /// When it was looked into last.
    pub(crate) looked: Option<Timestamp>,
    /// Models that passed since the server began, and files of them that were held.
    pub(crate) passed: u64,
    pub(crate) held: u64,
    /// Models that did not pass at the last look.
    pub(crate) not_passed: u64,
    /// Why the last look went wrong.
    pub(crate) fault: Option<String>,
}

/// The folders of the settings.
pub(crate) struct Folders {
    folders: Vec<(String, Folder)>,
    shown: Arc<Mutex<Vec<Shown>>>,
}

impl Folders {
    /// Those of the settings; none of them lies in another, whose models would pass twice.
    pub(crate) fn of(config: &Config) -> Result<Self, CliError> {
        let mut folders: Vec<(String, Folder)> = Vec::new();
        for (name, line) in config.named(WATCHED) {
            let wrong = |why: String| CliError::Usage(format!("`{WATCHED}{name}`: {why}"));
            let folder = Folder::parse(name, line).map_err(wrong)?;
            let place = place(&folder.inbox);
            for (other, known) in &folders {
                let known = self::place(&known.inbox);
                if place.starts_with(&known) || known.starts_with(&place) {
                    return Err(wrong(format!(
                        "its models are also those of `{other}`, so they would pass twice"
                    )));
                }
            }
            folders.push((name.to_owned(), folder));
        }
        let shown = |(name, _): &(String, Folder)| Shown { name: name.clone(), ..Shown::default() };
        let shown = Arc::new(Mutex::new(folders.iter().map(shown).collect()));
        Ok(Self { folders, shown })
    }

    /// Whether there is none.
    pub(crate) fn is_empty(&self) -> bool {
        self.folders.is_empty()
    }

    /// Each by its name.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &(String, Folder)> {
        self.folders.iter()
    }

    /// What is shown of them, as it changes.
    pub(crate) fn shown(&self) -> Arc<Mutex<Vec<Shown>>> {
        Arc::clone(&self.shown)
    }
}

/// Where a folder lies, by whatever name; as it is named while it is not there.
fn place(folder: &Path) -> PathBuf {
    folder.canonicalize().or_else(|_| std::path::absolute(folder)).unwrap_or_else(|_| folder.to_owned())
}

/// A server that watches folders, until it is dropped.
pub(crate) struct Watching {
    ends: Arc<AtomicBool>,
    threads: Vec<JoinHandle<()>>,
}

impl Watching {
    /// Watches the folders over this data.
    pub(crate) fn begin(folders: Folders, data: &Arc<Data>, config: &Config) -> Result<Self, CliError> {
        let mut watching = Self { ends: Arc::default(), threads: Vec::new() };
        for (number, (name, folder)) in folders.folders.into_iter().enumerate() {
            // What is wrong with rules, keys or the store is known before anything is served.
            Registry::open(data, &folder.over(config))?;
            let mut serving = Serving {
                data: Arc::clone(data),
                config: config.clone(),
                ends: Arc::clone(&watching.ends),
                waits: Waits::new(folder.interval),
                place: Arc::new(Place::open(&folder.inbox, config)?),
                folder,
                shown: Shown { name, ..Shown::default() },
            };
            let (place, ends) = (Arc::clone(&folders.shown), Arc::clone(&watching.ends));
            let watch = move || {
                let mut inbox = Inbox::default();
                while !ends.load(Ordering::Relaxed) {
                    serving.look(&mut inbox);
                    if let Some(shown) = place.lock().unwrap_or_else(PoisonError::into_inner).get_mut(number)
                    {
                        shown.clone_from(&serving.shown);
                    }
                    let looked = Instant::now();
                    while looked.elapsed() < serving.folder.interval && !ends.load(Ordering::Relaxed) {
                        std::thread::sleep(LOOK_AGAIN.min(serving.folder.interval));
                    }
                }
            };
            let thread = std::thread::Builder::new().name("watch".to_owned()).spawn(watch);
            watching.threads.push(thread.map_err(|error| CliError::failed("watching folders", error))?);
        }
        Ok(watching)
    }
}

impl Drop for Watching {
    /// A model that is passing is waited for as long as one may; then its crossing is cut, and it passes at the next start.
    fn drop(&mut self) {
        self.ends.store(true, Ordering::Relaxed);
        let last = Instant::now();
        while self.threads.iter().any(|thread| !thread.is_finished()) && last.elapsed() < LAST_MODEL {
            std::thread::sleep(LOOK_AGAIN);
        }
    }
}

/// One folder.
struct Serving {
    data: Arc<Data>,
    config: Config,
    folder: Folder,
    place: Arc<Place>,
    ends: Arc<AtomicBool>,
    waits: Waits,
    shown: Shown,
}

impl Serving {
    fn look(&mut self, inbox: &mut Inbox) {
        let before = self.shown.fault.take();
        self.shown.not_passed = 0;
        let place = Arc::clone(&self.place);
        if let Err(error) = inbox.look(&place, false, self) {
            self.shown.fault = Some(without_path(&error));
        }
        self.shown.looked = Some(SystemClock.now());
        let Shown { name, not_passed, fault, .. } = &self.shown;
        match fault {
            Some(why) if before.as_ref() != Some(why) => {
                tracing::error!(watch = name, why, not_passed, "not all of a folder passes");
            }
            None if before.is_some() => tracing::warn!(watch = name, "all of a folder passes again"),
            _ => {}
        }
    }

    fn waits(&mut self, why: String) -> Became {
        self.shown.not_passed = self.shown.not_passed.saturating_add(1);
        self.shown.fault.get_or_insert(why);
        Became::Again
    }
}

/// Why something went wrong, without what it went wrong with: that is the path of a model or a folder.
fn without_path(error: &CliError) -> String {
    match error {
        CliError::Failed { cause, .. } => chain(cause.as_ref()),
        other => chain(other),
    }
}

impl Passes for Serving {
    fn pass(&mut self, model: &Path) -> Result<Became, CliError> {
        if self.ends.load(Ordering::Relaxed) {
            return Ok(Became::Again);
        }
        if let Some(why) = self.waits.why(model) {
            let why = why.to_owned();
            return Ok(self.waits(why));
        }
        let outcome = match self.place.files(model) {
            Ok(mut files) => pass(&self.data, &self.config, &self.folder, model, &mut files),
            Err(error) => Ok(Outcome::NotPassed(error)),
        };
        let outcome = match outcome {
            Ok(Outcome::NotPassed(CliError::Usage(_))) => Err(NO_NAME.to_owned()),
            Ok(Outcome::NotPassed(error)) | Err(error) => Err(without_path(&error)),
            Ok(outcome) => Ok(outcome),
        };
        let outcome = match outcome {
            Ok(outcome) => outcome,
            Err(why) => {
                self.waits.begin(model, why.clone());
                return Ok(self.waits(why));
            }
        };
        self.waits.end(model);
        let held = outcome.held();
        if let Outcome::Passed(passed) = &outcome {
            let (receipt, files) = (passed.receipt.opened.crossing, passed.files.len());
            tracing::info!(watch = self.shown.name, %receipt, files, held, "a model passed");
            self.shown.passed = self.shown.passed.saturating_add(1);
            self.shown.held = self.shown.held.saturating_add(held as u64);
        }
        Ok(Became::Settled { held: held > 0 })
    }

    fn looked(&mut self, models: Result<&[PathBuf], CliError>) -> Result<(), CliError> {
        models.map(|models| self.waits.forget_gone(models))
    }

    fn is_admitted(&mut self, model: &Path) -> Result<bool, CliError> {
        is_admitted(self.data.ledger.reader(), &self.folder, model).map_err(of_ledger)
    }
}
