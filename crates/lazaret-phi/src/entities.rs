//! Who and what was met in texts: the same person, number or date is one, however it is written.

use std::hash::BuildHasher as _;

use lazaret_core::{KeyedDigest, Kind, Label, Numbering};
use rustc_hash::{FxBuildHasher, FxHashMap};

use crate::calendar;
use crate::surrogate::{Gender, Role, cased, gender_of, name_word, parts, roles};

/// Persons with one word, or one set of initials, that are compared with a new name.
const COMPARED: usize = 16;
/// Most persons that are gone over: one patient's notes seldom name more, and an index takes more room than they do.
const FEW: usize = 12;
/// Words of a name that are compared: no person has more, and long nonsense must not take long.
const WORDS: usize = 16;
/// Bytes before a name in which a title tells the sex.
const TITLE: usize = 8;

/// Who and what was met so far.
#[derive(Debug, Default)]
pub(crate) struct Entities {
    /// How many of each kind.
    counts: FxHashMap<Kind, u32>,
    /// The number of what is compared whole, by the hash of its kind and what its writings have in common: most of what is
    /// met is a date, and one crossing may meet a million.
    numbers: FxHashMap<u64, u32>,
    persons: Vec<Person>,
    /// Where there are many.
    index: Option<Box<Index>>,
    /// Persons of whom initials are all that is known.
    by_initials_alone: FxHashMap<String, usize>,
}

/// Where persons are, so that not all of many are gone over for each name.
#[derive(Debug, Default)]
struct Index {
    /// By a word of their name.
    by_word: FxHashMap<Box<str>, Vec<usize>>,
    /// By the initials of their name, two and more: `qv`.
    by_initials: FxHashMap<String, Vec<usize>>,
}

impl Index {
    fn add_initials(&mut self, initials: String, person: usize) {
        if initials.chars().count() > 1 {
            let persons = self.by_initials.entry(initials).or_default();
            if persons.len() < COMPARED && !persons.contains(&person) {
                persons.push(person);
            }
        }
    }
}

#[derive(Debug)]
struct Person {
    number: u32,
    /// In the order they were met.
    words: Vec<Word>,
    /// The first letter of a given name of which no more is known: `Q. Vane`.
    first: Option<char>,
    gender: Option<Gender>,
}

/// A word of a person's name.
#[derive(Debug)]
struct Word {
    lower: Box<str>,
    is_given: bool,
    /// What it becomes.
    made: Option<Box<str>>,
}

impl Numbering for Entities {
    fn number(&mut self, label: Label, value: &str, room: &mut u64) -> Option<u32> {
        self.met_within(label, value, "", room).map(|(number, _)| number)
    }
}

impl Entities {
    /// The number of what a value stands for, new or met before; of a name also the person. What stands before it may
    /// tell a sex.
    pub(crate) fn met(&mut self, label: Label, value: &str, before: &str) -> (u32, Option<usize>) {
        let mut room = u64::MAX;
        self.met_within(label, value, before, &mut room).unwrap_or_default()
    }

    /// The same; what is new takes one from the room, and is nothing where none is left.
    fn met_within(
        &mut self,
        label: Label,
        value: &str,
        before: &str,
        room: &mut u64,
    ) -> Option<(u32, Option<usize>)> {
        if label.kind == Kind::Name {
            let person = self.person(value, before, room)?;
            return Some((self.persons.get(person).map_or(0, |person| person.number), Some(person)));
        }
        let key = FxBuildHasher.hash_one((label.kind, sameness(label.kind, value)));
        if let Some(number) = self.numbers.get(&key) {
            return Some((*number, None));
        }
        *room = room.checked_sub(1)?;
        let number = self.next(label.kind);
        self.numbers.insert(key, number);
        Some((number, None))
    }

    fn next(&mut self, kind: Kind) -> u32 {
        let count = self.counts.entry(kind).or_insert(0);
        *count = count.saturating_add(1);
        *count
    }

    /// The person a name is of: one whose name has all its words, or whose only word it has; of initials the one person
    /// who has them; else a new one, if there is room.
    fn person(&mut self, value: &str, before: &str, room: &mut u64) -> Option<usize> {
        let written: Vec<&str> =
            parts(value).into_iter().filter(|(_, is)| *is).map(|(word, _)| word).collect();
        let roles = roles(value, &written);
        let words: Vec<(String, bool)> = written
            .iter()
            .zip(&roles)
            .filter(|(_, role)| **role != Role::Stays)
            .take(WORDS)
            .map(|(word, role)| (word.to_lowercase(), *role == Role::Given))
            .collect();
        let known = words
            .iter()
            .filter(|(word, _)| word.chars().count() > 1)
            .flat_map(|(word, _)| self.of_word(word))
            .find(|person| self.persons.get(*person).is_some_and(|person| person.may_be(&words)));
        let alone = initials_alone(&words);
        let of_initials = || {
            let initials = alone.clone().or_else(|| capitals(value))?;
            self.of_initials(&initials)
        };
        let person = if let Some(person) = known.or_else(of_initials) {
            person
        } else {
            *room = room.checked_sub(1)?;
            let number = self.next(Kind::Name);
            self.persons.push(Person { number, words: Vec::new(), first: None, gender: None });
            let person = self.persons.len() - 1;
            if person == FEW {
                self.index = Some(Box::new(self.indexed()));
            }
            if let Some(initials) = alone.clone() {
                self.by_initials_alone.insert(initials, person);
            }
            person
        };
        let is = self.persons.get_mut(person)?;
        let signs = capitals(value).is_some_and(|initials| is.initials() == initials);
        for (lower, is_given) in words.into_iter().filter(|_| alone.is_none() && !signs) {
            if lower.chars().count() == 1 {
                is.first = is.first.or_else(|| lower.chars().next().filter(|_| is_given));
            } else if !is.words.iter().any(|known| *known.lower == *lower) {
                let lower = lower.into_boxed_str();
                if let Some(index) = &mut self.index {
                    index.by_word.entry(lower.clone()).or_default().push(person);
                }
                // Most names have two words: no room for four.
                is.words.reserve_exact(1);
                is.words.push(Word { lower, is_given, made: None });
            }
        }
        if let Some(index) = &mut self.index {
            index.add_initials(is.initials(), person);
        }
        is.gender = is.gender.or_else(|| titled(before)).or_else(|| {
            let given = written.iter().zip(&roles).filter(|(_, role)| **role == Role::Given);
            given.map(|(word, _)| word).find_map(|word| gender_of(&word.to_lowercase()))
        });
        Some(person)
    }

    /// An index of all persons.
    fn indexed(&self) -> Index {
        let mut index = Index::default();
        for (at, person) in self.persons.iter().enumerate() {
            for word in &person.words {
                index.by_word.entry(word.lower.clone()).or_default().push(at);
            }
            index.add_initials(person.initials(), at);
        }
        index
    }

    /// The first persons who have a word in their name.
    fn of_word(&self, word: &str) -> Vec<usize> {
        let Some(index) = &self.index else {
            let has = |person: &Person| person.words.iter().any(|known| *known.lower == *word);
            return self
                .persons
                .iter()
                .enumerate()
                .filter(|(_, person)| has(person))
                .map(|(at, _)| at)
                .collect();
        };
        index
            .by_word
            .get(word)
            .map_or_else(Vec::new, |persons| persons.iter().copied().take(COMPARED).collect())
    }

    /// The person of these initials, if there is one alone. A middle one may be unknown of them.
    fn of_initials(&self, initials: &str) -> Option<usize> {
        if let Some(person) = self.by_initials_alone.get(initials) {
            return Some(*person);
        }
        let one = |initials: &str| {
            let has = |person: &usize| {
                self.persons.get(*person).is_some_and(|person| person.initials() == initials)
            };
            let Some(index) = &self.index else { return only((0..self.persons.len()).filter(has)) };
            let persons = index.by_initials.get(initials).filter(|persons| persons.len() < COMPARED)?;
            only(persons.iter().copied().filter(has))
        };
        let letters: Vec<char> = initials.chars().collect();
        match letters.as_slice() {
            [first, _, last] => one(initials).or_else(|| one(&String::from_iter([first, last]))),
            _ => one(initials),
        }
    }

    /// What a name of a person becomes: each word what it became before, initials those of what the words become.
    pub(crate) fn surrogate(&mut self, person: usize, value: &str, seed: &KeyedDigest) -> String {
        let pieces = parts(value);
        let written: Vec<&str> = pieces.iter().filter(|(_, is)| *is).map(|(word, _)| *word).collect();
        let mut roles = roles(value, &written).into_iter();
        let Some(person) = self.persons.get_mut(person) else { return String::new() };
        let mut out = String::with_capacity(value.len() + 8);
        let signs = capitals(value).is_some_and(|initials| person.initials() == initials);
        for (piece, is_word) in pieces {
            if !is_word {
                out.push_str(piece);
                continue;
            }
            let role = roles.next().unwrap_or(Role::Surname);
            if role != Role::Stays && (signs || piece.chars().count() == 1) {
                out.extend(piece.chars().map(|letter| person.initial(letter, role, seed)));
                continue;
            }
            let lower = piece.to_lowercase();
            let gender = person.gender;
            match person.words.iter_mut().find(|word| *word.lower == *lower) {
                Some(word) => {
                    let made = word.made.get_or_insert_with(|| name_word(&lower, role, gender, seed).into());
                    out.push_str(&cased(made, piece));
                }
                None => out.push_str(&name_word(piece, role, gender, seed)),
            }
        }
        out
    }
}

impl Person {
    /// Whether a name can be this person's: its words are among theirs, initials for words too, or theirs among its.
    fn may_be(&self, words: &[(String, bool)]) -> bool {
        let has = |(word, _): &(String, bool)| {
            let initial = word.chars().count() == 1;
            self.words.iter().any(|known| {
                if initial { known.lower.starts_with(word.as_str()) } else { *known.lower == **word }
            })
        };
        words.iter().all(has)
            || self.words.len() == 1
                && self.words.iter().all(|known| words.iter().any(|(word, _)| *known.lower == **word))
    }

    /// The initials, given names first.
    fn initials(&self) -> String {
        let of = |given: bool| {
            let words = self.words.iter().filter(move |word| word.is_given == given);
            words.filter_map(|word| word.lower.chars().next())
        };
        let first = self.first.filter(|_| of(true).next().is_none());
        first.into_iter().chain(of(true)).chain(of(false)).collect()
    }

    /// What an initial becomes: the first letter of what the word becomes that it stands for.
    fn initial(&self, letter: char, role: Role, seed: &KeyedDigest) -> char {
        let lower: String = letter.to_lowercase().collect();
        let of_word = |word: &Word| {
            let made = word.made.as_ref().filter(|_| word.lower.starts_with(&lower));
            made.and_then(|made| made.chars().next())
        };
        let made = self.words.iter().find_map(of_word);
        let made = made.or_else(|| name_word(&lower, role, self.gender, seed).chars().next()).unwrap_or('x');
        if letter.is_lowercase() { made.to_ascii_lowercase() } else { made.to_ascii_uppercase() }
    }
}

/// What there is one of.
fn only(mut those: impl Iterator<Item = usize>) -> Option<usize> {
    those.next().filter(|_| those.next().is_none())
}

/// The letters of a name of which every word is one: `Q.V.`.
fn initials_alone(words: &[(String, bool)]) -> Option<String> {
    let alone = words.len() > 1 && words.iter().all(|(word, _)| word.chars().count() == 1);
    alone.then(|| words.iter().map(|(word, _)| word.as_str()).collect())
}

/// Two or three capitals without full stops, which may be initials: `QV`.
fn capitals(value: &str) -> Option<String> {
    let letters = value.trim();
    let are = (2..=3).contains(&letters.len()) && letters.bytes().all(|byte| byte.is_ascii_uppercase());
    are.then(|| letters.to_lowercase())
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

/// What two writings of one thing have in common: a date its day, a number its digits, an identifier the letters and
/// digits of its own value, all else its letters and digits.
pub(crate) fn sameness(kind: Kind, value: &str) -> String {
    let plain = |text: &str| -> String {
        text.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
    };
    match kind {
        Kind::Date => match calendar::parse(value.trim()).and_then(|date| date.whole()) {
            Some((year, month, day)) => format!("{year}-{month}-{day}"),
            None => plain(value),
        },
        Kind::Phone | Kind::Fax => {
            let digits: String = value.chars().filter(char::is_ascii_digit).collect();
            let national = digits.strip_prefix('1').filter(|rest| rest.len() == 10).map(str::to_owned);
            let digits = national.unwrap_or(digits);
            if digits.len() < 3 { plain(value) } else { digits }
        }
        _ => plain(value.get(word_before(kind, value)..).unwrap_or(value)),
    }
}

/// Words that say of an identifier what it is, and stand in the find where the value follows them without more: `MRN
/// 00731946`.
const SAYS_WHAT: [&str; 52] = [
    "accession",
    "acc",
    "account",
    "acct",
    "admission",
    "case",
    "chart",
    "claim",
    "code",
    "csn",
    "dea",
    "device",
    "encounter",
    "file",
    "fin",
    "group",
    "grp",
    "har",
    "health",
    "hospital",
    "hosp",
    "id",
    "identifier",
    "insurance",
    "lic",
    "licence",
    "license",
    "lot",
    "mbi",
    "med",
    "medicaid",
    "medical",
    "medicare",
    "member",
    "mr",
    "mrn",
    "nhs",
    "no",
    "npi",
    "nr",
    "num",
    "number",
    "patient",
    "plan",
    "policy",
    "pt",
    "rec",
    "record",
    "ref",
    "serial",
    "sn",
    "ssn",
];

/// Whether what is found of a kind is a number, of which cue words, separators and case say nothing.
pub(crate) fn is_number(kind: Kind) -> bool {
    identifies(kind) || matches!(kind, Kind::Phone | Kind::Fax)
}

fn identifies(kind: Kind) -> bool {
    matches!(
        kind,
        Kind::Ssn
            | Kind::Mrn
            | Kind::HealthPlan
            | Kind::Account
            | Kind::License
            | Kind::Vehicle
            | Kind::Device
            | Kind::OtherId
    )
}

/// The byte at which an identifier's own value begins: behind the words that say what it is.
pub(crate) fn word_before(kind: Kind, value: &str) -> usize {
    if !identifies(kind) {
        return 0;
    }
    let mut begin = 0;
    while let Some(rest) = value.get(begin..) {
        let word = rest.len() - rest.trim_start_matches(|c: char| c.is_ascii_alphabetic()).len();
        let says = rest
            .get(..word)
            .is_some_and(|word| SAYS_WHAT.iter().any(|known| known.eq_ignore_ascii_case(word)));
        let after = rest.get(word..).unwrap_or("");
        let own = after.trim_start_matches([' ', '\t', ':', '.', '#', '=', '-', '(']);
        // Without a sign between, letters belong to the value.
        if !says || own.len() == after.len() || !own.contains(|c: char| c.is_ascii_digit()) {
            break;
        }
        begin = value.len() - own.len();
    }
    begin
}

#[cfg(test)]
mod tests {
    use super::*;

    const SEED: KeyedDigest = KeyedDigest([7; 32]);

    fn numbers(label: Label, values: &[&str]) -> Vec<u32> {
        let (mut entities, mut room) = (Entities::default(), u64::MAX);
        values.iter().filter_map(|value| entities.number(label, value, &mut room)).collect()
    }

    #[test]
    fn an_identifier_is_its_own_value_whatever_word_stands_before_it() {
        let one =
            ["MRN 00731946", "00731946", "MRN: 0073-1946", "Medical Record No. 00731946", "mrn#00731946"];
        assert_eq!(numbers(Label::MRN, &one), [1; 5]);
        let other = ["HN 7714 0036", "7714 0036", "AB-7714-0036", "MRN", "NO12", "12"];
        assert_eq!(numbers(Label::MRN, &other), [1, 2, 3, 4, 5, 6]);
        assert_eq!(numbers(Label::of(Kind::Vehicle), &["QVX 4471", "4471 QVX"]), [1, 2]);
        assert_eq!(numbers(Label::of(Kind::Hospital), &["Medical 12", "12"]), [1, 2]);
    }

    #[test]
    fn without_room_only_what_was_met_before_has_a_number() {
        let (mut entities, mut room) = (Entities::default(), 2);
        let mut number = |label, value| entities.number(label, value, &mut room);
        assert_eq!(number(Label::NAME, "Quill Vane"), Some(1));
        assert_eq!(number(Label::MRN, "00731946"), Some(1));
        assert_eq!(number(Label::NAME, "Tamsin Orrell"), None);
        assert_eq!(number(Label::MRN, "00731947"), None);
        assert_eq!(number(Label::NAME, "VANE, QUILL"), Some(1));
        assert_eq!(number(Label::MRN, "MRN: 0073-1946"), Some(1));
        assert_eq!(room, 0);
    }

    #[test]
    fn a_name_of_very_many_words_is_compared_by_its_first() {
        let long = |last: &str| format!("{}{last}", "Quill Vane Orrell ".repeat(400));
        assert_eq!(numbers(Label::NAME, &[&long("Tamsin"), &long("Maren"), "Vane", "Maren"]), [1, 1, 1, 2]);
    }

    #[test]
    fn initials_are_those_of_the_one_person_who_has_them() {
        let of = |values: &[&str]| numbers(Label::NAME, values);
        assert_eq!(of(&["Quill Vane", "Q.V.", "QV", "Q. A. V."]), [1; 4]);
        assert_eq!(of(&["VANE, QUILL", "Q.V.", "Vane"]), [1; 3]);
        assert_eq!(of(&["Q. Vane", "Tamsin Orrell", "Q.V.", "T.O."]), [1, 2, 1, 2]);
        assert_eq!(of(&["Q.V.", "Quill Vane", "Q.V."]), [1, 2, 1]);
        // Two persons have them: nobody can say whose they are.
        assert_eq!(of(&["Quill Vane", "Quentin Vole", "Q.V.", "Q.V.", "V.Q."]), [1, 2, 3, 3, 4]);
        // Two capitals may be a surname.
        assert_eq!(of(&["NG", "Quill Vane", "NG", "Q.", "Q."]), [1, 2, 1, 3, 4]);
    }

    #[test]
    fn initials_become_those_of_the_made_up_name() {
        let mut entities = Entities::default();
        let mut made = |value: &str| {
            let (_, person) = entities.met(Label::NAME, value, "");
            entities.surrogate(person.unwrap(), value, &SEED)
        };
        let name = made("Quill Vane");
        let letters: Vec<char> = name.split(' ').filter_map(|word| word.chars().next()).collect();
        assert_eq!(made("Q.V."), format!("{}.{}.", letters[0], letters[1]));
        assert_eq!(made("QV"), String::from_iter(&letters));
        assert_eq!(made("Vane"), name.split(' ').nth(1).unwrap());
    }
}
