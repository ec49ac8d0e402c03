//! Finds the initials that sign a text: `QV/mj` and `QV:mj` at its foot, `(QVK/ps)`, `S.A-D.` in quotes.
//!
//! Two groups of letters with a stroke or colon between them, alone on their line or in brackets, or after a date or the
//! words of dictation; one group after a word that names who wrote, drew or checked (`Transcribed: qv`). Units, ratios and
//! pairs of words (`he/him`, `w/o`) are none.
//!
//! Why: 45 CFR 164.514(b)(2)(i)(A): the initials of who dictated and who typed lead to both.
//!
//! Example: `QV/mj` on a line of its own is found; `mg/dl` and `PT/INR` are not.
//!
//! References: 45 CFR 164.514(b)(2)(i)(A).

use lazaret_core::Label;

use crate::lexicon::Marks;
use crate::names::clinical_form;
use crate::overlap::{Evidence, Found};
use crate::registry::{Hit, Pass, ShapeDetector, found};
use crate::value::unit_follows;
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
        &[
            (Pass::Numbers, r"/ ?[a-z]{1,4}\b|:[a-z]{2,4}\b"),
            (Pass::Signs, r"(?:-|–|—) ?[a-z]{2,12}\b"),
            (Pass::Cues, SOLE),
        ]
    }

    fn judge(&self, hit: Hit, note: &Note<'_>, out: &mut Vec<Found>) {
        if hit.shape == 1 {
            signed_off(hit, note, out);
            return;
        }
        if hit.shape == 2 {
            sole(hit, note, out);
            return;
        }
        if let Some((start, end)) = typist(note, hit) {
            out.push(found(Label::PROVIDER, start, end, Evidence::Shape));
            return;
        }
        let index = note.token_at(hit.start + 1);
        let (Some(second), Some(first)) =
            (note.tokens().get(index), index.checked_sub(1).and_then(|at| note.tokens().get(at)))
        else {
            return;
        };
        let gap = note.slice(first.end, second.start);
        // A typist at the foot of a letter may have the initials of a word: `NQ/of`.
        let opens = matches!(note.byte_before(first.start), b'\n' | 0);
        let ends = matches!(note.byte(second.end), b'\n' | 0);
        // `PKD/stm  Encl.`, `[ HL/sjb ]`, `FAQ/as   cc:`: in a field of its own.
        let apart = opens
            || note.before(first.start, 2).ends_with("  ")
            || matches!(note.byte_before(first.start), b'[' | b'(')
            || note.before(first.start, 2) == "[ ";
        let field = ends
            || matches!(note.byte(second.end), b')' | b']')
            || [" ]", "  "].contains(&note.after(second.end, 2));
        let pair = matches!(gap, "/" | ":")
            && first.case == Case::Upper
            && second.case == Case::Lower
            && [first, second].iter().all(|t| t.plain && (2..=4).contains(&t.len()));
        let foot = note.cue_before(first.start, 24, "not read|dictated|reviewed|signed");
        let typist = pair && (opens && ends || apart && field && gap == "/" || foot && ends);
        if typist {
            out.push(found(Label::PROVIDER, first.start, first.end, Evidence::Checked));
            out.push(found(Label::PROVIDER, second.start, second.end, Evidence::Checked));
            return;
        }
        if !matches!(gap, "/" | " / " | ":") {
            return;
        }
        // `45 min/wk`: a rate.
        if unit_follows(note, first.start)
            && note.before(first.start, 2).trim_end().ends_with(|c: char| c.is_ascii_digit())
        {
            return;
        }
        let typist = typed(note, first, second);
        if !typist && (!initials(first) || !initials(second)) {
            return;
        }
        // Typists are written small: `QV:mj`, `qv/mj`; a colon parts keys and values else.
        // In small letters both (`qv:mj`) want no list to know them.
        let small = first.case == Case::Lower
            && note.byte_before(first.start) != b'/'
            && [first, second].iter().all(|token| token.marks == Marks::default());
        if gap == ":"
            && !((first.case == Case::Upper || small)
                && second.case == Case::Lower
                && note.byte(second.end) != b':')
        {
            return;
        }
        let before = note.before(first.start, 40);
        let trimmed = before.trim_end_matches([' ', '(', '-', ',', '.', ';', '/']);
        // `enc. / qv:mj`, `cc: file qv/mj`: what stands at the foot of a letter.
        let foot_word = ["enc", "encl", "encs", "enclosure", "enclosures", "attachment"]
            .iter()
            .any(|word| trimmed.eq_ignore_ascii_case(word));
        let opens = trimmed.trim().is_empty() || foot_word;
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
        // `qv/mj` where no list knows either; `read back qv/mj.`
        let unlisted = [first, second].iter().all(|token| token.marks == Marks::default());
        let cued = note.cue_before(
            first.start,
            12,
            "read back|rb|dict|typed|qa|w/|with|by|per|init|initials|d/w|tr",
        );
        let stops = matches!(note.byte(second.end), b'.' | b',' | b';' | b')' | b' ' | b'\n' | 0);
        // The last line of a text is signed.
        let words = Marks::FUNCTION.or(Marks::MEDICAL).or(Marks::DRUG);
        let last = opens
            && note.text().get(second.end..).is_some_and(|rest| rest.len() < 8 && rest.trim().is_empty())
            && [first, second].iter().all(|token| !token.has(words));
        let foot = opens && closes && (!lower || unlisted) || last || unlisted && cued && stops;
        if bracketed || dated || closes && dictated || foot {
            out.push(found(Label::PROVIDER, first.start, first.end, Evidence::Checked));
            out.push(found(Label::PROVIDER, second.start, second.end, Evidence::Checked));
        }
    }
}

/// `… in two weeks. -qv`, `… at 2 wk. – Ilse`: who signs at a line's end, in small letters or by a name.
fn signed_off(hit: Hit, note: &Note<'_>, out: &mut Vec<Found>) {
    let index = note.token_at(hit.start + 1);
    let Some(token) = note.tokens().get(index).filter(|t| t.end == hit.end) else { return };
    let apart = matches!(note.byte_before(hit.start), b' ' | b'\n' | b'.' | b'!' | b'?');
    let closes =
        note.after(token.end, 2).trim_matches([' ', '.']).is_empty() || note.byte(token.end) == b'\n';
    let other = Marks::FUNCTION.or(Marks::CLINICAL).or(Marks::FACILITY).or(Marks::STAFF).or(Marks::RELATION);
    let initials = token.case == Case::Lower && token.len() <= 3 && !token.has(other.or(Marks::COMMON));
    let name = token.case == Case::Capital
        && token.len() >= 3
        && !token.has(other)
        && (token.has(Marks::GIVEN_FREQUENT)
            || !token.has(Marks::COMMON) && (token.has(Marks::GIVEN) || token.marks == Marks::default()))
        && matches!(
            note.byte_before(hit.start.saturating_sub(1)),
            b'.' | b'!' | b'?' | b'\n' | b')' | b' ' | 0
        );
    if apart && closes && (initials || name) && !clinical_form(note.word(token)) {
        out.push(found(Label::PROVIDER, token.start, token.end, Evidence::Shape));
    }
}

/// `dict. 03/16  /qvm` at a line's end: who typed it.
fn typist(note: &Note<'_>, hit: Hit) -> Option<(usize, usize)> {
    let index = note.token_at(hit.start + 1);
    let token = note.tokens().get(index).filter(|t| t.end == hit.end)?;
    // At a line's beginning, after a gap, after a version or a name: `v4.0 / qvm`, `Ilse Vane / qv`.
    let before = index.checked_sub(1).and_then(|at| note.tokens().get(at));
    let named = before.is_some_and(|t| {
        note.slice(t.end, token.start) == " / "
            && (t.digits || t.case == Case::Capital && !t.has(Marks::COMMON))
    });
    let apart = note.before(hit.start, 2).ends_with("  ") && token.start == hit.start + 1
        || note.byte_before(hit.start) == b'\n'
        || named;
    let ends = matches!(note.byte(hit.end), 0 | b'\n');
    (note.byte(hit.start) == b'/'
        && apart
        && ends
        && token.case == Case::Lower
        && (2..=3).contains(&token.len())
        && !token.has(Marks::FUNCTION))
    .then_some((token.start, hit.end))
}

/// Whether two pairs of small letters end a line where who dictated and who typed are named: after the date of typing, or
/// after what is enclosed. There they are initials whatever else they mean.
fn typed(note: &Note<'_>, first: &Token, second: &Token) -> bool {
    let small = [first, second]
        .iter()
        .all(|t| t.plain && (2..=4).contains(&t.len()) && t.case == Case::Lower && !t.has(Marks::FUNCTION));
    if !small || !note.after(second.end, 3).trim().is_empty() {
        return false;
    }
    let before = note.before(first.start, 40);
    let trimmed = before.trim_end_matches([' ', ';', ',', '/', '.', '-']);
    let typed = note.cue_before(first.start, 40, "typed|dictated|transcribed|dict|tr|t|not read");
    let enclosed = ["enc", "encl", "encs", "enclosure"].iter().any(|word| trimmed.eq_ignore_ascii_case(word));
    enclosed || typed && (trimmed.ends_with(|c: char| c.is_ascii_digit()) || trimmed.ends_with("read"))
}

/// What stands before the initials of one person.
const SOLE: &str = r"\b(?:transcribed|transcriptionist|typed|typist|dict(?:ated)?|initials?|init|qa(?:'d)?|signing off,?|sgd|edited|minutes|scribed?|entered|keyed|verified|cosigned?|witness(?:ed)?|wit|rcvd|rec'?d|coll(?:ected)?|drawn|checked|2nd check|second check|double[ -]check(?:ed)?|grossed|scored|spi|cc/|dda?|rda|rdh|da|cna|tech|rn|lpn|ma)(?: by)?[: ] ?";

/// `Transcribed: qv`, `initials q.v.`, `QA qvm`: two or three letters that no list knows, or with points.
fn sole(hit: Hit, note: &Note<'_>, out: &mut Vec<Found>) {
    let index = note.token_at(hit.end);
    let tokens = note.tokens();
    let Some(token) = tokens.get(index).filter(|token| token.start == hit.end) else { return };
    if token.case == Case::Initial || token.len() == 1 && token.plain {
        // Points after each letter: `q.v.`
        let mut end = token.start;
        let mut count = 0;
        for next in tokens.iter().skip(index).take(4) {
            if next.start != end || next.len() != 1 || !next.plain || note.byte(next.end) != b'.' {
                break;
            }
            end = next.end + 1;
            count += 1;
        }
        if count >= 2 && !note.byte(end).is_ascii_alphanumeric() {
            out.push(found(Label::PROVIDER, token.start, end, Evidence::Named));
        }
        return;
    }
    // After a role letters without points are its initials only where a colon stands between: `RN: qv`, not `RN qv`.
    let cue = note.slice(hit.start, hit.end).to_ascii_lowercase();
    let role = !cue.contains(':')
        && ["da", "rn", "ma", "lpn", "rda", "rdh", "dda", "dd", "cna", "tech"].contains(&cue.trim_end());
    let closes = matches!(note.byte(token.end), b'\n' | 0 | b'.' | b',' | b';' | b')' | b']' | b'|')
        || note.byte(token.end) == b' '
            && (note.byte(token.end + 1).is_ascii_digit()
                || matches!(note.byte(token.end + 1), b']' | b'|' | b')' | b'('));
    let plain =
        token.plain && (2..=3).contains(&token.len()) && matches!(token.case, Case::Lower | Case::Upper);
    if plain && closes && !role && token.marks == Marks::default() {
        out.push(found(Label::PROVIDER, token.start, token.end, Evidence::Named));
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
