//! The append-only log of what crossed, and what is read from it.
//!
//! [`SqliteLedger`] implements core's `Ledger`: a crossing is a leaf when it opens and a leaf when it is sealed,
//! the entries of its records form a tree of their own whose root is in the sealed leaf. The log is an RFC 6962
//! tree with signed checkpoints (C2SP), so anyone with the key can tell a changed log from the true one.
//!
//! | file | what is in it |
//! |---|---|
//! | `merkle`, `tiles`, `note` | RFC 6962 tree and proofs; C2SP tiles; C2SP signed notes and checkpoints |
//! | `canonical` | the one form in which bodies are hashed |
//! | `store` | the tables; `store/sqlite` the ledger, `store/start` what it finds when it starts, `store/writer` group commit, `store/nodes` the stored tree, `store/bodies` what leaves say |
//! | `read` | what is read back: crossings, entries, events |
//! | `files` | what is known of a model's file, by its SHA-256 |
//! | `touched` | what such a file touches, summed up |
//! | `verify` | the whole ledger against the key of its log |
//! | `lineage` | source → crossing → dataset → model |
//! | `bom` | the bill of materials of a dataset: as a view for pages, and as CycloneDX; that of a model |
//! | `prove` | a proof of one crossing, or one record of it, that anyone can check offline |

mod bom;
mod canonical;
mod files;
mod lineage;
pub mod merkle;
pub mod note;
mod prove;
mod read;
mod store;
#[cfg(test)]
mod testing;
pub mod tiles;
mod touched;
mod verify;

pub use bom::{
    BomCrossing, BomError, BomOutput, BomPhi, BomSource, BomView, CycloneDx, ModelFile, ModelRevision,
    ModelView, RESIDUE, Stated, bom, bom_view, model_bom, model_view,
};
pub use canonical::{CanonicalError, to_canonical};
pub use files::{
    AboutFile, FileCrossing, FileEntry, RevisionCrossing, RevisionFile, SinceNamed, SpokenOf, TrainedOn,
};
pub use lineage::{
    Ancestry, Edge, Graph, INCOMPLETE, LINEAGE_RULES, Node, Phi, RAW_PHI, ancestry, model_ancestry,
};
pub use prove::{MAX_PROOF, ProofError, Proven, ProvenRecord, prove, verify_proof};
pub use read::{
    ActorWords, CountWords, CrossingRow, CrossingWords, EntryWords, FileWords, FindingWords, LeafRow,
    LedgerReader, ModelWords, OpenedWords, OrderWords, OutputWords, Query, SealWords, SealedWords, Totals,
};
pub use store::{MAX_BODY, MAX_ENTRIES, MAX_RECORDS, SqliteLedger, StoreError, Unsealed, check_remembered};
pub use touched::{NameOfFile, Newest, UseOfFile};
pub use verify::{
    BODY_MISMATCH, CHECKPOINT_FORGED, HISTORY_CUT, INDEX_MISMATCH, LEDGER_RULES, RECORD_MISMATCH, ROLLBACK,
    ROOT_MISMATCH, UNSIGNED, UNSIGNED_TAIL, Verification, verify, verify_remembered,
};

/// The limits of this room, sorted by key. All are fixed: what is stored and what others verify depends on them.
pub const LIMITS: &[lazaret_core::Limit] =
    &[MAX_BODY, MAX_ENTRIES, note::MAX_NOTE, MAX_PROOF, MAX_RECORDS, note::MAX_SIGNATURES];
