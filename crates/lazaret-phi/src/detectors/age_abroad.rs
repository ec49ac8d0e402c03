//! Finds ages over 89 in German, French and Spanish: `91-jährige`, `97 ans`, `103 años`.
//!
//! Why: 45 CFR 164.514(b)(2)(i)(C): ages over 89 are one group.
//!
//! Example: `die 94-jährige Patientin` gives `94-jährige`; `depuis 95 jours` gives nothing.
//!
//! References: 45 CFR 164.514(b)(2)(i)(C).

use lazaret_core::{Label, Language};

use crate::abroad::AbroadDetector;
use crate::overlap::{Evidence, Found};
use crate::registry::{Hit, found};
use crate::view::Note;

/// See the page above.
pub(crate) struct AgeAbroad;

impl AbroadDetector for AgeAbroad {
    fn id(&self) -> &'static str {
        "phi.age.abroad"
    }

    fn source(&self) -> &'static str {
        include_str!("age_abroad.rs")
    }

    fn examples(&self) -> (&'static str, &'static str) {
        (
            "Die 94-jährige Patientin wurde mit Fieber aufgenommen und ist stabil.",
            "Die 48-jährige Patientin wurde mit Fieber aufgenommen, Puls 95 pro Minute.",
        )
    }

    fn shapes(&self) -> &'static [&'static str] {
        &[
            "\\b(?:9\\d|1[0-2]\\d)(?:[ -]?jährige?[nmrs]?|[ -]?jaehrige?[nmrs]?| ?jahre alt| ?ans| ?años| ?anos)\\b",
        ]
    }

    fn judge(&self, hit: Hit, _: Language, _: &Note<'_>, out: &mut Vec<Found>) {
        out.push(found(Label::AGE, hit.start, hit.end, Evidence::Checked));
    }
}
