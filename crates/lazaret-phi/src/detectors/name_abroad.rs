//! Finds names in German, French and Spanish notes.
//!
//! After a title (`Herr`, `Frau Dr. med.`, `M.`, `Mme`, `Sr.`, `D.ª`), a word for a patient, for staff or for a relative
//! (`Tochter Annegret`, `son mari, Fernand`, `el nieto, Joaquín`), and in fields (`Name:`, `Prénom :`, `Apellidos:`). A
//! given name of the lists with a further name is found without a cue. German nouns, which are written with capitals
//! too, are told from names by a list.
//!
//! Why: 45 CFR 164.514(b)(2)(i)(A).
//!
//! Example: `die Tochter Quendolin` gives `Quendolin`; `die Tochter Kontakt` gives nothing.
//!
//! References: 45 CFR 164.514(b)(2)(i)(A).

use lazaret_core::{Label, Language};

use crate::abroad::{AbroadDetector, previous};
use crate::language::{Class, class_of};
use crate::lexicon::Marks;
use crate::names::report;
use crate::overlap::{Evidence, Found};
use crate::view::{Case, Note, Token};

/// See the page above.
pub(crate) struct NameAbroad;

/// What cannot be a word of a name.
pub(crate) const NO_NAME: Class = Class::FUNCTION
    .or(Class::FORM)
    .or(Class::WORD)
    .or(Class::TITLE)
    .or(Class::DOCTOR)
    .or(Class::STAFF)
    .or(Class::RELATION)
    .or(Class::PATIENT)
    .or(Class::FACILITY);
/// Most words of a name.
const WORDS: usize = 6;

impl AbroadDetector for NameAbroad {
    fn id(&self) -> &'static str {
        "phi.name.abroad"
    }

    fn source(&self) -> &'static str {
        include_str!("name_abroad.rs")
    }

    fn examples(&self) -> (&'static str, &'static str) {
        (
            "Die Tochter Quendolin wurde informiert und ist mit der Verlegung einverstanden.",
            "Die Tochter wurde informiert und ist mit der Verlegung in die Klinik einverstanden.",
        )
    }

    fn read(&self, index: usize, language: Language, note: &Note<'_>, out: &mut Vec<Found>) {
        let Some(token) = note.tokens().get(index).filter(|token| token.case != Case::Number) else { return };
        let is = class_of(language, note, token);
        let cue = Class::TITLE
            .or(Class::DOCTOR)
            .or(Class::STAFF)
            .or(Class::RELATION)
            .or(Class::PATIENT)
            .or(Class::KEY);
        if is.has(cue) {
            after_cue(index, is, language, note, out);
        } else {
            pair(index, language, note, out);
        }
    }
}

fn after_cue(index: usize, is: Class, language: Language, note: &Note<'_>, out: &mut Vec<Found>) {
    let (Some(token), Some(next)) = (note.tokens().get(index), note.tokens().get(index + 1)) else { return };
    let gap = note.slice(token.end, next.start);
    let field = is.has(Class::KEY) && gap.len() <= 12 && gap.trim_matches([' ', '.']) == ":";
    let titled = is.has(Class::TITLE.or(Class::DOCTOR))
        && matches!(gap, " " | ". " | ".")
        && (token.len() > 2 || token.capitalised());
    let beside = is.has(Class::STAFF.or(Class::RELATION).or(Class::PATIENT)) && matches!(gap, " " | ", ");
    let mut first = if field || titled || beside && gap == " " {
        beyond_titles(index + 1, language, note)
    } else if beside {
        index + 1
    } else {
        return;
    };
    let mut apposition = beside && !titled && gap == ", ";
    // `le mari de la patiente, Fernand`: over what the relative is of.
    if is.has(Class::RELATION) && gap == " " {
        let of = Class::PARTICLE.or(Class::PATIENT).or(Class::FUNCTION);
        let mut at = index + 1;
        while at < index + 4 && note.tokens().get(at).is_some_and(|t| class_of(language, note, t).has(of)) {
            at += 1;
        }
        let comma = match (previous(note, at), note.tokens().get(at)) {
            (Some(last), Some(name)) => note.slice(last.end, name.start) == ", ",
            _ => false,
        };
        if at > index + 1 && comma {
            (first, apposition) = (at, true);
        }
    }
    let Some(words) = name_at(first, field, language, note) else { return };
    // A word alone after a comma: it must be written as a name and end there.
    let closes = note
        .tokens()
        .get(words.1)
        .is_some_and(|last| matches!(note.byte(last.end), b',' | b'.' | b';' | b')' | b'\n' | b' ' | 0));
    if apposition && !closes {
        return;
    }
    let relative = is.has(Class::RELATION) && !titled
        || note.tokens().get(index.saturating_sub(3)..index).unwrap_or(&[]).iter().any(|before| {
            token.start - before.end < 16 && class_of(language, note, before).has(Class::RELATION)
        });
    let label = if relative {
        Label::RELATIVE
    } else if is.has(Class::DOCTOR.or(Class::STAFF)) || doctor_between(index, first, language, note) {
        Label::PROVIDER
    } else {
        Label::PATIENT
    };
    let evidence = if apposition { Evidence::Checked } else { Evidence::Named };
    report(note, words, label, evidence, out);
}

/// Whether `Dr.` stands between the cue and the name.
fn doctor_between(index: usize, first: usize, language: Language, note: &Note<'_>) -> bool {
    note.tokens()
        .get(index..first)
        .unwrap_or(&[])
        .iter()
        .any(|token| class_of(language, note, token).has(Class::DOCTOR.or(Class::SKIP)))
}

/// Past `Dr. med.`, `Herr Kollege`, `D.ª`.
fn beyond_titles(index: usize, language: Language, note: &Note<'_>) -> usize {
    let between = Class::TITLE.or(Class::DOCTOR).or(Class::SKIP);
    let mut at = index;
    while at < index + 6 {
        let (Some(token), Some(next)) = (note.tokens().get(at), note.tokens().get(at + 1)) else { break };
        let joined = matches!(note.slice(token.end, next.start), " " | ". " | "." | ".-" | "-");
        // The `a` of `D.ª`, `Dr.ª`.
        let ordinal = note.word(token) == "a" && note.byte_before(token.start) == b'.';
        if !joined || !(ordinal || class_of(language, note, token).has(between)) {
            break;
        }
        at += 1;
    }
    at
}

/// Whether a word can be one of a name.
pub(crate) fn may_be_part(token: &Token, language: Language, note: &Note<'_>) -> bool {
    let of_name = match token.case {
        Case::Capital | Case::Initial => true,
        Case::Upper => token.len() > 2 || !token.has(Marks::CLINICAL.or(Marks::CREDENTIAL)),
        _ => starts_inside(note, token),
    };
    of_name && !class_of(language, note, token).has(NO_NAME) && !token.has(Marks::DRUG)
}

/// `d'Artagnan`, `l'Isle`
fn starts_inside(note: &Note<'_>, token: &Token) -> bool {
    note.word(token)
        .split_once('\'')
        .is_some_and(|(head, rest)| head.len() <= 2 && rest.chars().next().is_some_and(char::is_uppercase))
}

/// The words of the name that begins at `index`: its first and last token.
fn name_at(index: usize, field: bool, language: Language, note: &Note<'_>) -> Option<(usize, usize)> {
    let tokens = note.tokens();
    let mut last = None;
    let (mut at, mut comma) = (index, false);
    while at - index < WORDS {
        let Some(token) = tokens.get(at) else { break };
        if let Some(before) = previous(note, at).filter(|_| at > index) {
            let joined = match note.slice(before.end, token.start) {
                " " | "-" | "'" => true,
                ". " | "." | ".-" => before.case == Case::Initial,
                ", " if field && !comma && last == Some(index) => {
                    comma = true;
                    true
                }
                _ => false,
            };
            if !joined {
                break;
            }
        }
        let next = tokens.get(at + 1);
        let particle = token.case == Case::Lower
            && class_of(language, note, token).has(Class::PARTICLE)
            && next.is_some_and(|next| {
                note.slice(token.end, next.start) == " "
                    && (may_be_part(next, language, note)
                        || class_of(language, note, next).has(Class::PARTICLE) && next.case == Case::Lower)
            });
        if particle && (at > index || language == Language::German) {
            at += 1;
            continue;
        }
        let article = token.case == Case::Capital
            && class_of(language, note, token).has(Class::PARTICLE)
            && token.len() <= 3
            && at > index;
        let article = article && next.is_some_and(|next| may_be_part(next, language, note));
        if !article && !may_be_part(token, language, note) {
            break;
        }
        last = Some(at);
        at += 1;
    }
    let last = last?;
    let alone = index == last && tokens.get(index).is_some_and(|token| token.case == Case::Initial);
    (!alone).then_some((index, last))
}

/// `Quendolin Ferstl`: a given name of the lists and one more word that is written as a name.
fn pair(index: usize, language: Language, note: &Note<'_>, out: &mut Vec<Found>) {
    let (Some(token), Some(next)) = (note.tokens().get(index), note.tokens().get(index + 1)) else { return };
    let given = token.has(Marks::GIVEN)
        && token.len() > 2
        && matches!(token.case, Case::Capital | Case::Upper)
        && !token.has(Marks::CLINICAL);
    let surname = matches!(next.case, Case::Capital | Case::Upper)
        && next.len() > 2
        && (next.has(Marks::PERSON) || next.marks == Marks::default())
        && !next.has(Marks::CLINICAL);
    if given
        && surname
        && note.slice(token.end, next.start) == " "
        && may_be_part(token, language, note)
        && may_be_part(next, language, note)
        && let Some(words) = name_at(index, false, language, note)
    {
        report(note, words, Label::NAME, Evidence::Likely, out);
    }
}
