//! Finds hospitals, clinics and other facilities, and employers.
//!
//! Capitalised words that end in a word for a facility (`Saint Quill Regional Medical Center`, `Fern Basin
//! Urology`), begin with one (`University of Fenland Health`, `Klinik Bad Farnau`), or end as firms do (`Fernweather
//! Freight Co.`); the name after `works at`, `employed by`; the value of `Facility:`. Departments (`Emergency
//! Department`, `Oncology Clinic`) are no names.
//!
//! Why: 45 CFR 164.514(b)(2)(i)(B) and (A): where someone was treated or works is a place smaller than a state.
//!
//! Example: `seen at Fern Bay Birth Center` gives the name; `medical center policy` gives nothing.
//!
//! References: 45 CFR 164.514(b)(2)(i).

use std::sync::LazyLock;

use lazaret_core::Label;

use crate::cue::is_one_of;
use crate::lexicon::{Marks, WordSet};
use crate::names::clinical_form;
use crate::overlap::{Evidence, Found};
use crate::registry::{Hit, Pass, ShapeDetector, found};
use crate::view::{Case, Note, Token};

/// See the page above.
pub(crate) struct Hospital;

/// Most words of a name.
const WORDS: usize = 7;

/// Words that end a name only after another (`Medical Center`, `Health Clinic`, `Nursing Home`).
static SECOND: LazyLock<WordSet> = LazyLock::new(|| {
    WordSet::new(&[
        "center",
        "centre",
        "services",
        "system",
        "home",
        "care",
        "group",
        "department",
        "unit",
        "house",
        "medicine",
        "living",
        "station",
        "network",
    ])
});

impl ShapeDetector for Hospital {
    fn id(&self) -> &'static str {
        "phi.hospital"
    }

    fn source(&self) -> &'static str {
        include_str!("hospital.rs")
    }

    fn examples(&self) -> (&'static str, &'static str) {
        (
            "Seen at Fern Bay Birth Center today.",
            "Medical center policy, Emergency Department, Cardiology Clinic.",
        )
    }

    fn shapes(&self) -> &'static [(Pass, &'static str)] {
        &[
            (Pass::Signs, r"@ (?-i:[A-Z])"),
            (
                Pass::Cues,
                r"\b(?:facility|hospital|clinic|employer|emp:|sending facility|receiving facility|custodian|pharmacy|school|works (?:nights |days |evenings |part[ -]time |full[ -]time )?(?:at|for|with)|worked (?:at|for)|(?:teller|cashier|clerk|driver|welder|cook|server|nurse|manager|foreman|mechanic|librarian|teacher|engineer|operator|guard|janitor|custodian|retired) (?:at|from|for)|employed (?:at|by)|job at|teaches [a-z ]{0,12}at|goes to|daycare at)\b[ .]*:? ?(?:the )?",
            ),
        ]
    }

    fn judge(&self, hit: Hit, note: &Note<'_>, out: &mut Vec<Found>) {
        if hit.shape == 0 {
            at_sign(hit, note, out);
            return;
        }
        let cue = note.slice(hit.start, hit.end).to_ascii_lowercase();
        let key = cue.trim_end().ends_with(':');
        // `Employer Quill Bend Box & Paper` in a form.
        let form = cue.starts_with("employer") && note.byte(hit.start) == b'E' && {
            let first = note.token_at(hit.end);
            note.tokens().iter().skip(first).take(2).all(|t| t.case == Case::Capital)
        };
        if !key
            && !form
            && matches!(
                cue.trim_end(),
                "facility" | "hospital" | "clinic" | "employer" | "pharmacy" | "school"
            )
        {
            return;
        }
        let first = note.token_at(hit.end);
        let Some(token) = note.tokens().get(first).filter(|t| t.start == hit.end && t.capitalised()) else {
            return;
        };
        let short = token.case == Case::Upper && token.len() <= 2;
        if short || token.has(Marks::FUNCTION) && note.word(token).len() <= 3 {
            return;
        }
        let last = forward(note, first);
        if let Some(end) = note.tokens().get(last) {
            out.push(found(Label::HOSPITAL, token.start, end.end, Evidence::Named));
        }
    }

    fn read(&self, note: &Note<'_>, out: &mut Vec<Found>) {
        let tokens = note.tokens();
        let mut index = 0;
        while let Some(token) = tokens.get(index) {
            if token.case == Case::Lower {
                if let Some(first) = spoken(note, index) {
                    out.push(found(Label::HOSPITAL, first, token.end, Evidence::Shape));
                }
                if token.len() == 2 && note.word(token) == "at" {
                    let places = [seen_at(note, index), lived_at(note, index)];
                    for (start, end) in places.into_iter().flatten() {
                        out.push(found(Label::HOSPITAL, start, end, Evidence::Likely));
                    }
                }
            } else if let Some(last) = letterhead(note, index) {
                out.push(found(Label::HOSPITAL, token.start, last, Evidence::Shape));
            }
            if token.case == Case::Upper
                && KINDS.has(token.hash)
                && let Some(first) = before_kind(note, index)
            {
                out.push(found(Label::HOSPITAL, first, token.end, Evidence::Checked));
            }
            let head = token.has(Marks::FACILITY_HEAD)
                || token.has(Marks::ORGANISATION) && token.case != Case::Lower
                || index > 0 && (token.has(Marks::FACILITY) || SECOND.has(token.hash));
            if head && let Some((first, last)) = around(note, index) {
                if let (Some(start), Some(end)) = (tokens.get(first), tokens.get(last)) {
                    out.push(found(Label::HOSPITAL, start.start, end.end, Evidence::Checked));
                }
                index = last;
            }
            index += 1;
        }
    }
}

/// Kinds of facilities in short.
static KINDS: LazyLock<WordSet> = LazyLock::new(|| {
    WordSet::new(&[
        "nh", "hs", "cboc", "umc", "vamc", "rmc", "chc", "alf", "ltach", "ltac", "snf", "fqhc", "apmc",
        "ucc", "mfm", "crmc", "wmc", "ach", "dgh", "rgh", "ccrc", "racf", "gh", "mc", "hc", "irf", "asc",
    ])
});

/// Back from the kind of a facility in short over its name: `Quillston CBOC`, `Fern Basin NH`. Its first byte.
fn before_kind(note: &Note<'_>, index: usize) -> Option<usize> {
    let tokens = note.tokens();
    let mut first = index;
    let mut proper = false;
    while index - first < 3
        && let Some(word) = first.checked_sub(1).and_then(|at| tokens.get(at))
        && word.case == Case::Capital
        && matches!(note.slice(word.end, tokens.get(first)?.start), " " | "-")
        && !word.has(
            Marks::FUNCTION
                .or(Marks::CLINICAL)
                .or(Marks::STAFF)
                .or(Marks::TITLE)
                .or(Marks::CALENDAR)
                .or(Marks::RELATION),
        )
    {
        proper |= !word.has(Marks::COMMON.or(Marks::FACILITY)) || index - first > 0;
        first -= 1;
    }
    (proper && first < index).then_some(tokens.get(first)?.start)
}

/// `Dr Quill @ Fern Heart`, `terminal @ UQMS`: where someone is, in capitalised words.
fn at_sign(hit: Hit, note: &Note<'_>, out: &mut Vec<Found>) {
    let other = Marks::FUNCTION
        .or(Marks::CLINICAL)
        .or(Marks::STAFF)
        .or(Marks::RELATION)
        .or(Marks::TITLE)
        .or(Marks::CALENDAR)
        .or(Marks::STREET)
        .or(Marks::CREDENTIAL);
    let first = note.token_at(hit.end - 1);
    let Some(token) = note.tokens().get(first).filter(|t| t.start == hit.end - 1) else { return };
    let short =
        token.case == Case::Upper && (token.len() < 4 || token.has(Marks::FACILITY.or(Marks::COMMON)));
    if !token.capitalised() || short || token.has(other) || token.case == Case::Capital && token.len() < 3 {
        return;
    }
    let last = if token.case == Case::Upper { first } else { forward(note, first) };
    let lone = last == first && token.has(Marks::COMMON.or(Marks::FACILITY));
    if let Some(end) = note.tokens().get(last).filter(|_| !lone) {
        out.push(found(Label::HOSPITAL, token.start, end.end, Evidence::Shape));
    }
}

/// A line of two to five capitalised words that begins with `The` and ends with a word for a practice.
fn letterhead(note: &Note<'_>, index: usize) -> Option<usize> {
    let tokens = note.tokens();
    let token = tokens.get(index)?;
    if token.case != Case::Capital
        || token.len() != 3
        || !matches!(note.byte_before(token.start), 0 | b'\n')
        || note.word(token) != "The"
    {
        return None;
    }
    let line = note.after(token.start, 64);
    let end = token.start + line.trim_end().len();
    let words: Vec<&Token> = tokens.get(index..)?.iter().take(6).take_while(|t| t.start < end).collect();
    let last = words.last()?;
    let practice = last.has(Marks::FACILITY) && last.end == end;
    let capital = words.iter().all(|t| t.case == Case::Capital);
    (practice && capital && (3..=5).contains(&words.len())).then_some(end)
}

/// What a facility said in small letters ends with.
static ENDS: LazyLock<WordSet> = LazyLock::new(|| {
    WordSet::new(&[
        "manor",
        "lodge",
        "union",
        "university",
        "medical",
        "supply",
        "hospital",
        "clinic",
        "regional",
        "memorial",
        "infirmary",
        "hospice",
        "home",
        "medicine",
        "care",
        "center",
        "teleradiology",
        "pharmacy",
        "practice",
        "library",
        "shelter",
        "dialysis",
        "rehab",
        "elementary",
    ])
});
/// What may stand before `home`, `care`, `medicine`.
const PAIRS: [&str; 19] = [
    "group",
    "private",
    "credit",
    "access",
    "home",
    "nursing",
    "family",
    "medical",
    "urgent",
    "health",
    "care",
    "internal",
    "birth",
    "cancer",
    "surgery",
    "rehab",
    "community",
    "minute",
    "primary",
];
/// What says which facility as little as `the` does.
const GENERIC: [&str; 44] = [
    "local",
    "community",
    "outside",
    "another",
    "other",
    "nearby",
    "rural",
    "state",
    "county",
    "city",
    "skilled",
    "private",
    "public",
    "teaching",
    "academic",
    "tertiary",
    "free",
    "walk",
    "pain",
    "sleep",
    "wound",
    "heart",
    "eye",
    "same",
    "different",
    "new",
    "old",
    "acute",
    "long",
    "term",
    "day",
    "surgical",
    "outpatient",
    "inpatient",
    "main",
    "big",
    "small",
    "specialty",
    "veterans",
    "assisted",
    "board",
    "foster",
    "group",
    "retirement",
];

/// `from maple terrace nursing home`, `at saint quill regional`: a name in small letters between a word of place and a
/// word for a facility. Its first byte.
fn spoken(note: &Note<'_>, index: usize) -> Option<usize> {
    let tokens = note.tokens();
    let head = tokens.get(index).filter(|head| ENDS.has(head.hash))?;
    let is = |token: &Token, words: &[&str]| words.contains(&note.word(token));
    // `critical access hospital`
    let mut first = index;
    let pair = first.checked_sub(1).and_then(|at| tokens.get(at)).is_some_and(|token| is(token, &PAIRS));
    if matches!(
        note.word(head),
        "home" | "medicine" | "care" | "center" | "medical" | "supply" | "union" | "practice"
    ) && !pair
    {
        return None;
    }
    first -= usize::from(pair);
    let critical = first.checked_sub(1).and_then(|at| tokens.get(at));
    first -= usize::from(pair && critical.is_some_and(|token| is(token, &["critical"])));
    let edge = first;
    while edge - first < 3
        && let Some(word) = first.checked_sub(1).and_then(|at| tokens.get(at))
        && word.case == Case::Lower
        && word.plain
        && word.len() > 2
        && note.slice(word.end, tokens.get(first)?.start) == " "
        && (is(word, &["three", "two", "four", "five", "seven"])
            || !word.has(Marks::FUNCTION.or(Marks::STAFF).or(Marks::RELATION).or(Marks::CALENDAR))
                && (!word.has(Marks::MEDICAL) || word.has(Marks::SURNAME_FREQUENT.or(Marks::CITY))))
        && !is(word, &GENERIC)
    {
        first -= 1;
    }
    let before = first.checked_sub(1).and_then(|at| tokens.get(at))?;
    let apart =
        tokens.get(first).is_some_and(|word| [", ", " ("].contains(&note.slice(before.end, word.start)));
    let led = apart && edge > first
        || is(before, &["from", "at", "to", "of", "in", "with", "by", "near", "requesting"]);
    let words = || tokens.iter().skip(first).take(edge - first);
    let known = words().any(|word| {
        word.has(Marks::PERSON.or(Marks::CITY)) && !word.has(Marks::COMMON) || word.marks == Marks::default()
    });
    (led && edge > first && (known || words().count() >= 2)).then_some(tokens.get(first)?.start)
}

/// `tested at Quillner - neg`: one capitalised word of no list after `at`, which is no part of a longer name.
fn seen_at(note: &Note<'_>, index: usize) -> Option<(usize, usize)> {
    let tokens = note.tokens();
    let at = tokens.get(index)?;
    let place = tokens.get(index + 1).filter(|t| {
        t.case == Case::Capital
            && t.marks == Marks::default()
            && t.len() >= 5
            && note.slice(at.end, t.start) == " "
            && !clinical_form(note.word(t))
    })?;
    let alone =
        tokens.get(index + 2).is_none_or(|t| note.slice(place.end, t.start) != " " || t.case == Case::Lower);
    alone.then_some((place.start, place.end))
}

/// `lives at quillrise pointe`: two words or three in small letters after `at`, one of them in no list of plain words.
fn lived_at(note: &Note<'_>, index: usize) -> Option<(usize, usize)> {
    let tokens = note.tokens();
    let at = tokens.get(index)?;
    let verb = index.checked_sub(1).and_then(|verb| tokens.get(verb))?;
    if !matches!(note.word(verb), "lives" | "living" | "lived" | "resides" | "residing" | "stays" | "staying")
    {
        return None;
    }
    let other = Marks::FUNCTION.or(Marks::CLINICAL).or(Marks::STAFF).or(Marks::RELATION).or(Marks::CALENDAR);
    let (mut end, mut words, mut proper) = (at.end, 0, false);
    for word in tokens.get(index + 1..)?.iter().take(3) {
        let plain = word.case == Case::Lower && word.plain && word.len() > 2 && !word.has(other);
        if !plain || note.slice(end, word.start) != " " || GENERIC.contains(&note.word(word)) {
            break;
        }
        proper |= !word.has(Marks::COMMON.or(Marks::FACILITY));
        (end, words) = (word.end, words + 1);
    }
    (words >= 2 && proper).then_some((at.end + 1, end))
}

/// The run of name words around a word for a facility, if there is a proper name in it.
fn around(note: &Note<'_>, index: usize) -> Option<(usize, usize)> {
    let tokens = note.tokens();
    let head = tokens.get(index)?;
    let lower = head.case == Case::Lower;
    let mut first = index;
    while index - first < WORDS {
        let Some(before) = first.checked_sub(1).and_then(|at| tokens.get(at)) else { break };
        let this = tokens.get(first)?;
        let gap = note.slice(before.end, this.start);
        let joined = matches!(gap, " " | "-" | " & " | "'" | "' " | ". " | ", a ")
            && (gap != ". " || is_one_of(note.word(before), SHORT))
            || first == index && gap == ", " && head.has(Marks::ORGANISATION);
        // `Fernmere Co-op Clinic`
        let hyphened = before.case == Case::Lower
            && note.byte_before(before.start) == b'-'
            && note.byte_before(before.start.saturating_sub(1)).is_ascii_alphanumeric();
        let name = hyphened
            || before.capitalised() && !opener(note, before)
            || matches!(note.word(before), "of" | "the" | "and" | "s" | "de" | "la" | "am" | "OF" | "THE")
                && first < index
            || matches!(note.word(before), "s")
            || (lower
                && before.case == Case::Lower
                && before.has(Marks::PERSON.or(Marks::CITY))
                && !before.has(Marks::COMMON)
                && !before.has(Marks::FUNCTION.or(Marks::MEDICAL)));
        if !joined || !name {
            break;
        }
        first -= 1;
    }
    while first < index
        && tokens.get(first).is_some_and(|t| {
            t.case == Case::Lower && !lower
                || matches!(note.word(t), "of" | "the" | "and" | "The" | "THE" | "OF" | "s")
        })
    {
        first += 1;
    }
    let mut last = forward(note, index);
    if lower {
        last = index;
    }
    let proper = (first..index).filter_map(|at| tokens.get(at)).any(|t| {
        !t.has(
            Marks::FACILITY
                .or(Marks::MEDICAL)
                .or(Marks::FUNCTION)
                .or(Marks::STAFF)
                .or(Marks::EPONYM_HEAD)
                .or(Marks::CALENDAR),
        ) && t.len() > 2
    });
    let after = (index + 1..=last).filter_map(|at| tokens.get(at)).any(|t| {
        t.case != Case::Lower && !t.has(Marks::FACILITY.or(Marks::MEDICAL).or(Marks::FUNCTION)) && t.len() > 2
    });
    // A weak word (`care`, `unit`, `lab`) wants a name that is no common word, or three words.
    let weak = !head.has(Marks::FACILITY_HEAD.or(Marks::ORGANISATION));
    let named = (first..index).filter_map(|at| tokens.get(at)).any(|t| {
        t.case != Case::Lower
            && t.len() > 2
            && !t.has(
                Marks::COMMON.or(Marks::MEDICAL).or(Marks::FUNCTION).or(Marks::FACILITY).or(Marks::DEVICE),
            )
    });
    if weak && (lower || !named && index - first < 2) {
        return None;
    }
    let of = tokens.get(index + 1).is_some_and(|t| {
        matches!(note.word(t), "of" | "OF" | "Sankt" | "Bad" | "Sainte" | "de" | "du" | "des")
            || ADJECTIVES.contains(&note.word(t))
    });
    let payer = tokens.get(first).is_some_and(|t| t.has(Marks::PAYER)) && index - first <= 1;
    (!payer && (proper || (after && of))).then_some((first, last))
}

/// Of what kind a hospital is, in small letters after the word: `Hôpital régional de Rivière-Quill`.
const ADJECTIVES: [&str; 8] = [
    "régional",
    "général",
    "universitaire",
    "communautaire",
    "militaire",
    "regional",
    "general",
    "universitario",
];

/// Short forms whose point is inside a name: `St. Anselm`, `Fenland Univ. Hosp.`
const SHORT: &str = "St|ST|Mt|st|Univ|Hosp|Med|Ctr|Comm|Reg|Gen|Mem|Assoc|Ft|Pt|Dept|Rehab|Natl|Intl|Cty|Co";

/// Words that begin a sentence or field, not a name.
fn opener(note: &Note<'_>, token: &Token) -> bool {
    token.has(Marks::FUNCTION)
        && !token.has(Marks::CITY.or(Marks::GIVEN_FREQUENT))
        && !named_with(note, token)
        || token.has(Marks::TITLE) && !matches!(note.word(token), "Sister" | "Lady" | "Father")
        || token.has(Marks::CALENDAR)
}

/// Whether a word of grammar begins a name here: `Three Quills Hospital`, `Old Quill Surgery`, not `New hospital`.
fn named_with(note: &Note<'_>, token: &Token) -> bool {
    const BEGINS: &str = "New|NEW|Good|Old|OLD|First|FIRST|Second|Our|OUR|Two|Three|Four|Five|Six|Seven|Nine|Ten|Twelve|THREE|FOUR|FIVE|SEVEN|Great|High";
    is_one_of(note.word(token), BEGINS)
}

/// On over further words of the name: `Hospital of Lower X`, `Clinic, PLLC`, `& Sons`.
fn forward(note: &Note<'_>, index: usize) -> usize {
    let tokens = note.tokens();
    let mut last = index;
    let mut at = index + 1;
    while at - index < WORDS {
        let (Some(this), Some(next)) = (tokens.get(at - 1), tokens.get(at)) else { break };
        let gap = note.slice(this.end, next.start);
        let suffix = next.has(Marks::ORGANISATION) && next.capitalised();
        let joined = matches!(gap, " " | "-" | " & " | "'")
            || (gap == ". " && this.len() <= 3 && this.case == Case::Capital)
            || (gap == ", " && suffix);
        let particle = matches!(
            note.word(next),
            "of" | "the"
                | "de"
                | "am"
                | "and"
                | "s"
                | "on"
                | "aux"
                | "sur"
                | "les"
                | "du"
                | "des"
                | "la"
                | "le"
                | "en"
        ) && next.case == Case::Lower
            || this.has(Marks::FACILITY) && ADJECTIVES.contains(&note.word(next));
        if !joined || !(next.capitalised() && !opener(note, next) || particle || suffix) {
            break;
        }
        if !particle || note.word(next) == "s" {
            last = at;
        }
        at += 1;
    }
    last
}
