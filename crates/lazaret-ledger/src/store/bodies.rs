//! The bodies of leaves, as they are written. What is once written is read for ever: `read/words` knows them all.

use lazaret_core::{CrossingId, Entry, Opened, Output, Seal, Sha256, Timestamp};
use serde::Serialize;

use crate::canonical::to_canonical;
use crate::merkle::leaf_hash;
use crate::store::writer::Leaf;
use crate::store::{MAX_BODY, StoreError};

/// The schema of entry bodies.
const BODY_SCHEMA: u32 = 1;
/// Kinds of leaves that are the ledger's own.
pub(super) const OWN_KINDS: [&str; 3] = ["opened", "sealed", "outputs"];
/// Outputs of one `outputs` leaf.
const OUTPUTS_PER_LEAF: usize = 100;

/// The leaf of a crossing that opens.
pub(super) fn opened_leaf(opened: &Opened) -> Result<Leaf, StoreError> {
    leaf("opened", &OpenedBody { kind: "opened", schema: BODY_SCHEMA, opened }, "an opened entry")
}

/// The leaf of an event of another kind.
pub(super) fn event_leaf(
    kind: &str,
    at: Timestamp,
    about: Option<Sha256>,
    event: &impl Serialize,
) -> Result<Leaf, StoreError> {
    leaf(kind, &EventBody { kind, schema: BODY_SCHEMA, at, about, event }, "an event")
}

/// The sealed leaf; many outputs go into leaves of their own right before it.
pub(super) fn sealed_leaves(
    seal: &Seal,
    record_root: &str,
    entries: u64,
    opened_at: u64,
) -> Result<Vec<Leaf>, StoreError> {
    let mut leaves = Vec::new();
    let mut short = None;
    if seal.outputs.len() > OUTPUTS_PER_LEAF {
        for (part, outputs) in (0_u64..).zip(seal.outputs.chunks(OUTPUTS_PER_LEAF)) {
            let crossing = seal.crossing;
            let body = OutputsBody { kind: "outputs", schema: BODY_SCHEMA, crossing, part, outputs };
            leaves.push(leaf("outputs", &body, "the outputs of a crossing")?);
        }
        short = Some(Seal { outputs: Vec::new(), ..seal.clone() });
    }
    let body = SealedBody {
        kind: "sealed",
        schema: BODY_SCHEMA,
        seal: short.as_ref().unwrap_or(seal),
        record_root,
        entries,
        opened_at,
        output_parts: u64::try_from(leaves.len()).unwrap_or(u64::MAX),
    };
    leaves.push(leaf("sealed", &body, "a sealed entry")?);
    Ok(leaves)
}

/// The body of a record's entry.
pub(super) fn entry_body(entry: &Entry) -> Result<String, StoreError> {
    let body = to_canonical(entry)?;
    check_length(&body, "a record's entry")?;
    Ok(body)
}

fn leaf(kind: &str, body: &impl Serialize, what: &'static str) -> Result<Leaf, StoreError> {
    let body = to_canonical(body)?;
    check_length(&body, what)?;
    Ok(Leaf { kind: kind.to_owned(), hash: leaf_hash(body.as_bytes()), body })
}

fn check_length(body: &str, what: &'static str) -> Result<(), StoreError> {
    let length = u64::try_from(body.len()).unwrap_or(u64::MAX);
    MAX_BODY.check(length).map_err(|source| StoreError::Limit { what, source })
}

#[derive(Serialize)]
struct OpenedBody<'a> {
    kind: &'static str,
    schema: u32,
    opened: &'a Opened,
}

#[derive(Serialize)]
struct SealedBody<'a> {
    kind: &'static str,
    schema: u32,
    seal: &'a Seal,
    record_root: &'a str,
    entries: u64,
    opened_at: u64,
    output_parts: u64,
}

#[derive(Serialize)]
struct OutputsBody<'a> {
    kind: &'static str,
    schema: u32,
    crossing: CrossingId,
    part: u64,
    outputs: &'a [Output],
}

#[derive(Serialize)]
struct EventBody<'a, T> {
    kind: &'a str,
    schema: u32,
    at: Timestamp,
    /// The model's file that it is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    about: Option<Sha256>,
    event: &'a T,
}
