//! Finds web addresses.
//!
//! With a scheme or `www.`, and bare hosts with a known suffix that are followed by a path (`portal.x.example/f/2`).
//! Addresses of code systems and standards (`http://loinc.org`) lead to no one and stay.
//!
//! Why: 45 CFR 164.514(b)(2)(i)(N).
//!
//! Example: `https://my.clinic.example/msg?id=88213` is found; `q.i.d./prn` is not.
//!
//! References: RFC 3986; RFC 2606.

use lazaret_core::Label;

use crate::overlap::{Evidence, Found};
use crate::registry::{Hit, Pass, ShapeDetector, found};
use crate::view::Note;

/// See the page above.
pub(crate) struct Url;

impl ShapeDetector for Url {
    fn id(&self) -> &'static str {
        "phi.url"
    }

    fn source(&self) -> &'static str {
        include_str!("url.rs")
    }

    fn examples(&self) -> (&'static str, &'static str) {
        ("See https://my.clinic.example/msg?id=88213.", "Take q.i.d./prn, and/or http status.")
    }

    fn shapes(&self) -> &'static [(Pass, &'static str)] {
        &[
            (Pass::Signs, r"\b(?:https?|ftps?|sftp|s3)://|\bwww\."),
            (
                Pass::Signs,
                r"\.(?:com|org|net|edu|gov|mil|io|info|biz|health|care|app|dev|cloud|example|test|uk|ca|us|de|fr|es|au|ie|hu|dk|nl|it|pl|ru|ch|at|se|no|fi|be|eu)\b",
            ),
        ]
    }

    fn judge(&self, hit: Hit, note: &Note<'_>, out: &mut Vec<Found>) {
        let mut start = hit.start;
        let mut end = hit.end;
        // Within an address another begins: it was read with the first.
        let within = |byte: u8| {
            byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'/' | b'=' | b'&' | b'?' | b'-')
        };
        if hit.shape == 0 && note.byte(hit.end - 1) == b'.' && within(note.byte_before(hit.start)) {
            return;
        }
        if hit.shape == 1 {
            while hit.start - start < 128
                && (note.byte_before(start).is_ascii_alphanumeric()
                    || matches!(note.byte_before(start), b'-' | b'.' | b'_'))
            {
                start -= 1;
            }
            let host = note.slice(start, hit.start);
            // An e-mail address is another detector's; a file or an abbreviation (`e.g. at`) has no host.
            if note.byte_before(start) == b'@'
                || host.len() < 2
                || !host.bytes().any(|b| b.is_ascii_alphabetic())
            {
                return;
            }
        }
        // What the address around it was read to is not read again.
        if let Some(around) = out.last()
            && around.label == Label::URL
            && around.start < hit.start
            && hit.end < around.end
        {
            end = around.end;
        }
        while end - hit.end < LONGEST {
            let b = note.byte(end);
            if b <= b' ' || b >= 0x80 || b"\"<>|\\^`{}".contains(&b) {
                break;
            }
            end += 1;
        }
        while end > hit.end && b".,;:!?')]*".contains(&note.byte_before(end)) {
            end -= 1;
        }
        if hit.shape == 0 && end - hit.end < 3 {
            return;
        }
        if !is_standard(note.slice(start, end.min(start + HOST))) {
            out.push(found(Label::URL, start, end, Evidence::Named));
        }
    }
}

/// Most bytes of an address behind its sign.
const LONGEST: usize = 2_000;
/// Bytes that hold a scheme and a host, which has 253 at most (RFC 1035, 2.3.4).
const HOST: usize = 272;

/// Whether an address names a code system or a standard (FHIR R4, 4.1 code systems): it leads to no one.
fn is_standard(address: &str) -> bool {
    const HOSTS: [&str; 12] = [
        "loinc.org",
        "snomed.info",
        "hl7.org",
        "unitsofmeasure.org",
        "w3.org",
        "dicom.nema.org",
        "nucc.org",
        "ietf.org",
        "iso.org",
        "nlm.nih.gov",
        "ama-assn.org",
        "fhir.org",
    ];
    let host = address.split_once("://").map_or(address, |(_, rest)| rest).split(['/', '?', '#', ':']).next();
    host.is_some_and(|host| {
        HOSTS
            .iter()
            .any(|of| host.strip_suffix(of).is_some_and(|lead| lead.is_empty() || lead.ends_with('.')))
    })
}
