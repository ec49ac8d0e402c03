//! Finds network addresses, IPv4 and IPv6.
//!
//! Four numbers up to 255 are an address unless the words before say that they are a version (`software 10.2.14.3`).
//!
//! Why: 45 CFR 164.514(b)(2)(i)(O).
//!
//! Example: `from 10.44.18.203` is found; `software 10.2.14.3` is not.
//!
//! References: RFC 791; RFC 4291, 2.2.

use lazaret_core::Label;

use crate::overlap::{Evidence, Found};
use crate::registry::{Hit, Pass, ShapeDetector, found};
use crate::view::Note;

/// See the page above.
pub(crate) struct Ip;

impl ShapeDetector for Ip {
    fn id(&self) -> &'static str {
        "phi.ip"
    }

    fn source(&self) -> &'static str {
        include_str!("ip.rs")
    }

    fn examples(&self) -> (&'static str, &'static str) {
        ("Read from 10.44.18.203 at night.", "Software 10.2.14.3 and 999.1.1.1, at 10:52:11.")
    }

    fn shapes(&self) -> &'static [(Pass, &'static str)] {
        &[
            (Pass::Signs, r"\b\d{1,3}\.\d{1,3}\.\d{1,3}\.\d{1,3}\b"),
            (Pass::Signs, r"\b[0-9a-f]{1,4}:(?::?[0-9a-f]{1,4}){0,7}::?[0-9a-f]{0,4}"),
        ]
    }

    fn judge(&self, hit: Hit, note: &Note<'_>, out: &mut Vec<Found>) {
        const VERSION: &str = "software|version|v|ver|release|firmware|fw|sw|build|rev|protocol|oid|update";
        let text = note.slice(hit.start, hit.end);
        if hit.shape == 0 {
            let small = text.split('.').all(|part| part.parse::<u16>().is_ok_and(|n| n < 256));
            let longer = matches!(note.byte_before(hit.start), b'.' | b'-')
                || (note.byte(hit.end) == b'.' && note.byte(hit.end + 1).is_ascii_digit());
            if small && !longer && !note.cue_before(hit.start, 20, VERSION) {
                out.push(found(Label::IP, hit.start, hit.end, Evidence::Checked));
            }
            return;
        }
        let groups = text.split(':').filter(|group| !group.is_empty()).count();
        let short = text.matches("::").count() == 1;
        if (short && (2..8).contains(&groups)) || groups == 8 {
            out.push(found(Label::IP, hit.start, hit.end, Evidence::Checked));
        }
    }
}
