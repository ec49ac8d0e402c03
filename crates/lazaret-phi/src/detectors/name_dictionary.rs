//! Finds names that word lists know: a given name and another name (`Cornelia Obi`), `SURNAME, GIVEN` in capitals,
//! a given name or frequent surname alone inside a sentence, generated names with digits (`Sumiko254 Larue605`).
//!
//! A word that is also a common word (`Rose`, `Will`) counts inside a sentence and capitalised only. Words named after
//! people (`Hodgkin lymphoma`, `Foley`, `Allegra`) do not count.
//!
//! Why: 45 CFR 164.514(b)(2)(i)(A).
//!
//! Example: `we told Miriam yesterday` gives `Miriam`; `Hashimoto antibodies`, `rose from bed` give nothing.
//!
//! References: US Census 1990 names files (catalogue/phi/SOURCE.md).

use lazaret_core::Label;

use crate::lexicon::Marks;
use crate::names::{Reading, name_at, report, sole_name, synthetic, unlisted_name};
use crate::overlap::{Evidence, Found};
use crate::registry::ShapeDetector;
use crate::view::{Case, Note, Token};

/// See the page above.
pub(crate) struct NameDictionary;

impl ShapeDetector for NameDictionary {
    fn id(&self) -> &'static str {
        "phi.name.dictionary"
    }

    fn source(&self) -> &'static str {
        include_str!("name_dictionary.rs")
    }

    fn examples(&self) -> (&'static str, &'static str) {
        (
            "We told Karen Okafor yesterday.",
            "Hashimoto antibodies, she rose from bed, Foley out, Will recheck.",
        )
    }

    fn read(&self, note: &Note<'_>, out: &mut Vec<Found>) {
        let tokens = note.tokens();
        let mut index = 0;
        while let Some(token) = tokens.get(index) {
            index += 1;
            let at = index - 1;
            if token.case == Case::Mixed && synthetic(note.word(token)) {
                if let Some(last) = synthetic_run(note, at) {
                    report(note, (at, last), Label::NAME, Evidence::Checked, out);
                    index = last + 1;
                }
                continue;
            }
            if token.case == Case::Capital
                && let Some(last) = initial_after(note, at)
            {
                report(note, (at, last), Label::NAME, Evidence::Shape, out);
                index = last + 1;
                continue;
            }
            if !matches!(token.case, Case::Capital | Case::Upper)
                || !token.has(Marks::PERSON)
                || token.has(Marks::TITLE) && token.len() <= 3
            {
                continue;
            }
            let joined = |next: &&Token| matches!(note.slice(token.end, next.start), " " | "-");
            if tokens.get(at + 1).filter(joined).is_some_and(|next| compound(note, token, next)) {
                index = at + 2;
                continue;
            }
            if let Some(last) = pair(note, at).or_else(|| comma_pair(note, at)) {
                report(note, (at, last), Label::NAME, Evidence::Shape, out);
                index = last + 1;
            } else if alone(note, at) {
                report(note, (at, at), Label::NAME, Evidence::Likely, out);
            }
        }
    }
}

/// Two or more generated names in a row, or one whose letters a list knows.
fn synthetic_run(note: &Note<'_>, index: usize) -> Option<usize> {
    let tokens = note.tokens();
    let mut last = index;
    while let (Some(this), Some(next)) = (tokens.get(last), tokens.get(last + 1)) {
        let joined = matches!(note.slice(this.end, next.start), " " | "-" | "'");
        if !(joined && next.case == Case::Mixed && synthetic(note.word(next))) {
            break;
        }
        last += 1;
    }
    let word = note.word(tokens.get(index)?).trim_end_matches(|c: char| c.is_ascii_digit()).to_lowercase();
    let known = word.len() >= 4 && crate::lexicon::Lexicon::get().marks(&word).has(Marks::PERSON);
    (last > index || (known && note.word(tokens.get(index)?).len() - word.len() >= 2)).then_some(last)
}

/// A given name and at least one more word of a name.
fn pair(note: &Note<'_>, index: usize) -> Option<usize> {
    let token = note.tokens().get(index)?;
    let surname_first = token.has(Marks::SURNAME_FREQUENT) && !token.has(Marks::COMMON);
    if !(token.has(Marks::GIVEN) || surname_first)
        || token.has(Marks::CLINICAL.or(Marks::FUNCTION)) && !token.has(Marks::GIVEN_FREQUENT)
    {
        return None;
    }
    let (first, last) = name_at(note, index, Reading::After)?;
    let second = note.tokens().get(first + 1)?;
    if compound(note, token, second)
        || (first + 1..=last)
            .filter_map(|at| note.tokens().get(at))
            .any(|t| !t.capitalised() && !t.has(Marks::PARTICLE))
    {
        return None;
    }
    let rest = (first + 1..=last).filter_map(|at| note.tokens().get(at));
    let thing = Marks::FACILITY_HEAD.or(Marks::EPONYM_HEAD).or(Marks::STATE);
    let other = rest.clone().any(|t| {
        let surname = t.has(Marks::SURNAME_FREQUENT);
        let placed =
            t.has(thing) || (!surname && t.has(Marks::FACILITY.or(Marks::STREET).or(Marks::ORGANISATION)));
        (t.case != Case::Initial && placed) || (t.has(Marks::CLINICAL) && !surname)
    });
    let named =
        rest.clone().any(|t| t.case != Case::Initial && (t.has(Marks::SURNAME) || !t.has(Marks::COMMON)));
    let common = token.has(Marks::COMMON.or(Marks::CITY))
        && second.has(Marks::COMMON)
        && !second.has(Marks::SURNAME_FREQUENT);
    let strong =
        token.has(Marks::GIVEN_FREQUENT) || rest.clone().any(|t| t.has(Marks::SURNAME) || unlisted_name(t));
    (first == index && last > first && !other && named && strong && !common).then_some(last)
}

/// `Austin Flint`, `Jackson-Pratt`: two words that are one eponym, drug or device.
fn compound(note: &Note<'_>, first: &Token, second: &Token) -> bool {
    let lexicon = crate::lexicon::Lexicon::get();
    if !lexicon.begins_phrase(first.hash) {
        return false;
    }
    let marks = |joint| lexicon.marks_of_two(note.word(first), joint, note.word(second));
    [' ', '-'].into_iter().any(|joint| marks(joint).has(Marks::CLINICAL))
}

/// `SURNAME, GIVEN M` in capitals.
fn comma_pair(note: &Note<'_>, index: usize) -> Option<usize> {
    let (token, next) = (note.tokens().get(index)?, note.tokens().get(index + 1)?);
    let gap = note.slice(token.end, next.start);
    let upper = token.case == Case::Upper && next.case == Case::Upper;
    let given = next.has(Marks::GIVEN)
        && !next.has(Marks::FUNCTION.or(Marks::MEDICAL).or(Marks::STATE).or(Marks::CREDENTIAL));
    // `QUORREL, TAWNY` at the head of a line: a listed family name, and a word that is also another.
    let heads = token.has(Marks::SURNAME)
        && !token.has(Marks::COMMON)
        && token.len() > 4
        && next.len() > 2
        && matches!(note.byte_before(token.start), 0 | b'\n')
        && !next.has(
            Marks::CLINICAL
                .or(Marks::FUNCTION)
                .or(Marks::STATE)
                .or(Marks::CREDENTIAL)
                .or(Marks::FACILITY)
                .or(Marks::CITY),
        );
    let given = given || heads;
    // `WELLS, ROSE`: a frequent surname that is an eponym or a town too, before a frequent given name.
    let frequent =
        token.has(Marks::SURNAME_FREQUENT) && next.has(Marks::GIVEN_FREQUENT) && !next.has(Marks::CLINICAL);
    let other = Marks::MEDICAL.or(Marks::FUNCTION).or(Marks::DRUG).or(Marks::DEVICE);
    let surname =
        !token.has(other) && (frequent || !token.has(Marks::EPONYM.or(Marks::CITY))) && token.len() > 2;
    if !(matches!(gap, ", " | ",") && upper && given && surname) {
        return None;
    }
    let initial = note
        .tokens()
        .get(index + 2)
        .filter(|t| t.case == Case::Initial && note.slice(next.end, t.start) == " ");
    Some(if initial.is_some() { index + 2 } else { index + 1 })
}

/// `Quorrell-Vane, L.`, `Quorrell, Maude  4471`: a family name and an initial or given name that begin a line, an item or a cell and close it.
fn initial_after(note: &Note<'_>, index: usize) -> Option<usize> {
    let tokens = note.tokens();
    let (token, next) = (tokens.get(index)?, tokens.get(index + 1)?);
    if !matches!(note.byte(token.end), b',' | b'-') || next.start - token.end > 2 {
        return None;
    }
    let other = Marks::CLINICAL
        .or(Marks::FUNCTION)
        .or(Marks::COMMON)
        .or(Marks::FACILITY)
        .or(Marks::STAFF)
        .or(Marks::CALENDAR);
    let before = note.before(token.start, 6);
    let head = before.trim_end_matches([' ', '-', '*']);
    let opens = head.is_empty()
        || head.ends_with('|')
        || head.ends_with('.') && head.trim_end_matches('.').bytes().all(|b| b.is_ascii_digit());
    if token.case != Case::Capital || !opens || token.has(other) {
        return None;
    }
    let mut last = index;
    while let (Some(this), Some(next)) = (tokens.get(last), tokens.get(last + 1)) {
        if note.slice(this.end, next.start) != "-" || next.case != Case::Capital || last - index > 2 {
            break;
        }
        last += 1;
    }
    let given = tokens.get(last + 1).filter(|next| {
        let initial = next.case == Case::Initial && note.byte(next.end) == b'.';
        let listed = next.case == Case::Capital && next.has(Marks::GIVEN) && !next.has(other);
        (initial || listed) && tokens.get(last).is_some_and(|this| note.slice(this.end, next.start) == ", ")
    })?;
    let end = given.end + usize::from(given.case == Case::Initial);
    let rest = note.after(end, 6);
    let head = rest.trim_start();
    let row = rest.is_empty()
        || rest.starts_with("  ")
        || head.starts_with(['/', '|', ';', '(', '#'])
        || head.starts_with(|c: char| c.is_ascii_digit());
    // `Quorrell, Maude MRN 4471`: the key of a number.
    let keyed = tokens.get(last + 2).is_some_and(|key| {
        key.case == Case::Upper
            && key.len() <= 5
            && !key.has(Marks::CREDENTIAL)
            && note.slice(end, key.start) == " "
    });
    let closes = row || keyed;
    closes.then_some(last + 1)
}

/// One word that a list knows, inside a sentence.
fn alone(note: &Note<'_>, index: usize) -> bool {
    let Some(token) = note.tokens().get(index) else { return false };
    if token.case != Case::Capital || token.len() < 3 || !sole_name(note, index) || heading(note, token) {
        return false;
    }
    if token.has(
        Marks::FUNCTION
            .or(Marks::CALENDAR)
            .or(Marks::STAFF)
            .or(Marks::RELATION)
            .or(Marks::TITLE)
            .or(Marks::FACILITY)
            .or(Marks::STATE)
            .or(Marks::COUNTRY)
            .or(Marks::PAYER)
            .or(Marks::EPONYM_HEAD)
            .or(Marks::STREET),
    ) {
        return false;
    }
    let next = note.tokens().get(index + 1);
    let more = next.is_some_and(|n| n.capitalised() && note.slice(token.end, n.start) == " ");
    let measured =
        next.is_some_and(|n| matches!(n.case, Case::Number) && note.slice(token.end, n.start).len() <= 2);
    let begins = sentence_begins(note, token);
    let common = token.has(Marks::COMMON.or(Marks::CITY).or(Marks::COUNTY));
    if measured && !token.has(Marks::GIVEN_FREQUENT) || (more && common) {
        return false;
    }
    if token.has(Marks::GIVEN) {
        return !common || (!begins && token.has(Marks::GIVEN_FREQUENT));
    }
    token.has(Marks::SURNAME_FREQUENT) && !common && !begins
}

/// Whether the word begins a sentence or a line.
fn sentence_begins(note: &Note<'_>, token: &Token) -> bool {
    let before = note.before(token.start, 8).trim_end_matches([' ', '"', '(', '-', '*']);
    before.is_empty() || before.ends_with(['.', ':', '?', '!', ';', '|'])
}

/// Whether the word is a key: `Grace:`.
fn heading(note: &Note<'_>, token: &Token) -> bool {
    note.byte(token.end) == b':' && sentence_begins(note, token)
}
