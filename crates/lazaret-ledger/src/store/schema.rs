//! The tables, and how a database is opened.

use std::path::Path;
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};

use crate::store::StoreError;

/// The schema this version writes.
pub(crate) const SCHEMA: i64 = 3;
/// "lzrt": marks the file as a ledger.
const APPLICATION: i64 = 0x6c7a_7274;

/// Bytes of a page.
const PAGE: i64 = 16 << 10;
/// Bytes of the write-ahead log after which it is copied into the file.
const WAL: i64 = 16 << 20;

const TABLES: &str = "
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE leaf (idx INTEGER PRIMARY KEY, kind TEXT NOT NULL, hash BLOB NOT NULL, body TEXT NOT NULL) STRICT;
CREATE INDEX leaf_event ON leaf (kind, idx) WHERE kind NOT IN ('opened', 'sealed', 'outputs');
CREATE TABLE tile (level INTEGER NOT NULL, number INTEGER NOT NULL, root BLOB NOT NULL, hashes BLOB NOT NULL,
  PRIMARY KEY (level, number)) STRICT;
CREATE TABLE checkpoint (size INTEGER PRIMARY KEY, note TEXT NOT NULL) STRICT;
CREATE TABLE crossing (opened_at INTEGER PRIMARY KEY, id BLOB NOT NULL UNIQUE, started TEXT NOT NULL,
  gate TEXT NOT NULL, to_id TEXT, sealed_at INTEGER, ending TEXT, records INTEGER, held INTEGER) STRICT;
CREATE INDEX crossing_unsealed ON crossing (opened_at) WHERE sealed_at IS NULL;
CREATE TABLE output (dataset TEXT NOT NULL, opened_at INTEGER NOT NULL, PRIMARY KEY (dataset, opened_at)) STRICT, WITHOUT ROWID;
CREATE TABLE entry (id INTEGER PRIMARY KEY, identity BLOB, body TEXT NOT NULL) STRICT;
CREATE INDEX entry_identity ON entry (identity) WHERE identity IS NOT NULL;
";

/// Since schema 2: what is known of a model's file, by its SHA-256: the entries of its crossings, and the leaves of orders
/// and events about it; and the crossings of a model, by its name. Before, no entry named either.
///
/// Since schema 3 each question about a file costs a row of these for its answer, however often the file came: the entries are
/// also found by the last step of the file's name, the leaves by their kind and their word, the crossings of a model by its
/// revision, and the first entry by which the file went out is known.
const FILES: &str = "
CREATE TABLE file (sha256 BLOB NOT NULL, entry INTEGER NOT NULL, step TEXT, held INTEGER NOT NULL,
  PRIMARY KEY (sha256, entry)) STRICT, WITHOUT ROWID;
CREATE INDEX file_step ON file (sha256, step, entry);
CREATE INDEX file_entry ON file (entry, held);
CREATE TABLE cleared (sha256 BLOB PRIMARY KEY, entry INTEGER NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE about (sha256 BLOB NOT NULL, idx INTEGER NOT NULL, kind TEXT NOT NULL, word TEXT,
  PRIMARY KEY (sha256, idx)) STRICT, WITHOUT ROWID;
CREATE INDEX about_kind ON about (sha256, kind, idx);
CREATE INDEX about_word ON about (sha256, kind, word, idx) WHERE word IS NOT NULL;
CREATE TABLE model (name TEXT NOT NULL, opened_at INTEGER NOT NULL, revision TEXT, route TEXT NOT NULL,
  PRIMARY KEY (name, opened_at)) STRICT, WITHOUT ROWID;
CREATE INDEX model_revision ON model (name, revision, opened_at) WHERE revision IS NOT NULL;
";

/// What was given out as a revision of a model is found by both names: a file may be given out as one of a revision as which it
/// never crossed. A ledger that nobody has written since answers the same, and slowly.
const GIVEN: &str = "
CREATE INDEX IF NOT EXISTS leaf_given ON leaf (body ->> '$.event.model', body ->> '$.event.revision', idx)
  WHERE kind = 'models.pulled';
";

/// Of an entry's file: the last step of its name, and whether it was kept back.
macro_rules! of_file {
    () => {
        "substr(entry.body ->> '$.file.name', 1 + length(rtrim(entry.body ->> '$.file.name',
           replace(entry.body ->> '$.file.name', '/', '')))), entry.body ->> '$.held' IS NOT NULL"
    };
}

/// The word of a leaf about a file: what was ordered, or which model an event names.
macro_rules! word {
    () => {
        "CAST(leaf.body ->> CASE leaf.kind WHEN 'opened' THEN '$.opened.order.what' ELSE '$.event.model' END AS TEXT)"
    };
}

/// Of a model's crossing: its revision and its route.
macro_rules! of_model {
    () => {
        "leaf.body ->> '$.opened.model.revision', leaf.body ->> '$.opened.route'"
    };
}

/// Entries of files that went out: not kept back, in a crossing that came to its end.
macro_rules! cleared {
    () => {
        "file CROSS JOIN crossing ON opened_at = file.entry >> 28 WHERE ending = 'complete' AND NOT file.held"
    };
}
pub(crate) use {cleared, of_file, of_model, word};

/// Takes what schema 2 had out of the way of the tables of schema 3.
const ASIDE: &str = "ALTER TABLE file RENAME TO file_2; ALTER TABLE about RENAME TO about_2; ALTER TABLE model RENAME TO model_2;";
/// And fills those with it.
const FROM_2: &str = concat!(
    "INSERT INTO file SELECT sha256, file_2.entry, ",
    of_file!(),
    " FROM file_2 JOIN entry ON entry.id = file_2.entry;
     INSERT INTO about SELECT sha256, leaf.idx, leaf.kind, ",
    word!(),
    " FROM about_2 JOIN leaf ON leaf.idx = about_2.idx;
     INSERT INTO model SELECT name, opened_at, ",
    of_model!(),
    " FROM model_2 JOIN leaf ON leaf.idx = opened_at;
     INSERT INTO cleared SELECT sha256, min(file.entry) FROM ",
    cleared!(),
    " GROUP BY sha256; DROP TABLE file_2; DROP TABLE about_2; DROP TABLE model_2;"
);
/// What schema 3 has, made of schema 2 as it is asked for: for who only reads a ledger that nobody has written since. It answers
/// the same, and slowly.
const AS_3: &str = concat!(
    "CREATE TEMP VIEW file (sha256, entry, step, held) AS SELECT sha256, file.entry, ",
    of_file!(),
    " FROM main.file LEFT JOIN main.entry ON entry.id = file.entry;
     CREATE TEMP VIEW about (sha256, idx, kind, word) AS SELECT sha256, leaf.idx, leaf.kind, ",
    word!(),
    " FROM main.about JOIN main.leaf ON leaf.idx = about.idx;
     CREATE TEMP VIEW model (name, opened_at, revision, route) AS SELECT name, opened_at, ",
    of_model!(),
    " FROM main.model JOIN main.leaf ON leaf.idx = opened_at;
     CREATE TEMP VIEW cleared (sha256, entry) AS SELECT sha256, min(file.entry) FROM ",
    cleared!(),
    " GROUP BY sha256;"
);

/// Opens for writing; makes the tables in an empty file.
pub(crate) fn open_for_writing(path: &Path, origin: &str) -> Result<Connection, StoreError> {
    settle_log(path);
    let mut connection = Connection::open(path)?;
    connection.busy_timeout(Duration::from_secs(10))?;
    let empty: bool = connection.query_row("SELECT count(*) = 0 FROM sqlite_schema", [], |row| row.get(0))?;
    if !empty {
        check(&connection)?;
    }
    if empty {
        // Entries are appended a megabyte at a time: fewer, larger pages take a quarter of the writes.
        connection.pragma_update(None, "page_size", PAGE)?;
    }
    connection.pragma_update_and_check(None, "journal_mode", "WAL", |_| Ok(()))?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    // A short write-ahead log: a flush that overwrites it costs half of one that makes it longer.
    connection.pragma_update(None, "wal_autocheckpoint", WAL / PAGE)?;
    connection.pragma_update(None, "cache_size", -16_384)?;
    set_up(&connection)?;
    if empty {
        let transaction = connection.transaction()?;
        transaction.execute_batch(TABLES)?;
        transaction.execute_batch(FILES)?;
        transaction.execute("INSERT INTO meta VALUES ('origin', ?1)", [origin])?;
        transaction.pragma_update(None, "application_id", APPLICATION)?;
        transaction.pragma_update(None, "user_version", SCHEMA)?;
        transaction.commit()?;
    } else if version(&connection)? < SCHEMA {
        let transaction = connection.transaction()?;
        if version(&transaction)? == 2 {
            transaction.execute_batch(ASIDE)?;
            transaction.execute_batch(FILES)?;
            transaction.execute_batch(FROM_2)?;
        } else {
            transaction.execute_batch(FILES)?;
        }
        transaction.pragma_update(None, "user_version", SCHEMA)?;
        transaction.commit()?;
    }
    connection.execute_batch(GIVEN)?;
    let found: String =
        connection.query_row("SELECT value FROM meta WHERE key = 'origin'", [], |row| row.get(0))?;
    if found != origin {
        return Err(StoreError::Origin { found, asked: origin.to_owned() });
    }
    Ok(connection)
}

/// Opens for reading; no statement can change anything. What a crash left in the write-ahead log goes into the file.
pub(crate) fn open_for_reading(path: &Path) -> Result<Connection, StoreError> {
    settle_log(path);
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(Duration::from_secs(10))?;
    check(&connection)?;
    if version(&connection)? == 2 {
        connection.execute_batch(AS_3)?;
    }
    connection.pragma_update(None, "query_only", true)?;
    connection.pragma_update(None, "cache_size", -8_192)?;
    set_up(&connection)?;
    Ok(connection)
}

/// Copies what a crash left in the write-ahead log into the file, the log's index in memory: where it is a file (`-shm`)
/// and the log's first frame is torn, SQLite (3.54, `walIndexRecover`) copies memory into it that it never wrote to,
/// and with it what this process had there before. Best effort: while others have the file open there is no crash
/// to recover from, and what else is wrong will be told by opening it.
fn settle_log(path: &Path) {
    let mut log = path.as_os_str().to_owned();
    log.push("-wal");
    if std::fs::metadata(log).is_ok_and(|log| log.len() > 0) {
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let _ = Connection::open_with_flags(path, flags).and_then(|connection| {
            connection.busy_timeout(Duration::ZERO)?;
            connection.pragma_update(None, "locking_mode", "EXCLUSIVE")?;
            connection.pragma_update(None, "synchronous", "FULL")?;
            connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))
        });
    }
}

/// Statements are kept, and planned once instead of anew for each value that is bound to them.
fn set_up(connection: &Connection) -> Result<(), StoreError> {
    connection.set_prepared_statement_cache_capacity(64);
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    Ok(())
}

/// The schema that a database has.
pub(crate) fn version(connection: &Connection) -> Result<i64, StoreError> {
    Ok(connection.pragma_query_value(None, "user_version", |row| row.get(0))?)
}

fn check(connection: &Connection) -> Result<(), StoreError> {
    let pragma = |name| connection.pragma_query_value(None, name, |row| row.get::<_, i64>(0));
    if pragma("application_id")? != APPLICATION {
        return Err(StoreError::NotALedger);
    }
    let found = version(connection)?;
    if found > SCHEMA {
        return Err(StoreError::NewerSchema { found, known: SCHEMA });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As a power cut leaves it: of the write-ahead log only the header, or a first frame that is torn, is there.
    #[test]
    #[expect(clippy::disallowed_methods, reason = "what is read here is the test's own")]
    fn memory_never_reaches_a_file() {
        const SECRET: &[u8] = b"Quillmoorfeather";
        let frame = 24 + usize::try_from(PAGE).unwrap();
        for (length, reading) in [(32, true), (33, false), (32 + frame, true)] {
            let (folder, cut) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
            let _open = open_for_writing(&folder.path().join("ledger.db"), "a.example/ledger").unwrap();
            let file = cut.path().join("ledger.db");
            std::fs::copy(folder.path().join("ledger.db"), &file).unwrap();
            let mut log = std::fs::read(folder.path().join("ledger.db-wal")).unwrap();
            log.truncate(length);
            if let Some(last) = log.get_mut(32..).and_then(<[u8]>::last_mut) {
                *last ^= 1;
            }
            std::fs::write(cut.path().join("ledger.db-wal"), log).unwrap();

            let freed: Vec<Vec<u8>> = (0..64).map(|_| SECRET.repeat(4096)).collect();
            drop(freed);
            let opened =
                if reading { open_for_reading(&file) } else { open_for_writing(&file, "a.example/ledger") };
            let shared = std::fs::read(cut.path().join("ledger.db-shm")).unwrap_or_default();
            drop(opened);
            let found = shared.windows(SECRET.len()).filter(|window| *window == SECRET).count();
            assert_eq!(found, 0, "of {} bytes, the log cut to {length}", shared.len());
        }
    }
}
