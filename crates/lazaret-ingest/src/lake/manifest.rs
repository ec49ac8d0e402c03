//! What a crossing will make visible, written before its seal, so that making it visible can be done again.

use std::fs::{self, File, TryLockError};
use std::path::{Path, PathBuf};

use lazaret_core::{CrossingId, LedgerError, Limit, Output};
use lazaret_input::{read_file, write_durably};
use serde::{Deserialize, Serialize};

use super::file::sync_dir;
use super::{Lake, LakeError, STAGING, checked_name};

/// The lock of a staging folder: held while its crossing is under way.
pub(crate) const LOCK: &str = "lock";
const MANIFEST: &str = "manifest.json";
/// The largest manifest that is read.
pub const MAX_MANIFEST: Limit = Limit::new("lake.max_manifest", 16 << 20);

/// The files of one crossing.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Manifest {
    pub(crate) files: Vec<ManifestFile>,
}

/// One file of a crossing.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct ManifestFile {
    /// Its name in the staging folder.
    pub(crate) staged: String,
    /// Its name in the lake: `Patient/<crossing>-0.parquet`.
    pub(crate) name: String,
    /// SHA-256 of its bytes, hex.
    pub(crate) sha256: String,
    /// Length in bytes.
    pub(crate) bytes: u64,
    /// How many rows.
    pub(crate) records: u64,
}

impl ManifestFile {
    pub(crate) fn output(&self, lake: &str) -> Output {
        let kind = self.name.split('/').next().unwrap_or_default();
        Output {
            dataset: format!("{lake}/{kind}"),
            name: self.name.clone(),
            sha256: self.sha256.clone(),
            bytes: self.bytes,
            records: self.records,
        }
    }

    /// Both places, if the names are such as the lake writes.
    fn places(&self, lake: &Path, staging: &Path) -> Result<(PathBuf, PathBuf, PathBuf), LakeError> {
        let (kind, file) = self.name.split_once('/').ok_or(LakeError::ForeignName)?;
        for name in [file, &self.staged] {
            let stem = name.strip_suffix(".parquet").ok_or(LakeError::ForeignName)?;
            if stem.is_empty() || !stem.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-') {
                return Err(LakeError::ForeignName);
            }
        }
        let folder = lake.join(checked_name(kind).map_err(|_| LakeError::ForeignName)?);
        let to = folder.join(file);
        Ok((staging.join(&self.staged), folder, to))
    }
}

impl Manifest {
    /// Writes it. Returns when it is durable.
    pub(crate) fn write(&self, staging: &Path) -> Result<(), LakeError> {
        let text = serde_json::to_vec(self).map_err(LakeError::Manifest)?;
        write_durably(&staging.join(MANIFEST), &text).map_err(LakeError::io("write a manifest"))
    }

    /// Reads the manifest of a staging folder.
    pub(crate) fn read(staging: &Path) -> Result<Self, LakeError> {
        let text = read_file(&staging.join(MANIFEST), MAX_MANIFEST).map_err(LakeError::Unreadable)?;
        let text = String::from_utf8(text).map_err(|_| LakeError::ForeignName)?;
        serde_json::from_str(&text).map_err(LakeError::Manifest)
    }

    /// Renames every file to its visible name; those renamed before are left. Returns when that is durable.
    pub(crate) fn make_visible(&self, lake: &Path, staging: &Path) -> Result<(), LakeError> {
        let mut folders: Vec<PathBuf> = Vec::new();
        for file in &self.files {
            let (from, folder, to) = file.places(lake, staging)?;
            if !folders.contains(&folder) {
                fs::create_dir_all(&folder).map_err(LakeError::io("make its folders"))?;
                folders.push(folder);
            }
            if from.exists() {
                fs::rename(&from, &to).map_err(LakeError::io("make a file visible"))?;
            }
            let length = fs::metadata(&to).map(|metadata| metadata.len()).ok();
            if length != Some(file.bytes) {
                return Err(LakeError::Missing { name: file.name.clone() });
            }
        }
        folders.iter().try_for_each(|folder| sync_dir(folder))?;
        sync_dir(lake)
    }
}

/// Takes a staging folder away, the manifest last: with it, the rest can be done again.
pub(crate) fn remove(staging: &Path) -> Result<(), LakeError> {
    let what = LakeError::io("take a staging folder away");
    for entry in fs::read_dir(staging).map_err(&what)? {
        let entry = entry.map_err(&what)?;
        if entry.file_name() != MANIFEST {
            fs::remove_file(entry.path()).map_err(&what)?;
        }
    }
    match fs::remove_file(staging.join(MANIFEST)) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(what(error)),
        _ => {}
    }
    fs::remove_dir(staging).map_err(&what)?;
    staging.parent().map_or(Ok(()), sync_dir)
}

/// What was left over and what became of it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Recovered {
    /// Crossings that were sealed: their files are visible now.
    pub finished: Vec<CrossingId>,
    /// Crossings that were not sealed as complete: their files are gone.
    pub undone: Vec<CrossingId>,
    /// Crossings that another process has under way: left alone.
    pub under_way: Vec<CrossingId>,
}

impl Lake {
    /// Finishes or undoes what a crash left. Asks of each crossing whether it is sealed as complete; where the
    /// ledger cannot say, nothing is touched and the error is given.
    pub fn recover(
        &self,
        is_sealed_complete: &dyn Fn(CrossingId) -> Result<bool, LedgerError>,
    ) -> Result<Recovered, RecoverError> {
        let mut recovered = Recovered::default();
        let what = LakeError::io("list what was left over");
        for entry in fs::read_dir(self.dir.join(STAGING)).map_err(&what)? {
            let staging = entry.map_err(&what)?.path();
            let name = staging.file_name().and_then(|name| name.to_str());
            let Some(crossing) = name.and_then(CrossingId::parse) else { continue };
            let lock = File::open(staging.join(LOCK)).ok();
            if let Some(lock) = &lock {
                match lock.try_lock() {
                    Ok(()) => {}
                    Err(TryLockError::WouldBlock) => {
                        recovered.under_way.push(crossing);
                        continue;
                    }
                    Err(TryLockError::Error(cause)) => {
                        return Err(LakeError::Io { what: "lock a staging folder", cause }.into());
                    }
                }
            }
            if is_sealed_complete(crossing)? {
                if staging.join(MANIFEST).exists() {
                    Manifest::read(&staging)?.make_visible(&self.dir, &staging)?;
                }
                recovered.finished.push(crossing);
            } else {
                recovered.undone.push(crossing);
            }
            drop(lock);
            remove(&staging)?;
        }
        recovered.finished.sort();
        recovered.undone.sort();
        recovered.under_way.sort();
        Ok(recovered)
    }
}

/// Why what a crash left could not be put right.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RecoverError {
    /// The lake failed.
    #[error(transparent)]
    Lake(#[from] LakeError),
    /// The ledger could not say how a crossing ended.
    #[error("whether a crossing is sealed is not known")]
    Ledger(#[from] LedgerError),
}
