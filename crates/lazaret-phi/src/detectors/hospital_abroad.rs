//! Finds hospitals and other facilities in German, French and Spanish: `Klinikum Ährental`, `CHU de Valmorel`,
//! `Hospital Universitario Santa Brígida`.
//!
//! A word for a facility with a proper name beside it. `Klinik für Neurologie` and `service de cardiologie` name no place.
//!
//! Why: 45 CFR 164.514(b)(2)(i)(B).
//!
//! Example: `in die Rehaklinik Quellmoor` gives the name; `in die Klinik aufgenommen` gives nothing.
//!
//! References: 45 CFR 164.514(b)(2)(i).

use lazaret_core::{Label, Language};

use crate::abroad::{AbroadDetector, previous};
use crate::detectors::name_abroad::may_be_part;
use crate::language::{Class, class_of};
use crate::overlap::{Evidence, Found};
use crate::registry::found;
use crate::view::{Case, Note, Token};

/// See the page above.
pub(crate) struct HospitalAbroad;

/// What German words for a facility end in.
const ENDINGS: [&str; 8] = [
    "klinik",
    "klinikum",
    "krankenhaus",
    "spital",
    "hospital",
    "pflegeheim",
    "seniorenheim",
    "gesundheitsamt",
];
/// Most words beside the one for the facility.
const WORDS: usize = 6;

impl AbroadDetector for HospitalAbroad {
    fn id(&self) -> &'static str {
        "phi.hospital.abroad"
    }

    fn source(&self) -> &'static str {
        include_str!("hospital_abroad.rs")
    }

    fn examples(&self) -> (&'static str, &'static str) {
        (
            "Der Patient wird morgen in die Rehaklinik Quellmoor verlegt und ist einverstanden.",
            "Der Patient wurde in die Klinik für Neurologie aufgenommen und ist wach.",
        )
    }

    fn read(&self, index: usize, language: Language, note: &Note<'_>, out: &mut Vec<Found>) {
        let Some(token) = note.tokens().get(index) else { return };
        let named = class_of(language, note, token).has(Class::FACILITY)
            || language == Language::German && compound(note, token);
        if !named || (language == Language::German && !token.capitalised()) {
            return;
        }
        let last = forward(index, language, note);
        let mut first = index;
        if language == Language::German {
            while let Some(before) = previous(note, first).filter(|_| index - first < 3) {
                let gap = note.slice(before.end, note.tokens().get(first).map_or(0, |t| t.start));
                let saint = gap == ". " && note.word(before) == "St";
                if !(saint || matches!(gap, " " | "-") && may_be_part(before, language, note)) {
                    break;
                }
                first -= 1;
            }
        }
        if first == index && last == index {
            return;
        }
        first = with_head(first, language, note);
        if let (Some(start), Some(end)) = (note.tokens().get(first), note.tokens().get(last)) {
            // `l'hôpital`: the article stays.
            let article = note.word(start).find('\'').map_or(0, |at| if at <= 2 { at + 1 } else { 0 });
            out.push(found(Label::HOSPITAL, start.start + article, end.end, Evidence::Named));
        }
    }
}

/// `Rehaklinik`, `Bezirkskrankenhaus`
fn compound(note: &Note<'_>, token: &Token) -> bool {
    let word = note.word(token).to_lowercase();
    ENDINGS.iter().any(|ending| word.len() > ending.len() && word.ends_with(ending))
}

/// The last word of the name after the one for the facility; that one itself if no proper name follows.
fn forward(index: usize, language: Language, note: &Note<'_>) -> usize {
    let (mut last, mut at) = (index, index);
    while let (Some(this), Some(next)) = (note.tokens().get(at), note.tokens().get(at + 1)) {
        if at - index >= WORDS || !matches!(note.slice(this.end, next.start), " " | "-" | "'" | " - ") {
            break;
        }
        let is = class_of(language, note, next);
        let joint = match language {
            Language::German => {
                matches!(note.word(next), "am" | "an" | "der" | "im" | "bei" | "vom" | "zum" | "zur")
            }
            _ => is.has(Class::PARTICLE.or(Class::ADJECTIVE).or(Class::FACILITY)),
        };
        let proper =
            next.case != Case::Initial && may_be_part(next, language, note) && !is.has(Class::ADJECTIVE);
        let form = matches!(note.word(next), "gGmbH" | "GmbH" | "AG" | "SA" | "SAS" | "SL");
        if proper || form && last == at && last > index {
            last = at + 1;
        } else if !joint {
            break;
        }
        at += 1;
    }
    last
}

/// `Centre hospitalier`, `Centro de Salud`: the words before, which are of the name.
fn with_head(index: usize, language: Language, note: &Note<'_>) -> usize {
    let Some(token) = note.tokens().get(index) else { return index };
    let back = match note.word(token).to_lowercase().as_str() {
        "hospitalier" | "hospitalière" | "hospitalario" | "hospitalaria" => 1,
        "salud" => 2,
        _ => return index,
    };
    let first = index.saturating_sub(back);
    match (language, note.tokens().get(first)) {
        (Language::French | Language::Spanish, Some(start))
            if start.capitalised() && token.start - start.end <= 4 =>
        {
            first
        }
        _ => index,
    }
}
