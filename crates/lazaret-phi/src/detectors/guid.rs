//! Finds identifiers with an unmistakable form: GUIDs, MAC addresses, unique device identifiers, groups of hexadecimal
//! digits.
//!
//! A GUID is one span: no telephone number is cut out of its middle; shorter groups (`4f0c-77a1-02be`) count if two of
//! them hold a digit and one a letter. A MAC address, also in part (`0B:77:2C`, with a letter in it), or a UDI (`(01)` and
//! a 14-digit GTIN) is a device.
//!
//! Why: 45 CFR 164.514(b)(2)(i)(R), (M).
//!
//! Example: `7d0be135-c41f-4a2b-9046-129790125511` is found; `0002-8215-01` is not.
//!
//! References: RFC 9562; GS1 General Specifications, 2.1.

use lazaret_core::Label;

use crate::overlap::{Evidence, Found};
use crate::registry::{Hit, Pass, ShapeDetector, found};
use crate::view::Note;

/// See the page above.
pub(crate) struct Guid;

impl ShapeDetector for Guid {
    fn id(&self) -> &'static str {
        "phi.other-id.guid"
    }

    fn source(&self) -> &'static str {
        include_str!("guid.rs")
    }

    fn examples(&self) -> (&'static str, &'static str) {
        ("Request 7d0be135-c41f-4a2b-9046-129790125511.", "NDC 0002-8215-01, LOINC 2345-7.")
    }

    fn shapes(&self) -> &'static [(Pass, &'static str)] {
        &[
            (Pass::Numbers, r"\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b"),
            (Pass::Numbers, r"\b[0-9a-f]{2}(?:[:-][0-9a-f]{2}){5}\b|\b[0-9a-f]{2}(?::[0-9a-f]{2}){2,7}\b"),
            (Pass::Numbers, r"\(01\)\d{14}(?:\(\d{2}\)[A-Z0-9-]{1,20}){0,5}"),
            (Pass::Numbers, r"(?-i:\b[0-9a-f]{4,12}(?:-[0-9a-f]{4,12}){2,3}\b)"),
        ]
    }

    fn judge(&self, hit: Hit, note: &Note<'_>, out: &mut Vec<Found>) {
        let label = if matches!(hit.shape, 0 | 3) { Label::OTHER_ID } else { Label::DEVICE };
        let text = note.slice(hit.start, hit.end);
        let letters = text.bytes().any(|b| b.is_ascii_alphabetic());
        // `0A:77:1C` has a letter, a time has none; `4f0c-77a1-02be` has both, a telephone number has digits alone.
        let told = match hit.shape {
            // `60-50-40-30-20-10`: a dose that is tapered, unless a word says what it is.
            1 => letters || note.cue_before(hit.start, 24, "mac|address|wifi|wlan|bluetooth|ble|device"),
            3 => {
                letters
                    && text.bytes().any(|b| b.is_ascii_digit())
                    && text.split('-').filter(|group| group.bytes().any(|b| b.is_ascii_digit())).count() >= 2
            }
            _ => true,
        };
        if told {
            out.push(found(label, hit.start, hit.end, Evidence::Named));
        }
    }
}
