//! Where files run, as far as the ledger says: so that nothing is recorded twice, and nothing ends that did not run.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use lazaret_core::Sha256;
use lazaret_ledger::{LedgerReader, StoreError};
use lazaret_traffic::admission::notes::Place;
use serde::Deserialize;

use super::recorded::{ENDED, RUNS, RunEvent};

/// Places of files that are remembered.
pub(super) const MOST_PLACES: usize = 500_000;
/// Events that are read at once.
const PAGE: u32 = 1_000;

/// A file at a place.
type Key = (Sha256, Place);

/// The last that is known of files at their places.
pub(super) struct Places {
    known: HashMap<Arc<Key>, Last>,
    /// What ended, the oldest first: that gives way. What is forgotten of it would be recorded as if it began anew, which it does.
    ended: BTreeSet<(String, Arc<Key>)>,
    most: usize,
    /// Whether more runs than is remembered.
    overflows: bool,
}

struct Last {
    runs: bool,
    since: String,
}

/// The body of an event about a file.
#[derive(Deserialize)]
struct Body {
    about: String,
    event: RunEvent,
}

impl Places {
    fn new(most: usize) -> Self {
        Self { known: HashMap::new(), ended: BTreeSet::new(), most, overflows: false }
    }

    /// As the ledger has it.
    pub(super) fn read(ledger: &LedgerReader, most: usize) -> Result<Self, StoreError> {
        let mut places = Self::new(most);
        let mut from = 0;
        loop {
            let page = ledger.events_of_two([RUNS, ENDED], from, PAGE)?;
            let Some(last) = page.last() else { return Ok(places) };
            from = last.index.saturating_add(1);
            for leaf in page {
                let read = |source| StoreError::Unreadable { index: leaf.index, source };
                let Body { about, event } = serde_json::from_str(&leaf.body).map_err(read)?;
                let Some(file) = Sha256::parse(&about) else { continue };
                let when = event.when.clone();
                let key = (file, event.place());
                if places.known.get(&key).is_none_or(|last| last.since < when) {
                    places.put(key, leaf.kind == RUNS, when);
                }
            }
        }
    }

    /// Whether it is new that a file runs at a place since then.
    pub(super) fn begins(&self, key: &Key, when: &str) -> bool {
        self.known.get(key).is_none_or(|last| !last.runs && last.since.as_str() < when)
    }

    /// Whether a file is known to run at a place.
    pub(super) fn runs(&self, key: &Key) -> bool {
        self.known.get(key).is_some_and(|last| last.runs)
    }

    /// Whether it is new that it ended then. What was never seen to run has not ended; but where more runs than is remembered,
    /// nobody knows that of what is not.
    pub(super) fn ends(&self, key: &Key, when: &str) -> bool {
        self.known.get(key).map_or(self.overflows, |last| last.runs && last.since.as_str() < when)
    }

    /// Remembers the last of a file at a place.
    pub(super) fn put(&mut self, key: Key, runs: bool, since: String) {
        let key = Arc::new(key);
        if let Some(last) = self.known.remove(&key)
            && !last.runs
        {
            self.ended.remove(&(last.since, Arc::clone(&key)));
        }
        if self.known.len() >= self.most
            && let Some((_, oldest)) = self.ended.pop_first()
        {
            self.known.remove(&oldest);
        }
        if self.known.len() >= self.most {
            if !std::mem::replace(&mut self.overflows, true) {
                tracing::warn!(
                    most = self.most,
                    "more workloads run with models than are remembered; of the others it is recorded each time that they run, \
                     and each time that they end"
                );
            }
            return;
        }
        if !runs {
            self.ended.insert((since.clone(), Arc::clone(&key)));
        }
        self.known.insert(key, Last { runs, since });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(name: &str) -> Key {
        let word = str::to_owned;
        let place =
            Place { cluster: word("c"), namespace: word("n"), kind: word("Deployment"), name: word(name) };
        (Sha256([1; 32]), place)
    }

    #[test]
    fn what_ended_longest_ago_gives_way_and_what_runs_never_does() {
        let mut places = Places::new(3);
        places.put(key("a"), true, "1".to_owned());
        places.put(key("b"), false, "3".to_owned());
        places.put(key("c"), false, "2".to_owned());
        places.put(key("d"), true, "4".to_owned());
        assert!(places.ends(&key("a"), "5") && places.ends(&key("d"), "5") && !places.overflows);
        // Of `b`, which ended at 3, it is still known; of `c` no longer.
        assert!(!places.begins(&key("b"), "3") && places.begins(&key("b"), "4"));
        assert!(places.begins(&key("c"), "1") && !places.ends(&key("c"), "9"));
        assert_eq!((places.known.len(), places.ended.len()), (3, 1));
    }

    #[test]
    fn where_more_runs_than_is_remembered_each_beginning_and_end_is_recorded() {
        let mut places = Places::new(2);
        for name in ["a", "b", "c"] {
            places.put(key(name), true, "1".to_owned());
        }
        assert!(places.overflows && places.known.len() == 2);
        assert!(places.begins(&key("c"), "2") && places.ends(&key("c"), "2"));
        assert!(!places.begins(&key("a"), "2"));
        // What ends makes room.
        places.put(key("a"), false, "3".to_owned());
        places.put(key("d"), true, "4".to_owned());
        assert!(!places.begins(&key("d"), "5") && places.known.len() == 2 && places.ended.is_empty());
    }
}
