//! Finds identifiers with an unmistakable form: GUIDs, MAC addresses, unique device identifiers.
//!
//! A GUID is one span: no telephone number is cut out of its middle. A MAC address or a UDI (`(01)` and a 14-digit
//! GTIN) is a device.
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
            (Pass::Numbers, r"\b[0-9a-f]{2}(?:[:-][0-9a-f]{2}){5}\b"),
            (Pass::Numbers, r"\(01\)\d{14}(?:\(\d{2}\)[A-Z0-9-]{1,20}){0,5}"),
        ]
    }

    fn judge(&self, hit: Hit, note: &Note<'_>, out: &mut Vec<Found>) {
        // `60-50-40-30-20-10`: a dose that is tapered, unless a word says what it is.
        let lettered = note.slice(hit.start, hit.end).bytes().any(|b| b.is_ascii_alphabetic());
        if hit.shape == 1
            && !lettered
            && !note.cue_before(hit.start, 24, "mac|address|wifi|wlan|bluetooth|ble|device")
        {
            return;
        }
        let label = if hit.shape == 0 { Label::OTHER_ID } else { Label::DEVICE };
        out.push(found(label, hit.start, hit.end, Evidence::Named));
    }
}
