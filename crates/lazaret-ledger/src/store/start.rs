//! What happens before a ledger takes anything: its lock is taken, its last checkpoint is held against the log,
//! and the crossings that were left open are taken up.

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions, TryLockError};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use lazaret_core::{Counts, CrossingId, hex};
use rusqlite::{Connection, OptionalExtension as _, params};

use crate::merkle::{Frontier, leaf_hash, root_at};
use crate::note::{Checkpoint, VerifierKey};
use crate::read::parse_counts;
use crate::store::nodes::{StoredNodes, stored_size};
use crate::store::schema::open_for_reading;
use crate::store::{StoreError, entry_rows, uint};

/// A crossing under way: its record tree so far.
#[derive(Debug)]
pub(super) struct OpenCrossing {
    pub(super) opened_at: u64,
    pub(super) records: Frontier,
    pub(super) last: Option<u64>,
    pub(super) counts: Counts,
    pub(super) sealed: bool,
}

impl OpenCrossing {
    pub(super) fn new(opened_at: u64) -> Self {
        Self { opened_at, records: Frontier::new(), last: None, counts: Counts::default(), sealed: false }
    }
}

/// Takes the lock that keeps a second process from writing.
pub(super) fn lock(path: &Path) -> Result<File, StoreError> {
    let mut name = path.as_os_str().to_owned();
    name.push(".lock");
    let file = OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .open(PathBuf::from(name))
        .map_err(StoreError::Lock)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(StoreError::InUse),
        Err(TryLockError::Error(error)) => Err(StoreError::Lock(error)),
    }
}

/// The size of the last checkpoint, after checking that the log still reaches it and has its root there.
pub(super) fn check_last_checkpoint(connection: &Connection, size: u64) -> Result<Option<u64>, StoreError> {
    let last: Option<String> = connection
        .query_row("SELECT note FROM checkpoint ORDER BY size DESC LIMIT 1", [], |row| row.get(0))
        .optional()?;
    let Some(note) = last else { return Ok(None) };
    let checkpoint = Checkpoint::parse(&note)?;
    if size < checkpoint.size {
        return Err(StoreError::Damaged("it has fewer entries than its last checkpoint"));
    }
    if root_at(&mut StoredNodes(connection), checkpoint.size)? != checkpoint.root {
        return Err(StoreError::Damaged("its root differs from its last checkpoint"));
    }
    Ok(Some(checkpoint.size))
}

/// Refuses a ledger that is shorter than the last checkpoint that the vault remembers, or has another history. To be
/// asked before [`crate::SqliteLedger::start`]; `public` is the key of the log.
pub fn check_remembered(path: &Path, public: [u8; 32], note: &str) -> Result<(), StoreError> {
    let origin = Checkpoint::parse(note)?.origin;
    let remembered = Checkpoint::verify(note, &VerifierKey::new(&origin, public)?)?;
    let rolled_back = |found| StoreError::RolledBack { found, remembered: remembered.size };
    if !path.exists() {
        return if remembered.size == 0 { Ok(()) } else { Err(rolled_back(0)) };
    }
    let connection = open_for_reading(path)?;
    let found = stored_size(&connection)?;
    if found < remembered.size {
        return Err(rolled_back(found));
    }
    match root_at(&mut StoredNodes(&connection), remembered.size) {
        Ok(root) if root == remembered.root => Ok(()),
        Ok(_) | Err(StoreError::Damaged(_)) => Err(rolled_back(found)),
        Err(error) => Err(error),
    }
}

/// The crossings left open, each with its record tree as far as it was stored.
pub(super) fn unsealed_crossings(
    connection: &Connection,
) -> Result<BTreeMap<CrossingId, Arc<Mutex<OpenCrossing>>>, StoreError> {
    let mut crossings = BTreeMap::new();
    let mut statement = connection
        .prepare("SELECT opened_at, id FROM crossing WHERE sealed_at IS NULL ORDER BY opened_at")?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let opened_at = uint(row.get(0)?)?;
        let id = crossing_id(&row.get::<_, [u8; 16]>(1)?)?;
        let mut state = OpenCrossing::new(opened_at);
        let (from, to) = entry_rows(opened_at)?;
        let mut entries =
            connection.prepare_cached("SELECT id, body FROM entry WHERE id >= ?1 AND id < ?2 ORDER BY id")?;
        let mut entries = entries.query(params![from, to])?;
        while let Some(entry) = entries.next()? {
            let body: String = entry.get(1)?;
            state.records.push(leaf_hash(body.as_bytes()));
            parse_counts(&body, opened_at, &mut state.counts)?;
            state.last = Some(uint(entry.get::<_, i64>(0)?.saturating_sub(from))?);
        }
        crossings.insert(id, Arc::new(Mutex::new(state)));
    }
    Ok(crossings)
}

/// A crossing's id from its sixteen bytes.
pub(crate) fn crossing_id(bytes: &[u8; 16]) -> Result<CrossingId, StoreError> {
    CrossingId::parse(&hex(bytes)).ok_or(StoreError::Damaged("a crossing's id is no UUID"))
}
