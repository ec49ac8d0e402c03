//! One note as the detectors see it: folded text with the way back to the original, and words with their marks.
//!
//! Matching is done on the folded text: NFKC, full-width forms, typographic dashes and quotes made plain,
//! invisible characters left out. Every span that is reported is on the original, on character boundaries.
//! ASCII text is its own folded text and costs no copy.

use std::borrow::Cow;

use lazaret_core::Span;
use unicode_normalization::{UnicodeNormalization, char::canonical_combining_class};

use crate::cue::Cues;
use crate::lexicon::{Lexicon, Marks, hash, hash_of};

/// How a word is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Case {
    /// `word`
    Lower,
    /// `Word`, `McWord`
    Capital,
    /// `WORD`, two letters or more
    Upper,
    /// `W`
    Initial,
    /// `42`
    Number,
    /// `A42`, `word2`
    Mixed,
}

/// A word: a run of letters and digits, with apostrophes inside.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Token {
    pub(crate) start: usize,
    pub(crate) end: usize,
    pub(crate) marks: Marks,
    pub(crate) case: Case,
    /// Letters of ASCII and nothing else.
    pub(crate) plain: bool,
    /// Digits of ASCII and nothing else.
    pub(crate) digits: bool,
    /// The hash of its lower-case form.
    pub(crate) hash: u64,
}

impl Token {
    pub(crate) const fn has(&self, marks: Marks) -> bool {
        self.marks.has(marks)
    }

    /// Written as names are: `Word`, `WORD`, `W`.
    pub(crate) const fn capitalised(&self) -> bool {
        matches!(self.case, Case::Capital | Case::Upper | Case::Initial)
    }

    pub(crate) const fn len(&self) -> usize {
        self.end - self.start
    }
}

/// A stretch of folded text and where it came from.
#[derive(Debug, Clone, Copy)]
struct Run {
    folded: usize,
    original: usize,
    original_end: usize,
    /// The bytes are the same on both sides.
    same: bool,
}

/// How many bytes of text share an entry of the index of words.
const STRIDE: usize = 16;

/// A note.
pub(crate) struct Note<'a> {
    text: Cow<'a, str>,
    runs: Vec<Run>,
    tokens: Vec<Token>,
    /// By each [`STRIDE`] bytes the first word that ends after their first.
    strides: Vec<u32>,
    /// Which words have one of the marks [`CUES`].
    cues: Vec<u32>,
    /// Bytes that detectors looked at beyond their shapes: a test holds that they grow with the text alone.
    #[cfg(test)]
    pub(crate) looked_at: std::cell::Cell<usize>,
}

impl<'a> Note<'a> {
    /// Folds and splits a text, in one pass each. Memory: some multiple of the text's length.
    pub(crate) fn new(original: &'a str) -> Self {
        let (text, runs) = fold(original);
        let Words { tokens, strides, cues } = words(&text);
        Self {
            text,
            runs,
            tokens,
            strides,
            cues,
            #[cfg(test)]
            looked_at: std::cell::Cell::default(),
        }
    }

    #[cfg(test)]
    pub(crate) fn count(&self, bytes: usize) {
        self.looked_at.set(self.looked_at.get() + bytes);
    }

    #[cfg(not(test))]
    #[expect(clippy::unused_self, reason = "only tests count")]
    pub(crate) const fn count(&self, _: usize) {}

    /// The folded text.
    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    /// The words in order.
    pub(crate) fn tokens(&self) -> &[Token] {
        &self.tokens
    }

    /// The words with some of the marks [`CUES`], in order, and their places.
    pub(crate) fn cues(&self, marks: Marks) -> impl Iterator<Item = (usize, &Token)> {
        let at = |place: &u32| usize::try_from(*place).unwrap_or(usize::MAX);
        let words = self.cues.iter().map(at).filter_map(|at| Some((at, self.tokens.get(at)?)));
        words.filter(move |(_, token)| token.has(marks))
    }

    /// The folded text between two offsets; empty where they are not on boundaries.
    pub(crate) fn slice(&self, start: usize, end: usize) -> &str {
        self.count(end.saturating_sub(start));
        self.text.get(start..end).unwrap_or("")
    }

    pub(crate) fn word(&self, token: &Token) -> &str {
        self.slice(token.start, token.end)
    }

    /// The byte at an offset; 0 outside.
    pub(crate) fn byte(&self, at: usize) -> u8 {
        self.count(1);
        self.text.as_bytes().get(at).copied().unwrap_or(0)
    }

    /// The byte before an offset; 0 at the start.
    pub(crate) fn byte_before(&self, at: usize) -> u8 {
        at.checked_sub(1).map_or(0, |at| self.byte(at))
    }

    /// The index of the first word that ends after an offset.
    pub(crate) fn token_at(&self, offset: usize) -> usize {
        let Some(from) = self.strides.get(offset / STRIDE) else { return self.tokens.len() };
        let from = usize::try_from(*from).unwrap_or(usize::MAX);
        let rest = self.tokens.get(from..).unwrap_or(&[]);
        from + rest.iter().position(|token| token.end > offset).unwrap_or(rest.len())
    }

    /// At most `most` bytes before an offset, not beyond the start of the line, on a boundary.
    pub(crate) fn before(&self, at: usize, most: usize) -> &str {
        let mut from = at.saturating_sub(most);
        while from < at && !self.text.is_char_boundary(from) {
            from += 1;
        }
        let part = self.slice(from, at);
        let line = memchr::memrchr(b'\n', part.as_bytes());
        line.map_or(part, |line| part.get(line + 1..).unwrap_or(""))
    }

    /// At most `most` bytes from an offset, not beyond the end of the line, on a boundary.
    pub(crate) fn after(&self, at: usize, most: usize) -> &str {
        let mut to = at.saturating_add(most).min(self.text.len());
        while to > at && !self.text.is_char_boundary(to) {
            to -= 1;
        }
        let part = self.slice(at, to);
        memchr::memchr(b'\n', part.as_bytes()).map_or(part, |line| part.get(..line).unwrap_or(""))
    }

    /// Whether one of the cues (lower-case words, parted by `|`) stands in the `most` bytes before an offset, in its line.
    pub(crate) fn cue_before(&self, at: usize, most: usize, cues: &'static str) -> bool {
        let part = self.bytes(at.saturating_sub(most), at);
        self.text.is_char_boundary(at) && Cues::with(cues, |cues| cues.stand_in_last_line(part))
    }

    /// Whether one of the cues stands in the `most` bytes after an offset, in its line.
    pub(crate) fn cue_after(&self, at: usize, most: usize, cues: &'static str) -> bool {
        let part = self.bytes(at, at.saturating_add(most).min(self.text.len()));
        self.text.is_char_boundary(at) && Cues::with(cues, |cues| cues.stand_in_first_line(part))
    }

    /// The bytes between two offsets, which need not be on boundaries.
    fn bytes(&self, start: usize, end: usize) -> &[u8] {
        self.count(end.saturating_sub(start));
        self.text.as_bytes().get(start..end).unwrap_or(&[])
    }

    /// The place on the original of a span of the folded text.
    pub(crate) fn original(&self, start: usize, end: usize) -> Span {
        self.back(start, end, |offset| {
            let index = self.runs.partition_point(|run| run.folded <= offset);
            self.runs.get(index.saturating_sub(1))
        })
    }

    /// The same for spans in order, which are not sought anew each.
    pub(crate) fn originals(&self) -> impl FnMut(usize, usize) -> Span + '_ {
        let mut runs = self.runs.iter().peekable();
        let mut last = None;
        move |start, end| {
            self.back(start, end, |offset| {
                while let Some(run) = runs.next_if(|run| run.folded <= offset) {
                    last = Some(run);
                }
                last
            })
        }
    }

    /// The place on the original, by the last run that begins before an offset.
    fn back<'r>(&self, start: usize, end: usize, mut at: impl FnMut(usize) -> Option<&'r Run>) -> Span {
        if self.runs.is_empty() {
            return Span::new(start, end);
        }
        let from = at(start)
            .map_or(start, |run| if run.same { run.original + (start - run.folded) } else { run.original });
        let last = end.saturating_sub(1);
        let to = at(last).map_or(end, |run| {
            if run.same { run.original + (last - run.folded) + 1 } else { run.original_end }
        });
        Span::new(from, to)
    }
}

fn fold(original: &str) -> (Cow<'_, str>, Vec<Run>) {
    if original.is_ascii() {
        return (Cow::Borrowed(original), Vec::new());
    }
    let mut folded = String::with_capacity(original.len());
    let mut runs = vec![Run { folded: 0, original: 0, original_end: 0, same: true }];
    let mut copied = 0; // up to where the original is in `folded`
    let mut next = 0;
    while let Some(foreign) = original.as_bytes().get(next..).and_then(foreign) {
        // What is ASCII stays, but a mark belongs to the letter before it.
        let foreign = next + foreign;
        let is_mark = original
            .get(foreign..)
            .and_then(|rest| rest.chars().next())
            .is_some_and(|c| canonical_combining_class(c) != 0);
        let at = if is_mark && foreign > next { foreign - 1 } else { foreign };
        let mut chars = original.get(at..).unwrap_or("").char_indices().peekable();
        let Some((_, first)) = chars.next() else { break };
        let mut end = at + first.len_utf8();
        while let Some(&(_, mark)) = chars.peek() {
            // A long run of marks is folded piece by piece: no unbounded sorting of marks.
            if mark.is_ascii() || canonical_combining_class(mark) == 0 || end - at > 64 {
                break;
            }
            end += mark.len_utf8();
            chars.next();
        }
        next = end;
        let cluster = original.get(at..end).unwrap_or("");
        let plain: String = cluster.chars().filter(|c| !invisible(*c)).nfkc().map(plain_form).collect();
        if plain == cluster {
            continue;
        }
        folded.push_str(original.get(copied..at).unwrap_or(""));
        if !plain.is_empty() {
            runs.push(Run { folded: folded.len(), original: at, original_end: end, same: false });
            folded.push_str(&plain);
        }
        runs.push(Run { folded: folded.len(), original: end, original_end: end, same: true });
        copied = end;
    }
    folded.push_str(original.get(copied..).unwrap_or(""));
    // Of runs that begin at one folded offset (something invisible stood there) the last is right.
    runs.dedup_by(|next, last| {
        if next.folded == last.folded {
            *last = *next;
            true
        } else {
            false
        }
    });
    (Cow::Owned(folded), runs)
}

/// Where the first byte beyond ASCII is. Most of a text has none, so that it is looked at in blocks.
fn foreign(bytes: &[u8]) -> Option<usize> {
    const BLOCK: usize = 16;
    let (blocks, _) = bytes.as_chunks::<BLOCK>();
    let from = blocks.iter().take_while(|block| block.is_ascii()).count() * BLOCK;
    bytes.get(from..)?.iter().position(|byte| !byte.is_ascii()).map(|at| from + at)
}

fn invisible(c: char) -> bool {
    matches!(c, '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}'
        | '\u{2060}'..='\u{2069}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{e0000}'..='\u{e01ef}')
}

/// Typographic dashes and quotes as they are typed.
fn plain_form(c: char) -> char {
    match c {
        '\u{2010}'..='\u{2013}' | '\u{2212}' => '-',
        '\u{2018}' | '\u{2019}' | '\u{201b}' | '\u{2bc}' => '\'',
        '\u{201c}'..='\u{201f}' => '"',
        '\u{2044}' => '/',
        other => other,
    }
}

/// Marks of words that several detectors read on from: few words have one, and each detector would look at all.
const CUES: Marks = Marks::RELATION
    .or(Marks::ACQUAINTANCE)
    .or(Marks::TITLE)
    .or(Marks::STAFF)
    .or(Marks::CREDENTIAL)
    .or(Marks::STREET);

/// The words of a text.
struct Words {
    tokens: Vec<Token>,
    strides: Vec<u32>,
    cues: Vec<u32>,
}

/// The words of a text, by each [`STRIDE`] bytes of it the first word that ends after their first, and which words have
/// [`CUES`].
fn words(text: &str) -> Words {
    let bytes = text.as_bytes();
    let mut tokens: Vec<Token> = Vec::with_capacity(text.len() / 5);
    let mut strides = Vec::with_capacity(text.len() / STRIDE + 1);
    let (mut at, mut covered) = (0, 0);
    loop {
        let rest = bytes.get(at..).unwrap_or(&[]);
        at += rest.iter().position(|byte| counts_of(*byte) != 0).unwrap_or(rest.len());
        let start = at;
        let Some(&first) = bytes.get(start) else { break };
        let rest = bytes.get(start..).unwrap_or(&[]);
        let ascii = Ascii::read(rest);
        let end = start + ascii.length;
        let odd = bytes.get(end).is_some_and(|next| *next == b'\'' || *next >= 0x80);
        let token = if let Some(case) = ascii.case(first).filter(|_| !odd) {
            let hash = hash_of(rest.get(..ascii.length).unwrap_or(rest));
            let marks = Marks::default();
            Token { start, end, marks, case, plain: !ascii.digit, digits: case == Case::Number, hash }
        } else if let Some(token) = Word::token(text, start) {
            token
        } else {
            at += text.get(at..).and_then(|rest| rest.chars().next()).map_or(1, char::len_utf8);
            continue;
        };
        at = token.end;
        let number = u32::try_from(tokens.len()).unwrap_or(u32::MAX);
        while covered < at {
            strides.push(number);
            covered += STRIDE;
        }
        tokens.push(token);
    }
    // Each word is somewhere else in the lexicon, far from the processor. Asked in a row, with nothing to do between, many
    // are on their way at once.
    let lexicon = Lexicon::get();
    for token in tokens.iter_mut().filter(|token| token.case != Case::Number) {
        token.marks = lexicon.marks_of_hash(token.hash);
    }
    let numbers = (0_u32..).zip(&tokens).filter(|(_, token)| token.has(CUES));
    let cues = numbers.map(|(number, _)| number).collect();
    Words { tokens, strides, cues }
}

/// Whether the apostrophe at `at` begins a possessive `'s` that ends the word.
fn ends_possessive(bytes: &[u8], at: usize) -> bool {
    let byte = |at: usize| bytes.get(at).copied().unwrap_or(0);
    matches!(byte(at + 1), b's' | b'S') && !byte(at + 2).is_ascii_alphanumeric() && byte(at + 2) < 0x80
}

fn counts_of(byte: u8) -> u64 {
    COUNTS.get(usize::from(byte)).copied().unwrap_or(0)
}

/// What each byte adds to [`Word::counts`].
const COUNTS: [u64; 256] = {
    let mut counts = [0; 256];
    let mut rest: &mut [u64] = &mut counts;
    let mut byte = 0_u8;
    while let [first, more @ ..] = rest {
        *first = match byte {
            b'A'..=b'Z' => LETTER + UPPER,
            b'a'..=b'z' => LETTER,
            b'0'..=b'9' => DIGIT,
            0x80.. => FOREIGN,
            _ => 0,
        };
        byte = byte.wrapping_add(1);
        rest = more;
    }
    counts
};
/// A text is looked at in blocks of far fewer bytes than a count holds.
const LETTER: u64 = 1;
const UPPER: u64 = 1 << 21;
const DIGIT: u64 = 1 << 42;
/// Part of a character beyond ASCII: it must be looked at.
const FOREIGN: u64 = 1 << 63;

/// The letters and digits of ASCII that a word begins with: most words are nothing else.
#[derive(Default)]
struct Ascii {
    length: usize,
    upper: bool,
    lower: bool,
    digit: bool,
}

impl Ascii {
    /// Eight bytes at once, the highest bit of each telling what it is.
    fn read(bytes: &[u8]) -> Self {
        const EACH: u64 = u64::MAX / 0xff;
        const HIGH: u64 = EACH << 7;
        // What added to a byte sets its highest bit from a character on.
        const fn from(character: u8) -> u64 {
            (0x80 - character as u64) * EACH
        }
        let mut word = Self::default();
        loop {
            let rest = bytes.get(word.length..).unwrap_or(&[]);
            let eight = rest.first_chunk::<8>().copied().unwrap_or_else(|| {
                let mut eight = [0; 8];
                eight.iter_mut().zip(rest).for_each(|(to, byte)| *to = *byte);
                eight
            });
            let all = u64::from_le_bytes(eight);
            let seven = all & !HIGH;
            let folded = seven | EACH << 5;
            let letters =
                folded.wrapping_add(from(b'a')) & !folded.wrapping_add(from(b'z' + 1)) & !all & HIGH;
            let digits = seven.wrapping_add(from(b'0')) & !seven.wrapping_add(from(b'9' + 1)) & !all & HIGH;
            let other = !(letters | digits) & HIGH;
            // The bytes before the first that is neither.
            let within = (other & other.wrapping_neg()).wrapping_sub(1);
            let upper = letters & !(all << 2);
            word.upper |= upper & within != 0;
            word.lower |= letters & !upper & within != 0;
            word.digit |= digits & within != 0;
            if other != 0 {
                word.length += usize::try_from(other.trailing_zeros() / 8).unwrap_or(0);
                return word;
            }
            word.length += 8;
        }
    }

    /// How it is written, where that takes no counting of its letters.
    const fn case(&self, first: u8) -> Option<Case> {
        match (self.upper, self.lower, self.digit) {
            (false, true, false) => Some(Case::Lower),
            (false, false, true) => Some(Case::Number),
            (true, false, false) if self.length == 1 => Some(Case::Initial),
            (true, false, false) => Some(Case::Upper),
            (true, true, false) if first.is_ascii_uppercase() => Some(Case::Capital),
            (true, _, true) | (_, true, true) => Some(Case::Mixed),
            _ => None,
        }
    }
}

/// What is gathered of a word while it is read.
#[derive(Default)]
struct Word {
    /// Letters, capitals among them, digits: 21 bits each.
    counts: u64,
    /// It has characters beyond ASCII.
    foreign: bool,
}

impl Word {
    /// The word that begins at a place, whatever it is made of.
    fn token(text: &str, start: usize) -> Option<Token> {
        let bytes = text.as_bytes();
        let mut word = Self::default();
        let mut end = start + word.read(bytes.get(start..)?);
        if bytes.get(end).is_some_and(|next| *next == b'\'' || *next >= 0x80) {
            end = word.read_on(text, start, end);
        }
        let written = text.get(start..end).filter(|written| !written.is_empty())?;
        let hash = if word.foreign {
            hash(&written.chars().flat_map(char::to_lowercase).collect::<String>())
        } else {
            hash_of(written.as_bytes())
        };
        let letters = word.letters();
        let begins_upper = || {
            let mut letters = written.chars().filter(|c| c.is_alphabetic());
            written.starts_with(|c: char| c.is_ascii_uppercase())
                || letters.next().is_some_and(char::is_uppercase)
        };
        Some(Token {
            start,
            end,
            marks: Marks::default(),
            case: word.case(written, begins_upper),
            plain: !word.foreign && letters == written.len(),
            digits: !word.foreign && word.digits() == written.len(),
            hash,
        })
    }

    /// Reads letters and digits of ASCII, which most words are made of: how many there are.
    fn read(&mut self, bytes: &[u8]) -> usize {
        let (mut counts, mut length) = (0_u64, 0);
        for byte in bytes {
            let adds = counts_of(*byte);
            if adds == 0 || adds == FOREIGN {
                break;
            }
            counts = counts.wrapping_add(adds);
            length += 1;
        }
        self.counts = counts;
        length
    }

    /// Reads on where a word has an apostrophe or characters beyond ASCII: to its end.
    fn read_on(&mut self, text: &str, start: usize, from: usize) -> usize {
        let bytes = text.as_bytes();
        let byte = |at: usize| bytes.get(at).copied().unwrap_or(0);
        let mut at = from;
        loop {
            let b = byte(at);
            let adds = counts_of(b);
            if adds == FOREIGN {
                let next = text.get(at..).and_then(|rest| rest.chars().next());
                let Some(c) = next.filter(|c| c.is_alphanumeric() || canonical_combining_class(*c) != 0)
                else {
                    return at;
                };
                self.push(c);
                at += c.len_utf8();
            } else if adds != 0 {
                self.counts += adds;
                at += 1;
            } else if b == b'\''
                && at > start
                && byte(at - 1).is_ascii_alphabetic()
                && (byte(at + 1) >= 0x80 || byte(at + 1).is_ascii_alphabetic())
                && !ends_possessive(bytes, at)
            {
                at += 1;
            } else {
                return at;
            }
        }
    }

    fn push(&mut self, c: char) {
        self.foreign = true;
        if c.is_alphabetic() {
            self.counts += LETTER + if c.is_uppercase() { UPPER } else { 0 };
        } else if c.is_numeric() {
            self.counts += DIGIT;
        }
    }

    fn letters(&self) -> usize {
        count(self.counts % UPPER)
    }

    fn digits(&self) -> usize {
        count(self.counts / DIGIT)
    }

    /// How it is written; `begins_upper` tells of its first letter.
    fn case(&self, written: &str, begins_upper: impl FnOnce() -> bool) -> Case {
        let (letters, upper, digits) = (self.letters(), count(self.counts % DIGIT / UPPER), self.digits());
        match (letters, digits) {
            (0, _) => Case::Number,
            (1, 0) if upper == 1 => Case::Initial,
            (_, 0) if upper == letters => Case::Upper,
            (_, 0) if upper == 0 => Case::Lower,
            (_, 0) if begins_upper() => Case::Capital,
            // `deSouza` is a name's capital, `mRNA` is not: one capital after a short prefix.
            (_, 0)
                if upper == 1
                    && letters > 4
                    && written.find(char::is_uppercase).is_some_and(|at| at <= 3) =>
            {
                Case::Capital
            }
            (_, 0) => Case::Lower,
            _ => Case::Mixed,
        }
    }
}

fn count(bits: u64) -> usize {
    usize::try_from(bits).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn folded_spans_come_back_to_whole_characters() {
        let text = "\u{feff}😀 Dr. Jose\u{301} A\u{301}n\u{303}ez MRN：００８８ tel 617‑555";
        let note = Note::new(text);
        for (folded, original) in [("José", "Jose\u{301}"), ("0088", "００８８"), ("617-555", "617‑555")]
        {
            let at = note.text().find(folded).unwrap();
            let span = note.original(at, at + folded.len());
            assert_eq!(text.get(span.start..span.end), Some(original));
        }
    }

    #[test]
    fn words_carry_their_case() {
        let note = Note::new("O'Driscoll's MRN is A42, dr k. McCoy 12");
        let cases: Vec<(&str, Case)> = note.tokens().iter().map(|t| (note.word(t), t.case)).collect();
        assert_eq!(cases[0], ("O'Driscoll", Case::Capital));
        assert_eq!(cases[1], ("s", Case::Lower));
        assert_eq!(cases[2], ("MRN", Case::Upper));
        assert_eq!(cases[4], ("A42", Case::Mixed));
        assert_eq!(cases[7], ("McCoy", Case::Capital));
        assert_eq!(cases[8], ("12", Case::Number));
    }

    proptest! {
        #[test]
        fn every_word_of_any_text_maps_to_boundaries(text in any::<String>()) {
            let note = Note::new(&text);
            for token in note.tokens() {
                let span = note.original(token.start, token.end);
                prop_assert!(text.get(span.start..span.end).is_some_and(|part| !part.is_empty()));
            }
        }
    }
}
