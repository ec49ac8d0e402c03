//! Finds postal codes.
//!
//! US ZIP codes after a state, a town or a cue, and ZIP+4 by its form; UK and Canadian postcodes by theirs. A
//! five-digit number alone is nothing.
//!
//! Why: 45 CFR 164.514(b)(2)(i)(B): three digits may stay, and not even these where few people live.
//!
//! Example: `OH 44917` and `ZE8 8ZZ` are found; `CPT 99213` is not.
//!
//! References: USPS Publication 28; BS 7666.

use lazaret_core::Label;

use crate::lexicon::Marks;
use crate::overlap::{Evidence, Found};
use crate::registry::{Hit, Pass, ShapeDetector, found};
use crate::view::Note;

/// See the page above.
pub(crate) struct Zip;

impl ShapeDetector for Zip {
    fn id(&self) -> &'static str {
        "phi.location.zip"
    }

    fn source(&self) -> &'static str {
        include_str!("zip.rs")
    }

    fn examples(&self) -> (&'static str, &'static str) {
        ("Lives in Fernmere, OH 44917.", "CPT 99213, platelets 15000, LOINC 20449-7.")
    }

    fn shapes(&self) -> &'static [(Pass, &'static str)] {
        &[
            (Pass::Numbers, r"\b\d{5}-\d{4}\b"),
            (Pass::Numbers, r"\b\d{5}\b"),
            (Pass::Numbers, r"\b[A-Z]{1,2}\d[A-Z\d]? \d[A-Z]{2}\b"),
            (Pass::Numbers, r"\b[A-CEGHJ-NPR-TVXY]\d[A-Z][ -]?\d[A-Z]\d\b"),
            (Pass::Cues, r"\b(?:zip(?: ?code)?|post ?code|eircode|postal ?code)\b\x22?(?: is)?[:=]? ?\x22?"),
            (Pass::Numbers, r"\b\d{4}\b"),
            // A state and its code run together.
            (Pass::Numbers, r"\b[A-Z]{2}\d{5}\b"),
            // Eircode: routing key, unique identifier.
            (Pass::Numbers, r"\b(?:[AC-FHKNPRTV-Y]\d{2}|D6W) [AC-FHKNPRTV-Y0-9]{4}\b"),
        ]
    }

    fn judge(&self, hit: Hit, note: &Note<'_>, out: &mut Vec<Found>) {
        let (mut start, mut end) = (hit.start, hit.end);
        let evidence = match hit.shape {
            0 if note.byte_before(hit.start) == b'-' || note.byte(hit.end) == b'-' => return,
            0 => Evidence::Shape,
            1 if after_place(hit, note) => Evidence::Checked,
            3 if !note.slice(start, end).contains(' ')
                && !note.cue_before(hit.start, 40, "on|qc|bc|ab|mb|sk|ns|nb|ontario|canada|postal|code") =>
            {
                return;
            }
            2 | 3 if !note.slice(start, end).bytes().any(|b| b.is_ascii_lowercase()) => Evidence::Checked,
            4 => {
                start = hit.end;
                end = start;
                while end - start < 10
                    && (note.byte(end).is_ascii_alphanumeric() || matches!(note.byte(end), b'-'))
                {
                    end += 1;
                }
                // `7412 SL`: the second group of a foreign code.
                let group = note.after(end + 1, 5);
                let count =
                    group.bytes().take_while(|b| b.is_ascii_uppercase() || b.is_ascii_digit()).count();
                let mixed =
                    group.get(..count).is_some_and(|group| group.bytes().any(|b| b.is_ascii_uppercase()));
                if note.byte(end) == b' ' && (2..=4).contains(&count) && (mixed || count <= 3) {
                    end += 1 + count;
                }
                if !note.slice(start, end).bytes().any(|b| b.is_ascii_digit()) {
                    return;
                }
                Evidence::Named
            }
            6 if crate::lexicon::Lexicon::get().marks(note.slice(start, start + 2)).has(Marks::STATE)
                && note.slice(start, start + 2).bytes().all(|b| b.is_ascii_uppercase())
                && matches!(note.byte_before(start), b' ' | b',') =>
            {
                start += 2;
                Evidence::Shape
            }
            7 if note.slice(start, end).bytes().all(|b| !b.is_ascii_lowercase())
                && crate::value::digits(note.slice(start, end)) >= 3
                && note.slice(start + 4, end).bytes().any(|b| b.is_ascii_uppercase()) =>
            {
                Evidence::Checked
            }
            5 if australian(hit, note) => Evidence::Checked,
            _ => return,
        };
        out.push(found(Label::ZIP, start, end, evidence));
    }
}

/// After a state, a town, or `in`, `PO` where the code ends a phrase; before a town with `D-`.
fn after_place(hit: Hit, note: &Note<'_>) -> bool {
    let index = note.token_at(hit.start);
    let Some(last) = index.checked_sub(1).and_then(|at| note.tokens().get(at)) else { return false };
    let gap = note.slice(last.end, hit.start);
    let near =
        gap.len() <= 4 && gap.bytes().all(|b| matches!(b, b' ' | b',' | b'.' | b'*' | b'-' | b'^' | b'\t'));
    let word = note.word(last);
    let state = last.has(Marks::STATE) && (word.len() > 2 || !word.bytes().any(|b| b.is_ascii_lowercase()));
    let town = last.has(Marks::CITY) && last.capitalised() && !last.has(Marks::CLINICAL.or(Marks::COMMON));
    let says = ["in", "PO", "po"].contains(&word)
        || (note.cue_before(hit.start, 16, "brother|sister|cousin|aunt|uncle|lives|moved")
            && matches!(note.byte(hit.end), b'.' | b',' | b';'));
    let german = word == "D" && gap == "-";
    let before_town = note.tokens().get(index + 1).is_some_and(|next| {
        next.capitalised()
            && note.slice(hit.end, next.start) == " "
            && note.cue_before(hit.start, 40, "wohnhaft")
    });
    (near && (state || town || says)) || german || before_town
}

/// Four digits after the short name of an Australian state.
fn australian(hit: Hit, note: &Note<'_>) -> bool {
    let before = note.before(hit.start, 4).trim();
    ["NSW", "VIC", "QLD", "TAS"].contains(&before)
}
