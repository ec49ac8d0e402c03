//! The perfect nodes of the stored tree: from full tiles, and from the leaves past the last one.

use rusqlite::{Connection, OptionalExtension as _, params};

use crate::merkle::{Frontier, Hash, Nodes, root_of};
use crate::store::{StoreError, int, uint};
use crate::tiles::{TILE_HEIGHT, TILE_WIDTH, Tiler};

/// Reads nodes from the database.
pub(crate) struct StoredNodes<'c>(pub(crate) &'c Connection);

impl StoredNodes<'_> {
    /// The hashes `begin..end` of a tile level.
    fn hashes(&self, tile_level: u32, begin: u64, end: u64) -> Result<Vec<Hash>, StoreError> {
        let sql = if tile_level == 0 {
            "SELECT hash FROM leaf WHERE idx >= ?1 AND idx < ?2 ORDER BY idx"
        } else {
            "SELECT root FROM tile WHERE level = ?3 - 1 AND number >= ?1 AND number < ?2 ORDER BY number"
        };
        let mut statement = self.0.prepare_cached(sql)?;
        let mut rows = if tile_level == 0 {
            statement.query(params![int(begin)?, int(end)?])?
        } else {
            statement.query(params![int(begin)?, int(end)?, tile_level])?
        };
        let mut hashes = Vec::new();
        while let Some(row) = rows.next()? {
            hashes.push(row.get::<_, Hash>(0)?);
        }
        let expected = usize::try_from(end.saturating_sub(begin)).unwrap_or(usize::MAX);
        if hashes.len() != expected {
            return Err(StoreError::Damaged("a hash of the tree is missing"));
        }
        Ok(hashes)
    }
}

impl Nodes for StoredNodes<'_> {
    type Error = StoreError;

    fn node(&mut self, level: u32, number: u64) -> Result<Hash, StoreError> {
        let (tile_level, within) = (level / TILE_HEIGHT, level % TILE_HEIGHT);
        let begin = number << within;
        if within == 0 && level > 0 {
            // The root of a full tile one level below.
            let hashes = self.hashes(tile_level, number, number + 1)?;
            return hashes.first().copied().ok_or(StoreError::Damaged("a tile is missing"));
        }
        let stored: Option<Vec<u8>> = self
            .0
            .prepare_cached("SELECT hashes FROM tile WHERE level = ?1 AND number = ?2")?
            .query_row(params![tile_level, int(begin / TILE_WIDTH as u64)?], |row| row.get(0))
            .optional()?;
        let Some(bytes) = stored else {
            return Ok(root_of(&self.hashes(tile_level, begin, begin + (1 << within))?));
        };
        let from = usize::try_from(begin % TILE_WIDTH as u64).unwrap_or(usize::MAX);
        let (hashes, _) = bytes.as_chunks::<32>();
        let part = hashes.get(from..from + (1 << within));
        part.map(root_of).ok_or(StoreError::Damaged("a tile is too short"))
    }
}

/// How many leaves are stored; their indexes must have no gap.
pub(crate) fn stored_size(connection: &Connection) -> Result<u64, StoreError> {
    let last: Option<i64> = connection.query_row("SELECT max(idx) FROM leaf", [], |row| row.get(0))?;
    last.map_or(Ok(0), |last| Ok(uint(last)?.saturating_add(1)))
}

/// The tree as it stands: its frontier, and its unfinished tiles.
pub(crate) fn resume(connection: &Connection, size: u64) -> Result<(Frontier, Tiler), StoreError> {
    let frontier = Frontier::read(&mut StoredNodes(connection), size)?;
    let mut levels = Vec::new();
    let mut on_level = size;
    let mut level = 0;
    while on_level > 0 {
        let full = on_level / TILE_WIDTH as u64;
        let hashes = StoredNodes(connection).hashes(level, full * TILE_WIDTH as u64, on_level)?;
        levels.push((full, hashes));
        on_level = full;
        level += 1;
    }
    Ok((frontier, Tiler::resume(levels)))
}
