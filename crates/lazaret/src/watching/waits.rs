//! Models that did not pass for a reason that may end, a full disk or a share that is away: each is tried again, each time
//! after twice as long, and what is told of it is told once.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// The longest that one waits until it is tried again.
const LONGEST: Duration = Duration::from_mins(10);

/// The models of a folder that wait.
#[derive(Debug)]
pub(crate) struct Waits {
    first: Duration,
    models: BTreeMap<PathBuf, Wait>,
}

#[derive(Debug)]
struct Wait {
    since: Instant,
    lasts: Duration,
    why: String,
}

impl Waits {
    /// None waits; the first wait is as long as the time between two looks.
    pub(crate) const fn new(interval: Duration) -> Self {
        Self { first: interval, models: BTreeMap::new() }
    }

    /// Why a model waits, as long as it does.
    pub(crate) fn why(&self, model: &Path) -> Option<&str> {
        let wait = self.models.get(model)?;
        (wait.since.elapsed() < wait.lasts).then_some(&wait.why)
    }

    /// A model did not pass, and waits. Gives whether it waits for another reason than the last time, or for the first time.
    pub(crate) fn begin(&mut self, model: &Path, why: String) -> bool {
        let before = self.models.remove(model);
        let lasts = before.as_ref().map_or(self.first, |before| before.lasts.saturating_mul(2));
        let lasts = lasts.min(LONGEST.max(self.first));
        let is_new = before.is_none_or(|before| before.why != why);
        self.models.insert(model.to_owned(), Wait { since: Instant::now(), lasts, why });
        is_new
    }

    /// A model waits no longer.
    pub(crate) fn end(&mut self, model: &Path) {
        self.models.remove(model);
    }

    /// Models that are there no longer do not wait; `there` is in order.
    pub(crate) fn forget_gone(&mut self, there: &[PathBuf]) {
        self.models.retain(|model, _| there.binary_search(model).is_ok());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_wait_is_twice_as_long_to_the_longest_and_a_reason_is_new_once() {
        let mut waits = Waits::new(Duration::from_secs(10));
        let model = Path::new("a");
        assert_eq!(waits.why(model), None);
        assert!(waits.begin(model, "full".to_owned()) && !waits.begin(model, "full".to_owned()));
        assert!(waits.begin(model, "away".to_owned()));
        assert_eq!(waits.why(model), Some("away"));
        let mut lasts = Vec::new();
        for _ in 0..5 {
            lasts.push(waits.models[model].lasts.as_secs());
            waits.begin(model, "away".to_owned());
        }
        assert_eq!(lasts, [40, 80, 160, 320, 600]);
        waits.models.get_mut(model).unwrap().lasts = Duration::ZERO;
        assert_eq!(waits.why(model), None, "its time has come");
        waits.end(model);
        assert!(waits.begin(model, "away".to_owned()));
        assert_eq!(waits.models[model].lasts, Duration::from_secs(10));
        waits.forget_gone(&[PathBuf::from("a")]);
        assert_eq!(waits.models.len(), 1);
        waits.forget_gone(&[PathBuf::from("b")]);
        assert!(waits.models.is_empty());
        // Who looks once an hour waits an hour.
        let mut waits = Waits::new(Duration::from_hours(1));
        let _new = (waits.begin(model, String::new()), waits.begin(model, String::new()));
        assert_eq!(waits.models[model].lasts, Duration::from_hours(1));
    }
}
