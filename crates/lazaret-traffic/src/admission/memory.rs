//! What is remembered of where models stood.
//!
//! That a model was cleared never changes. So of what was cleared more is kept than of others, and what gives way keeps at least
//! its name: while nothing can be looked up it is allowed all the same.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;
use std::time::Instant;

use super::named::Model;
use super::standing::{Standing, Word};

/// Models that are known as cleared by their names alone.
const MOST_NAMES: usize = 1_000_000;

/// What is remembered of a model.
pub(super) struct Remembered {
    pub(super) standing: Arc<Standing>,
    /// When it was looked up; none where no more is known than that it was cleared.
    pub(super) when: Option<Instant>,
}

/// Where models stood when they were looked up last.
pub(super) struct Memory {
    cleared: Recent,
    /// Others have a place of their own: whoever asks about many that never came drives nothing out that was cleared.
    others: Recent,
    names: HashSet<Model>,
    /// Of each of the two.
    most: usize,
    most_names: usize,
    /// Whether it was said that there are too many.
    is_told: bool,
}

impl Memory {
    /// Remembers so many that were cleared, and so many others.
    pub(super) fn new(most: usize) -> Self {
        let (cleared, others) = (Recent::default(), Recent::default());
        let (names, most_names) = (HashSet::new(), MOST_NAMES);
        Self { cleared, others, names, most: most.max(1), most_names, is_told: false }
    }

    /// What is remembered of a model.
    pub(super) fn get(&self, model: &Model) -> Option<Remembered> {
        if let Some((standing, when, _)) = self.cleared.0.get(model).or_else(|| self.others.0.get(model)) {
            return Some(Remembered { standing: Arc::clone(standing), when: Some(*when) });
        }
        let by_name = || Standing { word: Word::Cleared, ..Standing::UNSEEN };
        self.names.contains(model).then(|| Remembered { standing: Arc::new(by_name()), when: None })
    }

    /// Remembers where a model stands, in place of what was remembered of it. What was looked up longest ago gives way.
    pub(super) fn put(&mut self, model: &Model, standing: &Arc<Standing>, when: Instant) {
        self.cleared.remove(model);
        self.others.remove(model);
        self.names.remove(model);
        if standing.word != Word::Cleared {
            self.others.put(model, standing, when);
            self.others.oldest_beyond(self.most);
            return;
        }
        self.cleared.put(model, standing, when);
        let Some(gave_way) = self.cleared.oldest_beyond(self.most) else { return };
        if self.names.len() < self.most_names {
            self.names.insert(gave_way);
        } else if !std::mem::replace(&mut self.is_told, true) {
            tracing::warn!(
                most = self.most_names,
                "more models were cleared than are remembered: while nothing can be looked up, one that is not is unknown"
            );
        }
    }
}

/// Standings, with a number that grows: the smallest was put here longest ago.
#[derive(Default)]
struct Recent(HashMap<Model, (Arc<Standing>, Instant, u64)>, BTreeMap<u64, Model>);

impl Recent {
    fn put(&mut self, model: &Model, standing: &Arc<Standing>, when: Instant) {
        let number = self.1.last_key_value().map_or(0, |(last, _)| last.saturating_add(1));
        self.1.insert(number, model.clone());
        self.0.insert(model.clone(), (Arc::clone(standing), when, number));
    }

    fn remove(&mut self, model: &Model) {
        if let Some((_, _, number)) = self.0.remove(model) {
            self.1.remove(&number);
        }
    }

    /// Takes the oldest out if there are more than so many.
    fn oldest_beyond(&mut self, most: usize) -> Option<Model> {
        if self.0.len() <= most {
            return None;
        }
        let (_, oldest) = self.1.pop_first()?;
        self.0.remove(&oldest);
        Some(oldest)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn model(number: u16) -> Model {
        Model::Revision { name: "m".to_owned(), revision: number.to_string() }
    }

    fn standing(word: Word) -> Arc<Standing> {
        Arc::new(Standing { word, ..Standing::UNSEEN })
    }

    #[test]
    fn the_oldest_give_way_and_are_known_by_name() {
        let mut memory = Memory::new(2);
        let now = Instant::now();
        for number in 0..4 {
            memory.put(&model(number), &standing(Word::Cleared), now);
        }
        let looked_up =
            |memory: &Memory, number| memory.get(&model(number)).map(|known| known.when.is_some());
        assert_eq!(
            [0, 1, 2, 3, 4].map(|n| looked_up(&memory, n)),
            [Some(false), Some(false), Some(true), Some(true), None]
        );
        // What was looked up again is no longer the oldest.
        memory.put(&model(2), &standing(Word::Cleared), now);
        memory.put(&model(0), &standing(Word::Cleared), now);
        assert_eq!([0, 2, 3].map(|n| looked_up(&memory, n)), [Some(true), Some(true), Some(false)]);
        memory.most_names = 2;
        memory.put(&model(9), &standing(Word::Cleared), now);
        assert_eq!((memory.names.len(), looked_up(&memory, 2)), (2, None), "bounded");
    }

    proptest! {
        #[test]
        fn what_was_cleared_last_is_known_as_cleared_whatever_else_is_asked(puts in prop::collection::vec((0..40_u16, 0..3_u8), 0..300)) {
            let mut memory = Memory::new(5);
            let mut last = HashMap::new();
            for (number, word) in puts {
                let word = [Word::Cleared, Word::Held, Word::Unseen][usize::from(word)];
                memory.put(&model(number), &standing(word), Instant::now());
                last.insert(number, word);
                for (number, word) in &last {
                    let known = memory.get(&model(*number)).map(|known| known.standing.word);
                    prop_assert!(known == Some(*word) || (known.is_none() && *word != Word::Cleared));
                }
                for recent in [&memory.cleared, &memory.others] {
                    prop_assert!(recent.0.len() <= 5 && recent.0.len() == recent.1.len());
                }
            }
        }
    }
}
