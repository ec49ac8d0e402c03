//! Finds towns and counties.
//!
//! A name before a state (`Fernmere, OH`) whether or not a gazetteer knows it; a name of the gazetteer after a word of
//! place (`lives in`, `from`, `moved to`); any capitalised name after `lives in`, `born in`, `from`; `X County`.
//! Scores, devices and diseases named after towns (`Glasgow Coma Scale`) are not places.
//!
//! Why: 45 CFR 164.514(b)(2)(i)(B). States and countries may stay.
//!
//! Example: `lives in Metairie, LA` gives `Metairie`; `Boston brace` and `mild LA enlargement` give nothing.
//!
//! References: `GeoNames` (catalogue/phi/SOURCE.md).

use std::sync::LazyLock;

use lazaret_core::Label;

use crate::lexicon::{Lexicon, Marks, WordSet};
use crate::overlap::{Evidence, Found};
use crate::registry::{ShapeDetector, found};
use crate::view::{Case, Note, Token};

/// See the page above.
pub(crate) struct City;

/// Most words of a town's name.
const WORDS: usize = 4;

impl ShapeDetector for City {
    fn id(&self) -> &'static str {
        "phi.location.city"
    }

    fn source(&self) -> &'static str {
        include_str!("city.rs")
    }

    fn examples(&self) -> (&'static str, &'static str) {
        ("She lives in Metairie, LA.", "Boston brace, mild LA enlargement, Glasgow 15.")
    }

    fn read(&self, note: &Note<'_>, out: &mut Vec<Found>) {
        let tokens = note.tokens();
        let mut index = 0;
        while let Some(token) = tokens.get(index) {
            let mut next = index + 1;
            if token.case == Case::Capital || token.case == Case::Upper {
                if let Some(last) = town_at(note, index) {
                    if let Some((end, evidence, label)) = judge(note, index, last) {
                        out.push(found(label, token.start, end, evidence));
                    }
                    next = last + 1;
                }
            } else if token.case == Case::Lower && lower_town(note, index) {
                out.push(found(Label::CITY, token.start, token.end, Evidence::Likely));
            } else if token.case == Case::Lower
                && index > 1
                && let Some(first) = spoken_town(note, index)
            {
                out.push(found(Label::CITY, first.start, token.end, Evidence::Likely));
            }
            index = next;
        }
    }
}

/// The last word of the run of capitalised words that begins here.
fn town_at(note: &Note<'_>, index: usize) -> Option<usize> {
    let tokens = note.tokens();
    let first = tokens.get(index)?;
    let before = index.checked_sub(1).and_then(|at| tokens.get(at));
    // Begin at the start of a run only.
    if stops(first)
        || before.is_some_and(|t| t.capitalised() && note.slice(t.end, first.start) == " " && !stops(t))
    {
        return None;
    }
    let mut last = index;
    while last - index + 1 < WORDS {
        let (Some(this), Some(next)) = (tokens.get(last), tokens.get(last + 1)) else { break };
        if next.case != Case::Capital && next.case != Case::Upper {
            break;
        }
        let gap = note.slice(this.end, next.start);
        let joined = matches!(gap, " " | "-") || gap == ". " && this.len() <= 3;
        if !joined || stops(next) {
            break;
        }
        last += 1;
    }
    Some(last)
}

/// Words that begin the name of a town though they are others too.
static GEOGRAPHIC: LazyLock<WordSet> = LazyLock::new(|| {
    WordSet::new(&[
        "new", "old", "lower", "upper", "east", "west", "north", "south", "great", "grand", "fort", "port",
        "mount", "mt", "st", "saint", "san", "santa", "los", "las", "la", "el", "le", "de", "des",
    ])
});

fn stops(token: &Token) -> bool {
    always_stops(token) && !GEOGRAPHIC.has(token.hash)
}

fn always_stops(token: &Token) -> bool {
    token.has(Marks::FUNCTION.or(Marks::TITLE).or(Marks::CALENDAR).or(Marks::STAFF).or(Marks::FACILITY_HEAD))
        && !token.has(Marks::CITY)
        || (token.case == Case::Upper && token.has(Marks::MEDICAL.or(Marks::STATE)) && token.len() <= 3)
}

/// What a town stands right after.
const LEADS: [&str; 10] =
    ["lives ", "in ", "from ", "IN ", "FROM ", "to ", "near ", "outside ", " of ", "city\":\""];
/// The words of them.
static LED: LazyLock<WordSet> =
    LazyLock::new(|| WordSet::new(&["lives", "in", "from", "to", "near", "outside", "of"]));
/// The keys of a field that holds one.
const KEYS: [&str; 4] = ["City: ", "CITY: ", "Town: ", "TOWN: "];

/// What stands before a place, if it ends with a word that a town stands right after: `word` is the last before it.
fn led<'n>(note: &'n Note<'_>, word: Option<&Token>, at: usize) -> Option<&'n str> {
    let last = note.byte_before(at.saturating_sub(1));
    if !matches!(last, b'n' | b'm' | b'N' | b'M' | b'o' | b'r' | b'e' | b'f' | b's' | b':' | b'"') {
        return None;
    }
    // Most are other words.
    if last.is_ascii_alphabetic() && word.is_some_and(|word| word.plain && !LED.has(word.hash)) {
        return None;
    }
    let before = note.before(at, 24);
    // Whole words: `in`, not the end of `Ye-jin`.
    let whole = |head: &str| !head.ends_with(|c: char| c.is_alphabetic() || c == '-');
    LEADS.iter().chain(&KEYS).any(|lead| before.strip_suffix(lead).is_some_and(whole)).then_some(before)
}

fn judge(note: &Note<'_>, first: usize, last: usize) -> Option<(usize, Evidence, Label)> {
    let tokens = note.tokens();
    let (start, end) = (tokens.get(first)?, tokens.get(last)?);
    let next = tokens.get(last + 1);
    if start.has(Marks::STATE.or(Marks::COUNTRY)) && first == last {
        return None;
    }
    // `Quillby County`, `Fern Creek Township`, `Orleans Parish`
    let head = note.word(end);
    if last > first && ["County", "COUNTY", "Parish", "Township"].contains(&head) {
        return Some((
            end.end,
            Evidence::Checked,
            if head == "Township" { Label::CITY } else { Label::COUNTY },
        ));
    }
    // `Fernmere, OH`, `Fernbrook, Vermont`, `Fernvane NM 87998`
    let state = next.filter(|t| t.capitalised()).is_some_and(|t| {
        let gap = note.slice(end.end, t.start);
        let code = t.case == Case::Upper && t.len() <= 3;
        let near = gap == ", " || matches!(gap, " " | "  " | " * " | "^");
        let zip = || {
            let after = note.after(t.end, 8).trim_start_matches([',', ' ', '.', '*']);
            let canadian = matches!(after.as_bytes(), [a, b, c, ..] if a.is_ascii_uppercase() && b.is_ascii_digit() && c.is_ascii_uppercase());
            after.starts_with(|c: char| c.is_ascii_digit()) || canadian
        };
        let two_words = || {
            let two = tokens.get(last + 2).filter(|two| two.capitalised());
            two.filter(|_| Lexicon::get().begins_phrase(t.hash)).is_some_and(|two| {
                let phrase = format!("{} {}", note.word(t), note.word(two)).to_lowercase();
                Lexicon::get().marks(&phrase).has(Marks::STATE)
            })
        };
        near && (code || t.len() > 3) && (t.has(Marks::STATE) || two_words()) && (gap == ", " || zip())
    });
    // `License NH 21774`, `Tax ID 98-77…`: a field and its value.
    let field = first == last
        && start.has(Marks::COMMON)
        && !start.has(Marks::CITY)
        && next.is_some_and(|t| note.slice(end.end, t.start) == " ");
    if state && !field && !start.has(Marks::FACILITY_HEAD) && !start.has(Marks::MEDICAL) {
        return Some((end.end, Evidence::Checked, Label::CITY));
    }
    // `2280 Quillby's Knot Ln, Fernmere`: after a street.
    let after_street = first.checked_sub(1).and_then(|at| tokens.get(at)).is_some_and(|t| {
        t.has(Marks::STREET) && t.capitalised() && matches!(note.slice(t.end, start.start), ", " | "., ")
    });
    if after_street
        && start.case == Case::Capital
        && !start.has(Marks::FUNCTION.or(Marks::CLINICAL).or(Marks::TITLE).or(Marks::RELATION))
    {
        return Some((end.end, Evidence::Likely, Label::CITY));
    }
    let closed = start.case == Case::Capital
        && !start.has(Marks::COMMON.or(Marks::CLINICAL).or(Marks::GIVEN_FREQUENT).or(Marks::FUNCTION))
        && matches!(note.byte(end.end), b'.' | b',' | b';' | b')' | b'\n')
        && note.before(start.start, 2) == ", ";
    if closed && Lexicon::get().marks(&phrase(note, first, last)).has(Marks::CITY) {
        return Some((end.end, Evidence::Likely, Label::CITY));
    }
    if start.case == Case::Upper && start.len() <= 3 || !matches!(note.byte_before(start.start), b' ' | b'"')
    {
        return None;
    }
    let before = led(note, first.checked_sub(1).and_then(|at| tokens.get(at)), start.start)?;
    if KEYS.iter().any(|key| before.ends_with(key)) {
        return Some((end.end, Evidence::Named, Label::CITY));
    }
    let listed = Lexicon::get().marks(&phrase(note, first, last)).has(Marks::CITY);
    // `in Boston at 59` is the town, `in Boston brace`, `in Glasgow 15` are what is named after it.
    let numbered = next.is_some_and(|t| t.case == Case::Number && t.start - end.end <= 2);
    let eponym = start.has(Marks::EPONYM)
        && !start.has(Marks::DRUG.or(Marks::DEVICE).or(Marks::MEDICAL))
        && !numbered
        && ["in ", "from "].iter().any(|lead| note.before(start.start, 5).ends_with(lead));
    let clinical = start.has(Marks::CLINICAL) && !eponym
        || next.is_some_and(|t| t.has(Marks::EPONYM_HEAD) && t.case == Case::Lower);
    let strong = note.cue_before(
        start.start,
        18,
        "lives|lives in|living in|lived in|born in|from|moved to|moving to|resides in|city|visiting|home in|back to|way to|travel to|travelled to|trip to|office in|outside|drive to|driving from|goes to|flew to");
    let weak = note.cue_before(start.start, 4, "in|to|near|of|at");
    let personal =
        start.has(Marks::RELATION.or(Marks::TITLE)) || (first == last && start.has(Marks::GIVEN_FREQUENT));
    if listed && (strong || (weak && !clinical)) {
        return Some((end.end, Evidence::Checked, Label::CITY));
    }
    let bare = !start.has(Marks::COMMON.or(Marks::PERSON).or(Marks::CLINICAL).or(Marks::PAYER)) && !personal;
    let in_or_from = {
        let b = note.before(start.start, 8).to_ascii_lowercase();
        b.ends_with("in ") || b.ends_with("from ") || b.ends_with("lives ")
    };
    let facility = (first..=last).any(|at| tokens.get(at).is_some_and(|t| t.has(Marks::FACILITY)));
    let sure = strong && in_or_from && !clinical && !personal && !facility;
    ((sure || (bare && in_or_from && last == first && start.case == Case::Capital)) && !facility).then_some((
        end.end,
        Evidence::Likely,
        Label::CITY,
    ))
}

/// What a place's name of two words ends with.
static PLACES: LazyLock<WordSet> = LazyLock::new(|| {
    WordSet::new(&[
        "landing", "bluffs", "springs", "heights", "hills", "grove", "junction", "crossing", "rapids",
        "mills", "corners", "meadows", "hollow", "beach", "harbor", "harbour", "ferry", "prairie", "valley",
        "forks", "creek", "gap",
    ])
});

/// `from cedar quills`, `outside of quillo landing`: two words in small letters after a word of place, the second one for a
/// place. The first of them.
fn spoken_town<'n>(note: &'n Note<'_>, index: usize) -> Option<&'n Token> {
    let tokens = note.tokens();
    let token = tokens.get(index)?;
    if !PLACES.has(token.hash) {
        return None;
    }
    let first = tokens.get(index - 1)?;
    let other = Marks::FUNCTION.or(Marks::CLINICAL).or(Marks::STAFF).or(Marks::RELATION);
    let before = note.before(first.start, 8);
    let led = [" in ", "from ", " of ", "near "].iter().any(|lead| before.ends_with(lead));
    (led && first.case == Case::Lower
        && first.len() > 3
        && !first.has(other)
        && note.slice(first.end, token.start) == " ")
        .then_some(first)
}

/// `in marfa`, `from reno`: a listed town in lower case that is no other word.
fn lower_town(note: &Note<'_>, index: usize) -> bool {
    let Some(token) = note.tokens().get(index) else { return false };
    if !token.has(Marks::CITY)
        || token.has(Marks::COMMON.or(Marks::CLINICAL).or(Marks::FUNCTION))
        || token.len() < 4
    {
        return false;
    }
    let before = note.before(token.start, 6);
    before.ends_with(" in ") || before.ends_with("from ")
}

fn phrase(note: &Note<'_>, first: usize, last: usize) -> String {
    let words: Vec<String> =
        (first..=last).filter_map(|at| note.tokens().get(at)).map(|t| note.word(t).to_lowercase()).collect();
    words.join(" ")
}
