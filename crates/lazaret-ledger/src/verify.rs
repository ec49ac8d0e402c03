//! Checks a whole ledger against the key of its log: every body against its leaf, the tree against every
//! signed checkpoint, the record trees, and all that is only an index against the leaves it is made from.
//!
//! It reads once from the first leaf to the last and holds nothing but the tree's frontier and the unfinished
//! tiles, whatever the size. It looks at bodies, not only at stored hashes.

mod heads;
mod indexes;
mod rules;

use std::path::Path;

use lazaret_core::{Finding, Locator, Rule, Severity, hex};
use rusqlite::{Connection, Rows};
use serde::Serialize;

pub use rules::{
    BODY_MISMATCH, CHECKPOINT_FORGED, HISTORY_CUT, INDEX_MISMATCH, LEDGER_RULES, RECORD_MISMATCH, ROLLBACK,
    ROOT_MISMATCH, UNSIGNED, UNSIGNED_TAIL,
};

use crate::merkle::{Frontier, Hash, leaf_hash};
use crate::note::{Checkpoint, VerifierKey};
use crate::store::schema::open_for_reading;
use crate::store::{StoreError, uint};
use crate::tiles::Tiler;

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
    verify_remembered(path, trusted, given, None)
}

/// The same, and against the last checkpoint that the vault remembers: with it, a tail cut together with its
/// checkpoints is found without one from elsewhere.
pub fn verify_remembered(
    path: &Path,
    trusted: &VerifierKey,
    given: &[String],
    remembered: Option<&str>,
) -> Result<Verification, StoreError> {
    let connection = open_for_reading(path)?;
    connection.execute_batch("BEGIN")?; // one snapshot, whatever is appended meanwhile
    let mut check = Check::new(&connection, trusted);
    check.remember(remembered);
    check.run(given)
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
    files: u64,
    about: u64,
    models: u64,
    records: u64,
    gap: bool,
    signed: u64,
    held_checkpoints: u64,
    largest: u64,
    remembered: Option<Checkpoint>,
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
            files: 0,
            about: 0,
            models: 0,
            gap: false,
            signed: 0,
            held_checkpoints: 0,
            largest: 0,
            remembered: None,
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
            self.compare_remembered(size);
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

    /// What the vault remembers; a note the key did not sign is a finding.
    fn remember(&mut self, note: Option<&str>) {
        match note.map(|note| Checkpoint::verify(note, self.trusted)) {
            None => {}
            Some(Ok(checkpoint)) => self.remembered = Some(checkpoint),
            Some(Err(error)) => {
                let message = format!("the checkpoint that the vault remembers: {error}");
                self.push(Finding::new(&CHECKPOINT_FORGED, Locator::document(), message));
            }
        }
    }

    /// The log at a size that the vault remembers.
    fn compare_remembered(&mut self, size: u64) {
        let root = self.remembered.as_ref().filter(|it| it.size == size).map(|it| it.root);
        if root.is_some_and(|root| root != self.tree.root()) {
            let message = format!("root at size {size} differs from the one the vault remembers signing");
            self.find(&ROLLBACK, size.saturating_sub(1), &message);
        }
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

    fn finish(mut self, given: &[Checkpoint]) -> Result<Verification, StoreError> {
        let size = self.tree.size();
        for checkpoint in given {
            self.largest = self.largest.max(checkpoint.size);
        }
        let remembered = self.remembered.as_ref().map_or(0, |checkpoint| checkpoint.size);
        if remembered > size && !self.gap {
            let message = format!("size {size} < {remembered}, which the vault remembers signing");
            self.find(&ROLLBACK, size, &message);
        }
        if self.gap {
            // What is checked below would only say the same again.
        } else if self.largest > size {
            let message = format!("size {size} < {}, history cut", self.largest);
            self.find(&HISTORY_CUT, size, &message);
        } else {
            self.count_indexes()?;
            let taken = self.sealed > 0 && self.held_checkpoints == 0 || self.signed < remembered.min(size);
            if taken && !self.found(&ROOT_MISMATCH) && !self.found(&CHECKPOINT_FORGED) {
                let message =
                    format!("no signed checkpoint over entries that were signed, from [{}] on", self.signed);
                self.find(&UNSIGNED, self.signed, &message);
            } else if self.signed < size && !self.found(&ROOT_MISMATCH) && !self.found(&CHECKPOINT_FORGED) {
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
