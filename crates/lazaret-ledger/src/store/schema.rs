//! The tables, and how a database is opened.

use std::path::Path;
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};

use crate::store::StoreError;

/// The schema this version writes.
pub(crate) const SCHEMA: i64 = 1;
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
  gate TEXT NOT NULL, sealed_at INTEGER, ending TEXT, records INTEGER, held INTEGER) STRICT;
CREATE INDEX crossing_unsealed ON crossing (opened_at) WHERE sealed_at IS NULL;
CREATE TABLE output (dataset TEXT NOT NULL, opened_at INTEGER NOT NULL, PRIMARY KEY (dataset, opened_at)) STRICT, WITHOUT ROWID;
CREATE TABLE entry (id INTEGER PRIMARY KEY, identity BLOB, body TEXT NOT NULL) STRICT;
CREATE INDEX entry_identity ON entry (identity) WHERE identity IS NOT NULL;
";

/// Opens for writing; makes the tables in an empty file.
pub(crate) fn open_for_writing(path: &Path, origin: &str) -> Result<Connection, StoreError> {
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
        transaction.execute("INSERT INTO meta VALUES ('origin', ?1)", [origin])?;
        transaction.pragma_update(None, "application_id", APPLICATION)?;
        transaction.pragma_update(None, "user_version", SCHEMA)?;
        transaction.commit()?;
    }
    let found: String =
        connection.query_row("SELECT value FROM meta WHERE key = 'origin'", [], |row| row.get(0))?;
    if found != origin {
        return Err(StoreError::Origin { found, asked: origin.to_owned() });
    }
    Ok(connection)
}

/// Opens for reading; nothing is made or changed.
pub(crate) fn open_for_reading(path: &Path) -> Result<Connection, StoreError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(Duration::from_secs(10))?;
    check(&connection)?;
    connection.pragma_update(None, "query_only", true)?;
    connection.pragma_update(None, "cache_size", -8_192)?;
    set_up(&connection)?;
    Ok(connection)
}

/// Statements are kept, and planned once instead of anew for each value that is bound to them.
fn set_up(connection: &Connection) -> Result<(), StoreError> {
    connection.set_prepared_statement_cache_capacity(64);
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    Ok(())
}

fn check(connection: &Connection) -> Result<(), StoreError> {
    let pragma = |name| connection.pragma_query_value(None, name, |row| row.get::<_, i64>(0));
    if pragma("application_id")? != APPLICATION {
        return Err(StoreError::NotALedger);
    }
    let found = pragma("user_version")?;
    if found > SCHEMA {
        return Err(StoreError::NewerSchema { found, known: SCHEMA });
    }
    Ok(())
}
