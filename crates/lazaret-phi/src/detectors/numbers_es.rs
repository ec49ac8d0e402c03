//! Finds Spanish identity, social security and health card numbers.
//!
//! DNI (eight digits and a letter, modulo 23) after a cue, NIE (`X`, `Y` or `Z`, seven digits, a letter) by form and letter;
//! social security numbers (NUSS, twelve digits, modulo 97), health cards (CIP, SIP, TSI), the number of a history (NHC) and of a
//! physician in the college, after their names.
//!
//! Why: 45 CFR 164.514(b)(2)(i)(G), (H), (I), (K) and (R).
//!
//! Example: `NIE X1234567L` gives the number; `un DNI caducado` gives nothing.
//!
//! References: Real Decreto 1553/2005 (DNI), Orden INT/2058/2008 (NIE); Tesorería General de la Seguridad Social; Real Decreto 183/2004 (tarjeta sanitaria).

use lazaret_core::Label;

use crate::checks::{capitals, grouped, number};
use crate::overlap::{Evidence, Found};
use crate::registry::{Hit, Pass, ShapeDetector, found};
use crate::value::{begin, digits, named};
use crate::view::Note;

/// See the page above.
pub(crate) struct NumbersSpanish;

impl ShapeDetector for NumbersSpanish {
    fn id(&self) -> &'static str {
        "phi.other-id.es"
    }

    fn source(&self) -> &'static str {
        include_str!("numbers_es.rs")
    }

    fn examples(&self) -> (&'static str, &'static str) {
        ("DNI 12345678Z, con NIE X1234567L.", "Talla 170, historia larga, un dni caducado.")
    }

    fn shapes(&self) -> &'static [(Pass, &'static str)] {
        &[
            (Pass::Cues, r"\b(?:dni|nif|nie|d\.n\.i\.|pasaporte)\b"),
            (
                Pass::Cues,
                r"\b(?:nuss?|nss|n[o.]{1,2} (?:de )?(?:la )?seguridad social|n[^ ]{1,2}mero de (?:la )?seguridad social|n[o.]{1,2} afiliaci[^ ]{1,2}n|seguridad social)\b",
            ),
            (Pass::Cues, r"\b(?:cip|sip|tsi|cipa|tarjeta sanitaria|nass)\b"),
            (
                Pass::Cues,
                r"\b(?:nhc|n[o.]{1,2} (?:de )?historia(?: cl[^ ]{1,2}nica)?|historia cl[^ ]{1,2}nica|n[o.]{1,2} hc)\b",
            ),
            (
                Pass::Cues,
                r"\b(?:n[o.]{1,2} (?:de )?colegiad[oa]|colegiad[oa](?: n[o.]{1,2})?|num\.? col\.?)\b",
            ),
            (Pass::Numbers, r"\b[XYZ][ -]?\d{7}[ -]?[A-Z]\b"),
        ]
    }

    fn judge(&self, hit: Hit, note: &Note<'_>, out: &mut Vec<Found>) {
        let text = note.slice(hit.start, hit.end);
        let start = begin(note, hit.end);
        let whole = |counts: &[usize], label| {
            let end = counts.iter().find_map(|count| grouped(note, start, *count))?;
            (digits(note.slice(start, end)) >= 6).then(|| found(label, start, end, Evidence::Named))
        };
        let claim = match hit.shape {
            0 => whole(&[9, 8], Label::OTHER_ID),
            1 => whole(&[12, 11], Label::SSN),
            2 => whole(&[16, 14, 12, 10, 8], Label::HEALTH_PLAN),
            3 => {
                named(note, hit, 4, Label::MRN, out);
                None
            }
            4 => {
                named(note, hit, 5, Label::LICENSE, out);
                None
            }
            _ => (capitals(text) && letter_holds(text))
                .then(|| found(Label::OTHER_ID, hit.start, hit.end, Evidence::Checked)),
        };
        out.extend(claim);
    }
}

/// The letter of a NIE: that of the number, with 0, 1 or 2 for its first letter, modulo 23.
fn letter_holds(text: &str) -> bool {
    const LETTERS: &[u8] = b"TRWAGMYFPDXBNJZSQVHLCKE";
    let first = match text.as_bytes().first() {
        Some(b'X') => 0,
        Some(b'Y') => 10_000_000,
        _ => 20_000_000,
    };
    let Some(all) = number(text) else { return false };
    let place = usize::try_from((first + all) % 23).unwrap_or(0);
    LETTERS.get(place) == text.as_bytes().last()
}
