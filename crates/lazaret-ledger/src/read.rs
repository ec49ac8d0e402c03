//! What is read back: our own rows, as plain words. Govern, the console and the bill of materials read here;
//! they learn no patient.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use lazaret_core::{Counts, CrossingId, KeyedDigest, Verdict};
use rusqlite::{Connection, OptionalExtension as _, Row, params};
use serde::{Deserialize, Serialize};

use crate::note::VerifierKey;
use crate::store::nodes::stored_size;
use crate::store::schema::{SCHEMA, open_for_reading, version};
use crate::store::{StoreError, entry_row, entry_rows, int, opened_of_row, uint};

mod words;

pub use words::{
    ActorWords, CountWords, CrossingWords, EntryWords, FileWords, FindingWords, ModelWords, OpenedWords,
    OrderWords, OutputWords, SealWords, SealedWords,
};
pub(crate) use words::{OpenedBody, OutputsBody, SealedBody};

/// Reads a ledger; any number of readers may do so while one process writes.
pub struct LedgerReader {
    path: PathBuf,
    connection: Mutex<Connection>,
    /// The schema that the ledger had when it was opened.
    schema: AtomicI64,
}

/// A leaf of the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeafRow {
    /// Its index.
    pub index: u64,
    /// Its kind: `opened`, `sealed`, `outputs`, or that of an event.
    pub kind: String,
    /// Its body: canonical JSON.
    pub body: String,
}

/// One line of a list of crossings.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CrossingRow {
    /// Which.
    pub crossing: String,
    /// The index of its opened entry.
    pub opened_at: u64,
    /// When it began.
    pub started: String,
    /// Through which gate.
    pub gate: String,
    /// The index of its sealed entry.
    pub sealed_at: Option<u64>,
    /// `complete` or `cut`; none while it is open.
    pub ending: Option<String>,
    /// How many records.
    pub records: Option<u64>,
    /// How many were held.
    pub held: Option<u64>,
}

/// Which crossings are asked for; newest first.
#[derive(Debug, Clone, Default)]
pub struct Query {
    /// Only those opened before this index: the last one of the page before.
    pub before: Option<u64>,
    /// At most so many; 0 means 100.
    pub limit: u32,
    /// Only of this gate.
    pub gate: Option<String>,
    /// Only those sealed as complete with an output in this dataset.
    pub dataset: Option<String>,
}

/// How much is in the ledger.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Totals {
    /// Leaves of the log.
    pub entries: u64,
    /// Crossings.
    pub crossings: u64,
    /// Crossings not sealed.
    pub unsealed: u64,
    /// Records of sealed crossings.
    pub records: u64,
    /// Records held, of sealed crossings.
    pub held: u64,
}

impl LedgerReader {
    /// Opens a ledger for reading.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        let connection = open_for_reading(path)?;
        let schema = AtomicI64::new(version(&connection)?);
        Ok(Self { path: path.to_owned(), connection: Mutex::new(connection), schema })
    }

    pub(crate) fn connection(&self) -> MutexGuard<'_, Connection> {
        self.connection.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether this ledger knows files: one that no newer version has opened for writing has none.
    pub(crate) fn knows_files(&self) -> Result<bool, StoreError> {
        let mut connection = self.connection();
        let found = version(&connection)?;
        if found != self.schema.load(Ordering::Relaxed) {
            // Somebody has taken it over meanwhile: what stood in for its tables goes.
            *connection = open_for_reading(&self.path)?;
            self.schema.store(found, Ordering::Relaxed);
        }
        Ok(found >= 2)
    }

    /// Whether an older version has written it last: until it is written to, it is read without the indexes of now.
    pub fn is_of_older_schema(&self) -> Result<bool, StoreError> {
        Ok(version(&self.connection())? < SCHEMA)
    }

    /// The log's name.
    pub fn origin(&self) -> Result<String, StoreError> {
        let connection = self.connection();
        Ok(connection.query_row("SELECT value FROM meta WHERE key = 'origin'", [], |row| row.get(0))?)
    }

    /// How many leaves the log has.
    pub fn size(&self) -> Result<u64, StoreError> {
        stored_size(&self.connection())
    }

    /// The last signed checkpoint.
    pub fn checkpoint(&self) -> Result<Option<String>, StoreError> {
        let sql = "SELECT note FROM checkpoint ORDER BY size DESC LIMIT 1";
        Ok(self.connection().prepare_cached(sql)?.query_row([], |row| row.get(0)).optional()?)
    }

    /// How much there is.
    pub fn totals(&self) -> Result<Totals, StoreError> {
        let connection = self.connection();
        let entries = stored_size(&connection)?;
        let sql =
            "SELECT count(*), count(*) - count(sealed_at), coalesce(sum(records), 0), coalesce(sum(held), 0)
                   FROM crossing";
        let row: (i64, i64, i64, i64) =
            connection.query_row(sql, [], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?)))?;
        Ok(Totals {
            entries,
            crossings: uint(row.0)?,
            unsealed: uint(row.1)?,
            records: uint(row.2)?,
            held: uint(row.3)?,
        })
    }

    /// One leaf.
    pub fn leaf(&self, index: u64) -> Result<Option<LeafRow>, StoreError> {
        leaf(&self.connection(), index)
    }

    /// Leaves in their order from an index on.
    pub fn leaves(&self, from: u64, limit: u32) -> Result<Vec<LeafRow>, StoreError> {
        let connection = self.connection();
        let mut statement = connection
            .prepare_cached("SELECT idx, kind, body FROM leaf WHERE idx >= ?1 ORDER BY idx LIMIT ?2")?;
        let mut rows = statement.query(params![int(from)?, limit])?;
        let mut leaves = Vec::new();
        while let Some(row) = rows.next()? {
            leaves.push(LeafRow { index: uint(row.get(0)?)?, kind: row.get(1)?, body: row.get(2)? });
        }
        Ok(leaves)
    }

    /// Events of a kind, newest first.
    pub fn events(&self, kind: &str, before: Option<u64>, limit: u32) -> Result<Vec<LeafRow>, StoreError> {
        let connection = self.connection();
        let mut statement = connection.prepare_cached(
            "SELECT idx, kind, body FROM leaf WHERE kind = ?1 AND kind NOT IN ('opened', 'sealed', 'outputs')
             AND idx < ?2 ORDER BY idx DESC LIMIT ?3",
        )?;
        let mut rows = statement.query(params![kind, before.map_or(Ok(i64::MAX), int)?, limit])?;
        let mut leaves = Vec::new();
        while let Some(row) = rows.next()? {
            leaves.push(LeafRow { index: uint(row.get(0)?)?, kind: row.get(1)?, body: row.get(2)? });
        }
        Ok(leaves)
    }

    /// Events of two kinds, oldest first, from an index on.
    pub fn events_of_two(&self, kinds: [&str; 2], from: u64, limit: u32) -> Result<Vec<LeafRow>, StoreError> {
        let connection = self.connection();
        let mut leaves = Vec::new();
        for kind in kinds {
            let mut statement = connection.prepare_cached(
                "SELECT idx, kind, body FROM leaf WHERE kind = ?1 AND kind NOT IN ('opened', 'sealed', 'outputs')
                 AND idx >= ?2 ORDER BY idx LIMIT ?3",
            )?;
            let mut rows = statement.query(params![kind, int(from)?, limit])?;
            while let Some(row) = rows.next()? {
                leaves.push(LeafRow { index: uint(row.get(0)?)?, kind: row.get(1)?, body: row.get(2)? });
            }
        }
        leaves.sort_by_key(|leaf| leaf.index);
        leaves.truncate(limit as usize);
        Ok(leaves)
    }

    /// A page of crossings, newest first.
    pub fn crossings(&self, query: &Query) -> Result<Vec<CrossingRow>, StoreError> {
        let connection = self.connection();
        let mut statement = connection.prepare_cached(
            "SELECT opened_at, id, started, gate, sealed_at, ending, records, held FROM crossing
             WHERE opened_at < ?1 AND (?2 IS NULL OR gate = ?2)
             AND (?3 IS NULL OR opened_at IN (SELECT opened_at FROM output WHERE dataset = ?3))
             ORDER BY opened_at DESC LIMIT ?4",
        )?;
        let before = query.before.map_or(Ok(i64::MAX), int)?;
        let limit = if query.limit == 0 { 100 } else { query.limit };
        let mut rows = statement.query(params![before, query.gate, query.dataset, limit])?;
        let mut crossings = Vec::new();
        while let Some(row) = rows.next()? {
            crossings.push(crossing_row(row)?);
        }
        Ok(crossings)
    }

    /// The names of all datasets. What crossed into the registry of models is no dataset.
    pub fn datasets(&self) -> Result<Vec<String>, StoreError> {
        let connection = self.connection();
        let mut statement = connection.prepare_cached(
            "SELECT dataset FROM (SELECT dataset, MAX(opened_at) AS last FROM output GROUP BY dataset)
             JOIN crossing ON opened_at = last WHERE gate <> 'models' ORDER BY dataset",
        )?;
        let names = statement.query_map([], |row| row.get(0))?.collect::<Result<Vec<String>, _>>()?;
        Ok(names)
    }

    /// The opened entries' indexes of the complete crossings that made a dataset, oldest first. `lake` also
    /// means `lake/Patient`. A destination may have been made anew under an old name: those into the one written to
    /// last count, or those into the one of this id.
    pub fn crossings_of_dataset(
        &self,
        dataset: &str,
        destination: Option<&str>,
    ) -> Result<Vec<u64>, StoreError> {
        let destination = match destination {
            Some(id) => Some(id.to_owned()),
            None => self.destinations_of_dataset(dataset)?.pop().flatten(),
        };
        let connection = self.connection();
        let mut statement = connection.prepare_cached(
            "SELECT DISTINCT opened_at FROM output JOIN crossing USING (opened_at)
             WHERE (dataset = ?1 OR (dataset > ?1 || '/' AND dataset < ?1 || '0')) AND to_id IS ?2
             ORDER BY opened_at",
        )?;
        let mut rows = statement.query(params![dataset, destination])?;
        let mut indexes = Vec::new();
        while let Some(row) = rows.next()? {
            indexes.push(uint(row.get(0)?)?);
        }
        Ok(indexes)
    }

    /// The destinations that a dataset was written to, by id, the one written to last at the end. None: one that
    /// has no id.
    pub fn destinations_of_dataset(&self, dataset: &str) -> Result<Vec<Option<String>>, StoreError> {
        let connection = self.connection();
        let mut statement = connection.prepare_cached(
            "SELECT to_id FROM output JOIN crossing USING (opened_at)
             WHERE dataset = ?1 OR (dataset > ?1 || '/' AND dataset < ?1 || '0')
             GROUP BY to_id ORDER BY max(opened_at)",
        )?;
        let ids = statement.query_map([dataset], |row| row.get(0))?.collect::<Result<_, _>>()?;
        Ok(ids)
    }

    /// One crossing by its id.
    pub fn crossing(&self, id: CrossingId) -> Result<Option<CrossingWords>, StoreError> {
        let connection = self.connection();
        find(&connection, id)?.map(|row| words(&connection, &row)).transpose()
    }

    /// One crossing by the index of its opened entry.
    pub fn crossing_at(&self, opened_at: u64) -> Result<Option<CrossingWords>, StoreError> {
        let connection = self.connection();
        let row = row_at(&connection, opened_at)?;
        row.map(|row| words(&connection, &row)).transpose()
    }

    /// What happened to the records of a crossing, from a record's number on.
    pub fn entries(&self, id: CrossingId, from: u64, limit: u32) -> Result<Vec<EntryWords>, StoreError> {
        let connection = self.connection();
        let Some(row) = find(&connection, id)? else { return Ok(Vec::new()) };
        let (_, end) = entry_rows(row.opened_at)?;
        let mut statement = connection
            .prepare_cached("SELECT body FROM entry WHERE id >= ?1 AND id < ?2 ORDER BY id LIMIT ?3")?;
        let mut rows = statement.query(params![entry_row(row.opened_at, from)?, end, limit])?;
        let mut entries = Vec::new();
        while let Some(entry) = rows.next()? {
            entries.push(parse(text(entry, 0)?, row.opened_at)?);
        }
        Ok(entries)
    }

    /// What happened to one record.
    pub fn entry(&self, id: CrossingId, record: u64) -> Result<Option<EntryWords>, StoreError> {
        let found = self.entries(id, record, 1)?;
        Ok(found.into_iter().find(|entry| entry.record == record))
    }

    /// Whether a crossing was sealed as complete.
    pub fn is_sealed_complete(&self, id: CrossingId) -> Result<bool, StoreError> {
        let found = find(&self.connection(), id)?;
        Ok(found.is_some_and(|row| row.ending.as_deref() == Some("complete")))
    }

    /// The complete crossing by which a record of this identity went out.
    pub fn crossed(&self, identity: &KeyedDigest) -> Result<Option<CrossingId>, StoreError> {
        let connection = self.connection();
        let mut statement =
            connection.prepare_cached("SELECT id FROM entry WHERE identity = ?1 ORDER BY id")?;
        let mut rows = statement.query([identity.half()])?;
        while let Some(row) = rows.next()? {
            let crossing = row_at(&connection, opened_of_row(row.get(0)?)?)?;
            if let Some(crossing) = crossing.filter(|row| row.ending.as_deref() == Some("complete")) {
                return Ok(CrossingId::parse(&crossing.crossing));
            }
        }
        Ok(None)
    }

    /// Every checkpoint, smallest first.
    pub fn checkpoints(&self) -> Result<Vec<String>, StoreError> {
        let connection = self.connection();
        let mut statement = connection.prepare_cached("SELECT note FROM checkpoint ORDER BY size")?;
        let notes = statement.query_map([], |row| row.get(0))?.collect::<Result<Vec<String>, _>>()?;
        Ok(notes)
    }

    /// Whether this log is the one of a key, by its origin.
    pub fn is_of(&self, key: &VerifierKey) -> Result<bool, StoreError> {
        Ok(self.origin()? == key.name())
    }
}

/// One leaf.
pub(crate) fn leaf(connection: &Connection, index: u64) -> Result<Option<LeafRow>, StoreError> {
    let found = connection
        .prepare_cached("SELECT kind, body FROM leaf WHERE idx = ?1")?
        .query_row([int(index)?], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?;
    Ok(found.map(|(kind, body)| LeafRow { index, kind, body }))
}

/// A crossing's row by its id.
pub(crate) fn find(connection: &Connection, id: CrossingId) -> Result<Option<CrossingRow>, StoreError> {
    let mut statement = connection.prepare_cached(
        "SELECT opened_at, id, started, gate, sealed_at, ending, records, held FROM crossing WHERE id = ?1",
    )?;
    let mut rows = statement.query([id.as_bytes()])?;
    rows.next()?.map(crossing_row).transpose()
}

fn row_at(connection: &Connection, opened_at: u64) -> Result<Option<CrossingRow>, StoreError> {
    let mut statement = connection.prepare_cached(
        "SELECT opened_at, id, started, gate, sealed_at, ending, records, held FROM crossing WHERE opened_at = ?1",
    )?;
    let mut rows = statement.query([int(opened_at)?])?;
    rows.next()?.map(crossing_row).transpose()
}

fn crossing_row(row: &Row<'_>) -> Result<CrossingRow, StoreError> {
    let optional = |column| row.get::<_, Option<i64>>(column).map_err(StoreError::from);
    Ok(CrossingRow {
        opened_at: uint(row.get(0)?)?,
        crossing: crate::store::crossing_id(&row.get::<_, [u8; 16]>(1)?)?.to_string(),
        started: row.get(2)?,
        gate: row.get(3)?,
        sealed_at: optional(4)?.map(uint).transpose()?,
        ending: row.get(5)?,
        records: optional(6)?.map(uint).transpose()?,
        held: optional(7)?.map(uint).transpose()?,
    })
}

/// The whole of a crossing from its leaves.
fn words(connection: &Connection, row: &CrossingRow) -> Result<CrossingWords, StoreError> {
    let missing = StoreError::Damaged("an entry is missing");
    let opened = leaf(connection, row.opened_at)?.ok_or(missing)?;
    let opened: OpenedBody = parse(&opened.body, row.opened_at)?;
    let sealed = row.sealed_at.map(|at| sealed_words(connection, at)).transpose()?;
    Ok(CrossingWords { opened: opened.opened, opened_at: row.opened_at, sealed })
}

/// A sealed entry with the outputs that stand in leaves of their own before it.
pub(crate) fn sealed_words(connection: &Connection, sealed_at: u64) -> Result<SealedWords, StoreError> {
    let body = leaf(connection, sealed_at)?.ok_or(StoreError::Damaged("an entry is missing"))?;
    let mut body: SealedBody = parse(&body.body, sealed_at)?;
    let first = sealed_at.checked_sub(body.output_parts);
    for index in first.ok_or(StoreError::Damaged("a sealed entry counts too many parts"))?..sealed_at {
        let part = leaf(connection, index)?.ok_or(StoreError::Damaged("an entry is missing"))?;
        let part: OutputsBody = parse(&part.body, index)?;
        if part.crossing != body.seal.crossing {
            return Err(StoreError::Damaged("the outputs before a sealed entry are another crossing's"));
        }
        body.seal.outputs.extend(part.outputs);
    }
    Ok(SealedWords {
        seal: body.seal,
        record_root: body.record_root,
        entries: body.entries,
        opened_at: body.opened_at,
        sealed_at,
    })
}

/// Reads one of our own bodies.
pub(crate) fn parse<'a, T: Deserialize<'a>>(body: &'a str, index: u64) -> Result<T, StoreError> {
    serde_json::from_str(body).map_err(|source| StoreError::Unreadable { index, source })
}

/// A text column, borrowed.
pub(crate) fn text<'r>(row: &'r Row<'_>, column: usize) -> Result<&'r str, StoreError> {
    let text = row.get_ref(column)?.as_str();
    text.map_err(|_| StoreError::Damaged("a body is not text"))
}

/// Adds a stored entry to core's counts.
pub(crate) fn parse_counts(body: &str, index: u64, counts: &mut Counts) -> Result<(), StoreError> {
    fn add<K: Ord>(map: &mut BTreeMap<K, u64>, key: K, by: u64) {
        let count = map.entry(key).or_default();
        *count = count.saturating_add(by);
    }
    let entry: EntryWords = parse(body, index)?;
    counts.records = counts.records.saturating_add(1);
    counts.again = counts.again.saturating_add(u64::from(entry.again.is_some()));
    counts.uninspected = counts.uninspected.saturating_add(u64::from(entry.uninspected.is_some()));
    if let Some(verdict) = Verdict::parse(&entry.verdict) {
        add(&mut counts.verdicts, verdict, 1);
    }
    for finding in entry.findings {
        add(&mut counts.findings, finding.id, 1);
    }
    for (label, count) in entry.phi {
        add(&mut counts.phi, label, count);
    }
    for (edit, count) in entry.edits {
        add(&mut counts.edits, edit, count);
    }
    Ok(())
}
