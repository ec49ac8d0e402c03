//! The shapes of all detectors in a few automata, each tried only where one of its shapes can begin.
//!
//! A search for the next match from anywhere would walk its states over every byte, and once more backwards for the
//! start. Most places cannot begin a match: of a word of letters a table knows which automata outlive it, and elsewhere
//! two bytes and what stands before them say so. What is found is what such a search finds: at the leftmost place the
//! first shape in order, then on from its end.

use std::ops::Range;
use std::thread;

use regex_automata::Anchored;
use regex_automata::dfa::{Automaton as _, StartKind, dense};
use regex_automata::nfa::thompson;
use regex_automata::util::pool::Pool;
use regex_automata::util::primitives::PatternID;
use regex_automata::util::{primitives::StateID, start, syntax};

use crate::view::{Note, Token};

/// Most bytes of one automaton, and of what building it takes. A shape that needs more is refused.
const STATES: usize = 32 << 20;
/// Words that are remembered: a power of two.
const WORDS: usize = 1 << 14;

type MakeWork = Box<dyn Fn() -> Work + Send + Sync + std::panic::UnwindSafe + std::panic::RefUnwindSafe>;

/// The automata, at most eight: a set of them is a byte.
pub(crate) struct Automata {
    each: Vec<Automaton>,
    /// What may begin after anything but a letter or digit, and after one.
    begin: [Beginnings; 2],
    numbers: Numbers,
    /// What may come second where something begins with a letter that is not the first of its word.
    inner: Bytes,
    /// Whether that may be a letter, and whether something may begin with a digit after a digit.
    inside: [bool; 2],
    works: Pool<Work, MakeWork>,
}

struct Automaton {
    dfa: dense::DFA<Vec<u32>>,
    /// Where a search begins after anything but a letter or digit, and after one.
    starts: [StateID; 2],
}

/// The automata that may begin.
struct Beginnings {
    /// By the next two bytes.
    pairs: Vec<u8>,
    /// By the next byte.
    firsts: [u8; 256],
}

/// The automata that may match from the start of a number on, by its first digit, its length and the byte after it.
struct Numbers(Vec<[u8; 256]>);

/// The length from which on numbers are not told apart.
const LONGEST: usize = 20;

/// What one search works with; kept for the next.
pub(crate) struct Work {
    /// By a word's hash: which word is remembered, and in the lowest byte the automata that outlive it.
    words: Vec<u64>,
    /// By automaton: where its last match ended.
    from: Vec<usize>,
}

/// A match.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Match {
    /// Of which automaton.
    pub(crate) automaton: usize,
    /// Of which of its shapes.
    pub(crate) shape: PatternID,
    pub(crate) start: usize,
    pub(crate) end: usize,
}

impl Automata {
    /// Compiles the regular expressions of each automaton: over ASCII, in any case, without anchors. Those that tell
    /// cases apart do so for whole words. With each goes whether its shapes may be asked for one by one.
    pub(crate) fn new(shapes: &[(Vec<&str>, bool)]) -> Result<Self, String> {
        // The largest takes half of the time: each is compiled by a thread of its own.
        let each = thread::scope(|scope| {
            let start = |(shapes, alone)| {
                thread::Builder::new().spawn_scoped(scope, move || Automaton::new(shapes, alone))
            };
            let started: Result<Vec<_>, _> =
                shapes.iter().map(|(shapes, alone)| start((shapes.as_slice(), *alone))).collect();
            let started = started.map_err(|error| format!("no thread to compile them: {error}"))?;
            let done = started.into_iter().map(|one| one.join().map_err(|_| "a thread ended".to_owned())?);
            done.collect::<Result<Vec<_>, String>>()
        })?;
        let begin = [b' ', b'a'].map(|before| Beginnings::new(&each, before));
        let numbers = Numbers::new(&each);
        let letters = || (b'A'..=b'Z').chain(b'a'..=b'z');
        let [_, within] = &begin;
        let mut inner = Bytes::default();
        (0..=u8::MAX)
            .filter(|second| letters().any(|letter| within.with(letter, Some(*second)) != 0))
            .for_each(|second| inner.add(second));
        let inside = [
            letters().any(|letter| inner.has(letter)),
            (b'0'..=b'9').any(|digit| within.with(digit, None) != 0),
        ];
        let make: MakeWork = Box::new(|| Work { words: vec![0; WORDS], from: Vec::new() });
        Ok(Self { each, begin, numbers, inner, inside, works: Pool::new(make) })
    }

    /// Finds the matches of each automaton, which never overlap each other. In order for each of them.
    pub(crate) fn seek(&self, note: &Note<'_>, found: &mut impl FnMut(Match)) {
        let mut work = self.works.get();
        let work = &mut *work;
        work.from.clear();
        work.from.resize(self.each.len(), 0);
        let text = note.text().as_bytes();
        let [letter_inside, digit_inside] = self.inside;
        let mut at = 0;
        for token in note.tokens() {
            self.places(work, text, at..token.start, found);
            at = token.end;
            if token.plain && !letter_inside && byte_before(text, token.start) != Some(b'_') {
                let able = self.outlive(work, text, token);
                if able != 0 {
                    self.attempt(work, text, token.start, able, found);
                }
                let last = token.end - 1;
                if last > token.start && text.get(token.end).is_none_or(|next| self.inner.has(*next)) {
                    self.places(work, text, last..token.end, found);
                }
            } else if token.digits && !digit_inside && !byte_before(text, token.start).is_some_and(is_word) {
                let able = self.numbers.with(text, token);
                if able != 0 {
                    self.attempt(work, text, token.start, able, found);
                }
            } else {
                self.places(work, text, token.start..token.end, found);
            }
        }
        self.places(work, text, at..text.len(), found);
    }

    /// The end of the match of one shape that begins at a place, where shapes may be asked for one by one.
    pub(crate) fn at(&self, text: &str, Match { automaton, shape, start, .. }: Match) -> Option<usize> {
        let (one, text) = (self.each.get(automaton)?, text.as_bytes());
        let behind = byte_before(text, start);
        let config = start::Config::new().anchored(Anchored::Pattern(shape)).look_behind(behind);
        let state = one.dfa.start_state(&config).ok()?;
        one.walk(state, text, start).map(|(_, end)| end)
    }

    /// Tries each place.
    fn places(&self, work: &mut Work, bytes: &[u8], places: Range<usize>, found: &mut impl FnMut(Match)) {
        let [apart, within] = &self.begin;
        for start in places {
            let Some(&first) = bytes.get(start) else { return };
            if apart.with(first, None) | within.with(first, None) == 0 {
                continue;
            }
            let begin = if byte_before(bytes, start).is_some_and(is_word) { within } else { apart };
            let able = begin.with(first, bytes.get(start + 1).copied());
            if able != 0 {
                self.attempt(work, bytes, start, able, found);
            }
        }
    }

    /// Tries some automata at one place.
    fn attempt(&self, work: &mut Work, text: &[u8], start: usize, able: u8, found: &mut impl FnMut(Match)) {
        let mut left = able;
        while left != 0 {
            let automaton = left.trailing_zeros() as usize;
            left &= left - 1;
            let (Some(one), Some(from)) = (self.each.get(automaton), work.from.get_mut(automaton)) else {
                return;
            };
            if *from <= start
                && let Some((shape, end)) = one.at(text, start)
            {
                *from = end;
                found(Match { automaton, shape, start, end });
            }
        }
    }

    /// The automata that may match from the start of a word of letters on: those it does not end.
    fn outlive(&self, work: &mut Work, text: &[u8], token: &Token) -> u8 {
        let next = text.get(token.end).copied().unwrap_or(0);
        let one = token.hash ^ u64::from(next) << 8 ^ token.case as u64;
        let key = one.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 0xff;
        let place = usize::try_from(key >> 40).unwrap_or(0) % WORDS;
        let Some(entry) = work.words.get_mut(place) else { return u8::MAX };
        if *entry | 0xff != key {
            // With the byte after it, where there is one.
            let read = text.get(token.start..=token.end).or_else(|| text.get(token.start..));
            let read = read.unwrap_or_default();
            *entry = self.each.iter().enumerate().fold(key & !0xff, |entry, (number, one)| {
                entry | u64::from(one.outlives(b' ', read)) << number
            });
        }
        entry.to_le_bytes()[0]
    }
}

impl Beginnings {
    /// Of automata after a byte.
    fn new(each: &[Automaton], before: u8) -> Self {
        let (mut pairs, mut firsts) = (vec![0; 1 << 16], [0; 256]);
        for (number, automaton) in each.iter().enumerate() {
            let of_first = (0..=u8::MAX).zip(&mut firsts).zip(pairs.as_chunks_mut::<256>().0);
            for ((first, alone), with_second) in of_first {
                if !automaton.outlives(before, &[first]) {
                    continue;
                }
                for (second, able) in (0..=u8::MAX).zip(with_second) {
                    if automaton.outlives(before, &[first, second]) {
                        *able |= 1 << number;
                        *alone |= 1 << number;
                    }
                }
            }
        }
        Self { pairs, firsts }
    }

    fn with(&self, first: u8, second: Option<u8>) -> u8 {
        let able = match second {
            Some(second) => self.pairs.get(usize::from(first) << 8 | usize::from(second)),
            None => self.firsts.get(usize::from(first)),
        };
        able.copied().unwrap_or(0)
    }
}

impl Numbers {
    fn new(each: &[Automaton]) -> Self {
        let mut able = vec![[0; 256]; 10 * LONGEST];
        for (number, automaton) in each.iter().enumerate() {
            for (first, able) in (b'0'..=b'9').zip(able.chunks_mut(LONGEST)) {
                // The states after some digits, and whether some of the digits are a match.
                let mut states = vec![automaton.dfa.next_state(automaton.start(None), first)];
                let mut matched = false;
                for able in able {
                    matched |= states.iter().any(|state| automaton.dfa.is_match_state(*state));
                    for (next, able) in (0..=u8::MAX).zip(able) {
                        let goes_on = |state: &StateID| !automaton.ends(*state, next);
                        *able |= u8::from(matched || states.iter().any(goes_on)) << number;
                    }
                    let next = |state| (b'0'..=b'9').map(move |digit| automaton.dfa.next_state(state, digit));
                    states = states.into_iter().flat_map(next).collect();
                    states.retain(|state| !automaton.dfa.is_dead_state(*state));
                    states.sort_unstable();
                    states.dedup();
                }
            }
        }
        Self(able)
    }

    /// For a number of digits alone.
    fn with(&self, text: &[u8], token: &Token) -> u8 {
        let first = text.get(token.start).map_or(0, |digit| usize::from(digit.wrapping_sub(b'0')));
        let able = self.0.get(first * LONGEST + token.len() - 1).filter(|_| token.len() <= LONGEST);
        match (able, text.get(token.end)) {
            (Some(able), Some(next)) => able.get(usize::from(*next)).copied().unwrap_or(u8::MAX),
            _ => u8::MAX,
        }
    }
}

impl Automaton {
    fn new(shapes: &[&str], alone: bool) -> Result<Self, String> {
        let failed = |error: &dyn std::error::Error| error.to_string();
        let syntax = syntax::Config::new().unicode(false).utf8(false).case_insensitive(true);
        let nfa = thompson::Compiler::new().syntax(syntax).build_many(shapes).map_err(|e| failed(&e))?;
        // Where a shape can begin is told by the byte before it, which tells nothing of a line's or text's edge.
        if nfa.look_set_any().contains_anchor() {
            return Err("a shape has an anchor (`^`, `$`)".to_owned());
        }
        let config = dense::Config::new()
            .start_kind(StartKind::Anchored)
            .starts_for_each_pattern(alone)
            .accelerate(false)
            .dfa_size_limit(Some(STATES))
            .determinize_size_limit(Some(STATES));
        let dfa = dense::Builder::new().configure(config).build_from_nfa(&nfa).map_err(|e| failed(&e))?;
        let start =
            |before| dfa.start_state(&start::Config::new().anchored(Anchored::Yes).look_behind(Some(before)));
        let starts = [start(b' ').map_err(|e| failed(&e))?, start(b'a').map_err(|e| failed(&e))?];
        Ok(Self { dfa, starts })
    }

    fn start(&self, before: Option<u8>) -> StateID {
        let [apart, within] = self.starts;
        if before.is_some_and(is_word) { within } else { apart }
    }

    /// Whether a byte ends all hope from a state on.
    fn ends(&self, state: StateID, byte: u8) -> bool {
        self.dfa.is_dead_state(self.dfa.next_state(state, byte))
    }

    /// The first shape that matches at a place, and the end.
    fn at(&self, text: &[u8], start: usize) -> Option<(PatternID, usize)> {
        self.walk(self.start(byte_before(text, start)), text, start)
    }

    /// The shape that matches from a state on, and the end.
    fn walk(&self, mut state: StateID, text: &[u8], start: usize) -> Option<(PatternID, usize)> {
        // A state tells of a match one byte late; the library's own search costs several times this on a few bytes.
        let mut found = None;
        let mut rest = text.get(start..)?.iter();
        while let Some(byte) = rest.next() {
            state = self.dfa.next_state(state, *byte);
            if !self.dfa.is_special_state(state) {
                continue;
            }
            if self.dfa.is_match_state(state) {
                let end = text.len() - rest.len() - 1;
                found = Some((self.dfa.match_pattern(state, 0), end));
            } else if self.dfa.is_dead_state(state) {
                return found.filter(|(_, end)| *end > start);
            }
        }
        let last = self.dfa.next_eoi_state(state);
        if self.dfa.is_match_state(last) {
            found = Some((self.dfa.match_pattern(last, 0), text.len()));
        }
        found.filter(|(_, end)| *end > start)
    }

    /// Whether a match may go on after, or end within, these bytes.
    fn outlives(&self, before: u8, bytes: &[u8]) -> bool {
        let mut state = self.start(Some(before));
        for byte in bytes {
            state = self.dfa.next_state(state, *byte);
            if self.dfa.is_special_state(state) {
                return self.dfa.is_match_state(state);
            }
        }
        true
    }
}

/// A set of bytes.
#[derive(Clone, Copy, Default)]
struct Bytes([u64; 4]);

impl Bytes {
    fn has(self, byte: u8) -> bool {
        self.0.get(usize::from(byte >> 6)).is_some_and(|bits| bits >> (byte & 63) & 1 == 1)
    }

    fn add(&mut self, byte: u8) {
        if let Some(bits) = self.0.get_mut(usize::from(byte >> 6)) {
            *bits |= 1 << (byte & 63);
        }
    }
}

fn byte_before(text: &[u8], at: usize) -> Option<u8> {
    at.checked_sub(1).and_then(|at| text.get(at)).copied()
}

const fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use regex_automata::meta::Regex;

    use super::*;

    #[test]
    fn anchors_are_refused() {
        for shape in ["^mrn", "(?m)^mrn", "mrn$"] {
            assert!(Automata::new(&[(vec![shape], false)]).is_err(), "{shape}");
        }
    }

    const SHAPES: [&[&str]; 2] = [
        &[r"\bmrn\b:?", r"\b\d{3}-\d{4}\b", r"@[a-z]", r"[a-z]\d{2}/"],
        &[r"(?:\(\d{3}\) )?\b\d{3}", r"\x22a\x22", r"\ba[a-z]+(?: mrn)?", r"\bmr", r"\b(?-i:MRN) 123"],
    ];

    proptest! {
        #[test]
        fn it_finds_what_a_search_from_anywhere_finds(
            pieces in prop::collection::vec(
                prop::sample::select(vec![
                    "mrn", "MRN", ":", " ", "_", "123", "4567", "-", "@", "a", "ab", "'", "(", ") ", "12/", "\"a\"", "\n", "é",
                ]),
                0..24,
            )
        ) {
            let text = pieces.concat();
            let note = Note::new(&text);
            let automata = Automata::new(&SHAPES.map(|shapes| (shapes.to_vec(), false))).unwrap();
            let mut found = Vec::new();
            automata.seek(&note, &mut |one| found.push(one));
            found.sort_by_key(|one| (one.automaton, one.start));
            let mut expected = Vec::new();
            for (automaton, shapes) in SHAPES.iter().enumerate() {
                let syntax = syntax::Config::new().unicode(false).utf8(false).case_insensitive(true);
                let whole = Regex::builder().syntax(syntax).build_many(shapes).unwrap();
                expected.extend(whole.find_iter(note.text()).map(|one| {
                    Match { automaton, shape: one.pattern(), start: one.start(), end: one.end() }
                }));
            }
            prop_assert_eq!(found, expected);
        }
    }
}
