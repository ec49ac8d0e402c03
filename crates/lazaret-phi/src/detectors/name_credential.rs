//! Finds names before a credential (`T. Quorrell RN`, `Philippa Vane-Holt, DO`) and the initials of a signature
//! legend (`cv = Cordelia Vane, RN`).
//!
//! A credential in capitals after capitalised words names them; in lower case (`quorrell rn`) only the words next
//! to it that are no others. A town before its state (`Erie, PA`) is no name.
//!
//! Why: 45 CFR 164.514(b)(2)(i)(A) with guidance: staff names point at place and time of care.
//!
//! Example: `report given to T. Quorrell RN` gives the name; `PA pressure`, `RN aware` give nothing.
//!
//! References: 45 CFR 164.514(b)(2)(i)(A).

use lazaret_core::Label;

use crate::lexicon::Marks;
use crate::names::{Reading, clinical_form, name_at, report};
use crate::overlap::{Evidence, Found};
use crate::registry::ShapeDetector;
use crate::view::{Case, Note, Token};

/// See the page above.
pub(crate) struct NameCredential;

impl ShapeDetector for NameCredential {
    fn id(&self) -> &'static str {
        "phi.name.credential"
    }

    fn source(&self) -> &'static str {
        include_str!("name_credential.rs")
    }

    fn examples(&self) -> (&'static str, &'static str) {
        ("Report given to T. Quorrell RN.", "PA pressure 34, RN aware, MS none, by mouth.")
    }

    fn read(&self, note: &Note<'_>, out: &mut Vec<Found>) {
        for (index, token) in note.tokens().iter().enumerate() {
            if (2..=3).contains(&token.len()) && matches!(token.case, Case::Lower | Case::Upper) {
                legend(note, index, out);
            }
            if token.has(Marks::CREDENTIAL) {
                before_credential(note, index, out);
            }
        }
    }
}

/// `cv = Cordelia Vane, RN`: the initials of a signature legend and the name they stand for.
fn legend(note: &Note<'_>, index: usize, out: &mut Vec<Found>) {
    let (Some(token), Some(next)) = (note.tokens().get(index), note.tokens().get(index + 1)) else { return };
    if note.byte(token.end + 1) != b'='
        || note.slice(token.end, next.start) != " = "
        || next.case != Case::Capital
    {
        return;
    }
    let first = note.word(token).chars().next().map(|c| c.to_ascii_uppercase());
    if note.word(next).chars().next() == first
        && let Some(words) = name_at(note, index + 1, Reading::Field)
    {
        report(note, words, Label::PROVIDER, Evidence::Named, out);
        report(note, (index, index), Label::PROVIDER, Evidence::Named, out);
    }
}

/// Credentials that are seldom anything else, also in lower case.
const SURE: [&str; 6] = ["rn", "md", "np", "lpn", "crna", "lcsw"];

fn before_credential(note: &Note<'_>, index: usize, out: &mut Vec<Found>) {
    let tokens = note.tokens();
    let Some(token) = tokens.get(index) else { return };
    let word = note.word(token).to_lowercase();
    let lower = token.case == Case::Lower;
    let dotted = token.len() == 1 && note.byte(token.end) == b'.';
    if lower && !SURE.contains(&word.as_str()) || dotted {
        return;
    }
    let mut first = index;
    let mut listed = false;
    while index - first < 5 {
        let (Some(name), Some(this)) =
            (first.checked_sub(1).and_then(|at| tokens.get(at)), tokens.get(first))
        else {
            break;
        };
        let gap = note.slice(name.end, this.start);
        let joined = if first == index {
            matches!(gap, " " | ", " | "," | ", (" | " (" | ".,  ")
                || gap == ". " && name.case == Case::Initial
                || gap == "., "
        } else {
            matches!(gap, " " | "-" | "'" | ". " | ".") && (!gap.starts_with('.') || name.len() <= 2)
                || (gap == ", "
                    && name.case == Case::Upper
                    && this.case == Case::Upper
                    && this.has(Marks::PERSON))
        };
        if !joined || !staff_word(note, name, lower) {
            break;
        }
        listed |= name.has(Marks::PERSON) || !name.has(Marks::COMMON);
        first -= 1;
    }
    // `report from quorrell RN`: a word that is no other.
    let sole = index
        .checked_sub(1)
        .filter(|_| first == index && SURE.contains(&word.as_str()))
        .and_then(|at| tokens.get(at));
    if let Some(name) = sole.filter(|t| {
        t.case == Case::Lower
            && t.len() >= 4
            && note.slice(t.end, token.start) == " "
            && (t.marks == Marks::default()
                || t.has(Marks::PERSON) && !t.has(Marks::COMMON.or(Marks::CLINICAL).or(Marks::FUNCTION)))
            && !clinical_form(note.word(t))
    }) {
        out.push(crate::registry::found(Label::PROVIDER, name.start, name.end, Evidence::Shape));
        return;
    }
    while first < index
        && tokens.get(first).is_some_and(|t| t.case == Case::Lower && !lower && !t.has(Marks::PARTICLE))
    {
        first += 1;
    }
    let comma = index
        .checked_sub(1)
        .and_then(|at| tokens.get(at))
        .is_some_and(|t| note.slice(t.end, token.start).starts_with([',', '.']));
    let vague = matches!(
        word.as_str(),
        "pa" | "ms" | "pt" | "do" | "ma" | "ot" | "mb" | "ba" | "dc" | "od" | "rd" | "jd" | "ed" | "rt"
    );
    // `from Erie, PA`: a town and its state.
    let place = token.has(Marks::STATE)
        && index - first <= 2
        && tokens.get(first).is_some_and(|t| {
            t.has(Marks::CITY)
                || [" in ", " from ", " to "].iter().any(|cue| note.before(t.start, 6).ends_with(cue))
        });
    if place && comma {
        return;
    }
    let words = index - first;
    if words >= 1 && listed && (comma || !vague || words >= 2) {
        report(note, (first, index - 1), Label::PROVIDER, Evidence::Named, out);
    }
}

fn staff_word(note: &Note<'_>, token: &Token, lower: bool) -> bool {
    let other = token
        .has(Marks::FUNCTION.or(Marks::TITLE).or(Marks::CREDENTIAL).or(Marks::STAFF).or(Marks::CALENDAR))
        && !token.has(Marks::GIVEN_FREQUENT)
        || token.has(Marks::MEDICAL) && !token.has(Marks::PERSON);
    match token.case {
        Case::Lower if lower => {
            !other && !token.has(Marks::COMMON) && token.len() > 2 && !clinical_form(note.word(token))
        }
        Case::Lower => token.has(Marks::PARTICLE),
        // `ED RN`: a department.
        Case::Upper if token.len() <= 3 && token.has(Marks::MEDICAL) => false,
        Case::Upper => !other && (!token.has(Marks::COMMON) || token.has(Marks::PERSON)),
        Case::Capital | Case::Initial => !other,
        Case::Mixed | Case::Number => false,
    }
}
