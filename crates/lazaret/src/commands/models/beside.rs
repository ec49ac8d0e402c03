//! The files of a model in the registry, each beside the others, as they were when they crossed.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use lazaret_core::{CrossingId, Sha256, Source};
use lazaret_input::find_blob;
use lazaret_ledger::{CrossingWords, FileWords, LedgerReader, StoreError};
use lazaret_models::{Folder, folder_and_name, path_below};

/// Entries of a crossing that are read at once.
const PAGE: u32 = 1_000;

/// The files of one crossing that are in the registry, seen from the folder of one of them.
pub(super) struct Beside {
    store: PathBuf,
    /// By their paths from that folder.
    files: BTreeMap<String, Sha256>,
}

impl Beside {
    /// The files beside one of this name, and below its folder.
    pub(super) fn of(
        ledger: &LedgerReader,
        crossing: &CrossingWords,
        name: &str,
        store: &Path,
    ) -> Result<Self, StoreError> {
        let (folder, _) = folder_and_name(name);
        let store = store.to_owned();
        let mut files = BTreeMap::new();
        let mut add = |file: &FileWords| {
            if let (Some(path), Some(sha256)) = (path_below(&file.name, folder), Sha256::parse(&file.sha256))
            {
                files.insert(path.to_owned(), sha256);
            }
        };
        crossing.opened.model.iter().flat_map(|model| &model.beside).for_each(&mut add);
        let Some(id) = CrossingId::parse(&crossing.opened.crossing) else { return Ok(Self { store, files }) };
        let mut from = 0;
        loop {
            let entries = ledger.entries(id, from, PAGE)?;
            let Some(last) = entries.last() else { return Ok(Self { store, files }) };
            from = last.record.saturating_add(1);
            entries.iter().filter_map(|entry| entry.file.as_ref()).for_each(&mut add);
        }
    }
}

impl Folder for Beside {
    fn open(&self, path: &str) -> Option<(Arc<dyn Source>, u64)> {
        let file = find_blob(&self.store, *self.files.get(path)?).ok()??;
        let len = file.len();
        Some((Arc::new(file), len))
    }

    fn names_ending(&self, ending: &str) -> Vec<String> {
        let here = self.files.keys().filter(|path| !path.contains('/') && path.ends_with(ending));
        here.cloned().collect()
    }
}
