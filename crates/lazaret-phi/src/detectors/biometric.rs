//! Finds numbers of finger prints, voice prints, retina and face scans.
//!
//! A number that a cue such as `fingerprint card`, `AFIS`, `voice print` or `face match` names.
//!
//! Why: 45 CFR 164.514(b)(2)(i)(P).
//!
//! Example: `fingerprint card FP-0094482` gives `FP-0094482`; `fingerprints taken` gives nothing.
//!
//! References: 45 CFR 164.514(b)(2)(i)(P).

use lazaret_core::Label;

use crate::overlap::Found;
use crate::registry::{Hit, Pass, ShapeDetector};
use crate::value::named;
use crate::view::Note;

/// See the page above.
pub(crate) struct Biometric;

impl ShapeDetector for Biometric {
    fn id(&self) -> &'static str {
        "phi.biometric"
    }

    fn source(&self) -> &'static str {
        include_str!("biometric.rs")
    }

    fn examples(&self) -> (&'static str, &'static str) {
        ("Fingerprint card FP-0094482 on file.", "Fingerprints taken at the police station.")
    }

    fn shapes(&self) -> &'static [(Pass, &'static str)] {
        &[(Pass::Cues, CUES)]
    }

    fn judge(&self, hit: Hit, note: &Note<'_>, out: &mut Vec<Found>) {
        named(note, hit, 4, Label::BIOMETRIC, out);
    }
}

const CUES: &str = r"\b(?:finger ?prints?|finger scan|thumb ?prints?|palm ?print|afis|retina(?:l)? scan|iris scan|voice ?print|face (?:match|scan|print|id)|facial recognition|biometric)(?: (?:card|template|reader|key|record|file|scan|used))*(?:[a-z ]{0,30}: ?template|[a-z ]{0,24}, id)?";
