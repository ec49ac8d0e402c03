//! Where the log is kept, and what can go wrong there.
//!
//! | table | what is in it | how it is checked |
//! |---|---|---|
//! | `leaf` | the log: body and leaf hash by index | body against hash, hashes against signed roots |
//! | `tile` | full tiles of the tree (C2SP tlog-tiles) | against the leaves |
//! | `checkpoint` | signed notes by size | against the trusted key and the leaves |
//! | `entry` | what happened to each record of a crossing | against the record root in the sealed leaf |
//! | `crossing`, `output` | an index over opened and sealed leaves | recomputed from them |

use lazaret_core::{LedgerError, Limit, LimitExceeded};

use crate::canonical::CanonicalError;
use crate::note::NoteError;

mod backup;
mod bodies;
pub(crate) mod nodes;
pub(crate) mod schema;
mod sqlite;
mod start;
mod writer;

pub use sqlite::{SqliteLedger, Unsealed};
pub use start::check_remembered;
pub(crate) use start::crossing_id;

/// Longest body of an entry: C2SP entry bundles give its length in two bytes.
pub const MAX_BODY: Limit = Limit::fixed("ledger.max_body", 65_535);
/// Most records of one crossing.
pub const MAX_RECORDS: Limit = Limit::fixed("ledger.max_records", (1 << RECORD_BITS) - 1);
/// Most entries of one log.
pub const MAX_ENTRIES: Limit = Limit::fixed("ledger.max_entries", (1 << 35) - 1);

/// A record's entry is stored under `opened_at << 28 | record`, so a crossing's entries lie together.
const RECORD_BITS: u32 = 28;

/// Why the store failed or refused.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// The database failed.
    #[error("the ledger's database failed")]
    Sqlite(#[from] rusqlite::Error),
    /// The lock file could not be made.
    #[error("the ledger's lock file could not be made")]
    Lock(#[source] std::io::Error),
    /// Another process writes.
    #[error(
        "another process has this ledger open for writing; stop it first, or open the ledger for reading"
    )]
    InUse,
    /// The file is some other database.
    #[error("the file is a database, but no ledger")]
    NotALedger,
    /// A newer version wrote it.
    #[error("the ledger has schema {found} and this version knows {known}; use the version that wrote it")]
    NewerSchema {
        /// In the file.
        found: i64,
        /// Known here.
        known: i64,
    },
    /// It belongs to another log.
    #[error("the ledger's origin is `{found}`, not `{asked}`")]
    Origin {
        /// In the file.
        found: String,
        /// Configured.
        asked: String,
    },
    /// What is stored contradicts itself.
    #[error("the ledger is damaged: {0}; run `lazaret ledger verify` and restore a backup")]
    Damaged(&'static str),
    /// It is not the history that the vault remembers.
    #[error(
        "ledger.rollback: the ledger has {found} entries, and not the history of {remembered} that the vault remembers signing: entries were taken away or changed; nothing is written until a backup of both is restored (`lazaret ledger verify` says more)"
    )]
    RolledBack {
        /// Entries in the file.
        found: u64,
        /// Entries under the checkpoint that the vault remembers.
        remembered: u64,
    },
    /// The writer stopped.
    #[error("the ledger stopped, and takes nothing more until lazaret is started again: {0}")]
    Stopped(String),
    /// A limit was reached.
    #[error("the ledger refused {what}")]
    Limit {
        /// What was refused.
        what: &'static str,
        /// Which limit.
        source: LimitExceeded,
    },
    /// The crossing is not open.
    #[error("the crossing is not open: never opened, or already sealed")]
    NotOpen,
    /// The crossing was opened before.
    #[error("the crossing was opened before")]
    AlreadyOpen,
    /// Records must come in their order.
    #[error("record {found} came after record {last}")]
    Order {
        /// The last one.
        last: u64,
        /// The one that came.
        found: u64,
    },
    /// The seal's counts are not those of the entries.
    #[error("the seal counts {counted} records, and {recorded} were recorded")]
    Counts {
        /// By the seal.
        counted: u64,
        /// By the ledger.
        recorded: u64,
    },
    /// Kinds of events are words in kebab-case, and some are the ledger's own.
    #[error("an event's kind is a word in kebab-case other than `opened`, `sealed` and `outputs`")]
    Kind,
    /// A body has no canonical form.
    #[error("an entry has no canonical form")]
    Canonical(#[from] CanonicalError),
    /// A checkpoint could not be made or read.
    #[error("a checkpoint could not be made or read")]
    Note(#[from] NoteError),
    /// A stored body cannot be read.
    #[error("the entry at [{index}] cannot be read")]
    Unreadable {
        /// Its index; for a record's entry that of its crossing's opened entry.
        index: u64,
        /// Why.
        source: serde_json::Error,
    },
}

impl StoreError {
    /// As the port's error.
    pub fn when(self, what: &'static str) -> LedgerError {
        LedgerError { what, cause: Some(Box::new(self)) }
    }
}

/// A number as SQLite keeps it.
pub(crate) fn int(number: u64) -> Result<i64, StoreError> {
    i64::try_from(number).map_err(|_| StoreError::Damaged("a number is too large"))
}

/// A number as SQLite kept it.
pub(crate) fn uint(number: i64) -> Result<u64, StoreError> {
    u64::try_from(number).map_err(|_| StoreError::Damaged("a number is below zero"))
}

/// The row of a record's entry.
pub(crate) fn entry_row(opened_at: u64, record: u64) -> Result<i64, StoreError> {
    MAX_RECORDS.check(record).map_err(|source| StoreError::Limit { what: "a record", source })?;
    MAX_ENTRIES.check(opened_at).map_err(|source| StoreError::Limit { what: "an entry", source })?;
    int(opened_at << RECORD_BITS | record)
}

/// The first row of a crossing's entries, and the first that is no longer one.
pub(crate) fn entry_rows(opened_at: u64) -> Result<(i64, i64), StoreError> {
    MAX_ENTRIES.check(opened_at).map_err(|source| StoreError::Limit { what: "an entry", source })?;
    Ok((int(opened_at << RECORD_BITS)?, int((opened_at + 1) << RECORD_BITS)?))
}

/// The opened entry's index, from a row of one of its records.
pub(crate) fn opened_of_row(row: i64) -> Result<u64, StoreError> {
    Ok(uint(row)? >> RECORD_BITS)
}
