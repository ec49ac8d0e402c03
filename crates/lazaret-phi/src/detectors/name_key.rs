//! Finds names in fields: `Patient Name: Harriet Q. Quillby`, `ATTENDING: VAN DER HOEVEN, PIETERNEL MD`, `Re: …`.
//!
//! The value of a key that is followed by a colon, a bar of a table, or dots and a colon; names in JSON (`"family":`)
//! and in HL7 components (`ZAPATA^CAITLIN`).
//!
//! Why: 45 CFR 164.514(b)(2)(i)(A).
//!
//! Example: `Pt: GRAVES, PARKINSON T` gives the name; `Name of drug: Lasix` gives nothing.
//!
//! References: 45 CFR 164.514(b)(2)(i)(A); HL7 v2.5.1, 2.A.88 (XPN).

use lazaret_core::Label;

use crate::lexicon::Marks;
use crate::names::{Reading, clinical_form, name_at, report};
use crate::overlap::{Evidence, Found};
use crate::registry::{Hit, Pass, ShapeDetector, found};
use crate::view::{Case, Note, Token};

/// See the page above.
pub(crate) struct NameKey;

impl ShapeDetector for NameKey {
    fn id(&self) -> &'static str {
        "phi.name.key"
    }

    fn source(&self) -> &'static str {
        include_str!("name_key.rs")
    }

    fn examples(&self) -> (&'static str, &'static str) {
        ("Pt: GRAVES, PARKINSON T", "Name of drug: Lasix. Patient: 45 year old.")
    }

    fn shapes(&self) -> &'static [(Pass, &'static str)] {
        &[
            (
                Pass::Cues,
                r"\b(?:patient(?:'s)?(?: name)?|pt(?:\.| name)?|legal name|full name|name|client|decedent|re|subject|member|insured|for|child|infant|mother|resident name|maiden name|alias|a/k/a|aka|last name|first name|family name)(?: ?\.{2,})?(?:: ?| ?\| | {3,})[ \x22]*",
            ),
            (
                Pass::Cues,
                r"\b(?:attending|attg|pcp|provider|physician|surgeon|first assist|assistant|anesthesia|anesthesiologist|circulator|resident|referring(?: physician| provider)?|ordering(?: physician| provider)?|submitting|accepting|admitting|consultant|dictated by|signed(?: by)?|electronically signed(?: by)?|transcribed by|cc|from|to|author|clinician|pathologist|radiologist|reader|ref|crew|director|reviewed by|therapist|counselor|chefarzt|reg|presenter|attn|minutes|present|team|ordered by|performed by|scored|asst|anes|hyg|driver|secretary|supervisor|teacher|requested by|scribe|interpreter|sent by)(?: ?\.{2,})?(?:: ?| ?\| | {3,})[ \x22]*",
            ),
            (
                Pass::Cues,
                r"\b(?:nok|next of kin|emergency contact|contact|caller|spouse|guardian|partner|poa|hcpoa|dpoa|subscriber|guarantor|informant)(?: ?\.{2,})?(?:: ?| ?\| )[ \x22]*|\bsubscriber ",
            ),
            (
                Pass::Cues,
                r"\x22(?:family|given|text|name|first_?name|last_?name|first|last|fname|lname|patient_?name)\x22 ?: ?\[? ?\x22",
            ),
            (Pass::Cues, r"\b(?:pt|patient|client|decedent)\b\.? "),
            (Pass::Signs, r"\^[A-Z][A-Z'-]*(?:\^[A-Z]\b)?"),
            (
                Pass::Numbers,
                r"\b(?:a/k/a|aka|go(?:es)? by|known as|called by (?:friends|family)|nicknamed?|prefers to be called|answers to|likes to be called|preferred(?: name)?|(?:maiden|birth|former|previous|married) name(?: is| was)?)[: ]+\x22?",
            ),
            (Pass::Numbers, r"(?-i:\bMI|\bM\.I\.): ?(?-i:[A-Z])\b|\bmiddle initial (?:is )?[a-z]\b"),
        ]
    }

    fn judge(&self, hit: Hit, note: &Note<'_>, out: &mut Vec<Found>) {
        if hit.shape == 5 {
            components(hit, note, out);
            return;
        }
        if hit.shape == 7 {
            out.push(found(Label::PATIENT, hit.end - 1, hit.end, Evidence::Named));
            return;
        }
        if hit.shape == 6 {
            // `goes by Midge`: one word with a capital that is no thing.
            let word = note.tokens().get(note.token_at(hit.end)).filter(|token| token.start == hit.end);
            let other = Marks::CLINICAL.or(Marks::FUNCTION).or(Marks::FACILITY).or(Marks::STAFF);
            if word.is_some() && note.slice(hit.start, hit.end).contains("name") {
                if let Some(words) = name_at(note, note.token_at(hit.end), Reading::After) {
                    report(note, words, Label::PATIENT, Evidence::Checked, out);
                }
                return;
            }
            // `aka C.J.`
            let dotted = note.after(hit.end, 4);
            if let [a, b'.', b, b'.'] = dotted.as_bytes()
                && a.is_ascii_uppercase()
                && b.is_ascii_uppercase()
            {
                out.push(found(Label::PATIENT, hit.end, hit.end + 4, Evidence::Checked));
                return;
            }
            // `Tee`, a word of the trade too, is a name after this.
            let other = if word.is_some_and(|t| t.has(Marks::PERSON)) { Marks::FUNCTION } else { other };
            if let Some(token) = word.filter(|t| t.case == Case::Capital && t.len() >= 2 && !t.has(other)) {
                out.push(found(Label::PATIENT, token.start, token.end, Evidence::Checked));
            }
            return;
        }
        if hit.shape == 4 {
            bare(hit, note, out);
            return;
        }
        let label = match hit.shape {
            0 | 3 => Label::PATIENT,
            1 => Label::PROVIDER,
            _ => Label::RELATIVE,
        };
        let first = note.token_at(hit.end);
        let Some(token) = note.tokens().get(first) else { return };
        let lead = note.slice(hit.end, token.start);
        if lead.len() > 16
            || lead.contains('\n')
            || !lead.bytes().all(|b| matches!(b, b' ' | b'"' | b'\t' | b'(' | b'|' | b'<'))
        {
            return;
        }
        // Keys that are also words (`for:`, `to:`, `from:`) want a name that a list knows, or two words.
        let cue = note.slice(hit.start, hit.end).to_ascii_lowercase();
        let vague = [
            "for",
            "to",
            "from",
            "re",
            "subject",
            "ref",
            "present",
            "team",
            "crew",
            "contact",
            "mother",
            "anesthesia",
            "name",
            "minutes",
            "signed",
            "cc",
            "member",
            "insured",
        ]
        .iter()
        .any(|word| cue.trim_end_matches([' ', ':', '.', '"', '|']) == *word);
        let Some((first, last)) = name_at(note, first, Reading::Field) else { return };
        let Some(start) = note.tokens().get(first) else { return };
        if start.case == Case::Lower
            && start.has(Marks::COMMON.or(Marks::STAFF))
            && !start.has(Marks::PARTICLE)
        {
            return;
        }
        // `Listed for: laparoscopic repair`
        if vague && first == last && start.case == Case::Lower && !start.has(Marks::PERSON) {
            return;
        }
        let clinical =
            start.has(Marks::CLINICAL.or(Marks::FACILITY).or(Marks::PAYER)) && !start.has(Marks::PERSON);
        let listed = (first..=last).filter_map(|at| note.tokens().get(at)).any(|t| t.has(Marks::PERSON));
        let common = start.has(Marks::COMMON) && !listed;
        let facility = (first..=last + 1)
            .filter_map(|at| note.tokens().get(at))
            .any(|t| t.has(Marks::FACILITY_HEAD) && t.case != Case::Lower);
        if clinical || common || facility || (vague && !listed && last == first && start.has(Marks::COMMON)) {
            return;
        }
        let label = if start.has(Marks::RELATION) { Label::RELATIVE } else { label };
        report(note, (first, last), label, Evidence::Named, out);
        more(note, last, label, out);
        if hit.shape == 3 {
            strings(note, last, out);
        }
    }
}

/// `QUILLMOOR^ILSE^M`: the components of an HL7 name, from the second on in the hit.
fn components(hit: Hit, note: &Note<'_>, out: &mut Vec<Found>) {
    let line = note.before(hit.start, 64);
    let letters =
        line.bytes().rev().take_while(|b| b.is_ascii_alphabetic() || matches!(b, b'\'' | b'-')).count();
    let family = line.get(line.len() - letters..).unwrap_or("").trim_start_matches(['\'', '-']);
    let start = hit.start - family.len();
    if family.len() < 2
        || matches!(note.byte_before(start), b'^' | b'_')
        || note.byte_before(start).is_ascii_digit()
    {
        return;
    }
    let listed = |word: &str| {
        let lexicon = crate::lexicon::Lexicon::get();
        lexicon.marks(word).has(Marks::PERSON) || lexicon.marks(&word.replace('\'', "")).has(Marks::PERSON)
    };
    let given = note.slice(hit.start + 1, hit.end).split('^').next().unwrap_or("");
    // A field of its own in a line with bars holds a name, whatever the lists say.
    let field =
        note.byte_before(start) == b'|' && matches!(note.byte(hit.end), b'|' | b'^') && given.len() >= 3;
    if note.byte(hit.end).is_ascii_alphanumeric() {
        return;
    }
    if field || [family, given].iter().any(|part| part.split('-').any(listed)) {
        let provider = note.cue_before(start, 12, "by|for|dr");
        let label = if provider { Label::PROVIDER } else { Label::PATIENT };
        out.push(found(label, start, hit.end, Evidence::Checked));
    }
}

/// `pt Orla Quorrell`, `pt lakshmi iyer`: no sign between. In lower case both words must be in no other list.
fn bare(hit: Hit, note: &Note<'_>, out: &mut Vec<Found>) {
    let first = note.token_at(hit.end);
    let (Some(token), Some(next)) = (note.tokens().get(first), note.tokens().get(first + 1)) else { return };
    if token.start != hit.end {
        return;
    }
    let name = |t: &Token| {
        t.marks == Marks::default()
            || t.has(Marks::PERSON)
                && !t.has(Marks::COMMON.or(Marks::CLINICAL).or(Marks::FUNCTION).or(Marks::CITY))
    };
    let lower = token.case == Case::Lower
        && next.case == Case::Lower
        && [token, next].iter().all(|t| name(t) && t.len() >= 4 && !clinical_form(note.word(t)))
        && note.slice(token.end, next.start) == " ";
    let capital = token.case == Case::Capital && (name(token) || token.has(Marks::GIVEN_FREQUENT));
    if (lower || capital)
        && let Some(words) = name_at(note, first, Reading::After)
    {
        report(note, words, Label::PATIENT, Evidence::Checked, out);
    }
}

/// Further strings of a JSON list: `"given": ["Ilse", "Maud"]`.
fn strings(note: &Note<'_>, last: usize, out: &mut Vec<Found>) {
    for at in last..last + 4 {
        let (Some(this), Some(next)) = (note.tokens().get(at), note.tokens().get(at + 1)) else { return };
        if !matches!(note.slice(this.end, next.start), "\", \"" | "\",\"" | "\" , \"") || !next.capitalised()
        {
            return;
        }
        report(note, (at + 1, at + 1), Label::PATIENT, Evidence::Checked, out);
    }
}

/// Further names of the field: `Attending: QJK/Vane`, `Present: Ng; Osei, Lee`.
fn more(note: &Note<'_>, last: usize, label: Label, out: &mut Vec<Found>) {
    let mut last = last;
    for _ in 0..8 {
        let (Some(this), Some(next)) = (note.tokens().get(last), note.tokens().get(last + 1)) else {
            return;
        };
        let gap = note.slice(this.end, next.start);
        if !(gap == "/" || (gap == "; " && next.has(Marks::PERSON))) || !next.capitalised() {
            return;
        }
        let Some(words) = name_at(note, last + 1, Reading::Field) else { return };
        report(note, words, label, Evidence::Checked, out);
        last = words.1;
    }
}
