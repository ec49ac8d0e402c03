//! Finds the initials that sign a text: `QV/mj` and `QV:mj` at its foot, `(QVK/ps)`, `S.A-D.` in quotes.
//!
//! Two groups of letters with a stroke or colon between them, alone on their line or in brackets, or after a date or the
//! words of dictation. Units, ratios and pairs of words (`he/him`, `w/o`) are none.
//!
//! Why: 45 CFR 164.514(b)(2)(i)(A): the initials of who dictated and who typed lead to both.
//!
//! Example: `QV/mj` on a line of its own is found; `mg/dl` and `PT/INR` are not.
//!
//! References: 45 CFR 164.514(b)(2)(i)(A).

use lazaret_core::Label;

use crate::lexicon::Marks;
use crate::overlap::{Evidence, Found};
use crate::registry::{Hit, Pass, ShapeDetector, found};
use crate::view::{Case, Note, Token};

/// See the page above.
pub(crate) struct NameInitials;

impl ShapeDetector for NameInitials {
    fn id(&self) -> &'static str {
        "phi.name.initials"
    }

    fn source(&self) -> &'static str {
        include_str!("name_initials.rs")
    }

    fn examples(&self) -> (&'static str, &'static str) {
        ("Yours sincerely\n\nQV/mj", "Sodium in mg/dl\nPT/INR")
    }

    fn shapes(&self) -> &'static [(Pass, &'static str)] {
        &[(Pass::Numbers, r"/ ?[a-z]{1,4}\b|:[a-z]{2,4}\b")]
    }

    fn judge(&self, hit: Hit, note: &Note<'_>, out: &mut Vec<Found>) {
        let index = note.token_at(hit.start + 1);
        let (Some(second), Some(first)) =
            (note.tokens().get(index), index.checked_sub(1).and_then(|at| note.tokens().get(at)))
        else {
            return;
        };
        let gap = note.slice(first.end, second.start);
        if !matches!(gap, "/" | " / " | ":") || !initials(first) || !initials(second) {
            return;
        }
        // Typists are written small: `QV:mj`, `qv/mj`; a colon parts keys and values else.
        if gap == ":"
            && !(first.case == Case::Upper && second.case == Case::Lower && note.byte(second.end) != b':')
        {
            return;
        }
        let before = note.before(first.start, 40);
        let trimmed = before.trim_end_matches([' ', '(', '-', ',', '.']);
        let opens = trimmed.trim().is_empty();
        let bracketed = note.byte_before(first.start) == b'(' && note.byte(second.end) == b')';
        let dictated = note.cue_before(
            first.start,
            40,
            "dictated|dictation|dict|transcribed|typed|not read|t|d|tr|read|signed",
        );
        let closes = {
            let rest = note.after(second.end, 6);
            rest.trim_start_matches([')', '.', ' ', ',']).is_empty()
                || rest.trim_start().starts_with("job")
                || rest.starts_with(" D:")
        };
        let dated = trimmed.ends_with(|c: char| c.is_ascii_digit()) && (dictated || closes);
        let lower = first.case == Case::Lower && second.case == Case::Lower;
        if bracketed || dated || closes && (dictated || opens && !lower) {
            out.push(found(Label::PROVIDER, first.start, first.end, Evidence::Checked));
            out.push(found(Label::PROVIDER, second.start, second.end, Evidence::Checked));
        }
    }
}

/// Letters alone, two to four, of no other meaning.
fn initials(token: &Token) -> bool {
    let other = Marks::MEDICAL.or(Marks::FUNCTION).or(Marks::DRUG).or(Marks::DEVICE).or(Marks::FACILITY);
    token.plain
        && (2..=4).contains(&token.len())
        && matches!(token.case, Case::Upper | Case::Lower)
        && !token.has(other)
}
