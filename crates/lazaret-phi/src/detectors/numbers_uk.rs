//! Finds health and registration numbers of the United Kingdom beside the NHS number.
//!
//! Scotland's CHI number (ten digits, a date of birth first, modulus 11) and Northern Ireland's H&C number (320 to 399
//! first, the same check) after a cue, or by form and check; the nurses' PIN by its form; GMC, NMC, GDC, `GPhC` and HCPC
//! numbers after their names. A wrong check digit never hides what a cue names.
//!
//! Why: 45 CFR 164.514(b)(2)(i)(K) and (R).
//!
//! Example: `CHI 1503511235` gives the number; `chi square 1503511` gives nothing.
//!
//! References: NHS Scotland, CHI Number Standard; HSC Business Services Organisation, Health and Care Number; NMC, PIN.

use lazaret_core::Label;

use crate::checks::{capitals, grouped, modulus_11};
use crate::overlap::{Evidence, Found};
use crate::registry::{Hit, Pass, ShapeDetector, found};
use crate::value::{begin, named};
use crate::view::Note;

/// See the page above.
pub(crate) struct NumbersUk;

impl ShapeDetector for NumbersUk {
    fn id(&self) -> &'static str {
        "phi.other-id.uk"
    }

    fn source(&self) -> &'static str {
        include_str!("numbers_uk.rs")
    }

    fn examples(&self) -> (&'static str, &'static str) {
        ("H&C number: 320 000 0015, CHI 150351 1235.", "Chi square 15.03, H&C services, code 320 000 0016.")
    }

    fn shapes(&self) -> &'static [(Pass, &'static str)] {
        &[
            (
                Pass::Cues,
                r"\b(?:chi(?: (?:no\b\.?|number))|chi\b:?|h ?(?:&|and) ?c(?:are)?(?: (?:no\b\.?|number))|health and care (?:no\b\.?|number))",
            ),
            (
                Pass::Cues,
                r"\b(?:gdc|gphc|hcpc|nurse pin|nmc pin|midwife pin|gmc (?:no\b\.?|number|ref)|nmc (?:no\b\.?|number))\b",
            ),
            (Pass::Numbers, r"\b3[2-9]\d \d{3} \d{4}\b"),
            (Pass::Numbers, r"\b(?:0[1-9]|[12]\d|3[01])(?:0[1-9]|1[0-2])\d\d ?\d{4}\b"),
            (Pass::Numbers, r"\b\d\d[A-L]\d{4}[CENOSW]\b"),
        ]
    }

    fn judge(&self, hit: Hit, note: &Note<'_>, out: &mut Vec<Found>) {
        let text = note.slice(hit.start, hit.end);
        let label = Label::OTHER_ID;
        match hit.shape {
            0 => {
                let start = begin(note, hit.end);
                if let Some(end) = grouped(note, start, 10)
                    && note.slice(start, end).bytes().all(|b| !b.is_ascii_alphabetic())
                {
                    out.push(found(label, start, end, Evidence::Named));
                }
            }
            1 => {
                named(note, hit, 5, Label::LICENSE, out);
            }
            // By form and check alone: Northern Ireland's in its groups, Scotland's in the neighbourhood of its name.
            2 if modulus_11(text) && !note.cue_before(hit.start, 24, CALL) => {
                out.push(found(label, hit.start, hit.end, Evidence::Checked));
            }
            3 if modulus_11(text) && note.cue_before(hit.start, 48, "chi|patient|hospital|identifier") => {
                out.push(found(label, hit.start, hit.end, Evidence::Checked));
            }
            4 if capitals(text) => out.push(found(Label::LICENSE, hit.start, hit.end, Evidence::Shape)),
            _ => {}
        }
    }
}

/// Before a number of this form that is a telephone's.
const CALL: &str = "tel|telephone|phone|ph|fax|call|cell|mobile|ext|text";
