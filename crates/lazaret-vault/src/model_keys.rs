//! Keys that sign models: on P-256, made here, sealed under the vault's own data key. None ever leaves the vault; what signs is
//! opened for one command.
//!
//! The table is made when the first key is: vaults from before have none, and versions from before leave it alone.

use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair as _};
use rusqlite::{Connection, OptionalExtension as _, params};

use crate::envelope::Binding;
use crate::store::millis;
use crate::{SqliteVault, VaultFailure};

/// Longest name of a key.
const MAX_NAME: usize = 64;
const NOT_OPENED: &str = "the model signing key";

/// A key that signs models, opened.
pub struct ModelKey {
    name: String,
    pair: EcdsaKeyPair,
}

impl std::fmt::Debug for ModelKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ModelKey").field("name", &self.name).finish_non_exhaustive()
    }
}

impl ModelKey {
    /// Its name in the vault.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its public half: the point on P-256, uncompressed (SEC 1, 2.3.3), 65 bytes.
    pub fn point(&self) -> &[u8] {
        self.pair.public_key().as_ref()
    }

    /// Signs a message by ECDSA with SHA-256; DER (RFC 3279, 2.2.3).
    pub fn sign(&self, message: &[u8]) -> Result<Vec<u8>, VaultFailure> {
        let signed = self.pair.sign(&SystemRandom::new(), message).map_err(|_| VaultFailure::NotSealed)?;
        Ok(signed.as_ref().to_vec())
    }
}

impl SqliteVault {
    /// Makes a key; one of that name is never replaced. Durable.
    pub fn make_model_key(&self, name: &str) -> Result<ModelKey, VaultFailure> {
        let binding = binding(name)?;
        let failed = |_| VaultFailure::NotSealed;
        let document = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, &SystemRandom::new());
        let document = document.map_err(failed)?;
        let sealed = self.keys.model_keys.seal(&binding, document.as_ref())?;
        let now = millis(self.now());
        self.database()?.at_once(|connection, _| {
            connection.execute_batch(
                "CREATE TABLE IF NOT EXISTS model_keys (name TEXT PRIMARY KEY, sealed BLOB NOT NULL,
                   created INTEGER NOT NULL) STRICT",
            )?;
            let sql =
                "INSERT INTO model_keys (name, sealed, created) VALUES (?1, ?2, ?3) ON CONFLICT DO NOTHING";
            match connection.execute(sql, params![name, sealed, now])? {
                0 => Err(VaultFailure::ModelKeyExists { name: name.to_owned() }),
                _ => Ok(()),
            }
        })?;
        open(name, document.as_ref())
    }

    /// Opens a key; none where there is none of that name.
    pub fn model_key(&self, name: &str) -> Result<Option<ModelKey>, VaultFailure> {
        let binding = binding(name)?;
        let database = self.database()?;
        let connection = database.reading()?;
        if !has_keys(connection)? {
            return Ok(None);
        }
        let sql = "SELECT sealed FROM model_keys WHERE name = ?1";
        let sealed: Option<Vec<u8>> = connection.query_row(sql, [name], |row| row.get(0)).optional()?;
        let Some(sealed) = sealed else { return Ok(None) };
        let document = self.keys.model_keys.open(&binding, &sealed);
        let document = document.map_err(VaultFailure::not_opened(NOT_OPENED))?;
        open(name, document.expose()).map(Some)
    }

    /// The names of all keys, in order.
    pub fn model_keys(&self) -> Result<Vec<String>, VaultFailure> {
        let database = self.database()?;
        let connection = database.reading()?;
        if !has_keys(connection)? {
            return Ok(Vec::new());
        }
        let mut statement = connection.prepare("SELECT name FROM model_keys ORDER BY name")?;
        let names = statement.query_map([], |row| row.get(0))?.collect::<Result<_, _>>()?;
        Ok(names)
    }
}

fn has_keys(connection: &Connection) -> Result<bool, VaultFailure> {
    let made = "SELECT count(*) FROM sqlite_schema WHERE type = 'table' AND name = 'model_keys'";
    Ok(connection.query_row(made, [], |row| row.get::<_, i64>(0))? > 0)
}

fn binding(name: &str) -> Result<Binding, VaultFailure> {
    let is_plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    if name.is_empty() || name.len() > MAX_NAME || !name.bytes().all(is_plain) {
        return Err(VaultFailure::ModelKeyName);
    }
    Ok(Binding::to("model key").and(name.as_bytes()))
}

fn open(name: &str, document: &[u8]) -> Result<ModelKey, VaultFailure> {
    let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, document, &SystemRandom::new());
    let pair = pair.map_err(|_| VaultFailure::NotOpened { what: NOT_OPENED })?;
    Ok(ModelKey { name: name.to_owned(), pair })
}
