//! The shapes of all detectors in a few automata, each tried only where one of its shapes can begin.
//!
//! A search for the next match from anywhere would walk its states over every byte, and once more backwards for the
//! start. Most places cannot begin a match: of a word of letters a table knows which automata outlive it, and elsewhere
//! two bytes and what stands before them say so. What is found is what such a search finds: at the leftmost place the
//! first shape in order, then on from its end.

use std::ops::Range;

use regex_automata::Anchored;
use regex_automata::hybrid::dfa::{Cache, DFA};
use regex_automata::util::pool::Pool;
use regex_automata::util::primitives::PatternID;
use regex_automata::util::{start, syntax};

use crate::view::{Note, Token};

/// Most bytes of states that one automaton keeps; above it they are made anew as they are needed.
const STATES: usize = 8 << 20;
/// Words that are remembered: a power of two.
const WORDS: usize = 1 << 14;

type MakeWork = Box<dyn Fn() -> Work + Send + Sync + std::panic::UnwindSafe + std::panic::RefUnwindSafe>;

/// The automata, at most eight.
pub(crate) struct Automata {
    each: Vec<Automaton>,
    /// By what stands before (a letter or digit, or not) and the byte: the automata that may begin, one bit each.
    firsts: [Vec<u8>; 2],
    /// The bytes with which nothing begins.
    idle: Bytes,
    /// What may come second where something begins with a letter that is not the first of its word.
    inner: Bytes,
    /// Whether that may be a letter.
    inside: bool,
    works: Pool<Work, MakeWork>,
}

struct Automaton {
    dfa: DFA,
    /// By what stands before and the first byte: the bytes that may come second.
    seconds: [Vec<Bytes>; 2],
}

/// What one search works with; kept for the next.
pub(crate) struct Work {
    states: Vec<Cache>,
    /// By a word's hash: which word is remembered, and the automata that outlive it.
    words: Vec<(u64, u8)>,
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
    /// cases apart do so for whole words.
    pub(crate) fn new(shapes: &[Vec<&str>]) -> Result<Self, String> {
        let each: Vec<Automaton> =
            shapes.iter().map(|shapes| Automaton::new(shapes)).collect::<Result<_, _>>()?;
        let firsts = [0, 1].map(|behind| {
            let of = |first: u8| {
                let able = |automaton: &Automaton| !automaton.seconds(behind, first).is_empty();
                each.iter().enumerate().fold(0, |all, (bit, one)| all | u8::from(able(one)) << bit)
            };
            (0..=u8::MAX).map(of).collect()
        });
        let (mut idle, mut inner) = (Bytes::default(), Bytes::default());
        for byte in 0..=u8::MAX {
            let begins = |behind| each.iter().any(|one: &Automaton| !one.seconds(behind, byte).is_empty());
            if !begins(0) && !begins(1) {
                idle.add(byte);
            }
            let may_follow = |letter: u8| each.iter().any(|one| one.seconds(1, letter).has(byte));
            if (b'A'..=b'Z').chain(b'a'..=b'z').any(may_follow) {
                inner.add(byte);
            }
        }
        let inside = (b'A'..=b'Z').chain(b'a'..=b'z').any(|letter| inner.has(letter));
        let dfas: Vec<DFA> = each.iter().map(|one| one.dfa.clone()).collect();
        let make: MakeWork = Box::new(move || Work {
            states: dfas.iter().map(DFA::create_cache).collect(),
            words: vec![(0, 0); WORDS],
            from: Vec::new(),
        });
        Ok(Self { each, firsts, idle, inner, inside, works: Pool::new(make) })
    }

    /// Finds the matches of each automaton, which never overlap each other. In order for each of them.
    pub(crate) fn seek(&self, note: &Note<'_>, found: &mut impl FnMut(&mut Work, Match)) {
        let mut work = self.works.get();
        let work = &mut *work;
        work.from.clear();
        work.from.resize(self.each.len(), 0);
        let text = note.text();
        let mut at = 0;
        for token in note.tokens() {
            self.places(work, text, at..token.start, found);
            if token.plain && !self.inside && byte_before(text, token.start) != Some(b'_') {
                let able = self.outlive(work, text, token);
                self.attempt(work, text, token.start, able, found);
                if token.len() > 1 && text.as_bytes().get(token.end).is_none_or(|next| self.inner.has(*next))
                {
                    self.places(work, text, token.end - 1..token.end, found);
                }
            } else {
                self.places(work, text, token.start..token.end, found);
            }
            at = token.end;
        }
        self.places(work, text, at..text.len(), found);
    }

    /// The end of the match of one shape that begins at a place.
    pub(crate) fn at(
        &self,
        work: &mut Work,
        text: &str,
        Match { automaton, shape, start, .. }: Match,
    ) -> Option<usize> {
        let (one, states) = (self.each.get(automaton)?, work.states.get_mut(automaton)?);
        one.at(states, text, start, Anchored::Pattern(shape)).map(|(_, end)| end)
    }

    /// Tries each place.
    fn places(
        &self,
        work: &mut Work,
        text: &str,
        places: Range<usize>,
        found: &mut impl FnMut(&mut Work, Match),
    ) {
        let bytes = text.as_bytes();
        let mut before = byte_before(text, places.start);
        let Some(here) = bytes.get(places.clone()) else { return };
        for (start, &first) in places.zip(here) {
            if self.idle.has(first) {
                before = Some(first);
                continue;
            }
            let behind = usize::from(before.is_some_and(is_word));
            before = Some(first);
            let able =
                self.firsts.get(behind).and_then(|table| table.get(usize::from(first))).copied().unwrap_or(0);
            if able == 0 {
                continue;
            }
            let second = bytes.get(start + 1);
            let both = self.each.iter().enumerate().fold(0, |all, (bit, one)| {
                let able = second.is_none_or(|second| one.seconds(behind, first).has(*second));
                all | u8::from(able) << bit
            });
            self.attempt(work, text, start, able & both, found);
        }
    }

    /// Tries some automata at one place.
    fn attempt(
        &self,
        work: &mut Work,
        text: &str,
        start: usize,
        able: u8,
        found: &mut impl FnMut(&mut Work, Match),
    ) {
        let mut left = able;
        while left != 0 {
            let automaton = left.trailing_zeros() as usize;
            left &= left - 1;
            let (Some(one), Some(states)) = (self.each.get(automaton), work.states.get_mut(automaton)) else {
                return;
            };
            if work.from.get(automaton).is_some_and(|from| *from > start) {
                continue;
            }
            if let Some((shape, end)) = one.at(states, text, start, Anchored::Yes) {
                if let Some(from) = work.from.get_mut(automaton) {
                    *from = end;
                }
                found(work, Match { automaton, shape, start, end });
            }
        }
    }

    /// The automata that may match from the start of a word of letters on: those it does not end.
    fn outlive(&self, kept: &mut Work, text: &str, token: &Token) -> u8 {
        let next = text.as_bytes().get(token.end).copied().unwrap_or(0);
        let one = token.hash ^ u64::from(next) << 8 ^ token.case as u64;
        let key = one.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1; // 0 marks an empty place
        let place = usize::try_from(key >> 40).unwrap_or(0) % WORDS;
        if let Some((known, able)) = kept.words.get(place)
            && *known == key
        {
            return *able;
        }
        // With the byte after it, where there is one.
        let word =
            text.as_bytes().get(token.start..=token.end).or_else(|| text.as_bytes().get(token.start..));
        let word = word.unwrap_or_default();
        let each = self.each.iter().zip(&mut kept.states).enumerate();
        let able = each
            .fold(0, |all, (bit, (one, states))| all | u8::from(after(&one.dfa, states, b' ', word)) << bit);
        if let Some(entry) = kept.words.get_mut(place) {
            *entry = (key, able);
        }
        able
    }
}

impl Automaton {
    fn new(shapes: &[&str]) -> Result<Self, String> {
        let syntax = syntax::Config::new().unicode(false).utf8(false).case_insensitive(true);
        let config = DFA::config().cache_capacity(STATES).starts_for_each_pattern(true);
        let built = DFA::builder().syntax(syntax).configure(config).build_many(shapes);
        let dfa = built.map_err(|error| error.to_string())?;
        // Where a shape can begin is told by the byte before it, which tells nothing of a line's or text's edge.
        if dfa.get_nfa().look_set_any().contains_anchor() {
            return Err("a shape has an anchor (`^`, `$`)".to_owned());
        }
        let mut states = dfa.create_cache();
        let seconds = [b' ', b'a'].map(|before| seconds(&dfa, &mut states, before));
        Ok(Self { dfa, seconds })
    }

    fn seconds(&self, behind: usize, first: u8) -> Bytes {
        self.seconds.get(behind).and_then(|table| table.get(usize::from(first))).copied().unwrap_or_default()
    }

    fn at(
        &self,
        states: &mut Cache,
        text: &str,
        start: usize,
        which: Anchored,
    ) -> Option<(PatternID, usize)> {
        // A state tells of a match one byte late; the library's own search costs several times this on a few bytes.
        let config = start::Config::new().anchored(which).look_behind(byte_before(text, start));
        let mut state = self.dfa.start_state(states, &config).ok()?;
        let mut found = None;
        for (end, byte) in text.as_bytes().iter().enumerate().skip(start) {
            state = self.dfa.next_state(states, state, *byte).ok()?;
            if state.is_match() {
                found = Some((self.dfa.match_pattern(states, state, 0), end));
            } else if state.is_dead() {
                return found.filter(|(_, end)| *end > start);
            }
        }
        let last = self.dfa.next_eoi_state(states, state).ok()?;
        if last.is_match() {
            found = Some((self.dfa.match_pattern(states, last, 0), text.len()));
        }
        found.filter(|(_, end)| *end > start)
    }
}

/// For each first byte those that may come second.
fn seconds(dfa: &DFA, states: &mut Cache, before: u8) -> Vec<Bytes> {
    let of = |first: u8| {
        let mut able = Bytes::default();
        if after(dfa, states, before, &[first]) {
            (0..=u8::MAX)
                .filter(|second| after(dfa, states, before, &[first, *second]))
                .for_each(|b| able.add(b));
        }
        able
    };
    (0..=u8::MAX).map(of).collect()
}

/// Whether a match may go on after, or end within, these bytes. True where the states cannot tell.
fn after(dfa: &DFA, states: &mut Cache, before: u8, bytes: &[u8]) -> bool {
    let config = start::Config::new().anchored(Anchored::Yes).look_behind(Some(before));
    let Ok(mut state) = dfa.start_state(states, &config) else { return true };
    for byte in bytes {
        match dfa.next_state(states, state, *byte) {
            Ok(next) if next.is_dead() => return false,
            Ok(next) if next.is_match() => return true,
            Ok(next) => state = next,
            Err(_) => return true,
        }
    }
    true
}

/// A set of bytes.
#[derive(Clone, Copy, Default)]
struct Bytes([u64; 4]);

impl Bytes {
    fn has(self, byte: u8) -> bool {
        self.0.get(usize::from(byte >> 6)).is_some_and(|bits| bits >> (byte & 63) & 1 == 1)
    }

    fn is_empty(self) -> bool {
        self.0 == [0; 4]
    }

    fn add(&mut self, byte: u8) {
        if let Some(bits) = self.0.get_mut(usize::from(byte >> 6)) {
            *bits |= 1 << (byte & 63);
        }
    }
}

fn byte_before(text: &str, at: usize) -> Option<u8> {
    at.checked_sub(1).and_then(|at| text.as_bytes().get(at)).copied()
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
            assert!(Automata::new(&[vec![shape]]).is_err(), "{shape}");
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
            let automata = Automata::new(&SHAPES.map(<[&str]>::to_vec)).unwrap();
            let mut found = Vec::new();
            automata.seek(&note, &mut |_, one| found.push(one));
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
