//! The states of a lazy automaton in rows of our own, which are narrow: reading a text waits for the processor's memory at
//! nearly every byte, and the less there is of it, the more of it is near.
//!
//! The library's row is half a kilobyte of which a word touches three lines of the cache; here a state is two bytes, and
//! what most texts are made of, blanks and small letters, is in the first line of a row.

use regex_automata::Anchored;
use regex_automata::hybrid::LazyStateID;
use regex_automata::hybrid::dfa::{Cache, DFA};
use regex_automata::util::primitives::PatternID;
use regex_automata::util::start;
use rustc_hash::FxHashMap;

use super::Shapes;

/// A lazy automaton, and how its bytes are told apart.
pub(super) struct Lazy {
    dfa: DFA,
    /// By byte: where in a row.
    columns: [u8; 256],
    /// Lines of a row.
    lines: usize,
}

/// States of a line.
const LINE: usize = 32;
/// What comes first in a row.
const FREQUENT: &[u8; LINE] = b" etaoinsrhldcumfpgwybvkxqjz.,-:/";

/// A line of the processor's cache.
#[derive(Debug, Clone, Copy)]
#[repr(align(64))]
struct Line([State; LINE]);

/// A state by its number; the highest bit where there is more to know of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct State(u16);

impl State {
    const TOLD: u16 = 1 << 15;
    const UNKNOWN: Self = Self(u16::MAX);
    /// From here no match goes on.
    const DEAD: Self = Self(Self::TOLD);
    /// Most states that are kept.
    const MOST: usize = Self::TOLD as usize - 1;

    /// Whether it is a match or dead: most are neither.
    pub(super) const fn is_special(self) -> bool {
        self.0 & Self::TOLD != 0
    }

    pub(super) const fn is_dead(self) -> bool {
        self.0 == Self::DEAD.0
    }

    const fn number(self) -> usize {
        (self.0 & !Self::TOLD) as usize
    }
}

/// The states so far.
pub(super) struct States {
    cache: Cache,
    lines: Vec<Line>,
    /// By number: the library's, and the shapes that match, the first of them apart.
    each: Vec<(LazyStateID, PatternID, Shapes)>,
    numbers: FxHashMap<LazyStateID, State>,
    /// By the byte before: where any shape may begin.
    starts: [State; 256],
    /// How often all were forgotten.
    forgotten: usize,
}

impl Lazy {
    pub(super) fn new(dfa: DFA) -> Self {
        let classes = dfa.byte_classes();
        let mut places = [None; 256];
        let (mut columns, mut count) = ([0; 256], 0_u8);
        for byte in FREQUENT.iter().copied().chain(0..=u8::MAX) {
            let place = places.get_mut(usize::from(classes.get(byte)));
            let column = place.map_or(0, |place| {
                *place.get_or_insert_with(|| {
                    count = count.saturating_add(1);
                    count - 1
                })
            });
            columns.get_mut(usize::from(byte)).into_iter().for_each(|to| *to = column);
        }
        Self { dfa, columns, lines: usize::from(count).div_ceil(LINE) }
    }

    pub(super) fn states(&self) -> States {
        let mut states = States {
            cache: self.dfa.create_cache(),
            lines: Vec::new(),
            each: Vec::new(),
            numbers: FxHashMap::default(),
            starts: [State::UNKNOWN; 256],
            forgotten: 0,
        };
        states.forget(self.lines);
        states
    }

    /// Where shapes begin after a byte: any of them, or one.
    #[inline]
    pub(super) fn start(&self, states: &mut States, which: Anchored, before: Option<u8>) -> Option<State> {
        if which == Anchored::Yes
            && let Some(state) = before.and_then(|before| states.starts.get(usize::from(before)))
            && *state != State::UNKNOWN
        {
            return Some(*state);
        }
        self.make_start(states, which, before)
    }

    #[cold]
    fn make_start(&self, states: &mut States, which: Anchored, before: Option<u8>) -> Option<State> {
        let config = start::Config::new().anchored(which).look_behind(before);
        let state = states.make(self, |cache| self.dfa.start_state(cache, &config).ok())?;
        if which == Anchored::Yes
            && let Some(kept) = before.and_then(|before| states.starts.get_mut(usize::from(before)))
        {
            *kept = state;
        }
        Some(state)
    }

    /// The state after a byte. It tells of a match one byte late.
    #[inline]
    pub(super) fn next(&self, states: &mut States, state: State, byte: u8) -> Option<State> {
        let column = usize::from(*self.columns.get(usize::from(byte))?);
        let line = state.number() * self.lines + column / LINE;
        let next = *states.lines.get(line)?.0.get(column % LINE)?;
        if next == State::UNKNOWN { self.make_next(states, state, byte) } else { Some(next) }
    }

    #[cold]
    fn make_next(&self, states: &mut States, state: State, byte: u8) -> Option<State> {
        let (from, ..) = *states.each.get(state.number())?;
        let forgotten = states.forgotten;
        let next = states.make(self, |cache| self.dfa.next_state(cache, from, byte).ok())?;
        // Where all were forgotten there is no row any more that this belongs to.
        let column = usize::from(*self.columns.get(usize::from(byte))?);
        if states.forgotten == forgotten {
            let line = states.lines.get_mut(state.number() * self.lines + column / LINE);
            line.and_then(|line| line.0.get_mut(column % LINE)).into_iter().for_each(|to| *to = next);
        }
        Some(next)
    }

    /// The state after the end of the text.
    #[cold]
    pub(super) fn end(&self, states: &mut States, state: State) -> Option<State> {
        let (from, ..) = *states.each.get(state.number())?;
        states.make(self, |cache| self.dfa.next_eoi_state(cache, from).ok())
    }
}

impl States {
    /// The first shape that matches in a state, if one does.
    pub(super) fn first(&self, state: State) -> Option<PatternID> {
        self.each
            .get(state.number())
            .filter(|_| state.is_special() && !state.is_dead())
            .map(|(_, first, _)| *first)
    }

    /// All shapes that match in a state.
    pub(super) fn all(&self, state: State) -> Shapes {
        self.each.get(state.number()).map_or(Shapes::default(), |(.., all)| *all)
    }

    /// Gives a state of the library its number. Where the library has forgotten its states to make room, which it tells only
    /// by using less memory, so do we.
    fn make(&mut self, lazy: &Lazy, make: impl FnOnce(&mut Cache) -> Option<LazyStateID>) -> Option<State> {
        let before = self.cache.memory_usage();
        let id = make(&mut self.cache)?;
        if self.cache.memory_usage() < before || self.each.len() >= State::MOST {
            self.forget(lazy.lines);
        }
        if id.is_dead() {
            return Some(State::DEAD);
        }
        if let Some(known) = self.numbers.get(&id) {
            return Some(*known);
        }
        let number = u16::try_from(self.each.len()).ok()?;
        let mut told = (id, PatternID::ZERO, Shapes::default());
        let state = State(number | if id.is_match() { State::TOLD } else { 0 });
        if id.is_match() {
            told.1 = lazy.dfa.match_pattern(&self.cache, id, 0);
            for at in 0..lazy.dfa.match_len(&self.cache, id) {
                told.2.add(lazy.dfa.match_pattern(&self.cache, id, at));
            }
        }
        self.each.push(told);
        self.lines.resize(self.each.len() * lazy.lines, Line([State::UNKNOWN; LINE]));
        self.numbers.insert(id, state);
        Some(state)
    }

    /// Begins anew, with a dead state whose number is none else's.
    fn forget(&mut self, lines: usize) {
        self.forgotten += 1;
        self.numbers.clear();
        self.starts = [State::UNKNOWN; 256];
        self.each.clear();
        self.each.push((LazyStateID::default(), PatternID::ZERO, Shapes::default()));
        self.lines.clear();
        self.lines.resize(lines, Line([State::DEAD; LINE]));
    }
}

#[cfg(test)]
mod tests {
    use super::super::STATES;
    use super::*;

    /// Walks each word, and gives the first shape that matches at its end.
    fn walk(capacity: usize, words: &[String]) -> (Vec<Option<PatternID>>, usize) {
        let config = DFA::config().cache_capacity(capacity).skip_cache_capacity_check(true);
        let dfa =
            DFA::builder().configure(config).build_many(&[r"[ab]*a[ab]{8}", r"(?:ba)+", r"b+"]).unwrap();
        let lazy = Lazy::new(dfa);
        let mut states = lazy.states();
        let mut found = Vec::new();
        for word in words {
            let mut state = lazy.start(&mut states, Anchored::Yes, Some(b' ')).unwrap();
            for byte in word.bytes() {
                state = lazy.next(&mut states, state, byte).unwrap();
            }
            let end = lazy.end(&mut states, state).unwrap();
            found.push(states.first(end));
        }
        (found, states.forgotten)
    }

    #[test]
    fn what_is_forgotten_is_made_anew() {
        let words: Vec<String> =
            (0..2_000_u32).map(|n| format!("{n:012b}").replace('0', "a").replace('1', "b")).collect();
        let (found, never) = walk(STATES, &words);
        let (again, often) = walk(1 << 12, &words);
        assert_eq!(found, again);
        assert!(never == 1 && often > 10, "{never} {often}");
        assert!(found.iter().flatten().count() > 100);
    }
}
