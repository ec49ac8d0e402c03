//! Finds French social security numbers, and numbers of hospitals and physicians.
//!
//! The NIR (thirteen signs: sex, year, month, department, town, serial) with its two-digit key, modulo 97, by form and key or
//! after a cue; RPPS, ADELI and FINESS numbers, and the patient's number in a hospital (IPP, NIP), after their names.
//!
//! Why: 45 CFR 164.514(b)(2)(i)(G), (H) and (K).
//!
//! Example: `NIR 1 85 05 78 006 084 91` gives the number; `2 47 03 en tout` gives nothing.
//!
//! References: INSEE, numéro d'inscription au répertoire (key: 97 less the number modulo 97; 2A is 19, 2B is 18); ANS, RPPS; DREES, FINESS.

use lazaret_core::Label;

use crate::checks::{grouped, number};
use crate::overlap::{Evidence, Found};
use crate::registry::{Hit, Pass, ShapeDetector, found};
use crate::value::{begin, named};
use crate::view::Note;

/// See the page above.
pub(crate) struct NumbersFrench;

impl ShapeDetector for NumbersFrench {
    fn id(&self) -> &'static str {
        "phi.ssn.fr"
    }

    fn source(&self) -> &'static str {
        include_str!("numbers_fr.rs")
    }

    fn examples(&self) -> (&'static str, &'static str) {
        (
            "Dossier : 1 85 05 78 006 084 91, IPP 8004417.",
            "Ancien 1 85 05 78 006 084 92 points, code 2 47 03.",
        )
    }

    fn shapes(&self) -> &'static [(Pass, &'static str)] {
        &[
            (
                Pass::Cues,
                "\\b(?:nir|insee|matricule ins|n[o.] de s[^ ]{1,2}curit[^ ]{1,2} sociale|num[^ ]{1,2}ro de s[^ ]{1,2}curit[^ ]{1,2} sociale|s[^ ]{1,2}curit[^ ]{1,2} sociale|n[o.] ss|num[^ ]{1,2}ro ss)\\b",
            ),
            (Pass::Cues, r"\b(?:rpps|adeli|finess|am ?: n[o.])\b"),
            (
                Pass::Cues,
                r"\b(?:ipp|nip|n[o.] (?:de )?dossier|num[^ ]{1,2}ro de dossier|nda|n[o.] d'hospitalisation)\b",
            ),
            (Pass::Numbers, r"\b[12][ .]?\d\d[ .]?\d\d[ .]?(?:\d\d|2[AB])[ .]?\d{3}[ .]?\d{3}[ ./]?\d\d\b"),
        ]
    }

    fn judge(&self, hit: Hit, note: &Note<'_>, out: &mut Vec<Found>) {
        match hit.shape {
            0 => {
                let start = begin(note, hit.end);
                if let Some(end) = grouped(note, start, 15).or_else(|| grouped(note, start, 13)) {
                    out.push(found(Label::SSN, start, end, Evidence::Named));
                }
            }
            1 => {
                named(note, hit, 8, Label::LICENSE, out);
            }
            2 => {
                named(note, hit, 5, Label::MRN, out);
            }
            _ if key_holds(note.slice(hit.start, hit.end)) => {
                out.push(found(Label::SSN, hit.start, hit.end, Evidence::Checked));
            }
            _ => {}
        }
    }
}

/// The last two digits are 97 less the first thirteen, modulo 97.
fn key_holds(text: &str) -> bool {
    let plain = text.to_ascii_uppercase().replace("2A", "19").replace("2B", "18");
    number(&plain).is_some_and(|all| 97 - all / 100 % 97 == all % 100)
}
