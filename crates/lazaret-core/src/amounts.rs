//! How many records one payload may have, and how many of them may be held.

use crate::numbers::{MAX_ENTITIES, MAX_SUBJECTS};
use crate::{HELD_RECORDS, Limit, Limits, RECORDS, Refused, Rule};

/// Most records of one payload. What was seen of each is remembered while the payload passes, some twenty bytes.
pub const MAX_RECORDS: Limit = Limit::new("input.max_records", 14_000_000);
/// Most records of one payload that are held one by one. Each costs the quarantine and the ledger far more than the few
/// bytes it may be, so that a small file could fill the disk.
pub const MAX_HELD: Limit = Limit::new("quarantine.max_held", 1_000_000);

/// The limits of core itself, sorted by key.
pub const CORE_LIMITS: &[Limit] = &[MAX_RECORDS, MAX_ENTITIES, MAX_SUBJECTS, MAX_HELD];

/// A count that ends the payload once it is above its limit.
pub(crate) struct Amount {
    what: &'static str,
    rule: &'static Rule,
    most: Limit,
    found: u64,
}

impl Amount {
    pub(crate) fn of_records(limits: &Limits) -> Self {
        Self { what: "too many records in one file", rule: &RECORDS, most: limits.get(MAX_RECORDS), found: 0 }
    }

    pub(crate) fn of_held(limits: &Limits) -> Self {
        let what = "too many of its records would be held";
        Self { what, rule: &HELD_RECORDS, most: limits.get(MAX_HELD), found: 0 }
    }

    pub(crate) fn add(&mut self, more: u64) -> Result<(), Refused> {
        self.found = self.found.saturating_add(more);
        let checked = self.most.check(self.found);
        checked.map_err(|exceeded| Refused::new(self.rule.id, format!("{}: {exceeded}", self.what)))
    }
}
