//! Finds street addresses: a house number and words that end in a word for a street (`2280 Quillby Knot Ln`), with the
//! unit that follows; a street alone where its word is written in full (`Fenwick Avenue`).
//!
//! Addresses of a fixed form (boxes, rural routes, corners) are found by `phi.location.street.form`.
//!
//! Why: 45 CFR 164.514(b)(2)(i)(B).
//!
//! Example: `18 Harrow Street, Suite 200` is found whole; `5 mg by mouth` is not.
//!
//! References: USPS Publication 28, appendix C1.

use lazaret_core::Label;

use crate::cue::is_one_of;
use crate::detectors::street_form::unit_end;
use crate::lexicon::Marks;
use crate::overlap::{Evidence, Found};
use crate::registry::{ShapeDetector, found};
use crate::view::{Case, Note, Token};

/// See the page above.
pub(crate) struct Street;

/// What a dose is measured in.
const DOSES: &str = "mg|mcg|ml|meq|mmol|iu|units|cc";
/// Most words between the house number and the word for the street.
const WORDS: usize = 5;

impl ShapeDetector for Street {
    fn id(&self) -> &'static str {
        "phi.location.street"
    }

    fn source(&self) -> &'static str {
        include_str!("street.rs")
    }

    fn examples(&self) -> (&'static str, &'static str) {
        ("Lives at 18 Harrow Street, Suite 200.", "Give 5 mg by mouth, 2 Dr visits, 4 St leads.")
    }

    fn read(&self, note: &Note<'_>, out: &mut Vec<Found>) {
        for (index, _) in note.cues(Marks::STREET) {
            back_to_number(note, index, out);
        }
    }
}

/// From a word for a street back over capitalised words to the house number.
fn back_to_number(note: &Note<'_>, index: usize, out: &mut Vec<Found>) {
    let Some(head) = note.tokens().get(index) else { return };
    // `12 PER DR VO`: a title before a name.
    let title = head.has(Marks::TITLE)
        && note
            .tokens()
            .get(index + 1)
            .is_some_and(|t| t.capitalised() && matches!(note.slice(head.end, t.start), " " | ". "));
    if title {
        return;
    }
    let lower = head.case == Case::Lower;
    if lower {
        dictated(note, index, out);
    }
    let mut start = head.start;
    let mut names = 0;
    for at in (index.saturating_sub(WORDS + 2)..index).rev() {
        let (Some(token), Some(next)) = (note.tokens().get(at), note.tokens().get(at + 1)) else { return };
        let gap = note.slice(token.end, next.start);
        if !matches!(gap, " " | ". " | "-" | "'" | ", " | " & " | "." | "/")
            // `2 gm. dr quill`: a sentence ends between.
            || gap == ". " && !token.capitalised()
        {
            break;
        }
        // `One Quill Row`, `four eleven and a half Quill Row`
        let said = names > 0 && !lower && is_one_of(note.word(token), SAID);
        if said {
            let begin = said_from(note, at);
            out.push(found(
                Label::STREET,
                begin,
                unit_end(note, direction_end(note, index)),
                Evidence::Checked,
            ));
            return;
        }
        let number = token.case == Case::Number || (token.case == Case::Mixed && token.len() <= 7);
        if number && note.byte_before(token.start) == b'.' {
            break;
        }
        if number && (names > 0 || !lower) && token.len() <= 6 && gap != ", " && gap != "/" {
            if names == 0 {
                break; // `5 Dr`, `2 St`
            }
            if is_one_of(&note.word(next).to_ascii_lowercase(), DOSES) {
                return; // `30 MG SQ` is a dose under the skin, and no square
            }
            let begin = number_from(note, token.start);
            let end = unit_end(note, direction_end(note, index));
            out.push(found(Label::STREET, begin, end, Evidence::Checked));
            return;
        }
        if !in_name(note, token, lower) || token.has(Marks::DRUG) || gap == ", " && names > 0 {
            break;
        }
        names += 1;
        if token.capitalised() {
            start = token.start;
        }
    }
    // Without a number: two words or more, the last in full (`Fenwick Ave`, `Fenwick St.`), not at a person's title.
    let full = head.case == Case::Capital
        && !matches!(
            note.word(head),
            "St" | "Dr"
                | "Place"
                | "Court"
                | "Close"
                | "Way"
                | "Path"
                | "Loop"
                | "Hill"
                | "Green"
                | "Row"
                | "Square"
                | "Run"
                | "Walk"
                | "Grove"
                | "Ridge"
                | "Bend"
                | "Gardens"
                | "Drive"
                | "Commons"
                | "Crossing"
                | "Trail"
                | "Circle"
                | "Spur"
        );
    let cued = note.cue_before(start, 12, "on|at|near|lives");
    let single = note.tokens().get(index.wrapping_sub(1)).is_some_and(|t| {
        t.case == Case::Capital
            && !t.has(Marks::FUNCTION.or(Marks::CLINICAL))
            && note.slice(t.end, head.start) == " "
    });
    if single
        && (1..=3).contains(&names)
        && (full && start < head.start || (cued && note.word(head) == "St" && note.byte(head.end) == b'.'))
    {
        out.push(found(Label::STREET, start, unit_end(note, head.end), Evidence::Likely));
    }
}

/// Back over the other half of a house number and a word for a part of it: the first byte.
fn number_from(note: &Note<'_>, start: usize) -> usize {
    let mut begin = start;
    // `118 1/2 e. pecan st`, `14-16 High St`
    while begin > 0
        && (note.byte(begin - 1).is_ascii_digit()
            || (matches!(note.byte(begin - 1), b'/' | b'-') && note.byte_before(begin - 1).is_ascii_digit()))
    {
        begin -= 1;
    }
    // `39 1/2 Fern St`
    let whole = note.before(begin, 6);
    let digits = whole.trim_end().bytes().rev().take_while(u8::is_ascii_digit).count();
    if note.slice(begin, start + 1).contains('/') && whole.ends_with(' ') && (1..=5).contains(&digits) {
        begin -= digits + 1;
    }
    // `House 46B Fern Rd`, `Lot 11 Quill Track`
    let lead = ["house ", "lot ", "plot ", "unit ", "no. ", "flat "]
        .iter()
        .find(|lead| note.before(begin, lead.len()).eq_ignore_ascii_case(lead));
    begin - lead.map_or(0, |lead| lead.len())
}

/// Numbers of houses in words.
const SAID: &str = "One|Two|Three|Four|Five|Six|Seven|Eight|Nine|Ten|Twelve|one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|thirteen|fourteen|fifteen|sixteen|seventeen|eighteen|nineteen|twenty|thirty|forty|fifty|sixty|seventy|eighty|ninety|hundred|oh|half";

/// Back over further words of the number: the first byte.
fn said_from(note: &Note<'_>, index: usize) -> usize {
    let tokens = note.tokens();
    let mut first = index;
    while let (Some(before), Some(this)) =
        (first.checked_sub(1).and_then(|at| tokens.get(at)), tokens.get(first))
    {
        let links = matches!(note.word(before), "and" | "a") && first < index + 1;
        if note.slice(before.end, this.start) != " "
            || !(is_one_of(note.word(before), SAID) || links)
            || index - first > 6
        {
            break;
        }
        first -= 1;
    }
    while tokens.get(first).is_some_and(|t| matches!(note.word(t), "and" | "a")) {
        first += 1;
    }
    tokens.get(first).map_or(0, |t| t.start)
}

/// Whether a word may stand in the name of a street; `lower`: the word for the street is in small letters.
fn in_name(note: &Note<'_>, token: &Token, lower: bool) -> bool {
    let known =
        token.has(Marks::PERSON.or(Marks::COMMON)) || token.marks == Marks::default() && token.len() > 4;
    token.capitalised()
        || lower && known && !token.has(Marks::FUNCTION)
        || token.has(Marks::PARTICLE)
        || token.case == Case::Mixed && token.len() <= 5
        || token.case == Case::Initial
        || matches!(note.word(token), "s" | "of" | "the")
}

/// `off textile road`, `on old mill lane`: in small letters, after a word of place.
fn dictated(note: &Note<'_>, index: usize, out: &mut Vec<Found>) {
    let tokens = note.tokens();
    let Some(head) = tokens.get(index) else { return };
    if !matches!(note.word(head), "road" | "street" | "avenue" | "boulevard" | "lane" | "parkway" | "highway")
    {
        return;
    }
    let mut first = index;
    while index - first < 3
        && let (Some(word), Some(this)) =
            (first.checked_sub(1).and_then(|at| tokens.get(at)), tokens.get(first))
        && word.case == Case::Lower
        && word.len() > 2
        && note.slice(word.end, this.start) == " "
        && !word.has(Marks::FUNCTION.or(Marks::MEDICAL))
        && !matches!(
            note.word(word),
            "same" | "main" | "busy" | "side" | "dirt" | "gravel" | "icy" | "cross" | "high" | "off"
        )
    {
        first -= 1;
    }
    let led = first
        .checked_sub(1)
        .and_then(|at| tokens.get(at))
        .is_some_and(|t| matches!(note.word(t), "on" | "off" | "at" | "near" | "of"));
    if let (true, Some(start)) = (led && first < index, tokens.get(first)) {
        out.push(found(Label::STREET, start.start, head.end, Evidence::Likely));
    }
}

/// `Rd SE`, `Sq. NW`.
fn direction_end(note: &Note<'_>, index: usize) -> usize {
    let Some(head) = note.tokens().get(index) else { return 0 };
    // `County Road QQ`, `Concession Road 7`
    let road = ["road", "rd", "highway", "hwy", "line"]
        .iter()
        .any(|word| word.eq_ignore_ascii_case(note.word(head)));
    let of_kind = index.checked_sub(1).and_then(|at| note.tokens().get(at)).is_some_and(|t| {
        ["county", "state", "concession", "farm", "township", "cty", "old"]
            .iter()
            .any(|word| word.eq_ignore_ascii_case(note.word(t)))
    });
    if road
        && of_kind
        && let Some(number) = note.tokens().get(index + 1).filter(|t| {
            note.slice(head.end, t.start) == " "
                && (t.case == Case::Number && t.len() <= 4
                    || matches!(t.case, Case::Upper | Case::Initial | Case::Mixed) && t.len() <= 4)
        })
    {
        return number.end;
    }
    note.tokens()
        .get(index + 1)
        .filter(|t| {
            matches!(note.slice(head.end, t.start), " " | ". ")
                && ["N", "S", "E", "W", "NE", "NW", "SE", "SW"].contains(&note.word(t))
        })
        .map_or(head.end, |t| t.end)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn streets_are_found_whole() {
        for (text, street) in [
            ("at 2280 Quillby's Knot Ln, Apt 3B, Fernmere", "2280 Quillby's Knot Ln, Apt 3B"),
            ("to RR 2 Box 119, and", "RR 2 Box 119"),
            ("in 6100 Fenwick Commons Blvd Ste 110B *", "6100 Fenwick Commons Blvd Ste 110B"),
        ] {
            let note = Note::new(text);
            let mut out = Vec::new();
            crate::registry::detect(&note, &mut out).unwrap();
            assert!(
                out.iter().any(|f| f.label == Label::STREET && note.slice(f.start, f.end) == street),
                "{text}"
            );
        }
    }
}
