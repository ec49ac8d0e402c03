//! The statistical step: words that may be names, and numbers that may identify, of those that no rule has claimed,
//! judged by two linear models.
//!
//! An averaged perceptron over hashed features (how a word is written, what the lists say of it and of two words on
//! either side, those words themselves, what stands between them, its place in the line) decides from left to right
//! whether a word is part of a person's name, a town, a street or an organisation; another (`numbers`) whether a number is
//! an identifier, a date or an age. All arithmetic is on integers and in a fixed order: the same texts give the same
//! weights, byte by byte. `examples/train` makes them (`catalogue/phi/weights.bin`, `numbers.bin`) from texts that it
//! generates.

mod doubt;
mod features;
mod numbers;
mod train;

use std::sync::LazyLock;

use lazaret_core::{Kind, Label};

use crate::lexicon::Marks;
use crate::overlap::{Evidence, Found};
use crate::registry::found;
use crate::view::{Case, Note, Token};

use doubt::{DOUBTED, NEVER, doubt, no_name};
use features::{Row, Rows, place};
pub use numbers::{Guess as NumberGuess, Numbers, Sort};
pub use train::{Lesson, NumberLesson, train, train_numbers};

/// What a word is part of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tag {
    /// Nothing that identifies.
    Other,
    /// The name of a person.
    Person,
    /// A town or county.
    Town,
    /// A street, with its number.
    Street,
    /// A facility, employer or firm.
    Organisation,
}

impl Tag {
    /// In the order of the columns of the weights.
    pub const ALL: [Self; TAGS] = [Self::Other, Self::Person, Self::Town, Self::Street, Self::Organisation];

    const fn column(self) -> usize {
        self as usize
    }

    const fn label(self) -> Option<Label> {
        match self {
            Self::Other => None,
            Self::Person => Some(Label::NAME),
            Self::Town => Some(Label::CITY),
            Self::Street => Some(Label::STREET),
            Self::Organisation => Some(Label::HOSPITAL),
        }
    }

    fn of(label: Label) -> Self {
        match label.kind {
            Kind::Name => Self::Person,
            Kind::Location if label == Label::STREET => Self::Street,
            Kind::Location => Self::Town,
            Kind::Hospital => Self::Organisation,
            _ => Self::Other,
        }
    }
}

const TAGS: usize = 5;
/// Bits that tell the rows of a table of weights apart. With fewer, things that are seen share rows with others so often that
/// a third more of what is guessed is wrong.
const BITS: u32 = 18;
/// Rows of a table of weights.
const ROWS: usize = 1 << BITS;
/// What the file begins with: its form, then the least margin of each tag.
const MAGIC: &[u8; 4] = b"LZP1";
const HEADER: usize = 4 + TAGS * 2;
/// Bytes that are added up at once.
const EIGHT: usize = 8;
const FILE: usize = HEADER + ROWS * TAGS;
/// A stored weight is a byte; this one is nothing.
const ZERO: i32 = 128;

/// How many times as far ahead two or three letters must be to be somebody's initials.
const INITIALS: i32 = 3;
/// From which margin on a name is learnt.
const LEARNT: i32 = 500;

type Scores = [i32; TAGS];

/// Weights and margins, as they are stored.
#[derive(Debug, Clone, Copy)]
pub struct Model<'a> {
    margins: Scores,
    /// The whole file.
    bytes: &'a [u8; FILE],
}

/// A stretch of words with one tag.
#[derive(Debug, Clone, Copy)]
pub struct Guess {
    /// First byte, on the folded text (the text itself, if it is ASCII).
    pub start: usize,
    /// Byte after the last.
    pub end: usize,
    /// What it is.
    pub tag: Tag,
    /// By how much the tag is ahead of `Other`, for a word on average.
    pub margin: i32,
    /// Whether a word of three letters is in it: letters and numbers alone are too often measurements.
    pub wordy: bool,
    /// How many times as far ahead it must be, where lists know its words as something else.
    pub times: i32,
}

/// The weights that are built in. Without them nothing may pass as looked at.
pub(crate) fn built_in() -> Result<(Model<'static>, Numbers<'static>), &'static str> {
    MODEL.zip(*NUMBERS).ok_or("the weights of the statistical step cannot be read")
}

static NUMBERS: LazyLock<Option<Numbers<'static>>> =
    LazyLock::new(|| Numbers::parse(include_bytes!("../../../catalogue/phi/numbers.bin")));
static MODEL: LazyLock<Option<Model<'static>>> =
    LazyLock::new(|| Model::parse(include_bytes!("../../../catalogue/phi/weights.bin")));

/// Adds what the model finds among the numbers that nothing has claimed.
pub(crate) fn guess_numbers(note: &Note<'_>, out: &mut Vec<Found>) -> Result<(), &'static str> {
    numbers::guess(built_in()?.1, note, out);
    Ok(())
}

/// Adds what the model finds among the words that no rule has claimed.
pub(crate) fn guess(note: &Note<'_>, out: &mut Vec<Found>) -> Result<(), &'static str> {
    let (model, _) = built_in()?;
    let mut taken = vec![None; note.tokens().len()];
    for claim in out.iter() {
        for slot in covered(note, claim, &mut taken) {
            *slot = Some(Tag::of(claim.label));
        }
    }
    for guess in model.guesses(note, &taken) {
        if let (true, Some(label)) = (model.sure(&guess), guess.tag.label()) {
            // Names that stand far ahead are sought in the whole note.
            let learnt = guess.tag == Tag::Person && guess.times == 1 && guess.margin >= LEARNT;
            let evidence = if learnt { Evidence::Shape } else { Evidence::Likely };
            out.push(found(label, guess.start, guess.end, evidence));
        }
    }
    Ok(())
}

/// The least margins in the head of a file of weights: what it begins with, then two bytes for each answer.
fn margins<const ANSWERS: usize>(head: &[u8], magic: [u8; 4]) -> Option<[i32; ANSWERS]> {
    let mut margins = [0; ANSWERS];
    for (margin, stored) in margins.iter_mut().zip(head.strip_prefix(&magic)?.as_chunks::<2>().0) {
        *margin = i32::from(u16::from_le_bytes(*stored));
    }
    Some(margins)
}

/// Of what is kept by word, that of the words a claim covers.
fn covered<'k, T>(note: &Note<'_>, claim: &Found, kept: &'k mut [T]) -> impl Iterator<Item = &'k mut T> {
    let first = note.token_at(claim.start);
    let words = note.tokens().get(first..).unwrap_or(&[]);
    let count = words.iter().take_while(|token| token.start < claim.end).count();
    kept.get_mut(first..first + count).unwrap_or_default().iter_mut()
}

impl<'a> Model<'a> {
    /// Reads what [`train`] wrote.
    pub fn parse(bytes: &'a [u8]) -> Option<Self> {
        let bytes: &[u8; FILE] = bytes.try_into().ok()?;
        Some(Self { margins: margins(bytes.get(..HEADER)?, *MAGIC)?, bytes })
    }

    /// The sums of the weights of some rows, by tag. There are fewer than 200 of them.
    fn scores(&self, rows: &[Row]) -> Scores {
        // Of the eight bytes that end with a row the first are the row's before: they are added up for nothing, and
        // all eight in one step.
        let mut sums = [0_u16; EIGHT];
        let zeros = ZERO.wrapping_mul(i32::try_from(rows.len()).unwrap_or(0));
        for row in rows {
            let end = HEADER + (place(*row) + 1) * TAGS;
            if let Some(eight) =
                self.bytes.get(end - EIGHT..end).and_then(|eight| eight.first_chunk::<EIGHT>())
            {
                for (sum, weight) in sums.iter_mut().zip(eight) {
                    *sum = sum.wrapping_add(u16::from(*weight));
                }
            }
        }
        let [.., other, person, town, street, organisation] = sums;
        [other, person, town, street, organisation].map(|sum| i32::from(sum) - zeros)
    }

    /// Whether a guess is worth reporting: far enough ahead, and with a word in it.
    pub fn sure(&self, guess: &Guess) -> bool {
        guess.wordy
            && self.margins.get(guess.tag.column()).is_some_and(|least| guess.margin >= least * guess.times)
    }

    /// What the model makes of an ASCII text by itself, whatever the margin: to measure it.
    pub fn guess_alone(&self, text: &str) -> Vec<Guess> {
        let note = Note::new(text);
        self.guesses(&note, &vec![None; note.tokens().len()])
    }

    fn guesses(&self, note: &Note<'_>, taken: &[Option<Tag>]) -> Vec<Guess> {
        let mut guesses: Vec<(Guess, i32, usize)> = Vec::new();
        walk(note, taken, |index, previous, rows| {
            let scores = self.scores(rows);
            let tag = Tag::ALL.get(best(&scores)).copied().unwrap_or(Tag::Other);
            if tag != Tag::Other
                && let Some(token) = note.tokens().get(index)
            {
                let margin =
                    scores.get(tag.column()).copied().unwrap_or(0) - scores.first().copied().unwrap_or(0);
                let before = index.checked_sub(1).and_then(|at| note.tokens().get(at));
                let post = tag == Tag::Street && post_code(token, before, previous);
                let short = token.case == Case::Upper
                    && token.len() <= 3
                    && !token.has(Marks::GIVEN_FREQUENT.or(Marks::SURNAME_FREQUENT));
                let initials = tag == Tag::Person
                    && (short || few_letters(token))
                    && token.len() > 1
                    && !matches!(note.byte(token.end), b'=' | b':' | b'#');
                let wordy = initials
                    || post
                    || token.len() > 2 && !short && !matches!(token.case, Case::Number | Case::Initial);
                let at_least = if initials { INITIALS } else { 1 };
                let times = if wordy { doubt(note, index).max(at_least) } else { DOUBTED };
                match guesses.last_mut() {
                    Some((last, count, at))
                        if last.tag == tag
                            && *at + 1 == index
                            && joined(note.slice(last.end, token.start), tag) =>
                    {
                        last.margin = (last.margin * *count + margin) / (*count + 1);
                        last.end = token.end;
                        last.wordy |= wordy;
                        last.times =
                            if last.times.max(times) == NEVER { NEVER } else { last.times.min(times) };
                        *count += 1;
                        *at = index;
                    }
                    // `and Quillan`: a small word goes on, and begins nothing.
                    _ if token.case == Case::Lower
                        && token.has(Marks::FUNCTION)
                        && !token.has(Marks::PARTICLE) => {}
                    _ => guesses.push((
                        Guess { start: token.start, end: token.end, tag, margin, wordy, times },
                        1,
                        index,
                    )),
                }
            }
            tag
        });
        // A street is a word and its number, or two words; a post code may stand alone.
        let lone = |guess: &Guess, count: i32| {
            guess.tag == Tag::Street && count == 1 && !note.byte(guess.start).is_ascii_digit()
        };
        guesses
            .into_iter()
            .map(|(guess, count, _)| {
                // What is not sure anyhow is not doubted further.
                if self.sure(&guess) && no_name(note, &guess, count) {
                    Guess { times: NEVER, ..guess }
                } else if lone(&guess, count) {
                    Guess { times: guess.times.max(DOUBTED), ..guess }
                } else {
                    guess
                }
            })
            .collect()
    }
}

/// Whether what stands between two words of one tag is inside the name.
fn joined(gap: &str, tag: Tag) -> bool {
    matches!(gap, "" | " " | "-" | "'" | ". " | "." | " & ")
        || (matches!(tag, Tag::Street | Tag::Organisation) && matches!(gap, ", " | "/"))
}

/// The place of the highest score; of equal ones the first.
fn best(scores: &[i32]) -> usize {
    let mut out = (0, i32::MIN);
    for (at, score) in scores.iter().enumerate() {
        if *score > out.1 {
            out = (at, *score);
        }
    }
    out.0
}

/// Goes over the words in order: those that a rule has claimed keep its tag, candidates are decided, the rest is
/// nothing.
fn walk(note: &Note<'_>, taken: &[Option<Tag>], mut decide: impl FnMut(usize, Tag, &[Row]) -> Tag) {
    let (mut rows, mut line) = (Rows::default(), Line::default());
    let mut previous = [Tag::Other; 2];
    for (index, token) in note.tokens().iter().enumerate() {
        if token.start >= line.end {
            line = Line::at(note, index, line.first);
        }
        let tag = match taken.get(index).copied().flatten() {
            Some(tag) => tag,
            None if candidate(note, index, previous[0]) => {
                rows.see(note, token, index, previous, &line);
                decide(index, previous[0], rows.list())
            }
            None => Tag::Other,
        };
        previous = [tag, previous[0]];
    }
}

/// What is known of a line.
#[derive(Default)]
struct Line {
    end: usize,
    first: usize,
    /// How its words are written: 0 mixed, 1 all capitals, 2 no capitals, 3 every word capitalised.
    case: u64,
}

/// Bytes of a line that are looked at to see how it is written.
const LINE: usize = 160;

impl Line {
    /// The line, or the next piece of a long one, from the word at `index` on.
    fn at(note: &Note<'_>, index: usize, first: usize) -> Self {
        let before = index.checked_sub(1).and_then(|at| note.tokens().get(at)).map_or(0, |token| token.end);
        let start = note.tokens().get(index).map_or(0, |token| token.start);
        let text = note.after(start, LINE);
        let end = start + text.len().max(1);
        let (mut upper, mut capital, mut lower) = (0, 0, 0);
        for token in note.tokens().iter().skip(index).take_while(|token| token.start < end) {
            match token.case {
                Case::Upper => upper += 1,
                Case::Capital => capital += 1,
                Case::Lower => lower += 1,
                _ => {}
            }
        }
        let case = match (upper, capital, lower) {
            (2.., 0, 0) => 1,
            (0, 0, 2..) => 2,
            (_, 2.., 0) => 3,
            _ => 0,
        };
        let fresh = index == 0 || note.slice(before, start).contains('\n');
        Self { end, first: if fresh { index } else { first }, case }
    }
}

const LISTED: Marks = Marks::COMMON.or(Marks::FUNCTION).or(Marks::CLINICAL);

/// Whether a word may be part of a name at all.
fn candidate(note: &Note<'_>, index: usize, previous: Tag) -> bool {
    let tokens = note.tokens();
    let Some(token) = tokens.get(index) else { return false };
    let before = index.checked_sub(1).and_then(|at| tokens.get(at));
    let may = match token.case {
        Case::Capital | Case::Upper => true,
        Case::Initial => {
            let after = tokens.get(index + 1).is_some_and(Token::capitalised);
            after || before.is_some_and(Token::capitalised)
        }
        Case::Number | Case::Mixed => {
            matches!(previous, Tag::Street | Tag::Town)
                || post_code(token, before, previous)
                || tokens.get(index + 1).is_some_and(|next| {
                    matches!(next.case, Case::Capital | Case::Upper) && next.start - token.end <= 2
                        || next.has(Marks::PERSON.or(Marks::CITY)) && !next.has(LISTED)
                })
        }
        Case::Lower => {
            let name = token.has(Marks::PERSON.or(Marks::CITY)) && !token.has(LISTED);
            let near = before.is_some_and(|before| {
                before.has(Marks::RELATION.or(Marks::TITLE).or(Marks::STAFF).or(Marks::FUNCTION))
            });
            // `dtr robin`: names that are words, behind what a person is.
            let named = token.has(Marks::PERSON)
                && before.is_some_and(|before| {
                    before.has(Marks::RELATION.or(Marks::TITLE).or(Marks::STAFF).or(Marks::ACQUAINTANCE))
                });
            named
                || few_letters(token)
                || token.len() > 2 && (name || !token.has(LISTED) && near)
                || previous != Tag::Other
        }
    };
    may && (token.plain || !contraction(note.word(token).as_bytes()))
}

/// `kd`, `pmw`: two or three small letters that are no word, which may be initials.
fn few_letters(token: &Token) -> bool {
    token.case == Case::Lower && (2..=3).contains(&token.len()) && token.marks == Marks::default()
}

/// `I'd`, `weren't`
fn contraction(word: &[u8]) -> bool {
    let ends = [b"'d".as_slice(), b"'t", b"'m", b"'ll", b"'ve", b"'re"];
    ends.iter().any(|end| word.ends_with(end))
}

/// Four to six digits after a town, street, state or country: a guess of them alone may stand.
fn post_code(token: &Token, before: Option<&Token>, previous: Tag) -> bool {
    token.case == Case::Number
        && (4..=6).contains(&token.len())
        && before.is_some_and(|before| {
            matches!(previous, Tag::Street | Tag::Town)
                || before.capitalised() && before.len() > 3 && before.has(Marks::COUNTRY.or(Marks::STATE))
        })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_committed_weights_can_be_read_and_others_are_refused() {
        assert!(built_in().is_ok());
        let bytes = train(&[], 1, [0; TAGS]);
        assert!(Model::parse(&bytes).is_some());
        assert!(Model::parse(bytes.get(1..).unwrap()).is_none());
        assert!(Model::parse(bytes.get(..bytes.len() - 1).unwrap()).is_none());
    }

    proptest! {
        #[test]
        fn guesses_are_disjoint_and_on_boundaries(text in "(?s)([A-Za-zéß0-9 ,.'\\n-]|St\\. |\\PC){0,120}") {
            let note = Note::new(&text);
            let mut out = Vec::new();
            guess(&note, &mut out).unwrap();
            guess_numbers(&note, &mut out).unwrap();
            out.sort_by_key(|claim| claim.start);
            prop_assert!(out.windows(2).all(|pair| pair[0].end <= pair[1].start));
            for claim in out {
                prop_assert!(note.text().get(claim.start..claim.end).is_some_and(|part| !part.is_empty()));
            }
        }
    }
}
