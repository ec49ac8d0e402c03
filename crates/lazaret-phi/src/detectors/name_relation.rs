//! Finds names of relatives and people around the patient: `daughter Miriam`, `wife (Odile)`, `sister joanne`,
//! `Étienne Quorrell (spouse)`.
//!
//! After a word for a relative, over `is`, `named`, a comma or a bracket; or before one in brackets.
//!
//! Why: 45 CFR 164.514(b)(2)(i): identifiers of relatives, employers and household members count as the patient's.
//!
//! Example: `husband ravi` gives `ravi`; `mother deceased`, `sister with asthma` give nothing.
//!
//! References: 45 CFR 164.514(b)(2)(i).

use lazaret_core::Label;

use crate::cue::is_one_of;
use crate::lexicon::Marks;
use crate::names::{Reading, clinical_form, name_at, report};
use crate::overlap::{Evidence, Found};
use crate::registry::ShapeDetector;
use crate::view::{Case, Note};

/// See the page above.
pub(crate) struct NameRelation;

impl ShapeDetector for NameRelation {
    fn id(&self) -> &'static str {
        "phi.name.relation"
    }

    fn source(&self) -> &'static str {
        include_str!("name_relation.rs")
    }

    fn examples(&self) -> (&'static str, &'static str) {
        ("Here with her husband ravi.", "Mother deceased, sister with asthma, brother healthy.")
    }

    fn read(&self, note: &Note<'_>, out: &mut Vec<Found>) {
        for (index, token) in note.cues(Marks::RELATION.or(Marks::ACQUAINTANCE)) {
            // `Smith & Nephew`: a maker of devices.
            if token.case == Case::Capital && note.before(token.start, 8).ends_with("Smith & ") {
                continue;
            }
            let label = if token.has(Marks::RELATION) { Label::RELATIVE } else { Label::NAME.sub("other") };
            after(note, index, label, out);
            before(note, index, label, out);
        }
    }
}

/// What people do, after a name in small letters.
const DOES: &str = "waiting|here|present|visiting|bedside|at|is|was|in|says|said|called|and|will|has|with|brought|asks|wants|aware|updated|to";

fn after(note: &Note<'_>, index: usize, label: Label, out: &mut Vec<Found>) {
    let tokens = note.tokens();
    let Some(token) = tokens.get(index) else { return };
    let (mut at, loose) = past_links(note, index);
    // `Twin B (Xanthia)`, `Boy A, Ezra`: which of several.
    let of_several = tokens.get(at).zip(tokens.get(at + 1)).is_some_and(|(letter, name)| {
        letter.case == Case::Initial
            && note.slice(letter.start - 1, letter.start) == " "
            && matches!(note.slice(letter.end, name.start), " (" | ", ")
    });
    at += usize::from(of_several);
    let (Some(last), Some(next)) = (tokens.get(at - 1), tokens.get(at)) else { return };
    let gap = note.slice(last.end, next.start);
    if !matches!(gap, " " | ", " | " (" | ": " | ". " | ", \"" | " \"" | ": \"")
        || (gap == ". " && token.len() > 4)
    {
        return;
    }
    // `nephew Me Quillon`: a title of another language.
    if matches!(
        note.word(next),
        "Me" | "Mme" | "Mlle" | "Sor" | "Tía" | "Tío" | "Don" | "Doña" | "Oma" | "Opa" | "Tante" | "Onkel"
    ) && tokens
        .get(at + 1)
        .is_some_and(|after| after.capitalised() && note.slice(next.end, after.start) == " ")
        && let Some(words) = name_at(note, at + 1, Reading::After)
    {
        report(note, words, label, Evidence::Named, out);
        return;
    }
    if was_called(note, index) {
        report(note, (index + 2, index + 2), label, Evidence::Shape, out);
        return;
    }
    // `his sister pearl died`, `UNCLE RAY DIED`, `his mate Bruiser can`: a word that is also another, where a name must be.
    let follows = tokens.get(at + 1).is_none_or(|after| {
        note.slice(next.end, after.start) != " "
            || after.has(Marks::FUNCTION)
            || matches!(
                note.word(after).to_ascii_lowercase().as_str(),
                "died" | "passed" | "called" | "says" | "lives" | "brought"
            )
    });
    let other =
        Marks::FUNCTION.or(Marks::CLINICAL).or(Marks::RELATION).or(Marks::STAFF).or(Marks::CREDENTIAL);
    let fits = match next.case {
        Case::Lower => next.has(Marks::GIVEN) && token.case == Case::Lower,
        Case::Upper => next.len() >= 3 && token.case == Case::Upper,
        Case::Capital => token.case == Case::Lower,
        _ => false,
    };
    if gap == " "
        && follows
        && fits
        && !loose
        && at == index + 1
        && next.has(Marks::COMMON)
        && !next.has(other)
    {
        report(note, (at, at), label, Evidence::Shape, out);
        return;
    }
    let strict = loose || gap == ", " || gap == ". " || !token.has(Marks::RELATION);
    // `dtr xanthia waiting`: a word of no list that does what people do.
    if gap == " "
        && at == index + 1
        && next.case == Case::Lower
        && next.marks == Marks::default()
        && next.len() >= 4
        && next.plain
        && !clinical_form(note.word(next))
        && token.has(Marks::RELATION)
        && tokens.get(at + 1).is_some_and(|after| {
            note.slice(next.end, after.start) == " " && is_one_of(note.word(after), DOES)
        })
    {
        report(note, (at, at), label, Evidence::Shape, out);
        return;
    }
    if next.case == Case::Lower && (strict || (next.has(Marks::COMMON) && !next.has(Marks::GIVEN_FREQUENT))) {
        return;
    }
    if next.case != Case::Lower && next.has(Marks::CLINICAL) && !next.has(Marks::PERSON) {
        return;
    }
    if gap == " " && is_whole(note, at) {
        report(note, (at, at + 1), label, Evidence::Checked, out);
        return;
    }
    // After a full stop of an abbreviation or a comma, a word that begins something else.
    if strict && next.has(Marks::COMMON.or(Marks::FUNCTION)) && !next.has(Marks::GIVEN_FREQUENT) {
        return;
    }
    if let Some(words) = name_at(note, at, Reading::After) {
        report(note, words, label, Evidence::Named, out);
        conjoined(note, words.1, label, out);
    }
}

/// Past words that link a relative and the name: `mother-in-law`, `sister, named`, `name is`. The next word, and whether `is`
/// was among them, after which much else may follow.
fn past_links(note: &Note<'_>, index: usize) -> (usize, bool) {
    let tokens = note.tokens();
    let mut at = index + 1;
    let mut loose = false;
    while let (Some(last), Some(next)) = (tokens.get(at - 1), tokens.get(at)) {
        let gap = note.slice(last.end, next.start);
        let word = note.word(next);
        let link = matches!(word, "named" | "is" | "called" | "in" | "law" | "name" | "to" | "IS" | "NAMED")
            && matches!(gap, " " | "-" | ", ")
            && at - index <= 4
            && (gap == "-" || !matches!(word, "in" | "to" | "law"));
        if !link {
            break;
        }
        loose |= word == "is";
        at += 1;
    }
    (at, loose)
}

/// `his late wife was pearl and`
fn was_called(note: &Note<'_>, index: usize) -> bool {
    let at = |step: usize| note.tokens().get(index + step);
    let (Some(token), Some(verb), Some(name)) = (at(0), at(1), at(2)) else { return false };
    token.case == Case::Lower
        && matches!(note.word(verb), "was" | "is")
        && name.case == Case::Lower
        && name.has(Marks::GIVEN_FREQUENT)
        && !name.has(Marks::CLINICAL.or(Marks::FUNCTION))
        && note.slice(token.end, name.start).len() <= 5
        && at(3).is_none_or(|after| matches!(note.word(after), "and" | "who" | "she" | "he"))
}

/// `her lawyer is Felicity Quill at`: a given name that is a word too, and a surname.
fn is_whole(note: &Note<'_>, at: usize) -> bool {
    let other =
        Marks::FUNCTION.or(Marks::CLINICAL).or(Marks::RELATION).or(Marks::STAFF).or(Marks::CREDENTIAL);
    let (Some(given), Some(family)) = (note.tokens().get(at), note.tokens().get(at + 1)) else {
        return false;
    };
    [given, family].iter().all(|t| t.case == Case::Capital && !t.has(other))
        && given.has(Marks::GIVEN)
        && family.has(Marks::SURNAME)
        && !family.has(Marks::FACILITY.or(Marks::EPONYM_HEAD))
        && note.slice(given.end, family.start) == " "
}

/// `sons Hank & Angel`, `Art and Miriam`
fn conjoined(note: &Note<'_>, last: usize, label: Label, out: &mut Vec<Found>) {
    let (Some(this), Some(mut next)) = (note.tokens().get(last), note.tokens().get(last + 1)) else { return };
    let mut at = last + 1;
    let mut gap = note.slice(this.end, next.start);
    if gap == " " && matches!(note.word(next), "and" | "or") {
        at += 1;
        let Some(after) = note.tokens().get(at) else { return };
        gap = if note.slice(next.end, after.start) == " " { " & " } else { "" };
        next = after;
    }
    if matches!(gap, " & " | "/")
        && next.capitalised()
        && next.has(Marks::PERSON)
        && !next.has(Marks::FUNCTION)
        && let Some(words) = name_at(note, at, Reading::After)
    {
        report(note, words, label, Evidence::Named, out);
    }
}

/// `Étienne Quorrell (spouse)`, `Andrei, son`
fn before(note: &Note<'_>, index: usize, label: Label, out: &mut Vec<Found>) {
    let tokens = note.tokens();
    let Some(token) = tokens.get(index) else { return };
    if note.byte_before(token.start) != b'(' {
        return;
    }
    let mut first = index;
    while let (Some(at), Some(this)) = (first.checked_sub(1), tokens.get(first)) {
        let Some(name) = tokens.get(at) else { break };
        let gap = note.slice(name.end, this.start);
        let joined = if first == index { gap == " (" } else { matches!(gap, " " | "-" | ". " | "'") };
        if !joined
            || !name.capitalised()
            || name.has(Marks::TITLE.or(Marks::FUNCTION).or(Marks::MEDICAL))
            || index - at > 4
        {
            break;
        }
        first = at;
    }
    if first < index {
        report(note, (first, index - 1), label, Evidence::Named, out);
    }
}
