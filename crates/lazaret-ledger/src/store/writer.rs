//! The one thread that writes: it takes what waits, puts it into one transaction, and answers when that is
//! durable. Group commit is the whole game: a flush costs as much for one entry as for a thousand.

use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TryRecvError};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use lazaret_core::{Sha256, Signer, chain};
use rusqlite::{Connection, params};

use crate::merkle::{Frontier, Hash};
use crate::note::Checkpoint;
use crate::store::schema::{cleared, of_file, of_model, word};
use crate::store::{StoreError, entry_rows, int};
use crate::tiles::{Tile, Tiler};

/// Jobs that may wait; whoever comes after waits for a place.
pub(crate) const QUEUE: usize = 128;
/// Bytes of one transaction after which it is committed although more waits.
const MAX_BATCH_BYTES: usize = 16 << 20;
/// How long entries that nobody waits for are gathered before they are committed.
const GATHER: Duration = Duration::from_millis(250);
/// How old the last checkpoint may be when more is committed.
const SIGN_EVERY: Duration = Duration::from_millis(500);
/// Of the checkpoints over the same so many entries only the last is kept, so that they stay few.
const KEEP_EVERY: u64 = 4_096;
/// How long after the last commit the tail is signed.
const SIGN_IDLE: Duration = Duration::from_millis(200);

/// What is asked of the writer.
pub(crate) enum Job {
    /// Appends leaves and what is indexed of them.
    Leaves { leaves: Vec<Leaf>, index: Index, reply: SyncSender<Reply> },
    /// Stores the entries of records. Nobody waits.
    Entries(Vec<EntryRow>),
    /// Signs a checkpoint now.
    Sign(SyncSender<Reply>),
    /// Signs and ends.
    Stop,
}

/// A leaf to append.
pub(crate) struct Leaf {
    pub(crate) kind: String,
    pub(crate) hash: Hash,
    pub(crate) body: String,
}

/// What is indexed of a leaf.
pub(crate) enum Index {
    Nothing,
    /// An event about a file.
    About(Sha256),
    /// An opened crossing; `about` is the file that its order is about.
    Opened {
        id: [u8; 16],
        started: String,
        gate: &'static str,
        to_id: Option<String>,
        about: Option<Sha256>,
        model: Option<String>,
    },
    Sealed {
        opened_at: u64,
        ending: &'static str,
        records: u64,
        held: u64,
        datasets: Vec<String>,
    },
}

/// A record's entry to store.
pub(crate) struct EntryRow {
    pub(crate) row: i64,
    /// Half of the record's identity, for the index; none unless it went out.
    pub(crate) identity: Option<[u8; 16]>,
    /// Of a model's file.
    pub(crate) sha256: Option<Sha256>,
    pub(crate) body: String,
}

/// The answer once it is durable.
pub(crate) enum Reply {
    /// The index of the last leaf appended; for a checkpoint its size.
    Durable(u64),
    /// The crossing's id is taken; nothing was written.
    Taken,
}

pub(crate) struct Writer {
    pub(crate) connection: Connection,
    pub(crate) frontier: Frontier,
    pub(crate) tiler: Tiler,
    pub(crate) signer: Arc<dyn Signer>,
    pub(crate) origin: String,
    pub(crate) signed_size: Option<u64>,
    pub(crate) signed_when: Option<Instant>,
    pub(crate) failed: Arc<OnceLock<String>>,
}

/// What a transaction holds so far.
#[derive(Default)]
struct Batch {
    waiting: Vec<(SyncSender<Reply>, Reply)>,
    bytes: usize,
    sign: bool,
    stop: bool,
}

impl Writer {
    /// Works until told to stop, until nobody can ask any more, or until something fails: then every later
    /// call is an error, because what is in memory may be ahead of what is stored.
    pub(crate) fn run(mut self, jobs: &Receiver<Job>) {
        loop {
            let first = match jobs.recv_timeout(self.patience()) {
                Ok(job) => Some(job),
                Err(RecvTimeoutError::Timeout) => None,
                Err(RecvTimeoutError::Disconnected) => Some(Job::Stop),
            };
            match self.transaction(first, jobs) {
                Ok(batch) => {
                    let stop = batch.stop;
                    for (reply, answer) in batch.waiting {
                        // Whoever asked may have given up; what was asked for is done all the same.
                        let _ = reply.send(answer);
                    }
                    if stop {
                        // So that a copy of the one file is whole. Everything is durable without it, and a reader
                        // may keep it from being done.
                        let _ = self.connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()));
                        return;
                    }
                }
                Err(error) => {
                    tracing::error!(
                        cause = chain(&error),
                        "the ledger stopped: it takes nothing more until lazaret is started again"
                    );
                    let _ = self.failed.set(chain(&error));
                    return;
                }
            }
        }
    }

    /// How long to wait for the next job: not for ever while something is unsigned.
    fn patience(&self) -> Duration {
        if self.unsigned() { SIGN_IDLE } else { Duration::from_hours(1) }
    }

    fn unsigned(&self) -> bool {
        self.signed_size != Some(self.frontier.size())
    }

    /// One transaction: the first job and all that waits with it. Without a first job, only the signature.
    fn transaction(&mut self, first: Option<Job>, jobs: &Receiver<Job>) -> Result<Batch, StoreError> {
        let mut batch = Batch { sign: first.is_none(), ..Batch::default() };
        let gathered = Instant::now();
        self.connection.execute_batch("BEGIN IMMEDIATE")?;
        if let Some(job) = first {
            self.apply(job, &mut batch)?;
        }
        while !batch.stop && batch.bytes < MAX_BATCH_BYTES {
            match jobs.try_recv() {
                Ok(job) => self.apply(job, &mut batch)?,
                Err(TryRecvError::Disconnected) => batch.stop = true,
                Err(TryRecvError::Empty) if batch.waiting.is_empty() && !batch.sign => {
                    match jobs.recv_timeout(GATHER.saturating_sub(gathered.elapsed())) {
                        Ok(job) => self.apply(job, &mut batch)?,
                        Err(RecvTimeoutError::Timeout) => break,
                        Err(RecvTimeoutError::Disconnected) => batch.stop = true,
                    }
                }
                Err(TryRecvError::Empty) => break,
            }
        }
        let due = self.signed_when.is_none_or(|when| when.elapsed() >= SIGN_EVERY);
        if self.unsigned() && (due || batch.sign || batch.stop) {
            self.sign()?;
        }
        self.connection.execute_batch("COMMIT")?;
        Ok(batch)
    }

    fn apply(&mut self, job: Job, batch: &mut Batch) -> Result<(), StoreError> {
        match job {
            Job::Leaves { leaves, index, reply } => {
                if let Index::Opened { id, started, gate, to_id, .. } = &index
                    && !self.index_opened(id, started, gate, to_id.as_deref())?
                {
                    batch.waiting.push((reply, Reply::Taken));
                    return Ok(());
                }
                for leaf in &leaves {
                    batch.bytes = batch.bytes.saturating_add(leaf.body.len());
                    self.append(leaf)?;
                }
                let last = self.frontier.size().saturating_sub(1);
                if let Index::Sealed { opened_at, ending, records, held, datasets } = &index {
                    self.index_sealed(*opened_at, last, ending, *records, *held, datasets)?;
                }
                if let Index::Opened { model: Some(name), .. } = &index {
                    let sql = concat!(
                        "INSERT INTO model (name, opened_at, revision, route) SELECT ?1, idx, ",
                        of_model!(),
                        " FROM leaf WHERE idx = ?2"
                    );
                    self.connection.prepare_cached(sql)?.execute(params![name, int(last)?])?;
                }
                if let Index::About(file) | Index::Opened { about: Some(file), .. } = &index {
                    let sql = concat!(
                        "INSERT INTO about (sha256, idx, kind, word) SELECT ?1, idx, kind, ",
                        word!(),
                        " FROM leaf WHERE idx = ?2"
                    );
                    self.connection.prepare_cached(sql)?.execute(params![file.0, int(last)?])?;
                }
                batch.waiting.push((reply, Reply::Durable(last)));
            }
            Job::Entries(rows) => {
                let mut insert = self
                    .connection
                    .prepare_cached("INSERT INTO entry (id, identity, body) VALUES (?1, ?2, ?3)")?;
                for entry in &rows {
                    batch.bytes = batch.bytes.saturating_add(entry.body.len());
                    insert.execute(params![entry.row, entry.identity, entry.body])?;
                    if let Some(file) = entry.sha256 {
                        let sql = concat!(
                            "INSERT INTO file (sha256, entry, step, held) SELECT ?1, id, ",
                            of_file!(),
                            " FROM entry WHERE id = ?2"
                        );
                        self.connection.prepare_cached(sql)?.execute(params![file.0, entry.row])?;
                    }
                }
            }
            Job::Sign(reply) => {
                batch.sign = true;
                batch.waiting.push((reply, Reply::Durable(self.frontier.size())));
            }
            Job::Stop => batch.stop = true,
        }
        Ok(())
    }

    fn append(&mut self, leaf: &Leaf) -> Result<(), StoreError> {
        let index = self.frontier.size();
        crate::store::MAX_ENTRIES
            .check(index)
            .map_err(|source| StoreError::Limit { what: "an entry", source })?;
        self.connection
            .prepare_cached("INSERT INTO leaf (idx, kind, hash, body) VALUES (?1, ?2, ?3, ?4)")?
            .execute(params![int(index)?, leaf.kind, leaf.hash, leaf.body])?;
        self.frontier.push(leaf.hash);
        let mut full: Vec<Tile> = Vec::new();
        self.tiler.push(leaf.hash, &mut |tile| full.push(tile));
        for tile in full {
            self.connection
                .prepare_cached("INSERT INTO tile (level, number, root, hashes) VALUES (?1, ?2, ?3, ?4)")?
                .execute(params![tile.level, int(tile.number)?, tile.root, tile.bytes])?;
        }
        Ok(())
    }

    fn index_opened(
        &self,
        id: &[u8; 16],
        started: &str,
        gate: &str,
        to_id: Option<&str>,
    ) -> Result<bool, StoreError> {
        let mut insert = self.connection.prepare_cached(
            "INSERT INTO crossing (opened_at, id, started, gate, to_id) VALUES (?1, ?2, ?3, ?4, ?5)
             ON CONFLICT (id) DO NOTHING",
        )?;
        Ok(insert.execute(params![int(self.frontier.size())?, id, started, gate, to_id])? == 1)
    }

    fn index_sealed(
        &self,
        opened_at: u64,
        sealed_at: u64,
        ending: &str,
        records: u64,
        held: u64,
        datasets: &[String],
    ) -> Result<(), StoreError> {
        let changed = self
            .connection
            .prepare_cached(
                "UPDATE crossing SET sealed_at = ?2, ending = ?3, records = ?4, held = ?5
                 WHERE opened_at = ?1 AND sealed_at IS NULL",
            )?
            .execute(params![int(opened_at)?, int(sealed_at)?, ending, int(records)?, int(held)?])?;
        if changed != 1 {
            return Err(StoreError::Damaged("a crossing was sealed that is not open"));
        }
        if ending == "complete" {
            let sql = concat!(
                "INSERT INTO cleared (sha256, entry) SELECT sha256, min(file.entry) FROM ",
                cleared!(),
                " AND file.entry >= ?1 AND file.entry < ?2 GROUP BY sha256
                 ON CONFLICT (sha256) DO UPDATE SET entry = min(entry, excluded.entry)"
            );
            let (from, to) = entry_rows(opened_at)?;
            self.connection.prepare_cached(sql)?.execute([from, to])?;
        }
        for dataset in datasets {
            self.connection
                .prepare_cached("INSERT INTO output (dataset, opened_at) VALUES (?1, ?2)")?
                .execute(params![dataset, int(opened_at)?])?;
        }
        Ok(())
    }

    fn sign(&mut self) -> Result<(), StoreError> {
        let size = self.frontier.size();
        let checkpoint = Checkpoint { origin: self.origin.clone(), size, root: self.frontier.root() };
        let note = checkpoint.sign(&*self.signer)?;
        self.connection
            .prepare_cached("INSERT INTO checkpoint (size, note) VALUES (?1, ?2)")?
            .execute(params![int(size)?, note])?;
        if let Some(last) = self.signed_size.filter(|last| last / KEEP_EVERY == size / KEEP_EVERY) {
            self.connection
                .prepare_cached("DELETE FROM checkpoint WHERE size = ?1")?
                .execute([int(last)?])?;
        }
        self.signed_size = Some(size);
        self.signed_when = Some(Instant::now());
        Ok(())
    }
}
