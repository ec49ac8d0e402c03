//! All that is only an index, held against the leaves it is made from: tiles, rows of crossings and outputs, the
//! entries of records.

use std::collections::BTreeSet;

use lazaret_core::{CrossingId, Finding, KeyedDigest, Locator, Sha256};
use rusqlite::{OptionalExtension as _, params};

use super::Check;
use super::heads::{Body, EntryHead, OpenedHead};
use super::rules::{INDEX_MISMATCH, RECORD_MISMATCH};
use crate::merkle::{Frontier, leaf_hash};
use crate::note::unhex;
use crate::read::{SealedBody, sealed_words};
use crate::store::schema::{cleared, of_file, of_model, version, word};
use crate::store::{StoreError, entry_rows, int, uint};
use crate::tiles::Tile;

impl Check<'_> {
    pub(super) fn tile(&mut self, tile: &Tile, index: u64) -> Result<(), StoreError> {
        self.tiles = self.tiles.saturating_add(1);
        let stored: Option<(Vec<u8>, Vec<u8>)> = self
            .connection
            .prepare_cached("SELECT root, hashes FROM tile WHERE level = ?1 AND number = ?2")?
            .query_row(params![tile.level, int(tile.number)?], |row| Ok((row.get(0)?, row.get(1)?)))
            .optional()?;
        if stored.is_none_or(|(root, hashes)| root != tile.root || hashes != tile.bytes) {
            let message = format!("tile {} of level {} differs from the leaves", tile.number, tile.level);
            self.find(&INDEX_MISMATCH, index, &message);
        }
        Ok(())
    }

    /// What is indexed of a leaf whose body is the true one.
    pub(super) fn indexed(&mut self, index: u64, kind: &[u8], body: &[u8]) -> Result<(), StoreError> {
        let read = std::str::from_utf8(body).ok().and_then(|body| Body::read(kind, body));
        match read {
            None => self.find(&INDEX_MISMATCH, index, "the stored kind is not the one in the body"),
            Some(Body::Event(about)) => self.about(index, about.and_then(Sha256::parse))?,
            Some(Body::Opened(opened)) => self.opened(index, &opened)?,
            Some(Body::Sealed(sealed)) => self.sealed(index, &sealed)?,
        }
        Ok(())
    }

    fn opened(&mut self, index: u64, opened: &OpenedHead<'_>) -> Result<(), StoreError> {
        self.opened = self.opened.saturating_add(1);
        let mut statement = self
            .connection
            .prepare_cached("SELECT id, started, gate, to_id FROM crossing WHERE opened_at = ?1")?;
        let mut rows = statement.query([int(index)?])?;
        let follows = match rows.next()? {
            None => false,
            Some(row) => {
                CrossingId::parse(opened.crossing).is_some_and(|id| {
                    row.get_ref(0).is_ok_and(|stored| stored.as_blob() == Ok(id.as_bytes().as_slice()))
                }) && row.get_ref(1)?.as_str() == Ok(opened.started)
                    && row.get_ref(2)?.as_str() == Ok(opened.gate)
                    && row.get_ref(3)?.as_str_or_null() == Ok(opened.to_id)
            }
        };
        if !follows {
            self.find(&INDEX_MISMATCH, index, "the row of the crossing differs from its opened entry");
        }
        if let Some(model) = &opened.model {
            self.models = self.models.saturating_add(1);
            let sql = concat!(
                "SELECT EXISTS (SELECT 1 FROM model JOIN leaf ON leaf.idx = opened_at
                 WHERE name = ?1 AND opened_at = ?2 AND (revision, route) IS (",
                of_model!(),
                "))"
            );
            let mut statement = self.connection.prepare_cached(sql)?;
            if !statement.query_row(params![model.name, int(index)?], |row| row.get::<_, bool>(0))? {
                let message = "the crossing of a model is not indexed by its name and its revision";
                self.find(&INDEX_MISMATCH, index, message);
            }
        }
        self.about(index, opened.about())
    }

    /// A leaf about a file is found by it.
    fn about(&mut self, index: u64, file: Option<Sha256>) -> Result<(), StoreError> {
        let Some(file) = file else { return Ok(()) };
        self.about = self.about.saturating_add(1);
        let sql = concat!(
            "SELECT EXISTS (SELECT 1 FROM about JOIN leaf ON leaf.idx = about.idx
             WHERE sha256 = ?1 AND about.kind = leaf.kind AND about.idx = ?2 AND word IS ",
            word!(),
            ")"
        );
        let mut statement = self.connection.prepare_cached(sql)?;
        if !statement.query_row(params![file.0, int(index)?], |row| row.get::<_, bool>(0))? {
            self.find(&INDEX_MISMATCH, index, "an entry about a model's file is not indexed");
        }
        Ok(())
    }

    fn sealed(&mut self, index: u64, sealed: &SealedBody) -> Result<(), StoreError> {
        self.sealed = self.sealed.saturating_add(1);
        let complete = sealed.seal.ending == "complete";
        let mut statement = self.connection.prepare_cached(
            "SELECT id, sealed_at, ending, records, held FROM crossing WHERE opened_at = ?1",
        )?;
        let follows = statement
            .query_row([int(sealed.opened_at)?], |row| {
                let id: [u8; 16] = row.get(0)?;
                let ending: Option<String> = row.get(2)?;
                let number = |column| row.get::<_, Option<i64>>(column);
                Ok(CrossingId::parse(&sealed.seal.crossing).is_some_and(|it| *it.as_bytes() == id)
                    && number(1)? == int(index).ok()
                    && ending.as_deref() == Some(if complete { "complete" } else { "cut" })
                    && number(3)? == int(sealed.entries).ok()
                    && number(4)? == int(sealed.seal.counts.held()).ok())
            })
            .optional()?
            .unwrap_or(false);
        if !follows {
            self.find(&INDEX_MISMATCH, index, "the row of the crossing differs from its sealed entry");
        }
        if complete {
            self.outputs(index, sealed)?;
        }
        self.record_tree(index, sealed, complete)
    }

    fn outputs(&mut self, index: u64, sealed: &SealedBody) -> Result<(), StoreError> {
        let Ok(words) = sealed_words(self.connection, index) else {
            self.find(&INDEX_MISMATCH, index, "the outputs of the crossing cannot be read");
            return Ok(());
        };
        let datasets: BTreeSet<&str> =
            words.seal.outputs.iter().map(|output| output.dataset.as_str()).collect();
        for dataset in datasets {
            self.outputs = self.outputs.saturating_add(1);
            let there: bool = self
                .connection
                .prepare_cached("SELECT EXISTS (SELECT 1 FROM output WHERE dataset = ?1 AND opened_at = ?2)")?
                .query_row(params![dataset, int(sealed.opened_at)?], |row| row.get(0))?;
            if !there {
                self.find(&INDEX_MISMATCH, index, "an output of the crossing is not indexed");
            }
        }
        Ok(())
    }

    /// The entries of a sealed crossing against the root in its sealed entry.
    fn record_tree(&mut self, index: u64, sealed: &SealedBody, complete: bool) -> Result<(), StoreError> {
        let (tree, identities) = self.entries(sealed.opened_at, complete)?;
        if tree.size() != sealed.entries || unhex(&sealed.record_root) != Some(tree.root()) {
            let message = format!(
                "{} stored entries do not give the record root over {} in the sealed entry",
                tree.size(),
                sealed.entries
            );
            self.find(&RECORD_MISMATCH, index, &message);
        } else if let Some(record) = identities {
            let message = format!("what is indexed of record {record} differs from its entry");
            self.find(&INDEX_MISMATCH, index, &message);
        }
        Ok(())
    }

    /// The tree over a crossing's stored entries, and the first record whose number or indexed identity is
    /// not that of its body.
    fn entries(&mut self, opened_at: u64, complete: bool) -> Result<(Frontier, Option<u64>), StoreError> {
        let mut tree = Frontier::new();
        let mut wrong = None;
        let (from, to) = entry_rows(opened_at)?;
        let mut statement = self
            .connection
            .prepare_cached("SELECT id, identity, body FROM entry WHERE id >= ?1 AND id < ?2 ORDER BY id")?;
        let mut rows = statement.query([from, to])?;
        while let Some(row) = rows.next()? {
            let record = uint(row.get::<_, i64>(0)?.saturating_sub(from))?;
            let body = row.get_ref(2)?.as_bytes().unwrap_or_default();
            tree.push(leaf_hash(body));
            let head = std::str::from_utf8(body).ok().and_then(|body| serde_json::from_str(body).ok());
            let file =
                head.as_ref().and_then(|head: &EntryHead<'_>| Sha256::parse(head.file.as_ref()?.sha256));
            if let Some(file) = file {
                self.files = self.files.saturating_add(1);
                let went_out = complete && head.as_ref().is_some_and(|head| head.held.is_none());
                let sql = concat!(
                    "SELECT EXISTS (SELECT 1 FROM file JOIN entry ON entry.id = file.entry
                     WHERE sha256 = ?1 AND file.entry = ?2 AND (step, held) IS (",
                    of_file!(),
                    ")) AND (NOT ?3 OR EXISTS (SELECT 1 FROM cleared WHERE sha256 = ?1 AND entry <= ?2))"
                );
                let mut indexed = self.connection.prepare_cached(sql)?;
                let wanted = params![file.0, row.get::<_, i64>(0)?, went_out];
                if !indexed.query_row(wanted, |row| row.get::<_, bool>(0))? {
                    wrong = wrong.or(Some(record));
                }
            }
            let follows = head.is_some_and(|head: EntryHead<'_>| {
                let identity = head.went_out().then(|| unhex(head.identity)).flatten();
                let identity = identity.map(|identity| KeyedDigest(identity).half());
                let stored = row.get::<_, Option<[u8; 16]>>(1);
                head.record == record && stored.is_ok_and(|stored| stored == identity)
            });
            if !follows {
                wrong = wrong.or(Some(record));
            }
        }
        self.records = self.records.saturating_add(tree.size());
        Ok((tree, wrong))
    }

    /// No row is there that no entry stands behind.
    pub(super) fn count_indexes(&mut self) -> Result<(), StoreError> {
        let mut left_open = self
            .connection
            .prepare("SELECT opened_at FROM crossing WHERE sealed_at IS NULL ORDER BY opened_at")?;
        let mut left_open = left_open.query([])?;
        while let Some(row) = left_open.next()? {
            let opened_at = uint(row.get(0)?)?;
            if let (_, Some(record)) = self.entries(opened_at, false)? {
                let message = format!("what is indexed of record {record} differs from its entry");
                self.find(&INDEX_MISMATCH, opened_at, &message);
            }
        }
        for (sql, expected, message) in [
            ("SELECT count(*) FROM crossing", self.opened, "crossings are indexed that were not opened"),
            (
                "SELECT count(sealed_at) FROM crossing",
                self.sealed,
                "crossings are indexed as sealed that are not",
            ),
            ("SELECT count(*) FROM output", self.outputs, "outputs are indexed that no crossing made"),
            ("SELECT count(*) FROM file", self.files, "files are indexed that no record was"),
            (
                concat!(
                    "SELECT count(*) FROM cleared WHERE (sha256, entry) NOT IN (SELECT sha256, file.entry FROM ",
                    cleared!(),
                    ")"
                ),
                0,
                "files are indexed as cleared that were not",
            ),
            ("SELECT count(*) FROM model", self.models, "crossings are indexed as a model's that are not"),
            ("SELECT count(*) FROM about", self.about, "entries are indexed as about a file that are not"),
            ("SELECT count(*) FROM tile", self.tiles, "tiles are stored that the log does not fill"),
            ("SELECT count(*) FROM entry", self.records, "entries are stored that belong to no crossing"),
        ] {
            let since_2 = ["FROM file", "FROM cleared", "FROM about", "FROM model"];
            let since_2 = since_2.iter().any(|table| sql.contains(table));
            if since_2 && version(self.connection)? < 2 {
                continue;
            }
            let found = uint(self.connection.query_row(sql, [], |row| row.get(0))?)?;
            if found != expected && !self.found(&INDEX_MISMATCH) {
                let message = format!("{message}: {found} instead of {expected}");
                self.push(Finding::new(&INDEX_MISMATCH, Locator::document(), message));
            }
        }
        Ok(())
    }
}
