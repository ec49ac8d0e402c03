//! The database of vulnerabilities: records in the OSV format and statements about them, in one SQLite file.
//!
//! | table | what is in it |
//! |---|---|
//! | `source` | which files were imported: digest, date, counts |
//! | `record` | what is kept of each record, by its id |
//! | `affects` | which records name a package |
//! | `alias` | other names of a record |
//! | `fault` | by which id the fault of a record is known for good; kept when the record goes |
//! | `called` | all names of a fault |
//! | `statement`, `about` | what somebody says of a fault, and by which names |
//!
//! An import is one transaction: a crash leaves the old or the new. A record that comes again replaces the one that is there
//! if it is not older.

mod read;
mod write;

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

pub(crate) use read::DatabaseStatus;

use lazaret_core::{Clock as _, SystemClock};
use lazaret_models::Against;
use lazaret_models::vulnerabilities::Advisory;
use rusqlite::{Connection, OpenFlags};
use serde::Serialize;

use crate::config::Config;
use crate::exit::CliError;

/// The file's name in the data directory.
pub(crate) const FILE: &str = "vulnerabilities.db";
/// The schema this program writes.
const SCHEMA: i64 = 1;
/// Marks the file as this database: `LzVu`.
const APPLICATION: i64 = 0x4c7a_5675;
/// How many packages' records are kept in memory.
const MOST_CACHED: usize = 256;

const TABLES: &str = "
CREATE TABLE source (id INTEGER PRIMARY KEY, name TEXT NOT NULL, sha256 TEXT NOT NULL, imported TEXT NOT NULL,
  ecosystems TEXT NOT NULL, records INTEGER NOT NULL, taken INTEGER NOT NULL, older INTEGER NOT NULL,
  refused INTEGER NOT NULL, removed INTEGER NOT NULL, newest TEXT NOT NULL) STRICT;
CREATE TABLE record (id TEXT PRIMARY KEY, modified TEXT NOT NULL, published TEXT NOT NULL, withdrawn TEXT,
  body TEXT NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE affects (ecosystem TEXT NOT NULL, package TEXT NOT NULL, record TEXT NOT NULL,
  PRIMARY KEY (ecosystem, package, record)) STRICT, WITHOUT ROWID;
CREATE INDEX affects_by_record ON affects (record);
CREATE TABLE alias (record TEXT NOT NULL, name TEXT NOT NULL, PRIMARY KEY (record, name)) STRICT, WITHOUT ROWID;
CREATE TABLE fault (record TEXT PRIMARY KEY, fault TEXT NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE called (fault TEXT NOT NULL, name TEXT NOT NULL, PRIMARY KEY (fault, name)) STRICT, WITHOUT ROWID;
CREATE INDEX called_by_name ON called (name);
CREATE TABLE statement (id INTEGER PRIMARY KEY, document TEXT NOT NULL, body TEXT NOT NULL) STRICT;
CREATE TABLE about (name TEXT NOT NULL, statement INTEGER NOT NULL, PRIMARY KEY (name, statement)) STRICT, WITHOUT ROWID;
CREATE INDEX about_by_statement ON about (statement);
";

/// The database that was named, or the data directory's, to check what models name against.
pub(crate) fn against(config: &Config, named: Option<&Path>) -> Result<Arc<Against>, CliError> {
    Ok(of_now(open_for_models(config, named)?))
}

/// A database as of now.
pub(crate) fn of_now(database: Vulnerabilities) -> Arc<Against> {
    Arc::new(Against { advisories: Box::new(database), now: SystemClock.now() })
}

/// The database, which knows packages of Python: what models are made with.
pub(crate) fn open_for_models(config: &Config, named: Option<&Path>) -> Result<Vulnerabilities, CliError> {
    let named = named.filter(|named| !named.as_os_str().is_empty());
    let database = Vulnerabilities::open(&Vulnerabilities::place(config, named))?;
    if !database.covers("PyPI")? {
        let place = database.path.display();
        return Err(CliError::Usage(format!(
            "{place} has no record about Python's packages: import those of PyPI"
        )));
    }
    Ok(database)
}

/// The records of packages, by ecosystem and name.
type Cache = HashMap<(String, String), Arc<[Advisory]>>;

/// The database.
pub(crate) struct Vulnerabilities {
    connection: Mutex<Connection>,
    cache: Mutex<Cache>,
    /// Where it lies.
    pub(crate) path: PathBuf,
}

/// One import.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Source {
    /// The file's own name.
    pub(crate) name: String,
    /// Its SHA-256.
    pub(crate) sha256: String,
    /// When it was imported.
    pub(crate) imported: String,
    /// The ecosystems of its records.
    pub(crate) ecosystems: Vec<String>,
    /// How many records it has.
    pub(crate) records: u64,
    /// How many were new or newer.
    pub(crate) taken: u64,
    /// How many were there already in a newer form.
    pub(crate) older: u64,
    /// How many were refused.
    pub(crate) refused: u64,
    /// How many were there before and are not in it (`--replace`).
    pub(crate) removed: u64,
    /// The latest change of one of its records.
    pub(crate) newest: String,
}

/// Why the database failed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum DatabaseError {
    /// SQLite.
    #[error("the database of vulnerabilities failed")]
    Sqlite(#[from] rusqlite::Error),
    /// What is stored cannot be read.
    #[error("a stored record cannot be read")]
    Stored(#[from] serde_json::Error),
    /// Another program's file, or a newer version's.
    #[error("it is no database of vulnerabilities of this version: import into a new file")]
    Foreign,
}

impl From<DatabaseError> for CliError {
    fn from(error: DatabaseError) -> Self {
        Self::failed("the vulnerabilities", error)
    }
}

impl Vulnerabilities {
    /// Where the database lies: the file that was named, else the data directory's.
    pub(crate) fn place(config: &Config, named: Option<&Path>) -> PathBuf {
        named.map_or_else(|| config.path("data").join(FILE), Path::to_owned)
    }

    /// Opens a database that is there, for reading.
    pub(crate) fn open(path: &Path) -> Result<Self, CliError> {
        if !path.is_file() {
            return Err(CliError::Usage(format!(
                "{} is not there: make it with `lazaret vulns import FILE`",
                path.display()
            )));
        }
        Self::connect(path, OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX)
    }

    /// Opens a database for writing, and makes it if it is not there.
    pub(crate) fn open_or_make(path: &Path) -> Result<Self, CliError> {
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
        if folder.is_some_and(|folder| !folder.is_dir()) {
            return Err(CliError::Usage(format!(
                "{} has no folder yet: make a data directory with `lazaret init`, or name a file with `--database`",
                path.display()
            )));
        }
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE
            | OpenFlags::SQLITE_OPEN_CREATE
            | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        Self::connect(path, flags)
    }

    fn connect(path: &Path, flags: OpenFlags) -> Result<Self, CliError> {
        let writes = flags.contains(OpenFlags::SQLITE_OPEN_READ_WRITE);
        let open = || -> Result<Connection, DatabaseError> {
            let connection = Connection::open_with_flags(path, flags)?;
            connection.busy_timeout(std::time::Duration::from_secs(20))?;
            connection.execute_batch(
                "PRAGMA synchronous = FULL; PRAGMA trusted_schema = OFF; PRAGMA temp_store = MEMORY;",
            )?;
            let number = |name: &str| connection.pragma_query_value(None, name, |row| row.get::<_, i64>(0));
            match (number("application_id")?, number("user_version")?) {
                (APPLICATION, SCHEMA) => {}
                (0, 0) if writes && is_empty(&connection)? => {
                    connection.execute_batch("BEGIN IMMEDIATE")?;
                    connection.execute_batch(TABLES)?;
                    connection.pragma_update(None, "application_id", APPLICATION)?;
                    connection.pragma_update(None, "user_version", SCHEMA)?;
                    connection.execute_batch("COMMIT")?;
                }
                _ => return Err(DatabaseError::Foreign),
            }
            Ok(connection)
        };
        let connection = open().map_err(|error| CliError::failed(path.display().to_string(), error))?;
        Ok(Self { connection: Mutex::new(connection), cache: Mutex::default(), path: path.to_owned() })
    }

    /// Copies a database, consistently, to a file that is empty or not there.
    pub(crate) fn copy(from: &Path, to: &Path) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(from, flags)?;
        connection.execute("VACUUM INTO ?1", [to.to_string_lossy()])?;
        Ok(std::fs::File::open(to)?.sync_all()?)
    }

    fn with<T>(
        &self,
        work: impl FnOnce(&Connection) -> Result<T, DatabaseError>,
    ) -> Result<T, DatabaseError> {
        work(&self.connection.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

fn is_empty(connection: &Connection) -> Result<bool, rusqlite::Error> {
    connection.query_row("SELECT count(*) = 0 FROM sqlite_schema", [], |row| row.get(0))
}

#[cfg(test)]
mod tests;
