//! Finds telephone numbers as they are written in German, French and Spanish notes: `08571 / 98-4410`,
//! `06 55 50 12 34`, `655 501 234`.
//!
//! After a cue (`Tel.`, `tél.`, `móvil`, `erreichbar unter`, `joignable au`) any number of six to fourteen digits in
//! groups; without one, French numbers in five pairs and Spanish ones of nine digits in their groups. After `Fax` it is a
//! fax number.
//!
//! Why: 45 CFR 164.514(b)(2)(i)(D) and (E).
//!
//! Example: `Tel. 08571 / 98-4410` is found whole; `Hb 11,8` is not found.
//!
//! References: ITU-T E.164; DIN 5008; ARCEP, plan national de numérotation; CNMC, plan nacional de numeración.

use lazaret_core::{Label, Language};

use crate::abroad::AbroadDetector;
use crate::calendar;
use crate::overlap::{Evidence, Found};
use crate::registry::{Hit, found};
use crate::value::digits;
use crate::view::Note;

/// See the page above.
pub(crate) struct PhoneAbroad;

impl AbroadDetector for PhoneAbroad {
    fn id(&self) -> &'static str {
        "phi.phone.abroad"
    }

    fn source(&self) -> &'static str {
        include_str!("phone_abroad.rs")
    }

    fn examples(&self) -> (&'static str, &'static str) {
        (
            "Die Tochter ist unter Tel. 08571 / 98-4410 erreichbar und wird heute informiert.",
            "Die Patientin wurde mit Hb 11,8 und Kreatinin 1,1 nach Hause entlassen.",
        )
    }

    fn shapes(&self) -> &'static [&'static str] {
        &[
            r"\b(?:tel|telefon|telefonnummer|telefono|telefax|fax|handy|mobil|mobiltelefon|handynummer|durchwahl|rufnummer|erreichbar unter|erreichbar unter der nummer|portable|standard|joignable au|rappeler au|tfno|tlf|telf|llamar al|al)\b[. :]{0,3}(?:der ehefrau: |privat: )?[+(]?\d",
            "(?:\\btél|\\btéléphone|\\bteléfono|\\bmóvil)\\b[. :]{0,3}[+(]?\\d",
            r"\b0[1-9](?:[ .-]\d\d){4}\b",
            r"\b[6789]\d\d(?: \d{3} \d{3}| \d\d \d\d \d\d)\b",
            r"(?:\+\d\d|\b00\d\d)[ .(-]{0,2}\d[\d ()./-]{6,16}\d\b",
        ]
    }

    fn judge(&self, hit: Hit, language: Language, note: &Note<'_>, out: &mut Vec<Found>) {
        let text = note.slice(hit.start, hit.end);
        let (start, end) = match hit.shape {
            0 | 1 => {
                let sign = usize::from(text.len() >= 2 && matches!(note.byte(hit.end - 2), b'+' | b'('));
                let start = hit.end - 1 - sign;
                let Some(end) = number_end(note, start) else { return };
                (start, end)
            }
            2 if language != Language::French => return,
            3 if language != Language::Spanish => return,
            _ => (hit.start, hit.end),
        };
        let inner = note.byte(end).is_ascii_alphanumeric()
            || matches!(note.byte_before(start), b'-' | b'/' | b'.' | b',') && hit.shape > 1;
        if inner || calendar::parse(note.slice(start, end)).is_some_and(|date| date.parts() == 3) {
            return;
        }
        let fax = note.before(start, 14).to_ascii_lowercase().contains("fax");
        out.push(found(if fax { Label::FAX } else { Label::PHONE }, start, end, Evidence::Named));
    }
}

/// The end of six to fourteen digits in groups: `08571 / 98-4410`, `(089) 555 01 44`, `+41 44 555 01 77`.
fn number_end(note: &Note<'_>, start: usize) -> Option<usize> {
    let (mut end, mut at, mut signs) = (start, start, 0);
    while at - start < 28 {
        let b = note.byte(at);
        if b.is_ascii_digit() {
            (end, signs) = (at + 1, 0);
        } else if matches!(b, b' ' | b'.' | b'-' | b'/' | b'(' | b')' | b'+') && signs < 3 {
            signs += 1;
        } else {
            break;
        }
        at += 1;
    }
    // A line that ends in a full stop and a new number after it.
    (6..=14).contains(&digits(note.slice(start, end))).then_some(end)
}
