//! Finds medical record numbers.
//!
//! A number that a cue names: `MRN`, `medical record no.`, `chart #`, `hospital no.`, `patient ID`. Record numbers
//! have no common form or check digit, so without a cue there is nothing to find. Digits said in words count.
//!
//! Why: 45 CFR 164.514(b)(2)(i)(H).
//!
//! Example: `MRN: 00482913` gives `00482913`; `MRN pending` gives nothing.
//!
//! References: 45 CFR 164.514(b)(2)(i)(H); HL7 v2 table 0203, `MR`.

use lazaret_core::Label;

use crate::calendar;
use crate::overlap::{Evidence, Found};
use crate::registry::{Hit, Pass, ShapeDetector, found};
use crate::value::named;
use crate::view::Note;

/// See the page above.
pub(crate) struct Mrn;

impl ShapeDetector for Mrn {
    fn id(&self) -> &'static str {
        "phi.mrn"
    }

    fn source(&self) -> &'static str {
        include_str!("mrn.rs")
    }

    fn examples(&self) -> (&'static str, &'static str) {
        ("Seen today, MRN: 00482913.", "Seen today, MRN pending, platelets 204000.")
    }

    fn shapes(&self) -> &'static [(Pass, &'static str)] {
        &[(Pass::Cues, CUES), (Pass::Numbers, r"(?-i:\bMR) (?:\d{2,3}-\d{2,3}-\d{2,4}|\d{6,10})\b")]
    }

    fn judge(&self, hit: Hit, note: &Note<'_>, out: &mut Vec<Found>) {
        // `urn:oid:2.16…` names a kind of number.
        if note.byte(hit.end) == b':' && note.byte(hit.end + 1).is_ascii_lowercase() {
            return;
        }
        if hit.shape == 1 {
            // `MR 90-11-774`; `MR 20241103` is a picture and its day.
            let start = hit.start + 3;
            if calendar::parse(note.slice(start, hit.end)).is_none() {
                out.push(found(Label::MRN, start, hit.end, Evidence::Shape));
            }
            return;
        }
        named(note, hit, 4, Label::MRN, out);
    }
}

const CUES: &str = r"\b(?:mrn|m\.r\.n\.|mr ?#|med(?:ical)? rec(?:ord|\.)?(?: (?:number|numer|num|no)\b\.?| ?#| id)?|our chart|nhi(?: no\b\.?)?|uhid|opd (?:no\b\.?|#)|ip no\b\.?|hn(?: no\b\.?|:)|crn|ipp|nhc|chart (?:no\b\.?|number|#)|hosp(?:ital|\.)? ?(?:no\b\.?|number|id|#)|(?:pt|patient)[ .-]*(?:id|identifier|num(?:ber)?|no\b\.?|#)|ptnum|unit (?:no\b\.?|number|record)|ur ?no\b|(?-i:UR)[:\t]|urn\b|fall-nr|case-nr|patienten-?nr|record (?:number|numer|no\b\.?|#)|\x22type\x22: ?\x22MRN?\x22, ?\x22value\x22)";
