//! What came of the revisions of models, in all their crossings: read once, and later only what came since.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError};

use lazaret_core::{CrossingId, Limit, Sha256};
use lazaret_ledger::{LedgerReader, ModelOpening, StoreError};

/// Revisions that are remembered. Beyond, all are read anew.
const MOST: usize = 10_000;
/// Rows that are read at once.
const PAGE: u32 = 500;

/// What came of a revision so far.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Came {
    /// Each file, and whether it went out in a crossing that came to its end.
    pub(super) files: BTreeMap<Sha256, bool>,
    /// Whether it was whole at some time, and all of it had gone out.
    pub(super) was_cleared: bool,
    /// The index from which crossings are not read yet.
    from: u64,
}

/// What came of revisions, by their names.
#[derive(Default)]
pub(super) struct Revisions(Mutex<HashMap<(String, String), Arc<Mutex<Came>>>>);

impl Revisions {
    /// What came of one up to now.
    pub(super) fn came(
        &self,
        ledger: &LedgerReader,
        name: &str,
        revision: &str,
        most: Limit,
    ) -> Result<Came, StoreError> {
        let known = {
            let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            if all.len() >= MOST {
                all.clear();
            }
            Arc::clone(all.entry((name.to_owned(), revision.to_owned())).or_default())
        };
        let mut came = known.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            let page = ledger.openings_of_revision(name, revision, came.from, PAGE)?;
            // A crossing that has not ended yet is read again the next time, with all after it.
            let ended = page.iter().take_while(|crossing| crossing.ending.is_some()).count();
            let (ended, open) = page.split_at(ended);
            for crossing in ended {
                came.add(ledger, crossing, most)?;
            }
            if open.is_empty() {
                if page.is_empty() {
                    return Ok(came.clone());
                }
                continue;
            }
            return came.clone().with_all(ledger, name, revision, most);
        }
    }
}

impl Came {
    /// With all that came since, whether it has ended or not.
    fn with_all(
        mut self,
        ledger: &LedgerReader,
        name: &str,
        revision: &str,
        most: Limit,
    ) -> Result<Self, StoreError> {
        loop {
            let page = ledger.openings_of_revision(name, revision, self.from, PAGE)?;
            if page.is_empty() {
                return Ok(self);
            }
            for crossing in &page {
                self.add(ledger, crossing, most)?;
            }
        }
    }

    fn add(&mut self, ledger: &LedgerReader, crossing: &ModelOpening, most: Limit) -> Result<(), StoreError> {
        let is_complete = crossing.ending.as_deref() == Some("complete");
        let mut from = 0;
        while let Some(id) = CrossingId::parse(&crossing.opened.crossing) {
            let page = ledger.entries(id, from, PAGE)?;
            let Some(last) = page.last() else { break };
            from = last.record.saturating_add(1);
            for entry in &page {
                let Some(file) = entry.file.as_ref().and_then(|file| Sha256::parse(&file.sha256)) else {
                    continue;
                };
                *self.files.entry(file).or_insert(false) |= is_complete && entry.held.is_none();
            }
            let limit = |source| StoreError::Limit { what: "the files of a model", source };
            most.check(self.files.len() as u64).map_err(limit)?;
        }
        // What came file by file says nothing of the files that did not come.
        let is_whole = !matches!(crossing.opened.route.as_str(), "hub" | "packages" | "files" | "images");
        self.was_cleared |= is_whole && !self.files.is_empty() && self.files.values().all(|cleared| *cleared);
        self.from = crossing.opened_at.saturating_add(1);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use lazaret_core::{Clock as _, Counts, Ending, Ledger as _, Seal, SystemClock};
    use lazaret_ledger::SqliteLedger;
    use lazaret_vault::SystemRandom;

    use super::*;
    use crate::admission::verdicts::MAX_CROSSINGS;
    use crate::server::tests::models::{Crosses, NAME, SCALER, opened, pass};
    use crate::server::tests::vault;

    #[test]
    fn what_came_since_is_added_and_what_is_open_is_read_again() {
        let folder = tempfile::tempdir().unwrap();
        let (vault, path) = (vault(folder.path()), folder.path().join("ledger.db"));
        let ledger =
            SqliteLedger::start(&path, "ledger.test/lazaret", vault.clone(), Arc::new(SystemClock)).unwrap();
        let revisions = Revisions::default();
        let came = |revisions: &Revisions| revisions.came(ledger.reader(), NAME, "1", MAX_CROSSINGS).unwrap();
        let is_as_anew = |files: usize| {
            let came = came(&revisions);
            assert_eq!(came, anew(&ledger));
            assert_eq!(came.files.len(), files);
            came
        };
        assert!(!is_as_anew(0).was_cleared);
        pass(&ledger, &vault, folder.path(), &Crosses { kept: false, ..SCALER });
        assert!(is_as_anew(1).was_cleared);
        let open = CrossingId::new(SystemClock.now(), &SystemRandom).unwrap();
        ledger.open(&opened(open, NAME, Some("1"))).unwrap();
        let before = is_as_anew(1).from;
        for bytes in [b"a".as_slice(), b"b"] {
            pass(&ledger, &vault, folder.path(), &Crosses { bytes, kept: false, ..SCALER });
        }
        assert!(is_as_anew(3).from > before);
        let read = |revisions: &Revisions| {
            let all = revisions.0.lock().unwrap();
            all.values().next().unwrap().lock().unwrap().from
        };
        assert!(read(&revisions) < before, "the open one was not read for good");
        let (ended, counts) = (SystemClock.now(), Counts::default());
        let (ending, reason) = (Ending::Cut, Some("x".to_owned()));
        ledger.seal(&Seal { crossing: open, ending, reason, ended, counts, outputs: Vec::new() }).unwrap();
        let last = is_as_anew(3);
        assert_eq!(read(&revisions), last.from);
    }

    fn anew(ledger: &SqliteLedger) -> Came {
        Revisions::default().came(ledger.reader(), NAME, "1", MAX_CROSSINGS).unwrap()
    }
}
