//! What the shapes of an automaton begin with, place by place: a few table look-ups that do not wait for each other say
//! which shapes cannot match somewhere, where walking the states waits for memory at every byte.

use regex_automata::nfa::thompson::{NFA, State};
use regex_automata::util::primitives::StateID;

use super::Shapes;

/// Bytes that are looked at.
const PLACES: usize = 8;

/// By place and byte: the shapes that can have it there, or have ended before.
pub(super) struct Heads(Vec<[Shapes; 256]>);

impl Heads {
    pub(super) fn new(nfa: &NFA) -> Self {
        let mut places = vec![[Shapes::default(); 256]; PLACES];
        for shape in nfa.patterns() {
            let mut states: Vec<StateID> = nfa.start_pattern(shape).into_iter().collect();
            let mut ended = false;
            for place in &mut places {
                let (ranges, ends) = ranges(nfa, states);
                ended |= ends;
                let all = ended.then_some((0, u8::MAX));
                for (from, to) in ranges.iter().map(|(from, to, _)| (*from, *to)).chain(all) {
                    let bytes = place.get_mut(usize::from(from)..=usize::from(to));
                    bytes.into_iter().flatten().for_each(|shapes| shapes.add(shape));
                }
                states = ranges.iter().map(|(.., next)| *next).collect();
            }
        }
        Self(places)
    }

    /// The shapes that may match at the start of a text: no other does.
    pub(super) fn of(&self, text: &[u8]) -> Shapes {
        let each = self.0.iter().zip(text).filter_map(|(place, byte)| place.get(usize::from(*byte)));
        each.fold(Shapes::ALL, |may, shapes| may.and(*shapes))
    }
}

/// The ranges of bytes that go on from some states, each with the state after it, and whether a match ends here. What is
/// asked of the bytes around is taken to hold.
fn ranges(nfa: &NFA, mut states: Vec<StateID>) -> (Vec<(u8, u8, StateID)>, bool) {
    let (mut seen, mut ranges, mut ends) = (std::collections::BTreeSet::new(), Vec::new(), false);
    while let Some(state) = states.pop() {
        if !seen.insert(state) {
            continue;
        }
        match nfa.state(state) {
            State::ByteRange { trans } => ranges.push((trans.start, trans.end, trans.next)),
            State::Sparse(all) => {
                ranges.extend(all.transitions.iter().map(|one| (one.start, one.end, one.next)));
            }
            State::Dense(all) => {
                let each = (0..=u8::MAX).zip(&all.transitions);
                ranges.extend(
                    each.filter(|(_, next)| **next != StateID::ZERO).map(|(byte, next)| (byte, byte, *next)),
                );
            }
            State::Look { next, .. } | State::Capture { next, .. } => states.push(*next),
            State::Union { alternates } => states.extend(alternates),
            State::BinaryUnion { alt1, alt2 } => states.extend([*alt1, *alt2]),
            State::Match { .. } => ends = true,
            State::Fail => {}
        }
    }
    (ranges, ends)
}
