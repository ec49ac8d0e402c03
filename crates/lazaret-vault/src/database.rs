//! `vault.db`: the schema, and one connection whose writes gather in a transaction until they are committed.
//!
//! SQLite in WAL mode with full sync: a commit is durable when it returns. Writes of many threads share one
//! transaction, which is committed by [`Database::commit`], after [`MOST_WRITES`] writes, or by the vault's
//! keeper once it is [`MOST_AGE`] old, so that another process never waits long. A commit that fails loses what
//! was handed out; the database then refuses everything.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};

use crate::VaultFailure;
use crate::segments::Segments;

/// The schema this program writes.
pub(crate) const SCHEMA: i64 = 2;
/// After so many writes the transaction is committed.
const MOST_WRITES: u32 = 65_536;
/// After so many writes the write-ahead log is worth being copied beside other work: some megabytes.
const LONG_LOG: u32 = 8_192;
/// So old may the transaction grow.
pub(crate) const MOST_AGE: Duration = Duration::from_secs(2);
const FLAGS: OpenFlags = OpenFlags::SQLITE_OPEN_READ_WRITE.union(OpenFlags::SQLITE_OPEN_NO_MUTEX);
/// So long another process's transaction is waited for.
const BUSY: Duration = Duration::from_secs(20);

const TABLES: &str = "
CREATE TABLE kms (version INTEGER PRIMARY KEY, provider TEXT NOT NULL, key_id TEXT NOT NULL,
  parameters TEXT NOT NULL, since INTEGER NOT NULL) STRICT;
CREATE TABLE data_keys (id TEXT PRIMARY KEY, class TEXT NOT NULL, dataset TEXT NOT NULL, part TEXT NOT NULL,
  version INTEGER NOT NULL, wrapped BLOB NOT NULL, kms INTEGER NOT NULL, created INTEGER NOT NULL,
  UNIQUE (class, dataset, part, version)) STRICT;
CREATE TABLE subjects (id INTEGER PRIMARY KEY AUTOINCREMENT, lookup BLOB NOT NULL UNIQUE, secret BLOB NOT NULL,
  described INTEGER NOT NULL DEFAULT 0, legal_hold INTEGER NOT NULL DEFAULT 0, created INTEGER NOT NULL) STRICT;
CREATE TABLE facts (id INTEGER PRIMARY KEY, subject INTEGER NOT NULL, mark BLOB NOT NULL, sealed BLOB NOT NULL,
  UNIQUE (subject, mark)) STRICT;
CREATE TABLE tokens (id INTEGER PRIMARY KEY, lookup BLOB NOT NULL UNIQUE, token BLOB NOT NULL UNIQUE,
  owner INTEGER, sealed BLOB) STRICT;
CREATE TABLE holds (crossing BLOB NOT NULL, record INTEGER NOT NULL, start INTEGER NOT NULL,
  length INTEGER NOT NULL, identity BLOB NOT NULL, subject INTEGER, meta BLOB NOT NULL, state TEXT NOT NULL DEFAULT 'held',
  cut INTEGER NOT NULL DEFAULT 0, settled_by TEXT, settled_second TEXT, settled INTEGER,
  PRIMARY KEY (crossing, record)) STRICT, WITHOUT ROWID;
CREATE INDEX holds_by_identity ON holds (identity);
CREATE TABLE signing (id INTEGER PRIMARY KEY CHECK (id = 1), sealed BLOB NOT NULL, created INTEGER NOT NULL) STRICT;
CREATE TABLE shreds (id INTEGER PRIMARY KEY, lookup BLOB NOT NULL, at INTEGER NOT NULL, one TEXT NOT NULL,
  two TEXT NOT NULL, reason BLOB NOT NULL, tokens INTEGER NOT NULL, facts INTEGER NOT NULL,
  holds INTEGER NOT NULL) STRICT;
CREATE TABLE legal_holds (id INTEGER PRIMARY KEY, lookup BLOB NOT NULL, at INTEGER NOT NULL,
  put INTEGER NOT NULL, one TEXT NOT NULL) STRICT;
";

/// The connection, and the transaction it may be in.
pub(crate) struct Database {
    connection: Connection,
    /// Files of held records, made durable before the rows that point into them.
    pub(crate) segments: Segments,
    begun: Option<Instant>,
    writes: u32,
    /// Writes since the write-ahead log was last given to be copied.
    logged: u32,
    seen: i64,
    stale: bool,
    broken: bool,
}

impl Database {
    /// Opens an existing file without reading the schema.
    pub(crate) fn connect(file: &Path, segments: Segments) -> Result<Self, VaultFailure> {
        settle_log(file);
        let connection = Connection::open_with_flags(file, FLAGS)?;
        connection.busy_timeout(BUSY)?;
        connection.execute_batch(
            "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA secure_delete = ON;
             PRAGMA temp_store = MEMORY; PRAGMA cache_size = -16384; PRAGMA wal_autocheckpoint = 16384;
             PRAGMA trusted_schema = OFF;",
        )?;
        connection.set_prepared_statement_cache_capacity(64);
        // A statement is planned once, and not anew for each value that is bound to it.
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
        let seen = data_version(&connection)?;
        Ok(Self {
            connection,
            segments,
            begun: None,
            writes: 0,
            logged: 0,
            seen,
            stale: false,
            broken: false,
        })
    }

    /// The schema version of the file; 0 for an empty one.
    pub(crate) fn schema(&self) -> Result<i64, VaultFailure> {
        Ok(self.connection.pragma_query_value(None, "user_version", |row| row.get(0))?)
    }

    /// Fails unless the file has the schema this program knows.
    pub(crate) fn check_schema(&self) -> Result<(), VaultFailure> {
        match self.schema()? {
            SCHEMA => Ok(()),
            0 => Err(VaultFailure::NoVault),
            found => Err(VaultFailure::Schema { found, known: SCHEMA }),
        }
    }

    /// Makes the tables; to be called within a transaction.
    pub(crate) fn create_tables(&mut self) -> Result<(), VaultFailure> {
        self.begin()?;
        self.connection.execute_batch(TABLES)?;
        Ok(self.connection.pragma_update(None, "user_version", SCHEMA)?)
    }

    /// The connection, for reading.
    pub(crate) fn reading(&self) -> Result<&Connection, VaultFailure> {
        if self.broken { Err(VaultFailure::Broken) } else { Ok(&self.connection) }
    }

    /// Begins a transaction that writes, unless there is one.
    pub(crate) fn begin(&mut self) -> Result<(), VaultFailure> {
        if self.broken {
            return Err(VaultFailure::Broken);
        }
        if self.begun.is_some() {
            if self.connection.is_autocommit() {
                self.broken = true; // SQLite rolled it back by itself
                return Err(VaultFailure::Broken);
            }
            return Ok(());
        }
        self.connection.execute_batch("BEGIN IMMEDIATE")?;
        self.begun = Some(Instant::now());
        self.writes = 0;
        self.look()
    }

    /// Looks whether another process wrote.
    pub(crate) fn look(&mut self) -> Result<(), VaultFailure> {
        let seen = data_version(&self.connection)?;
        self.stale |= seen != self.seen;
        self.seen = seen;
        Ok(())
    }

    /// Whether another process wrote since this was last asked: what was read before may no longer hold.
    pub(crate) fn take_stale(&mut self) -> bool {
        std::mem::take(&mut self.stale)
    }

    /// Notes a write; commits when there were enough.
    pub(crate) fn wrote(&mut self) -> Result<(), VaultFailure> {
        self.writes = self.writes.saturating_add(1);
        self.logged = self.logged.saturating_add(1);
        if self.writes >= MOST_WRITES { self.commit() } else { Ok(()) }
    }

    /// Commits what was written so far. Durable when it returns.
    pub(crate) fn commit(&mut self) -> Result<(), VaultFailure> {
        if self.broken {
            return Err(VaultFailure::Broken);
        }
        if self.begun.is_none() {
            return Ok(());
        }
        let committed = self
            .segments
            .sync()
            .and_then(|()| self.connection.execute_batch("COMMIT").map_err(VaultFailure::from));
        self.begun = None;
        if committed.is_err() {
            self.broken = true;
            let _ = self.connection.execute_batch("ROLLBACK"); // it may be rolled back already
        }
        committed
    }

    /// Whether the write-ahead log has grown long since this last said so.
    pub(crate) fn take_long_log(&mut self) -> bool {
        let long = self.logged >= LONG_LOG;
        if long {
            self.logged = 0;
        }
        long
    }

    /// The database's file.
    pub(crate) fn file(&self) -> PathBuf {
        self.connection.path().map_or_else(PathBuf::new, PathBuf::from)
    }

    /// Commits if the transaction has grown old.
    pub(crate) fn commit_if_old(&mut self) {
        if self.begun.is_some_and(|begun| begun.elapsed() >= MOST_AGE) {
            let _ = self.commit(); // a failure is kept: every later call is refused
        }
    }

    /// Runs some statements as one transaction of their own and commits it, with everything written before. If
    /// one fails, only they are undone.
    pub(crate) fn at_once<T>(
        &mut self,
        work: impl FnOnce(&Connection, &mut Segments) -> Result<T, VaultFailure>,
    ) -> Result<T, VaultFailure> {
        self.begin()?;
        self.connection.execute_batch("SAVEPOINT at_once")?;
        match work(&self.connection, &mut self.segments) {
            Ok(done) => {
                self.connection.execute_batch("RELEASE at_once")?;
                self.commit()?;
                Ok(done)
            }
            Err(failure) => {
                if self.connection.execute_batch("ROLLBACK TO at_once; RELEASE at_once").is_err() {
                    self.broken = true;
                }
                Err(failure)
            }
        }
    }

    /// Takes what was deleted out of the write-ahead log too. Best effort: another process may be reading.
    pub(crate) fn truncate_log(&mut self) -> Result<(), VaultFailure> {
        self.commit()?;
        let truncate = "PRAGMA wal_checkpoint(TRUNCATE)";
        Ok(self.connection.query_row(truncate, [], |_| Ok(()))?)
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        let _ = self.commit(); // nobody was told that it is durable
    }
}

/// Copies what a crash left in the write-ahead log into the file, the log's index in memory: where it is a file (`-shm`)
/// and the log's first frame is torn, SQLite (3.54, `walIndexRecover`) copies memory into it that it never wrote to,
/// and with it what this process had there before. Best effort: while others have the file open there is no crash
/// to recover from, and what else is wrong will be told by opening it.
fn settle_log(file: &Path) {
    let mut log = file.as_os_str().to_owned();
    log.push("-wal");
    if std::fs::metadata(log).is_ok_and(|log| log.len() > 0) {
        let _ = Connection::open_with_flags(file, FLAGS).and_then(|connection| {
            connection.busy_timeout(Duration::ZERO)?;
            connection.pragma_update(None, "locking_mode", "EXCLUSIVE")?;
            connection.pragma_update(None, "synchronous", "FULL")?;
            connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))
        });
    }
}

/// Copies what is committed in the write-ahead log into the file, on a connection of its own, so that nobody waits.
/// Best effort: it is done all the same when the log grows further, or when the last connection closes.
pub(crate) fn copy_log(file: &Path) {
    let _ = Connection::open_with_flags(file, FLAGS).and_then(|connection| {
        connection.execute_batch("PRAGMA synchronous = FULL")?;
        connection.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |_| Ok(()))
    });
}

fn data_version(connection: &Connection) -> Result<i64, VaultFailure> {
    Ok(connection.pragma_query_value(None, "data_version", |row| row.get(0))?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn database(folder: &Path) -> Database {
        let file = folder.join("vault.db");
        std::fs::write(&file, b"").unwrap();
        let mut database = Database::connect(&file, Segments::new(folder)).unwrap();
        database.create_tables().unwrap();
        database.commit().unwrap();
        database
    }

    const WRITE: &str = "INSERT INTO legal_holds (lookup, at, put, one) VALUES (x'00', 0, 0, 'kim')";

    #[test]
    fn once_writes_are_lost_everything_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let mut database = database(folder.path());
        database.begin().unwrap();
        database.connection.execute_batch(WRITE).unwrap();
        database.connection.execute_batch("ROLLBACK").unwrap(); // as SQLite does when the disk is full
        assert!(matches!(database.begin(), Err(VaultFailure::Broken)));
        assert!(matches!(database.commit(), Err(VaultFailure::Broken)));
        assert!(database.reading().is_err());
    }

    #[test]
    fn a_commit_that_fails_breaks_the_database() {
        let folder = tempfile::tempdir().unwrap();
        let mut database = database(folder.path());
        database.begin().unwrap();
        database.connection.execute_batch(WRITE).unwrap();
        database.connection.execute_batch("ROLLBACK").unwrap();
        assert!(matches!(database.commit(), Err(VaultFailure::Database(_))));
        assert!(matches!(database.begin(), Err(VaultFailure::Broken)));
    }

    #[test]
    fn what_fails_at_once_leaves_what_was_written_before() {
        let folder = tempfile::tempdir().unwrap();
        let mut database = database(folder.path());
        database.begin().unwrap();
        database.connection.execute_batch(WRITE).unwrap();
        let failed = database.at_once(|connection, _| {
            connection.execute_batch(WRITE)?;
            Err::<(), _>(VaultFailure::LegalHold)
        });
        assert!(matches!(failed, Err(VaultFailure::LegalHold)));
        database.commit().unwrap();
        let count = "SELECT count(*) FROM legal_holds";
        assert_eq!(database.connection.query_row(count, [], |row| row.get::<_, i64>(0)).unwrap(), 1);
    }

    /// As a power cut leaves it: of the write-ahead log only the header, or a first frame that is torn, is there.
    /// SQLite then copies memory it never wrote to into the `-shm` file.
    #[test]
    #[expect(clippy::disallowed_methods, reason = "what is read here is the test's own")]
    fn memory_never_reaches_a_file() {
        const SECRET: &[u8] = b"Quillmoorfeather";
        for length in [32, 33, 32 + 24 + 4096] {
            let (folder, cut) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
            let mut database = database(folder.path());
            database.begin().unwrap();
            database.connection.execute_batch(WRITE).unwrap();
            database.commit().unwrap();
            let file = cut.path().join("vault.db");
            std::fs::copy(folder.path().join("vault.db"), &file).unwrap();
            let mut log = std::fs::read(folder.path().join("vault.db-wal")).unwrap();
            log.truncate(length);
            if let Some(last) = log.get_mut(32..).and_then(<[u8]>::last_mut) {
                *last ^= 1;
            }
            std::fs::write(cut.path().join("vault.db-wal"), log).unwrap();

            let freed: Vec<Vec<u8>> = (0..64).map(|_| SECRET.repeat(4096)).collect();
            drop(freed);
            let _opened = Database::connect(&file, Segments::new(cut.path())).unwrap();
            let shared = std::fs::read(cut.path().join("vault.db-shm")).unwrap();
            let found = shared.windows(SECRET.len()).filter(|window| *window == SECRET).count();
            assert_eq!(found, 0, "of {} bytes, the log cut to {length}", shared.len());
        }
    }
}
