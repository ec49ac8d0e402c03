//! A bucket, what lies in it, and the bytes of one object.

use std::io::{self, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
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

/// What is said of an address that is none. It is not shown: somebody may have put a key or a signature into it.
pub(crate) const NO_ADDRESS: &str = "no address of a bucket: `s3://BUCKET/PREFIX`, `gs://BUCKET/PREFIX`, `az://CONTAINER/PREFIX`, without \
     `?`, `#` or a password; who asks is told by the environment";

/// Whether an address names a bucket, and nothing by which somebody is let in.
pub(crate) fn is_plain(address: &str) -> bool {
    let below = address.split_once("://").map_or("", |(_, below)| below);
    let bucket = below.split('/').next().unwrap_or_default();
    !bucket.is_empty() && !bucket.contains(':') && !below.contains(['?', '#'])
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
    /// How long the object is that is read: no answer is longer, nor than a page.
    reading: Arc<AtomicU64>,
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
        let wrong = || CliError::Usage(NO_ADDRESS.to_owned());
        let provider = provider(address).filter(|_| is_plain(address)).ok_or_else(wrong)?;
        let (_, below) = address.split_once("://").ok_or_else(wrong)?;
        let (bucket, prefix) = below.split_once('/').unwrap_or((below, ""));
        let prefix = Path::parse(prefix).map_err(|error| CliError::failed(address, error))?;
        let failed = |error| CliError::failed(address, Refusal::of(&error));
        let reading = Arc::default();
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
                let connections = connections(config, own.as_deref(), &reading)?;
                Box::new(builder.with_http_connector(connections).build().map_err(failed)?)
            }
            Provider::Google => {
                let builder = GoogleCloudStorageBuilder::from_env().with_url(whole).with_retry(retries);
                let own = builder.get_config_value(&GoogleConfigKey::BaseUrl);
                let connections = connections(config, own.as_deref(), &reading)?;
                Box::new(builder.with_http_connector(connections).build().map_err(failed)?)
            }
            Provider::Azure => {
                let builder = MicrosoftAzureBuilder::from_env().with_url(whole).with_retry(retries);
                let own = builder.get_config_value(&AzureConfigKey::Endpoint);
                let connections = connections(config, own.as_deref(), &reading)?;
                Box::new(builder.with_http_connector(connections).build().map_err(failed)?)
            }
        };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|error| CliError::failed(address, error))?;
        let most = config.limits().get(MAX_OBJECTS);
        Ok(Self { address: address.trim_end_matches('/').to_owned(), prefix, store, reading, runtime, most })
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
        self.reading.store(0, Ordering::Relaxed);
        let prefix = match below {
            // As lists have it: `join` would write some of its letters otherwise.
            Some(step) => {
                let parsed = Path::parse(format!("{}/{step}", self.prefix));
                parsed.map_err(|error| failed(error.into()))?
            }
            None => self.prefix.clone(),
        };
        self.runtime.block_on(async {
            let mut objects = Vec::new();
            if below.is_some() {
                // An object of this very name is a model of one file, and no prefix of it.
                match self.store.head(&prefix).await {
                    Ok(meta) => objects.extend(self.object(meta)),
                    Err(object_store::Error::NotFound { .. }) => {}
                    Err(error) => return Err(failed(error)),
                }
            }
            let mut listed = self.store.list(Some(&prefix));
            while let Some(meta) = listed.next().await {
                objects.extend(self.object(meta.map_err(failed)?));
                within(objects.len())?;
            }
            objects.sort_by(|one, other| one.name.cmp(&other.name));
            Ok(without_folders(objects))
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
        self.reading.store(size, Ordering::Relaxed);
        // By its version only where nothing else names these bytes.
        let version = version.filter(|_| e_tag.is_none());
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

/// Objects in the order of names, without those that stand for a folder, as consoles make them: they are none of its files.
fn without_folders(mut objects: Vec<Object>) -> Vec<Object> {
    let names: Vec<String> = objects.iter().map(|object| object.name.clone()).collect();
    objects.retain(|object| {
        let below = format!("{}/", object.name);
        let next = names.partition_point(|name| *name < below);
        object.meta.size > 0 || !names.get(next).is_some_and(|name| name.starts_with(&below))
    });
    objects
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
fn connections(
    config: &Config,
    own: Option<&str>,
    reading: &Arc<AtomicU64>,
) -> Result<Connections, CliError> {
    // Not shown: somebody may have put a password into it.
    let wrong = "the store's own address (`AWS_ENDPOINT_URL`, `AZURE_STORAGE_ENDPOINT`, `GOOGLE_BASE_URL`)";
    let own = own.map(|own| Url::parse(own).map_err(|error| CliError::Usage(format!("{wrong}: {error}"))));
    let own = own.transpose()?;
    let of_the_machine = || OF_THE_MACHINE.map(str::to_owned).into_iter();
    let of_the_house = own.iter().map(|own| own.host().to_owned()).chain(of_the_machine());
    let client = crate::updates::client(config, of_the_house)?;
    let in_the_clear = own.iter().filter(|own| own.scheme() == Scheme::Http).map(|own| own.host().to_owned());
    Ok(Connections::new(client, in_the_clear.chain(of_the_machine()), Arc::clone(reading)))
}
