//! Where models are put that pass by themselves: a folder, or a bucket. Each file and each folder in it is a model; in a bucket
//! each object, and all objects below one step of their names.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use lazaret_input::change_of;

use crate::buckets::{Bucket, Looks, is_bucket};
use crate::commands::models::lying::{Lying, files_within};
use crate::config::Config;
use crate::exit::CliError;

/// What changes with a file whatever its size and time say: its inode, and when that was changed.
type Change = (u64, i64, i64);

/// What tells that somebody still writes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Shape {
    /// The files of a model, each with its length, when it was written last, and what a replacement that looks the same does
    /// not have; none of what is gone meanwhile.
    Files(Vec<(PathBuf, u64, Option<SystemTime>, Change)>),
    /// The objects of a model.
    Objects(Vec<(String, Looks)>),
    /// They cannot be listed, or one is a link: whoever passes it is told why.
    Unreadable,
}

/// Where models are put.
#[derive(Debug)]
pub(crate) enum Place {
    /// A folder of this machine.
    Folder(PathBuf),
    /// A bucket, or what lies in it below a prefix.
    Bucket(Box<Bucket>),
}

impl Place {
    /// By its path or its address.
    pub(crate) fn open(place: &Path, config: &Config) -> Result<Self, CliError> {
        match place.to_str().filter(|place| is_bucket(place)) {
            Some(address) => Ok(Self::Bucket(Box::new(Bucket::open(address, config)?))),
            None => Ok(Self::Folder(place.to_owned())),
        }
    }

    /// The models that lie in it. Hidden names are left alone: that is how programs write what is not ready.
    pub(super) fn look(&self) -> Result<Found, CliError> {
        match self {
            Self::Folder(folder) => models_in(folder).map(Found::InFolder),
            Self::Bucket(bucket) => {
                let mut models: BTreeMap<PathBuf, Vec<(String, Looks)>> = BTreeMap::new();
                for object in bucket.objects(None)? {
                    let step = object.name().split('/').next().unwrap_or_default();
                    if !step.starts_with('.') {
                        let objects = models.entry(Path::new(bucket.address()).join(step)).or_default();
                        objects.push((object.name().to_owned(), object.looks()));
                    }
                }
                Ok(Found::InBucket(models))
            }
        }
    }

    /// The files of a model in it.
    pub(crate) fn files(&self, model: &Path) -> Result<Lying<'_>, CliError> {
        match self {
            Self::Folder(folder) => Lying::within(folder, model),
            Self::Bucket(bucket) => Lying::in_bucket(bucket, model),
        }
    }
}

/// What lies somewhere.
pub(super) enum Found {
    InFolder(Vec<PathBuf>),
    InBucket(BTreeMap<PathBuf, Vec<(String, Looks)>>),
}

impl Found {
    /// The models, in order.
    pub(super) fn models(&self) -> Vec<PathBuf> {
        match self {
            Self::InFolder(models) => models.clone(),
            Self::InBucket(models) => models.keys().cloned().collect(),
        }
    }

    /// How a model looks: on the disk now, in a bucket as it was listed.
    pub(super) fn shape(&self, model: &Path) -> Shape {
        match self {
            Self::InFolder(_) => shape_of(model),
            Self::InBucket(models) => Shape::Objects(models.get(model).cloned().unwrap_or_default()),
        }
    }
}

fn models_in(folder: &Path) -> Result<Vec<PathBuf>, CliError> {
    let unreadable = |error: std::io::Error| CliError::failed(folder.display().to_string(), error);
    let mut models = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(unreadable)? {
        let entry = entry.map_err(unreadable)?;
        if !entry.file_name().to_string_lossy().starts_with('.') {
            models.push(entry.path());
        }
    }
    models.sort();
    Ok(models)
}

fn shape_of(model: &Path) -> Shape {
    let files = match files_within(model) {
        Ok(files) => files,
        Err(_) if std::fs::symlink_metadata(model).is_err() => Vec::new(),
        Err(_) => return Shape::Unreadable,
    };
    let about = files.into_iter().filter_map(|file| {
        let about = std::fs::symlink_metadata(&file).ok()?;
        Some((file, about.len(), about.modified().ok(), change_of(&about)))
    });
    Shape::Files(about.collect())
}
