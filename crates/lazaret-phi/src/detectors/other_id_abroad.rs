//! Finds numbers of rooms, wards and cases in German, French and Spanish notes.
//!
//! After `Zimmer`, `Station`, `chambre`, `lit`, `habitación`, `cama`; `Fallnummer`, `Aktenzeichen`, `n° de séjour`, `episodio`.
//!
//! Why: 45 CFR 164.514(b)(2)(i)(R).
//!
//! Example: `Zimmer 214` gives the number; `das Zimmer ist frei` gives nothing.
//!
//! References: 45 CFR 164.514(b)(2)(i)(R).

use lazaret_core::{Label, Language};

use crate::abroad::AbroadDetector;
use crate::overlap::{Evidence, Found};
use crate::registry::{Hit, found};
use crate::value::{begin, id_at, unit_follows};
use crate::view::Note;

/// See the page above.
pub(crate) struct OtherIdAbroad;

impl AbroadDetector for OtherIdAbroad {
    fn id(&self) -> &'static str {
        "phi.other-id.abroad"
    }

    fn source(&self) -> &'static str {
        include_str!("other_id_abroad.rs")
    }

    fn examples(&self) -> (&'static str, &'static str) {
        (
            "Die Patientin liegt in Zimmer 214 und wird von der Tochter besucht.",
            "Die Patientin ist mit dem Zimmer und der Pflege zufrieden.",
        )
    }

    fn shapes(&self) -> &'static [&'static str] {
        &[
            r"\b(?:zimmer|station|bett|chambre|lit|cama|sala|hab\.)\b\.?(?: (?:nr\.?|n[o.]))?",
            "\\bhabitación\\b",
            r"\b(?:fallnummer|fall-nr|fallnr|aktenzeichen|aufnahmenummer|fall-id|auftragsnummer|episodio|n[o.]{1,2} (?:de )?episodio|expediente|journal-nr|befundnummer|eingangsnummer|labornummer)\b\.?",
            "\\b(?:n[o.] de séjour|n[o.] d'examen|numéro de séjour)\\b",
            r"\b(?:patienten-?(?:nummer|id)|pat-?nr|patnr)\b\.?",
        ]
    }

    fn judge(&self, hit: Hit, _: Language, note: &Note<'_>, out: &mut Vec<Found>) {
        let start = begin(note, hit.end);
        match hit.shape {
            0 | 1 => {
                let end = start
                    + note
                        .after(start, 8)
                        .bytes()
                        .take_while(|b| b.is_ascii_alphanumeric() || *b == b'-')
                        .count();
                let text = note.slice(start, end);
                let room =
                    text.len() <= 6 && text.bytes().any(|b| b.is_ascii_digit()) && start - hit.end <= 3;
                if room && !unit_follows(note, end) {
                    out.push(found(Label::OTHER_ID.sub("room"), start, end, Evidence::Named));
                }
            }
            2 | 3 => {
                if let Some((start, end)) = id_at(note, start, 4) {
                    out.push(found(Label::OTHER_ID, start, end, Evidence::Named));
                }
            }
            _ => {
                if let Some((start, end)) = id_at(note, start, 4) {
                    out.push(found(Label::MRN, start, end, Evidence::Named));
                }
            }
        }
    }
}
