//! Finds telephone and fax numbers, pagers and extensions.
//!
//! Numbers of the North American form, international ones with `+`, national ones of other countries that begin with
//! 0, and, after a cue (`pager`, `ext`, `bleep`, `call`), short ones and ones said in words. `fax` or `F:` before a
//! number makes it a fax number. The extension belongs to the number.
//!
//! Why: 45 CFR 164.514(b)(2)(i)(D) and (E).
//!
//! Example: `(614) 555-0137 ext. 3308` is found whole; `LOINC 2345-7` is not found.
//!
//! References: ITU-T E.164; NANPA, Central Office Code Assignment Guidelines.

use lazaret_core::Label;

use crate::overlap::{Evidence, Found};
use crate::registry::{Hit, Pass, ShapeDetector, found};
use crate::value::{after_unit, begin, digits, spoken_at, unit_follows};
use crate::view::Note;

/// See the page above.
pub(crate) struct Phone;

const CALL: &str = "tel|tel.|telephone|phone|ph|call|calls|called|callback|message|messages|answering|registered|number|cell|mobile|mob|text|contact|reach|reached|pager|page|paged|pgr|bleep|beeper|ext|line|desk|dial|p|t|fax|fx|f|faxed|voicemail";
const FAX: &str = "fax|fx|f|faxed|fax#";

impl ShapeDetector for Phone {
    fn id(&self) -> &'static str {
        "phi.phone"
    }

    fn source(&self) -> &'static str {
        include_str!("phone.rs")
    }

    fn examples(&self) -> (&'static str, &'static str) {
        ("Call (614) 555-0137 ext. 3308.", "LOINC 2345-7, NDC 0002-8215-01, 5-325 mg.")
    }

    fn shapes(&self) -> &'static [(Pass, &'static str)] {
        &[
            (
                Pass::Cues,
                r"\b(?:dect|ascom|spectralink|vocera|wireless phone|pager|pgr|bleep on call|bleep|beeper|poste|durchwahl|nebenstelle|tty|ext(?:ension)?\b\.?|voalte|option|speed dial|box|message box|mobile|mob|cell|phone|telephone|tel)(?:\b\.?|[12]\b)(?: (?:number|no\b\.?|is|#))*[ :#]*",
            ),
            (
                Pass::Signs,
                r"(?:\+\d{1,3}[ .-]?(?:\(0\) ?)?|\b1[ .-])?(?:\(\d{2,4}\) ?|\b\d{3}[ ./-]|\b)\d{3}[ ./-]\d{4}(?:\b|x\d{1,6}\b)",
            ),
            (
                Pass::Signs,
                r"\+\d{1,3}[ .-]?(?:\(\d{1,4}\)[ .-]?)?\d{1,5}(?:[ .-]?\d{2,5}){1,4}\b|\(0\d{1,4}\) ?\d{2,5}(?:[ -]\d{2,5}){1,2}\b|\b0\d{2,4}[ -]\d{3,5}(?:[ -]?\d{3,6})?(?: \d{2,4})?\b|\b0\d{1,4}(?:[ .-]\d{2,4}){2,4}\b|\b0\d{1,3} \d{3,4} \d{3,4}\b|\b\d{10,11}\b|\b\d{2,4}(?:[ -]\d{2,4}){2,4}\b|\b\d{3,4} \d{4}\b|\b\d{2} \d{6}\b|\b[6-9]\d{4} \d{5}\b|\b00\d{1,2}[ -]\d{2,3}[ -]\d{3}[ -]\d{4}\b|\b1 \(\d{3}\) \d{3}-\d{4}",
            ),
            (Pass::Numbers, r"\b(?:telephone|tel|phone|ph|fax|cell|mobile|mob)\d{7,11}\b"),
            (Pass::Signs, r"\bx ?\d{4,5}\b|\bx ?\d-\d{4}\b|\b\d-\d{4}\b"),
        ]
    }

    fn judge(&self, hit: Hit, note: &Note<'_>, out: &mut Vec<Found>) {
        if hit.shape == 0 {
            short(hit, note, out);
            return;
        }
        // `tel6145550137`: run together.
        if hit.shape == 3 {
            let text = note.slice(hit.start, hit.end);
            let letters = text.bytes().take_while(u8::is_ascii_alphabetic).count();
            let label = if text.starts_with(['f', 'F']) { Label::FAX } else { Label::PHONE };
            out.push(found(label, hit.start + letters, hit.end, Evidence::Named));
            return;
        }
        let hit = if hit.shape == 2 { Hit { end: further_groups(note, hit), ..hit } } else { hit };
        let before = note.byte_before(hit.start);
        let after = note.byte(hit.end);
        let part = matches!(before, b'-' | b'/' | b'.' | b'_' | b'*' | b'^')
            || before.is_ascii_alphanumeric()
            || (matches!(after, b'-' | b'/' | b'.' | b':') && note.byte(hit.end + 1).is_ascii_alphanumeric());
        if part || unit_follows(note, hit.end) {
            return;
        }
        let cued = note.cue_before(hit.start, 32, CALL);
        let text = note.slice(hit.start, hit.end);
        // `99291 99292`: what is billed; a drug's code.
        let billed = text.len() == 11 && text.get(..3) == text.get(6..9) && text.contains(' ');
        if billed || note.cue_before(hit.start, 8, "ndc") {
            return;
        }
        let count = digits(text);
        let evidence = match hit.shape {
            1 if count >= 10 && plausible(text) => Evidence::Checked,
            1 if count == 7 && (cued || text.contains('-')) => Evidence::Shape,
            2 if text.starts_with('+') && count >= 7 && !(text.contains('.') && text.contains(' ')) => {
                Evidence::Checked
            }
            2 if count >= 9 && (text.starts_with(['0', '(']) || text.contains(' ')) => Evidence::Shape,
            2 if text.starts_with('0') && count >= 10 && text.contains(' ') => Evidence::Shape,
            2 if count == 10 && plausible(text) && text.len() == 10 && enclosed(note, hit) => Evidence::Shape,
            2 if cued && (count >= 9 || count >= 7 && text.contains(' ')) && !is_date(text) => {
                Evidence::Named
            }
            4 if cued || text.starts_with(['x', 'X']) => Evidence::Shape,
            _ => return,
        };
        let evidence = if cued { Evidence::Named } else { evidence };
        let mut start = hit.start;
        if before == b'(' && note.slice(hit.start, hit.end).contains(')') {
            start -= 1;
        }
        let label = if note.cue_before(hit.start, 12, FAX) && !nearer_phone(note, hit.start) {
            Label::FAX
        } else {
            Label::PHONE
        };
        out.push(found(label, start, extension_end(note, hit.end), evidence));
    }
}

/// On over further groups parted by the same sign: `0688 872 49` goes on with ` 99`. ITU-T E.164 has at most fifteen digits.
fn further_groups(note: &Note<'_>, hit: Hit) -> usize {
    let text = note.slice(hit.start, hit.end);
    let Some(sign) = text.bytes().rev().find(|b| matches!(b, b' ' | b'-' | b'.')) else { return hit.end };
    // `0002-8215-01` is a drug's code: hyphens go on from a country's number alone.
    if sign == b'-' && !text.starts_with("00") && !text.starts_with('+') || text.starts_with("000") {
        return hit.end;
    }
    let (mut end, mut count) = (hit.end, digits(text));
    while note.byte(end) == sign {
        let group = (end + 1..end + 6).take_while(|at| note.byte(*at).is_ascii_digit()).count();
        let next = note.byte(end + 1 + group);
        let measured = unit_follows(note, end + 1 + group);
        if !(2..=4).contains(&group)
            || count + group > 15
            || next.is_ascii_alphanumeric()
            || matches!(next, b'/' | b':' | b'%')
            || measured
        {
            break;
        }
        count += group;
        end += 1 + group;
    }
    end
}

/// `Fax 555-0145, tel 555-0144`: between `fax` and the number a word for telephones stands.
fn nearer_phone(note: &Note<'_>, at: usize) -> bool {
    let before = note.before(at, 12).to_ascii_lowercase();
    before
        .rfind("fax")
        .is_some_and(|fax| ["tel", "ph", "cell"].iter().any(|cue| before.rfind(cue).is_some_and(|p| p > fax)))
}

/// Area code and exchange of the North American plan begin with 2 to 9.
fn plausible(text: &str) -> bool {
    let digits: Vec<u8> = text.bytes().filter(u8::is_ascii_digit).collect();
    digits.len() > 10
        || digits.first().is_some_and(|first| *first >= b'2')
        || text.starts_with('0') && text.contains(' ')
}

/// A field of its own: between bars, quotes or commas.
fn enclosed(note: &Note<'_>, hit: Hit) -> bool {
    let sign = |b: u8| matches!(b, b'|' | b'"' | b'\'' | b',' | b'~' | b'^');
    sign(note.byte_before(hit.start))
        && (sign(note.byte(hit.end)) || matches!(note.byte(hit.end), 0 | b'\n' | b'\r'))
}

fn is_date(text: &str) -> bool {
    crate::calendar::parse(text).is_some()
}

/// Past `ext. 3308`, `x42`, `opt 3`, `poste 22`.
fn extension_end(note: &Note<'_>, end: usize) -> usize {
    let rest = note.after(end, 20).to_ascii_lowercase();
    let trimmed = rest.trim_start_matches([' ', ',']);
    let lead = rest.len() - trimmed.len();
    for word in ["extension", "ext.", "ext", "x", "opt.", "opt", "option", "poste", "durchwahl", "#"] {
        if let Some(tail) = trimmed.strip_prefix(word) {
            let number = tail.trim_start_matches([' ', ':']);
            let blanks = tail.len() - number.len();
            let count = number.bytes().take_while(u8::is_ascii_digit).count();
            if (1..=6).contains(&count) && blanks <= 2 {
                return end + lead + word.len() + blanks + count;
            }
        }
    }
    end
}

/// A number after a cue: two to eight digits, or said in words.
fn short(hit: Hit, note: &Note<'_>, out: &mut Vec<Found>) {
    let cue = note.slice(hit.start, hit.end).to_ascii_lowercase();
    if after_unit(note, hit.start) || (cue.starts_with("cell") && note.cue_before(hit.start, 16, CELLS)) {
        return;
    }
    let start = begin(note, hit.end);
    // `Phone:` as a line of its own, the number on the next.
    if cue.trim_end().ends_with(':') && note.byte(start) == b'\n' {
        let indent = note.after(start + 1, 24);
        let start = start + 1 + (indent.len() - indent.trim_start().len());
        if let Some(end) = groups_end(note, start).filter(|end| matches!(note.byte(*end), b'\n' | b'\r' | 0))
        {
            let start = if note.byte_before(start) == b'(' { start - 1 } else { start };
            out.push(found(Label::PHONE, start, end, Evidence::Named));
        }
        return;
    }
    if cue.starts_with("ext") && is_angle(hit, start, note) {
        return;
    }
    if let Some((start, end)) = spoken_at(note, start) {
        out.push(found(Label::PHONE, start, end, Evidence::Named));
        return;
    }
    if let Some(end) = groups_end(note, start) {
        let start = if note.byte_before(start) == b'(' { start - 1 } else { start };
        out.push(found(Label::PHONE, start, end, Evidence::Named));
        return;
    }
    let mut end = start;
    while end - start < 12
        && (note.byte(end).is_ascii_digit()
            || (matches!(note.byte(end), b'-' | b'.') && end > start && note.byte(end + 1).is_ascii_digit()))
    {
        end += 1;
    }
    let count = digits(note.slice(start, end));
    let time = note.byte(end) == b':' || note.byte(end) == b'/';
    let pager = !note.slice(hit.start, hit.end).to_ascii_lowercase().contains("option");
    if pager
        && (3..=11).contains(&count)
        && !time
        && !unit_follows(note, end)
        && !note.byte(end).is_ascii_alphabetic()
    {
        let start = if note.byte_before(start) == b'#' { start - 1 } else { start };
        out.push(found(Label::PHONE, start, end, Evidence::Named));
    }
}

/// Words before `cell` that are of blood and tissue.
const CELLS: &str = "red|white|blood|t|b|nk|stem|mast|plasma|clue|sickle|squamous|epithelial|transitional|basal|small|renal|giant|germ|islet|hair|goblet|air|per|nucleated|cd4|cd8|pus|wbc|rbc|tumor|tumour|lymphoid";

/// `knee ext 120`, `ext 0-120`, `ext 4/5`: how far or how strongly a limb is stretched.
fn is_angle(hit: Hit, start: usize, note: &Note<'_>) -> bool {
    const LIMB: &str = "knee|elbow|wrist|hip|neck|cervical|lumbar|shoulder|finger|thumb|toe|ankle|hallucis|flex|flexion|rom|arom|prom|strength|mcp|pip|dip|leg|arm|trunk|back";
    let ahead = note.after(start, 28);
    let digits = |text: &str| text.bytes().take_while(u8::is_ascii_digit).count();
    let count = digits(ahead);
    let rest = ahead.get(count..).unwrap_or("");
    let to = rest.strip_prefix('-').map_or(0, digits);
    let range = (1..=2).contains(&count) && (1..=3).contains(&to);
    let said = ["deg", "°", "flex"]
        .iter()
        .any(|word| rest.get(..16.min(rest.len())).unwrap_or(rest).to_ascii_lowercase().contains(word));
    count <= 3 && (range || said || note.cue_before(hit.start, 24, LIMB))
}

/// The end of seven to thirteen digits in groups parted by single signs: `0490 75 40 81`, `(71) 4233-6306`.
fn groups_end(note: &Note<'_>, start: usize) -> Option<usize> {
    let (mut end, mut count, mut at) = (start, 0, start);
    while at - start < 24 {
        let b = note.byte(at);
        if b.is_ascii_digit() {
            count += 1;
            end = at + 1;
        } else if !matches!(b, b' ' | b'.' | b'-' | b'/' | b'(' | b')' | b'+') || at > end + 1 {
            break;
        }
        at += 1;
    }
    let date = crate::calendar::parse(note.slice(start, end)).is_some();
    ((7..=13).contains(&count) && !date && !note.byte(end).is_ascii_alphanumeric()).then_some(end)
}
