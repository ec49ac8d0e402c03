//! Lessons from the notes with marks in `testdata/phi`, all of them made up: what is marked gives way to other names and
//! numbers of its kind, written alike; the words around it stay.

use std::collections::HashSet;
use std::path::PathBuf;
use std::{fs, io};

use lazaret_core::Kind;
use lazaret_phi::model::{Lesson, NumberLesson, Tag};

use crate::inputs::marked;
use crate::slots::{Writer, capital};
use crate::words::{FIRMS, PLACES, ROADS, STAY};

/// A note, line by line.
pub(crate) struct Note(Vec<Vec<Part>>);

/// A stretch of one kind within a line.
struct Part {
    is: Is,
    text: String,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Is {
    Plain,
    /// What must stay as it is.
    Fixed,
    /// What may be judged either way.
    Doubtful,
    Eponym,
    Drug,
    Name,
    Town,
    Street,
    Place,
    /// What identifies by itself, mostly a number.
    Number(Kind),
}

/// All notes to learn from.
#[expect(clippy::disallowed_methods, reason = "a tool reads the repository's own notes")]
pub(crate) fn all() -> io::Result<Vec<Note>> {
    let texts = marked()?.into_iter().map(fs::read_to_string::<PathBuf>);
    Ok(texts.collect::<io::Result<Vec<_>>>()?.iter().flat_map(|text| parse(text)).collect())
}

/// Lines of a file of kinds that count as one note.
const LINES: usize = 12;

fn parse(text: &str) -> Vec<Note> {
    let mut notes: Vec<Note> = Vec::new();
    let has_heads = text.starts_with("### ");
    for line in text.lines() {
        let full = || notes.last().is_none_or(|note| note.0.len() >= LINES);
        if line.starts_with("### ") {
            notes.push(Note(Vec::new()));
            continue;
        }
        if !has_heads && full() {
            notes.push(Note(Vec::new()));
        }
        if let Some(note) = notes.last_mut() {
            note.0.push(parts(line));
        }
    }
    notes.retain(|note| !note.0.is_empty());
    notes
}

/// `[[LABEL|text]]` identifies, `{{kind|text}}` must stay, `<<text>>` may go either way.
fn parts(line: &str) -> Vec<Part> {
    let mut out = Vec::new();
    let mut push = |is, text: &str| {
        if !text.is_empty() {
            out.push(Part { is, text: text.to_owned() });
        }
    };
    let mut rest = line;
    let marks = [("[[", "]]"), ("{{", "}}"), ("<<", ">>")];
    let opens = |text: &str| {
        let places = marks.iter().filter_map(|(open, close)| Some((text.find(open)?, *open, *close)));
        places.min_by_key(|(at, ..)| *at)
    };
    while let Some((at, open, close)) = opens(rest) {
        let (before, marked) = rest.split_at(at);
        let Some((inner, after)) = marked.get(open.len()..).and_then(|inner| inner.split_once(close)) else {
            break;
        };
        push(Is::Plain, before);
        let (label, body) = inner.split_once('|').unwrap_or(("", inner));
        match (open, is(label)) {
            ("[[", Is::Name) => {
                let (title, name, credential) = bare(body);
                push(Is::Plain, title);
                push(Is::Name, name);
                push(Is::Plain, credential);
            }
            ("[[", is) => push(is, body),
            ("{{", _) if label == "eponym" => push(Is::Eponym, body),
            ("{{", _) if label == "drug" => push(Is::Drug, body),
            // With other digits it could be an age that identifies.
            ("{{", _) if label == "age" => push(Is::Fixed, body),
            ("{{", _) => push(Is::Plain, body),
            _ => push(Is::Doubtful, inner),
        }
        rest = after;
    }
    push(Is::Plain, rest);
    out
}

fn is(label: &str) -> Is {
    match label.split_once('.').unwrap_or((label, "")) {
        ("NAME", _) => Is::Name,
        ("HOSPITAL", _) => Is::Place,
        ("LOCATION", "street") => Is::Street,
        ("LOCATION", "zip") => Is::Number(Kind::OtherId),
        ("LOCATION", _) => Is::Town,
        ("DATE", _) => Is::Number(Kind::Date),
        ("AGE", _) => Is::Number(Kind::Age),
        ("EMAIL", _) => Is::Number(Kind::Email),
        ("URL", _) => Is::Number(Kind::Url),
        ("PHOTO", _) => Is::Number(Kind::Photo),
        _ => Is::Number(Kind::OtherId),
    }
}

/// A name without the title before it and the credentials behind it.
fn bare(name: &str) -> (&str, &str, &str) {
    const TITLES: [&str; 11] = ["dr", "mr", "mrs", "ms", "miss", "prof", "judge", "nurse", "sr", "fr", "dra"];
    const CREDENTIALS: [&str; 8] = ["MD", "RN", "DO", "NP", "PA-C", "PharmD", "LPN", "CNM"];
    let title = name.split_inclusive(' ').next().filter(|word| {
        word.len() < name.len() && TITLES.contains(&word.trim_end_matches([' ', '.']).to_lowercase().as_str())
    });
    let (title, name) = name.split_at(title.map_or(0, str::len));
    let credential =
        name.rsplit(' ').next().filter(|word| word.len() < name.len() && CREDENTIALS.contains(word));
    let stem = credential.map_or(name, |word| name.get(..name.len() - word.len()).unwrap_or(name));
    let stem = if credential.is_some() { stem.trim_end_matches([' ', ',']) } else { stem };
    let (name, credential) = name.split_at(stem.len());
    (title, name, credential)
}

/// Words that say what a place or a street is.
pub(crate) struct Stay(HashSet<String>);

impl Stay {
    pub(crate) fn new() -> Self {
        let words =
            PLACES.iter().chain(&FIRMS).chain(&ROADS).chain(&STAY).flat_map(|phrase| phrase.split(' '));
        Self(words.map(str::to_lowercase).collect())
    }

    fn has(&self, word: &str) -> bool {
        self.0.contains(&word.to_lowercase())
    }
}

/// What parts the words of a name or an address.
const SIGNS: [char; 6] = [' ', '-', '.', ',', '^', '/'];

impl Writer<'_> {
    /// Some lines of a note, to learn words from.
    pub(crate) fn words_of(&mut self, notes: &[Note], stay: &Stay) -> Lesson {
        let mut lesson = Lesson { text: String::new(), spans: Vec::new() };
        for line in self.lines(notes, 4) {
            for part in line {
                let start = lesson.text.len();
                lesson.text.push_str(&self.instead(part, stay));
                let tag = match part.is {
                    Is::Name => Tag::Person,
                    Is::Town => Tag::Town,
                    Is::Street => Tag::Street,
                    Is::Place => Tag::Organisation,
                    _ => continue,
                };
                lesson.spans.push((start, lesson.text.len(), tag));
            }
            lesson.text.push('\n');
        }
        self.in_some_way(lesson)
    }

    /// Some lines of a note, to learn numbers from.
    pub(crate) fn numbers_of(&mut self, notes: &[Note], stay: &Stay) -> NumberLesson {
        let mut lesson = NumberLesson { text: String::new(), spans: Vec::new() };
        for line in self.lines(notes, 7) {
            for part in line {
                let start = lesson.text.len();
                let words =
                    if part.is == Is::Plain { self.varied(&part.text) } else { self.instead(part, stay) };
                lesson.text.push_str(&words);
                let kind = match part.is {
                    Is::Plain | Is::Fixed | Is::Eponym | Is::Drug => continue,
                    Is::Doubtful => None,
                    Is::Name => Some(Kind::Name),
                    Is::Town | Is::Street => Some(Kind::Location),
                    Is::Place => Some(Kind::Hospital),
                    Is::Number(kind) => Some(kind),
                };
                lesson.spans.push((start, lesson.text.len(), kind));
            }
            lesson.text.push('\n');
        }
        match self.dice.below(100) {
            0..8 => lesson.text.make_ascii_lowercase(),
            8..14 => lesson.text.make_ascii_uppercase(),
            _ => {}
        }
        lesson
    }

    /// Some lines that follow each other.
    fn lines<'n>(&mut self, notes: &'n [Note], most: usize) -> &'n [Vec<Part>] {
        let Some(Note(lines)) = notes.get(self.dice.below(notes.len())) else { return &[] };
        let from = self.dice.below(lines.len());
        let to = lines.len().min(from + 1 + self.dice.below(most));
        lines.get(from..to).unwrap_or(&[])
    }

    /// What stands in the place of a part.
    fn instead(&mut self, part: &Part, stay: &Stay) -> String {
        let text = &part.text;
        match part.is {
            Is::Plain | Is::Fixed | Is::Doubtful => text.clone(),
            Is::Number(Kind::Age) => self.aged(text),
            Is::Number(_) => self.digits(text),
            Is::Name => self.renamed(text),
            Is::Town => self.moved(text),
            Is::Street | Is::Place => self.rebuilt(text, stay),
            // A word of such a list is as good as another, but not where it is part of a phrase.
            Is::Eponym | Is::Drug if text.contains([' ', '-']) || self.dice.of(50) => text.clone(),
            Is::Eponym => cased(self.eponym(), text),
            Is::Drug => cased(self.listed_drug(), text),
        }
    }

    fn digit(&mut self) -> char {
        char::from(b'0' + u8::try_from(self.dice.below(10)).unwrap_or(0))
    }

    /// Another age of ninety and more, where it is in digits.
    fn aged(&mut self, text: &str) -> String {
        if text.bytes().all(|byte| byte.is_ascii_digit()) {
            self.dice.number(90, 106)
        } else {
            text.to_owned()
        }
    }

    /// Other digits.
    fn digits(&mut self, text: &str) -> String {
        text.chars().map(|c| if c.is_ascii_digit() { self.digit() } else { c }).collect()
    }

    /// In half of the texts other digits, but for the first of each number: what is measured stays of one size.
    fn varied(&mut self, text: &str) -> String {
        if self.dice.of(50) {
            return text.to_owned();
        }
        let mut before = ' ';
        text.chars()
            .map(|c| {
                let inner = std::mem::replace(&mut before, c).is_ascii_digit();
                if inner && c.is_ascii_digit() { self.digit() } else { c }
            })
            .collect()
    }

    /// Each word of a name gives way to another of its part, initials to initials.
    fn renamed(&mut self, text: &str) -> String {
        const PARTICLES: [&str; 16] = [
            "de", "van", "von", "der", "la", "el", "bin", "al", "da", "del", "dos", "den", "di", "du", "le",
            "ibn",
        ];
        let initials = text.chars().filter(|c| c.is_alphabetic()).count() <= 3;
        let turned = text.contains(',');
        let pieces: Vec<&str> = text.split_inclusive(SIGNS).collect();
        let count = pieces.len();
        let mut out = String::new();
        for (at, piece) in pieces.into_iter().enumerate() {
            let (word, sign) = piece.split_at(piece.trim_end_matches(SIGNS).len());
            let (stem, end) = word.split_at(word.trim_end_matches("'s").len());
            let is_word = !stem.is_empty() && stem.chars().all(|c| c.is_alphabetic() || c == '\'');
            if !is_word || PARTICLES.contains(&stem.to_lowercase().as_str()) {
                out.push_str(word);
            } else if initials || stem.chars().count() == 1 {
                out.extend(stem.chars().map(|c| {
                    let letter = self.letter();
                    if c.is_lowercase() { letter.to_ascii_lowercase() } else { letter }
                }));
                out.push_str(end);
            } else if self.dice.of(15) {
                out.push_str(word);
            } else {
                let given = match count {
                    1 => self.is_given(stem) || self.dice.of(20),
                    _ if turned => at > 0,
                    _ => at + 1 < count,
                };
                let name = if given { self.given() } else { self.surname() };
                let name = if name.contains(' ') { self.one_surname() } else { name };
                out.push_str(&cased(&name, stem));
                out.push_str(end);
            }
            out.push_str(sign);
        }
        out
    }

    fn moved(&mut self, text: &str) -> String {
        // `PDX`, `NOLA`: short forms are known or not.
        let short = text.len() <= 4 && text.bytes().all(|byte| byte.is_ascii_uppercase());
        if short || self.dice.of(20) { text.to_owned() } else { cased_whole(&self.town_name(), text) }
    }

    /// The words of a street or a place that do not say what it is give way to others.
    fn rebuilt(&mut self, text: &str, stay: &Stay) -> String {
        let same = self.dice.of(25);
        let mut out = String::new();
        for piece in text.split_inclusive(SIGNS) {
            let (word, sign) = piece.split_at(piece.trim_end_matches(SIGNS).len());
            if word.chars().any(|c| c.is_ascii_digit()) {
                out.push_str(&self.digits(word));
            } else if same
                || word.chars().count() < 3
                || stay.has(word)
                || !word.chars().all(char::is_alphabetic)
            {
                out.push_str(word);
            } else {
                out.push_str(&cased(&self.name_of_place(), word));
            }
            out.push_str(sign);
        }
        out
    }
}

/// A word written as another is.
fn cased(word: &str, like: &str) -> String {
    let whole = like.chars().count() > 1 && like.chars().all(|c| !c.is_lowercase());
    match like.chars().next() {
        _ if whole => word.to_uppercase(),
        Some(first) if first.is_lowercase() => word.to_lowercase(),
        _ => capital(word),
    }
}

/// Words in capitals, or in small letters, where all of another text is.
fn cased_whole(words: &str, like: &str) -> String {
    if like.chars().all(|c| !c.is_uppercase()) {
        words.to_lowercase()
    } else if like.chars().all(|c| !c.is_lowercase()) {
        words.to_uppercase()
    } else {
        words.to_owned()
    }
}
