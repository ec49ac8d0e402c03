//! The shapes of all detectors in a few automata, each tried only where one of its shapes can begin.
//!
//! A search for the next match from anywhere would walk its states over every byte, and once more backwards for the
//! start. Most places cannot begin a match: of a word and two bytes after it a table knows which automata outlive them,
//! and elsewhere two bytes and what stands before them say so. What is found is what such a search finds: at the leftmost
//! place the first shape in order, then on from its end.

mod heads;
mod states;

use std::ops::Range;
use std::sync::Arc;

use regex_automata::hybrid::dfa::DFA;
use regex_automata::util::pool::Pool;
use regex_automata::util::primitives::PatternID;
use regex_automata::util::syntax;
use regex_automata::{Anchored, MatchKind};

use crate::view::{Note, Token};

use heads::Heads;
use states::{Lazy, State, States};

/// Most bytes of states that the library keeps of one automaton, beside which our rows are a half at most; above it they
/// are made anew as they are needed.
const STATES: usize = 8 << 20;
/// Pairs of words that are remembered: a power of two.
const WORDS: usize = 1 << 15;
/// Words that are asked of together.
const TOGETHER: usize = 32;

type MakeWork = Box<dyn Fn() -> Work + Send + Sync + std::panic::UnwindSafe + std::panic::RefUnwindSafe>;

/// The automata, at most eight: a set of them is a byte.
pub(crate) struct Automata {
    each: Arc<Vec<Automaton>>,
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
    first: Lazy,
    /// Tells every shape that matches at a place, where the first one is not enough.
    every: Lazy,
    heads: Heads,
}

/// Some shapes of one automaton.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Shapes(u128);

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
    states: Vec<States>,
    /// The same of those that tell every shape; made where they are asked.
    every: Vec<Option<States>>,
    /// By the hash of a word and two bytes after it: which are remembered, and in the lowest byte the automata that outlive
    /// them.
    words: Vec<[u64; 2]>,
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
        let mut states: Vec<States> = each.iter().map(|one| one.first.states()).collect();
        let begin = [b' ', b'a'].map(|before| Beginnings::new(&each, &mut states, before));
        let numbers = Numbers::new(&each, &mut states);
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
        let each = Arc::new(each);
        let of = Arc::clone(&each);
        let make: MakeWork = Box::new(move || Work {
            states: of.iter().map(|one| one.first.states()).collect(),
            every: of.iter().map(|_| None).collect(),
            words: vec![[0; 2]; WORDS],
            from: Vec::new(),
        });
        Ok(Self { each, begin, numbers, inner, inside, works: Pool::new(make) })
    }

    /// Finds the matches of each automaton that begin in a part of the note and do not overlap each other. In order for each
    /// of them.
    pub(crate) fn seek(&self, note: &Note<'_>, part: Range<usize>, found: &mut impl FnMut(&mut Work, Match)) {
        let mut work = self.works.get();
        let work = &mut *work;
        work.from.clear();
        work.from.resize(self.each.len(), 0);
        let text = note.text().as_bytes();
        let [letter_inside, digit_inside] = self.inside;
        let blank = self.skips_blanks();
        let mut at = part.start;
        let first = note.token_at(at);
        let last = note.token_at(part.end);
        let last = last + usize::from(note.tokens().get(last).is_some_and(|token| token.start < part.end));
        let mut known = [None; TOGETHER];
        for (number, token) in note.tokens().get(first..last).unwrap_or(&[]).iter().enumerate() {
            // What is remembered of a word is somewhere in memory: of many words it is fetched at once.
            if number % TOGETHER == 0 {
                let words = note.tokens().iter().skip(first + number);
                known.iter_mut().zip(words).for_each(|(known, token)| *known = work.recall(text, token));
            }
            let known = known.get(number % TOGETHER).copied().flatten();
            // Most words are parted by one blank.
            if !(blank && token.start == at + 1 && text.get(at) == Some(&b' ')) {
                self.places(work, text, at..token.start, found);
            }
            at = token.end;
            if token.plain && !letter_inside && byte_before(text, token.start) != Some(b'_') {
                let able = known.unwrap_or_else(|| self.outlive(work, text, token));
                if able != 0 {
                    self.attempt(work, text, token.start, able, found);
                }
                let last = token.end - 1;
                if last > token.start && text.get(token.end).is_none_or(|next| self.inner.has(*next)) {
                    self.places(work, text, last..token.end, found);
                }
            } else if token.digits && !digit_inside && !byte_before(text, token.start).is_some_and(is_word) {
                let mut able = self.numbers.with(text, token);
                if able != 0 {
                    able &= known.unwrap_or_else(|| self.outlive(work, text, token));
                }
                if able != 0 {
                    self.attempt(work, text, token.start, able, found);
                }
            } else {
                self.places(work, text, token.start..token.end, found);
            }
        }
        self.places(work, text, at..part.end, found);
    }

    /// The shapes of an automaton after that of one of its matches which match at the same place.
    pub(crate) fn others(
        &self,
        work: &mut Work,
        text: &str,
        one: Match,
    ) -> impl Iterator<Item = PatternID> + use<> {
        let Match { automaton, shape, start, .. } = one;
        let mut shapes = Shapes::default();
        if let (Some(one), Some(states)) = (self.each.get(automaton), work.every.get_mut(automaton)) {
            // Most often none of them begins so, and the states need not be walked.
            let may = one.heads.of(text.as_bytes().get(start..).unwrap_or(&[]));
            if may.after(shape).next().is_some() {
                let states = states.get_or_insert_with(|| one.every.states());
                shapes = one.every(states, text.as_bytes(), start);
            }
        }
        shapes.after(shape)
    }

    /// Whether nothing begins with a blank: then what parts most words is not looked at.
    pub(crate) fn skips_blanks(&self) -> bool {
        self.begin.iter().all(|begin| begin.with(b' ', None) == 0)
    }

    /// The end of the match of one shape that begins at a place.
    pub(crate) fn at(
        &self,
        work: &mut Work,
        text: &str,
        Match { automaton, shape, start, .. }: Match,
    ) -> Option<usize> {
        let (one, states) = (self.each.get(automaton)?, work.states.get_mut(automaton)?);
        one.at(states, text.as_bytes(), start, Anchored::Pattern(shape)).map(|(_, end)| end)
    }

    /// Tries each place.
    fn places(
        &self,
        work: &mut Work,
        bytes: &[u8],
        places: Range<usize>,
        found: &mut impl FnMut(&mut Work, Match),
    ) {
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
    fn attempt(
        &self,
        work: &mut Work,
        text: &[u8],
        start: usize,
        able: u8,
        found: &mut impl FnMut(&mut Work, Match),
    ) {
        let mut left = able;
        while left != 0 {
            let automaton = left.trailing_zeros() as usize;
            left &= left - 1;
            let (Some(one), Some(states), Some(from)) =
                (self.each.get(automaton), work.states.get_mut(automaton), work.from.get_mut(automaton))
            else {
                return;
            };
            if *from <= start
                && let Some((shape, end)) = one.at(states, text, start, Anchored::Yes)
            {
                *from = end;
                found(work, Match { automaton, shape, start, end });
            }
        }
    }

    /// The automata that may match from the start of a word or number on: those that it and the two bytes after it do not
    /// end.
    #[inline]
    fn outlive(&self, work: &mut Work, text: &[u8], token: &Token) -> u8 {
        let Some((key, place)) = Work::place(text, token) else { return u8::MAX };
        let Some([newer, older]) = work.words.get_mut(place) else { return u8::MAX };
        if *newer | 0xff != key {
            if *older | 0xff == key {
                return older.to_le_bytes()[0];
            }
            *older = *newer;
            *newer = key & !0xff | u64::from(self.try_outlive(&mut work.states, text, token));
        }
        newer.to_le_bytes()[0]
    }

    /// The same by the states: what is remembered.
    #[cold]
    fn try_outlive(&self, states: &mut [States], text: &[u8], token: &Token) -> u8 {
        let read = text.get(token.start..token.end + 2).unwrap_or_default();
        let each = self.each.iter().zip(states).enumerate();
        each.fold(0, |able, (number, (one, states))| {
            able | u8::from(one.outlives(states, b' ', read)) << number
        })
    }
}

impl Work {
    /// What is remembered of a word and two bytes after it, and where.
    #[inline]
    fn place(text: &[u8], token: &Token) -> Option<(u64, usize)> {
        let two = text.get(token.end..)?.first_chunk::<2>()?;
        let one = token.hash ^ u64::from(u16::from_le_bytes(*two)) << 8 ^ token.case as u64;
        let key = one.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 0xff;
        Some((key, usize::try_from(key >> 40).unwrap_or(0) % WORDS))
    }

    /// The automata that are remembered to outlive a word. Without a branch on what is fetched.
    #[inline]
    fn recall(&self, text: &[u8], token: &Token) -> Option<u8> {
        let (key, place) = Self::place(text, token)?;
        let [newer, older] = *self.words.get(place)?;
        let (is_newer, is_older) = (newer | 0xff == key, older | 0xff == key);
        let known = if is_newer { newer } else { older };
        (is_newer | is_older).then_some(known.to_le_bytes()[0])
    }
}

impl Beginnings {
    /// Of automata after a byte.
    fn new(each: &[Automaton], states: &mut [States], before: u8) -> Self {
        let (mut pairs, mut firsts) = (vec![0; 1 << 16], [0; 256]);
        for (number, (automaton, states)) in each.iter().zip(states).enumerate() {
            let of_first = (0..=u8::MAX).zip(&mut firsts).zip(pairs.as_chunks_mut::<256>().0);
            for ((first, alone), with_second) in of_first {
                if !automaton.outlives(states, before, &[first]) {
                    continue;
                }
                for (second, able) in (0..=u8::MAX).zip(with_second) {
                    if automaton.outlives(states, before, &[first, second]) {
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
    fn new(each: &[Automaton], caches: &mut [States]) -> Self {
        let mut able = vec![[0; 256]; 10 * LONGEST];
        for (number, (automaton, cache)) in each.iter().zip(caches).enumerate() {
            for (first, able) in (b'0'..=b'9').zip(able.chunks_mut(LONGEST)) {
                // The states after some digits, and whether some of the digits are a match: where the states cannot
                // tell, they are.
                let mut states: Vec<State> =
                    automaton.first.start(cache, Anchored::Yes, None).into_iter().collect();
                let mut matched = states.is_empty();
                let mut digits = first..=first;
                for able in able {
                    let mut more = Vec::new();
                    for (state, digit) in states.iter().flat_map(|state| digits.clone().map(|d| (*state, d)))
                    {
                        match automaton.first.next(cache, state, digit) {
                            Some(next) if next.is_dead() => {}
                            Some(next) if !next.is_special() => more.push(next),
                            Some(_) | None => matched = true,
                        }
                    }
                    more.sort_unstable();
                    more.dedup();
                    (states, digits) = (more, b'0'..=b'9');
                    for (next, able) in (0..=u8::MAX).zip(able) {
                        let mut ends = |state: &State| {
                            automaton.first.next(cache, *state, next).is_some_and(State::is_dead)
                        };
                        *able |= u8::from(matched || !states.iter().all(&mut ends)) << number;
                    }
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
    fn new(shapes: &[&str]) -> Result<Self, String> {
        let syntax = syntax::Config::new().unicode(false).utf8(false).case_insensitive(true);
        let config = DFA::config().cache_capacity(STATES).starts_for_each_pattern(true);
        let built = DFA::builder().syntax(syntax).configure(config).build_many(shapes);
        let dfa = built.map_err(|error| error.to_string())?;
        let every = DFA::config().cache_capacity(STATES).match_kind(MatchKind::All);
        let every = DFA::builder().configure(every).build_from_nfa(dfa.get_nfa().clone());
        let every = every.map_err(|error| error.to_string())?;
        if shapes.len() > Shapes::MOST {
            return Err(format!("{} shapes in one automaton, more than {}", shapes.len(), Shapes::MOST));
        }
        // Where a shape can begin is told by the byte before it, which tells nothing of a line's or text's edge.
        if dfa.get_nfa().look_set_any().contains_anchor() {
            return Err("a shape has an anchor (`^`, `$`)".to_owned());
        }
        let heads = Heads::new(dfa.get_nfa());
        Ok(Self { first: Lazy::new(dfa), every: Lazy::new(every), heads })
    }

    /// The first shape that matches at a place, and the end.
    fn at(
        &self,
        states: &mut States,
        text: &[u8],
        start: usize,
        which: Anchored,
    ) -> Option<(PatternID, usize)> {
        // A state tells of a match one byte late; the library's own search costs several times this on a few bytes.
        let mut state = self.first.start(states, which, byte_before(text, start))?;
        let mut found = None;
        let mut rest = text.get(start..)?.iter();
        while let Some(byte) = rest.next() {
            state = self.first.next(states, state, *byte)?;
            if !state.is_special() {
                continue;
            }
            let Some(shape) = states.first(state) else { return found.filter(|(_, end)| *end > start) };
            found = Some((shape, text.len() - rest.len() - 1));
        }
        let last = self.first.end(states, state)?;
        found = states.first(last).map(|shape| (shape, text.len())).or(found);
        found.filter(|(_, end)| *end > start)
    }

    /// The shapes that match at a place: all, where the states cannot tell.
    fn every(&self, states: &mut States, text: &[u8], start: usize) -> Shapes {
        let mut shapes = Shapes::default();
        let before = byte_before(text, start);
        let Some(mut state) = self.every.start(states, Anchored::Yes, before) else { return Shapes::ALL };
        for byte in text.get(start..).unwrap_or(&[]) {
            let Some(next) = self.every.next(states, state, *byte) else { return Shapes::ALL };
            state = next;
            if state.is_dead() {
                return shapes;
            }
            if state.is_special() {
                shapes = shapes.or(states.all(state));
            }
        }
        self.every.end(states, state).map_or(Shapes::ALL, |last| shapes.or(states.all(last)))
    }

    /// Whether a match may go on after, or end within, these bytes. True where the states cannot tell.
    fn outlives(&self, states: &mut States, before: u8, bytes: &[u8]) -> bool {
        let Some(mut state) = self.first.start(states, Anchored::Yes, Some(before)) else { return true };
        for byte in bytes {
            match self.first.next(states, state, *byte) {
                Some(next) if next.is_special() => return !next.is_dead(),
                Some(next) => state = next,
                None => return true,
            }
        }
        true
    }
}

impl Shapes {
    const MOST: usize = u128::BITS as usize;
    const ALL: Self = Self(u128::MAX);

    fn add(&mut self, shape: PatternID) {
        self.0 |= 1 << (shape.as_usize() % Self::MOST);
    }

    /// Those in one or the other.
    const fn or(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Those in both.
    const fn and(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    /// Those after one.
    fn after(self, shape: PatternID) -> impl Iterator<Item = PatternID> {
        let mut left = self.0 & (!1_u128).checked_shl(shape.as_u32()).unwrap_or(0);
        std::iter::from_fn(move || {
            let next = left.trailing_zeros();
            left &= left.wrapping_sub(1);
            usize::try_from(next)
                .ok()
                .filter(|next| *next < Self::MOST)
                .and_then(|next| PatternID::new(next).ok())
        })
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
            assert!(Automata::new(&[vec![shape]]).is_err(), "{shape}");
        }
    }

    const SHAPES: [&[&str]; 2] = [
        &[r"\bmrn\b:?", r"\b\d{3}-\d{4}\b", r"@[a-z]", r"[a-z]\d{2}/"],
        &[r"(?:\(\d{3}\) )?\b\d{3}", r"\x22a\x22", r"\ba[a-z]+(?: mrn)?", r"\bmr", r"\b(?-i:MRN) 123"],
    ];

    proptest! {
        #[test]
        fn every_shape_that_matches_at_a_place_is_told(text in "(mrn|MRN|[:_ -]|1[0-9]{0,3}|ab?){0,16}") {
            let note = Note::new(&text);
            let automata = Automata::new(&SHAPES.map(<[&str]>::to_vec)).unwrap();
            let mut wrong = Vec::new();
            automata.seek(&note, 0..text.len(), &mut |work, one| {
                let told: Vec<PatternID> = automata.others(work, &text, one).collect();
                let count = SHAPES.get(one.automaton).map_or(0, |shapes| shapes.len());
                let matches: Vec<PatternID> = (one.shape.as_usize() + 1..count)
                    .filter_map(|shape| PatternID::new(shape).ok())
                    .filter(|shape| automata.at(work, &text, Match { shape: *shape, ..one }).is_some())
                    .collect();
                if told != matches {
                    wrong.push((one, told, matches));
                }
            });
            prop_assert!(wrong.is_empty(), "{wrong:?} in {text:?}");
        }

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
            automata.seek(&note, 0..note.text().len(), &mut |_, one| found.push(one));
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
