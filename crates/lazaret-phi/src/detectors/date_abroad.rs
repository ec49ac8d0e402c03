//! Finds dates with the name of a month in German, French and Spanish: `3. März 2024`, `1er mars 2024`, `3 de marzo de
//! 2024`, `12 ene. 2024`.
//!
//! With the weekday before (`Freitag, 22. Dezember`, `lun. 3 mai`), without a year too (`vendredi 14 juin`); a month with
//! its year. Dates in digits are found in every language by `phi.date`.
//!
//! Why: 45 CFR 164.514(b)(2)(i)(C).
//!
//! Example: `le 1er mars 2024` is found; `le mars dernier` is not.
//!
//! References: ISO 8601-1:2019; Unicode CLDR, names of months.

use lazaret_core::{Label, Language};

use crate::abroad::{AbroadDetector, previous};
use crate::calendar::month_of;
use crate::language::{Class, class_of};
use crate::overlap::{Evidence, Found};
use crate::registry::{Hit, found};
use crate::view::Note;

/// See the page above.
pub(crate) struct DateAbroad;

macro_rules! months {
    ($before:literal, $after:literal) => {
        concat!(
            $before,
            "(?:januar|jänner|februar|feber|märz|april|mai|juni|juli|august|september|oktober|november|dezember|",
            "jan|jän|feb|mär|mrz|apr|jun|jul|aug|sept|sep|okt|nov|dez|",
            "janvier|février|fevrier|mars|avril|juin|juillet|août|aout|septembre|octobre|novembre|décembre|decembre|",
            "janv|févr|fevr|fév|avr|juil|oct|déc|",
            "enero|febrero|marzo|abril|mayo|junio|julio|agosto|septiembre|setiembre|octubre|noviembre|diciembre|",
            "ene|mar|abr|may|ago|dic)",
            $after
        )
    };
}

impl AbroadDetector for DateAbroad {
    fn id(&self) -> &'static str {
        "phi.date.abroad"
    }

    fn source(&self) -> &'static str {
        include_str!("date_abroad.rs")
    }

    fn examples(&self) -> (&'static str, &'static str) {
        (
            "La patiente a été vue le 1er mars 2024 avec sa fille.",
            "La patiente a été vue au mois de mars dernier avec sa fille.",
        )
    }

    fn shapes(&self) -> &'static [&'static str] {
        &[
            months!(
                r"\b(?:0?[1-9]|[12]\d|3[01])(?:er\b|o\b|\.)?[ -]?(?:de )?",
                r"\b\.?(?:[,/ -]{1,2}(?:del? )?(?:(?:19|20)\d\d|\d\d)\b| del? (?:19|20)\d\d\b)?"
            ),
            months!(r"\b", r"\b\.? (?:del? )?(?:19|20)\d\d\b"),
        ]
    }

    fn judge(&self, hit: Hit, language: Language, note: &Note<'_>, out: &mut Vec<Found>) {
        let text = note.slice(hit.start, hit.end);
        let inside = |b: u8| b.is_ascii_alphanumeric() || b >= 0x80;
        let joined = inside(note.byte(hit.end))
            || matches!(note.byte_before(hit.start), b'/' | b'-' | b'.' | b',')
                && note.byte_before(hit.start.saturating_sub(1)).is_ascii_digit();
        let month = text.split(|c: char| !c.is_alphabetic()).any(|word| {
            month_of(word).is_some() || matches!(word, "fevr" | "setiembre" | "fevrier" | "aout")
        });
        if joined || !month {
            return;
        }
        // `2 mar`, `5 ago`: a short name after a number wants a year, a full stop or a capital.
        let word =
            text.split(|c: char| !c.is_alphabetic()).rfind(|word| word.chars().count() > 2).unwrap_or("");
        let year = text.bytes().rev().take_while(u8::is_ascii_digit).count() >= 2;
        let short = word.chars().count() <= 4
            && !matches!(word, "mars" | "mai" | "juin" | "août" | "juni" | "juli" | "mayo");
        if short && !year && !text.ends_with('.') && !word.starts_with(char::is_uppercase) {
            return;
        }
        let end = if text.ends_with('.') && !short { hit.end - 1 } else { hit.end };
        let birth = note.cue_before(
            hit.start,
            28,
            "geb|geb.|geboren|geburtsdatum|né|née|naissance|nacido|nacida|nacimiento|nac",
        );
        let label = if birth { Label::BIRTH_DATE } else { Label::DATE };
        out.push(found(label, with_weekday(hit.start, language, note), end, Evidence::Checked));
    }
}

/// Takes the weekday before a date in.
fn with_weekday(start: usize, language: Language, note: &Note<'_>) -> usize {
    previous(note, note.token_at(start))
        .filter(|word| {
            class_of(language, note, word).has(Class::WEEKDAY)
                && matches!(
                    note.slice(word.end, start),
                    " " | ", " | ". " | "., " | " den " | ", den " | ", le " | " le "
                )
        })
        .map_or(start, |word| word.start)
}
