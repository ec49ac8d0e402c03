//! The file that proposals are kept in, beside the hospital's knowledge: one JSON object a line, its owner's alone. It is
//! written whole and durably, so a kill leaves what was there before or what is there now. Who changes it holds a lock, and
//! one process waits for another.

use std::ffi::OsString;
use std::fs::{File, OpenOptions, TryLockError};
use std::path::{Path, PathBuf};
use std::time::Duration;

use lazaret_core::{Limit, Limits};
use lazaret_input::{json, read_file, write_durably};

use super::{Proposal, Refused, State};
use crate::compose::private_file;
use crate::exit::{CliError, chain};

/// Largest file of proposals, in bytes.
pub(crate) const MAX_PROPOSALS_FILE: Limit = Limit::new("knowledge.max_proposals_size", 16 << 20);
/// Most proposals that may wait for a decision.
pub(crate) const MAX_PROPOSALS: Limit = Limit::new("knowledge.max_proposals", 1_000);
/// So many that were decided are kept; the ledger has all.
const DECIDED: usize = 1_000;
/// How often the lock is tried, and how long it is waited between.
const TRIES: u32 = 200;
const PAUSE: Duration = Duration::from_millis(50);

/// The file and its lock.
pub(super) struct Store {
    file: PathBuf,
    lock: PathBuf,
    limits: Limits,
}

/// The proposals, while nobody else may change them.
pub(super) struct Kept<'s> {
    store: &'s Store,
    pub(super) proposals: Vec<Proposal>,
    _lock: File,
}

impl Store {
    pub(super) fn beside(knowledge: &Path, limits: Limits) -> Self {
        let beside = |ending: &str| {
            let mut name = knowledge.file_name().map_or_else(OsString::new, OsString::from);
            name.push(ending);
            knowledge.with_file_name(name)
        };
        Self { file: beside(".proposals"), lock: beside(".proposals.lock"), limits }
    }

    /// As they are now.
    pub(super) fn read(&self) -> Result<Vec<Proposal>, CliError> {
        let name = self.file.display();
        if !self.file.exists() {
            return Ok(Vec::new());
        }
        let bytes = read_file(&self.file, self.limits.get(MAX_PROPOSALS_FILE))
            .map_err(|error| CliError::Usage(format!("{name}: {}", chain(&error))))?;
        let lines = bytes.split(|byte| *byte == b'\n').zip(1_u64..);
        lines
            .filter(|(line, _)| !line.is_empty())
            .map(|(line, number)| {
                read_line(line, &self.limits)
                    .ok_or_else(|| CliError::Usage(format!("{name}:{number}: is no proposal")))
            })
            .collect()
    }

    /// Waits for its turn.
    pub(super) fn lock(&self) -> Result<Kept<'_>, Refused> {
        let failed = |error| CliError::failed(self.lock.display().to_string(), error);
        match private_file(&self.lock) {
            Err(error) if error.kind() != std::io::ErrorKind::AlreadyExists => {
                return Err(failed(error).into());
            }
            _ => {} // another process may have made it meanwhile
        }
        let file = OpenOptions::new().write(true).open(&self.lock).map_err(failed)?;
        for _ in 0..TRIES {
            match file.try_lock() {
                Ok(()) => return Ok(Kept { store: self, proposals: self.read()?, _lock: file }),
                Err(TryLockError::WouldBlock) => std::thread::sleep(PAUSE),
                Err(TryLockError::Error(error)) => return Err(failed(error).into()),
            }
        }
        Err(Refused::Conflict("another process changes the proposals; try again".to_owned()))
    }
}

/// One line of the file.
fn read_line(line: &[u8], limits: &Limits) -> Option<Proposal> {
    let parsed = json::parse(line, limits);
    let document = parsed.document.filter(|_| parsed.faults.is_empty())?;
    serde_json::from_str(document.text()).ok()
}

impl Kept<'_> {
    /// A number that none had before: those with the greatest are never dropped.
    pub(super) fn next_id(&self) -> u64 {
        self.proposals.iter().map(|one| one.id).max().unwrap_or(0).saturating_add(1)
    }

    pub(super) fn get(&mut self, id: u64) -> Result<&mut Proposal, Refused> {
        self.proposals.iter_mut().find(|one| one.id == id).ok_or_else(|| super::no_such(id))
    }

    /// Writes the file. Returns when it is durable.
    pub(super) fn save(&mut self) -> Result<(), Refused> {
        let waiting = |one: &Proposal| matches!(one.state, State::Open | State::Approving);
        let open = self.proposals.iter().filter(|one| waiting(one)).count();
        let most = self.store.limits.get(MAX_PROPOSALS);
        most.check(open as u64).map_err(|error| Refused::Wrong(error.to_string()))?;
        let mut too_many = (self.proposals.len() - open).saturating_sub(DECIDED);
        self.proposals.retain(|one| {
            let goes = too_many > 0 && !waiting(one);
            too_many -= usize::from(goes);
            !goes
        });
        let mut lines = String::new();
        for one in &self.proposals {
            let line = serde_json::to_string(one)
                .map_err(|error| CliError::failed("a proposal could not be written", error))?;
            lines.extend([&line, "\n"]);
        }
        let size = self.store.limits.get(MAX_PROPOSALS_FILE).check(lines.len() as u64);
        size.map_err(|error| Refused::Wrong(error.to_string()))?;
        write_durably(&self.store.file, lines.as_bytes())
            .map_err(|error| CliError::failed(self.store.file.display().to_string(), error).into())
    }
}
