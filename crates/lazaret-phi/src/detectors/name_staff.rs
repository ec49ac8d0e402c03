//! Finds names of staff after a word for a profession (`midwife Blythe`, `Sonographer: Blythe Q`) or after words of an
//! act (`seen by`, `paged`, `d/w`, `per`).
//!
//! What follows must be capitalised and no common or clinical word; in capitals throughout, a list must know it.
//!
//! Why: 45 CFR 164.514(b)(2)(i)(A) with guidance: staff names point at place and time of care.
//!
//! Example: `paged Tobias` gives the name; `by mouth`, `nurse aware` give nothing.
//!
//! References: 45 CFR 164.514(b)(2)(i)(A).

use lazaret_core::Label;

use crate::lexicon::Marks;
use crate::names::{Reading, name_at, report, sole_name};
use crate::overlap::{Evidence, Found};
use crate::registry::{Hit, Pass, ShapeDetector};
use crate::view::{Case, Note};

/// See the page above.
pub(crate) struct NameStaff;

impl ShapeDetector for NameStaff {
    fn id(&self) -> &'static str {
        "phi.name.staff"
    }

    fn source(&self) -> &'static str {
        include_str!("name_staff.rs")
    }

    fn examples(&self) -> (&'static str, &'static str) {
        ("Paged Tobias at noon.", "Seen by mouth, nurse aware, per Protocol.")
    }

    fn shapes(&self) -> &'static [(Pass, &'static str)] {
        &[(
            Pass::Cues,
            r"(?:\b(?:seen|signed|dictated|reviewed|read|performed|ordered|called|written|scribed|transcribed|implanted|requested|referred|excised|accessed|drawn|phoned|faxed|witnessed|interpreted|supervised|approved|verified|labs|given|sent|stopped|taken|done|note|report|wrote|interviewed|booked)(?: [a-z]{1,12})? (?:by|from)|\b(?:s/w|d/w|spoke (?:with|to|w/)|discussed with|paged|notified|attn|per|cc|c\.c\.|dear|hi|hello|sincerely,|regards,|report to|report given to|informed|contact|wrote|pp|i\. ?a\.|dictating physician|met with|this is|named|my name is|name is)\b)[ :.,]*(?:\n{1,2})?",
        )]
    }

    fn judge(&self, hit: Hit, note: &Note<'_>, out: &mut Vec<Found>) {
        let first = note.token_at(hit.end);
        let Some(token) = note.tokens().get(first).filter(|t| t.start <= hit.end + 1) else { return };
        let cue = note.slice(hit.start, hit.end).to_ascii_lowercase();
        let naming = cue.contains("name");
        let lower = token.case == Case::Lower;
        if lower
            && !(naming
                || (token.has(Marks::PERSON)
                    && !token.has(Marks::COMMON.or(Marks::CLINICAL))
                    && (cue.starts_with("d/w")
                        || cue.starts_with("s/w")
                        || cue.starts_with("spoke")
                        || cue.contains(" by"))))
        {
            return;
        }
        let listed = token.has(Marks::PERSON)
            || !token
                .has(Marks::COMMON.or(Marks::FUNCTION).or(Marks::COUNTRY).or(Marks::STATE).or(Marks::CITY));
        if !lower && (!sole_name(note, first) || !listed || token.has(Marks::PAYER.or(Marks::FACILITY_HEAD)))
        {
            return;
        }
        // In capitals throughout, a word is a name only if a list says so.
        if token.case == Case::Upper && !token.has(Marks::PERSON) {
            return;
        }
        if let Some(words) = name_at(note, first, Reading::After) {
            let label = if naming { Label::PATIENT } else { Label::PROVIDER };
            report(note, words, label, if naming { Evidence::Named } else { Evidence::Checked }, out);
        }
    }

    fn read(&self, note: &Note<'_>, out: &mut Vec<Found>) {
        for (index, token) in note.tokens().iter().enumerate() {
            if token.has(Marks::STAFF)
                || (token.has(Marks::CREDENTIAL)
                    && token.case != Case::Lower
                    && token.len() <= 5
                    && token.len() > 1)
            {
                after_profession(note, index, out);
            }
        }
    }
}

fn after_profession(note: &Note<'_>, index: usize, out: &mut Vec<Found>) {
    let (Some(token), Some(next)) = (note.tokens().get(index), note.tokens().get(index + 1)) else { return };
    let gap = note.slice(token.end, next.start);
    let key = gap.starts_with(':');
    if !(matches!(gap, " " | ": " | ":  " | " (" | ", ")
        || key && gap.trim_start_matches([':', ' ']).is_empty())
        || gap.contains('\n')
    {
        return;
    }
    let other = Marks::FUNCTION
        .or(Marks::STAFF)
        .or(Marks::MEDICAL)
        .or(Marks::FACILITY)
        .or(Marks::CREDENTIAL)
        .or(Marks::CLINICAL)
        .or(Marks::TITLE)
        .or(Marks::COUNTRY);
    let common = next.has(Marks::COMMON) && !next.has(Marks::GIVEN_FREQUENT);
    let capital = next.case == Case::Capital
        && !common
        && (!next.has(other) || (next.has(Marks::GIVEN_FREQUENT) && key));
    let upper = next.case == Case::Upper
        && next.has(Marks::PERSON)
        && !next.has(other)
        && !next.has(Marks::COMMON)
        && token.has(Marks::STAFF);
    let comma = gap != ", " || next.has(Marks::GIVEN);
    if comma
        && (capital || upper)
        && sole_name(note, index + 1)
        && let Some(words) = name_at(note, index + 1, if key { Reading::Field } else { Reading::After })
    {
        report(note, words, Label::PROVIDER, Evidence::Checked, out);
    }
}
