//! Finds names after a title: `Dr. Vane-Reyes`, `Ms. Quillby`, `dr faith penny`, `Judge Quincey`.
//!
//! The title is no part of the name. After `Dr` the name is a provider's; after `Mr`, `Mrs`, `Ms` the patient's unless
//! a word for a relative stands before; otherwise somebody else's. A name in lower case is read as far as the words
//! are no others.
//!
//! Why: 45 CFR 164.514(b)(2)(i)(A).
//!
//! Example: `seen by Dr. Vane` gives `Vane`; `Dr visit`, `Sr. citizen` give nothing.
//!
//! References: 45 CFR 164.514(b)(2)(i)(A).

use lazaret_core::Label;

use crate::cue::is_one_of;
use crate::lexicon::Marks;
use crate::names::{Reading, name_at, report, unlisted_name};
use crate::overlap::{Evidence, Found};
use crate::registry::ShapeDetector;
use crate::view::{Case, Note, Token};

/// Titles that are other words too.
const VAGUE: &str = "sister|brother|father|dame|agent|coach|principal|tech|medic|nurse|don|sr|fr|br|det|col|gen|capt|sir|lady|lord|miss|officer|judge|deputy|dep|captain|lt|attorney|dona|magistrate|constable|inspector|senator|commissioner|superintendent|warden|corporal|seaman|airman|admiral|bailiff|deacon|lieutenant|colonel|commander|sra";

/// See the page above.
pub(crate) struct NameTitle;

impl ShapeDetector for NameTitle {
    fn id(&self) -> &'static str {
        "phi.name.title"
    }

    fn source(&self) -> &'static str {
        include_str!("name_title.rs")
    }

    fn examples(&self) -> (&'static str, &'static str) {
        ("Seen by Dr. Vane today.", "The doctor agrees, Dr visit and nurse notes.")
    }

    fn read(&self, note: &Note<'_>, out: &mut Vec<Found>) {
        let tokens = note.tokens();
        for (index, token) in note.cues(Marks::TITLE) {
            let Some(next) = tokens.get(index + 1) else { continue };
            let gap = note.slice(token.end, next.start);
            if !matches!(gap, " " | ". " | "." | ": " | "  " | ".  ") {
                continue;
            }
            let word = note.word(token).to_lowercase();
            // `MS Contin`: a drug.
            let lexicon = crate::lexicon::Lexicon::get();
            let phrase = || format!("{word} {}", note.word(next).to_lowercase());
            if gap == " "
                && lexicon.begins_phrase(token.hash)
                && lexicon.marks(&phrase()).has(Marks::CLINICAL)
            {
                continue;
            }
            // `19 Fr Blake`: the width of a drain.
            let gauge =
                word == "fr" && index.checked_sub(1).and_then(|at| tokens.get(at)).is_some_and(|t| t.digits);
            // `MR enterography`: what a short form in capitals means before a word in small letters.
            let short = token.case == Case::Upper
                && token.len() == 2
                && next.case == Case::Lower
                && !next.has(Marks::PERSON);
            if gauge || short {
                continue;
            }
            // Two titles in a row are read from the second.
            if next.has(Marks::TITLE) && next.case != Case::Lower && gap != "." {
                continue;
            }
            // `sister joanne` is the relatives' detector; words that are also others' need a capital after them.
            let vague = is_one_of(&word, VAGUE);
            if vague && next.case == Case::Lower {
                continue;
            }
            if token.has(Marks::RELATION) && token.case == Case::Lower && word != "father" {
                continue;
            }
            // `dr. s. quorrell`: an initial in small letters.
            let initial = next.case == Case::Lower && next.len() == 1 && note.byte(next.end) == b'.';
            let from = index + 1 + usize::from(initial);
            let Some((first, last)) = name_at(note, from, Reading::After) else {
                match worded(note, index) {
                    Some(last) => {
                        report(note, (index + 1, last), Label::NAME.sub("other"), Evidence::Shape, out);
                    }
                    None => dictated(note, index, out),
                }
                continue;
            };
            let first = if initial && first == from { first - 1 } else { first };
            let label = match word.as_str() {
                "dr" | "drs" | "doctor" | "nurse" | "prof" | "professor" | "midwife" | "medic" | "tech"
                | "schwester" => Label::PROVIDER,
                "mr" | "mrs" | "ms" | "miss" | "mx" | "mister" | "missus" | "frau" | "herr" | "mme"
                | "madame" => {
                    if note.cue_before(
                        token.start,
                        24,
                        "wife|husband|mother|father|son|daughter|nok|sister|brother|w/|cousin",
                    ) {
                        Label::RELATIVE
                    } else {
                        Label::PATIENT
                    }
                }
                _ => Label::NAME.sub("other"),
            };
            report(note, (first, last), label, Evidence::Named, out);
            listed(note, last, label, out);
        }
    }
}

/// `Dr Two Quills`, `ADMIT TO DR HUSBANDS`, `mrs. gray owl.`: names of plain words after a short title. The last of them.
fn worded(note: &Note<'_>, index: usize) -> Option<usize> {
    let tokens = note.tokens();
    let (title, first) = (tokens.get(index)?, tokens.get(index + 1)?);
    if !is_one_of(&note.word(title).to_ascii_lowercase(), "dr|mr|mrs|ms")
        || note.slice(title.end, first.start).contains("  ")
    {
        return None;
    }
    let other = Marks::CLINICAL
        .or(Marks::STAFF)
        .or(Marks::TITLE)
        .or(Marks::CREDENTIAL)
        .or(Marks::FACILITY)
        .or(Marks::STREET)
        .or(Marks::CALENDAR);
    let second = tokens.get(index + 2).filter(|t| {
        note.slice(first.end, t.start) == " "
            && t.case == first.case
            && !t.has(other.or(Marks::FUNCTION).or(Marks::RELATION))
    });
    let closes = |t: &Token| {
        !matches!(note.byte(t.end), b' ' | b'-' | b'\'' | b'/') || note.byte(t.end + 1).is_ascii_digit()
    };
    match (title.case, first.case) {
        (Case::Capital, Case::Capital) => second.filter(|_| !first.has(other)).map(|_| index + 2),
        (Case::Upper, Case::Upper) if first.len() >= 4 && !first.has(other.or(Marks::FUNCTION)) => {
            Some(index + 1)
        }
        (Case::Lower, Case::Lower) if note.byte(title.end) == b'.' || title.len() == 3 => second
            .filter(|last| first.has(Marks::PERSON) && !first.has(other.or(Marks::FUNCTION)) && closes(last))
            .map(|_| index + 2),
        _ => None,
    }
}

/// `he sees doctor feldspar for`: a word that is also another, between a doctor's title and a small word.
fn dictated(note: &Note<'_>, index: usize, out: &mut Vec<Found>) {
    let tokens = note.tokens();
    let (Some(title), Some(name), Some(after)) =
        (tokens.get(index), tokens.get(index + 1), tokens.get(index + 2))
    else {
        return;
    };
    let is = |t: &crate::view::Token, words: &[&str]| words.contains(&note.word(t));
    let led = index.checked_sub(1).and_then(|at| tokens.get(at)).is_some_and(|t| {
        is(t, &["to", "by", "with", "from", "sees", "saw", "of", "and", "called", "told", "under"])
    });
    let other = Marks::FUNCTION.or(Marks::MEDICAL).or(Marks::STAFF).or(Marks::TITLE).or(Marks::CLINICAL);
    let things = [
        "visit",
        "visits",
        "appointment",
        "appointments",
        "note",
        "notes",
        "orders",
        "order",
        "bills",
        "letter",
    ];
    let follows = after.has(Marks::FUNCTION) && note.slice(name.end, after.start) == " ";
    if led
        && follows
        && is(title, &["doctor", "dr"])
        && name.case == Case::Lower
        && name.len() > 3
        && !name.has(other)
        && !is(name, &things)
    {
        report(note, (index + 1, index + 1), Label::PROVIDER, Evidence::Shape, out);
    }
}

/// Whether the word after a name's comma names a field or a unit instead of going on with names: `Dr. Vane, SSN 219-…`,
/// `Dr. Vane, PM&R`, `Ms. Vane, Human Resources`, `Miss Vane, TCI Monday`.
fn names_field(note: &Note<'_>, name: &Token, index: usize) -> bool {
    let tokens = note.tokens();
    let Some(word) = tokens.get(index) else { return false };
    let next = tokens.get(index + 1);
    let short = word.case == Case::Upper && name.case != Case::Upper && !word.has(Marks::GIVEN_FREQUENT);
    let valued = matches!(note.byte(word.end), b':' | b'#' | b'&' | b'=')
        || next.is_some_and(|t| matches!(t.case, Case::Number | Case::Mixed) && t.start - word.end <= 2);
    let office = word.has(Marks::COMMON)
        && next.is_some_and(|t| t.case == Case::Capital && t.has(Marks::COMMON) && t.start - word.end == 1);
    short || valued || office
}

/// `Drs. Quorrell, Li, Lee and Park`, `Dr. Rocha/McSwain`: further names of the list.
fn listed(note: &Note<'_>, last: usize, label: Label, out: &mut Vec<Found>) {
    let mut last = last;
    for _ in 0..8 {
        let (Some(this), Some(next)) = (note.tokens().get(last), note.tokens().get(last + 1)) else { return };
        let gap = note.slice(this.end, next.start);
        // `Dr. Yun/kb`: who assisted.
        let assistant = gap == "/" && next.case == Case::Lower && next.plain && matches!(next.len(), 2 | 3);
        if assistant && next.marks == Marks::default() && !note.byte(next.end).is_ascii_alphanumeric() {
            report(note, (last + 1, last + 1), Label::PROVIDER, Evidence::Likely, out);
            return;
        }
        if gap != "/"
            && !(gap == ", "
                && (next.has(Marks::PERSON) || unlisted_name(next))
                && !next.has(Marks::CREDENTIAL.or(Marks::FUNCTION).or(Marks::CLINICAL)))
            || !next.capitalised()
            || names_field(note, this, last + 1)
        {
            return;
        }
        let Some((first, end)) = name_at(note, last + 1, Reading::After) else { return };
        report(note, (first, end), label, Evidence::Likely, out);
        last = end;
    }
}
