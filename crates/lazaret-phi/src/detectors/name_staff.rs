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

use crate::lexicon::{Lexicon, Marks};
use crate::names::{Reading, clinical_form, name_at, report, sole_name, unlisted_name};
use crate::overlap::{Evidence, Found};
use crate::registry::{Hit, Pass, ShapeDetector, found};
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
        ("Paged Tobias at noon.", "Seen by mouth, nurse aware, per Protocol.")
    }

    fn shapes(&self) -> &'static [(Pass, &'static str)] {
        &[(
            Pass::Cues,
            r"(?:\b(?:seen|signed|dictated|reviewed|read|performed|ordered|called|written|scribed|transcribed|implanted|requested|referred|excised|accessed|drawn|phoned|faxed|witnessed|interpreted|supervised|approved|verified|labs|given|sent|stopped|taken|done|note|report|wrote|interviewed|booked|collected|checked|printed|obtained|entered|typed|started|hung|administered|scanned|assisted|prepared|filed|labelled|opened|closed)(?: [a-z]{1,12})? (?:by|from)(?: me)?|\bby |\b(?:tr|typist|scribe|sig|initial(?:l)?ed|sign it|signed|signed off|o/c)\b|\b(?:s/w|d/w|spoke (?:with|to|w/)|discussed with|paged(?: \()?|notified(?: \()?|aware \(|updated \(|attn|per|cc|c\.c\.|dear|hi|hello|sincerely,|regards,|report to|report given to|informed|contact|wrote|pp|i\. ?a\.|dictating physician|met with|witness:?|this is|named|my name is|name is)\b)[ :.,]*(?:\n{1,2})?",
        )]
    }

    fn judge(&self, hit: Hit, note: &Note<'_>, out: &mut Vec<Found>) {
        let first = note.token_at(hit.end);
        let Some(token) = note.tokens().get(first).filter(|t| t.start <= hit.end + 1) else { return };
        let cue = note.slice(hit.start, hit.end).to_ascii_lowercase();
        let naming = cue.contains("name");
        let lower = token.case == Case::Lower;
        // `this is priya quorrell`: two words that are no others.
        if lower && cue.starts_with("this is") {
            let name = |t: &Token| {
                t.case == Case::Lower
                    && t.len() >= 3
                    && (t.marks == Marks::default()
                        || t.has(Marks::PERSON)
                            && !t.has(Marks::COMMON.or(Marks::CLINICAL).or(Marks::FUNCTION)))
            };
            if let Some(next) =
                note.tokens().get(first + 1).filter(|next| note.slice(token.end, next.start) == " ")
                && name(token)
                && name(next)
            {
                out.push(found(Label::PROVIDER, token.start, next.end, Evidence::Checked));
            }
            return;
        }
        if let Some(end) = signed(note, token, &cue) {
            out.push(found(Label::PROVIDER, token.start, end, Evidence::Checked));
            return;
        }
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
        if matches!(
            cue.trim_end(),
            "by" | "tr"
                | "typist"
                | "scribe"
                | "sig"
                | "signed"
                | "initialed"
                | "initialled"
                | "sign it"
                | "signed off"
        ) && token.case != Case::Capital
        {
            return;
        }
        // `attn Thistle, 614-555-…`: any word that a number or comma follows.
        let addressed = cue.starts_with("attn")
            && token.case == Case::Capital
            && !token.has(Marks::FUNCTION.or(Marks::CLINICAL).or(Marks::FACILITY).or(Marks::STAFF))
            && note
                .after(token.end, 6)
                .trim_start_matches([',', ' ', '(', 'x'])
                .starts_with(|c: char| c.is_ascii_digit());
        let listed = token.has(Marks::PERSON)
            || addressed
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
        for (index, token) in note.cues(Marks::STAFF.or(Marks::CREDENTIAL)) {
            if token.has(Marks::STAFF) || token.case != Case::Lower && token.len() <= 5 && token.len() > 1 {
                after_profession(note, index, out);
            }
        }
    }
}

/// Initials after a word of signing: `by qv`, `tr: mjk`, `reviewed by me: QVK`, `initialed "S.A-D."`.
fn signed(note: &Note<'_>, token: &Token, cue: &str) -> Option<usize> {
    const SIGNING: [&str; 11] =
        ["by", "signed", " by", "me", "tr", "typist", "scribe", "sig", "ed", "sign it", "signed off"];
    let cue = cue.trim_end_matches([' ', ':', '.', ',', '\n']);
    if !SIGNING.iter().any(|word| cue.ends_with(word)) {
        return None;
    }
    let other = Marks::MEDICAL
        .or(Marks::FUNCTION)
        .or(Marks::STAFF)
        .or(Marks::TITLE)
        .or(Marks::RELATION)
        .or(Marks::DRUG)
        .or(Marks::FACILITY)
        .or(Marks::CREDENTIAL);
    let sure =
        ["tr", "scribe", "typist", "me", "sign it"].iter().any(|word| cue == *word || cue.ends_with(" me"));
    // `uploaded by qvmoor01`: letters, then digits.
    let letters = note.word(token).bytes().take_while(u8::is_ascii_lowercase).count();
    let user = cue.ends_with("by")
        && token.case == Case::Mixed
        && letters >= 3
        && note.word(token).bytes().skip(letters).all(|b| b.is_ascii_digit())
        && note.word(token).get(..letters).is_some_and(|word| {
            !Lexicon::get()
                .marks(word)
                .has(Marks::COMMON.or(Marks::FUNCTION).or(Marks::CALENDAR).or(Marks::CLINICAL))
        });
    if user {
        return Some(token.end);
    }
    // `Signed qvmoor 2/1/25`
    let account = matches!(cue, "signed" | "by")
        && token.case == Case::Lower
        && token.marks == Marks::default()
        && (5..=16).contains(&token.len())
        && note.after(token.end, 3).trim_start().starts_with(|c: char| c.is_ascii_digit() || c == '(');
    if account {
        return Some(token.end);
    }
    let letters = token.plain
        && (2..=3).contains(&token.len())
        && matches!(token.case, Case::Upper | Case::Lower)
        && (!(token.has(other) || token.case == Case::Lower && token.has(Marks::COMMON))
            || sure && (!token.has(Marks::FUNCTION) || token.case == Case::Upper && cue == "sign it"));
    let rest = note.after(token.end, 12);
    let closes = rest.is_empty()
        || rest.starts_with(['.', ',', ';', ')', '/', '|', '"'])
        || rest.trim_start().starts_with(|c: char| c.is_ascii_digit())
        || rest.trim_start().is_empty()
        || rest.starts_with(" |")
        || rest.starts_with("  ")
        || rest.starts_with(" /")
        || rest.starts_with(" on ")
        || rest.starts_with(" at ")
        || rest.starts_with(" RN");
    if letters && closes {
        // `qvm/tri44`: a user name.
        let tail = rest
            .strip_prefix('/')
            .map_or(0, |tail| tail.bytes().take_while(u8::is_ascii_alphanumeric).count());
        let user = rest.get(1..tail + 1).is_some_and(|tail| tail.bytes().any(|b| b.is_ascii_digit()));
        return Some(token.end + if user { tail + 1 } else { 0 });
    }
    // `E.K.`, `S.A-D.`
    let dotted = token.len() == 1 && token.plain && matches!(note.byte(token.end), b'.');
    let text: &str = rest.split([' ', '"', ',', ';']).next().unwrap_or("");
    let initials = text.bytes().all(|b| b.is_ascii_uppercase() || matches!(b, b'.' | b'-'))
        && (2..=8).contains(&text.len())
        && text.ends_with('.')
        && text.bytes().any(|b| b.is_ascii_uppercase());
    (dotted && initials && token.case == Case::Initial).then_some(token.end + text.len())
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
    // `Attg QJK/Quorrell`
    let paired = next.case == Case::Upper
        && next.len() <= 4
        && next.marks == Marks::default()
        && note.byte(next.end) == b'/';
    if paired && token.has(Marks::STAFF) {
        out.push(found(Label::PROVIDER, next.start, next.end, Evidence::Checked));
    }
    if let Some(last) = plain_forms(note, index, gap, other) {
        let sure = if last > index + 1 { Evidence::Checked } else { Evidence::Shape };
        report(note, (index + 1, last), Label::PROVIDER, sure, out);
        return;
    }
    // `Coordinator Thistle, x44187`: any word that a telephone follows.
    let reached = gap == " "
        && note
            .after(next.end, 8)
            .trim_start_matches([',', ' ', '(', 'x', '#'])
            .starts_with(|c: char| c.is_ascii_digit())
        && note.after(next.end, 2).starts_with([',', '(']);
    // `PT Thistle Quorrell`: a family name follows that is no other word.
    let family = || {
        note.tokens().get(index + 2).is_some_and(|t| {
            t.case == Case::Capital
                && note.slice(next.end, t.start) == " "
                && !t.has(other)
                && (t.has(Marks::SURNAME) && (!t.has(Marks::COMMON) || next.has(Marks::GIVEN))
                    || unlisted_name(t))
        })
    };
    // `RN Precious (NMC …`, `RN Paisley Quill /`: a given name that is a word too, with no small letters after it.
    let given = next.has(Marks::GIVEN)
        && token.has(Marks::CREDENTIAL)
        && token.case == Case::Upper
        && gap == " "
        && note
            .tokens()
            .get(index + 2)
            .is_none_or(|t| note.slice(next.end, t.start) != " " || t.case == Case::Capital);
    let common =
        next.has(Marks::COMMON) && !next.has(Marks::GIVEN_FREQUENT) && !reached && !given && !family();
    let capital = next.case == Case::Capital
        && !common
        && (!next.has(other) || (next.has(Marks::GIVEN_FREQUENT) && key));
    // `physician QUORREL, XANTHE`: in comma order, whatever the lists say.
    let order = || {
        note.tokens().get(index + 2).is_some_and(|given| {
            given.case == Case::Upper
                && note.slice(next.end, given.start) == ", "
                && given.marks == Marks::default()
                && given.len() >= 4
        })
    };
    let upper = next.case == Case::Upper
        && (next.has(Marks::PERSON) || next.marks == Marks::default() && next.len() >= 4 && order())
        && !next.has(other)
        && !next.has(Marks::COMMON)
        && token.has(Marks::STAFF);
    let comma =
        gap != ", " || next.has(Marks::GIVEN) || next.case == Case::Capital && note.byte(next.end) == b',';
    if comma
        && (capital || upper)
        && sole_name(note, index + 1)
        && let Some(words) = name_at(note, index + 1, if key { Reading::Field } else { Reading::After })
    {
        report(note, words, Label::PROVIDER, Evidence::Checked, out);
    }
}

/// `student T. Quillović`: a letter and a surname that no list takes for something else; `nurse quillinda`, `asst xadira,`: in
/// small letters, a word of no list but of names. The last word of the name.
fn plain_forms(note: &Note<'_>, index: usize, gap: &str, other: Marks) -> Option<usize> {
    let (token, next) = (note.tokens().get(index)?, note.tokens().get(index + 1)?);
    let initialled = next.case == Case::Initial
        && note.byte(next.end) == b'.'
        && matches!(gap, " " | ": ")
        && note.tokens().get(index + 2).is_some_and(|t| {
            t.case == Case::Capital
                && t.len() > 2
                && matches!(note.slice(next.end, t.start), ". " | ".")
                && !t.has(other.or(Marks::COMMON).or(Marks::CALENDAR))
        });
    let listed = next.has(Marks::GIVEN) && !next.has(other.or(Marks::COMMON).or(Marks::RELATION));
    let small = gap == " "
        && token.has(Marks::STAFF)
        && [token, next].iter().all(|t| t.case == Case::Lower)
        && next.len() >= 4
        && next.plain
        && (next.marks == Marks::default() || listed)
        && !clinical_form(note.word(next))
        && !next.has(Marks::EPONYM_HEAD);
    if initialled { Some(index + 2) } else { small.then_some(index + 1) }
}
