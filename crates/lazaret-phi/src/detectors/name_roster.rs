//! Finds who a line of a list is about: `QUILLMOOR, Ilse / 00417733 / 71F / 4.3.53`.
//!
//! Lists of patients (tumour boards, handovers, rounds) have a line each, with the age and sex as a field of its own
//! between strokes or bars. The first field of such a line is the name; a number of six to ten digits that is a field by
//! itself is the record's.
//!
//! Why: 45 CFR 164.514(b)(2)(i)(A) and (H).
//!
//! Example: `QUILLMOOR, Ilse / 00417733 / 71F` gives the name and the number; `Na 140 / K 4 / 71F` gives neither.
//!
//! References: 45 CFR 164.514(b)(2)(i).

use lazaret_core::Label;

use crate::detectors::name_column::line_at;
use crate::lexicon::Marks;
use crate::overlap::{Evidence, Found};
use crate::registry::{Hit, Pass, ShapeDetector, found};
use crate::view::{Case, Note};

/// Most bytes of a line before the age, and from its start on.
const BEFORE: usize = 96;
const LINE: usize = 240;

/// See the page above.
pub(crate) struct NameRoster;

impl ShapeDetector for NameRoster {
    fn id(&self) -> &'static str {
        "phi.name.roster"
    }

    fn source(&self) -> &'static str {
        include_str!("name_roster.rs")
    }

    fn examples(&self) -> (&'static str, &'static str) {
        ("QUILLMOOR, Ilse / 00417733 / 71F / stable", "Na 140 / K 4.1 / 71F / stable")
    }

    fn shapes(&self) -> &'static [(Pass, &'static str)] {
        &[(Pass::Signs, r"[/|] ?\d{1,3} ?(?:[MF]|y/?o [MF]|yo)\b(?: |/|\||\n)")]
    }

    fn judge(&self, hit: Hit, note: &Note<'_>, out: &mut Vec<Found>) {
        let mark = char::from(note.byte(hit.start));
        let lead = note.before(hit.start, BEFORE);
        let start = hit.start - lead.len();
        if !matches!(note.byte_before(start), b'\n' | 0) {
            return;
        }
        let line = line_at(note, start, LINE);
        let mut at = start;
        for (number, field) in line.split(mark).enumerate() {
            let value = field.trim();
            let from = at + (field.len() - field.trim_start().len());
            at += field.len() + 1;
            if number == 0 {
                name(note, from, value, out);
            } else if (6..=10).contains(&value.len()) && value.bytes().all(|b| b.is_ascii_digit()) {
                out.push(found(Label::MRN, from, from + value.len(), Evidence::Shape));
            }
        }
    }
}

/// Two to five words, capitalised but for particles, with a comma or all known to no list of other words.
fn name(note: &Note<'_>, start: usize, value: &str, out: &mut Vec<Found>) {
    let first = note.token_at(start);
    let words = || note.tokens().iter().skip(first).take_while(|token| token.start < start + value.len());
    let named = words().all(|token| {
        matches!(token.case, Case::Capital | Case::Upper | Case::Initial) || token.has(Marks::PARTICLE)
    });
    let things = words().filter(|token| {
        token.has(Marks::MEDICAL.or(Marks::FACILITY).or(Marks::STAFF).or(Marks::DRUG))
            && !token.has(Marks::GIVEN_FREQUENT.or(Marks::SURNAME_FREQUENT))
    });
    let whole =
        value.contains(',') || words().any(|token| token.has(Marks::PERSON) && !token.has(Marks::COMMON));
    if (2..=6).contains(&words().count()) && named && whole && things.count() == 0 {
        out.push(found(Label::PATIENT, start, start + value.trim_end_matches(',').len(), Evidence::Named));
    }
}
