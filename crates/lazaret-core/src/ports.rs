//! Ports: what core needs from outside, as traits. Each has a fake in core's tests.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use serde::{Serialize, Serializer};

use crate::{
    Basis, Body, CrossingId, Entry, EntryIndex, Finding, Hint, Label, Opened, OwnFile, Purpose, Seal, Sealed,
    Sensitive, Sha256, Timestamp, hex,
};

/// Reads time.
pub trait Clock: Send + Sync {
    /// Now.
    fn now(&self) -> Timestamp;
}

/// The system's random source failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the system gave no random bytes")]
pub struct RandomError;

/// Gives bytes nobody can foresee.
pub trait Random: Send + Sync {
    /// Fills the buffer.
    fn fill(&self, buffer: &mut [u8]) -> Result<(), RandomError>;
}

/// A source could not be read.
#[derive(Debug, thiserror::Error)]
#[error("the source could not be read at byte {at}")]
pub struct SourceError {
    /// Where.
    pub at: u64,
    /// Why.
    #[source]
    pub cause: std::io::Error,
}

/// Bytes from outside, read at any place.
pub trait Source: Send + Sync {
    /// Reads into the buffer from an offset; fewer bytes than asked only at the end.
    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> Result<usize, SourceError>;
    /// What else is known.
    fn hint(&self) -> Hint;
    /// The file of lazaret's own that it is, if it is one: such a source may cross without being held in memory.
    fn own_file(&self) -> Option<&OwnFile> {
        None
    }
}

/// A digest under a secret: the same bytes of the same subject give the same digest, and shredding the
/// subject's secret makes it mean nothing.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyedDigest(pub [u8; 32]);

impl KeyedDigest {
    /// Its first half: what is kept where millions of digests are only told apart. Nobody without the secret can
    /// make two that agree in it, and by chance they do not within 2^64.
    pub fn half(&self) -> [u8; 16] {
        self.0.first_chunk().copied().unwrap_or_default()
    }
}

impl fmt::Display for KeyedDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex(&self.0))
    }
}

impl fmt::Debug for KeyedDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for KeyedDigest {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// The ledger failed: nothing crosses.
#[derive(Debug, thiserror::Error)]
#[error("the ledger could not {what}")]
pub struct LedgerError {
    /// What was asked.
    pub what: &'static str,
    /// Why.
    #[source]
    pub cause: Option<Box<dyn std::error::Error + Send + Sync>>,
}

/// The append-only log of what crossed.
pub trait Ledger: Send + Sync {
    /// Records that a crossing begins. Returns when that is durable.
    fn open(&self, opened: &Opened) -> Result<EntryIndex, LedgerError>;
    /// Takes the next entries of a crossing, in the order of their records. They are durable by the seal.
    fn record(&self, crossing: CrossingId, entries: Vec<Entry>) -> Result<(), LedgerError>;
    /// Ends a crossing: computes the record root over its entries. Returns when that is durable.
    fn seal(&self, seal: &Seal) -> Result<Sealed, LedgerError>;
    /// The crossing by which a record of this identity already crossed: its entry was cleared and its
    /// crossing sealed as complete.
    fn crossed(&self, identity: &KeyedDigest) -> Result<Option<CrossingId>, LedgerError>;
    /// The order by which persons admitted a file of this SHA-256, if one holds at that time. By default nobody admits
    /// anything.
    fn admitted(&self, _: Sha256, _: Timestamp) -> Result<Option<Admission>, LedgerError> {
        Ok(None)
    }
}

/// Persons let a file cross although policy holds it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Admission {
    /// The crossing that carried the order out.
    pub order: CrossingId,
    /// Whether two persons gave it: what policy blocks takes two.
    pub by_two: bool,
}

/// The vault failed: nothing crosses.
#[derive(Debug, thiserror::Error)]
#[error("the vault could not {what}")]
pub struct VaultError {
    /// What was asked.
    pub what: &'static str,
    /// Why.
    #[source]
    pub cause: Option<Box<dyn std::error::Error + Send + Sync>>,
}

/// A patient within a source system.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Subject {
    /// The source system.
    pub system: String,
    /// The id there.
    pub id: Sensitive<String>,
}

/// One thing known of a subject from the record that describes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownFact {
    /// What it is.
    pub label: Label,
    /// The text as it stands in the record.
    pub text: Sensitive<String>,
}

/// What is known of one subject: sought in the notes about it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Known {
    /// Names, addresses, numbers, dates.
    pub facts: Vec<KnownFact>,
    /// More was said of the subject than the vault keeps, so not all of it can be sought: texts about it are held.
    pub too_much: bool,
}

/// What a token may look like.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TokenForm {
    /// Letters, digits and `-`, at most 64, as a FHIR id may be.
    Id,
    /// Stands in text: in brackets with its kind, `[MRN tk…]`.
    Text,
}

/// Asks for the token of one value.
#[derive(Debug, Clone, Copy)]
pub struct TokenRequest<'a> {
    /// Whose value it is, if it is a patient's.
    pub subject: Option<&'a Subject>,
    /// What it is.
    pub label: Label,
    /// What the token is scoped by beside the label: `Patient`.
    pub domain: &'a str,
    /// The source system of the value.
    pub system: &'a str,
    /// The value.
    pub value: &'a str,
    /// For which purpose: the same value joins within a purpose, not across.
    pub purpose: &'a Purpose,
    /// On which basis: random and table-backed under safe harbor, keyed under an expert's determination.
    pub basis: Basis,
    /// Its form.
    pub form: TokenForm,
}

/// A record kept back.
#[derive(Debug, Clone, Copy)]
pub struct Hold<'a> {
    /// Whose crossing.
    pub crossing: CrossingId,
    /// Its number in the payload.
    pub record: u64,
    /// What makes it the same record if it comes again: it is then not kept twice.
    pub identity: KeyedDigest,
    /// What it holds, as it arrived. Of a file only its SHA-256 and length are kept.
    pub body: Body<'a>,
    /// What kind of record, if it could be read.
    pub kind: &'a str,
    /// Whose, if it names a patient.
    pub subject: Option<&'a Subject>,
    /// Why.
    pub findings: &'a [Finding],
    /// Whether it may be released by one person: quarantined, not blocked.
    pub releasable: bool,
}

/// The id of a record kept back: its crossing and its number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct HoldId {
    /// The crossing.
    pub crossing: CrossingId,
    /// The record's number.
    pub record: u64,
}

impl fmt::Display for HoldId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.crossing, self.record)
    }
}

impl Serialize for HoldId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// Keys and secrets: tokens, subjects, digests, records kept back.
pub trait Vault: Send + Sync {
    /// The digest of some bytes under the subject's secret, or under the installation's where there is none.
    fn digest(&self, subject: Option<&Subject>, bytes: &[u8]) -> Result<KeyedDigest, VaultError>;
    /// The token of a value; made if there is none.
    fn token(&self, request: &TokenRequest<'_>) -> Result<String, VaultError>;
    /// By how many days this subject's dates move for a purpose: never 0.
    fn shift_days(&self, subject: &Subject, purpose: &Purpose) -> Result<i32, VaultError>;
    /// Learns what a record says of its subject. More than is kept of one subject is no failure, for one record
    /// would stop the rest with it: the subject is marked instead ([`Known::too_much`]).
    fn learn(&self, subject: &Subject, facts: &[KnownFact]) -> Result<(), VaultError>;
    /// What is known of a subject.
    fn known(&self, subject: &Subject) -> Result<Option<Arc<Known>>, VaultError>;
    /// Keeps a record back, encrypted. Durable by [`Vault::sync`]. If a record of the same identity is already
    /// kept and neither released nor rejected, its id is returned and nothing is written.
    fn hold(&self, hold: &Hold<'_>) -> Result<HoldId, VaultError>;
    /// Returns when everything so far is durable. Called before every seal.
    fn sync(&self) -> Result<(), VaultError>;
}

/// Signs the ledger's checkpoints (Ed25519, RFC 8032).
pub trait Signer: Send + Sync {
    /// The signature, 64 bytes.
    fn sign(&self, message: &[u8]) -> Result<[u8; 64], VaultError>;
    /// The public key, 32 bytes.
    fn public_key(&self) -> [u8; 32];
}

/// Makes one value coarser, moves it in time, or makes another of its kind. Lives where the forms of values
/// are known (`lazaret-phi`). None means: no such form, so the value is redacted.
pub trait Rewriter: Send + Sync {
    /// A coarser value: a date its year, an age over 89 `90+`, a ZIP code three digits or `000`.
    fn generalise(&self, label: Label, text: &str) -> Option<String>;
    /// The same date, in the same form, some days later.
    fn shift(&self, label: Label, text: &str, days: i32) -> Option<String>;
    /// A made-up value of the same shape, the same for the same seed.
    fn surrogate(&self, label: Label, text: &str, seed: &KeyedDigest) -> Option<String>;
    /// What all writings of one number have in common; of what is no number the text itself. Made-up values follow from
    /// it.
    fn identity(&self, _: Label, text: &str) -> String {
        text.to_owned()
    }
    /// The byte at which a number's own value begins, behind words in the find that say what it is: `MRN 00731946`. A token
    /// stands for what follows, and the words stay.
    fn own_value(&self, _: Label, _: &str) -> usize {
        0
    }
    /// Numbers for the placeholders of one patient, or of one record that names none.
    fn numbering(&self) -> Box<dyn Numbering>;
}

/// Numbers what is found of one patient, from 1 for each kind: one person, number or date has one number in all its
/// writings.
pub trait Numbering: Send {
    /// The number of what a value stands for, met before or new. What is new takes one from `room`; where none is left it
    /// has no number.
    fn number(&mut self, label: Label, value: &str, room: &mut u64) -> Option<u32>;
}

/// A job for a worker.
pub type Job = Box<dyn FnOnce() + Send + 'static>;

/// No worker is free, or too many were lost: the checkpoint refuses everything and is not ready.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum WorkersRefused {
    /// Too many workers hang.
    #[error("{lost} workers were lost to hanging steps; restart the server after removing what hangs")]
    TooManyLost {
        /// How many.
        lost: usize,
    },
    /// The pool is shut.
    #[error("the worker pool is shut")]
    Shut,
}

/// A bounded pool that runs steps.
pub trait Workers: Send + Sync {
    /// Takes a job, waiting for a place in the queue if need be.
    fn submit(&self, job: Job) -> Result<(), WorkersRefused>;
    /// A job submitted before has passed its deadline: its worker counts as lost until it comes back.
    fn lost(&self);
    /// A worker counted as lost came back.
    fn found(&self);
    /// How many run at once.
    fn width(&self) -> usize;
    /// False once too many workers hang.
    fn ready(&self) -> bool;
}

/// How long each step may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Deadlines {
    /// Reading, inspecting and deciding one record.
    pub record: Duration,
    /// One call of the source, the ledger, the vault or the destination.
    pub call: Duration,
}

impl Default for Deadlines {
    fn default() -> Self {
        Self { record: Duration::from_secs(30), call: Duration::from_mins(1) }
    }
}

/// The key of one dataset.
#[derive(Debug, Clone)]
pub struct DataKey {
    /// Names the key in the dataset's metadata, so that it is found again after rotation.
    pub id: String,
    /// AES-256.
    pub key: Sensitive<[u8; 32]>,
}

/// Data keys, each wrapped by the key-encryption key of a key service and never stored in the clear.
pub trait DataKeys: Send + Sync {
    /// The key under which a dataset, and where named a column of it, is written now; made if there is none.
    fn current(&self, dataset: &str, column: Option<&str>) -> Result<DataKey, VaultError>;
    /// A key by its id, for reading.
    fn by_id(&self, id: &str) -> Result<DataKey, VaultError>;
}
