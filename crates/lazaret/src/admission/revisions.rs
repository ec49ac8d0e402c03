//! What came of the revisions of models, in all their crossings: read once, and later only what came since.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, Mutex, PoisonError};

use lazaret_core::{Limit, Sha256};
use lazaret_ledger::{LedgerReader, RevisionCrossing, RevisionFile, StoreError};
use lazaret_models::folder_and_name;

/// Revisions that are remembered. Beyond, all are read anew.
const MOST: usize = 10_000;
/// Crossings that are read at once.
const PAGE: u32 = 50;
/// Events that are read at once.
const EVENTS: u32 = 1_000;

/// What came of a revision so far.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Came {
    /// Each file under each of its names (its last step), and whether it went out in a crossing that came to its end, and would
    /// have if verdicts had been enforced.
    pub(super) files: BTreeMap<(Sha256, String), bool>,
    /// The files that were given out as ones of it because they were cleared elsewhere.
    pub(super) given: BTreeSet<(Sha256, String)>,
    /// Whether it was whole at some time, and all of it had gone out.
    pub(super) was_cleared: bool,
    /// The index from which crossings are not read yet.
    from: u64,
    /// The index from which what was given out is not read yet.
    given_from: u64,
}

/// What came of revisions, by their names.
#[derive(Default)]
pub(super) struct Revisions(Mutex<HashMap<Name, Arc<Mutex<Came>>>>);

/// A model's name, and a revision.
type Name = (String, String);

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
            let page = ledger.given_of_revision(name, revision, came.given_from, EVENTS)?;
            let Some((last, ..)) = page.last() else { break };
            came.given_from = last.saturating_add(1);
            for (_, sha256, file) in page {
                came.given.insert((sha256, folder_and_name(&file).1.to_owned()));
            }
            came.check(most)?;
        }
        // A crossing that has not ended is read again the next time, with all after it.
        let mut beyond: Option<Came> = None;
        loop {
            let from = beyond.as_ref().map_or(came.from, |beyond| beyond.from);
            let page = ledger.crossings_of_revision(name, revision, from, PAGE)?;
            if page.is_empty() {
                return Ok(beyond.unwrap_or_else(|| came.clone()));
            }
            for crossing in &page {
                if crossing.ending.is_none() && beyond.is_none() {
                    beyond = Some(came.clone());
                }
                beyond.as_mut().unwrap_or(&mut came).add(crossing, most)?;
            }
        }
    }
}

impl Came {
    fn add(&mut self, crossing: &RevisionCrossing, most: Limit) -> Result<(), StoreError> {
        let is_complete = crossing.ending.as_deref() == Some("complete");
        for RevisionFile { sha256, step, held } in &crossing.files {
            *self.files.entry((*sha256, step.clone())).or_insert(false) |= is_complete && !held;
        }
        self.check(most)?;
        // What came file by file says nothing of the files that did not come; nor does what was cut, or is not at its end.
        let is_whole = !matches!(crossing.route.as_str(), "hub" | "packages" | "files" | "images");
        self.was_cleared |=
            is_complete && is_whole && !self.files.is_empty() && self.files.values().all(|cleared| *cleared);
        self.from = crossing.opened_at.saturating_add(1);
        Ok(())
    }

    fn check(&self, most: Limit) -> Result<(), StoreError> {
        let limit = |source| StoreError::Limit { what: "the files of a model", source };
        most.check(self.files.len().max(self.given.len()) as u64).map_err(limit)
    }
}

#[cfg(test)]
mod tests {
    use lazaret_core::{Clock as _, Counts, CrossingId, Ending, Ledger as _, Opened, Seal, SystemClock};
    use lazaret_ledger::SqliteLedger;
    use lazaret_vault::SystemRandom;

    use super::*;
    use crate::admission::verdicts::MAX_CROSSINGS;
    use crate::server::tests::models::{Crosses, NAME, SCALER, enter, opened, pass};
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

    #[test]
    fn a_whole_crossing_clears_a_revision_only_when_it_came_to_its_end() {
        let folder = tempfile::tempdir().unwrap();
        let (vault, path) = (vault(folder.path()), folder.path().join("ledger.db"));
        let ledger =
            SqliteLedger::start(&path, "ledger.test/lazaret", vault.clone(), Arc::new(SystemClock)).unwrap();
        let file = Crosses { kept: false, ..SCALER };
        let begin = |route: &str| {
            let id = CrossingId::new(SystemClock.now(), &SystemRandom).unwrap();
            ledger.open(&Opened { route: route.into(), ..opened(id, NAME, Some("1")) }).unwrap();
            (id, enter(&ledger, &vault, folder.path(), id, &file))
        };
        let end = |(crossing, counts): (CrossingId, Counts), ending: Ending| {
            let (ended, reason) = (SystemClock.now(), (ending == Ending::Cut).then(|| "x".to_owned()));
            ledger.seal(&Seal { crossing, ending, reason, ended, counts, outputs: Vec::new() }).unwrap();
        };
        let revisions = Revisions::default();
        let is_cleared = |was: bool| {
            let came = revisions.came(ledger.reader(), NAME, "1", MAX_CROSSINGS).unwrap();
            assert_eq!(came, anew(&ledger));
            assert!(came.files.values().all(|cleared| *cleared), "its file was cleared");
            assert_eq!(came.was_cleared, was);
        };
        end(begin("hub"), Ending::Complete);
        is_cleared(false); // others of it may not have come
        let whole = begin("registry");
        is_cleared(false); // the next file may be held
        end(whole, Ending::Cut);
        is_cleared(false);
        end(begin("registry"), Ending::Complete);
        is_cleared(true);
        begin("registry");
        is_cleared(true);
    }

    fn anew(ledger: &SqliteLedger) -> Came {
        Revisions::default().came(ledger.reader(), NAME, "1", MAX_CROSSINGS).unwrap()
    }
}
