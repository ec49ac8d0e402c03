//! Writes a text anew without what was found in it: numbered placeholders, made-up values, moved dates, coarser values.
//!
//! An [`Editor`] remembers whom and what it met: the same person, number or date is numbered alike, and becomes the
//! same made-up value, through one text, a conversation, or all texts of a patient, as long as the editor is kept. It
//! never looks ahead: a text edited part by part is edited as the whole is.

use std::collections::BTreeMap;

use lazaret_core::{Detection, Edit, Edits, KeyedDigest, Kind, Label, Rewriter as _, Timestamp};
use rustc_hash::FxHashMap;

use crate::calendar;
use crate::rewrite::PhiRewriter;
use crate::surrogate::{Gender, Role, Stream, gender_of, name_word, parts, roles, surrogate};

/// What becomes of what was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum With {
    /// A typed placeholder, numbered per person, number or date: `[NAME 1]`.
    Redact,
    /// A made-up value: the same form, sex and shape. Dates move.
    Surrogate,
    /// Dates move by one number of days, in their form; all else is redacted.
    Shift,
    /// Ages become `90+`, ZIP codes their first three digits or `000`, dates their year; all else is redacted.
    Generalise,
}

/// Names of one person that are compared with a new one.
const NAMES_COMPARED: usize = 16;
/// Bytes before a name in which a title tells the sex.
const TITLE: usize = 8;

/// A text after its edits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Edited {
    /// The text. What was not found stands in it byte for byte.
    pub text: String,
    /// How many edits, by label and by what was done: what has no other form is redacted.
    pub made: BTreeMap<(Label, &'static str), u64>,
}

/// Edits texts, and remembers.
#[derive(Debug)]
pub struct Editor {
    with: With,
    rewriter: PhiRewriter,
    seed: KeyedDigest,
    days: i32,
    met: Met,
}

/// Who and what was met so far.
#[derive(Debug, Default)]
struct Met {
    /// How many of each kind.
    counts: FxHashMap<Kind, u32>,
    /// The number of what is compared whole.
    numbers: FxHashMap<(Kind, String), u32>,
    persons: Vec<Person>,
    /// By a word of their name.
    by_word: FxHashMap<String, Vec<usize>>,
}

#[derive(Debug)]
struct Person {
    number: u32,
    /// In small letters, in the order they were met, with what each becomes.
    words: Vec<(String, Option<String>)>,
    gender: Option<Gender>,
}

impl Editor {
    /// Made-up values and moved dates follow from `seed`: a secret of the patient, or of the run. `today` decides which
    /// birth years give an age over 89 away.
    pub fn new(with: With, seed: KeyedDigest, today: Timestamp) -> Self {
        let mut stream = Stream::new(&seed, Label::DATE, "");
        let days = i32::try_from(stream.below(364)).unwrap_or(0) + 1;
        let days = if stream.below(2) == 0 { days } else { -days };
        Self { with, rewriter: PhiRewriter::new(today), seed, days, met: Met::default() }
    }

    /// The same with the number of days by which dates move; 0 is refused by leaving dates out.
    #[must_use]
    pub fn moving_by(self, days: i32) -> Self {
        Self { days, ..self }
    }

    /// Edits a text. The detections are disjoint and in order, as a scan gives them; what is not so is left out of the
    /// text's edits and none is returned.
    pub fn edit(&mut self, text: &str, found: &[Detection]) -> Option<Edited> {
        let mut edits = Edits::none();
        let mut made = BTreeMap::new();
        for detection in found {
            let (label, span) = (detection.label, detection.span);
            let value = text.get(span.start..span.end)?;
            let before = text.get(..span.start).unwrap_or("");
            let (done, with) = self.replacement(label, value, before);
            *made.entry((label, done)).or_insert(0) += 1;
            edits.push(0, Edit { span, with: with.into(), whole: false }).ok()?;
        }
        Some(Edited { text: edits.apply(0, text)?, made })
    }

    fn replacement(&mut self, label: Label, value: &str, before: &str) -> (&'static str, String) {
        // Counted whatever is done, so that numbers do not depend on what has another form.
        let (number, person) = self.met.number(label, value, before);
        let (done, with) = match self.with {
            With::Redact => ("redact", None),
            With::Shift => ("shift", self.rewriter.shift(label, value, self.days)),
            With::Generalise => ("generalise", self.rewriter.generalise(label, value)),
            With::Surrogate if label.kind == Kind::Date => {
                ("shift", self.rewriter.shift(label, value, self.days))
            }
            With::Surrogate => (
                "surrogate",
                match person {
                    Some(person) => {
                        Some(self.met.surrogate(person, value, &self.seed)).filter(|made| made != value)
                    }
                    None => surrogate(label, value, &self.seed),
                },
            ),
        };
        with.map_or_else(|| ("redact", format!("[{} {number}]", label.kind.name())), |with| (done, with))
    }
}

impl Met {
    /// The number of what a value stands for, new or met before; of a name also the person.
    fn number(&mut self, label: Label, value: &str, before: &str) -> (u32, Option<usize>) {
        if label.kind == Kind::Name {
            let person = self.person(value, before);
            return (self.persons.get(person).map_or(0, |person| person.number), Some(person));
        }
        let key = (label.kind, sameness(label.kind, value));
        if let Some(number) = self.numbers.get(&key) {
            return (*number, None);
        }
        let number = self.next(label.kind);
        self.numbers.insert(key, number);
        (number, None)
    }

    fn next(&mut self, kind: Kind) -> u32 {
        let count = self.counts.entry(kind).or_insert(0);
        *count = count.saturating_add(1);
        *count
    }

    /// The person a name is of: one whose name has all its words, or whose only word it has; else a new one.
    fn person(&mut self, value: &str, before: &str) -> usize {
        let written: Vec<&str> =
            parts(value).into_iter().filter(|(_, is)| *is).map(|(word, _)| word).collect();
        let roles = roles(value, &written);
        let words: Vec<String> = written
            .iter()
            .zip(&roles)
            .filter(|(_, role)| **role != Role::Stays)
            .map(|(word, _)| word.to_lowercase())
            .collect();
        let known = words
            .iter()
            .filter(|word| word.chars().count() > 1)
            .filter_map(|word| self.by_word.get(word))
            .flat_map(|persons| persons.iter().take(NAMES_COMPARED))
            .find(|person| self.persons.get(**person).is_some_and(|person| person.may_be(&words)))
            .copied();
        let person = known.unwrap_or_else(|| {
            let number = self.next(Kind::Name);
            self.persons.push(Person { number, words: Vec::new(), gender: None });
            self.persons.len() - 1
        });
        let Some(is) = self.persons.get_mut(person) else { return person };
        for word in words {
            if word.chars().count() > 1 && !is.words.iter().any(|(known, _)| *known == word) {
                self.by_word.entry(word.clone()).or_default().push(person);
                is.words.push((word, None));
            }
        }
        is.gender = is.gender.or_else(|| titled(before)).or_else(|| {
            let given = written.iter().zip(&roles).filter(|(_, role)| **role == Role::Given);
            given.map(|(word, _)| word).find_map(|word| gender_of(&word.to_lowercase()))
        });
        person
    }

    /// What a name of a person becomes: each word what it became before.
    fn surrogate(&mut self, person: usize, value: &str, seed: &KeyedDigest) -> String {
        let pieces = parts(value);
        let written: Vec<&str> = pieces.iter().filter(|(_, is)| *is).map(|(word, _)| *word).collect();
        let mut roles = roles(value, &written).into_iter();
        let Some(person) = self.persons.get_mut(person) else { return String::new() };
        let gender = person.gender;
        let mut out = String::with_capacity(value.len() + 8);
        for (piece, is_word) in pieces {
            if !is_word {
                out.push_str(piece);
                continue;
            }
            let role = roles.next().unwrap_or(Role::Surname);
            let lower = piece.to_lowercase();
            let of_initial = |(word, made): &(String, Option<String>)| {
                made.as_ref().filter(|_| word.starts_with(&lower)).and_then(|made| made.chars().next())
            };
            if lower.chars().count() == 1
                && role != Role::Stays
                && let Some(first) = person.words.iter().find_map(of_initial)
            {
                out.push(if piece == lower {
                    first.to_ascii_lowercase()
                } else {
                    first.to_ascii_uppercase()
                });
                continue;
            }
            match person.words.iter_mut().find(|(word, _)| *word == lower) {
                Some((_, made)) => {
                    let made = made.get_or_insert_with(|| name_word(&lower, role, gender, seed));
                    out.push_str(&crate::surrogate::cased(made, piece));
                }
                None => out.push_str(&name_word(piece, role, gender, seed)),
            }
        }
        out
    }
}

impl Person {
    /// Whether a name can be this person's: its words are among theirs, initials for words too, or theirs among its.
    fn may_be(&self, words: &[String]) -> bool {
        let has = |word: &String| {
            let initial = word.chars().count() == 1;
            self.words
                .iter()
                .any(|(known, _)| if initial { known.starts_with(word.as_str()) } else { known == word })
        };
        words.iter().all(has)
            || self.words.len() == 1 && self.words.iter().all(|(known, _)| words.contains(known))
    }
}

/// The sex that a title before a name tells.
fn titled(before: &str) -> Option<Gender> {
    let mut from = before.len().saturating_sub(TITLE);
    while !before.is_char_boundary(from) {
        from += 1;
    }
    let word = before.get(from..)?.split(|c: char| !c.is_alphabetic()).rfind(|word| !word.is_empty())?;
    match word.to_lowercase().as_str() {
        "mr" | "herr" | "sr" | "master" => Some(Gender::Male),
        "mrs" | "ms" | "miss" | "frau" | "mme" | "sra" => Some(Gender::Female),
        _ => None,
    }
}

/// What two writings of one thing have in common: a date its day, a number its digits, all else its letters and digits.
fn sameness(kind: Kind, value: &str) -> String {
    let plain = || value.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect();
    match kind {
        Kind::Date => match calendar::parse(value.trim()).and_then(|date| date.whole()) {
            Some((year, month, day)) => format!("{year}-{month}-{day}"),
            None => plain(),
        },
        Kind::Phone | Kind::Fax => {
            let digits: String = value.chars().filter(char::is_ascii_digit).collect();
            let national = digits.strip_prefix('1').filter(|rest| rest.len() == 10).map(str::to_owned);
            let digits = national.unwrap_or(digits);
            if digits.len() < 3 { plain() } else { digits }
        }
        _ => plain(),
    }
}

#[cfg(test)]
mod tests {
    use lazaret_core::{Confidence, Language, Span};
    use proptest::prelude::*;

    use super::*;
    use crate::Scanner;

    const SEED: KeyedDigest = KeyedDigest([7; 32]);
    const TODAY: Timestamp = Timestamp::from_millis(1_764_080_413_007); // 2025-11-25

    /// A text in which `{LABEL|value}` marks what was found.
    fn marked(text: &str) -> (String, Vec<Detection>) {
        let mut plain = String::new();
        let mut found = Vec::new();
        for piece in text.split('{') {
            let Some((mark, rest)) = piece.split_once('}') else {
                plain.push_str(piece);
                continue;
            };
            let (label, value) = mark.split_once('|').unwrap();
            let label = Label::parse(label).unwrap();
            let span = Span::new(plain.len(), plain.len() + value.len());
            found.push(Detection {
                label,
                span,
                confidence: Confidence::new(0.9),
                rule: label.kind.rule_id(),
                language: Language::English,
            });
            plain.push_str(value);
            plain.push_str(rest);
        }
        (plain, found)
    }

    fn edited(with: With, text: &str) -> String {
        let (plain, found) = marked(text);
        Editor::new(with, SEED, TODAY).edit(&plain, &found).unwrap().text
    }

    #[test]
    fn one_person_one_number_one_date_have_one_placeholder() {
        let text = "{NAME.patient|VANE, QUILL} met {NAME|Quill Vane}, then {NAME|Vane} called {NAME|Tamsin Orrell}; \
                    {NAME|Q. Vane} at {PHONE|(617) 555-0142} or {PHONE|1-617-555-0142}, {DATE|2024-03-01}, {DATE|1 Mar 2024}, \
                    {DATE|3/2/24}";
        let redacted = edited(With::Redact, text);
        assert_eq!(
            redacted,
            "[NAME 1] met [NAME 1], then [NAME 1] called [NAME 2]; [NAME 1] at [PHONE 1] or [PHONE 1], [DATE 1], \
             [DATE 1], [DATE 2]"
        );
    }

    #[test]
    fn a_persons_made_up_name_stays_the_same_in_every_writing() {
        let text = "Mr. {NAME|Quill Vane}; {NAME|VANE, QUILL}; {NAME|Vane}; {NAME|Q. Vane}";
        let made = edited(With::Surrogate, text);
        let parts: Vec<&str> = made.trim_start_matches("Mr. ").split("; ").collect();
        let (given, family) = parts[0].split_once(' ').unwrap();
        assert_eq!(gender_of(&given.to_lowercase()), Some(Gender::Male));
        assert_eq!(parts[1], format!("{}, {}", family.to_uppercase(), given.to_uppercase()));
        assert_eq!(parts[2], family);
        assert_eq!(parts[3], format!("{}. {family}", given.chars().next().unwrap()));
    }

    #[test]
    fn dates_move_together_and_what_cannot_move_is_redacted() {
        let text = "{DATE|01 March 2024}, {DATE|2024-03-08T07:30}, {DATE|Thanksgiving}, {NAME|Vane}";
        let (plain, found) = marked(text);
        let moved = Editor::new(With::Shift, SEED, TODAY).moving_by(-10).edit(&plain, &found).unwrap();
        assert_eq!(moved.text, "20 February 2024, 2024-02-27T07:30, [DATE 3], [NAME 1]");
        assert_eq!(moved.made.get(&(Label::DATE, "shift")), Some(&2));
        assert_eq!(moved.made.get(&(Label::DATE, "redact")), Some(&1));
    }

    #[test]
    fn coarser_values_follow_the_rules_of_safe_harbor() {
        let text = "{AGE|93-year-old} of {LOCATION.zip|02139}, {LOCATION.zip|03601}, {DATE|March 4, 1987}, {LOCATION.city|Tansy}";
        assert_eq!(edited(With::Generalise, text), "90+ of 021, 000, 1987, [LOCATION 3]");
    }

    #[test]
    fn spans_that_overlap_or_cut_a_character_are_refused() {
        let (plain, mut found) = marked("é{NAME|Vane}{NAME|Orrell}");
        found[1].span = Span::new(4, 8);
        assert_eq!(Editor::new(With::Redact, SEED, TODAY).edit(&plain, &found), None);
        found.truncate(1);
        found[0].span = Span::new(1, 3);
        assert_eq!(Editor::new(With::Redact, SEED, TODAY).edit(&plain, &found), None);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(60))]

        #[test]
        fn untouched_text_stays_and_parts_are_edited_as_the_whole_is(
            pieces in prop::collection::vec(
                prop::sample::select(vec![
                    "Seen by Dr. Quill Vane. ", "VANE, QUILL ", "on 03/04/2024 ", "MRN: 0048-3917 ", "call 617-555-0142. ",
                    "é ", "aged 93 ", "no fever\n", "at Quillmoor Hospital, ", "02139 ", "mail q.vane@tansy.example ", "Mrs. Orrell ",
                ]),
                1..16,
            ),
            with in prop::sample::select(vec![With::Redact, With::Surrogate, With::Shift, With::Generalise]),
        ) {
            let text = pieces.concat();
            let found = Scanner::new().unwrap().scan(&text, None).unwrap();
            let whole = Editor::new(with, SEED, TODAY).edit(&text, &found).unwrap().text;
            // Part by part, cut where nothing was found.
            let mut editor = Editor::new(with, SEED, TODAY);
            let mut joined = String::new();
            let mut kept = String::new();
            let mut at = 0;
            for detection in &found {
                let part = text.get(at..detection.span.end).unwrap();
                let moved = Detection { span: Span::new(detection.span.start - at, detection.span.end - at), ..*detection };
                joined.push_str(&editor.edit(part, &[moved]).unwrap().text);
                kept.push_str(text.get(at..detection.span.start).unwrap());
                at = detection.span.end;
            }
            joined.push_str(text.get(at..).unwrap());
            kept.push_str(text.get(at..).unwrap());
            prop_assert_eq!(&joined, &whole);
            let mut rest = whole.as_str();
            for piece in kept.split(char::is_whitespace).filter(|piece| !piece.is_empty()) {
                let place = rest.find(piece);
                prop_assert!(place.is_some(), "{piece} in {whole}");
                rest = rest.get(place.unwrap() + piece.len()..).unwrap();
            }
        }
    }
}
