//! The files of a model where they lie, on the disk or in a bucket: received here, or sent to the server that has the ledger open.

use std::path::{Path, PathBuf};

use lazaret_core::Stored;
use lazaret_models::path_below;

use super::files_of;
use crate::buckets::{Bucket, Object};
use crate::commands::ingest::progress;
use crate::exit::CliError;
use crate::orders::{Lies, Named};
use crate::registry::{Brings, Registry};

/// The files of a model, where they lie.
pub(crate) struct Lying<'p>(Vec<Named<'p>>);

impl<'p> Lying<'p> {
    /// A model, one file or all that is below a folder, and what lies elsewhere and passes with it.
    pub(crate) fn of(model: &Path, beside: &[PathBuf]) -> Result<Self, CliError> {
        let files: Vec<PathBuf> = files_of(&[model.to_owned()])?.into_iter().map(|file| file.path).collect();
        if let Some(link) = files.iter().find(|path| path.is_dir()) {
            return Err(CliError::Usage(format!(
                "{}: a link to a folder outside the model, which is not followed; put the folder itself there",
                link.display()
            )));
        }
        Self::named(model, files, beside, None)
    }

    /// A model in a folder that is watched.
    pub(crate) fn within(inbox: &Path, model: &Path) -> Result<Self, CliError> {
        Self::named(model, files_within(model)?, &[], Some(inbox))
    }

    fn named(
        model: &Path,
        files: Vec<PathBuf>,
        beside: &[PathBuf],
        inbox: Option<&Path>,
    ) -> Result<Self, CliError> {
        if files.is_empty() {
            return Err(CliError::Usage(format!("{}: no file in it", model.display())));
        }
        let inbox = inbox.map(Path::to_owned);
        let paths = files.into_iter().chain(beside.iter().cloned());
        let named = paths.map(|path| {
            let name = name_in_model(model, &path)?;
            Ok(Named { name, lies: Lies::OnDisk { path, inbox: inbox.clone() } })
        });
        named.collect::<Result<_, _>>().map(Self)
    }

    /// A model in a bucket: an object, or all that is below a step.
    pub(crate) fn in_bucket(bucket: &'p Bucket, model: &Path) -> Result<Self, CliError> {
        let step = model.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        let objects = bucket.objects(Some(step))?;
        if objects.is_empty() {
            return Err(CliError::failed(model.display().to_string(), "there is no object in it any more"));
        }
        let named = |object: Object| {
            let below = path_below(object.name(), step).filter(|below| *below != object.name());
            Named { name: below.unwrap_or(step).to_owned(), lies: Lies::InBucket(bucket, object) }
        };
        Ok(Self(objects.into_iter().map(named).collect()))
    }

    /// Each with its name.
    pub(crate) fn files(&self) -> &[Named<'p>] {
        &self.0
    }
}

impl Brings for Lying<'_> {
    fn receive(&mut self, registry: &Registry) -> Result<Vec<Stored>, CliError> {
        let bar = progress("receiving and hashing", self.0.len() as u64, false);
        let received = self.0.iter().map(|named| {
            let stored = registry.receive_from(&mut named.open()?, &named.name, &named.shown());
            bar.inc(1);
            stored
        });
        let received = received.collect::<Result<_, _>>();
        bar.finish_and_clear();
        received
    }
}

/// The files of a model in a folder that is watched, in order. One with a link in it is refused whole: where it leads is not
/// for whoever put it there to choose.
pub(crate) fn files_within(model: &Path) -> Result<Vec<PathBuf>, CliError> {
    let shown = || model.display().to_string();
    let unreadable = |error: std::io::Error| CliError::failed(shown(), error);
    let about = std::fs::symlink_metadata(model).map_err(unreadable)?;
    if about.is_symlink() {
        return Err(CliError::Usage(format!(
            "{}: a link, and in a folder that is watched none is followed; put the file itself there",
            shown()
        )));
    }
    if !about.is_dir() {
        return Ok(vec![model.to_owned()]);
    }
    let inside = std::fs::read_dir(model).map_err(unreadable)?.map(|entry| entry.map(|entry| entry.path()));
    let mut inside: Vec<PathBuf> = inside.collect::<Result<_, _>>().map_err(unreadable)?;
    inside.sort();
    let files = inside.iter().map(|path| files_within(path));
    files.collect::<Result<Vec<_>, _>>().map(|files| files.concat())
}

/// A file's name in its model: the path below the folder, with `/` between.
fn name_in_model(model: &Path, file: &Path) -> Result<String, CliError> {
    let below = file.strip_prefix(model).ok().filter(|rest| !rest.as_os_str().is_empty());
    let below = below.unwrap_or_else(|| file.file_name().map_or(file, Path::new));
    let steps: Option<Vec<&str>> = below.components().map(|step| step.as_os_str().to_str()).collect();
    steps.map(|steps| steps.join("/")).ok_or_else(|| {
        CliError::Usage(format!("{}: its name is not UTF-8, so it could not be recorded", file.display()))
    })
}
