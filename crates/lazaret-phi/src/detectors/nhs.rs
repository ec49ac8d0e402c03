//! Finds UK NHS numbers: ten digits, the last a modulus 11 check.
//!
//! With the cue `NHS` any ten digits; without one the form 3-3-4 with blanks and a check digit that holds.
//!
//! Why: 45 CFR 164.514(b)(2)(i)(R); UK GDPR article 4(1).
//!
//! Example: `NHS no 943 476 5919` gives the number; `NHS trust` gives nothing.
//!
//! References: NHS Data Model and Dictionary, NHS NUMBER.

use lazaret_core::Label;

use crate::overlap::{Evidence, Found};
use crate::registry::{Hit, Pass, ShapeDetector, found};
use crate::value::{begin, digit_values, digits};
use crate::view::Note;

/// See the page above.
pub(crate) struct Nhs;

impl ShapeDetector for Nhs {
    fn id(&self) -> &'static str {
        "phi.other-id.nhs"
    }

    fn source(&self) -> &'static str {
        include_str!("nhs.rs")
    }

    fn examples(&self) -> (&'static str, &'static str) {
        ("NHS no 943 476 5919.", "The NHS trust, ext 943 476 5918.")
    }

    fn shapes(&self) -> &'static [(Pass, &'static str)] {
        &[(Pass::Cues, r"\bnhs(?: (?:no\b\.?|number|num))?\b"), (Pass::Numbers, r"\b\d{3} \d{3} \d{4}\b")]
    }

    fn judge(&self, hit: Hit, note: &Note<'_>, out: &mut Vec<Found>) {
        let label = Label::OTHER_ID.sub("nhs");
        if hit.shape == 1 {
            let call = note.cue_before(hit.start, 24, "tel|phone|ph|fax|call|cell|mobile|ext|text");
            if check_digit_holds(note.slice(hit.start, hit.end)) && !call {
                out.push(found(label, hit.start, hit.end, Evidence::Checked));
            }
            return;
        }
        let start = begin(note, hit.end);
        let mut end = start;
        while end - start < 12
            && (note.byte(end).is_ascii_digit() || (matches!(note.byte(end), b' ' | b'-') && end > start))
        {
            end += 1;
        }
        let text = note.slice(start, end);
        let trimmed = text.trim_end_matches([' ', '-']);
        if digits(trimmed) == 10 {
            out.push(found(label, start, start + trimmed.len(), Evidence::Named));
        }
    }
}

/// Weights 10 to 1 sum to a multiple of 11.
fn check_digit_holds(text: &str) -> bool {
    digit_values(text)
        .zip((1..=10).rev())
        .map(|(digit, weight)| digit * weight)
        .sum::<u32>()
        .is_multiple_of(11)
}
