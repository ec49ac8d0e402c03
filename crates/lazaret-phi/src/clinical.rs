//! Clinical content that an edit would take with it: what was found and is, or holds, a drug, a dose, a lab value, a vital
//! sign, a side of the body, or what someone is allergic to. Told, so that whoever reads the text knows; the text is edited
//! all the same.

use std::collections::BTreeMap;

use lazaret_core::Detection;

use crate::cue::Cues;
use crate::lexicon::Marks;
use crate::view::{Case, Note};

/// Bytes before a place in which a word tells what a number is.
const REACH: usize = 24;

const SIDES: [&str; 6] = ["left", "right", "bilateral", "lt", "rt", "unilateral"];
const UNITS: [&str; 16] = [
    "mg", "mcg", "ug", "g", "ml", "meq", "units", "unit", "iu", "tabs", "tab", "puffs", "mmol", "mg/kg",
    "drops", "grams",
];
const LABS: &str = "wbc|hgb|hb|hct|plt|na|k|cl|co2|bun|cr|creatinine|glucose|a1c|hba1c|inr|ptt|ast|alt|tsh|troponin|bnp|\
                    lactate|crp|esr|psa|ldl|hdl|albumin|bilirubin|ferritin|egfr";
const VITALS: &str = "bp|hr|rr|temp|t|spo2|o2|sat|sats|pulse|bmi|weight|wt|height|ht";
const ALLERGIES: &str = "allergic to|allergy|allergies|intolerance|nkda";

/// How many detections took clinical content, by its kind: `drug`, `dose`, `lab`, `vital`, `laterality`, `allergy`.
pub fn clinical_content(text: &str, found: &[Detection]) -> BTreeMap<&'static str, u64> {
    let mut counts = BTreeMap::new();
    for detection in found {
        let mut from = detection.span.start.saturating_sub(REACH * 4);
        let mut to = detection.span.end.saturating_add(REACH).min(text.len());
        while !text.is_char_boundary(from) {
            from += 1;
        }
        while !text.is_char_boundary(to) {
            to -= 1;
        }
        // Long finds hold no such thing of their own: their edges are enough.
        let Some(around) = text.get(from..to).filter(|around| around.len() < 4_096) else { continue };
        let note = Note::new(around);
        let (start, end) = (detection.span.start - from, detection.span.end - from);
        if let Some(kind) = kind(&note, start, end) {
            *counts.entry(kind).or_insert(0) += 1;
        }
    }
    counts
}

/// What clinical content stands between two places of the original text.
fn kind(note: &Note<'_>, start: usize, end: usize) -> Option<&'static str> {
    let within = |token: &&crate::view::Token| {
        let span = note.original(token.start, token.end);
        span.start >= start && span.end <= end
    };
    let tokens: Vec<_> = note.tokens().iter().filter(within).collect();
    let first = tokens.first()?;
    let is = |token: &crate::view::Token, words: &[&str]| {
        let word = note.word(token);
        words.iter().any(|known| known.eq_ignore_ascii_case(word))
    };
    let drug = tokens.iter().any(|token| token.has(Marks::DRUG) && !token.has(Marks::PERSON));
    if drug {
        let allergic =
            Cues::with(ALLERGIES, |cues| cues.stand_in(sentence(note.before(first.start, REACH * 4))));
        return Some(if allergic { "allergy" } else { "drug" });
    }
    if tokens.iter().any(|token| is(token, &SIDES)) {
        return Some("laterality");
    }
    // A number and its unit, in the find or right after it.
    let last = tokens.last()?;
    let next = note.tokens().get(note.token_at(last.end));
    let number = |token: &crate::view::Token| token.case == Case::Number;
    let pairs = tokens.windows(2).any(|pair| matches!(pair, [one, two] if number(one) && is(two, &UNITS)));
    let followed = number(last) && next.is_some_and(|next| next.start <= last.end + 1 && is(next, &UNITS));
    if pairs || followed {
        return Some("dose");
    }
    if tokens.len() <= 3 && number(first) {
        if note.cue_before(first.start, 8, LABS) {
            return Some("lab");
        }
        if note.cue_before(first.start, 8, VITALS) {
            return Some("vital");
        }
    }
    None
}

/// What stands before in the same sentence: behind the last sign of an end that a blank follows.
pub(crate) fn sentence(before: &str) -> &str {
    let ends =
        |pair: &[u8]| matches!(pair, [b'.' | b'!' | b'?' | b';', after] if after.is_ascii_whitespace());
    let end = before.as_bytes().windows(2).rposition(ends);
    end.and_then(|end| before.get(end + 1..)).unwrap_or(before)
}

#[cfg(test)]
mod tests {
    use lazaret_core::{Confidence, Label, Language, Span};

    use super::*;

    fn told(text: &str, part: &str) -> Option<&'static str> {
        let start = text.find(part).unwrap();
        let span = Span::new(start, start + part.len());
        let found = Detection {
            label: Label::NAME,
            span,
            confidence: Confidence::new(0.5),
            rule: "phi.name",
            language: Language::English,
        };
        clinical_content(text, &[found]).into_keys().next()
    }

    #[test]
    fn what_is_clinical_is_told_by_kind() {
        for (text, part, kind) in [
            ("takes metoprolol daily", "metoprolol", Some("drug")),
            ("Allergic to penicillin and dust", "penicillin", Some("allergy")),
            ("No known allergies. Takes metoprolol daily", "metoprolol", Some("drug")),
            ("Allergic to 2.5 mg of penicillin", "penicillin", Some("allergy")),
            ("the left knee", "left", Some("laterality")),
            ("gave 40 mg at once", "40", Some("dose")),
            ("WBC 12 today", "12", Some("lab")),
            ("BP 120 today", "120", Some("vital")),
            ("seen by Quillmoor", "Quillmoor", None),
            ("room 12 today", "12", None),
        ] {
            assert_eq!(told(text, part), kind, "{text}");
        }
    }
}
