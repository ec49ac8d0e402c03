//! How many records of one payload are held: each costs the quarantine and the ledger far more than the few bytes
//! it may be, so that a small file could fill the disk.

use crate::{HELD_RECORDS, Limit, Limits, Refused};

/// Most records of one payload that are held one by one. Above it nothing of the payload crosses.
pub const MAX_HELD: Limit = Limit::new("quarantine.max_held", 1_000_000);

pub(crate) struct Held {
    most: Limit,
    found: u64,
}

impl Held {
    pub(crate) fn new(limits: &Limits) -> Self {
        Self { most: limits.get(MAX_HELD), found: 0 }
    }

    /// Counts a record.
    pub(crate) fn count(&mut self, is_held: bool) -> Result<(), Refused> {
        self.found = self.found.saturating_add(u64::from(is_held));
        self.most.check(self.found).map_err(|exceeded| {
            Refused::new(HELD_RECORDS.id, format!("too many of its records would be held: {exceeded}"))
        })
    }
}
