//! Finds ages over 89, in digits and in words, and birth years that give one away.
//!
//! Ages up to 89 stay (45 CFR 164.514(b)(2)(i)(C)). A number over 89 is an age when a word says so: `91 yo`,
//! `aged 92`, `turned 90`, `ninety-three`; `HR 94`, `91%` and `90 pack-years` are not.
//!
//! Why: 45 CFR 164.514(b)(2)(i)(C).
//!
//! Example: `101-year-old` is found; `89yo`, `95 kg` and `HR 94` are not.
//!
//! References: 45 CFR 164.514(b)(2)(i)(C).

use lazaret_core::Label;

use crate::lexicon::Marks;
use crate::overlap::{Evidence, Found};
use crate::registry::{Hit, Pass, ShapeDetector, found};
use crate::value::unit_follows;
use crate::view::{Case, Note};

/// See the page above.
pub(crate) struct Age;

impl ShapeDetector for Age {
    fn id(&self) -> &'static str {
        "phi.age"
    }

    fn source(&self) -> &'static str {
        include_str!("age.rs")
    }

    fn examples(&self) -> (&'static str, &'static str) {
        ("Her aunt is a 101-year-old.", "89yo, HR 94, 91% RA, 95 kg, fever to 101F, smoked 90 pack-years.")
    }

    fn shapes(&self) -> &'static [(Pass, &'static str)] {
        &[
            (
                Pass::Dates,
                r"\b(?:9\d|1[0-2]\d)(?: |-)?(?:years?(?:[ -]old| of age)?|yrs?(?:[ -]old)?|y\.?/?o\b\.?|y\.o\.|yo[mf]?|yom|yof|y|ans|jahre)\b",
            ),
            (
                Pass::Cues,
                r"\b(?:aged?|turn(?:ed|s|ing)?|(?:died|deceased|dead|alive|living|passed(?: away)?|well) at|(?:lived|lives|lived on|survived) to(?: be| age)?|is now|age[d]?:|est\.? age|birthday)\b[ :]*|\b(?:d|dec)\.(?: at)? ",
            ),
            (
                Pass::Dates,
                r"\b(?:ninety(?:[ -](?:one|two|three|four|five|six|seven|eight|nine))?|(?:one|a) hundred(?: and)?(?:[ -](?:one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve))?)\b",
            ),
            (
                Pass::Numbers,
                r"\b(?:born|b\.|dob|birth ?year:?|geboren|geb\.)(?: in| [A-Z][a-z]+ in)? (?:the year )?1[89]\d\d\b",
            ),
            (Pass::Dates, r"\b(?:9\d|1[0-2]\d) ?[/ ]?(?:M|F|male|female|woman|man|lady|gentleman)\b"),
            (Pass::Dates, r"\b(?:9\d|1[0-2]\d)(?:st|nd|rd|th) (?:birthday|b-?day|bday|year)\b"),
            (Pass::Dates, r"\b(?:9\d|1[0-2]\d)\b"),
        ]
    }

    fn judge(&self, hit: Hit, note: &Note<'_>, out: &mut Vec<Found>) {
        let text = note.slice(hit.start, hit.end);
        match hit.shape {
            0 => {
                // `90 yrs` of smoking, of use: a duration.
                let after = note.after(hit.end, 16).to_ascii_lowercase();
                let duration = ["pack", " ago", " of ", "-pack"].iter().any(|word| after.starts_with(word));
                let age = text.to_ascii_lowercase();
                if !duration || age.contains("old") || age.contains("of age") {
                    out.push(found(Label::AGE, hit.start, hit.end, Evidence::Named));
                }
            }
            1 => {
                let number = note.after(hit.end, 3);
                let digits = number.bytes().take_while(u8::is_ascii_digit).count();
                let age = number.get(..digits).and_then(|n| n.parse::<u8>().ok());
                let ends =
                    !note.byte(hit.end + digits).is_ascii_digit() && note.byte(hit.end + digits) != b'/';
                if age.is_some_and(|age| (90..=125).contains(&age))
                    && ends
                    && note.byte(hit.end + digits) != b'%'
                    && !is_measure(hit, note)
                {
                    out.push(found(Label::AGE, hit.end, hit.end + digits, Evidence::Named));
                }
            }
            2 => {
                let hundred = text.to_ascii_lowercase().contains("hundred");
                let cued = note.cue_before(hit.start, 24, "age|aged|died at|turned|is|at");
                let quantity = note.cue_after(
                    hit.end,
                    16,
                    "percent|degrees|point|over|mg|milligrams|times|minutes|days",
                );
                let vital = note.cue_before(hit.start, 12, "pulse|hr|bp|rate|sat|sats|weight|map");
                if !quantity && !vital && (!hundred || cued) {
                    out.push(found(Label::AGE, hit.start, hit.end, Evidence::Shape));
                }
            }
            3 => {
                // `DOB 1949-12-30` is a whole date.
                let whole = matches!(note.byte(hit.end), b'-' | b'/' | b'.')
                    && note.byte(hit.end + 1).is_ascii_digit();
                if !whole {
                    out.push(found(Label::BIRTH_DATE, hit.end - 4, hit.end, Evidence::Named));
                }
            }
            4 => {
                let warm = text.ends_with(['F', 'f']) && is_temperature(hit, note);
                if !warm && !note.cue_before(hit.start, 10, "hr|bp|p|pulse|rr|spo2|o2|t") {
                    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
                    out.push(found(Label::AGE, hit.start, hit.start + digits, Evidence::Shape));
                }
            }
            5 => {
                let digits = text.bytes().take_while(|b| *b != b' ').count();
                out.push(found(Label::AGE, hit.start, hit.start + digits, Evidence::Named));
            }
            _ => apposed(hit, note, out),
        }
    }
}

/// `HR is now 110`, `temp is now 101 F`: the cue speaks of a vital sign.
fn is_measure(hit: Hit, note: &Note<'_>) -> bool {
    const VITALS: &str = "hr|pulse|rate|bp|systolic|map|temp|temperature|tmax|fever|sat|sats|spo2|o2|rr|glucose|sugar|weight|bmi|count|plt|platelets|sodium|level|dose|score|gfr|egfr|wbc|ldl|flow|pressure";
    let cue = note.slice(hit.start, hit.end).to_ascii_lowercase();
    cue.starts_with("is now") && note.cue_before(hit.start, 14, VITALS)
}

/// `Temp 101F`, `fever to 102 F`, `104 F, 100 F at home`: Fahrenheit and not female.
fn is_temperature(hit: Hit, note: &Note<'_>) -> bool {
    const WARMTH: &str = "temp|temps|temperature|temperatures|tmax|tcurrent|tc|tm|t|fever|fevers|febrile|afebrile|pyrexia|pyrexial|hyperthermia|hypothermia|hypothermic|spike|spiked|spiking|oral|axillary|rectal|tympanic|degrees|warmed|cooled";
    const PLACE: &str = "oral|orally|axillary|rectal|rectally|tympanic|temporal|po";
    // `fever in a 98F`: a person.
    let before = note.before(hit.start, 12);
    let last = before.trim_end().rsplit(' ').next().unwrap_or("");
    let person =
        ["a", "an", "in", "this", "our", "old", "yo"].iter().any(|word| word.eq_ignore_ascii_case(last));
    let value: u16 = note
        .slice(hit.start, hit.end)
        .bytes()
        .take_while(u8::is_ascii_digit)
        .fold(0, |sum, b| sum * 10 + u16::from(b - b'0'));
    // Another temperature stands beside it: `104 F, 100 F`, `101 F (38.3 C)`.
    let beside = |part: &str, unit: char| {
        part.match_indices(unit).any(|(at, _)| {
            let ends = !part.get(at + 1..).unwrap_or("").starts_with(|c: char| c.is_alphanumeric());
            let lead = part.get(..at).unwrap_or("").trim_end_matches([' ', '°']);
            ends && lead.ends_with(|c: char| c.is_ascii_digit())
        })
    };
    let clause = note.before(hit.start, 30).rsplit(". ").next().unwrap_or("");
    let chained = beside(clause, 'F') || beside(note.after(hit.end, 14), 'C');
    (93..=110).contains(&value)
        && !person
        && (chained || note.cue_before(hit.start, clause.len(), WARMTH) || note.cue_after(hit.end, 12, PLACE))
}

/// Whether a name of a list stands two words before: `Orla is 94`.
fn named_before(note: &Note<'_>, index: usize) -> bool {
    let name = index.checked_sub(2).and_then(|at| note.tokens().get(at));
    name.is_some_and(|t| {
        t.case == Case::Capital
            && (t.has(Marks::GIVEN) && !t.has(Marks::CLINICAL)
                || t.has(Marks::GIVEN_FREQUENT)
                || t.marks == Marks::default())
    })
}

/// `her sister Albertine, 94, lives`; `mother is 94`: a number after a person, between commas or before a stop.
fn apposed(hit: Hit, note: &Note<'_>, out: &mut Vec<Found>) {
    let index = note.token_at(hit.start);
    let Some(last) = index.checked_sub(1).and_then(|at| note.tokens().get(at)) else { return };
    let gap = note.slice(last.end, hit.start);
    let closes = matches!(note.byte(hit.end), b',' | b'.' | b';' | b')' | b'!' | b'\n')
        && !note.byte(hit.end + 1).is_ascii_digit();
    let near = note.tokens().iter().skip(index.saturating_sub(4)).take(index.min(4));
    let of_person = near.clone().any(|t| t.has(Marks::RELATION));
    let named = last.capitalised() && last.has(Marks::PERSON) && !last.has(Marks::CLINICAL) && last.len() > 2;
    let is = matches!(note.word(last), "is" | "IS" | "now" | "Is")
        && (of_person || named_before(note, index) || note.cue_before(hit.start, 8, "pt|patient|she|he|who"));
    // `She's 90 in October`
    let said = matches!(note.byte_before(last.start), b'\'')
        && note.word(last) == "s"
        && note.cue_before(last.start, 8, "she'|he'|who'|mother'|father'|dad'|mom'|mum'|pt'");
    // `DOB 8-8-1931 (94)`, `dob 6/5/32 and is 93`, `(birthday today, 93)`
    let born = note.cue_before(hit.start, 28, "dob|d.o.b|born|geb|née|né|birthday|b'day|bday|birthdate");
    let bracket = gap == " (" && note.byte(hit.end) == b')' || gap == ", " && note.byte(hit.end) == b')';
    let of_birth = born
        && (closes || matches!(note.byte(hit.end), b'\n' | 0))
        && (bracket || gap == " " && note.word(last).eq_ignore_ascii_case("is"));
    if of_birth && !unit_follows(note, hit.end) {
        out.push(found(Label::AGE, hit.start, hit.end, Evidence::Shape));
        return;
    }
    let closes = closes
        || ((is || said)
            && (note.cue_after(hit.end, 5, "and|in|but|now|on") || note.slice(hit.end, hit.end + 2) == " &"));
    // `Great-aunt Orla (92)`: a word that is no test.
    let tests =
        Marks::COMMON.or(Marks::CLINICAL).or(Marks::FUNCTION).or(Marks::FACILITY).or(Marks::EPONYM_HEAD);
    let bracketed = gap == " ("
        && note.byte(hit.end) == b')'
        && (of_person || named || last.case == Case::Capital && last.len() > 2 && !last.has(tests));
    if closes
        && !unit_follows(note, hit.end)
        && ((gap == ", " && (of_person || named)) || (gap == " " && (is || said)) || bracketed)
    {
        out.push(found(Label::AGE, hit.start, hit.end, Evidence::Shape));
    }
}
