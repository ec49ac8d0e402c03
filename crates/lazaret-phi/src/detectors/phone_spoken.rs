//! Finds telephone numbers said in words: `six one four five five five oh one three seven`.
//!
//! Seven words for digits or more in a row, with `double`, `triple` and commas among them. With a cue a shorter run is the
//! number that the cue names.
//!
//! Why: 45 CFR 164.514(b)(2)(i)(D): a dictated number is a number.
//!
//! Example: `six one four five five five oh one three seven` is found; `one two three` is not.
//!
//! References: ITU-T E.164.

use lazaret_core::Label;

use crate::overlap::{Evidence, Found};
use crate::registry::{Hit, Pass, ShapeDetector, found};
use crate::view::Note;

/// See the page above.
pub(crate) struct PhoneSpoken;

impl ShapeDetector for PhoneSpoken {
    fn id(&self) -> &'static str {
        "phi.phone.spoken"
    }

    fn source(&self) -> &'static str {
        include_str!("phone_spoken.rs")
    }

    fn examples(&self) -> (&'static str, &'static str) {
        ("his number is six one four five five five oh one three seven", "count one two three four and rest")
    }

    fn shapes(&self) -> &'static [(Pass, &'static str)] {
        &[(
            Pass::Numbers,
            r"\b(?:zero|oh|one|two|three|four|five|six|seven|eight|nine|double|triple)(?:,? (?:zero|oh|o|one|two|three|four|five|six|seven|eight|nine|double|triple|hundred)){6,}\b",
        )]
    }

    fn judge(&self, hit: Hit, _note: &Note<'_>, out: &mut Vec<Found>) {
        out.push(found(Label::PHONE, hit.start, hit.end, Evidence::Shape));
    }
}
