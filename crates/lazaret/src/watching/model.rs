//! One model that was found in a folder: passed, unless these very files passed before.
//!
//! What passed is known from the ledger alone, so that a crash at any moment, or a start anew, neither loses a model nor passes
//! one twice.

use std::collections::BTreeSet;
use std::path::Path;

use lazaret_core::{Clock as _, CrossingId, Mode, ModelOrigin, Policy as _, Sha256, Stored, SystemClock};
use lazaret_ledger::{CrossingWords, EntryWords, LedgerReader, StoreError};

use super::Folder;
use crate::commands::models::pass::named_apart;
use crate::commands::models::recall::may_leave;
use crate::commands::policy::of_ledger;
use crate::compose::Data;
use crate::config::Config;
use crate::exit::CliError;
use crate::registry::{Brings, Passed, Registry};

/// Files of one crossing that are read.
const MOST: u32 = 100_000;

/// What became of a model.
pub(crate) enum Outcome {
    /// It passed, as far as it did.
    Passed(Box<Passed>),
    /// These very files passed before, and nothing was decided since by which more or fewer of them would pass.
    Before {
        /// The receipt by which they did.
        receipt: String,
        /// How many of them are held.
        held: usize,
    },
    /// It has no name that can be recorded, or a file of it cannot be read.
    NotPassed(CliError),
}

impl Outcome {
    /// How many files are held.
    pub(crate) fn held(&self) -> usize {
        match self {
            Self::Passed(passed) => passed.files.iter().filter(|file| file.held).count(),
            Self::Before { held, .. } => *held,
            Self::NotPassed(_) => 0,
        }
    }
}

/// What a model is called that was found in a folder.
fn model_in(folder: &Folder, found: &Path) -> Result<ModelOrigin, CliError> {
    folder.origin(&found.file_name().map(|name| name.to_string_lossy()).unwrap_or_default())
}

/// Passes a model that was found at a path.
pub(crate) fn pass(
    data: &Data,
    config: &Config,
    folder: &Folder,
    found: &Path,
    files: &mut dyn Brings,
) -> Result<Outcome, CliError> {
    let registry = Registry::open(data, &folder.over(config))?;
    let received = model_in(folder, found).and_then(|origin| {
        let files = files.receive(&registry)?;
        named_apart(&files)?;
        Ok((origin, files))
    });
    let (origin, files) = match received {
        Ok(received) => received,
        Err(error) => return Ok(Outcome::NotPassed(error)),
    };
    let policy = data.policy()?.version();
    let before = before(data.ledger.reader(), &policy, registry.mode(), &origin.name, &files);
    if let Some(before) = before.map_err(of_ledger)? {
        return Ok(before);
    }
    let shown = found.display().to_string();
    let crossing = registry.crossing(&shown, origin)?;
    let passed = registry.pass(crossing, files).map_err(|stopped| CliError::failed(shown, stopped))?;
    data.remember()?;
    Ok(Outcome::Passed(Box::new(passed)))
}

/// The newest crossing of a model, if it was of these very files, and it would end as it did.
fn before(
    ledger: &LedgerReader,
    policy: &str,
    mode: Mode,
    model: &str,
    files: &[Stored],
) -> Result<Option<Outcome>, StoreError> {
    let Some(Newest { id, crossing, entries }) = newest(ledger, model)? else { return Ok(None) };
    let were: BTreeSet<(&str, &str)> = entries
        .iter()
        .filter_map(|entry| entry.file.as_ref())
        .map(|file| (file.name.as_str(), file.sha256.as_str()))
        .collect();
    let are: Vec<(String, String)> = files
        .iter()
        .map(|stored| (stored.source.hint().name.unwrap_or_default(), stored.file.sha256.to_string()))
        .collect();
    let same = were.len() == are.len()
        && are.iter().all(|(name, sha256)| were.contains(&(name.as_str(), sha256.as_str())));
    let held = entries.iter().filter(|entry| entry.held.is_some()).count();
    if !same || (mode == Mode::Enforce && would_be_held(ledger, &entries)?) {
        return Ok(None);
    }
    let observed = crossing.opened.mode == "observe";
    let decided_otherwise = crossing.opened.policy != policy || observed != (mode == Mode::Observe);
    if held > 0 && (decided_otherwise || admitted(ledger, id, &entries)?) {
        return Ok(None);
    }
    Ok(Some(Outcome::Before { receipt: crossing.opened.crossing, held }))
}

/// Whether a file that passed then does not leave the registry now: something was found in it since, its admission is over, or
/// its verdict was only observed.
fn would_be_held(ledger: &LedgerReader, entries: &[EntryWords]) -> Result<bool, StoreError> {
    for file in entries.iter().filter(|entry| entry.held.is_none()).filter_map(|entry| entry.file.as_ref()) {
        let Some(sha256) = Sha256::parse(&file.sha256) else { continue };
        if !may_leave(ledger, sha256, &file.name)? {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Whether a file that was held in the newest crossing of a model was admitted since.
pub(crate) fn is_admitted(ledger: &LedgerReader, folder: &Folder, found: &Path) -> Result<bool, StoreError> {
    let Ok(origin) = model_in(folder, found) else { return Ok(false) };
    let Some(Newest { id, entries, .. }) = newest(ledger, &origin.name)? else { return Ok(false) };
    admitted(ledger, id, &entries)
}

/// A crossing that was sealed as complete, with its files.
struct Newest {
    id: CrossingId,
    crossing: CrossingWords,
    entries: Vec<EntryWords>,
}

/// The newest crossing of a model, if it was not cut.
fn newest(ledger: &LedgerReader, model: &str) -> Result<Option<Newest>, StoreError> {
    let newest = ledger.crossings_of_model(model, None, 1)?.pop();
    let complete = |crossing: &CrossingWords| {
        crossing.sealed.as_ref().is_some_and(|sealed| sealed.seal.ending == "complete")
    };
    let Some(crossing) = newest.filter(complete) else { return Ok(None) };
    let Some(id) = CrossingId::parse(&crossing.opened.crossing) else { return Ok(None) };
    let entries = ledger.entries(id, 0, MOST)?;
    Ok(Some(Newest { id, crossing, entries }))
}

fn admitted(ledger: &LedgerReader, since: CrossingId, entries: &[EntryWords]) -> Result<bool, StoreError> {
    for entry in entries.iter().filter(|entry| entry.held.is_some()) {
        let file = entry.file.as_ref().and_then(|file| Sha256::parse(&file.sha256));
        let Some(file) = file else { continue };
        if ledger.admission(file, SystemClock.now())?.is_some_and(|admission| admission.order > since) {
            return Ok(true);
        }
    }
    Ok(false)
}
