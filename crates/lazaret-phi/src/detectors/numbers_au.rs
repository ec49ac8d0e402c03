//! Finds Australian health numbers.
//!
//! Medicare card numbers (ten digits and the place on the card, the ninth a check) by form and check or after a cue;
//! individual healthcare identifiers (sixteen digits from 800360 on, Luhn); DVA file numbers after a cue; AHPRA
//! registrations (`MED0001234567`) by their form, Medicare provider numbers after a cue.
//!
//! Why: 45 CFR 164.514(b)(2)(i)(I) and (K).
//!
//! Example: `Medicare 2123 45670 1` gives the number; `Medicare levy 2023` gives nothing.
//!
//! References: Services Australia, Medicare card number format; AS 5017, Healthcare identifiers (ISO/IEC 7812); AHPRA, registration numbers.

use lazaret_core::Label;

use crate::checks::{capitals, grouped, weighted};
use crate::overlap::{Evidence, Found};
use crate::registry::{Hit, Pass, ShapeDetector, found};
use crate::value::{begin, digits, luhn, named};
use crate::view::Note;

/// See the page above.
pub(crate) struct NumbersAustralia;

impl ShapeDetector for NumbersAustralia {
    fn id(&self) -> &'static str {
        "phi.health-plan.au"
    }

    fn source(&self) -> &'static str {
        include_str!("numbers_au.rs")
    }

    fn examples(&self) -> (&'static str, &'static str) {
        ("Medicare card 2123 45670 1, IHI 8003 6012 3456 7894.", "Medicare levy of 2023, order 2123 45671 1.")
    }

    fn shapes(&self) -> &'static [(Pass, &'static str)] {
        &[
            (
                Pass::Cues,
                r"\b(?:dva(?: (?:file|card))?(?: (?:no\b\.?|number))?|ihi(?: (?:no\b\.?|number))?|medicare card(?: (?:no\b\.?|number))?)\b",
            ),
            (Pass::Numbers, r"\b[2-6]\d{3}[ -]?\d{5}[ -]?\d(?:[ /-]?[1-9])?\b"),
            (Pass::Numbers, r"\b8003 ?6\d{3} ?\d{4} ?\d{4}\b"),
            (Pass::Numbers, r"\b(?:ATS|CHI|CHP|CMR|DEN|MED|MRP|NMW|OCC|OPT|OST|PAR|PHA|PHY|POD|PSY)\d{10}\b"),
        ]
    }

    fn judge(&self, hit: Hit, note: &Note<'_>, out: &mut Vec<Found>) {
        let text = note.slice(hit.start, hit.end);
        let (label, evidence) = match hit.shape {
            0 => {
                let start = begin(note, hit.end);
                // `NX123456A`: state, war code, up to six digits, and the letter of a dependant.
                let end = [16, 11, 10, 9, 8].into_iter().find_map(|count| grouped(note, start, count));
                match end.filter(|end| digits(note.slice(start, *end)) >= 4) {
                    Some(end) => out.push(found(Label::HEALTH_PLAN, start, end, Evidence::Named)),
                    None => {
                        named(note, hit, 5, Label::HEALTH_PLAN, out);
                    }
                }
                return;
            }
            // Ten digits in a row may be anything: in groups, or where Medicare is named.
            1 if medicare(text)
                && (text.contains([' ', '-']) || note.cue_before(hit.start, 32, "medicare")) =>
            {
                (Label::HEALTH_PLAN, Evidence::Checked)
            }
            2 if luhn(text) => (Label::HEALTH_PLAN, Evidence::Checked),
            3 if capitals(text) => (Label::LICENSE, Evidence::Checked),
            _ => return,
        };
        out.push(found(label, hit.start, hit.end, evidence));
    }
}

/// The ninth digit is the weighted sum of the first eight, modulo 10.
fn medicare(text: &str) -> bool {
    let check = weighted(text, &[1, 3, 7, 9, 1, 3, 7, 9]) % 10;
    text.bytes().filter(u8::is_ascii_digit).nth(8).is_some_and(|digit| u32::from(digit - b'0') == check)
}
