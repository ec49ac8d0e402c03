//! The ledger in one SQLite file.
//!
//! Callers write canonical JSON and hash it on their own threads; one writer thread commits what waits
//! together (`writer`). A failed writer makes every later call an error: the ledger never guesses.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread::JoinHandle;

use lazaret_core::{
    Admission, Clock, Counts, CrossingId, Ending, Entry, EntryIndex, KeyedDigest, Ledger, LedgerError,
    Opened, Order, Ordered, Seal, Sealed, Sha256, Signer, Timestamp, hex,
};
use serde::Serialize;

use crate::merkle::leaf_hash;
use crate::note::VerifierKey;
use crate::read::LedgerReader;
use crate::store::bodies::{OWN_KINDS, entry_body, event_leaf, opened_leaf, sealed_leaves};
use crate::store::nodes::{resume, stored_size};
use crate::store::schema::open_for_writing;
use crate::store::start::{OpenCrossing, check_last_checkpoint, lock, unsealed_crossings};
use crate::store::writer::{EntryRow, Index, Job, Leaf, QUEUE, Reply, Writer};
use crate::store::{StoreError, entry_row};

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
    _lock: File,
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

    /// Whether it takes entries: after an error (a disk that is full, even for a moment) it takes none until it is opened anew,
    /// because what is in memory may be ahead of what is stored.
    pub fn is_writing(&self) -> bool {
        self.failed.get().is_none()
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
        check_kind(kind)?;
        let leaf = event_leaf(kind, self.clock.now(), None, body)?;
        self.write(vec![leaf], Index::Nothing).map(EntryIndex)
    }

    /// Appends an event about a model's file, so that it is found by the file's SHA-256: it was fetched, it runs somewhere,
    /// it was looked at again.
    pub fn append_about(
        &self,
        file: Sha256,
        kind: &str,
        body: &impl Serialize,
    ) -> Result<EntryIndex, StoreError> {
        check_kind(kind)?;
        let leaf = event_leaf(kind, self.clock.now(), Some(file), body)?;
        self.write(vec![leaf], Index::About(file)).map(EntryIndex)
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
        let leaf = opened_leaf(opened)?;
        let index = Index::Opened {
            id: *opened.crossing.as_bytes(),
            started: opened.started.to_string(),
            gate: opened.gate.name(),
            to_id: opened.to_id.clone(),
            about: opened.order.as_ref().and_then(about_file),
            model: opened.model.as_ref().map(|model| model.name.clone()),
        };
        let opened_at = self.write(vec![leaf], index)?;
        let state = OpenCrossing::new(opened_at);
        guard(&self.open).insert(opened.crossing, Arc::new(Mutex::new(state)));
        Ok(EntryIndex(opened_at))
    }

    fn record_now(&self, crossing: CrossingId, entries: &[Entry]) -> Result<(), StoreError> {
        let state = self.state(crossing)?;
        let mut bodies = Vec::with_capacity(entries.len());
        for entry in entries {
            let body = entry_body(entry)?;
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
                identity: counts_as_crossed(entry).then(|| entry.identity.half()),
                sha256: entry.file.as_ref().map(|file| file.sha256),
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

    fn admitted(&self, file: Sha256, at: Timestamp) -> Result<Option<Admission>, LedgerError> {
        let found = self.alive().and_then(|()| self.reader.admission(file, at));
        found.map_err(|error| error.when("look up who admitted a model"))
    }
}

impl Drop for SqliteLedger {
    fn drop(&mut self) {
        self.stop();
    }
}

/// Whether an entry says that its record went out: it was not held, and it had not crossed before.
fn counts_as_crossed(entry: &Entry) -> bool {
    entry.held.is_none() && entry.again.is_none() && entry.digest_out.is_some()
}

/// The kind of an event is a word, and none of the ledger's own.
fn check_kind(kind: &str) -> Result<(), StoreError> {
    let word = !kind.is_empty()
        && kind.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-' || b == b'.');
    if word && !OWN_KINDS.contains(&kind) { Ok(()) } else { Err(StoreError::Kind) }
}

/// The model's file that an order is about.
fn about_file(order: &Order) -> Option<Sha256> {
    match order.what {
        Ordered::RequestModel | Ordered::AdmitModel | Ordered::RefuseModel | Ordered::RevokeModel => {
            Sha256::parse(&order.object)
        }
        _ => None,
    }
}

fn guard<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
