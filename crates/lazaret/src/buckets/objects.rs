//! A bucket, what lies in it, and the bytes of one object.

use std::io::{self, Read};
use std::time::Duration;

use axum::body::Bytes;
use futures_util::stream::{BoxStream, StreamExt as _};
use lazaret_core::Limit;
use lazaret_traffic::net::url::{Scheme, Url};
use object_store::aws::{AmazonS3Builder, AmazonS3ConfigKey};
use object_store::azure::{AzureConfigKey, MicrosoftAzureBuilder};
use object_store::gcp::{GoogleCloudStorageBuilder, GoogleConfigKey};
use object_store::path::Path;
use object_store::{GetOptions, ObjectMeta, ObjectStore, ObjectStoreExt as _, RetryConfig};
use tokio::runtime::Runtime;

use super::http::Connections;
use super::refusal::Refusal;
use crate::config::Config;
use crate::exit::CliError;

/// Most objects of one bucket, below what is named of it.
pub(crate) const MAX_OBJECTS: Limit = Limit::new("buckets.max_objects", 100_000);
/// How often one request is tried again, and for how long: whoever watches looks again anyway.
const RETRIES: usize = 3;
const RETRY_TIME: Duration = Duration::from_secs(30);
/// Where a machine or a pod is told who it is, in the clear and at addresses of its own house.
const OF_THE_MACHINE: [&str; 4] =
    ["169.254.169.254", "169.254.170.2", "169.254.170.23", "metadata.google.internal"];

/// The providers, by how addresses begin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Provider {
    S3,
    Google,
    Azure,
}

/// Whether an address is that of a bucket: it begins as those do.
pub(crate) fn is_bucket(address: &str) -> bool {
    provider(address).is_some()
}

fn provider(address: &str) -> Option<Provider> {
    match address.split_once("://")?.0 {
        "s3" => Some(Provider::S3),
        "gs" => Some(Provider::Google),
        "az" | "abfs" | "abfss" => Some(Provider::Azure),
        _ => None,
    }
}

/// A bucket, or what lies in it below a prefix.
pub(crate) struct Bucket {
    address: String,
    prefix: Path,
    store: Box<dyn ObjectStore>,
    runtime: Runtime,
    most: Limit,
}

impl std::fmt::Debug for Bucket {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.address)
    }
}

/// An object of a bucket, as it was when it was listed.
#[derive(Debug, Clone)]
pub(crate) struct Object {
    name: String,
    meta: ObjectMeta,
}

/// What an object is known again by.
pub(crate) type Looks = (u64, i64, Option<String>, Option<String>);

impl Object {
    /// Its steps below the prefix, with `/` between.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// Its length, when it was written, and what its store calls these bytes.
    pub(crate) fn looks(&self) -> Looks {
        let ObjectMeta { last_modified, size, e_tag, version, .. } = &self.meta;
        (*size, last_modified.timestamp_millis(), e_tag.clone(), version.clone())
    }
}

impl Bucket {
    /// A bucket by its address. Nothing is asked yet.
    pub(crate) fn open(address: &str, config: &Config) -> Result<Self, CliError> {
        let wrong = |why: &str| CliError::Usage(format!("{address}: {why}"));
        let provider = provider(address).ok_or_else(|| wrong("no address of a bucket"))?;
        let (_, below) = address.split_once("://").unwrap_or_default();
        let (bucket, prefix) = below.split_once('/').unwrap_or((below, ""));
        if bucket.is_empty() || below.contains(['?', '#']) {
            return Err(wrong("no address of a bucket: `s3://BUCKET/PREFIX`, `gs://…`, `az://CONTAINER/…`"));
        }
        let prefix = Path::parse(prefix).map_err(|error| CliError::failed(address, error))?;
        let failed = |error| CliError::failed(address, Refusal::of(&error));
        let retries =
            RetryConfig { max_retries: RETRIES, retry_timeout: RETRY_TIME, ..RetryConfig::default() };
        // Whatever stands before the first `/`: an account of Azure may stand with its container.
        let whole =
            address.split_once("://").map_or_else(String::new, |(scheme, _)| format!("{scheme}://{bucket}"));
        let store: Box<dyn ObjectStore> = match provider {
            Provider::S3 => {
                let builder = AmazonS3Builder::from_env().with_url(whole).with_retry(retries);
                let own = [AmazonS3ConfigKey::S3Endpoint, AmazonS3ConfigKey::Endpoint]
                    .iter()
                    .find_map(|key| builder.get_config_value(key));
                let connections = connections(config, own.as_deref())?;
                Box::new(builder.with_http_connector(connections).build().map_err(failed)?)
            }
            Provider::Google => {
                let builder = GoogleCloudStorageBuilder::from_env().with_url(whole).with_retry(retries);
                let own = builder.get_config_value(&GoogleConfigKey::BaseUrl);
                let connections = connections(config, own.as_deref())?;
                Box::new(builder.with_http_connector(connections).build().map_err(failed)?)
            }
            Provider::Azure => {
                let builder = MicrosoftAzureBuilder::from_env().with_url(whole).with_retry(retries);
                let own = builder.get_config_value(&AzureConfigKey::Endpoint);
                let connections = connections(config, own.as_deref())?;
                Box::new(builder.with_http_connector(connections).build().map_err(failed)?)
            }
        };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|error| CliError::failed(address, error))?;
        let most = config.limits().get(MAX_OBJECTS);
        Ok(Self { address: address.trim_end_matches('/').to_owned(), prefix, store, runtime, most })
    }

    /// How it is named.
    pub(crate) fn address(&self) -> &str {
        &self.address
    }

    /// How errors name an object of it.
    pub(crate) fn shown(&self, object: &Object) -> String {
        format!("{}/{}", self.address, object.name)
    }

    /// What lies in it, or below one step of it, in the order of names.
    pub(crate) fn objects(&self, below: Option<&str>) -> Result<Vec<Object>, CliError> {
        let failed = |error| CliError::failed(self.address.clone(), Refusal::of(&error));
        let within = |count: usize| {
            let limit = self.most.check(count as u64);
            limit.map_err(|limit| CliError::failed(format!("{}: what lies in it", self.address), limit))
        };
        self.runtime.block_on(async {
            let mut objects = Vec::new();
            if let Some(step) = below {
                // An object of this very name is a model of one file, and no prefix of it.
                match self.store.head(&self.prefix.clone().join(step)).await {
                    Ok(meta) => objects.extend(self.object(meta)),
                    Err(object_store::Error::NotFound { .. }) => {}
                    Err(error) => return Err(failed(error)),
                }
            }
            let prefix = below.map_or_else(|| self.prefix.clone(), |step| self.prefix.clone().join(step));
            let mut listed = self.store.list(Some(&prefix));
            while let Some(meta) = listed.next().await {
                objects.extend(self.object(meta.map_err(failed)?));
                within(objects.len())?;
            }
            objects.sort_by(|one, other| one.name.cmp(&other.name));
            // What stands for a folder, as consoles make it, is none of its files.
            let is_folder = |one: &Object, next: Option<&Object>| {
                one.meta.size == 0
                    && next.is_some_and(|next| {
                        next.name.strip_prefix(&one.name).is_some_and(|rest| rest.starts_with('/'))
                    })
            };
            let kept: Vec<bool> = objects
                .iter()
                .enumerate()
                .map(|(number, one)| !is_folder(one, objects.get(number.saturating_add(1))))
                .collect();
            let mut kept = kept.into_iter();
            objects.retain(|_| kept.next().unwrap_or(true));
            Ok(objects)
        })
    }

    fn object(&self, meta: ObjectMeta) -> Option<Object> {
        let below: Vec<String> =
            meta.location.prefix_match(&self.prefix)?.map(|step| step.as_ref().to_owned()).collect();
        (!below.is_empty()).then(|| Object { name: below.join("/"), meta })
    }

    /// Reads an object. Its bytes are those that were listed, or it ends with an error.
    pub(crate) fn read<'b>(&'b self, object: &Object) -> Result<Box<dyn Read + 'b>, CliError> {
        let ObjectMeta { location, e_tag, version, size, .. } = object.meta.clone();
        let failed = |error| CliError::failed(self.shown(object), Refusal::of(&error));
        let asked = GetOptions { if_match: e_tag, version, ..GetOptions::default() };
        let got = self.runtime.block_on(self.store.get_opts(&location, asked)).map_err(failed)?;
        Ok(Box::new(Reading {
            runtime: &self.runtime,
            pieces: got.into_stream(),
            piece: Bytes::new(),
            left: size,
        }))
    }
}

/// An object that is being read.
struct Reading<'b> {
    runtime: &'b Runtime,
    pieces: BoxStream<'static, object_store::Result<Bytes>>,
    piece: Bytes,
    /// How much is to come.
    left: u64,
}

impl Read for Reading<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        while self.piece.is_empty() {
            match self.runtime.block_on(self.pieces.next()) {
                Some(piece) => self.piece = piece.map_err(|error| io::Error::other(Refusal::of(&error)))?,
                None if self.left == 0 => return Ok(0),
                None => return Err(io::Error::other("it ended before its length")),
            }
            let came = self.piece.len() as u64;
            self.left = self
                .left
                .checked_sub(came)
                .ok_or_else(|| io::Error::other("it is longer than was listed"))?;
        }
        let len = into.len().min(self.piece.len());
        let piece = self.piece.split_to(len);
        into.get_mut(..len).unwrap_or_default().copy_from_slice(&piece);
        Ok(len)
    }
}

/// The connections of a store: by an address of the hospital's own, if it named one, which may then lie in its house.
fn connections(config: &Config, own: Option<&str>) -> Result<Connections, CliError> {
    let own = own.map(|own| {
        Url::parse(own).map_err(|error| CliError::Usage(format!("the store's own address `{own}`: {error}")))
    });
    let own = own.transpose()?;
    let of_the_machine = || OF_THE_MACHINE.map(str::to_owned).into_iter();
    let of_the_house = own.iter().map(|own| own.host().to_owned()).chain(of_the_machine());
    let client = crate::updates::client(config, of_the_house)?;
    let in_the_clear = own.iter().filter(|own| own.scheme() == Scheme::Http).map(|own| own.host().to_owned());
    Ok(Connections::new(client, in_the_clear.chain(of_the_machine())))
}
