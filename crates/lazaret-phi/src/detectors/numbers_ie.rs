//! Finds Irish PPS numbers, and Eircodes.
//!
//! A PPS number (seven digits, a check letter, and since 2013 a second letter) by form and check, or after a cue;
//! Eircodes (`A65 F4E2`) by their form: a routing key and four signs of which one at least is a digit; numbers of the
//! Medical Council, NMBI and CORU, and the health identifier, after a cue.
//!
//! Why: 45 CFR 164.514(b)(2)(i)(B), (G) and (K).
//!
//! Example: `PPSN 1234567FA` gives the number; `batch 1234567AA` gives nothing.
//!
//! References: Department of Social Protection, PPS number check character (modulus 23); Eircode, product guide; HSE, Individual Health Identifier.

use lazaret_core::Label;

use crate::checks::{capitals, letter, signs, weighted};
use crate::overlap::{Evidence, Found};
use crate::registry::{Hit, Pass, ShapeDetector, found};
use crate::value::named;
use crate::view::Note;

/// See the page above.
pub(crate) struct NumbersIreland;

impl ShapeDetector for NumbersIreland {
    fn id(&self) -> &'static str {
        "phi.ssn.ie"
    }

    fn source(&self) -> &'static str {
        include_str!("numbers_ie.rs")
    }

    fn examples(&self) -> (&'static str, &'static str) {
        ("PPS no. 1234567FA, Eircode A65 F4E2.", "Batch 1234567AA, ICD A65, T12 L1L2 stable, pps 12.")
    }

    fn shapes(&self) -> &'static [(Pass, &'static str)] {
        &[
            (Pass::Cues, r"\b(?:ppsn?|pps (?:no\b\.?|number))\b"),
            (Pass::Cues, r"\b(?:imc(?: (?:no\b\.?|number|reg))?|nmbi(?: pin)?|coru)\b"),
            (Pass::Numbers, r"\b\d{7}[A-W][A-IW]?\b"),
            (Pass::Numbers, r"\b(?-i:[AC-FHKNPRTV-Y]\d\d|D6W) (?-i:[0-9AC-FHKNPRTV-Y]{4})\b"),
            (Pass::Cues, r"\beircode\b[: ]{0,2}[A-Z]\d[0-9W] ?[0-9A-Z]{4}\b"),
        ]
    }

    fn judge(&self, hit: Hit, note: &Note<'_>, out: &mut Vec<Found>) {
        let text = note.slice(hit.start, hit.end);
        match hit.shape {
            0 => {
                named(note, hit, 7, Label::SSN, out);
            }
            1 => {
                named(note, hit, 5, Label::LICENSE, out);
            }
            2 if capitals(text) && pps(text) => {
                out.push(found(Label::SSN, hit.start, hit.end, Evidence::Checked));
            }
            3 if capitals(text)
                && eircode(text)
                && !note.cue_before(hit.start, 16, "icd|code|codes|cpt|vertebra") =>
            {
                out.push(found(Label::ZIP, hit.start, hit.end, Evidence::Checked));
            }
            4 => {
                let digit = text.bytes().position(|b| b.is_ascii_digit()).unwrap_or(1);
                out.push(found(Label::ZIP, hit.start + digit - 1, hit.end, Evidence::Named));
            }
            _ => {}
        }
    }
}

/// The letter is the weighted sum of the digits, and nine times the second letter, modulo 23 (`W` is nought).
fn pps(text: &str) -> bool {
    let signs = signs(text);
    let second =
        signs.get(8).copied().and_then(letter).map_or(0, |place| if place == 23 { 0 } else { place });
    let sum = weighted(text, &[8, 7, 6, 5, 4, 3, 2]) + 9 * second;
    signs.get(7).copied().and_then(letter).is_some_and(|check| check % 23 == sum % 23)
}

/// The second part has a digit and a letter, so that `T12 1500` is none.
fn eircode(text: &str) -> bool {
    let Some((_, tail)) = text.split_once(' ') else { return false };
    let count = tail.bytes().filter(u8::is_ascii_digit).count();
    (1..=3).contains(&count) && !tail.contains('L')
}
