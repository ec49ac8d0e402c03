//! Finds other numbers and codes that identify: accession, case, claim, order, badge and run numbers.
//!
//! A number that one of many cues names (`accession`, `specimen`, `claim`, `ref`, `badge`, `Rx no.`). A cue that is
//! also a common word needs a sign between it and the number (`case #`, `order no.`, `job:`). Accession numbers
//! are found by their form too: letters, a year, a serial number.
//!
//! Why: 45 CFR 164.514(b)(2)(i)(R).
//!
//! Example: `accession RA-24-1180342` gives the number; `case of 3 patients` gives nothing.
//!
//! References: 45 CFR 164.514(b)(2)(i)(R).

use lazaret_core::Label;

use crate::overlap::{Evidence, Found};
use crate::registry::{Hit, Pass, ShapeDetector, found};
use crate::value::named;
use crate::view::Note;

/// See the page above.
pub(crate) struct OtherId;

impl ShapeDetector for OtherId {
    fn id(&self) -> &'static str {
        "phi.other-id"
    }

    fn source(&self) -> &'static str {
        include_str!("other_id.rs")
    }

    fn examples(&self) -> (&'static str, &'static str) {
        ("ACCESSION: RA-24-1180342", "A case of 3 patients, order of 12, BRCA1 and ICD C50.911.")
    }

    fn shapes(&self) -> &'static [(Pass, &'static str)] {
        &[
            (
                Pass::Cues,
                r"\b(?:acc(?:ession)?(?: ?(?:no\b\.?|number|#))?:|accession(?: (?:no\b\.?|number|#))?|acc ?#|specimen(?: (?:id|no\b\.?|number|#))?|spec(?:imen)? ?#|wo|our nos?\b\.?|their nos?\b\.?|lab nos?\b\.?|path nos?\b\.?)",
            ),
            (
                Pass::Cues,
                r"\b(?:claim|ref(?:erence)?|badge|run|case|file|order|job|batch|confirm(?:ation)?|report|docket|waybill|tracking|barcode|family|enrol?l?ment|census|registry|study|subject|encounter|enc|visit|rx|script|item|interpreter|request|ticket|auth(?:orization)?|certificate|cert|kit|incident|pcr|lot and serial|trial subject)(?: (?:no\b\.?|nos\b\.?|number|id\b|ref\b|case)|-id\b|\.? ?#|:| ?id:)(?: ?#)?",
            ),
            (
                Pass::Cues,
                r"\b(?:claim|badge|run|docket|waybill|ssi case|interpreter id|wristband|band|enr|case ref|our ref|your ref|e-script id|death cert(?:ificate)? no\b\.?|tribal enrol?lment no\b\.?|request id|subj(?:ect)?|ref)\b[.:]?",
            ),
            (Pass::Numbers, r"\b(?:[A-Z]{1,4}-?\d{2}-\d{4,8}(?:-\d{1,2})?|[A-Z]{1,2}\d{2}-\d{4,7})\b"),
        ]
    }

    fn judge(&self, hit: Hit, note: &Note<'_>, out: &mut Vec<Found>) {
        match hit.shape {
            0 => {
                named(note, hit, 5, Label::OTHER_ID.sub("accession"), out);
            }
            1 | 2 => {
                named(note, hit, 4, Label::OTHER_ID, out);
            }
            _ => out.push(found(Label::OTHER_ID.sub("accession"), hit.start, hit.end, Evidence::Shape)),
        }
    }
}
