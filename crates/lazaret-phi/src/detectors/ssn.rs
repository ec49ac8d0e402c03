//! Finds social security numbers, and numbers of the same use in other countries.
//!
//! `123-45-6789` by its form, with blanks and dots too. After a cue (`SSN`, `soc sec #`, `SIN`, `NI no.`) any nine
//! digits, a masked number with its last four digits, and the last four alone. Whether the number was ever issued is
//! not asked: a sample number or a typing error still points at a person. Nine digits without a cue are nothing.
//!
//! Why: 45 CFR 164.514(b)(2)(i)(G).
//!
//! Example: `SSN 987-65-4321` gives the number; `platelets 123456789` gives nothing.
//!
//! References: 20 CFR 422.103.

use lazaret_core::Label;

use crate::overlap::{Evidence, Found};
use crate::registry::{Hit, Pass, ShapeDetector, found};
use crate::value::{after_unit, begin, digits};
use crate::view::Note;

/// See the page above.
pub(crate) struct Ssn;

impl ShapeDetector for Ssn {
    fn id(&self) -> &'static str {
        "phi.ssn"
    }

    fn source(&self) -> &'static str {
        include_str!("ssn.rs")
    }

    fn examples(&self) -> (&'static str, &'static str) {
        ("SSN 987-65-4321.", "Platelets 123456789 is a typing error.")
    }

    fn shapes(&self) -> &'static [(Pass, &'static str)] {
        &[
            (
                Pass::Cues,
                r"\b(?:ssn|s\.s\.n\.|ss ?(?:#|no\b\.?)|soc(?:ial)?\b\.? sec(?:urity)?\b\.?(?: (?:no\b\.?|number|#))?|social\b:?|last (?:four|4)(?: (?:digits|ssn))?(?: of ssn)?(?: on file)?|sin\b(?: (?:no\b\.?|number))?|ni (?:no\b\.?|number)|national insurance(?: (?:no\b\.?|number))?|tfn|pps(?:n\b| (?:no\b\.?|number)))",
            ),
            (Pass::Numbers, r"\b(?:\d{3}|[x*]{3})(?:-\d{2}-|-[x*]{2}-| \d{2} |\.\d{2}\.)\d{4}\b"),
            (Pass::Numbers, r"\b[A-Z]{2} ?\d{2} ?\d{2} ?\d{2} ?[A-D]\b"),
            (Pass::Signs, r"\b\d{5}-\d{4}\b"),
        ]
    }

    fn judge(&self, hit: Hit, note: &Note<'_>, out: &mut Vec<Found>) {
        let part = matches!(note.byte_before(hit.start), b'-' | b'.' | b'/' | b':')
            || (note.byte(hit.end) == b'-' && note.byte(hit.end + 1).is_ascii_digit());
        match hit.shape {
            0 => after_cue(hit, note, out),
            1 | 2 if !part => out.push(found(Label::SSN, hit.start, hit.end, Evidence::Checked)),
            3 if note.cue_after(hit.end, 8, "ssn|ss#") => {
                out.push(found(Label::SSN, hit.start, hit.end, Evidence::Named));
            }
            _ => {}
        }
    }
}

/// Nine digits with any separators, a masked number, or four digits.
fn after_cue(hit: Hit, note: &Note<'_>, out: &mut Vec<Found>) {
    const LINKS: [&str; 13] =
        ["", "ends", "ending", "with", "in", "is", "was", "on", "file", "of", "number", "security", "ssn"];
    if after_unit(note, hit.start) {
        return;
    }
    let mut start = begin(note, hit.end);
    let cue = note.slice(hit.start, hit.end).to_ascii_lowercase();
    let vague = !(cue.contains("ss") || cue.contains("sec") || cue.contains("s.s"));
    let mut loose = false;
    // `SSN read from card 987654329`: a few words, then the digits.
    if note.byte(start).is_ascii_alphabetic() && !note.slice(start, start + 3).eq_ignore_ascii_case("xxx") {
        let ahead = note.after(start, 40);
        let Some(at) = ahead.find(|c: char| c.is_ascii_digit()) else { return };
        let between = ahead.get(..at).unwrap_or("");
        if between.contains(['.', ';', ',', '(']) {
            return;
        }
        // `Social history: quit 2015`, `last 4 weeks 1500`: four digits after other words are a year or an amount.
        loose =
            !between.split([' ', ':', '-']).all(|word| LINKS.contains(&word.to_ascii_lowercase().as_str()));
        start += at;
    }
    let mut end = start;
    let mut last = start;
    while end - start < 16 {
        let b = note.byte(end);
        if b.is_ascii_digit() || matches!(b, b'x' | b'X' | b'*') {
            last = end + 1;
        } else if !(matches!(b, b'-' | b' ' | b'.') && end > start) {
            break;
        }
        end += 1;
    }
    let text = note.slice(start, last);
    let count = digits(text);
    let masked = text.bytes().any(|b| matches!(b, b'x' | b'X' | b'*'));
    let pps = cue.starts_with("pps") && count == 7;
    if count == 9 || pps || (count == 4 && !(vague && loose) && (masked || last - start == 4)) {
        let letters =
            if pps { note.after(last, 2).bytes().take_while(u8::is_ascii_uppercase).count() } else { 0 };
        out.push(found(Label::SSN, start, last + letters, Evidence::Named));
    }
}
