//! A proof of one crossing, or of one record of it, in one JSON text: leaf bodies, their paths to the root of a
//! signed checkpoint, and for a record its path to the record root in the sealed leaf. Whoever holds the log's
//! key can check it without the ledger and without a network.

use lazaret_core::{CrossingId, Limit, LimitExceeded, hex};
use rusqlite::Connection;
use serde::{Deserialize, Serialize};

use crate::merkle::{Hash, LeafNodes, inclusion_proof, leaf_hash, verify_inclusion};
use crate::note::{Checkpoint, NoteError, VerifierKey, unhex};
use crate::read::{
    EntryWords, LedgerReader, OpenedBody, OpenedWords, SealWords, SealedBody, find, leaf, parse, text,
};
use crate::store::nodes::StoredNodes;
use crate::store::{StoreError, entry_rows, uint};

/// Longest proof that is read.
pub const MAX_PROOF: Limit = Limit::fixed("ledger.max_proof", 1 << 20);

const TYPE: &str = "lazaret-ledger-proof";
const SCHEMA: u32 = 1;
/// A path is no longer than a size has bits.
const MAX_PATH: usize = 64;

/// Why a proof could not be made, or does not hold.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ProofError {
    /// The ledger failed.
    #[error("the ledger could not be read")]
    Store(#[from] StoreError),
    /// There is no such crossing.
    #[error("no crossing of this id is in the ledger")]
    NoCrossing,
    /// There is no such record.
    #[error("the crossing has no record {0}")]
    NoRecord(u64),
    /// A record is proven by the root in the sealed entry, and there is none yet.
    #[error("the crossing is not sealed yet, so its records cannot be proven")]
    NotSealed,
    /// No checkpoint covers it yet.
    #[error("no signed checkpoint covers the crossing yet; one is signed within a second")]
    NotSigned,
    /// The proof is too long.
    #[error("the proof was refused")]
    Limit(#[from] LimitExceeded),
    /// It is not in the form of a proof.
    #[error("not a proof of this version: {0}")]
    Malformed(&'static str),
    /// It is not JSON in the form of a proof.
    #[error("not a proof of this version")]
    NotJson(#[source] serde_json::Error),
    /// The checkpoint does not hold.
    #[error("the checkpoint does not hold")]
    Checkpoint(#[from] NoteError),
    /// A path does not lead to the root.
    #[error("the {0} is not in the tree of the signed checkpoint")]
    NotIncluded(&'static str),
    /// The parts are not of one crossing.
    #[error("the parts of the proof contradict each other: {0}")]
    Contradiction(&'static str),
}

/// What a proof proves.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Proven {
    /// The log's name.
    pub origin: String,
    /// Size of the signed tree.
    pub size: u64,
    /// Root of the signed tree, hex.
    pub root: String,
    /// The index of the opened entry.
    pub opened_at: u64,
    /// What was opened.
    pub opened: OpenedWords,
    /// The index of the sealed entry; none if the crossing was not sealed.
    pub sealed_at: Option<u64>,
    /// How it ended; outputs that stand in leaves of their own are not in the proof.
    pub seal: Option<SealWords>,
    /// The record, if one was asked for.
    pub record: Option<ProvenRecord>,
}

/// A record that a proof proves.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ProvenRecord {
    /// Its place among the crossing's entries.
    pub position: u64,
    /// How many entries there are.
    pub of: u64,
    /// What happened to it.
    pub entry: EntryWords,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Proof {
    #[serde(rename = "type")]
    form: String,
    schema: u32,
    checkpoint: String,
    opened: LeafProof,
    sealed: Option<LeafProof>,
    record: Option<RecordProof>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct LeafProof {
    index: u64,
    body: String,
    path: Vec<String>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct RecordProof {
    position: u64,
    body: String,
    path: Vec<String>,
}

/// Makes the proof of a crossing, or of one of its records, under the last signed checkpoint.
pub fn prove(reader: &LedgerReader, crossing: CrossingId, record: Option<u64>) -> Result<String, ProofError> {
    let note = reader.checkpoint()?.ok_or(ProofError::NotSigned)?;
    let size = Checkpoint::parse(&note)?.size;
    let connection = reader.connection();
    let row = find(&connection, crossing)?.ok_or(ProofError::NoCrossing)?;
    let opened = leaf_proof(&connection, row.opened_at, size)?.ok_or(ProofError::NotSigned)?;
    let sealed = row.sealed_at.map(|at| leaf_proof(&connection, at, size)).transpose()?.flatten();
    let record = match (record, &sealed) {
        (None, _) => None,
        (Some(_), None) if row.sealed_at.is_none() => return Err(ProofError::NotSealed),
        (Some(_), None) => return Err(ProofError::NotSigned),
        (Some(number), Some(_)) => Some(record_proof(&connection, row.opened_at, number)?),
    };
    let proof = Proof { form: TYPE.to_owned(), schema: SCHEMA, checkpoint: note, opened, sealed, record };
    serde_json::to_string_pretty(&proof).map_err(ProofError::NotJson)
}

fn leaf_proof(connection: &Connection, index: u64, size: u64) -> Result<Option<LeafProof>, StoreError> {
    let Some(path) = inclusion_proof(&mut StoredNodes(connection), index, size)? else { return Ok(None) };
    let body = leaf(connection, index)?.ok_or(StoreError::Damaged("an entry is missing"))?.body;
    Ok(Some(LeafProof { index, body, path: path.iter().map(|hash| hex(hash)).collect() }))
}

fn record_proof(connection: &Connection, opened_at: u64, number: u64) -> Result<RecordProof, ProofError> {
    let (from, to) = entry_rows(opened_at)?;
    let mut statement = connection
        .prepare_cached("SELECT id, body FROM entry WHERE id >= ?1 AND id < ?2 ORDER BY id")
        .map_err(StoreError::from)?;
    let mut rows = statement.query([from, to]).map_err(StoreError::from)?;
    let mut hashes: Vec<Hash> = Vec::new();
    let mut wanted = None;
    while let Some(row) = rows.next().map_err(StoreError::from)? {
        let body = text(row, 1)?;
        let record = uint(row.get::<_, i64>(0).map_err(StoreError::from)?.saturating_sub(from))?;
        if record == number {
            wanted = Some((u64::try_from(hashes.len()).unwrap_or(u64::MAX), body.to_owned()));
        }
        hashes.push(leaf_hash(body.as_bytes()));
    }
    let (position, body) = wanted.ok_or(ProofError::NoRecord(number))?;
    let size = u64::try_from(hashes.len()).unwrap_or(u64::MAX);
    let Ok(path) = inclusion_proof(&mut LeafNodes(&hashes), position, size);
    let path = path.ok_or(ProofError::NoRecord(number))?;
    Ok(RecordProof { position, body, path: path.iter().map(|hash| hex(hash)).collect() })
}

/// Checks a proof with the log's key alone.
pub fn verify_proof(proof: &str, trusted: &VerifierKey) -> Result<Proven, ProofError> {
    MAX_PROOF.check(u64::try_from(proof.len()).unwrap_or(u64::MAX))?;
    let proof: Proof = serde_json::from_str(proof).map_err(ProofError::NotJson)?;
    if proof.form != TYPE || proof.schema != SCHEMA {
        return Err(ProofError::Malformed("its type or schema is another"));
    }
    let checkpoint = Checkpoint::verify(&proof.checkpoint, trusted)?;
    included(&proof.opened, &checkpoint, "opened entry")?;
    let opened: KindedOpened = parse(&proof.opened.body, proof.opened.index)?;
    if opened.kind != "opened" {
        return Err(ProofError::Contradiction("the opened entry is of another kind"));
    }
    let sealed =
        proof.sealed.as_ref().map(|leaf| sealed(leaf, &proof.opened, &opened, &checkpoint)).transpose()?;
    let record = match (&proof.record, &sealed) {
        (None, _) => None,
        (Some(_), None) => return Err(ProofError::Contradiction("a record without a sealed entry")),
        (Some(record), Some(sealed)) => Some(proven_record(record, sealed, proof.opened.index)?),
    };
    Ok(Proven {
        origin: checkpoint.origin,
        size: checkpoint.size,
        root: hex(&checkpoint.root),
        opened_at: proof.opened.index,
        opened: opened.rest.opened,
        sealed_at: proof.sealed.map(|leaf| leaf.index),
        seal: sealed.map(|sealed| sealed.seal),
        record,
    })
}

fn included(leaf: &LeafProof, checkpoint: &Checkpoint, what: &'static str) -> Result<(), ProofError> {
    let path = read_path(&leaf.path)?;
    let hash = leaf_hash(leaf.body.as_bytes());
    if verify_inclusion(&hash, leaf.index, checkpoint.size, &path, &checkpoint.root) {
        Ok(())
    } else {
        Err(ProofError::NotIncluded(what))
    }
}

fn sealed(
    leaf: &LeafProof,
    opened_leaf: &LeafProof,
    opened: &KindedOpened,
    checkpoint: &Checkpoint,
) -> Result<SealedBody, ProofError> {
    included(leaf, checkpoint, "sealed entry")?;
    let sealed: SealedBody = parse(&leaf.body, leaf.index)?;
    if sealed.kind != "sealed"
        || sealed.opened_at != opened_leaf.index
        || sealed.seal.crossing != opened.rest.opened.crossing
    {
        return Err(ProofError::Contradiction("the sealed entry is not that of the opened one"));
    }
    Ok(sealed)
}

fn proven_record(
    record: &RecordProof,
    sealed: &SealedBody,
    opened_at: u64,
) -> Result<ProvenRecord, ProofError> {
    let root = unhex(&sealed.record_root).ok_or(ProofError::Malformed("the record root is no hash"))?;
    let path = read_path(&record.path)?;
    let hash = leaf_hash(record.body.as_bytes());
    if !verify_inclusion(&hash, record.position, sealed.entries, &path, &root) {
        return Err(ProofError::NotIncluded("record's entry"));
    }
    let entry = parse(&record.body, opened_at)?;
    Ok(ProvenRecord { position: record.position, of: sealed.entries, entry })
}

fn read_path(path: &[String]) -> Result<Vec<Hash>, ProofError> {
    if path.len() > MAX_PATH {
        return Err(ProofError::Malformed("a path is too long"));
    }
    path.iter().map(|hash| unhex(hash).ok_or(ProofError::Malformed("a path holds no hash"))).collect()
}

#[derive(Deserialize)]
struct KindedOpened {
    kind: String,
    #[serde(flatten)]
    rest: OpenedBody,
}
