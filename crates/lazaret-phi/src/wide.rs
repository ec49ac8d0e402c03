//! What only wider profiles report: states and countries, ages under 90, bare years, professions.
//!
//! The Safe Harbor method lets them stay (45 CFR 164.514(b)(2)(i)(B) and (C)); i2b2 2014 marks them, and so does a profile
//! of one's own. They are sought only where a scanner is asked for them, and cost nothing elsewhere.

use std::sync::LazyLock;

use lazaret_core::Label;
use rustc_hash::FxHashSet;

use crate::lexicon::{Lexicon, Marks, hash};
use crate::overlap::{Evidence, Found};
use crate::registry::found;
use crate::view::{Case, Note, Token};

/// Adds what wider profiles report.
pub(crate) fn seek(note: &Note<'_>, out: &mut Vec<Found>) {
    for index in 0..note.tokens().len() {
        place(note, index, out);
        age(note, index, out);
        year(note, index, out);
        profession(note, index, out);
    }
}

/// `Vermont`, `New Zealand`, `, OH 44917`: names in full, short ones where an address goes on.
fn place(note: &Note<'_>, index: usize, out: &mut Vec<Found>) {
    let tokens = note.tokens();
    let Some(token) = tokens.get(index) else { return };
    let label = |marks: Marks| {
        if marks.has(Marks::STATE) {
            Some(Label::STATE)
        } else if marks.has(Marks::COUNTRY) {
            Some(Label::COUNTRY)
        } else {
            None
        }
    };
    if let Some(next) = tokens.get(index + 1).filter(|next| next.start - token.end == 1)
        && matches!(note.byte(token.end), b' ')
        && let Some(label) = label(Lexicon::get().marks_of_two(note.word(token), ' ', note.word(next)))
    {
        out.push(found(label, token.start, next.end, Evidence::Shape));
        return;
    }
    let Some(label) = label(token.marks) else { return };
    let before = note.before(token.start, 4);
    let full = token.len() > 3
        && (token.case != Case::Lower || !token.has(Marks::COMMON))
        && !token.has(Marks::GIVEN_FREQUENT);
    let led = before.ends_with(", ") || before.ends_with(['^', '"', ' ']);
    let code = token.case == Case::Upper && led && {
        let after = note.after(token.end, 8).trim_start_matches([' ', ',', '^', '"']);
        let closes = matches!(note.byte(token.end), 0 | b'\n' | b'.' | b',' | b';' | b')' | b'"' | b'^');
        after.starts_with(|c: char| c.is_ascii_digit()) || closes && before.ends_with(", ")
    };
    let eponym = token.has(Marks::CLINICAL)
        || tokens.get(index + 1).is_some_and(|next| next.has(Marks::EPONYM_HEAD) && next.case == Case::Lower);
    if (full && !eponym) || code {
        out.push(found(label, token.start, token.end, Evidence::Shape));
    }
}

/// Words after an age, and before one.
const OF_AGE: &str =
    "year|years|yr|yrs|yo|y/o|y.o|y.o.|yof|yom|month|months|mo|week|weeks|day|days|jahre|ans";
const AGED: &str = "age|aged|age:|ages|turned|i'm|im|is|was|am";

/// `a 64 year old`, `aged 7`, `44M`, `i'm 31 y/o`, `written when he was 52`.
fn age(note: &Note<'_>, index: usize, out: &mut Vec<Found>) {
    let tokens = note.tokens();
    let Some(token) = tokens.get(index) else { return };
    let word = note.word(token);
    let count = word.bytes().take_while(u8::is_ascii_digit).count();
    let Some(number) = word.get(..count).filter(|_| (1..=2).contains(&count)) else { return };
    if number.parse::<u8>().is_ok_and(|number| number > 89) {
        return;
    }
    let tail = word.get(count..).unwrap_or("").to_ascii_lowercase();
    let after = note.after(token.end, 16).to_ascii_lowercase();
    let next = after.trim_start_matches([' ', '-']);
    let old = |text: &str| {
        let unit = text.split([' ', '-', ',', '.', ';', ')']).next().unwrap_or("");
        OF_AGE.split('|').any(|of| of == unit)
            && (unit.starts_with("yo")
                || unit.contains('/')
                || text.contains("old")
                || text.contains("of age"))
            || text.starts_with("y.o")
    };
    let sex = matches!(tail.as_str(), "m" | "f" | "yo" | "y" | "yof" | "yom") && index < 400;
    let closes = next.is_empty() || next.starts_with(['.', ',', ';', ')', '\n']);
    let before =
        index.checked_sub(1).and_then(|at| tokens.get(at)).map(|last| note.word(last).to_lowercase());
    let aged = before.as_deref().is_some_and(|last| AGED.split('|').any(|cue| cue == last));
    let strong = before.as_deref().is_some_and(|last| matches!(last, "age" | "aged" | "ages" | "turned"));
    let person = note.cue_before(token.start, 16, "he was|she was|i am|i'm|he is|she is|they were|who is");
    if tail.is_empty() && (old(next) || strong || aged && person && closes) || (sex && !tail.is_empty()) {
        out.push(found(Label::AGE_UNDER_90, token.start, token.start + count, Evidence::Shape));
    }
}

/// `in 1997`, `since 2019`, `(2004)`: a year where a year is said.
fn year(note: &Note<'_>, index: usize, out: &mut Vec<Found>) {
    const CUES: &str = "in|since|until|till|from|of|by|year|during|before|after|between|to|and|circa|around|spring|summer|autumn|fall|winter|early|late|mid";
    let tokens = note.tokens();
    let Some(token) = tokens.get(index) else { return };
    let years = |text: &str| text.parse::<u16>().is_ok_and(|year| (1880..2080).contains(&year));
    if token.case != Case::Number || token.len() != 4 || !years(note.word(token)) {
        return;
    }
    let beside = |byte: u8| matches!(byte, b'-' | b'/' | b'.' | b':') || byte.is_ascii_alphanumeric();
    let joined = beside(note.byte_before(token.start))
        || beside(note.byte(token.end)) && note.byte(token.end + 1).is_ascii_alphanumeric();
    let led = index.checked_sub(1).and_then(|at| tokens.get(at)).is_some_and(|last: &Token| {
        let word = note.word(last).to_lowercase();
        note.slice(last.end, token.start).len() <= 2
            && (CUES.split('|').any(|cue| cue == word) || last.has(Marks::MONTH))
    });
    let bracketed = note.byte_before(token.start) == b'(' && note.byte(token.end) == b')';
    if !joined && (led || bracketed) && !crate::value::unit_follows(note, token.end) {
        out.push(found(Label::YEAR, token.start, token.end, Evidence::Likely));
    }
}

static PROFESSIONS: LazyLock<FxHashSet<u64>> =
    LazyLock::new(|| include_str!("../../../catalogue/phi/professions.txt").lines().map(hash).collect());

/// `retired crane operator`, `works as a welder`, `occupation: farmer`.
fn profession(note: &Note<'_>, index: usize, out: &mut Vec<Found>) {
    let tokens = note.tokens();
    let Some(token) = tokens.get(index).filter(|token| PROFESSIONS.contains(&token.hash)) else { return };
    let cued = note.cue_before(
        token.start,
        36,
        "retired|works as|worked as|working as|occupation|job|employed as|former|by profession|career as|is a|is an|was a|was an|old",
    );
    if !cued {
        return;
    }
    // What kind of it: the words right before it that are none of grammar.
    let mut start = token.start;
    let mut first = index;
    while let (Some(before), Some(this)) =
        (first.checked_sub(1).and_then(|at| tokens.get(at)), tokens.get(first))
    {
        let word = note.word(before);
        let grammar = before.has(Marks::FUNCTION)
            || matches!(
                word.to_ascii_lowercase().as_str(),
                "retired" | "former" | "occupation" | "job" | "a" | "an" | "old"
            );
        if index - first >= 2
            || grammar
            || before.case != Case::Lower
            || note.slice(before.end, this.start) != " "
        {
            break;
        }
        start = before.start;
        first -= 1;
    }
    out.push(found(Label::PROFESSION, start, token.end, Evidence::Likely));
}

#[cfg(test)]
mod tests {
    use crate::Scanner;

    fn found(text: &str, wide: bool) -> Vec<(String, String)> {
        let scanner = Scanner::new().unwrap().wide(wide);
        let found = scanner.scan(text, None).unwrap();
        found
            .iter()
            .map(|d| (text.get(d.span.start..d.span.end).unwrap().to_owned(), d.label.to_string()))
            .collect()
    }

    #[test]
    fn only_a_wide_scanner_reports_what_safe_harbor_lets_stay() {
        for (text, part, label) in [
            ("A 64 year old from home.", "64", "AGE.under-90"),
            ("She moved to Vermont.", "Vermont", "LOCATION.state"),
            ("Back from New Zealand.", "New Zealand", "LOCATION.country"),
            ("Stable since 2019.", "2019", "DATE.year"),
            ("He is a retired crane operator.", "crane operator", "OTHER_ID.profession"),
        ] {
            let wide = found(text, true);
            assert!(wide.iter().any(|(of, is)| of == part && is == label), "{text}: {wide:?}");
            assert_eq!(found(text, false), [], "{text}");
        }
    }

    #[test]
    fn amounts_and_eponyms_are_neither_ages_nor_places() {
        for text in ["Gave 64 mg, HR 72, 8 weeks of it, 2019 mL.", "Boston brace, mild LA enlargement."] {
            assert_eq!(found(text, true), [], "{text}");
        }
    }
}
