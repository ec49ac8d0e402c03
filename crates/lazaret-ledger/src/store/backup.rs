//! A consistent copy of the ledger while it is in use, and back.

use std::path::Path;

use rusqlite::{Connection, OpenFlags};

use crate::store::StoreError;
use crate::store::schema::open_for_reading;
use crate::{LedgerReader, SqliteLedger};

impl SqliteLedger {
    /// Copies what is durable into a new file.
    pub fn backup(&self, to: &Path) -> Result<(), StoreError> {
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(self.path(), flags)?;
        connection.execute("VACUUM INTO ?1", [to.to_string_lossy()])?;
        LedgerReader::open(to).map(drop)
    }

    /// Copies a backup to where a ledger will be opened. Never overwrites one.
    pub fn restore(from: &Path, to: &Path) -> Result<(), StoreError> {
        drop(open_for_reading(from)?); // a ledger, and of a schema this version knows
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(from, flags)?;
        connection.execute("VACUUM INTO ?1", [to.to_string_lossy()])?; // fails if there is such a file
        // Were it changed to a write-ahead log at its first start only, a crash there would keep readers out.
        let copy = Connection::open(to)?;
        copy.pragma_update_and_check(None, "journal_mode", "WAL", |_| Ok(()))?;
        copy.close().map_err(|(_, error)| error.into())
    }
}
