//! Keys, tokens, subjects and records kept back.
//!
//! Everything lazaret must remember in secret lies here, encrypted: a random secret for each patient (tokens,
//! date shifts and digests derive from it, and shredding it makes them mean nothing), the table of tokens, what
//! is known of each patient, the records kept back, the keys of datasets and of the ledger's signatures. All of
//! it is sealed under data keys, and those are wrapped by a key-encryption key that a [`Kms`] keeps elsewhere.
//!
//! | file | what is in it |
//! |---|---|
//! | `store` | [`SqliteVault`]: made, opened, and the port [`lazaret_core::Vault`] |
//! | `kms` | key services; `kms/local`: a passphrase or a key file |
//! | `envelope` | sealing with AES-256-GCM, derivation, keyed digests |
//! | `data_keys` | the keys of datasets and of the vault itself; rotation |
//! | `subjects`, `facts`, `tokens` | a patient's secret, what is known of it, its tokens |
//! | `holds`, `segments` | records kept back, and the files they lie in |
//! | `shred` | shredding of a subject, legal hold |
//! | `model_keys` | keys that sign models |
//! | `log` | how far the ledger was signed |
//! | `status`, `backup` | counts for people; consistent copies |
//! | `database`, `keeper`, `cache`, `random` | SQLite, the thread beside it, memory, random bytes |
//!
//! What a copy of the data directory shows without the key: how many patients, tokens and held records there
//! are and how long each is, how long the ledger is, when they came, the names of datasets, and who shredded or settled something.

mod backup;
mod cache;
mod data_keys;
mod database;
mod envelope;
mod facts;
mod failure;
mod holds;
mod keeper;
mod kms;
mod log;
mod model_keys;
mod random;
mod segments;
mod shred;
mod status;
mod store;
mod subjects;
mod tokens;

pub use backup::Restoring;
pub use data_keys::{DatasetKey, Rotated};
pub use facts::{MAX_FACT_BYTES, MAX_KNOWN_FACTS};
pub use failure::VaultFailure;
pub use holds::{HeldFinding, HeldRecord, HoldFilter, HoldState, Settlement};
pub use kms::{
    Kms, KmsDescription, KmsError, LocalKms, MIN_PASSPHRASE_CHARS, PBKDF2_ITERATIONS, WrapContext,
};
pub use model_keys::ModelKey;
pub use random::SystemRandom;
pub use shred::Shredded;
pub use status::VaultStatus;
pub use store::{LIMITS, SqliteVault};
pub use tokens::{Revealed, token_in};
