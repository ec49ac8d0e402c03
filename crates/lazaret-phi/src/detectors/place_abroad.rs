//! Finds addresses in German, French and Spanish notes: `Hauptstraße 12a, 80331 München`, `12 bis rue de la Paix, 75002
//! Paris`, `Calle Mayor 5, 3.º B, 28013 Madrid`.
//!
//! A street with its number in the order of the language, with the floor and door of a Spanish address; a postal code
//! with the town after it; a town of the lists after a word such as `nach`, `à`, `en`, or where it ends a phrase.
//!
//! Why: 45 CFR 164.514(b)(2)(i)(B).
//!
//! Example: `wohnhaft in 80331 München` gives the code and the town; `nach 14000 Schritten` gives nothing.
//!
//! References: DIN 5008; NF Z 10-011; UPU S42.

use lazaret_core::{Label, Language};

use crate::abroad::{AbroadDetector, previous};
use crate::detectors::name_abroad::{NO_NAME, may_be_part};
use crate::language::{Class, class_of};
use crate::lexicon::{Lexicon, Marks};
use crate::overlap::{Evidence, Found};
use crate::registry::found;
use crate::view::{Case, Note, Token};

/// See the page above.
pub(crate) struct PlaceAbroad;

/// What the names of German streets end in.
const ENDINGS: [&str; 14] = [
    "straße",
    "strasse",
    "str",
    "weg",
    "gasse",
    "allee",
    "platz",
    "ring",
    "ufer",
    "damm",
    "steig",
    "chaussee",
    "graben",
    "promenade",
];
/// What no street's name begins with.
const NO_STREET: Class =
    Class::TITLE.or(Class::DOCTOR).or(Class::FUNCTION).or(Class::STAFF).or(Class::PATIENT);
/// Most words of a street's name.
const WORDS: usize = 8;

impl AbroadDetector for PlaceAbroad {
    fn id(&self) -> &'static str {
        "phi.location.abroad"
    }

    fn source(&self) -> &'static str {
        include_str!("place_abroad.rs")
    }

    fn examples(&self) -> (&'static str, &'static str) {
        (
            "Die Patientin ist wohnhaft in 80331 München und wird von der Tochter gepflegt.",
            "Die Patientin ist nach 14000 Schritten müde und wird von der Tochter gepflegt.",
        )
    }

    fn read(&self, index: usize, language: Language, note: &Note<'_>, out: &mut Vec<Found>) {
        let Some(token) = note.tokens().get(index) else { return };
        let street = match language {
            Language::German => german(index, token, note),
            Language::French => french(index, token, note),
            Language::Spanish => spanish(index, token, note),
            Language::English => None,
        };
        if let Some((start, end)) = street {
            out.push(found(Label::STREET, start, end, Evidence::Checked));
        }
        if token.case == Case::Number {
            code_and_town(index, token, language, note, out);
        } else if token.case == Case::Capital {
            town(index, token, language, note, out);
        }
    }
}

/// Past a house number: `12a`, `12 a`, `12-14`, `7/2`. None if the number is no house number.
fn house_end(number: &Token, note: &Note<'_>) -> Option<usize> {
    let word = note.word(number);
    let digits = word.bytes().take_while(u8::is_ascii_digit).count();
    if digits == 0 || digits > 4 || word.len() > digits + 1 {
        return None;
    }
    let mut end = number.end;
    let rest = note.after(end, 8);
    let bytes = rest.as_bytes();
    if let [b'-' | b'/', digit, ..] = bytes
        && digit.is_ascii_digit()
    {
        end += 1 + bytes.iter().skip(1).take_while(|b| b.is_ascii_alphanumeric()).count();
    } else if let [b' ', letter @ b'a'..=b'f', after, ..] = bytes
        && !after.is_ascii_alphanumeric()
        && letter.is_ascii_lowercase()
    {
        end += 2;
    }
    // A time, a measure, a decimal: no house.
    let after = note.after(end, 6).to_ascii_lowercase();
    let measure = ["%", " uhr", " mg", " ml", " mm", " cm", " kg", " g ", ":", ".1", ".0", " tag"]
        .iter()
        .any(|unit| after.starts_with(unit));
    (!measure).then_some(end)
}

/// `Hauptstraße 12a`, `Alte Gasse 9`, `Am Mühlbach 7`: the name ends at `index`, the number follows.
fn german(index: usize, token: &Token, note: &Note<'_>) -> Option<(usize, usize)> {
    let number = note.tokens().get(index + 1)?;
    if !token.capitalised() || !matches!(note.slice(token.end, number.start), " " | ". ") {
        return None;
    }
    let end = house_end(number, note)?;
    let word = note.word(token).to_lowercase();
    let ending = ENDINGS.iter().any(|ending| word.len() > ending.len() && word.ends_with(ending));
    let alone = class_of(Language::German, note, token).has(Class::STREET);
    let mut first = index;
    while let (Some(before), Some(this)) = (previous(note, first), note.tokens().get(first)) {
        let gap = note.slice(before.end, this.start);
        // `Alte Gasse`, `Obere Mühlgasse`
        let bent = ["e", "er", "en"].iter().any(|ending| note.word(before).ends_with(ending));
        let of_name = gap == "-"
            || gap == " "
                && before.capitalised()
                && (alone && may_be_part(before, Language::German, note)
                    || bent && !class_of(Language::German, note, before).has(NO_STREET));
        if index - first > 3 || !of_name {
            break;
        }
        first -= 1;
    }
    if ending || alone && first < index {
        return Some((note.tokens().get(first)?.start, end));
    }
    // `Am Mühlbach 7`, `An der Alten Mühle 3`, `Unter den Linden 5`.
    let mut at = index;
    while let Some(before) = previous(note, at).filter(|_| index - at < 3) {
        if note.slice(before.end, note.tokens().get(at)?.start) != " " {
            break;
        }
        at -= 1;
        let begins = matches!(
            note.word(before),
            "Am" | "An" | "Im" | "In" | "Auf" | "Zum" | "Zur" | "Unter" | "Hinter"
        );
        if begins {
            let outside = note.before(before.start, 12);
            let place = outside.trim_end().is_empty()
                || outside.ends_with(", ")
                || outside.ends_with("in ")
                || outside.ends_with(": ");
            let named = !class_of(Language::German, note, token).has(Class::WORD.or(Class::WEEKDAY))
                && !token.has(Marks::CALENDAR);
            return (place && named).then_some((before.start, end));
        }
        let joint = matches!(note.word(before), "der" | "den" | "dem") || before.case == Case::Capital;
        if !joint {
            break;
        }
    }
    None
}

/// `12 bis rue de la Paix`, `27, chemin des Vignes`: the number stands at `index`.
fn french(index: usize, number: &Token, note: &Note<'_>) -> Option<(usize, usize)> {
    if !note.word(number).bytes().next().is_some_and(|b| b.is_ascii_digit()) || number.len() > 5 {
        return None;
    }
    let mut at = index + 1;
    if note.tokens().get(at).is_some_and(|t| matches!(note.word(t), "bis" | "ter" | "quater" | "B" | "A")) {
        at += 1;
    }
    let street = note.tokens().get(at)?;
    let before = previous(note, at)?;
    let joined = matches!(note.slice(before.end, street.start), " " | ", " | ",");
    if !joined || !class_of(Language::French, note, street).has(Class::STREET) {
        return None;
    }
    let last = name_end(at, Language::French, note)?;
    Some((number.start, last))
}

/// The end of the name of a street after the word at `index`: particles, and words with capitals up to the last.
fn name_end(index: usize, language: Language, note: &Note<'_>) -> Option<usize> {
    let (mut at, mut end) = (index, None);
    while at - index < WORDS {
        let (this, next) = (note.tokens().get(at)?, note.tokens().get(at + 1));
        let Some(next) = next else { break };
        if !matches!(note.slice(this.end, next.start), " " | "-" | "'" | ". " | "/ " | "/") {
            break;
        }
        let inner =
            note.word(next).split_once('\'').is_some_and(|(_, rest)| rest.starts_with(char::is_uppercase));
        let year = next.case == Case::Number && language == Language::French;
        if matches!(next.case, Case::Capital | Case::Upper | Case::Initial) || inner {
            end = Some(next.end);
        } else if !(class_of(language, note, next).has(Class::PARTICLE) || year || note.word(next) == "et") {
            break;
        }
        at += 1;
    }
    end
}

/// `Calle Mayor 5, 3.º B`, `C/ Real, 14`: the word for the street stands at `index`.
fn spanish(index: usize, token: &Token, note: &Note<'_>) -> Option<(usize, usize)> {
    if !class_of(Language::Spanish, note, token).has(Class::STREET)
        || token.len() <= 2 && (!token.capitalised() || note.byte(token.end) == b' ')
    {
        return None;
    }
    let end = name_end(index, Language::Spanish, note)?;
    let number = note.tokens().get(note.token_at(end))?;
    if !matches!(note.slice(end, number.start), " " | ", " | ", n.o " | ", no " | " no " | ", n.º ") {
        return None;
    }
    Some((token.start, floor_end(house_end(number, note)?, note)))
}

/// Past `, 3.º B`, `, 2.º izda.`, ` bajo C`.
fn floor_end(end: usize, note: &Note<'_>) -> usize {
    const DOORS: [&str; 8] = ["izda", "izqda", "izq", "dcha", "der", "ctro", "centro", "puerta"];
    let rest = note.after(end, 24);
    let body = rest.trim_start_matches([',', ' ']);
    let lead = rest.len() - body.len();
    let digits = body.bytes().take_while(u8::is_ascii_digit).count();
    let tail = body.get(digits..).unwrap_or("");
    let ordinal = ["o", ".o", "a", ".a"].iter().find(|ending| tail.starts_with(**ending)).map(|e| e.len());
    let storey = match ordinal {
        Some(ending) if (1..=2).contains(&digits) => digits + ending,
        _ if body.starts_with("bajo") || body.starts_with("Bajo") => 4,
        _ => return end,
    };
    let after = body.get(storey..).unwrap_or("");
    let door = after.trim_start_matches([' ', ',']);
    let blanks = after.len() - door.len();
    let word = door.bytes().take_while(u8::is_ascii_alphanumeric).count();
    let named = DOORS.iter().any(|known| door.get(..word).is_some_and(|d| d.eq_ignore_ascii_case(known)));
    let past =
        if word == 1 && door.starts_with(|c: char| c.is_ascii_uppercase() || c.is_ascii_digit()) || named {
            blanks + word + usize::from(named && door.as_bytes().get(word) == Some(&b'.'))
        } else {
            0
        };
    end + lead + storey + past
}

/// `80331 München`; four digits (Switzerland, Austria) only behind a street or after a country's letters.
fn code_and_town(index: usize, code: &Token, language: Language, note: &Note<'_>, out: &mut Vec<Found>) {
    let Some(next) = note.tokens().get(index + 1) else { return };
    if note.slice(code.end, next.start) != " "
        || !matches!(next.case, Case::Capital | Case::Upper)
        || next.has(Marks::CALENDAR)
        || class_of(language, note, next).has(NO_NAME) && !next.has(Marks::CITY) && !opens(note, next)
    {
        return;
    }
    let street = out.iter().rev().take(8).any(|claim| {
        claim.label == Label::STREET
            && claim.end < code.start
            && code.start - claim.end <= 24
            && !note.slice(claim.end, code.start).contains(['.', ';'])
    });
    let country =
        note.byte_before(code.start) == b'-' && note.byte_before(code.start - 1).is_ascii_uppercase();
    let line = note.before(code.start, 4).trim().is_empty() || note.before(code.start, 4).ends_with(", ");
    let fits = match code.len() {
        5 => {
            street || country || line || next.has(Marks::CITY) || note.before(code.start, 4).ends_with("in ")
        }
        4 => street || country,
        _ => false,
    };
    if !fits {
        return;
    }
    out.push(found(Label::ZIP, code.start, code.end, Evidence::Checked));
    out.push(found(Label::CITY, next.start, town_end(index + 1, language, note), Evidence::Checked));
}

/// Words that begin the names of towns.
fn opens(note: &Note<'_>, token: &Token) -> bool {
    const OPENERS: [&str; 14] = [
        "Bad", "Sankt", "St", "Saint", "Sainte", "La", "Le", "Les", "Las", "Los", "San", "Santa", "El", "Neu",
    ];
    OPENERS.contains(&note.word(token))
}

/// The end of the name of the town that begins at `index`.
fn town_end(index: usize, language: Language, note: &Note<'_>) -> usize {
    let mut at = index;
    let mut end = note.tokens().get(index).map_or(0, |token| token.end);
    while let (Some(this), Some(next)) = (note.tokens().get(at), note.tokens().get(at + 1)) {
        let gap = note.slice(this.end, next.start);
        let small = class_of(language, note, next).has(Class::PARTICLE)
            || matches!(
                note.word(next),
                "am" | "an" | "im" | "bei" | "ob" | "sur" | "sous" | "en" | "la" | "der"
            );
        let capital = matches!(next.case, Case::Capital | Case::Upper);
        let after_small = this.case == Case::Lower;
        if at - index > 4 {
            break;
        } else if capital && (gap == "-" || gap == " " && (opens(note, this) || after_small))
            || gap == "-" && at > index
        {
            end = next.end;
        } else if !(small && next.case == Case::Lower && matches!(gap, " " | "-")) {
            break;
        }
        at += 1;
    }
    end
}

/// A town of the lists, after `nach`, `à`, `en`, or where it ends a phrase.
fn town(index: usize, token: &Token, language: Language, note: &Note<'_>, out: &mut Vec<Found>) {
    let Some(before) = previous(note, index) else { return };
    let gap = note.slice(before.end, token.start);
    let two = note.tokens().get(index + 1).filter(|next| {
        note.slice(token.end, next.start) == " "
            && token.has(Marks::CITY_BEGINS)
            && Lexicon::get().marks_of_two(note.word(token), ' ', note.word(next)).has(Marks::CITY)
    });
    let listed = token.has(Marks::CITY) || two.is_some();
    if !listed
        || class_of(language, note, token) != Class::default()
        || token.has(Marks::CLINICAL.or(Marks::CALENDAR))
    {
        return;
    }
    let after = class_of(language, note, before).has(Class::PLACE) && gap == " ";
    let end = two.map_or(token.end, |next| next.end);
    let ends = matches!(note.byte(end), b'.' | b',' | b'\n' | b';' | b')' | 0) || note.byte(end + 1) == b'(';
    let apart = gap == ", " && ends && !token.has(Marks::COMMON) && before.capitalised();
    if after || apart {
        out.push(found(Label::CITY, token.start, end, Evidence::Likely));
    }
}
