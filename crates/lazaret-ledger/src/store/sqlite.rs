//! The ledger in one SQLite file.
//!
//! Callers write canonical JSON and hash it on their own threads; one writer thread commits what waits
//! together (`writer`). A failed writer makes every later call an error: the ledger never guesses.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread::JoinHandle;

use lazaret_core::{
    Clock, Counts, CrossingId, Ending, Entry, EntryIndex, KeyedDigest, Ledger, LedgerError, Opened, Seal,
    Sealed, Signer,
};
use rusqlite::{Connection, OptionalExtension as _, params};
use serde::Serialize;

use crate::canonical::to_canonical;
use crate::merkle::{Frontier, leaf_hash, root_at};
use crate::note::{Checkpoint, VerifierKey, hex};
use crate::read::{LedgerReader, parse_counts};
use crate::store::nodes::{StoredNodes, resume, stored_size};
use crate::store::schema::open_for_writing;
use crate::store::writer::{EntryRow, Index, Job, Leaf, QUEUE, Reply, Writer};
use crate::store::{MAX_BODY, StoreError, entry_row, entry_rows, uint};

/// The schema of entry bodies.
pub(crate) const BODY_SCHEMA: u32 = 1;
/// Kinds of leaves that are the ledger's own.
pub(crate) const OWN_KINDS: [&str; 3] = ["opened", "sealed", "outputs"];
/// Outputs of one `outputs` leaf.
const OUTPUTS_PER_LEAF: usize = 100;

/// The ledger in one SQLite file, open for writing.
pub struct SqliteLedger {
    path: PathBuf,
    jobs: SyncSender<Job>,
    writer: Option<JoinHandle<()>>,
    failed: Arc<OnceLock<String>>,
    reader: LedgerReader,
    clock: Arc<dyn Clock>,
    key: VerifierKey,
    open: Mutex<BTreeMap<CrossingId, Arc<Mutex<OpenCrossing>>>>,
    /// Held while the ledger is open, so that no second process writes.
    _lock: std::fs::File,
}

/// A crossing under way: its record tree so far.
#[derive(Debug)]
struct OpenCrossing {
    opened_at: u64,
    records: Frontier,
    last: Option<u64>,
    counts: Counts,
    sealed: bool,
}

/// A crossing that was opened and never sealed.
#[derive(Debug, Clone)]
pub struct Unsealed {
    /// Which.
    pub crossing: CrossingId,
    /// The index of its opened entry.
    pub opened_at: EntryIndex,
    /// Counts over the entries it left.
    pub counts: Counts,
}

impl SqliteLedger {
    /// Opens the ledger at a path, making it if there is none. The origin names the log for good: it stands in
    /// every checkpoint.
    pub fn start(
        path: &Path,
        origin: &str,
        signer: Arc<dyn Signer>,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, StoreError> {
        let key = VerifierKey::new(origin, signer.public_key())?;
        let lock = lock(path)?;
        let connection = open_for_writing(path, origin)?;
        let size = stored_size(&connection)?;
        let (frontier, tiler) = resume(&connection, size)?;
        let signed_size = check_last_checkpoint(&connection, size)?;
        let open = unsealed_crossings(&connection)?;
        let failed = Arc::new(OnceLock::new());
        let writer = Writer {
            connection,
            frontier,
            tiler,
            signer,
            origin: origin.to_owned(),
            signed_size,
            signed_when: None,
            failed: Arc::clone(&failed),
        };
        let reader = LedgerReader::open(path)?;
        let (jobs, queue) = sync_channel(QUEUE);
        let writer = std::thread::Builder::new()
            .name("ledger-writer".into())
            .spawn(move || writer.run(&queue))
            .map_err(StoreError::Lock)?;
        Ok(Self {
            path: path.to_owned(),
            jobs,
            writer: Some(writer),
            failed,
            reader,
            clock,
            key,
            open: Mutex::new(open),
            _lock: lock,
        })
    }

    /// The key that verifies this log's checkpoints.
    pub fn key(&self) -> &VerifierKey {
        &self.key
    }

    /// Where it lies.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Reads what is durable.
    pub fn reader(&self) -> &LedgerReader {
        &self.reader
    }

    /// Appends an event of another kind: a token revealed, a key rotated. Returns when it is durable. The body
    /// must hold no patient data.
    pub fn append(&self, kind: &str, body: &impl Serialize) -> Result<EntryIndex, StoreError> {
        let word = !kind.is_empty()
            && kind.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-' || b == b'.');
        if !word || OWN_KINDS.contains(&kind) {
            return Err(StoreError::Kind);
        }
        let body = EventBody { kind, schema: BODY_SCHEMA, at: self.clock.now(), event: body };
        let leaf = leaf(kind, &body, "an event")?;
        self.write(vec![leaf], Index::Nothing).map(EntryIndex)
    }

    /// Crossings that were opened and not sealed.
    pub fn unsealed(&self) -> Vec<Unsealed> {
        let open = guard(&self.open);
        open.iter()
            .map(|(crossing, state)| {
                let state = guard(state);
                Unsealed {
                    crossing: *crossing,
                    opened_at: EntryIndex(state.opened_at),
                    counts: state.counts.clone(),
                }
            })
            .collect()
    }

    /// Seals every crossing left open as cut: at the start, before anything crosses.
    pub fn cut_unsealed(&self, reason: &str) -> Result<Vec<Sealed>, StoreError> {
        let ended = self.clock.now();
        self.unsealed()
            .into_iter()
            .map(|left| {
                self.seal_now(&Seal {
                    crossing: left.crossing,
                    ending: Ending::Cut,
                    reason: Some(reason.to_owned()),
                    ended,
                    counts: left.counts,
                    outputs: Vec::new(),
                })
            })
            .collect()
    }

    /// Whether a crossing was sealed as complete.
    pub fn is_sealed_complete(&self, crossing: CrossingId) -> Result<bool, StoreError> {
        self.reader.is_sealed_complete(crossing)
    }

    /// Signs a checkpoint over everything so far and returns it.
    pub fn checkpoint(&self) -> Result<String, StoreError> {
        let (reply, answer) = sync_channel(1);
        self.send(Job::Sign(reply))?;
        self.wait(&answer)?;
        self.reader.checkpoint()?.ok_or(StoreError::Damaged("the checkpoint is missing"))
    }

    /// Signs, closes, and says whether all went well. Dropping does the same silently.
    pub fn close(mut self) -> Result<(), StoreError> {
        self.stop();
        self.failed.get().map_or(Ok(()), |why| Err(StoreError::Stopped(why.clone())))
    }

    fn stop(&mut self) {
        // An error means the writer has already ended.
        let _ = self.jobs.send(Job::Stop);
        if let Some(writer) = self.writer.take()
            && writer.join().is_err()
        {
            let _ = self.failed.set("the writer panicked".to_owned());
        }
    }

    fn open_now(&self, opened: &Opened) -> Result<EntryIndex, StoreError> {
        let body = OpenedBody { kind: "opened", schema: BODY_SCHEMA, opened };
        let leaf = leaf("opened", &body, "an opened entry")?;
        let index = Index::Opened {
            id: *opened.crossing.as_bytes(),
            started: opened.started.to_string(),
            gate: opened.gate.name(),
        };
        let opened_at = self.write(vec![leaf], index)?;
        let state = OpenCrossing {
            opened_at,
            records: Frontier::new(),
            last: None,
            counts: Counts::default(),
            sealed: false,
        };
        guard(&self.open).insert(opened.crossing, Arc::new(Mutex::new(state)));
        Ok(EntryIndex(opened_at))
    }

    fn record_now(&self, crossing: CrossingId, entries: &[Entry]) -> Result<(), StoreError> {
        let state = self.state(crossing)?;
        let mut bodies = Vec::with_capacity(entries.len());
        for entry in entries {
            let body = to_canonical(entry)?;
            check_length(&body, "a record's entry")?;
            bodies.push((leaf_hash(body.as_bytes()), body));
        }
        let mut state = guard(&state);
        if state.sealed {
            return Err(StoreError::NotOpen);
        }
        let mut last = state.last;
        let mut rows = Vec::with_capacity(entries.len());
        for (entry, (_, body)) in entries.iter().zip(&mut bodies) {
            if let Some(last) = last.filter(|last| entry.record <= *last) {
                return Err(StoreError::Order { last, found: entry.record });
            }
            last = Some(entry.record);
            rows.push(EntryRow {
                row: entry_row(state.opened_at, entry.record)?,
                identity: counts_as_crossed(entry).then_some(entry.identity.0),
                body: std::mem::take(body),
            });
        }
        // Sent while the crossing is held, so that its seal comes after it.
        self.send(Job::Entries(rows))?;
        for (entry, (hash, _)) in entries.iter().zip(&bodies) {
            state.records.push(*hash);
            state.counts.add(entry);
        }
        state.last = last;
        Ok(())
    }

    fn seal_now(&self, seal: &Seal) -> Result<Sealed, StoreError> {
        let state = self.state(seal.crossing)?;
        let mut state = guard(&state);
        if state.sealed {
            return Err(StoreError::NotOpen);
        }
        let (counted, recorded) = (seal.counts.records, state.records.size());
        if counted != recorded && seal.ending == Ending::Complete {
            return Err(StoreError::Counts { counted, recorded });
        }
        let record_root = hex(&state.records.root());
        let leaves = sealed_leaves(seal, &record_root, recorded, state.opened_at)?;
        let complete = seal.ending == Ending::Complete;
        let datasets: BTreeSet<&String> =
            seal.outputs.iter().filter(|_| complete).map(|output| &output.dataset).collect();
        let index = Index::Sealed {
            opened_at: state.opened_at,
            ending: if complete { "complete" } else { "cut" },
            records: recorded,
            held: seal.counts.held(),
            datasets: datasets.into_iter().cloned().collect(),
        };
        let sealed_at = self.write(leaves, index)?;
        state.sealed = true;
        guard(&self.open).remove(&seal.crossing);
        Ok(Sealed {
            seal: seal.clone(),
            record_root,
            opened_at: EntryIndex(state.opened_at),
            sealed_at: EntryIndex(sealed_at),
        })
    }

    fn state(&self, crossing: CrossingId) -> Result<Arc<Mutex<OpenCrossing>>, StoreError> {
        self.alive()?;
        guard(&self.open).get(&crossing).map(Arc::clone).ok_or(StoreError::NotOpen)
    }

    /// Appends leaves and returns the index of the last once all are durable.
    fn write(&self, leaves: Vec<Leaf>, index: Index) -> Result<u64, StoreError> {
        let (reply, answer) = sync_channel(1);
        self.send(Job::Leaves { leaves, index, reply })?;
        self.wait(&answer)
    }

    fn send(&self, job: Job) -> Result<(), StoreError> {
        self.alive()?;
        self.jobs.send(job).map_err(|_| self.stopped())
    }

    fn wait(&self, answer: &Receiver<Reply>) -> Result<u64, StoreError> {
        match answer.recv() {
            Ok(Reply::Durable(at)) => Ok(at),
            Ok(Reply::Taken) => Err(StoreError::AlreadyOpen),
            Err(_) => Err(self.stopped()),
        }
    }

    fn alive(&self) -> Result<(), StoreError> {
        if self.failed.get().is_some() { Err(self.stopped()) } else { Ok(()) }
    }

    fn stopped(&self) -> StoreError {
        let why = self.failed.get().cloned().unwrap_or_else(|| "the writer ended".to_owned());
        StoreError::Stopped(why)
    }
}

impl Ledger for SqliteLedger {
    fn open(&self, opened: &Opened) -> Result<EntryIndex, LedgerError> {
        self.open_now(opened).map_err(|error| error.when("record the opened receipt"))
    }

    fn record(&self, crossing: CrossingId, entries: Vec<Entry>) -> Result<(), LedgerError> {
        self.record_now(crossing, &entries).map_err(|error| error.when("take the entries of records"))
    }

    fn seal(&self, seal: &Seal) -> Result<Sealed, LedgerError> {
        self.seal_now(seal).map_err(|error| error.when("seal the crossing"))
    }

    fn crossed(&self, identity: &KeyedDigest) -> Result<Option<CrossingId>, LedgerError> {
        let found = self.alive().and_then(|()| self.reader.crossed(identity));
        found.map_err(|error| error.when("look up a record's identity"))
    }
}

impl Drop for SqliteLedger {
    fn drop(&mut self) {
        self.stop();
    }
}

#[derive(Serialize)]
struct OpenedBody<'a> {
    kind: &'static str,
    schema: u32,
    opened: &'a Opened,
}

#[derive(Serialize)]
struct SealedBody<'a> {
    kind: &'static str,
    schema: u32,
    seal: &'a Seal,
    record_root: &'a str,
    entries: u64,
    opened_at: u64,
    output_parts: u64,
}

#[derive(Serialize)]
struct OutputsBody<'a> {
    kind: &'static str,
    schema: u32,
    crossing: CrossingId,
    part: u64,
    outputs: &'a [lazaret_core::Output],
}

#[derive(Serialize)]
struct EventBody<'a, T> {
    kind: &'a str,
    schema: u32,
    at: lazaret_core::Timestamp,
    event: &'a T,
}

/// The sealed leaf; many outputs go into leaves of their own right before it.
fn sealed_leaves(
    seal: &Seal,
    record_root: &str,
    entries: u64,
    opened_at: u64,
) -> Result<Vec<Leaf>, StoreError> {
    let mut leaves = Vec::new();
    let mut short = None;
    if seal.outputs.len() > OUTPUTS_PER_LEAF {
        for (part, outputs) in (0_u64..).zip(seal.outputs.chunks(OUTPUTS_PER_LEAF)) {
            let crossing = seal.crossing;
            let body = OutputsBody { kind: "outputs", schema: BODY_SCHEMA, crossing, part, outputs };
            leaves.push(leaf("outputs", &body, "the outputs of a crossing")?);
        }
        short = Some(Seal { outputs: Vec::new(), ..seal.clone() });
    }
    let body = SealedBody {
        kind: "sealed",
        schema: BODY_SCHEMA,
        seal: short.as_ref().unwrap_or(seal),
        record_root,
        entries,
        opened_at,
        output_parts: u64::try_from(leaves.len()).unwrap_or(u64::MAX),
    };
    leaves.push(leaf("sealed", &body, "a sealed entry")?);
    Ok(leaves)
}

fn leaf(kind: &str, body: &impl Serialize, what: &'static str) -> Result<Leaf, StoreError> {
    let body = to_canonical(body)?;
    check_length(&body, what)?;
    Ok(Leaf { kind: kind.to_owned(), hash: leaf_hash(body.as_bytes()), body })
}

fn check_length(body: &str, what: &'static str) -> Result<(), StoreError> {
    let length = u64::try_from(body.len()).unwrap_or(u64::MAX);
    MAX_BODY.check(length).map_err(|source| StoreError::Limit { what, source })
}

/// Whether an entry says that its record went out: it was not held, and it had not crossed before.
fn counts_as_crossed(entry: &Entry) -> bool {
    entry.held.is_none() && entry.again.is_none() && entry.digest_out.is_some()
}

fn lock(path: &Path) -> Result<std::fs::File, StoreError> {
    let mut name = path.as_os_str().to_owned();
    name.push(".lock");
    let file = std::fs::OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .open(PathBuf::from(name))
        .map_err(StoreError::Lock)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(std::fs::TryLockError::WouldBlock) => Err(StoreError::InUse),
        Err(std::fs::TryLockError::Error(error)) => Err(StoreError::Lock(error)),
    }
}

/// The size of the last checkpoint, after checking that the log still reaches it and has its root there.
fn check_last_checkpoint(connection: &Connection, size: u64) -> Result<Option<u64>, StoreError> {
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

/// The crossings left open, each with its record tree as far as it was stored.
fn unsealed_crossings(
    connection: &Connection,
) -> Result<BTreeMap<CrossingId, Arc<Mutex<OpenCrossing>>>, StoreError> {
    let mut crossings = BTreeMap::new();
    let mut statement = connection
        .prepare("SELECT opened_at, id FROM crossing WHERE sealed_at IS NULL ORDER BY opened_at")?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let opened_at = uint(row.get(0)?)?;
        let id = crossing_id(&row.get::<_, [u8; 16]>(1)?)?;
        let mut records = Frontier::new();
        let mut counts = Counts::default();
        let mut last = None;
        let (from, to) = entry_rows(opened_at)?;
        let mut entries =
            connection.prepare_cached("SELECT id, body FROM entry WHERE id >= ?1 AND id < ?2 ORDER BY id")?;
        let mut entries = entries.query(params![from, to])?;
        while let Some(entry) = entries.next()? {
            let body: String = entry.get(1)?;
            records.push(leaf_hash(body.as_bytes()));
            parse_counts(&body, opened_at, &mut counts)?;
            last = Some(uint(entry.get::<_, i64>(0)?.saturating_sub(from))?);
        }
        let state = OpenCrossing { opened_at, records, last, counts, sealed: false };
        crossings.insert(id, Arc::new(Mutex::new(state)));
    }
    Ok(crossings)
}

/// A crossing's id from its sixteen bytes.
pub(crate) fn crossing_id(bytes: &[u8; 16]) -> Result<CrossingId, StoreError> {
    CrossingId::parse(&hex(bytes)).ok_or(StoreError::Damaged("a crossing's id is no UUID"))
}

fn guard<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
