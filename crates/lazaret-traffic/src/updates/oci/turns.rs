//! In which order tags were asked for: of two that ask at once, the answer of who asked first may come last, and must not be
//! taken for what the tag means now.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

/// Most tags whose last turn is known. It only matters while somebody who asked before still waits for his answer.
const MOST_KNOWN: usize = 1_000;

/// Turns of those who ask what a tag means.
#[derive(Default)]
pub(crate) struct Turns(Mutex<State>);

#[derive(Default)]
struct State {
    last: u64,
    /// The turn of the last answer that was written, by tag.
    written: VecDeque<(Vec<String>, u64)>,
}

impl Turns {
    /// The turn of who asks now.
    pub(crate) fn next(&self) -> u64 {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        state.last = state.last.saturating_add(1);
        state.last
    }

    /// Whether the answer to who asked at a turn is the latest of a tag; then it is the last that is written.
    pub(crate) fn is_latest(&self, tag: &[String], turn: u64) -> bool {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let known = state.written.iter().position(|(of, _)| of == tag);
        if known.and_then(|at| state.written.get(at)).is_some_and(|(_, last)| *last > turn) {
            return false;
        }
        if let Some(at) = known {
            state.written.remove(at);
        }
        if state.written.len() >= MOST_KNOWN {
            state.written.pop_front();
        }
        state.written.push_back((tag.to_owned(), turn));
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_asked_before_has_not_the_last_word() {
        let turns = Turns::default();
        let tag = |name: &str| vec!["registry".to_owned(), name.to_owned()];
        let (first, second) = (turns.next(), turns.next());
        assert!(turns.is_latest(&tag("v1"), second) && !turns.is_latest(&tag("v1"), first));
        assert!(turns.is_latest(&tag("v2"), first) && turns.is_latest(&tag("v1"), turns.next()));
        for number in 0..2 * MOST_KNOWN {
            assert!(turns.is_latest(&tag(&number.to_string()), first));
        }
        assert_eq!(turns.0.lock().unwrap().written.len(), MOST_KNOWN);
    }
}
