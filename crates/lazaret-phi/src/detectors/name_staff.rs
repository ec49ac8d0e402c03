//! Finds names of staff: before a credential (`T. Vandersloot RN`, `Philippa Greaves-Holt, DO`), after a word for
//! a profession (`CNM Hollis`, `Sonographer: Blythe K`) or after words of an act (`seen by`, `paged`, `d/w`, `per`).
//!
//! A credential in capitals after capitalised words names them; in lower case (`mcallister rn`) only the words next
//! to it that are no others.
//!
//! Why: 45 CFR 164.514(b)(2)(i)(A) with guidance: staff names point at place and time of care.
//!
//! Example: `report given to T. Vandersloot RN` gives the name; `PA pressure`, `RN aware` give nothing.
//!
//! References: 45 CFR 164.514(b)(2)(i)(A).

use lazaret_core::Label;

use crate::lexicon::Marks;
use crate::names::{Reading, clinical_form, name_at, report, sole_name};
use crate::overlap::{Evidence, Found};
use crate::registry::{Hit, Pass, ShapeDetector};
use crate::view::{Case, Note, Token};

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
        ("Report given to T. Vandersloot RN.", "PA pressure 34, RN aware, MS none, by mouth.")
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
            if token.has(Marks::CREDENTIAL) {
                before_credential(note, index, out);
            }
            if token.has(Marks::STAFF)
                || (token.has(Marks::CREDENTIAL) && token.case == Case::Upper && token.len() <= 4)
            {
                after_profession(note, index, out);
            }
        }
    }
}

/// Credentials that are seldom anything else, also in lower case.
const SURE: [&str; 6] = ["rn", "md", "np", "lpn", "crna", "lcsw"];

fn before_credential(note: &Note<'_>, index: usize, out: &mut Vec<Found>) {
    let tokens = note.tokens();
    let Some(token) = tokens.get(index) else { return };
    let word = note.word(token).to_lowercase();
    let lower = token.case == Case::Lower;
    let dotted = token.len() == 1 && note.byte(token.end) == b'.';
    if lower && !SURE.contains(&word.as_str()) || dotted {
        return;
    }
    let mut first = index;
    let mut listed = false;
    while index - first < 5 {
        let (Some(name), Some(this)) =
            (first.checked_sub(1).and_then(|at| tokens.get(at)), tokens.get(first))
        else {
            break;
        };
        let gap = note.slice(name.end, this.start);
        let joined = if first == index {
            matches!(gap, " " | ", " | "," | ", (" | " (" | ".,  ")
                || gap == ". " && name.case == Case::Initial
                || gap == "., "
        } else {
            matches!(gap, " " | "-" | "'" | ". " | ".") && (!gap.starts_with('.') || name.len() <= 2)
                || (gap == ", "
                    && name.case == Case::Upper
                    && this.case == Case::Upper
                    && this.has(Marks::PERSON))
        };
        if !joined || !staff_word(note, name, lower) {
            break;
        }
        listed |= name.has(Marks::PERSON) || !name.has(Marks::COMMON);
        first -= 1;
    }
    while first < index
        && tokens.get(first).is_some_and(|t| t.case == Case::Lower && !lower && !t.has(Marks::PARTICLE))
    {
        first += 1;
    }
    let comma = index
        .checked_sub(1)
        .and_then(|at| tokens.get(at))
        .is_some_and(|t| note.slice(t.end, token.start).starts_with([',', '.']));
    let vague = matches!(
        word.as_str(),
        "pa" | "ms" | "pt" | "do" | "ma" | "ot" | "mb" | "ba" | "dc" | "od" | "rd" | "jd" | "ed" | "rt"
    );
    // `from Erie, PA`: a town and its state.
    let place = token.has(Marks::STATE)
        && index - first <= 2
        && tokens.get(first).is_some_and(|t| {
            t.has(Marks::CITY)
                || ["in ", "from ", "to "].iter().any(|cue| note.before(t.start, 6).ends_with(cue))
        });
    if place && comma {
        return;
    }
    let words = index - first;
    if words >= 1 && listed && (comma || !vague || words >= 2) {
        report(note, (first, index - 1), Label::PROVIDER, Evidence::Named, out);
    }
}

fn staff_word(note: &Note<'_>, token: &Token, lower: bool) -> bool {
    let other = token
        .has(Marks::FUNCTION.or(Marks::TITLE).or(Marks::CREDENTIAL).or(Marks::STAFF).or(Marks::CALENDAR))
        && !token.has(Marks::GIVEN_FREQUENT)
        || token.has(Marks::MEDICAL) && !token.has(Marks::PERSON);
    match token.case {
        Case::Lower if lower => {
            !other && !token.has(Marks::COMMON) && token.len() > 2 && !clinical_form(note.word(token))
        }
        Case::Lower => token.has(Marks::PARTICLE),
        Case::Upper => !other && (!token.has(Marks::COMMON) || token.has(Marks::PERSON)),
        Case::Capital | Case::Initial => !other,
        Case::Mixed | Case::Number => false,
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
