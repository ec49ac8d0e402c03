//! The rest of an address around its street: the unit or house before it, the town, state, country and code after it.
//!
//! A street stands seldom alone: what follows it, over a comma or a line's end, is read as far as it goes on as addresses
//! do.

use lazaret_core::Label;

use crate::detectors::street_form::unit_end;
use crate::lexicon::{Lexicon, Marks};
use crate::overlap::{Evidence, Found};
use crate::registry::found;
use crate::view::{Case, Note, Token};

/// Most words of a town's name.
const WORDS: usize = 5;

/// Widens streets over what stands before them, and claims the places after them.
pub(crate) fn complete(note: &Note<'_>, out: &mut Vec<Found>) {
    let streets: Vec<usize> = (0..out.len())
        .filter(|at| {
            out.get(*at).is_some_and(|claim| claim.label == Label::STREET && claim.start < claim.end)
        })
        .collect();
    towns_before(note, out);
    for at in streets {
        let Some(street) = out.get(at).copied() else { continue };
        let start = before(note, street.start);
        let end = unit_end(note, street.end);
        if let Some(claim) = out.get_mut(at) {
            (claim.start, claim.end) = (start, end);
        }
        after(note, end, out);
    }
}

/// `Quillby LS21 3QN`, `GLASGOW  G4 9XT`, `Moosefen, ON K1A 0B1`: the town right before a post code with letters.
fn towns_before(note: &Note<'_>, out: &mut Vec<Found>) {
    let tokens = note.tokens();
    let codes: Vec<Found> = out.iter().filter(|claim| claim.label == Label::ZIP).copied().collect();
    for code in codes {
        if !note.slice(code.start, code.end).bytes().any(|b| b.is_ascii_alphabetic()) {
            continue;
        }
        let mut first = note.token_at(code.start);
        let other = Marks::FUNCTION.or(Marks::TITLE).or(Marks::STAFF).or(Marks::STREET);
        let mut end = None;
        while let (Some(word), true) =
            (first.checked_sub(1).and_then(|at| tokens.get(at)), end.is_none_or(|(_, count)| count < 3))
        {
            let from = tokens.get(first).map_or(code.start, |t| t.start);
            let gap = note.slice(word.end, if end.is_none() { code.start } else { from });
            let joined =
                if end.is_none() { matches!(gap, " " | "  " | ", ") } else { matches!(gap, " " | "-") };
            let small = word.case == Case::Lower
                && end.is_some()
                && matches!(
                    note.word(word),
                    "on" | "upon" | "in" | "le" | "sur" | "du" | "of" | "the" | "under" | "by"
                );
            if !joined
                || !(matches!(word.case, Case::Capital | Case::Upper) && word.len() > 3 || small)
                || !small && word.has(other) && !word.has(Marks::CITY)
            {
                break;
            }
            first -= 1;
            end = Some(end.map_or((word.end, 1), |(end, count)| (end, count + 1)));
        }
        if let (Some((end, _)), Some(word)) = (end, tokens.get(first))
            && word.capitalised()
        {
            let label =
                if word.has(Marks::STATE) && !word.has(Marks::CITY) { Label::STATE } else { Label::CITY };
            out.push(found(label, word.start, end, Evidence::Checked));
        }
    }
}

/// Words for a part of a building or a site that a number or letter follows.
const UNITS: [&str; 27] = [
    "lvl",
    "trlr",
    "trailer",
    "camp",
    "cabin",
    "chalet",
    "slip",
    "hangar",
    "sp",
    "spc",
    "unit",
    "suite",
    "ste",
    "shop",
    "lot",
    "flat",
    "apt",
    "apartment",
    "space",
    "level",
    "floor",
    "room",
    "rm",
    "site",
    "box",
    "building",
    "bldg",
];
/// Words for a house, with a name before them.
const HOUSES: [&str; 18] = [
    "cottage",
    "house",
    "farm",
    "lodge",
    "bungalow",
    "barn",
    "villa",
    "croft",
    "grange",
    "rectory",
    "vicarage",
    "towers",
    "apartments",
    "mill",
    "manse",
    "hall",
    "park",
    "estates",
];

fn is(note: &Note<'_>, token: &Token, words: &[&str]) -> bool {
    let word = note.word(token);
    words.iter().any(|of| of.eq_ignore_ascii_case(word))
}

/// `Unit 3, 88 Fern Road`, `Lot 5 Fern Cl`, `R.R. #3, 1182 Fern Road`, `Fern Cottage, Fern Lane`: where an address begins.
fn before(note: &Note<'_>, street: usize) -> usize {
    // Part by part in a loop: a text may have as many of them as it likes.
    let mut start = street;
    loop {
        match part_before(note, start) {
            Some((part, Lead::More)) => start = part,
            Some((part, Lead::Done)) => return part,
            None => return start,
        }
    }
}

/// Whether another part may stand before one.
enum Lead {
    More,
    Done,
}

/// Where the part right before a place in an address begins.
fn part_before(note: &Note<'_>, start: usize) -> Option<(usize, Lead)> {
    let tokens = note.tokens();
    let first = note.token_at(start);
    let last = first.checked_sub(1).and_then(|at| tokens.get(at))?;
    let gap = note.slice(last.end, start);
    // `Lot 5 Fern Cl`: the number has been taken for the house's.
    if gap == " " && note.byte(start).is_ascii_digit() && is(note, last, &UNITS) {
        return Some((last.start, Lead::Done));
    }
    // `1600 – 885 Fern Street`, `88–90 Wharf Pde`, `Unit 9 / 40 Fern Rd`: two numbers.
    if matches!(gap, " \u{2013} " | " - " | "\u{2013}" | " / ")
        && note.byte(start).is_ascii_digit()
        && last.digits
        && last.len() <= 5
    {
        let unit = first.checked_sub(2).and_then(|at| tokens.get(at)).filter(|unit| {
            matches!(note.slice(unit.end, last.start), " " | ". " | " #") && is(note, unit, &UNITS)
        });
        return Some(unit.map_or((last.start, Lead::More), |unit| (unit.start, Lead::Done)));
    }
    if !matches!(gap, ", " | " " | "/" | ",") {
        return None;
    }
    // A number after a word for a unit.
    if last.len() <= 5
        && note.word(last).bytes().any(|b| b.is_ascii_digit())
        && let Some(unit) = first.checked_sub(2).and_then(|at| tokens.get(at))
    {
        let between = note.slice(unit.end, last.start);
        let route =
            unit.len() == 1 && unit.case == Case::Initial && note.before(unit.start, 3).ends_with("R.");
        return match between {
            " " | " #" | "#" | ". " | ". #" if route => Some((unit.start - 2, Lead::Done)),
            " " | " #" | "#" | ". " | ". #" if is(note, unit, &UNITS) || is(note, unit, &["rr"]) => {
                Some((unit.start, Lead::More))
            }
            _ => None,
        };
    }
    // A house's name: capitalised words up to a comma, from the line's start or another comma on.
    if gap != ", " || !last.capitalised() {
        return None;
    }
    let mut from = first - 1;
    while let (Some(name), Some(this)) = (from.checked_sub(1).and_then(|at| tokens.get(at)), tokens.get(from))
    {
        let joined = matches!(note.slice(name.end, this.start), " " | "-" | "'");
        if !joined || !name.capitalised() || first - from >= 4 || name.has(Marks::TITLE.or(Marks::STAFF)) {
            break;
        }
        from -= 1;
    }
    let name = tokens.get(from)?;
    let opens = matches!(note.byte_before(name.start), 0 | b'\n')
        || [", ", ": ", "at ", "to ", "of "].iter().any(|lead| note.before(name.start, 3).ends_with(lead));
    // `Quill Cottage`, `The Old Quillery`
    let house = (is(note, last, &HOUSES) || note.word(name) == "The") && (first - 1 > from);
    // A unit may stand before the house: `Space 41, Fern Park, 900 …`.
    (house && opens).then_some((name.start, Lead::More))
}

/// A part of an address that may follow another.
struct Part {
    label: Label,
    start: usize,
    end: usize,
}

fn after(note: &Note<'_>, end: usize, out: &mut Vec<Found>) {
    let mut at = end;
    let mut lines = 0;
    let mut parts: Vec<Part> = Vec::new();
    while parts.len() < 6 {
        let Some((gap, token)) = next(note, at) else { break };
        let broken = gap.contains('\n');
        lines += usize::from(broken);
        let apart = broken || gap.contains([',', '*', '^', '|']);
        if lines > 4 || parts.is_empty() && !apart {
            break;
        }
        let Some(part) = part(note, token, parts.last(), apart) else { break };
        at = part.end;
        parts.push(part);
    }
    // A town alone may be anything unless it closes the phrase.
    let sure = parts.len() >= 2
        || parts.first().is_some_and(|part| {
            part.label != Label::CITY
                || matches!(note.byte(part.end), 0 | b'\n' | b'.' | b',' | b';' | b')' | b'^' | b'|')
        });
    if sure {
        out.extend(parts.into_iter().map(|part| found(part.label, part.start, part.end, Evidence::Shape)));
    }
}

/// The next word and what stands before it, if that is no more than signs of an address.
fn next<'n>(note: &'n Note<'_>, at: usize) -> Option<(&'n str, usize)> {
    let index = note.token_at(at);
    let token = note.tokens().get(index)?;
    let gap = note.slice(at, token.start);
    let signs = gap.bytes().all(|b| matches!(b, b' ' | b',' | b'\n' | b'.' | b'*' | b'^' | b'|' | b'-'));
    let lines = gap.bytes().filter(|b| *b == b'\n').count();
    (signs && gap.len() <= 8 && lines <= 1 && token.start >= at).then_some((gap, index))
}

fn part(note: &Note<'_>, index: usize, last: Option<&Part>, apart: bool) -> Option<Part> {
    let tokens = note.tokens();
    let token = tokens.get(index)?;
    let word = note.word(token);
    let key = |token: &Token| note.byte(token.end) == b':';
    let place = |label, end| Some(Part { label, start: token.start, end });
    let settled = last.is_some();
    let coded = last.is_some_and(|last| last.label == Label::ZIP);
    match token.case {
        Case::Number if settled && !coded && (4..=6).contains(&token.len()) => {
            let plus = note.after(token.end, 5);
            let four =
                plus.len() == 5 && plus.starts_with('-') && plus.bytes().skip(1).all(|b| b.is_ascii_digit());
            place(Label::ZIP, token.end + if four { 5 } else { 0 })
        }
        Case::Capital | Case::Upper if !key(token) => {
            let two = tokens.get(index + 1).filter(|next| note.slice(token.end, next.start) == " ");
            let both =
                two.map(|next| Lexicon::get().marks_of_two(word, ' ', note.word(next))).unwrap_or_default();
            if let Some(next) = two.filter(|_| both.has(Marks::STATE.or(Marks::COUNTRY)) && settled) {
                return place(if both.has(Marks::STATE) { Label::STATE } else { Label::COUNTRY }, next.end);
            }
            let followed = note
                .after(token.end, 3)
                .trim_start_matches([' ', '^', ','])
                .starts_with(|c: char| c.is_ascii_digit());
            let code = token.case == Case::Upper && token.len() <= 3 && (token.has(Marks::STATE) || followed);
            if settled && (code || token.has(Marks::STATE) && token.len() > 3) {
                return place(Label::STATE, token.end);
            }
            if settled && token.has(Marks::COUNTRY) && token.len() > 1 {
                return place(Label::COUNTRY, token.end);
            }
            let town = last.is_none_or(|last| last.label != Label::CITY && last.label != Label::ZIP);
            if town && apart { place(Label::CITY, town_end(note, index)?) } else { None }
        }
        _ => None,
    }
}

/// The end of a town's name: capitalised words, with small ones between hyphens.
fn town_end(note: &Note<'_>, index: usize) -> Option<usize> {
    const OTHERS: Marks = Marks::RELATION
        .or(Marks::CALENDAR)
        .or(Marks::STAFF)
        .or(Marks::CREDENTIAL)
        .or(Marks::DRUG)
        .or(Marks::DEVICE);
    let tokens = note.tokens();
    let fits = |token: &Token| {
        matches!(token.case, Case::Capital | Case::Upper)
            && (!token.has(OTHERS.or(Marks::MEDICAL).or(Marks::FUNCTION).or(Marks::TITLE))
                || token.has(Marks::CITY.or(Marks::CITY_BEGINS)))
    };
    let small = |token: &Token| {
        token.case == Case::Lower
            && token.len() <= 5
            && (token.has(Marks::FUNCTION.or(Marks::PARTICLE)) || token.len() <= 3)
    };
    let first = tokens.get(index).filter(|token| fits(token) && token.len() > 1)?;
    let mut end = first.end;
    let mut at = index;
    while at - index < WORDS {
        let (Some(this), Some(next)) = (tokens.get(at), tokens.get(at + 1)) else { break };
        let gap = note.slice(this.end, next.start);
        let goes_on = match gap {
            " " | "-" | "'" | ". " if fits(next) => {
                next.case == first.case
                    && !(next.case == Case::Upper && next.len() <= 3 && next.has(Marks::STATE))
            }
            "-" | " " => {
                small(next)
                    && tokens.get(at + 2).is_some_and(|after| {
                        after.capitalised() && matches!(note.slice(next.end, after.start), "-" | " ")
                    })
            }
            _ => false,
        };
        if !goes_on || gap == ". " && this.len() > 3 {
            break;
        }
        at += 1;
        if next.case != Case::Lower {
            end = next.end;
        }
    }
    // A key of the next line (`Phone: …`) or a sentence is no town.
    let closes = tokens.get(at + 1).is_none_or(|next| {
        let gap = note.slice(end, next.start);
        // `Quillo Wash az.`
        let state = next.len() == 2
            && next.has(Marks::STATE)
            && !note.byte(next.end).is_ascii_alphanumeric()
            && note.byte(next.end) != b' '
            || next.len() == 2 && next.has(Marks::STATE) && note.byte(next.end + 1).is_ascii_digit();
        next.case != Case::Lower || gap != " " || state
    });
    (note.byte(end) != b':' && note.byte(end) != b'@' && closes).then_some(end)
}

#[cfg(test)]
mod tests {
    fn places(text: &str) -> Vec<(String, String)> {
        let found = crate::Scanner::new().unwrap().wide(true).scan(text, None).unwrap();
        found
            .iter()
            .filter(|d| d.label.kind == lazaret_core::Kind::Location)
            .map(|d| (text.get(d.span.start..d.span.end).unwrap().to_owned(), d.label.to_string()))
            .collect()
    }

    #[test]
    fn an_address_is_read_to_its_end() {
        let text = "Sent to Unit 3, 88 Fenwick Road, Lower Quillby-on-Fen, OH 44917.\nDone.";
        let expected = [
            ("Unit 3, 88 Fenwick Road", "LOCATION.street"),
            ("Lower Quillby-on-Fen", "LOCATION.city"),
            ("OH", "LOCATION.state"),
            ("44917", "LOCATION.zip"),
        ];
        let found = places(text);
        let found: Vec<(&str, &str)> =
            found.iter().map(|(text, label)| (text.as_str(), label.as_str())).collect();
        assert_eq!(found, expected);
        let found = places("12 Quillby Lane\nZorvany\nBelgium 4021\nPhone: none");
        assert_eq!(found.len(), 4, "{found:?}");
    }

    #[test]
    fn an_address_may_have_any_number_of_parts() {
        for (part, street) in
            [("1 - ", "12 Fern Street"), ("Unit 1, ", "88 Fern Road"), ("Fern Cottage, ", "88 Fern Road")]
        {
            let text = part.repeat(40_000) + street;
            let found = places(&text);
            assert_eq!(found.first().map(|(place, _)| place.len()), Some(text.len()), "{part}");
        }
    }

    #[test]
    fn what_follows_a_street_in_a_sentence_is_no_town() {
        let found = places("She fell at 12 Quillby Lane, Denies pain. 9 Fenwick St, Blood pressure normal");
        assert_eq!(found.len(), 2, "{found:?}");
    }
}
