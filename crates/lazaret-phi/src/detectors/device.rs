//! Finds serial numbers and identifiers of devices.
//!
//! Serial and lot numbers, UDI, numbers of blood units (ISBT 128), IMEI, asset tags and device ids that a cue names. UDI and MAC addresses, which have a form of
//! their own, are found by `phi.other-id.guid`.
//!
//! Why: 45 CFR 164.514(b)(2)(i)(M): an implant's serial number leads to one patient.
//!
//! Example: `serial RNB4419308S` gives `RNB4419308S`; `model W1DR01` gives nothing.
//!
//! References: 45 CFR 164.514(b)(2)(i)(M); 21 CFR 801.40; ISBT 128 ST-001.

use lazaret_core::Label;

use crate::overlap::{Evidence, Found};
use crate::registry::{Hit, Pass, ShapeDetector, found};
use crate::value::named;
use crate::view::Note;

/// See the page above.
pub(crate) struct Device;

impl ShapeDetector for Device {
    fn id(&self) -> &'static str {
        "phi.device"
    }

    fn source(&self) -> &'static str {
        include_str!("device.rs")
    }

    fn examples(&self) -> (&'static str, &'static str) {
        ("Pacemaker, serial RNB4419308S.", "Pacemaker, model W1DR01.")
    }

    fn shapes(&self) -> &'static [(Pass, &'static str)] {
        &[
            (Pass::Cues, CUES),
            // ISBT 128: the donation number and its check sign.
            (
                Pass::Numbers,
                r"\b[A-Z]\d{4} ?\d{2} ?\d{6}(?:(?: ?\d{2})? ?[A-Z0-9]| ?\d{2})?\b|\b\d{4} \d{2} \d{7}\b|\b[A-Z]\d{4} \d{2} \d{3} \d{3}(?: \d)?(?: [A-Z])?\b",
            ),
        ]
    }

    fn judge(&self, hit: Hit, note: &Note<'_>, out: &mut Vec<Found>) {
        // `OBX|1|SN|33914-3`: the type of an HL7 value.
        let field = note.byte_before(hit.start) == b'|' && note.byte(hit.end) == b'|';
        if hit.shape == 0 {
            if field && hit.end - hit.start == 2 {
                return;
            }
            named(note, hit, 4, Label::DEVICE, out);
        } else {
            out.push(found(Label::DEVICE, hit.start, hit.end, Evidence::Checked));
        }
    }
}

const CUES: &str = r"\b(?:serial ?number|serial(?: (?:no\b\.?|number|num|#))?|s/n|sn\b|ser\. ?no\b\.?|udi(?:-di|-pi)?|imei|asset(?: (?:tag|no\b\.?|number|id))?(?: ?#)?|device (?:id|identifier|no\b\.?)|implant (?:id|lot)|(?:shell|stem|liner|head|cup|cage|screw|lead|graft|valve|mesh|oxygenator|lens|stent) lot|lot/ser(?:ial)?|ref/lot|lot(?: (?:no\b\.?|number|#))?|dose vial|vial (?:no\b\.?|id|#)|biomed(?:ical)? tag|tele(?:metry)? box|(?:infant |security |sec |abduct(?:ion)? |ankle |wrist |rfid )tag(?: hugs)?|transmitter(?: (?:id|sn))?|receiver(?: (?:id|sn))?|donor unit|unit din|blood unit|handset id|monitor id)";
