//! The files of held records: `quarantine/<crossing>.held`, sealed contents one after another. Where each lies
//! is in `vault.db`; bytes no row points to (of a write cut short) mean nothing.

use std::collections::HashMap;
use std::fs::File;
use std::io::{Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};

use lazaret_core::CrossingId;

use crate::VaultFailure;

/// So many files are open at once at most.
const MOST_OPEN: usize = 64;

/// The folder of held records and its files open for appending.
pub(crate) struct Segments {
    folder: PathBuf,
    open: HashMap<CrossingId, File>,
    new_names: bool,
}

impl Segments {
    /// The folder `quarantine` of a data directory; made when the first record is held.
    pub(crate) fn new(data_dir: &Path) -> Self {
        Self { folder: data_dir.join("quarantine"), open: HashMap::new(), new_names: false }
    }

    /// The folder.
    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Appends; says where it begins. Durable after [`Segments::sync`].
    pub(crate) fn append(&mut self, crossing: CrossingId, sealed: &[u8]) -> Result<u64, VaultFailure> {
        if self.open.len() >= MOST_OPEN && !self.open.contains_key(&crossing) {
            self.sync()?;
        }
        let file = match self.open.entry(crossing) {
            std::collections::hash_map::Entry::Occupied(open) => open.into_mut(),
            std::collections::hash_map::Entry::Vacant(place) => {
                let path = path_in(&self.folder, crossing);
                let file = match File::options().read(true).write(true).open(&path) {
                    Ok(file) => file,
                    Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                        self.new_names = true;
                        lazaret_input::create_private_folder(&self.folder)
                            .and_then(|()| lazaret_input::create_private_file(&path))
                            .map_err(VaultFailure::file("made"))?
                    }
                    Err(error) => return Err(VaultFailure::file("opened")(error)),
                };
                place.insert(file)
            }
        };
        let written = file.seek(SeekFrom::End(0)).and_then(|start| file.write_all(sealed).map(|()| start));
        written.map_err(VaultFailure::file("written"))
    }

    /// Makes everything appended durable, and its names.
    pub(crate) fn sync(&mut self) -> Result<(), VaultFailure> {
        for file in self.open.values() {
            file.sync_data().map_err(VaultFailure::file("made durable"))?;
        }
        self.open.clear();
        if self.new_names {
            lazaret_input::sync_folder(&self.folder).map_err(VaultFailure::file("made durable"))?;
            if let Some(data_dir) = self.folder.parent() {
                lazaret_input::sync_folder(data_dir).map_err(VaultFailure::file("made durable"))?;
            }
            self.new_names = false;
        }
        Ok(())
    }

    /// Reads one sealed content.
    pub(crate) fn read(
        &self,
        crossing: CrossingId,
        start: u64,
        length: u64,
    ) -> Result<Vec<u8>, VaultFailure> {
        let mut file = self.reach(crossing, start, length, File::options().read(true))?;
        // Allocated only after the file was seen to be that long.
        let mut sealed = vec![0; usize::try_from(length).map_err(|_| VaultFailure::TooLarge)?];
        file.read_exact(&mut sealed).map_err(VaultFailure::file("read"))?;
        Ok(sealed)
    }

    /// Writes noughts over one sealed content, durably.
    pub(crate) fn erase(&self, crossing: CrossingId, start: u64, length: u64) -> Result<(), VaultFailure> {
        let mut file = self.reach(crossing, start, length, File::options().write(true).read(true))?;
        let erased = std::io::copy(&mut std::io::repeat(0).take(length), &mut file).map(|_| ());
        erased.and_then(|()| file.sync_data()).map_err(VaultFailure::file("erased"))
    }

    fn reach(
        &self,
        crossing: CrossingId,
        start: u64,
        length: u64,
        options: &std::fs::OpenOptions,
    ) -> Result<File, VaultFailure> {
        let path = path_in(&self.folder, crossing);
        let mut file = options.open(path).map_err(VaultFailure::file("opened"))?;
        let there = file.metadata().map_err(VaultFailure::file("read"))?.len();
        if start.checked_add(length).is_none_or(|end| end > there) {
            return Err(VaultFailure::NotOpened { what: "a held record" });
        }
        file.seek(SeekFrom::Start(start)).map_err(VaultFailure::file("read"))?;
        Ok(file)
    }
}

fn path_in(folder: &Path, crossing: CrossingId) -> PathBuf {
    folder.join(format!("{crossing}.held"))
}
