//! Finds names that no word list holds: two capitalised words of which nothing is known (`Xanthia Quorrell`), one
//! that does what people do (`Quorrell agrees`), and frequent given names in lower case (`karen quorrell`).
//!
//! None of the words may be a common or clinical one, a place or a part of a facility's name.
//!
//! Why: 45 CFR 164.514(b)(2)(i)(A): lists know few of the world's names.
//!
//! Example: `we saw Xanthia Quorrell` gives the name; `Chronic Back Pain`, `heather tea` give nothing.
//!
//! References: US Census 1990 names files (catalogue/phi/SOURCE.md).

use lazaret_core::Label;

use crate::cue::is_one_of;
use crate::lexicon::Marks;
use crate::names::{clinical_form, report, unlisted_name};
use crate::overlap::{Evidence, Found};
use crate::registry::ShapeDetector;
use crate::view::{Case, Note, Token};

/// See the page above.
pub(crate) struct NameUnlisted;

impl ShapeDetector for NameUnlisted {
    fn id(&self) -> &'static str {
        "phi.name.unlisted"
    }

    fn source(&self) -> &'static str {
        include_str!("name_unlisted.rs")
    }

    fn examples(&self) -> (&'static str, &'static str) {
        ("We saw Xanthia Quorrell yesterday.", "Chronic Back Pain, heather tea, Zyxovan 20 mg.")
    }

    fn read(&self, note: &Note<'_>, out: &mut Vec<Found>) {
        let tokens = note.tokens();
        let mut index = 0;
        while let Some(token) = tokens.get(index) {
            let last = match token.case {
                Case::Lower => lower_name(note, index),
                Case::Capital => given_and_capitals(note, index)
                    .or_else(|| unlisted_pair(note, index))
                    .or_else(|| (unlisted_name(token) && acts(note, index)).then_some(index)),
                _ => None,
            };
            if let Some(last) = last {
                report(note, (index, last), Label::NAME, Evidence::Likely, out);
            }
            index = last.unwrap_or(index) + 1;
        }
    }
}

/// `karen`, `karen quorrell`: a frequent given name in lower case that is no other word, with a surname after it.
fn lower_name(note: &Note<'_>, index: usize) -> Option<usize> {
    let others = Marks::COMMON
        .or(Marks::CLINICAL)
        .or(Marks::FUNCTION)
        .or(Marks::STATE)
        .or(Marks::COUNTRY)
        .or(Marks::CALENDAR)
        .or(Marks::TITLE)
        .or(Marks::EPONYM_HEAD)
        .or(Marks::PAYER);
    let tokens = note.tokens();
    let token = tokens.get(index)?;
    if !token.has(Marks::GIVEN.or(Marks::GIVEN_FREQUENT).or(Marks::SURNAME_FREQUENT)) || token.has(others) {
        return None;
    }
    let joined = matches!(note.byte_before(token.start), b'-' | b'.' | b'_' | b'@' | b'/' | b'\'')
        || matches!(note.byte(token.end), b'-' | b'_' | b'@' | b'/')
        || note.byte(token.end) == b'.' && note.byte(token.end + 1).is_ascii_alphanumeric();
    let bracketed = note.byte_before(token.start) == b'(' && note.byte(token.end) == b')';
    if bracketed && token.has(Marks::GIVEN.or(Marks::SURNAME_FREQUENT)) && token.len() >= 3 {
        return Some(index);
    }
    if !token.has(Marks::GIVEN_FREQUENT) || token.len() < 4 || joined {
        return None;
    }
    let surname = tokens.get(index + 1).is_some_and(|t| {
        t.case == Case::Lower
            && note.slice(token.end, t.start) == " "
            && (t.has(Marks::SURNAME) || t.marks == Marks::default())
            && !t.has(others)
            && t.len() >= 4
            && !clinical_form(note.word(t))
    });
    Some(if surname { index + 1 } else { index })
}

/// `Dilys QUILLERCH-VANE`: a given name and a surname in capitals, as letters and lists of British hospitals have them.
fn given_and_capitals(note: &Note<'_>, index: usize) -> Option<usize> {
    let other = Marks::COMMON
        .or(Marks::CLINICAL)
        .or(Marks::FUNCTION)
        .or(Marks::FACILITY)
        .or(Marks::TITLE)
        .or(Marks::STAFF)
        .or(Marks::CALENDAR)
        .or(Marks::CREDENTIAL)
        .or(Marks::STATE)
        .or(Marks::RELATION)
        .or(Marks::PAYER);
    let tokens = note.tokens();
    let given = tokens
        .get(index)
        .filter(|t| t.len() > 2 && !t.has(other) && (t.has(Marks::GIVEN) || t.marks == Marks::default()))?;
    let mut last = index + 1;
    let family = tokens.get(last).filter(|t| {
        t.case == Case::Upper
            && t.len() >= 4
            && note.slice(given.end, t.start) == " "
            && !t.has(other)
            && (t.has(Marks::SURNAME)
                || t.marks == Marks::default() && (given.has(Marks::GIVEN) || note.byte(t.end) == b'-'))
    })?;
    let half = tokens.get(last + 1);
    if half.is_some_and(|t| {
        t.start == family.end + 1 && note.byte(family.end) == b'-' && t.case == Case::Upper && t.len() > 2
    }) {
        last += 1;
    }
    Some(last)
}

/// Two or three capitalised words in a row of which no list knows anything but that they are names, at least one of
/// them in no list.
fn unlisted_pair(note: &Note<'_>, index: usize) -> Option<usize> {
    let tokens = note.tokens();
    let proper = |t: &Token| {
        let others = Marks::COMMON
            .or(Marks::CLINICAL)
            .or(Marks::FUNCTION)
            .or(Marks::FACILITY)
            .or(Marks::EPONYM_HEAD)
            .or(Marks::CITY)
            .or(Marks::COUNTY)
            .or(Marks::STATE)
            .or(Marks::COUNTRY)
            .or(Marks::PAYER)
            .or(Marks::CALENDAR)
            .or(Marks::TITLE)
            .or(Marks::STAFF)
            .or(Marks::STREET)
            .or(Marks::ORGANISATION);
        t.case == Case::Capital && !t.has(others) && t.len() >= 3
    };
    let first = tokens.get(index).filter(|t| proper(t))?;
    let before = index.checked_sub(1).and_then(|at| tokens.get(at));
    if before.is_some_and(|t| t.capitalised() && matches!(note.slice(t.end, first.start), " " | "-")) {
        return None;
    }
    let mut last = index;
    // One word more than a name has says enough of a longer run.
    while let (Some(this), Some(next), true) = (tokens.get(last), tokens.get(last + 1), last - index < 4) {
        let gap = note.slice(this.end, next.start);
        let initial = next.case == Case::Initial && gap == " " && note.byte(next.end) == b'.';
        let after_initial = this.case == Case::Initial && gap == ". ";
        // `Hinemoa Te Quill`
        let particle = next.has(Marks::PARTICLE)
            && next.capitalised()
            && !next.has(Marks::COMMON.or(Marks::FUNCTION))
            && tokens
                .get(last + 2)
                .is_some_and(|after| proper(after) && note.slice(next.end, after.start) == " ");
        if !(matches!(gap, " " | "-") || after_initial) || !(proper(next) || initial || particle) {
            break;
        }
        last += 1;
    }
    let words = last - index + 1;
    let unlisted = (index..=last).filter_map(|at| tokens.get(at)).any(|t| t.marks == Marks::default());
    let end = tokens.get(last)?;
    let next = tokens.get(last + 1);
    let goes_on = next.is_some_and(|t| {
        note.slice(end.end, t.start) == " "
            && (t.has(Marks::FACILITY.or(Marks::STREET).or(Marks::ORGANISATION))
                || t.capitalised() && !t.has(Marks::CREDENTIAL)
                || matches!(t.case, Case::Number | Case::Mixed) && !(first.has(Marks::GIVEN) && t.digits))
    });
    let hyphen_only = (index..last)
        .filter_map(|at| Some((tokens.get(at)?, tokens.get(at + 1)?)))
        .all(|(a, b)| note.slice(a.end, b.start) == "-");
    ((2..=4).contains(&words) && unlisted && !goes_on && !hyphen_only && end.case != Case::Initial)
        .then_some(last)
}

/// A word of no list that does what people do (`Quorrell agrees`), or is told (`told Quorrell`).
fn acts(note: &Note<'_>, index: usize) -> bool {
    const ACTS: &str = "says|said|states|agrees|agreed|reports|called|calls|asks|asked|thinks|wants|visited|visits|told|came|went|favors|helps|aware|notified|informed|wrote|picked|arrived|lives|works|who|denies";
    let tokens = note.tokens();
    let Some(token) = tokens.get(index).filter(|t| t.len() >= 3) else { return false };
    let after =
        tokens.get(index + 1).filter(|t| note.slice(token.end, t.start) == " " && t.case == Case::Lower);
    let before =
        index.checked_sub(1).and_then(|at| tokens.get(at)).filter(|t| note.slice(t.end, token.start) == " ");
    let is = |t: &Token, words: &'static str| is_one_of(note.word(t), words);
    // `cardiology (Quorrell) recommends`
    let bracketed = note.byte_before(token.start) == b'('
        && tokens.get(index + 1).is_some_and(|t| {
            note.slice(token.end, t.start) == ") "
                && is(t, "agrees|agreed|recommends|recommended|recs|suggests|suggested|aware|following|saw|notified|advises")
        });
    if bracketed {
        return true;
    }
    after.is_some_and(|t| is(t, ACTS))
        || before
            .is_some_and(|t| is(t, "told|asked|named|met|him|her|call|tell|called|visit|dear|hi|hello|by"))
}
