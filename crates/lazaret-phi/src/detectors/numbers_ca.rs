//! Finds Canadian health card numbers.
//!
//! Quebec's RAMQ number after a cue or, without blanks, by its form (three letters of the surname, one of the given
//! name, a date of birth with 50 added to a woman's month, two digits); Ontario's card with its version code after a cue;
//! British Columbia's PHN by its form, first digit 9 and check; cards of the other provinces after `health card`, `PHN`,
//! `ULI`, `AHC`, `MSP`, `MCP`.
//!
//! Why: 45 CFR 164.514(b)(2)(i)(I).
//!
//! Example: `RAMQ TREM 5512 0417` gives the number; `TEAM 5599 0417` gives nothing.
//!
//! References: RAMQ, health insurance number; Ontario Ministry of Health, Health Card Validation Reference Manual (modulus 10); BC Ministry of Health, PHN check digit (modulus 11).

use lazaret_core::Label;

use crate::checks::{capitals, grouped, number, weighted};
use crate::overlap::{Evidence, Found};
use crate::registry::{Hit, Pass, ShapeDetector, found};
use crate::value::{begin, luhn};
use crate::view::Note;

/// See the page above.
pub(crate) struct NumbersCanada;

impl ShapeDetector for NumbersCanada {
    fn id(&self) -> &'static str {
        "phi.health-plan.ca"
    }

    fn source(&self) -> &'static str {
        include_str!("numbers_ca.rs")
    }

    fn examples(&self) -> (&'static str, &'static str) {
        (
            "Health card 1234 567 897 AB, RAMQ TREM 5512 0417.",
            "Team 5599 0417 met, card returned, 9123 456 780 cells.",
        )
    }

    fn shapes(&self) -> &'static [(Pass, &'static str)] {
        &[
            (
                Pass::Cues,
                r"\b(?:health ?card(?: (?:no\b\.?|number|#))?|hcn|ohip(?: (?:no\b\.?|number|#))?|hc ?#|phn|uli|ahcip|ahc (?:no\b\.?|number|#)|msp (?:no\b\.?|number|#)|mcp (?:no\b\.?|number|#)|mhsc|phin|carte[ -]soleil|ramq|nam)\b",
            ),
            (Pass::Numbers, r"\b(?-i:[A-Z]{4})\d{8}\b"),
            (Pass::Numbers, r"\b9\d{3} \d{3} \d{3}\b"),
            (Pass::Numbers, r"\b\d{4}[ -]\d{3}[ -]\d{3}(?:[ -]?[A-Z]{2})?\b"),
        ]
    }

    fn judge(&self, hit: Hit, note: &Note<'_>, out: &mut Vec<Found>) {
        let text = note.slice(hit.start, hit.end);
        let evidence = match hit.shape {
            0 => {
                let start = begin(note, hit.end);
                let end = [12, 10, 9].into_iter().find_map(|count| grouped(note, start, count));
                if let Some(end) = end.map(|end| version_end(note, end))
                    && note.slice(start, end).bytes().any(|b| b.is_ascii_digit())
                {
                    out.push(found(Label::HEALTH_PLAN, start, end, Evidence::Named));
                }
                return;
            }
            1 if capitals(text) && ramq(text) => Evidence::Checked,
            2 if phn(text) && !note.cue_before(hit.start, 24, "tel|phone|ph|fax|cell") => Evidence::Checked,
            3 if luhn(text) && note.cue_before(hit.start, 40, "card|health|ohip|hcn|hc|ontario") => {
                Evidence::Checked
            }
            _ => return,
        };
        out.push(found(Label::HEALTH_PLAN, hit.start, version_end(note, hit.end), evidence));
    }
}

/// Past the two capitals of the version code.
fn version_end(note: &Note<'_>, end: usize) -> usize {
    let rest = note.after(end, 4).as_bytes();
    match rest {
        [b' ' | b'-', a, b, next @ ..]
            if a.is_ascii_uppercase()
                && b.is_ascii_uppercase()
                && !next.first().is_some_and(u8::is_ascii_alphanumeric)
                && note.slice(end.saturating_sub(1), end).bytes().all(|b| b.is_ascii_digit()) =>
        {
            end + 3
        }
        _ => end,
    }
}

/// The month, less 50 for a woman, and the day are those of a date.
fn ramq(text: &str) -> bool {
    let part = |from: usize| {
        number(&text.chars().filter(char::is_ascii_digit).skip(from).take(2).collect::<String>())
    };
    let (Some(month), Some(day)) = (part(2), part(4)) else { return false };
    (1..=12).contains(&if month > 50 { month - 50 } else { month }) && (1..=31).contains(&day)
}

/// Ten digits, the first 9; the last is 11 less the weighted sum of the eight between, modulo 11.
fn phn(text: &str) -> bool {
    let check = 11 - weighted(text, &[0, 2, 4, 8, 5, 10, 9, 7, 3]) % 11;
    number(text).is_some_and(|number| number % 10 == u64::from(check))
}
