//! Doses, durations and settings shaped like dates: `5/7`, `40-30-20`, `1000 ml 8/24`, `BiPAP 12/5`.

use crate::cue::is_one_of;
use crate::lexicon::Marks;
use crate::overlap::Found;
use crate::view::{Case, Note, Token};

use super::Words;

/// Whether numbers shaped like a date say how much, how often or how long.
pub(super) fn says_how_much(note: &Note<'_>, claim: &Found, words: &Words<'_>) -> bool {
    let text = note.slice(claim.start, claim.end);
    if !text.bytes().all(|b| b.is_ascii_digit() || matches!(b, b'/' | b'-' | b'.')) {
        return false;
    }
    let near = words.before().filter(|token| claim.start - token.end <= 2);
    let before = near.map_or("", |token| note.word(token));
    let drug = |token: Option<&Token>| {
        token.is_some_and(|token| token.has(Marks::DRUG) && !token.has(Marks::PERSON))
    };
    let lettered = near.is_some_and(|token| token.case == Case::Initial)
        && drug(words.first.checked_sub(2).and_then(|at| words.at(at)));
    let parts: Vec<u16> = text.split(['/', '-', '.']).filter_map(|part| part.parse().ok()).collect();
    match *parts.as_slice() {
        // `5/1.25`: two strengths; `10-20-40` after a drug: of no year that a drug is given in.
        [_, _, last] => {
            let strengths = text.contains('/') && text.contains('.');
            (strengths && (drug(near) || is_one_of(before, COMBINED)))
                || drug(near) && (40..100).contains(&last)
        }
        [number, of] => {
            let low = before.to_ascii_lowercase();
            // `1000 ml 8/24`, `10/7 of fever`: hours, days, weeks, months.
            // `1 L 8/24` is a volume, `Mammogram L 8/24` a side.
            let litres = low == "l"
                && words.first.checked_sub(2).and_then(|at| words.at(at)).is_some_and(|token| token.digits);
            let lasts = matches!(of, 7 | 24 | 52) && (litres || is_one_of(&low, DOSED))
                || matches!(of, 7 | 12 | 24 | 52) && lasting(note.after(claim.end, 24));
            let series = number <= of
                && of <= 5
                && note.cue_before(
                    claim.start,
                    12,
                    "hep b|hep a|hepb|hepa|hpv|mmr|ipv|tdap|dtap|hib|pcv|rota|rv|varicella|menb|dose|vaccine",
                );
            let listed = !is_one_of(&low, "from|to|on|since|until|till|by|started|begins|ends|began")
                && note.cue_before(claim.start, 24, "xrt|ebrt|radiotherapy|boost|gy|fx|mic|mics");
            lasts || series || lettered || listed || is_one_of(&low, SETTINGS)
        }
        _ => false,
    }
}

/// Whether what follows a number of days, weeks or months is what lasted so long.
fn lasting(after: &str) -> bool {
    let word = |text: &str| text.split(|c: char| !c.is_alphabetic()).next().unwrap_or("").to_lowercase();
    after.strip_prefix(" of ").is_some_and(|what| is_one_of(&word(what), COMPLAINTS))
        || after.strip_prefix(' ').is_some_and(|what| is_one_of(&word(what), "course|hx|history|supply|ago"))
}

/// Words right before a duration: how much, or how often.
const DOSED: &str = "g|ml|mg|mcg|tabs|tab|tablets|bd|tds|qid|od|nocte|mane|x|obs|neb|nebs";
/// What lasts for days, weeks or months.
const COMPLAINTS: &str = "fever|fevers|cough|pain|abx|antibiotics|vomiting|diarrhoea|diarrhea|sob|headache|headaches|symptoms|\
                          rash|nausea|dysuria|dizziness|weakness|swelling|lethargy|malaise|steroids|treatment";
/// Words between a drug and its strengths.
const COMBINED: &str = "Plus|plus|PLUS|HCT|hct|Forte|Duo|Comp|comp|Co|Compositum";
/// What two numbers with a stroke are set to: modes of ventilators.
const SETTINGS: &str = "pc|ac|vc|ps|psv|bipap|ipap|epap|simv|cpap|prvc|bilevel|vent";
