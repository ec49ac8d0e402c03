//! Checks a whole ledger against the key of its log: every body against its leaf, the tree against every
//! signed checkpoint, the record trees, and all that is only an index against the leaves it is made from.
//!
//! It reads once from the first leaf to the last and holds nothing but the tree's frontier and the unfinished
//! tiles, whatever the size. It looks at bodies, not only at stored hashes.

use std::collections::BTreeSet;
use std::path::Path;

use lazaret_core::{CrossingId, Finding, Locator, Rule, Severity};
use rusqlite::{Connection, OptionalExtension as _, Rows, params};
use serde::{Deserialize, Serialize};

use crate::merkle::{Frontier, Hash, leaf_hash};
use crate::note::{Checkpoint, VerifierKey, hex, unhex};
use crate::read::{SealedBody, sealed_words};
use crate::store::schema::open_for_reading;
use crate::store::{StoreError, entry_rows, int, uint};
use crate::tiles::{Tile, Tiler};

/// A stored body does not give its leaf.
pub static BODY_MISMATCH: Rule =
    Rule::new("ledger.body-mismatch", Severity::Critical, "a stored body does not give its leaf");
/// The root at a size differs from a signed checkpoint.
pub static ROOT_MISMATCH: Rule = Rule::new(
    "ledger.root-mismatch",
    Severity::Critical,
    "the root at a size differs from a signed checkpoint",
);
/// Fewer entries than a signed checkpoint.
pub static HISTORY_CUT: Rule = Rule::new(
    "ledger.history-cut",
    Severity::Critical,
    "there are fewer entries than a signed checkpoint says",
);
/// The entries of a crossing do not give its record root.
pub static RECORD_MISMATCH: Rule = Rule::new(
    "ledger.record-mismatch",
    Severity::Critical,
    "the entries of a crossing's records do not give the record root in its sealed entry",
);
/// An index row does not follow from the log.
pub static INDEX_MISMATCH: Rule = Rule::new(
    "ledger.index-mismatch",
    Severity::Critical,
    "a stored index or tile does not follow from the entries it is made from",
);
/// A checkpoint that the trusted key did not sign.
pub static CHECKPOINT_FORGED: Rule = Rule::new(
    "ledger.checkpoint-forged",
    Severity::Critical,
    "a checkpoint is not one that the trusted key signed",
);
/// The newest entries are not signed yet.
pub static UNSIGNED_TAIL: Rule = Rule::new(
    "ledger.unsigned-tail",
    Severity::Low,
    "the newest entries are under no signed checkpoint yet, so nobody else can vouch for them",
);

/// The rules of the ledger itself.
pub const LEDGER_RULES: [&Rule; 7] = [
    &BODY_MISMATCH,
    &CHECKPOINT_FORGED,
    &HISTORY_CUT,
    &INDEX_MISMATCH,
    &RECORD_MISMATCH,
    &ROOT_MISMATCH,
    &UNSIGNED_TAIL,
];

/// Most findings that are listed; the others are counted.
const MAX_LISTED: usize = 1_000;

/// What a check of the whole ledger found.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Verification {
    /// The log's name.
    pub origin: String,
    /// How many leaves.
    pub size: u64,
    /// The root over them, hex.
    pub root: String,
    /// The largest size of a checkpoint that holds.
    pub signed: u64,
    /// Checkpoints that hold.
    pub checkpoints: u64,
    /// Crossings.
    pub crossings: u64,
    /// Crossings opened and not sealed.
    pub unsealed: u64,
    /// Entries of records that were checked.
    pub records: u64,
    /// What is wrong.
    pub findings: Vec<Finding>,
    /// Findings that are not listed because there are too many.
    pub more: u64,
}

impl Verification {
    /// Whether nothing of medium or above was found.
    pub fn holds(&self) -> bool {
        self.more == 0 && self.findings.iter().all(|finding| finding.severity < Severity::Medium)
    }
}

/// Checks the ledger at a path. `given` are checkpoints kept elsewhere: with them a tail that was cut together
/// with its checkpoints, or a second history, is found too.
pub fn verify(path: &Path, trusted: &VerifierKey, given: &[String]) -> Result<Verification, StoreError> {
    let connection = open_for_reading(path)?;
    connection.execute_batch("BEGIN")?; // one snapshot, whatever is appended meanwhile
    Check::new(&connection, trusted).run(given)
}

struct Check<'a> {
    connection: &'a Connection,
    trusted: &'a VerifierKey,
    tree: Frontier,
    tiler: Tiler,
    tiles: u64,
    opened: u64,
    sealed: u64,
    outputs: u64,
    records: u64,
    gap: bool,
    signed: u64,
    held_checkpoints: u64,
    largest: u64,
    findings: Vec<Finding>,
    more: u64,
}

impl<'a> Check<'a> {
    fn new(connection: &'a Connection, trusted: &'a VerifierKey) -> Self {
        Self {
            connection,
            trusted,
            tree: Frontier::new(),
            tiler: Tiler::default(),
            tiles: 0,
            opened: 0,
            sealed: 0,
            outputs: 0,
            records: 0,
            gap: false,
            signed: 0,
            held_checkpoints: 0,
            largest: 0,
            findings: Vec::new(),
            more: 0,
        }
    }

    fn run(mut self, given: &[String]) -> Result<Verification, StoreError> {
        let mut given = self.read_given(given);
        given.sort_by_key(|checkpoint| std::cmp::Reverse(checkpoint.size));
        let mut notes = self.connection.prepare("SELECT size, note FROM checkpoint ORDER BY size")?;
        let mut notes = notes.query([])?;
        let mut next_note = self.next_note(&mut notes)?;
        let mut leaves = self.connection.prepare("SELECT idx, kind, hash, body FROM leaf ORDER BY idx")?;
        let mut leaves = leaves.query([])?;
        loop {
            let size = self.tree.size();
            while let Some(checkpoint) = given.pop_if(|checkpoint| checkpoint.size == size) {
                self.compare(&checkpoint);
            }
            while let Some(checkpoint) = next_note.take_if(|checkpoint| checkpoint.size == size) {
                self.compare(&checkpoint);
                next_note = self.next_note(&mut notes)?;
            }
            let Some(leaf) = leaves.next()? else { break };
            let index = uint(leaf.get(0)?)?;
            if index != size {
                self.gap = true;
                self.find(&BODY_MISMATCH, size, "the entry is missing");
                break;
            }
            let stored: Option<Hash> = leaf.get(2).ok();
            let kind = leaf.get_ref(1)?.as_bytes().unwrap_or_default();
            let body = leaf.get_ref(3)?.as_bytes().unwrap_or_default();
            self.leaf(index, kind, stored, body)?;
        }
        while let Some(checkpoint) = next_note.take() {
            self.largest = self.largest.max(checkpoint.size);
            next_note = self.next_note(&mut notes)?;
        }
        self.finish(&given)
    }

    /// Checkpoints from elsewhere; those not signed by the key are findings.
    fn read_given(&mut self, notes: &[String]) -> Vec<Checkpoint> {
        let mut given = Vec::new();
        for (number, note) in notes.iter().enumerate() {
            match Checkpoint::verify(note, self.trusted) {
                Ok(checkpoint) => given.push(checkpoint),
                Err(error) => {
                    let message = format!("given checkpoint {number}: {error}");
                    self.push(Finding::new(&CHECKPOINT_FORGED, Locator::document(), message));
                }
            }
        }
        given
    }

    /// The next stored checkpoint that the key signed.
    fn next_note(&mut self, notes: &mut Rows<'_>) -> Result<Option<Checkpoint>, StoreError> {
        while let Some(row) = notes.next()? {
            let size = uint(row.get(0)?)?;
            let note = row.get_ref(1)?.as_str().unwrap_or_default();
            match Checkpoint::verify(note, self.trusted) {
                Ok(checkpoint) if checkpoint.size == size => return Ok(Some(checkpoint)),
                Ok(_) => self.find(
                    &CHECKPOINT_FORGED,
                    size.saturating_sub(1),
                    "the checkpoint is stored under another size",
                ),
                Err(error) => {
                    self.find(
                        &CHECKPOINT_FORGED,
                        size.saturating_sub(1),
                        &format!("checkpoint at size {size}: {error}"),
                    );
                }
            }
        }
        Ok(None)
    }

    fn compare(&mut self, checkpoint: &Checkpoint) {
        let size = checkpoint.size;
        if self.tree.root() == checkpoint.root {
            self.signed = self.signed.max(size);
            self.held_checkpoints = self.held_checkpoints.saturating_add(1);
        } else {
            let message = format!("root at size {size} differs from signed checkpoint");
            self.find(&ROOT_MISMATCH, size.saturating_sub(1), &message);
        }
    }

    fn leaf(&mut self, index: u64, kind: &[u8], stored: Option<Hash>, body: &[u8]) -> Result<(), StoreError> {
        let hash = leaf_hash(body);
        let matches = stored == Some(hash);
        if !matches {
            self.find(&BODY_MISMATCH, index, "body does not match leaf");
        }
        let hash = stored.unwrap_or(hash);
        self.tree.push(hash);
        let mut full = Vec::new();
        self.tiler.push(hash, &mut |tile| full.push(tile));
        for tile in full {
            self.tile(&tile, index)?;
        }
        if matches {
            self.indexed(index, kind, body)?;
        }
        Ok(())
    }

    fn tile(&mut self, tile: &Tile, index: u64) -> Result<(), StoreError> {
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
    fn indexed(&mut self, index: u64, kind: &[u8], body: &[u8]) -> Result<(), StoreError> {
        let read = std::str::from_utf8(body).ok().and_then(|body| Body::read(kind, body));
        match read {
            None => self.find(&INDEX_MISMATCH, index, "the stored kind is not the one in the body"),
            Some(Body::Other) => {}
            Some(Body::Opened(opened)) => self.opened(index, &opened)?,
            Some(Body::Sealed(sealed)) => self.sealed(index, &sealed)?,
        }
        Ok(())
    }

    fn opened(&mut self, index: u64, opened: &OpenedHead<'_>) -> Result<(), StoreError> {
        self.opened = self.opened.saturating_add(1);
        let mut statement =
            self.connection.prepare_cached("SELECT id, started, gate FROM crossing WHERE opened_at = ?1")?;
        let mut rows = statement.query([int(index)?])?;
        let follows = match rows.next()? {
            None => false,
            Some(row) => {
                CrossingId::parse(opened.crossing).is_some_and(|id| {
                    row.get_ref(0).is_ok_and(|stored| stored.as_blob() == Ok(id.as_bytes().as_slice()))
                }) && row.get_ref(1)?.as_str() == Ok(opened.started)
                    && row.get_ref(2)?.as_str() == Ok(opened.gate)
            }
        };
        if !follows {
            self.find(&INDEX_MISMATCH, index, "the row of the crossing differs from its opened entry");
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
        self.record_tree(index, sealed)
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
    fn record_tree(&mut self, index: u64, sealed: &SealedBody) -> Result<(), StoreError> {
        let (tree, identities) = self.entries(sealed.opened_at)?;
        if tree.size() != sealed.entries || unhex(&sealed.record_root) != Some(tree.root()) {
            let message = format!(
                "{} stored entries do not give the record root over {} in the sealed entry",
                tree.size(),
                sealed.entries
            );
            self.find(&RECORD_MISMATCH, index, &message);
        } else if let Some(record) = identities {
            let message = format!("the identity indexed for record {record} differs from its entry");
            self.find(&INDEX_MISMATCH, index, &message);
        }
        Ok(())
    }

    /// The tree over a crossing's stored entries, and the first record whose number or indexed identity is
    /// not that of its body.
    fn entries(&mut self, opened_at: u64) -> Result<(Frontier, Option<u64>), StoreError> {
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
            let follows = head.is_some_and(|head: EntryHead<'_>| {
                let identity = head.went_out().then(|| unhex(head.identity)).flatten();
                let stored = row.get::<_, Option<Hash>>(1);
                head.record == record && stored.is_ok_and(|stored| stored == identity)
            });
            if !follows {
                wrong = wrong.or(Some(record));
            }
        }
        self.records = self.records.saturating_add(tree.size());
        Ok((tree, wrong))
    }

    fn finish(mut self, given: &[Checkpoint]) -> Result<Verification, StoreError> {
        let size = self.tree.size();
        for checkpoint in given {
            self.largest = self.largest.max(checkpoint.size);
        }
        if self.gap {
            // What is checked below would only say the same again.
        } else if self.largest > size {
            let message = format!("size {size} < {}, history cut", self.largest);
            self.find(&HISTORY_CUT, size, &message);
        } else {
            self.count_indexes()?;
            if self.signed < size && !self.found(&ROOT_MISMATCH) && !self.found(&CHECKPOINT_FORGED) {
                let message = format!("{} entries are under no signed checkpoint", size - self.signed);
                self.find(&UNSIGNED_TAIL, self.signed, &message);
            }
        }
        let origin: String =
            self.connection.query_row("SELECT value FROM meta WHERE key = 'origin'", [], |row| row.get(0))?;
        if origin != self.trusted.name() {
            let message = "the ledger bears another origin than the trusted key".to_owned();
            self.push(Finding::new(&INDEX_MISMATCH, Locator::document(), message));
        }
        Ok(Verification {
            origin,
            size,
            root: hex(&self.tree.root()),
            signed: self.signed,
            checkpoints: self.held_checkpoints,
            crossings: self.opened,
            unsealed: self.opened.saturating_sub(self.sealed),
            records: self.records,
            findings: self.findings,
            more: self.more,
        })
    }

    /// No row is there that no entry stands behind.
    fn count_indexes(&mut self) -> Result<(), StoreError> {
        let mut left_open = self
            .connection
            .prepare("SELECT opened_at FROM crossing WHERE sealed_at IS NULL ORDER BY opened_at")?;
        let mut left_open = left_open.query([])?;
        while let Some(row) = left_open.next()? {
            let opened_at = uint(row.get(0)?)?;
            if let (_, Some(record)) = self.entries(opened_at)? {
                let message = format!("the identity indexed for record {record} differs from its entry");
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
            ("SELECT count(*) FROM tile", self.tiles, "tiles are stored that the log does not fill"),
            ("SELECT count(*) FROM entry", self.records, "entries are stored that belong to no crossing"),
        ] {
            let found = uint(self.connection.query_row(sql, [], |row| row.get(0))?)?;
            if found != expected && !self.found(&INDEX_MISMATCH) {
                let message = format!("{message}: {found} instead of {expected}");
                self.push(Finding::new(&INDEX_MISMATCH, Locator::document(), message));
            }
        }
        Ok(())
    }

    fn found(&self, rule: &Rule) -> bool {
        self.findings.iter().any(|finding| finding.id == rule.id)
    }

    fn find(&mut self, rule: &Rule, index: u64, message: &str) {
        self.push(Finding::new(rule, Locator::printed(format!("[{index}]")), message));
    }

    fn push(&mut self, finding: Finding) {
        if self.findings.len() < MAX_LISTED {
            self.findings.push(finding);
        } else {
            self.more = self.more.saturating_add(1);
        }
    }
}

/// What a body is, as far as it is indexed.
enum Body<'b> {
    Opened(OpenedHead<'b>),
    Sealed(Box<SealedBody>),
    Other,
}

impl<'b> Body<'b> {
    /// None if the body is not of the kind stored beside it.
    fn read(kind: &[u8], body: &'b str) -> Option<Self> {
        match kind {
            b"opened" => {
                let opened: OpenedLeaf<'b> = serde_json::from_str(body).ok()?;
                (opened.kind == "opened").then_some(Self::Opened(opened.opened))
            }
            b"sealed" => {
                let sealed: SealedBody = serde_json::from_str(body).ok()?;
                (sealed.kind == "sealed").then(|| Self::Sealed(Box::new(sealed)))
            }
            _ => {
                let other: Head<'b> = serde_json::from_str(body).ok()?;
                (other.kind.as_bytes() == kind).then_some(Self::Other)
            }
        }
    }
}

#[derive(Deserialize)]
struct Head<'b> {
    kind: &'b str,
}

#[derive(Deserialize)]
struct OpenedLeaf<'b> {
    kind: &'b str,
    #[serde(borrow)]
    opened: OpenedHead<'b>,
}

#[derive(Deserialize)]
struct OpenedHead<'b> {
    crossing: &'b str,
    started: &'b str,
    gate: &'b str,
}

#[derive(Deserialize)]
struct EntryHead<'b> {
    record: u64,
    identity: &'b str,
    digest_out: Option<&'b str>,
    held: Option<&'b str>,
    again: Option<&'b str>,
}

impl EntryHead<'_> {
    fn went_out(&self) -> bool {
        self.held.is_none() && self.again.is_none() && self.digest_out.is_some()
    }
}
