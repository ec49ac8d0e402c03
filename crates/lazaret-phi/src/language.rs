//! Which parts of a note are German, French or Spanish, and the words by which these languages are read.
//!
//! A part is what stands between blank lines. It is told by its function words and the words of its forms (`geb.`,
//! `demeurant`, `fecha de ingreso`): a language must have three of them, more than half as many again as English has, and
//! one in twelve of the words. A part that says too little takes the language of the note, if the note has one.
//! What is in no such part is English. The words are looked up behind a small filter; a note in which fewer than three
//! pass it, as nearly every English note, is not looked at again.
//!
//! `catalogue/phi/languages/*.txt` holds the words: a class a line, then its words.

use std::sync::LazyLock;

use lazaret_core::{Kind, Language};
use rustc_hash::FxHashMap;

use crate::lexicon::{Marks, hash};
use crate::overlap::{Evidence, Found};
use crate::view::{Case, Note, Token};

/// What a word is in one language: one bit a class.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Class(u16);

impl Class {
    /// Tells the language: `der`, `avec`, `desde`.
    pub(crate) const FUNCTION: Self = Self(1);
    /// A word of forms and notes that tells the language too: `geb`, `demeurant`.
    pub(crate) const FORM: Self = Self(1 << 1);
    /// Capitalised in notes, and no name.
    pub(crate) const WORD: Self = Self(1 << 2);
    /// `Herr`, `Mme`, `Sra.`
    pub(crate) const TITLE: Self = Self(1 << 3);
    /// `Dr`, `Pr`, `Dra.`
    pub(crate) const DOCTOR: Self = Self(1 << 4);
    /// `Schwester`, `infirmière`, `matrona`
    pub(crate) const STAFF: Self = Self(1 << 5);
    /// `Tochter`, `mari`, `nieto`
    pub(crate) const RELATION: Self = Self(1 << 6);
    /// Before a colon, names who follows.
    pub(crate) const KEY: Self = Self(1 << 7);
    /// `Patientin`, `paciente`
    pub(crate) const PATIENT: Self = Self(1 << 8);
    /// Between a title and the name: `med.`, `Kollege`.
    pub(crate) const SKIP: Self = Self(1 << 9);
    /// `Klinikum`, `hôpital`
    pub(crate) const FACILITY: Self = Self(1 << 10);
    /// Goes with a facility and is no name: `universitario`.
    pub(crate) const ADJECTIVE: Self = Self(1 << 11);
    /// Days of the week, short ones among them.
    pub(crate) const WEEKDAY: Self = Self(1 << 12);
    /// Within names: `von`, `de la`.
    pub(crate) const PARTICLE: Self = Self(1 << 13);
    /// `Gasse`, `rue`, `calle`
    pub(crate) const STREET: Self = Self(1 << 14);
    /// Before a town: `nach`, `à`, `reside en`.
    pub(crate) const PLACE: Self = Self(1 << 15);

    const NAMES: [(&'static str, Self); 17] = [
        ("function", Self::FUNCTION),
        ("form", Self::FORM),
        ("word", Self::WORD),
        ("title", Self::TITLE),
        ("doctor", Self::DOCTOR),
        ("staff", Self::STAFF),
        ("relation", Self::RELATION),
        ("key", Self::KEY),
        ("patient", Self::PATIENT),
        ("skip", Self::SKIP),
        ("facility", Self::FACILITY),
        ("adjective", Self::ADJECTIVE),
        ("weekday", Self::WEEKDAY),
        ("particle", Self::PARTICLE),
        ("street", Self::STREET),
        ("place", Self::PLACE),
        // As good a word of English: it counts for neither.
        ("shared", Self(0)),
    ];

    pub(crate) const fn or(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Whether the word is in any class of `other`.
    pub(crate) const fn has(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }
}

/// The languages other than English, in the order of their tables.
const FOREIGN: [(Language, &str); 3] = [
    (Language::German, include_str!("../../../catalogue/phi/languages/de.txt")),
    (Language::French, include_str!("../../../catalogue/phi/languages/fr.txt")),
    (Language::Spanish, include_str!("../../../catalogue/phi/languages/es.txt")),
];

/// Bits of the filter: a power of two.
const FILTER: usize = 1 << 16;

struct Words {
    /// By a word's hash: what it is in each language.
    of: FxHashMap<u64, [Class; 3]>,
    /// Which words are in them, as a set of hashes cut short: most words are not.
    filter: Box<[u64; FILTER / 64]>,
}

impl Words {
    fn get(&self, hash: u64) -> Option<&[Class; 3]> {
        let (place, bit) = place(hash);
        let bits = self.filter.get(place)?;
        if bits >> bit & 1 == 1 { self.of.get(&hash) } else { None }
    }
}

static WORDS: LazyLock<Words> = LazyLock::new(|| {
    let mut of: FxHashMap<u64, [Class; 3]> = FxHashMap::default();
    let mut filter = Box::new([0_u64; FILTER / 64]);
    for (at, (_, list)) in FOREIGN.iter().enumerate() {
        for line in list.lines() {
            let Some((name, rest)) = line.split_once(' ') else { continue };
            let class = Class::NAMES.iter().find(|(known, _)| *known == name).map(|(_, class)| *class);
            for word in rest.split(' ') {
                let hash = hash(word);
                if let Some(entry) = of.entry(hash).or_default().get_mut(at) {
                    *entry = entry.or(class.unwrap_or_default());
                }
                let (place, bit) = place(hash);
                filter.get_mut(place).into_iter().for_each(|bits| *bits |= 1 << bit);
            }
        }
    }
    Words { of, filter }
});

const TELLING: Class = Class::FUNCTION.or(Class::FORM);

/// Where the bit of a word is: by the highest bits of its hash.
fn place(hash: u64) -> (usize, u64) {
    let place = hash >> (u64::BITS - FILTER.ilog2());
    (usize::try_from(place / 64).unwrap_or(0), place % 64)
}

/// What a word is in a language; nothing in English.
fn class(language: Language, token: &Token) -> Class {
    class_of_hash(language, token.hash)
}

/// The same, where an article may be joined to the word (`l'infirmière`).
pub(crate) fn class_of(language: Language, note: &Note<'_>, token: &Token) -> Class {
    let own = class(language, token);
    if language != Language::French || own != Class::default() || token.plain {
        return own;
    }
    match note.word(token).split_once('\'') {
        Some((head, rest)) if head.len() <= 2 => class_of_hash(language, hash(&rest.to_lowercase())),
        _ => own,
    }
}

fn class_of_hash(language: Language, hash: u64) -> Class {
    let at = FOREIGN.iter().position(|(of, _)| *of == language);
    at.zip(WORDS.get(hash)).and_then(|(at, classes)| classes.get(at)).copied().unwrap_or_default()
}

/// Fewest telling words of a part, and of a note.
const LEAST: usize = 3;

/// The parts of a note that are not English, in order, on the folded text.
#[derive(Debug, Default)]
pub(crate) struct Languages(Vec<(usize, usize, Language)>);

impl Languages {
    /// Tells the languages of a note's parts.
    pub(crate) fn of(note: &Note<'_>) -> Self {
        let words = &*WORDS;
        let hits = note.tokens().iter().filter(|token| tells(note, words, token) != [false; 3]);
        if hits.take(LEAST).count() < LEAST {
            return Self::default();
        }
        let parts = parts(note);
        let counts: Vec<Counts> =
            parts.iter().map(|(_, _, tokens)| Counts::of(note, note.tokens().get(tokens.clone()))).collect();
        let mut whole = Counts::default();
        for part in &counts {
            whole.add(part);
        }
        let overall = whole.language();
        let languages = parts.iter().zip(&counts).filter_map(|((start, end, _), counts)| {
            let language = counts.language().or_else(|| overall.filter(|_| counts.says_little()))?;
            Some((*start, *end, language))
        });
        Self(languages.collect())
    }

    /// Whether all is English.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The language at an offset.
    pub(crate) fn at(&self, offset: usize) -> Language {
        let index = self.0.partition_point(|(_, end, _)| *end <= offset);
        self.0
            .get(index)
            .filter(|(start, ..)| *start <= offset)
            .map_or(Language::English, |(_, _, language)| *language)
    }

    /// The parts that are not English.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (usize, usize, Language)> + '_ {
        self.0.iter().copied()
    }

    /// Takes back what detectors of English say of names and places in other languages, from the claim `from` on:
    /// German writes all nouns with capitals, and `son voisin` is no son. What the record knows stays.
    pub(crate) fn temper(&self, claims: &mut Vec<Found>, from: usize) {
        if self.is_empty() {
            return;
        }
        let mut number = 0;
        claims.retain(|claim| {
            number += 1;
            number <= from
                || self.at(claim.start) == Language::English
                || claim.evidence == Evidence::Known
                || !matches!(claim.label.kind, Kind::Name | Kind::Hospital | Kind::Location)
                || claim.label == lazaret_core::Label::ZIP && claim.evidence >= Evidence::Checked
                // `dr quillroga` has the same title there, and only German writes every noun as a name.
                || claim.label.kind == Kind::Name
                    && claim.label != lazaret_core::Label::RELATIVE
                    && claim.evidence >= Evidence::Named
                    && self.at(claim.start) != Language::German
        });
    }
}

/// Which languages a word tells. Capitals alone tell nothing: `LA`, `EST`, `DES` are abbreviations of English; nor does a
/// letter beside a sign: `75 y.o.`, `y/o`.
fn tells(note: &Note<'_>, words: &Words, token: &Token) -> [bool; 3] {
    let apart = |b: u8| matches!(b, b' ' | b'\n' | b'\t' | b',');
    if token.len() == 1 && !(apart(note.byte_before(token.start)) && apart(note.byte(token.end))) {
        return [false; 3];
    }
    if matches!(token.case, Case::Upper | Case::Initial | Case::Number | Case::Mixed) {
        return [false; 3];
    }
    words.get(token.hash).map_or([false; 3], |classes| classes.map(|class| class.has(TELLING)))
}

/// From, to, and the words of each part.
fn parts(note: &Note<'_>) -> Vec<(usize, usize, std::ops::Range<usize>)> {
    let tokens = note.tokens();
    let mut parts = Vec::new();
    let (mut start, mut first) = (0, 0);
    for (index, pair) in tokens.windows(2).enumerate() {
        let [this, next] = pair else { continue };
        if next.start - this.end < 2 {
            continue;
        }
        let gap = note.text().as_bytes().get(this.end..next.start).unwrap_or(&[]);
        if memchr::memchr_iter(b'\n', gap).count() > 1 {
            parts.push((start, next.start, first..index + 1));
            (start, first) = (next.start, index + 1);
        }
    }
    parts.push((start, note.text().len(), first..tokens.len()));
    parts
}

/// Telling words of one part.
#[derive(Debug, Default)]
struct Counts {
    words: usize,
    english: usize,
    foreign: [usize; 3],
}

impl Counts {
    fn of(note: &Note<'_>, tokens: Option<&[Token]>) -> Self {
        let (words, mut counts) = (&*WORDS, Self::default());
        for token in tokens.unwrap_or(&[]).iter().filter(|token| token.case != Case::Number) {
            counts.words += 1;
            let english = token.has(Marks::FUNCTION) && token.case != Case::Upper && token.len() > 1;
            if words.get(token.hash).is_none() {
                counts.english += usize::from(english);
            } else {
                let tells = tells(note, words, token);
                counts.foreign.iter_mut().zip(tells).for_each(|(count, tells)| *count += usize::from(tells));
            }
        }
        counts
    }

    fn add(&mut self, other: &Self) {
        self.words += other.words;
        self.english += other.english;
        self.foreign.iter_mut().zip(other.foreign).for_each(|(sum, more)| *sum += more);
    }

    /// The language, if it is not English.
    fn language(&self) -> Option<Language> {
        let (at, most) = self.foreign.iter().enumerate().max_by_key(|(at, count)| (**count, 3 - at))?;
        let clear = *most >= LEAST && 2 * most > 3 * self.english && 12 * most >= self.words;
        FOREIGN.get(at).filter(|_| clear).map(|(language, _)| *language)
    }

    /// Neither this nor that.
    const fn says_little(&self) -> bool {
        self.english < 2
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn languages(text: &str) -> Vec<Language> {
        let languages = Languages::of(&Note::new(text));
        text.split("\n\n")
            .scan(0, |at, part| {
                let start = *at;
                *at += part.len() + 2;
                Some(languages.at(start))
            })
            .collect()
    }

    #[test]
    fn each_part_has_its_language() {
        let text = "The patient was seen with her daughter and is doing well.\n\nDer Patient wurde mit Fieber aufgenommen und \
                    ist seit gestern ohne Beschwerden.\n\nLa patiente est venue avec sa fille pour une douleur \
                    de la hanche.\n\nEl paciente refiere dolor desde hace tres días y no tiene fiebre.";
        let expected = [Language::English, Language::German, Language::French, Language::Spanish];
        assert_eq!(languages(text), expected);
    }

    #[test]
    fn names_and_abbreviations_of_english_notes_tell_nothing() {
        for text in [
            "Seen by Dr. de la Cruz and Dr. von der Heide in the LA office; the LOS was 3 days, EST.",
            "LA size normal, DES placed to mid LAD, ET tube out, LE edema, DER form signed.",
            "Patient says 'me duele la cabeza' and is otherwise well, wants to go home with the family.",
        ] {
            assert_eq!(languages(text), [Language::English], "{text}");
        }
    }

    #[test]
    fn every_line_of_the_lists_has_a_class_and_words_in_lower_case() {
        for (_, list) in FOREIGN {
            for line in list.lines() {
                let (class, words) = line.split_once(' ').unwrap();
                assert!(Class::NAMES.iter().any(|(name, _)| *name == class), "{class}");
                let words: Vec<&str> = words.split(' ').collect();
                assert!(words.windows(2).all(|pair| pair[0] < pair[1]), "{class}: {words:?}");
                assert!(words.iter().all(|word| word.to_lowercase() == **word), "{class}");
            }
        }
    }

    proptest! {
        #[test]
        fn parts_of_any_text_are_in_order(text in "(der |la |wurde |avec |\n\n|the |x){0,60}") {
            let languages = Languages::of(&Note::new(&text));
            let parts: Vec<_> = languages.iter().collect();
            prop_assert!(parts.windows(2).all(|pair| pair[0].1 <= pair[1].0));
            prop_assert!(parts.iter().all(|(start, end, _)| start <= end && *end <= text.len()));
        }
    }
}
