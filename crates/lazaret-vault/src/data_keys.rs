//! Data keys: one for each dataset and column and for each use within the vault, wrapped by the key service.
//! Rotation gives the vault a new key-encryption key: every data key is wrapped again, no data is rewritten.

use std::sync::{Arc, PoisonError};

use lazaret_core::{DataKey, DataKeys, Timestamp, VaultError};
use rusqlite::{Connection, OptionalExtension as _, params};
use serde::Serialize;

use crate::envelope::{Secret, new_secret};
use crate::random::random_bytes;
use crate::store::millis;
use crate::tokens::crockford;
use crate::{Kms, KmsDescription, SqliteVault, VaultFailure, WrapContext};

/// The class of the vault's own keys.
pub(crate) const OF_VAULT: &str = "vault";
const OF_DATASETS: &str = "dataset";
/// So many data keys are kept unwrapped in memory.
const MOST_CACHED: usize = 1_024;

/// What a rotation did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Rotated {
    /// The key-encryption key before.
    pub from: KmsDescription,
    /// The key-encryption key now.
    pub to: KmsDescription,
    /// How many data keys were wrapped again.
    pub keys: u64,
}

/// One data key of a dataset, without the key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DatasetKey {
    /// Its id, by which [`DataKeys::by_id`] gives it.
    pub id: String,
    /// What it is the key of: a part of the dataset's columns; none for the dataset as a whole.
    pub column: Option<String>,
    /// The how many-th key of it this is, from 1. Older ones stay for what was written under them.
    pub version: u64,
    /// When it was made.
    pub created: Timestamp,
}

/// Makes a data key, wraps it and writes it down.
pub(crate) fn make_key(
    connection: &Connection,
    kms: &dyn Kms,
    class: &str,
    (dataset, part): (&str, &str),
    now: Timestamp,
) -> Result<DataKey, VaultFailure> {
    let secret = new_secret()?;
    let id = format!("dk-{}", crockford(&random_bytes()?));
    let wrapped = kms.wrap(&WrapContext { key: &id, class, dataset, column: part }, &secret)?;
    connection.execute(
        "INSERT INTO data_keys (id, class, dataset, part, version, wrapped, kms, created)
         SELECT ?1, ?2, ?3, ?4, 1 + coalesce(max(version), 0), ?5, (SELECT max(version) FROM kms), ?6
         FROM data_keys WHERE class = ?2 AND dataset = ?3 AND part = ?4",
        params![id, class, dataset, part, wrapped, millis(now)],
    )?;
    Ok(DataKey { id, key: secret })
}

/// The newest data key of a dataset or use, unwrapped.
pub(crate) fn newest_key(
    connection: &Connection,
    kms: &dyn Kms,
    class: &str,
    (dataset, part): (&str, &str),
) -> Result<Option<DataKey>, VaultFailure> {
    let row: Option<(String, Vec<u8>)> = connection
        .query_row(
            "SELECT id, wrapped FROM data_keys WHERE class = ?1 AND dataset = ?2 AND part = ?3
             ORDER BY version DESC LIMIT 1",
            params![class, dataset, part],
            |row| Ok((row.get(0)?, row.get(1)?)),
        )
        .optional()?;
    let Some((id, wrapped)) = row else { return Ok(None) };
    let key = kms.unwrap(&WrapContext { key: &id, class, dataset, column: part }, &wrapped)?;
    Ok(Some(DataKey { id, key }))
}

/// The key service and key the data keys are wrapped under now.
pub(crate) fn kept_kms(connection: &Connection) -> Result<(KmsDescription, i64, Timestamp), VaultFailure> {
    Ok(connection.query_row(
        "SELECT provider, key_id, parameters, version, since FROM kms ORDER BY version DESC LIMIT 1",
        [],
        |row| {
            let kms = KmsDescription { provider: row.get(0)?, key_id: row.get(1)?, parameters: row.get(2)? };
            Ok((kms, row.get(3)?, Timestamp::from_millis(row.get::<_, i64>(4)?.unsigned_abs())))
        },
    )?)
}

/// Writes down a key service as the one in force.
pub(crate) fn keep_kms(
    connection: &Connection,
    kms: &KmsDescription,
    now: Timestamp,
) -> Result<(), VaultFailure> {
    connection.execute(
        "INSERT INTO kms (provider, key_id, parameters, since) VALUES (?1, ?2, ?3, ?4)",
        params![kms.provider, kms.key_id, kms.parameters, millis(now)],
    )?;
    Ok(())
}

impl SqliteVault {
    /// Gives the vault a new key-encryption key: every data key is unwrapped by the old one and wrapped by the
    /// new one, in one transaction. After a crash either the old one is in force or the new one, for all keys.
    pub fn rotate(&self, new: Arc<dyn Kms>) -> Result<Rotated, VaultFailure> {
        let old = self.kms();
        let (from, to) = (old.describe(), new.describe());
        if from.key_id == to.key_id {
            return Err(VaultFailure::SameKey);
        }
        let now = self.now();
        let mut database = self.database()?;
        let keys = database.at_once(|connection, _| {
            check_in_force(connection, &from)?;
            keep_kms(connection, &to, now)?;
            rewrap_all(connection, old.as_ref(), new.as_ref())
        })?;
        self.set_kms(new);
        database.truncate_log()?;
        Ok(Rotated { from, to, keys })
    }

    /// Every rotation so far, oldest first.
    pub fn rotations(&self) -> Result<Vec<Rotated>, VaultFailure> {
        let database = self.database()?;
        // Data keys are never deleted: those made before a rotation were wrapped again by it.
        let mut select = database.reading()?.prepare(
            "SELECT provider, key_id, parameters, (SELECT count(*) FROM data_keys WHERE created <= since)
             FROM kms ORDER BY version",
        )?;
        let rows = select.query_map([], |row| {
            let kms = KmsDescription { provider: row.get(0)?, key_id: row.get(1)?, parameters: row.get(2)? };
            Ok((kms, row.get::<_, i64>(3)?.unsigned_abs()))
        })?;
        let kept = rows.collect::<Result<Vec<_>, _>>()?;
        let pairs = kept.iter().zip(kept.iter().skip(1));
        let rotated =
            pairs.map(|((from, _), (to, keys))| Rotated { from: from.clone(), to: to.clone(), keys: *keys });
        Ok(rotated.collect())
    }

    /// Makes a new data key for a dataset or a column of it; what is written from now on is written under it,
    /// and the older keys stay for reading.
    pub fn renew_data_key(&self, dataset: &str, column: Option<&str>) -> Result<DataKey, VaultFailure> {
        let (part, kms, now) = (part_of(dataset, column)?, self.kms(), self.now());
        let key = self.database()?.at_once(|connection, _| {
            check_in_force(connection, &kms.describe())?;
            make_key(connection, kms.as_ref(), OF_DATASETS, (dataset, part), now)
        })?;
        let mut cached = self.data_keys.lock().unwrap_or_else(PoisonError::into_inner);
        cached.insert((dataset.to_owned(), part.to_owned()), key.clone());
        Ok(key)
    }

    /// The datasets that have keys, sorted.
    pub fn datasets(&self) -> Result<Vec<String>, VaultFailure> {
        let database = self.database()?;
        let mut query = database
            .reading()?
            .prepare("SELECT DISTINCT dataset FROM data_keys WHERE class = ?1 ORDER BY dataset")?;
        let names = query.query_map([OF_DATASETS], |row| row.get(0))?;
        Ok(names.collect::<Result<_, _>>()?)
    }

    /// Every key of a dataset, all versions, without the keys themselves. None: there is no such dataset.
    pub fn dataset_keys(&self, dataset: &str) -> Result<Vec<DatasetKey>, VaultFailure> {
        let database = self.database()?;
        let mut known = database.reading()?.prepare(
            "SELECT id, part, version, created FROM data_keys WHERE class = ?1 AND dataset = ?2
             ORDER BY part, version",
        )?;
        let keys = known.query_map([OF_DATASETS, dataset], |row| {
            Ok(DatasetKey {
                id: row.get(0)?,
                column: Some(row.get(1)?).filter(|part: &String| !part.is_empty()),
                version: row.get::<_, i64>(2)?.unsigned_abs(),
                created: Timestamp::from_millis(row.get::<_, i64>(3)?.unsigned_abs()),
            })
        })?;
        Ok(keys.collect::<Result<_, _>>()?)
    }

    fn current_key(&self, dataset: &str, column: Option<&str>) -> Result<DataKey, VaultFailure> {
        let part = part_of(dataset, column)?;
        let place = (dataset.to_owned(), part.to_owned());
        let cached = self.data_keys.lock().unwrap_or_else(PoisonError::into_inner).get(&place).cloned();
        if let Some(key) = cached {
            return Ok(key);
        }
        let (kms, now) = (self.kms(), self.now());
        let key = self.database()?.at_once(|connection, _| {
            check_in_force(connection, &kms.describe())?;
            match newest_key(connection, kms.as_ref(), OF_DATASETS, (dataset, part))? {
                Some(key) => Ok(key),
                None => make_key(connection, kms.as_ref(), OF_DATASETS, (dataset, part), now),
            }
        })?;
        let mut cached = self.data_keys.lock().unwrap_or_else(PoisonError::into_inner);
        if cached.len() >= MOST_CACHED {
            cached.clear();
        }
        cached.insert(place, key.clone());
        Ok(key)
    }

    fn key_by_id(&self, id: &str) -> Result<DataKey, VaultFailure> {
        let cached = self.data_keys.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(key) = cached.values().find(|key| key.id == id) {
            return Ok(key.clone());
        }
        drop(cached);
        let kms = self.kms();
        let database = self.database()?;
        let connection = database.reading()?;
        check_in_force(connection, &kms.describe())?;
        let row: Option<(String, String, Vec<u8>)> = connection
            .query_row(
                "SELECT dataset, part, wrapped FROM data_keys WHERE id = ?1 AND class = ?2",
                params![id, OF_DATASETS],
                |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)),
            )
            .optional()?;
        let (dataset, part, wrapped) = row.ok_or_else(|| VaultFailure::UnknownKey(id.to_owned()))?;
        let context = WrapContext { key: id, class: OF_DATASETS, dataset: &dataset, column: &part };
        Ok(DataKey { id: id.to_owned(), key: kms.unwrap(&context, &wrapped)? })
    }
}

impl DataKeys for SqliteVault {
    fn current(&self, dataset: &str, column: Option<&str>) -> Result<DataKey, VaultError> {
        self.current_key(dataset, column).map_err(VaultFailure::of("give the key of a dataset"))
    }

    fn by_id(&self, id: &str) -> Result<DataKey, VaultError> {
        self.key_by_id(id).map_err(VaultFailure::of("give a key by its id"))
    }
}

fn part_of<'a>(dataset: &str, column: Option<&'a str>) -> Result<&'a str, VaultFailure> {
    match column {
        _ if dataset.is_empty() => Err(VaultFailure::NoName),
        Some("") => Err(VaultFailure::NoName),
        Some(column) => Ok(column),
        None => Ok(""),
    }
}

/// Fails if another process rotated the key-encryption key under this one.
fn check_in_force(connection: &Connection, mine: &KmsDescription) -> Result<(), VaultFailure> {
    if kept_kms(connection)?.0.key_id == mine.key_id { Ok(()) } else { Err(VaultFailure::Rotated) }
}

fn rewrap_all(connection: &Connection, old: &dyn Kms, new: &dyn Kms) -> Result<u64, VaultFailure> {
    let mut ids = connection.prepare("SELECT id FROM data_keys")?;
    let ids: Vec<String> = ids.query_map([], |row| row.get(0))?.collect::<Result<_, _>>()?;
    let mut read = connection.prepare("SELECT class, dataset, part, wrapped FROM data_keys WHERE id = ?1")?;
    let mut write = connection
        .prepare("UPDATE data_keys SET wrapped = ?2, kms = (SELECT max(version) FROM kms) WHERE id = ?1")?;
    let mut count = 0_u64;
    for id in ids {
        let (class, dataset, part, wrapped): (String, String, String, Vec<u8>) =
            read.query_row([&id], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?)))?;
        let context = WrapContext { key: &id, class: &class, dataset: &dataset, column: &part };
        let key: Secret = old.unwrap(&context, &wrapped)?;
        write.execute(params![id, new.wrap(&context, &key)?])?;
        count = count.saturating_add(1);
    }
    Ok(count)
}
