//! Counts for people: `lazaret keys status`.

use lazaret_core::Timestamp;
use serde::Serialize;

use crate::data_keys::kept_kms;
use crate::{KmsDescription, SqliteVault, VaultFailure};

/// What is in the vault, in counts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct VaultStatus {
    /// The key service and key in force.
    pub kms: KmsDescription,
    /// How many key-encryption keys there have been.
    pub kms_version: u64,
    /// Since when the one in force is.
    pub kms_since: Timestamp,
    /// Its age in whole days.
    pub kms_age_days: u64,
    /// The schema version of `vault.db`.
    pub schema: u64,
    /// Data keys of the vault's own.
    pub vault_keys: u64,
    /// Data keys of datasets and columns, all versions.
    pub dataset_keys: u64,
    /// Patients with a secret.
    pub subjects: u64,
    /// Patients whose describing record was seen.
    pub described: u64,
    /// Facts known of patients.
    pub facts: u64,
    /// Tokens, those of shredded subjects among them.
    pub tokens: u64,
    /// Tokens whose subject was shredded.
    pub shredded_tokens: u64,
    /// Records held and not settled.
    pub held: u64,
    /// Records released, rejected or shredded.
    pub settled: u64,
    /// Patients under legal hold.
    pub legal_holds: u64,
    /// Shreddings.
    pub shreddings: u64,
    /// Patients that were shredded and then seen again, under a new secret.
    pub shredded_and_back: u64,
    /// The Ed25519 public key of the ledger's signatures, hex.
    pub signing_key: String,
}

impl VaultStatus {
    /// Whether nothing has come into the vault since it was made.
    pub fn is_new(&self) -> bool {
        let since = [self.dataset_keys, self.subjects, self.tokens, self.held, self.settled, self.shreddings];
        self.kms_version == 1 && since == [0; 6]
    }
}

impl SqliteVault {
    /// What is in the vault, in counts.
    pub fn status(&self) -> Result<VaultStatus, VaultFailure> {
        let database = self.database()?;
        let connection = database.reading()?;
        let count = |sql: &str| -> Result<u64, VaultFailure> {
            Ok(connection.query_row(sql, [], |row| row.get::<_, i64>(0))?.unsigned_abs())
        };
        let (kms, version, since) = kept_kms(connection)?;
        Ok(VaultStatus {
            kms,
            kms_version: version.unsigned_abs(),
            kms_since: since,
            kms_age_days: self.now().since(since) / 86_400_000,
            schema: database.schema()?.unsigned_abs(),
            vault_keys: count("SELECT count(*) FROM data_keys WHERE class = 'vault'")?,
            dataset_keys: count("SELECT count(*) FROM data_keys WHERE class = 'dataset'")?,
            subjects: count("SELECT count(*) FROM subjects")?,
            described: count("SELECT count(*) FROM subjects WHERE described > 0")?,
            facts: count("SELECT count(*) FROM facts")?,
            tokens: count("SELECT count(*) FROM tokens")?,
            shredded_tokens: count("SELECT count(*) FROM tokens WHERE sealed IS NULL")?,
            held: count("SELECT count(*) FROM holds WHERE state = 'held'")?,
            settled: count("SELECT count(*) FROM holds WHERE state <> 'held'")?,
            legal_holds: count("SELECT count(*) FROM subjects WHERE legal_hold = 1")?,
            shreddings: count("SELECT count(*) FROM shreds")?,
            shredded_and_back: count(
                "SELECT count(*) FROM subjects WHERE lookup IN (SELECT lookup FROM shreds)",
            )?,
            signing_key: lazaret_core::KeyedDigest(lazaret_core::Signer::public_key(self)).to_string(),
        })
    }
}
