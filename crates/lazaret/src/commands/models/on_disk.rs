//! The files of a model where they lie on the disk: received here, or sent to the server that has the ledger open.

use std::path::{Path, PathBuf};

use lazaret_core::Stored;

use super::files_of;
use crate::commands::ingest::progress;
use crate::exit::CliError;
use crate::orders::Named;
use crate::registry::{Brings, Registry};

/// The files of a model on the disk.
pub(crate) struct OnDisk(Vec<Named>);

impl OnDisk {
    /// A model, one file or all that is below a folder, and what lies elsewhere and passes with it.
    pub(crate) fn of(model: &Path, beside: &[PathBuf]) -> Result<Self, CliError> {
        let files = files_of(&[model.to_owned()])?;
        if files.is_empty() {
            return Err(CliError::Usage(format!("{}: no file in it", model.display())));
        }
        let paths = files.into_iter().map(|file| file.path).chain(beside.iter().cloned());
        let named = paths.map(|path| Ok(Named { name: name_in_model(model, &path)?, path }));
        named.collect::<Result<_, _>>().map(Self)
    }

    /// Each with its name.
    pub(crate) fn files(&self) -> &[Named] {
        &self.0
    }
}

impl Brings for OnDisk {
    fn receive(&mut self, registry: &Registry) -> Result<Vec<Stored>, CliError> {
        let bar = progress("receiving and hashing", self.0.len() as u64, false);
        let received = self.0.iter().map(|Named { path, name }| {
            let stored = registry.receive(path, name);
            bar.inc(1);
            stored
        });
        let received = received.collect::<Result<_, _>>();
        bar.finish_and_clear();
        received
    }
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
