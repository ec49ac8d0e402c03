//! Finds street addresses, boxes, rural routes and corners.
//!
//! A number and words that end in a word for a street (`2280 Cobbler's Knot Ln`), with the unit that follows; `P.O.
//! Box`, `RR 2 Box 119`; numbered streets and corners; foreign forms (`14 chemin Ste-Croix`, `Mühlgasse 14a`).
//!
//! Why: 45 CFR 164.514(b)(2)(i)(B).
//!
//! Example: `18 Harrow Street, Suite 200` is found whole; `5 mg by mouth` is not.
//!
//! References: USPS Publication 28, appendices C1 and C2.

use lazaret_core::Label;

use crate::lexicon::Marks;
use crate::overlap::{Evidence, Found};
use crate::registry::{Hit, Pass, ShapeDetector, found};
use crate::view::{Case, Note};

/// See the page above.
pub(crate) struct Street;

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

    fn shapes(&self) -> &'static [(Pass, &'static str)] {
        &[
            (
                Pass::Cues,
                r"\b(?:p\.? ?o\.? ?box|post office (?:box|drawer)|(?:rr|hc|rural route|star route) ?#? ?\d{1,3},? box) ?#? ?\d{1,6}[a-z]?\b",
            ),
            (
                Pass::Cues,
                r"\b\d{1,5}[a-z]?,? (?:bis )?(?:rue|chemin|avenue|boulevard|impasse|place|allée|calle|avenida|via|viale|ulica|ul\.) (?:d[eu]s? |la |le |l')*[a-z][a-z'-]+(?:[ -][A-Z][a-z'-]+){0,3}",
            ),
            (
                Pass::Cues,
                r"\b(?:[a-z]+ ){0,2}[a-z]*(?:straße|strasse|str\.|gasse|weg|platz|allee|ring|ufer|damm|zoll|vägen|gatan|straat|laan) \d{1,4} ?[a-z]?\b",
            ),
            (
                Pass::Cues,
                r"\b\d{1,3}(?:st|nd|rd|th) (?:and|&) [A-Z][a-z]+\b|\b(?:mile marker|exit) \d{1,4}[a-z]?(?: (?:on )?(?:i|us|hwy|sr|route)-?\d{1,3}(?: [nsew]b?)?)?|\b(?:i|us|fm|la|sr|hwy|route|county road|cr)[ -]\d{1,4} (?:&|and|near) (?:[A-Z][a-z0-9]+ ?){1,4}",
            ),
        ]
    }

    fn judge(&self, hit: Hit, note: &Note<'_>, out: &mut Vec<Found>) {
        let capital = note
            .slice(hit.start, hit.end)
            .split(' ')
            .filter(|w| w.starts_with(|c: char| c.is_uppercase()))
            .count();
        if hit.shape != 2 || capital >= 1 {
            // The German form takes in words before it: from the first capital.
            let text = note.slice(hit.start, hit.end);
            let skip = if hit.shape == 2 { text.find(|c: char| c.is_uppercase()).unwrap_or(0) } else { 0 };
            out.push(found(Label::STREET, hit.start + skip, unit_end(note, hit.end), Evidence::Checked));
        }
    }

    fn read(&self, note: &Note<'_>, out: &mut Vec<Found>) {
        for (index, token) in note.tokens().iter().enumerate() {
            if token.has(Marks::STREET) {
                back_to_number(note, index, out);
            }
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
    let mut start = head.start;
    let mut names = 0;
    for at in (index.saturating_sub(WORDS + 2)..index).rev() {
        let (Some(token), Some(next)) = (note.tokens().get(at), note.tokens().get(at + 1)) else { return };
        let gap = note.slice(token.end, next.start);
        if !matches!(gap, " " | ". " | "-" | "'" | ", " | " & " | "." | "/") {
            break;
        }
        let number = token.case == Case::Number || (token.case == Case::Mixed && token.len() <= 7);
        if number && note.byte_before(token.start) == b'.' {
            break;
        }
        if number && (names > 0 || !lower) && token.len() <= 6 && gap != ", " && gap != "/" {
            if names == 0 {
                break; // `5 Dr`, `2 St`
            }
            let mut begin = token.start;
            // `118 1/2 e. pecan st`, `14-16 High St`
            while begin > 0
                && (note.byte(begin - 1).is_ascii_digit()
                    || (matches!(note.byte(begin - 1), b'/' | b'-')
                        && note.byte_before(begin - 1).is_ascii_digit()))
            {
                begin -= 1;
            }
            let end = unit_end(note, direction_end(note, index));
            out.push(found(Label::STREET, begin, end, Evidence::Checked));
            return;
        }
        let named = token.capitalised()
            || (lower && token.has(Marks::PERSON.or(Marks::COMMON)) && !token.has(Marks::FUNCTION))
            || token.has(Marks::PARTICLE)
            || (token.case == Case::Mixed && token.len() <= 5)
            || token.case == Case::Initial
            || matches!(note.word(token), "s" | "of" | "the");
        if !named || token.has(Marks::DRUG) || gap == ", " && names > 0 {
            break;
        }
        names += 1;
        if token.capitalised() {
            start = token.start;
        }
    }
    // Without a number: two words or more, the last in full (`Fennimore Ave`, `Kneeland St.`), not at a person's title.
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
        && names >= 1
        && names <= 3
        && (full && start < head.start || (cued && note.word(head) == "St" && note.byte(head.end) == b'.'))
    {
        out.push(found(Label::STREET, start, unit_end(note, head.end), Evidence::Likely));
    }
}

/// `Rd SE`, `Sq. NW`.
fn direction_end(note: &Note<'_>, index: usize) -> usize {
    let Some(head) = note.tokens().get(index) else { return 0 };
    note.tokens()
        .get(index + 1)
        .filter(|t| {
            matches!(note.slice(head.end, t.start), " " | ". ")
                && ["N", "S", "E", "W", "NE", "NW", "SE", "SW"].contains(&note.word(t))
        })
        .map_or(head.end, |t| t.end)
}

/// Past `, Apt 3B`, ` Suite 200`, ` #9`, `, Unit C`.
fn unit_end(note: &Note<'_>, end: usize) -> usize {
    let mut end = end;
    for _ in 0..2 {
        let rest = note.after(end, 32).to_ascii_lowercase();
        let trimmed = rest.trim_start_matches(['.', ',', ' ']);
        let lead = rest.len() - trimmed.len();
        let word = [
            "apartment",
            "apt.",
            "apt",
            "suite",
            "ste.",
            "ste",
            "unit",
            "#",
            "bldg",
            "building",
            "floor",
            "rm",
            "room",
            "lot",
            "trailer",
            "space",
            "flat",
        ]
        .into_iter()
        .find(|word| trimmed.starts_with(word));
        let Some(word) = word else { break };
        let tail = trimmed.get(word.len()..).unwrap_or("");
        let value = tail.trim_start_matches([' ', '.', '#']);
        let blanks = tail.len() - value.len();
        let count = value.bytes().take_while(|b| b.is_ascii_alphanumeric() || *b == b'-').count();
        if lead > 3 || count == 0 || count > 5 || (blanks == 0 && word != "#") {
            break;
        }
        end += lead + word.len() + blanks + count;
    }
    end
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn streets_are_found_whole() {
        for (text, street) in [
            ("at 2280 Cobbler's Knot Ln, Apt 3B, Dunmere", "2280 Cobbler's Knot Ln, Apt 3B"),
            ("to RR 2 Box 119, and", "RR 2 Box 119"),
            ("in 6100 Lyndale Commons Blvd Ste 110B *", "6100 Lyndale Commons Blvd Ste 110B"),
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
