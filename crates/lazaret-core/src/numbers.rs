//! The numbers of placeholders in one crossing: given in the order of its records, and for each patient apart.
//!
//! Records are judged side by side, so numbers given there would follow from timing. A judged record therefore waits
//! with its edits made but for the numbers (a [`Draft`]); the numbers are given when its turn comes, and it is then
//! written, again side by side.

use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use crate::judge::{Draft, Judge, Unnumbered};
use crate::{Failure, Limit, Numbering, Rewriter, Subject};

/// Most persons, numbers, dates and other things of all patients together that one crossing numbers, and as many in a
/// record that names no patient; each takes some hundred bytes while the crossing passes. What is met for the first time
/// after that has a placeholder without a number (`[NAME]`); what was met before keeps its own. Raise it by
/// `placeholders.max_entities` under `[limits]`.
pub const MAX_ENTITIES: Limit = Limit::new("placeholders.max_entities", 1_000_000);
/// Most patients of one crossing whose placeholders are numbered; each takes a kilobyte or two while the crossing passes.
/// Those of any further patient have no number. Raise it by `placeholders.max_subjects` under `[limits]`.
pub const MAX_SUBJECTS: Limit = Limit::new("placeholders.max_subjects", 20_000);

/// The longest value that has a number, in bytes: a longer one is no name that is met again, and is not kept.
const LONGEST: usize = 1024;

/// The numbers given so far in one crossing.
pub(crate) struct Numbers {
    rewriter: Arc<dyn Rewriter>,
    by_subject: HashMap<Subject, Box<dyn Numbering>>,
    most_subjects: usize,
    /// How many new things may still be numbered.
    room: u64,
    /// As many in a record of no patient, whose numbers are forgotten behind it.
    room_of_record: u64,
}

impl Numbers {
    pub(crate) fn new(judge: &Judge) -> Self {
        let room = judge.limits.get(MAX_ENTITIES).most();
        let most_subjects = judge.limits.get(MAX_SUBJECTS).most();
        Self {
            rewriter: Arc::clone(&judge.rewriter),
            by_subject: HashMap::new(),
            most_subjects: usize::try_from(most_subjects).unwrap_or(usize::MAX),
            room,
            room_of_record: room,
        }
    }

    /// Numbers the placeholders of the record whose turn it is.
    pub(crate) fn give(&mut self, draft: &mut Draft) -> Result<(), Failure> {
        // A panic here leaves numbers behind of which nothing is known: the crossing ends.
        catch_unwind(AssertUnwindSafe(|| self.number(draft))).map_err(|_| Failure::Panicked)
    }

    /// The same, where a panic is caught already.
    pub(crate) fn number(&mut self, draft: &mut Draft) {
        // Where no patient is named nothing says that two records are of one: a number that they shared would claim it.
        let mut own = None;
        for Unnumbered { segment, nth, label, value, subject } in draft.unnumbered.drain(..) {
            let value = value.expose();
            if value.len() > LONGEST {
                continue;
            }
            let number = if let Some(subject) = subject {
                let full = self.room == 0 || self.by_subject.len() >= self.most_subjects;
                if full && !self.by_subject.contains_key(&subject) {
                    continue;
                }
                let numbering = self.by_subject.entry(subject).or_insert_with(|| self.rewriter.numbering());
                numbering.number(label, value, &mut self.room)
            } else {
                let (numbering, room) =
                    own.get_or_insert_with(|| (self.rewriter.numbering(), self.room_of_record));
                numbering.number(label, value, room)
            };
            if let Some(number) = number {
                draft.edits.set(segment, nth, format!("[{} {number}]", label.kind.name()));
            }
        }
    }
}
