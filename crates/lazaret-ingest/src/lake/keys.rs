//! The keys of one file: made at random for it, wrapped by the dataset's keys, and kept in its metadata.
//!
//! Each file has a footer key and one key for each column, so no two columns share a key. They are wrapped with
//! AES-256-GCM under the dataset's keys ([`DataKeys`]): one for footers and one for each [`Class`] of columns. The wrapped
//! keys stand in the file as key material of Parquet's key management tools (`PKMT1`, single wrapping, internal
//! storage), so any reader that knows those (parquet-java, Arrow C++, PyArrow's `CryptoFactory`) opens a file
//! with a key service that unwraps `nonce (12) || ciphertext || tag (16)`, with the master key's id as
//! additional data. The lake never holds a dataset's key for longer than it takes to wrap.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use lazaret_core::{DataKey, DataKeys};
use parquet::encryption::decrypt::{FileDecryptionProperties, KeyRetriever};
use parquet::encryption::encrypt::FileEncryptionProperties;
use parquet::errors::ParquetError;
use ring::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use ring::rand::{SecureRandom, SystemRandom};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::LakeError;
use super::columns::Class;

const KEY_LEN: usize = 32;

/// The keys of a new file, with every column under its own.
pub(crate) fn for_writing(
    keys: &dyn DataKeys,
    dataset: &str,
    aad_prefix: &str,
    columns: &[(&str, Class)],
) -> Result<Arc<FileEncryptionProperties>, LakeError> {
    let (footer, footer_material) = fresh(&keys.current(dataset, None)?, true)?;
    let mut builder = FileEncryptionProperties::builder(footer.to_vec())
        .with_footer_key_metadata(footer_material)
        .with_aad_prefix(aad_prefix.as_bytes().to_vec())
        .with_aad_prefix_storage(true);
    for class in Class::ALL {
        if columns.iter().all(|(_, of)| *of != class) {
            continue;
        }
        let master = keys.current(dataset, Some(class.name()))?;
        for (column, _) in columns.iter().filter(|(_, of)| *of == class) {
            let (key, material) = fresh(&master, false)?;
            builder = builder.with_column_key_and_metadata(column, key.to_vec(), material);
        }
    }
    builder.build().map_err(LakeError::parquet("encrypt"))
}

/// What opens a file: each key is unwrapped when the file asks for it. The prefix holds it to its place.
pub(crate) fn for_reading(
    keys: Arc<dyn DataKeys>,
    aad_prefix: &str,
) -> Result<(Arc<Unwrap>, Arc<FileDecryptionProperties>), LakeError> {
    let unwrap = Arc::new(Unwrap { keys, known: Mutex::default(), failed: Mutex::default() });
    let retriever: Arc<dyn KeyRetriever> = Arc::<Unwrap>::clone(&unwrap);
    let properties = FileDecryptionProperties::with_key_retriever(retriever)
        .with_aad_prefix(aad_prefix.as_bytes().to_vec())
        .build()
        .map_err(LakeError::parquet("decrypt"))?;
    Ok((unwrap, properties))
}

/// A wrapped key as it stands in a file.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Material {
    key_material_type: String,
    internal_storage: bool,
    is_footer_key: bool,
    #[serde(rename = "kmsInstanceID", skip_serializing_if = "Option::is_none", default)]
    instance: Option<String>,
    #[serde(rename = "kmsInstanceURL", skip_serializing_if = "Option::is_none", default)]
    instance_url: Option<String>,
    #[serde(rename = "masterKeyID")]
    master: String,
    double_wrapping: bool,
    #[serde(rename = "wrappedDEK")]
    wrapped: String,
}

const MATERIAL_TYPE: &str = "PKMT1";
const INSTANCE: &str = "lazaret";

fn fresh(master: &DataKey, footer: bool) -> Result<(Zeroizing<[u8; KEY_LEN]>, Vec<u8>), LakeError> {
    let random = SystemRandom::new();
    let mut key = Zeroizing::new([0_u8; KEY_LEN]);
    let mut nonce = [0_u8; NONCE_LEN];
    random.fill(key.as_mut_slice()).map_err(|_| LakeError::Random)?;
    random.fill(&mut nonce).map_err(|_| LakeError::Random)?;
    let mut sealed = key.to_vec();
    cipher(master)
        .and_then(|cipher| {
            let nonce = Nonce::assume_unique_for_key(nonce);
            cipher.seal_in_place_append_tag(nonce, Aad::from(master.id.as_bytes()), &mut sealed)
        })
        .map_err(|_| LakeError::Wrap { key: master.id.clone() })?;
    let mut wrapped = nonce.to_vec();
    wrapped.append(&mut sealed);
    let material = Material {
        key_material_type: MATERIAL_TYPE.to_owned(),
        internal_storage: true,
        is_footer_key: footer,
        instance: footer.then(|| INSTANCE.to_owned()),
        instance_url: footer.then(|| INSTANCE.to_owned()),
        master: master.id.clone(),
        double_wrapping: false,
        wrapped: BASE64.encode(wrapped),
    };
    let material = serde_json::to_vec(&material).map_err(LakeError::Manifest)?;
    Ok((key, material))
}

fn cipher(master: &DataKey) -> Result<LessSafeKey, ring::error::Unspecified> {
    UnboundKey::new(&AES_256_GCM, master.key.expose()).map(LessSafeKey::new)
}

/// Unwraps the keys of one file as they are asked for.
pub(crate) struct Unwrap {
    keys: Arc<dyn DataKeys>,
    known: Mutex<HashMap<Vec<u8>, Zeroizing<Vec<u8>>>>,
    failed: Mutex<Option<LakeError>>,
}

impl KeyRetriever for Unwrap {
    fn retrieve_key(&self, material: &[u8]) -> Result<Vec<u8>, ParquetError> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(key) = known.get(material) {
            return Ok(key.to_vec());
        }
        let key = self.unwrap(material).map_err(|error| {
            *self.failed.lock().unwrap_or_else(PoisonError::into_inner) = Some(error);
            ParquetError::General(String::from("no key"))
        })?;
        known.insert(material.to_vec(), Zeroizing::new(key.to_vec()));
        Ok(key.to_vec())
    }
}

impl Unwrap {
    /// Why a key could not be unwrapped, if that was so: the Parquet reader's own words for it say less.
    pub(crate) fn failure(&self) -> Option<LakeError> {
        self.failed.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    fn unwrap(&self, material: &[u8]) -> Result<Zeroizing<Vec<u8>>, LakeError> {
        let material: Material = std::str::from_utf8(material)
            .ok()
            .and_then(|text| serde_json::from_str(text).ok())
            .ok_or(LakeError::Material)?;
        let instance = material.is_footer_key.then_some(INSTANCE);
        let ours = material.key_material_type == MATERIAL_TYPE
            && material.internal_storage
            && !material.double_wrapping
            && material.instance.as_deref() == instance
            && material.instance_url.as_deref() == instance;
        if !ours {
            return Err(LakeError::Material);
        }
        let master = self.keys.by_id(&material.master)?;
        let mut wrapped = Zeroizing::new(BASE64.decode(&material.wrapped).map_err(|_| LakeError::Material)?);
        let (nonce, sealed) = wrapped.split_at_mut_checked(NONCE_LEN).ok_or(LakeError::Material)?;
        let wrong_key = |_| LakeError::WrongKey { key: material.master.clone() };
        let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(wrong_key)?;
        let key = cipher(&master)
            .and_then(|cipher| {
                cipher
                    .open_in_place(nonce, Aad::from(material.master.as_bytes()), sealed)
                    .map(|key| key.to_vec())
            })
            .map_err(wrong_key)?;
        Ok(Zeroizing::new(key))
    }
}
