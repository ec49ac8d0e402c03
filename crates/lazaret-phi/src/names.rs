//! How a name is read from its first word on, shared by the detectors of names.

use lazaret_core::Label;

use crate::lexicon::Marks;
use crate::overlap::{Evidence, Found};
use crate::registry::found;
use crate::view::{Case, Note, Token};

/// Most words of a name.
const WORDS: usize = 6;
/// Most titles before a name: `Herr Prof. Dr. med.`.
const TITLES: usize = 4;

/// How freely a name is read: how much the cue before it says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reading {
    /// The field holds a name: any capitalised words, comma order, or a name in lower case.
    Field,
    /// A title or a word for a person stands before: capitalised words, or a name in lower case.
    After,
}

/// The words of the name that begins at `index`: its first and last token. None if there is no name.
pub(crate) fn name_at(note: &Note<'_>, index: usize, reading: Reading) -> Option<(usize, usize)> {
    let tokens = note.tokens();
    let mut first = index;
    // `Mr. Dashiell`, `Dr Vane` in a field: the title is no part of the name.
    while first - index < TITLES
        && tokens
            .get(first)
            .is_some_and(|t| t.has(Marks::TITLE) && t.case != Case::Lower && follows(note, first))
    {
        first += 1;
    }
    let mut last = None;
    let mut at = first;
    let mut comma = false;
    while at - first < WORDS {
        let Some(token) = tokens.get(at) else { break };
        if let Some(previous) = at.checked_sub(1).filter(|_| at > first).and_then(|at| tokens.get(at)) {
            let gap = note.slice(previous.end, token.start);
            match gap {
                " " | "-" | "'" | " (\"" | "\" " | " \"" | "\") " | " '" | "' " | " (" | "^" => {}
                ". " | "."
                    if previous.len() <= 2 || (previous.case == Case::Capital && previous.len() <= 3) => {}
                ", " | "," if !comma && comma_order(note, first, previous, at, reading) => comma = true,
                _ => break,
            }
            if gap == " (" || gap == "\" " && token.case == Case::Lower {
                break;
            }
        }
        let particle = token.has(Marks::PARTICLE)
            && token.case != Case::Initial
            && tokens.get(at + 1).is_some_and(|next| {
                (next.capitalised()
                    || next.has(Marks::PARTICLE)
                    || (reading == Reading::After && part_of_name(note, next, first == at, reading)))
                    && matches!(note.slice(token.end, next.start), " " | "'" | "-")
            });
        if particle {
            at += 1;
            continue;
        }
        let hyphened = at > first
            && note.byte_before(token.start) == b'-'
            && !matches!(token.case, Case::Number | Case::Mixed)
            && !token.has(Marks::EPONYM_HEAD);
        if !hyphened && !part_of_name(note, token, at == first, reading) {
            break;
        }
        last = Some(at);
        at += 1;
    }
    last.map(|last| (first, last))
}

/// Whether the title at `index` is followed by another word of the name.
fn follows(note: &Note<'_>, index: usize) -> bool {
    match (note.tokens().get(index), note.tokens().get(index + 1)) {
        (Some(this), Some(next)) => {
            next.start - this.end <= 2 && !note.slice(this.end, next.start).contains(['\n', ','])
        }
        _ => false,
    }
}

/// `SURNAME, GIVEN`: in a field, or where both are written in capitals.
fn comma_order(note: &Note<'_>, first: usize, previous: &Token, at: usize, reading: Reading) -> bool {
    let Some(next) = note.tokens().get(at) else { return false };
    let credential =
        next.has(Marks::CREDENTIAL) && next.case == Case::Upper && !next.has(Marks::GIVEN_FREQUENT);
    let upper = previous.case == Case::Upper
        && next.case == Case::Upper
        && (next.has(Marks::PERSON) || next.len() >= 4 && unlisted_name(next) && unlisted_name(previous));
    let field = reading == Reading::Field && next.capitalised() && at - first <= 3;
    !credential && !next.has(Marks::ORGANISATION) && (upper || field)
}

/// Whether a word can stand in a name here.
fn part_of_name(note: &Note<'_>, token: &Token, begins: bool, reading: Reading) -> bool {
    let person = token.has(Marks::PERSON);
    let frequent = token.has(Marks::GIVEN_FREQUENT.or(Marks::SURNAME_FREQUENT));
    match token.case {
        Case::Initial => !begins || note.byte(token.end) == b'.' || reading == Reading::Field,
        Case::Capital => {
            let other = token.has(
                Marks::FUNCTION
                    .or(Marks::STAFF)
                    .or(Marks::RELATION)
                    .or(Marks::CALENDAR)
                    .or(Marks::FACILITY_HEAD),
            ) || token.has(Marks::MEDICAL) && !frequent;
            !other || (frequent && !common_opener(note, token))
        }
        Case::Upper => {
            let other = token.has(
                Marks::FUNCTION
                    .or(Marks::STAFF)
                    .or(Marks::RELATION)
                    .or(Marks::CALENDAR)
                    .or(Marks::FACILITY_HEAD)
                    .or(Marks::MEDICAL)
                    .or(Marks::CREDENTIAL),
            ) || (token.has(Marks::COMMON) && !frequent);
            let month =
                token.has(Marks::CALENDAR) && token.has(Marks::GIVEN) && reading == Reading::Field && !begins;
            !other
                || month
                || (token.has(Marks::GIVEN_FREQUENT)
                    && token.len() > 2
                    && !token.has(Marks::FUNCTION.or(Marks::CREDENTIAL)))
        }
        Case::Lower => {
            let other = token.has(
                Marks::FUNCTION
                    .or(Marks::CLINICAL)
                    .or(Marks::STAFF)
                    .or(Marks::RELATION)
                    .or(Marks::TITLE)
                    .or(Marks::CREDENTIAL)
                    .or(Marks::CALENDAR),
            );
            !other
                && (token.len() >= 3 || person)
                && (!token.has(Marks::COMMON) && !clinical_form(note.word(token))
                    || token.has(Marks::GIVEN_FREQUENT)
                    || (token.has(Marks::SURNAME_FREQUENT) && person && !begins))
        }
        Case::Mixed => synthetic(note.word(token)),
        Case::Number => false,
    }
}

/// `Will see`, `May have`: a word of the language at the start of a sentence, though also a name.
fn common_opener(note: &Note<'_>, token: &Token) -> bool {
    token.has(Marks::FUNCTION) && note.word(token).len() <= 3
}

/// Words in no list that end as clinical words do.
pub(crate) fn clinical_form(word: &str) -> bool {
    // By their last letter: few words have to be compared.
    let endings: &[&str] = match word.bytes().last() {
        Some(b'a') => &["emia", "uria", "oma", "algia"],
        Some(b'b') => &["mab"],
        Some(b'c') => &["tic"],
        Some(b'd') => &["ed"],
        Some(b'e') => &["ile"],
        Some(b'g') => &["ing"],
        Some(b'l') => &["pril", "olol"],
        Some(b'm') => &["gram"],
        Some(b'n') => &["statin"],
        Some(b's') => &["itis", "osis", "ous"],
        Some(b'y') => &["pathy", "ectomy", "otomy", "ostomy", "plasty", "scopy"],
        _ => return false,
    };
    endings.iter().any(|ending| word.len() > ending.len() + 2 && word.ends_with(ending))
}

/// Generated names carry a number: `Sumiko254`.
pub(crate) fn synthetic(word: &str) -> bool {
    let letters = word.trim_end_matches(|c: char| c.is_ascii_digit());
    letters.chars().count() >= 2
        && word.len() - letters.len() <= 3
        && letters.len() < word.len()
        && letters.chars().next().is_some_and(char::is_uppercase)
        && letters.chars().skip(1).all(|c| c.is_lowercase() || c == '\'')
}

/// Reports the words from `first` to `last` as a name.
pub(crate) fn report(
    note: &Note<'_>,
    (first, last): (usize, usize),
    label: Label,
    evidence: Evidence,
    out: &mut Vec<Found>,
) {
    let (Some(start), Some(end)) = (note.tokens().get(first), note.tokens().get(last)) else { return };
    // The full stop of an initial is part of the name: `Hunter Q.`
    let stop = usize::from(end.case == Case::Initial && note.byte(end.end) == b'.');
    out.push(found(label, start.start, end.end + stop, evidence));
}

/// A word of no list that is written as a name.
pub(crate) fn unlisted_name(token: &Token) -> bool {
    matches!(token.case, Case::Capital | Case::Upper) && token.marks == Marks::default() && token.len() >= 2
}

/// The index of the last word of a claim, whatever signs end it.
pub(crate) fn last_word(note: &Note<'_>, claim: &Found) -> usize {
    let at = note.token_at(claim.end.saturating_sub(1));
    let beyond = note.tokens().get(at).is_none_or(|token| token.start >= claim.end);
    if beyond { at.saturating_sub(1) } else { at }
}

/// Whether a word, by itself, is likelier a name than anything else.
pub(crate) fn sole_name(note: &Note<'_>, index: usize) -> bool {
    let Some(token) = note.tokens().get(index) else { return false };
    let next = note.tokens().get(index + 1);
    let named_after = next.is_some_and(|n| {
        n.has(Marks::EPONYM_HEAD)
            && n.start - token.end <= 3
            && (n.case == Case::Lower || token.case == Case::Upper)
    });
    token.capitalised() && token.len() >= 2 && !token.has(Marks::CLINICAL) && !named_after
}
