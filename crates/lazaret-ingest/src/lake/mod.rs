//! The lake: a folder of encrypted Parquet files, one folder a kind of record.
//!
//! ```text
//! <lake>/Patient/<crossing>-0.parquet      visible: its crossing is sealed
//! <lake>/.lake.json                        which lake this is, and what it is called
//! <lake>/.staging/<crossing>/0.parquet     being written, encrypted all the same
//! <lake>/.staging/<crossing>/manifest.json durable before the seal: what will become visible, under which name
//! ```
//!
//! Files become visible by renaming, after the seal. [`Lake::recover`] finishes the renaming of a crossing that
//! is sealed as complete and takes away what belongs to any other, so that a crash leaves nothing half done.
//! Nothing is ever written in the clear, staged or not.
//!
//! | file | what is in it |
//! |---|---|
//! | `identity` | which lake a folder holds |
//! | `columns` | the typed columns of each kind |
//! | `skim` | takes their values out of a resource |
//! | `table` | the rows that wait to be written |
//! | `keys` | the keys of a file, wrapped as PyArrow and parquet-java know it |
//! | `file` | one file being written |
//! | `destination` | stage, finish, commit, undo |
//! | `manifest` | what `commit` and `recover` do, and redo |
//! | `read` | reading back |

mod columns;
mod destination;
mod file;
mod identity;
mod keys;
mod manifest;
mod read;
mod skim;
mod table;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow_schema::ArrowError;
use lazaret_core::{CrossingId, DataKeys, Limit, Limits, VaultError};
use parquet::errors::ParquetError;

pub use columns::Class;
pub use destination::LakeDestination;
pub use identity::{LakeIdentity, MAX_IDENTITY};
pub use manifest::{MAX_MANIFEST, RecoverError, Recovered};
pub use read::{LakeRow, Rows};

use crate::formats::csv::Schema as CsvSchema;

/// The most bytes of records that wait in memory, over all kinds, before they are written as row groups.
pub const MAX_BUFFERED: Limit = Limit::new("lake.max_buffered", 8 << 20);
/// The size from which on a new file is begun.
pub const MAX_FILE: Limit = Limit::new("lake.max_file", 256 << 20);
/// The most kinds of record one crossing may write: each has a file open.
pub const MAX_KINDS: Limit = Limit::new("lake.max_kinds", 256);

/// Why the lake could not be written or read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LakeError {
    /// The file system said no.
    #[error("the lake could not {what}")]
    Io {
        /// What was asked.
        what: &'static str,
        /// Why.
        #[source]
        cause: io::Error,
    },
    /// Parquet said no.
    #[error("the lake could not {what} a Parquet file")]
    Parquet {
        /// What was asked.
        what: &'static str,
        /// Why.
        #[source]
        cause: ParquetError,
    },
    /// Arrow said no.
    #[error("the lake could not {what}")]
    Arrow {
        /// What was asked.
        what: &'static str,
        /// Why.
        #[source]
        cause: ArrowError,
    },
    /// The keys could not be had.
    #[error("the lake could not get a key")]
    Keys(#[from] VaultError),
    /// A key could not wrap.
    #[error("the key `{key}` could not wrap the key of a file")]
    Wrap {
        /// Its id.
        key: String,
    },
    /// A key does not open a file.
    #[error("the key `{key}` does not open this file: it is another key, or the file was changed")]
    WrongKey {
        /// Its id.
        key: String,
    },
    /// A file's key material is not as the lake writes it.
    #[error("a file's key material is not of a kind the lake writes")]
    Material,
    /// The system gave no random bytes.
    #[error("the system gave no random bytes")]
    Random,
    /// A manifest cannot be read or written.
    #[error("a manifest of the lake is damaged")]
    Manifest(#[source] serde_json::Error),
    /// A manifest cannot be read.
    #[error("a manifest of the lake cannot be read")]
    Unreadable(#[source] lazaret_input::ReadError),
    /// The file that says which lake a folder holds cannot be read.
    #[error("`.lake.json`, which says which lake this is, is damaged")]
    Identity,
    /// A manifest names what the lake does not write.
    #[error("a manifest of the lake names a file outside its place")]
    ForeignName,
    /// A file that a sealed crossing promised is gone.
    #[error("file `{name}` of a sealed crossing is missing from the lake")]
    Missing {
        /// Its name in the lake.
        name: String,
    },
    /// The name of a lake, kind or dataset is none.
    #[error("not a name of the lake: only letters, digits and `-`, at most 64")]
    Name,
    /// A file came where the lake takes records.
    #[error("not a record but a file: the lake takes records")]
    NoRecord,
    /// A record to be stored is no JSON.
    #[error("a record to be stored is no JSON at byte {at}")]
    NoJson {
        /// Where.
        at: usize,
    },
    /// A record to be stored is no UTF-8.
    #[error("a record to be stored in a table of text is no UTF-8")]
    NoText,
    /// A record is too large for a table.
    #[error("a record is too large for a table")]
    TooLarge,
    /// A limit was reached.
    #[error(transparent)]
    Limit(#[from] lazaret_core::LimitExceeded),
    /// Asked in the wrong order.
    #[error("the lake was asked to {0}, which cannot be at this point")]
    Order(&'static str),
    /// The seal is not that of this crossing, or it was cut.
    #[error("the crossing is not sealed as complete: nothing of it becomes visible")]
    NotSealed,
    /// A file is no file of the lake, is cut short or was altered; nothing of it was given.
    #[error(
        "file `{name}` is damaged, altered or not encrypted as the lake does it; nothing of it was given"
    )]
    Damaged {
        /// Its name in the lake.
        name: String,
    },
}

impl From<skim::NoJson> for LakeError {
    fn from(error: skim::NoJson) -> Self {
        Self::NoJson { at: error.at }
    }
}

impl LakeError {
    fn io(what: &'static str) -> impl Fn(io::Error) -> Self {
        move |cause| Self::Io { what, cause }
    }

    fn parquet(what: &'static str) -> impl Fn(ParquetError) -> Self {
        move |cause| Self::Parquet { what, cause }
    }

    fn arrow(what: &'static str) -> impl Fn(ArrowError) -> Self {
        move |cause| Self::Arrow { what, cause }
    }
}

/// A lake.
#[derive(Clone)]
pub struct Lake {
    dir: PathBuf,
    name: String,
    keys: Arc<dyn DataKeys>,
    csv: BTreeMap<String, Arc<CsvSchema>>,
    max_buffered: usize,
    max_file: usize,
    max_kinds: Limit,
}

impl std::fmt::Debug for Lake {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Lake").field("name", &self.name).finish_non_exhaustive()
    }
}

impl Lake {
    /// Opens the lake in a folder, made if it is not there. It is called `lake` unless [`Lake::named`] says
    /// otherwise. Run [`Lake::recover`] before the first passage.
    pub fn open(dir: &Path, keys: Arc<dyn DataKeys>, limits: &Limits) -> Result<Self, LakeError> {
        for folder in [dir, &dir.join(STAGING)] {
            lazaret_input::create_folder_durably(folder).map_err(LakeError::io("make its folders"))?;
        }
        let bytes = |limit: Limit| usize::try_from(limits.get(limit).most()).unwrap_or(usize::MAX);
        Ok(Self {
            dir: dir.to_owned(),
            name: String::from("lake"),
            keys,
            csv: BTreeMap::new(),
            max_buffered: bytes(MAX_BUFFERED),
            max_file: bytes(MAX_FILE),
            max_kinds: limits.get(MAX_KINDS),
        })
    }

    /// Gives the lake a name; its datasets and keys bear it.
    pub fn named(mut self, name: &str) -> Result<Self, LakeError> {
        checked_name(name)?.clone_into(&mut self.name);
        Ok(self)
    }

    /// Makes a CSV table known, so that its rows get typed columns.
    #[must_use]
    pub fn with_table(mut self, schema: Arc<CsvSchema>) -> Self {
        self.csv.insert(schema.kind().to_owned(), schema);
        self
    }

    /// What it is called: its datasets, keys and receipts bear the name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Where one crossing's cleared pieces go.
    pub fn passage(&self, crossing: CrossingId) -> LakeDestination {
        LakeDestination::new(self.clone(), crossing)
    }

    /// The datasets that have visible files: `lake/Patient`.
    pub fn datasets(&self) -> Result<Vec<String>, LakeError> {
        let mut found = Vec::new();
        for entry in std::fs::read_dir(&self.dir).map_err(LakeError::io("list its folders"))? {
            let entry = entry.map_err(LakeError::io("list its folders"))?;
            if let Some(kind) = entry.file_name().to_str().filter(|kind| checked_name(kind).is_ok()) {
                found.push(self.dataset(kind));
            }
        }
        found.sort();
        Ok(found)
    }

    fn dataset(&self, kind: &str) -> String {
        format!("{}/{kind}", self.name)
    }

    fn staging(&self, crossing: CrossingId) -> PathBuf {
        self.dir.join(STAGING).join(crossing.to_string())
    }
}

const STAGING: &str = ".staging";

/// A name that is safe as the name of a folder.
fn checked_name(name: &str) -> Result<&str, LakeError> {
    let safe = !name.is_empty()
        && name.len() <= 64
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
        && !name.starts_with('-');
    if safe { Ok(name) } else { Err(LakeError::Name) }
}
