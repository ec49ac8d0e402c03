//! How far the ledger was signed: its last checkpoint, kept where whoever cuts the ledger does not think of it, so
//! that a ledger shorter than this, or another, is known for what it is.
//!
//! The table is made when it is first written: vaults from before have none, and versions from before leave it alone.

use rusqlite::{OptionalExtension as _, params};

use crate::{SqliteVault, VaultFailure};

impl SqliteVault {
    /// Keeps the last signed checkpoint of the ledger, unless a larger one is kept. Durable.
    pub fn remember_log(&self, size: u64, note: &str) -> Result<(), VaultFailure> {
        if self.remembered_log()?.as_deref() == Some(note) {
            return Ok(());
        }
        let size = i64::try_from(size).unwrap_or(i64::MAX);
        self.database()?.at_once(|connection, _| {
            connection.execute_batch(
                "CREATE TABLE IF NOT EXISTS log (id INTEGER PRIMARY KEY CHECK (id = 1), size INTEGER NOT NULL,
                   note TEXT NOT NULL) STRICT",
            )?;
            let sql = "INSERT INTO log (id, size, note) VALUES (1, ?1, ?2)
                       ON CONFLICT (id) DO UPDATE SET size = excluded.size, note = excluded.note
                       WHERE excluded.size >= log.size";
            connection.execute(sql, params![size, note])?;
            Ok(())
        })
    }

    /// The checkpoint that was kept last.
    pub fn remembered_log(&self) -> Result<Option<String>, VaultFailure> {
        let database = self.database()?;
        let connection = database.reading()?;
        let made = "SELECT count(*) FROM sqlite_schema WHERE type = 'table' AND name = 'log'";
        if connection.query_row(made, [], |row| row.get::<_, i64>(0))? == 0 {
            return Ok(None);
        }
        Ok(connection.query_row("SELECT note FROM log", [], |row| row.get(0)).optional()?)
    }
}
