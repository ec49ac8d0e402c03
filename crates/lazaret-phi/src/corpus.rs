//! Notes with marked spans, as annotation tools and scorers keep them. One format a file.
//!
//! | file | format |
//! |---|---|
//! | `jsonl` | one object a line: `id`, `text`, `spans`, and what scorers add |
//! | `i2b2` | the XML of the i2b2 2014 de-identification task |
//! | `brat` | brat standoff: a text and, beside it, its annotations |
//!
//! Offsets count Unicode code points and are half-open. What is read is hostile: it is refused whole, or read whole.

use std::fmt;

use lazaret_core::{Limit, LimitExceeded, Limits};

pub mod brat;
pub mod i2b2;
pub mod jsonl;

/// Most spans one note may have.
pub const MAX_MARKS: Limit = Limit::new("phi.max_marks", 10_000);

/// A note and what is marked in it.
#[derive(Clone, PartialEq)]
pub struct Note {
    /// What it is called.
    pub id: String,
    /// Its text.
    pub text: String,
    /// The spans that identify someone.
    pub marks: Vec<Mark>,
    /// Spans that may be masked or not: neither is right or wrong.
    pub neutral: Vec<(usize, usize)>,
    /// Spans that look like an identifier and are none.
    pub traps: Vec<Trap>,
}

/// Counts alone: a note is a patient's.
impl fmt::Debug for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Note {{ {} bytes, {} marks }}", self.text.len(), self.marks.len())
    }
}

/// A marked span.
#[derive(Debug, Clone, PartialEq)]
pub struct Mark {
    /// Its first character.
    pub start: usize,
    /// The character after its last.
    pub end: usize,
    /// Its label as written: `NAME`, or `NAME.patient`.
    pub label: String,
    /// What it is within its kind, where that is written apart.
    pub sub: Option<String>,
    /// How sure whoever marked it was, from 0 to 1.
    pub score: Option<f64>,
}

impl Mark {
    /// The kind and the sub-label, wherever the latter is written.
    pub fn kind(&self) -> (&str, Option<&str>) {
        let (kind, sub) = split(&self.label);
        (kind, self.sub.as_deref().filter(|sub| !sub.is_empty()).or(sub))
    }
}

/// Splits `NAME.patient`.
fn split(label: &str) -> (&str, Option<&str>) {
    label.split_once('.').map_or((label, None), |(kind, sub)| (kind, Some(sub).filter(|sub| !sub.is_empty())))
}

/// A span that looks like an identifier and is none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trap {
    /// Its first character.
    pub start: usize,
    /// The character after its last.
    pub end: usize,
    /// What it is.
    pub kind: String,
}

/// Why a note was refused: the place and what is wrong there, never the text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CorpusError(String);

impl CorpusError {
    pub(crate) fn new(why: impl Into<String>) -> Self {
        Self(why.into())
    }
}

impl fmt::Display for CorpusError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for CorpusError {}

impl From<LimitExceeded> for CorpusError {
    fn from(reached: LimitExceeded) -> Self {
        Self(reached.to_string())
    }
}

/// A text whose characters are found by their number.
pub struct Characters<'t> {
    text: &'t str,
    /// Where each character begins, and the text's end.
    begins: Vec<usize>,
}

impl<'t> Characters<'t> {
    /// Counts the characters once. Memory: eight bytes a character.
    pub fn of(text: &'t str) -> Self {
        let begins = text.char_indices().map(|(at, _)| at).chain([text.len()]).collect();
        Self { text, begins }
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.begins.len().saturating_sub(1)
    }

    /// What stands between two characters; none outside the text.
    pub fn get(&self, start: usize, end: usize) -> Option<&'t str> {
        self.text.get(*self.begins.get(start)?..*self.begins.get(end)?)
    }

    /// The number of the character that begins at a byte.
    pub fn at_byte(&self, byte: usize) -> Option<usize> {
        self.begins.binary_search(&byte).ok()
    }

    /// Checks that a span is one: not empty, within the text.
    pub(crate) fn check(&self, start: usize, end: usize) -> Result<(), CorpusError> {
        if end > self.count() {
            let why = format!("span {start}..{end} is outside the text of {} characters", self.count());
            return Err(CorpusError(why));
        }
        if start >= end {
            return Err(CorpusError(format!("span {start}..{end} is empty")));
        }
        Ok(())
    }
}

/// Whether there may be so many marks.
fn check_count(count: usize, limits: &Limits) -> Result<(), CorpusError> {
    Ok(limits.get(MAX_MARKS).check(count as u64)?)
}

/// Whether two texts are the same but for their white space.
fn same_words(a: &str, b: &str) -> bool {
    a.split_whitespace().eq(b.split_whitespace())
}

#[cfg(test)]
pub(crate) mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Notes of any text, with any marks in it.
    pub(crate) fn notes(text: &'static str) -> impl Strategy<Value = Note> {
        let label = prop_oneof![
            Just(("NAME", Some("maiden"))),
            Just(("NAME", Some("patient"))),
            Just(("OTHER_ID", None)),
            Just(("LOCATION", Some("zip"))),
            Just(("Strange-1", Some("so_so"))),
            Just(("PHOTO", None)),
        ];
        (text, prop::collection::vec((0_usize..80, 1_usize..20, label), 0..6)).prop_map(|(text, marks)| {
            let characters = Characters::of(&text);
            let solid = |at: usize| {
                characters.get(at, at + 1).is_some_and(|one| !one.chars().all(char::is_whitespace))
            };
            let marks = marks
                .into_iter()
                .map(|(start, length, (label, sub))| (start, start + length, label, sub))
                .filter(|(start, end, ..)| *end <= characters.count() && solid(*start) && solid(*end - 1))
                .map(|(start, end, label, sub)| Mark {
                    start,
                    end,
                    label: label.to_owned(),
                    sub: sub.map(str::to_owned),
                    score: None,
                })
                .collect();
            Note { id: "n-1".to_owned(), text, marks, neutral: Vec::new(), traps: Vec::new() }
        })
    }

    #[test]
    fn characters_are_found_by_number_and_by_byte() {
        let characters = Characters::of("a\u{1f600}b");
        assert_eq!(characters.count(), 3);
        assert_eq!(characters.get(1, 3), Some("\u{1f600}b"));
        assert_eq!((characters.get(2, 4), characters.get(2, 1)), (None, None));
        assert_eq!((characters.at_byte(5), characters.at_byte(3)), (Some(2), None));
        let told = |start, end| characters.check(start, end).unwrap_err().to_string();
        assert_eq!(told(1, 4), "span 1..4 is outside the text of 3 characters");
        assert_eq!(told(2, 2), "span 2..2 is empty");
    }
}
