//! Where a file runs, and where it no longer does, from the events about it in their order.

use std::collections::{BTreeMap, HashMap, VecDeque};

use lazaret_traffic::admission::notes::Place;
use serde::Serialize;

use crate::admission::recorded::RunEvent;

/// Workloads with one file that are told apart.
const MOST_RUNS: usize = 500_000;

/// A workload with it.
#[derive(Debug, Serialize)]
pub(super) struct Run {
    #[serde(flatten)]
    pub(super) at: RunEvent,
    pub(super) since: String,
    /// When it was deleted, or had the file no longer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) until: Option<String>,
}

/// The workloads with a file; where there are too many, those that ended give way, the oldest first.
pub(super) struct Runs {
    /// By numbers that grow.
    all: BTreeMap<u64, Run>,
    open: HashMap<Place, u64>,
    ended: VecDeque<u64>,
    begun: u64,
    most: usize,
    /// How many are not told.
    left_out: u64,
}

impl Runs {
    pub(super) fn new() -> Self {
        let (all, open, ended) = Default::default();
        Self { all, open, ended, begun: 0, most: MOST_RUNS, left_out: 0 }
    }

    /// A workload with it was let in. It may have been recorded more than once.
    pub(super) fn begin(&mut self, mut at: RunEvent) {
        let place = at.place();
        if self.open.contains_key(&place) {
            return;
        }
        if self.all.len() >= self.most {
            self.left_out = self.left_out.saturating_add(1);
            let Some(oldest) = self.ended.pop_front() else { return };
            self.all.remove(&oldest);
        }
        self.begun = self.begun.saturating_add(1);
        self.open.insert(place, self.begun);
        let since = std::mem::take(&mut at.when);
        self.all.insert(self.begun, Run { at, since, until: None });
    }

    /// A workload ended, or has it no longer.
    pub(super) fn end(&mut self, ended: RunEvent) {
        let number = self.open.remove(&ended.place());
        if let Some((number, run)) = number.and_then(|number| Some((number, self.all.get_mut(&number)?))) {
            run.until = Some(ended.when);
            self.ended.push_back(number);
        }
    }

    /// The workloads, in the order in which they were let in, and how many more there are or were.
    pub(super) fn list(self) -> (Vec<Run>, u64) {
        (self.all.into_values().collect(), self.left_out)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(name: &str, when: &str) -> RunEvent {
        serde_json::from_value(serde_json::json!({
            "cluster": "c", "namespace": "n", "kind": "Pod", "name": name, "when": when
        }))
        .unwrap()
    }

    #[test]
    fn an_end_ends_what_is_open_there_and_the_oldest_that_ended_gives_way() {
        let mut runs = Runs { most: 2, ..Runs::new() };
        runs.begin(event("a", "1"));
        runs.begin(event("a", "2")); // recorded twice
        runs.end(event("a", "3"));
        runs.end(event("b", "3")); // never began
        runs.begin(event("a", "4"));
        runs.begin(event("b", "5"));
        runs.begin(event("d", "6"));
        let (list, left_out) = runs.list();
        let told: Vec<_> =
            list.iter().map(|run| (run.at.name.as_str(), run.since.as_str(), &run.until)).collect();
        assert_eq!(told, [("a", "4", &None), ("b", "5", &None)]);
        assert_eq!(left_out, 2, "the first of `a`, which ended, and `d`");
    }
}
