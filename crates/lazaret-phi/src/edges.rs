//! The edges of names: words beside what was found that belong to it, and runs of capitalised words that nothing has
//! claimed.
//!
//! A name is seldom found with one word of it and without the next by chance: the capitalised word beside it, joined by a
//! blank, is a part of it unless it is a word of grammar, a title or a clinical one.

use lazaret_core::{Kind, Label};

use crate::lexicon::{Lexicon, Marks};
use crate::names::{clinical_form, last_word};
use crate::overlap::{Evidence, Found};
use crate::registry::found;
use crate::view::{Case, Note, Token};

/// Words that no name goes on with.
const OTHERS: Marks = Marks::FUNCTION
    .or(Marks::TITLE)
    .or(Marks::STAFF)
    .or(Marks::CALENDAR)
    .or(Marks::RELATION)
    .or(Marks::CLINICAL)
    .or(Marks::CREDENTIAL)
    .or(Marks::EPONYM_HEAD)
    .or(Marks::COUNTRY)
    .or(Marks::PAYER);
/// Most words that are taken in on either side.
const MOST: usize = 3;

/// Widens names, towns and facilities over the capitalised words beside them.
pub(crate) fn widen(note: &Note<'_>, claims: &mut [Found]) {
    for claim in claims.iter_mut() {
        match claim.label.kind {
            Kind::Name => {
                back(note, claim);
                family_first(note, claim);
            }
            Kind::Hospital => {
                back(note, claim);
                facility_tail(note, claim);
            }
            Kind::Location if claim.label == Label::CITY => {
                back(note, claim);
                town_tail(note, claim);
            }
            _ => {}
        }
    }
}

/// Whether a word begins a sentence, a line or a field.
fn begins(note: &Note<'_>, token: &Token) -> bool {
    let before = note.before(token.start, 6).trim_end_matches([' ', '"', '(', '-', '*', '\'']);
    before.is_empty() || before.ends_with(['.', ':', '?', '!', ';', '|', '>'])
}

/// Whether the word may be a part of what it stands beside.
fn joins(note: &Note<'_>, token: &Token) -> bool {
    token.case == Case::Capital && token.len() >= 3 && !token.has(OTHERS) && !clinical_form(note.word(token))
}

/// `Juniper` before `Montoya`, `Big` before `Al`: words before, not one that only begins a sentence.
fn back(note: &Note<'_>, claim: &mut Found) {
    let first = note.token_at(claim.start);
    for at in (first.saturating_sub(MOST)..first).rev() {
        let (Some(word), Some(this)) = (note.tokens().get(at), note.tokens().get(at + 1)) else { return };
        let blank = note.slice(word.end, this.start) == " ";
        if claim.label.kind == Kind::Name && blank && this.start == claim.start && lower_given(word, this) {
            claim.start = word.start;
            return;
        }
        let joined = blank && this.case == Case::Capital;
        let opener = begins(note, word) && word.has(Marks::COMMON);
        if !joined
            || this.start != claim.start
            || !joins(note, word)
            || opener
            || word.has(Marks::FACILITY_HEAD)
        {
            return;
        }
        claim.start = word.start;
    }
}

/// `bill quarrow`: a given name in small letters before a name in small letters.
fn lower_given(word: &Token, name: &Token) -> bool {
    let other = Marks::FUNCTION.or(Marks::CLINICAL).or(Marks::TITLE).or(Marks::STAFF).or(Marks::RELATION);
    word.case == Case::Lower
        && name.case == Case::Lower
        && !word.has(other)
        && word.len() >= 3
        && (word.has(Marks::GIVEN_FREQUENT) || word.has(Marks::PERSON) && !word.has(Marks::COMMON))
}

/// `Quillhawk, R. Mary`: the family name before a comma.
fn family_first(note: &Note<'_>, claim: &mut Found) {
    let first = note.token_at(claim.start);
    let (Some(given), Some(family)) =
        (note.tokens().get(first), first.checked_sub(1).and_then(|at| note.tokens().get(at)))
    else {
        return;
    };
    let other = OTHERS.or(Marks::CITY).or(Marks::STATE).or(Marks::FACILITY).or(Marks::COMMON);
    let listed = given.has(Marks::GIVEN) || given.case == Case::Initial && note.byte(given.end) == b'.';
    let opens = {
        let before = note.before(family.start, 2);
        before.is_empty()
            || before.ends_with(['"', '(', '|'])
            || before.ends_with(": ")
            || family.case == Case::Upper
    };
    let same = family.case == given.case || given.case == Case::Initial && family.case == Case::Capital;
    if note.slice(family.end, given.start) == ", "
        && listed
        && opens
        && same
        && !family.has(other)
        && family.len() >= 3
        && matches!(family.case, Case::Capital | Case::Upper)
    {
        claim.start = family.start;
        // `Tai-Man, C.`
        if let Some(before) = first.checked_sub(2).and_then(|at| note.tokens().get(at))
            && note.slice(before.end, family.start) == "-"
            && before.case == Case::Capital
        {
            claim.start = before.start;
        }
    }
}

/// `Maringold` before `Bend`: further words of a town.
fn town_tail(note: &Note<'_>, claim: &mut Found) {
    for _ in 0..2 {
        let last = last_word(note, claim);
        let (Some(this), Some(next)) = (note.tokens().get(last), note.tokens().get(last + 1)) else { return };
        // `Quillby Plains Family Med`: the town is a clinic's.
        let clinic = next.case == Case::Capital
            && (next.has(Marks::FACILITY)
                || [
                    "Family",
                    "Med",
                    "Health",
                    "Urgent",
                    "Medical",
                    "Community",
                    "Emergency",
                    "Infusion",
                    "House",
                    "Lodge",
                    "Manor",
                    "Hall",
                ]
                .contains(&note.word(next)));
        if clinic && note.slice(claim.end.max(this.end), next.start) == " " {
            claim.label = Label::HOSPITAL;
            claim.end = next.end;
            facility_tail(note, claim);
            return;
        }
        let place = next.has(Marks::STREET.or(Marks::CITY)) || next.marks == Marks::default();
        if note.slice(claim.end.max(this.end), next.start) != " "
            || !joins(note, next)
            || !place
            || this.case != Case::Capital
        {
            return;
        }
        claim.end = next.end;
    }
}

/// `Mart on Pine`, `Drug #3`, `Oaks ED`, `Clinic & Lab`: what a facility's name ends with.
fn facility_tail(note: &Note<'_>, claim: &mut Found) {
    for _ in 0..MOST {
        let last = last_word(note, claim);
        let (Some(this), Some(next)) = (note.tokens().get(last), note.tokens().get(last + 1)) else { return };
        let partners = note.after(claim.end, 32);
        if let Some(length) =
            [", a Professional Association", ", a Professional Corporation", ", A Medical Corporation"]
                .iter()
                .find(|form| partners.starts_with(**form))
                .map(|form| form.len())
        {
            claim.end += length;
            return;
        }
        if this.end != claim.end || this.case != Case::Capital {
            return;
        }
        let after = note.tokens().get(last + 2);
        let named = |token: &Token| {
            token.case == Case::Capital
                && !token.has(
                    Marks::FUNCTION
                        .or(Marks::TITLE)
                        .or(Marks::CALENDAR)
                        .or(Marks::STAFF)
                        .or(Marks::DRUG)
                        .or(Marks::RELATION)
                        .or(Marks::CREDENTIAL),
                )
        };
        let gap = note.slice(this.end, next.start);
        let linked = matches!(note.word(next), "on" | "of" | "at")
            && after.is_some_and(|token| {
                named(token) && token.len() > 2 && note.slice(next.end, token.start) == " "
            });
        if matches!(gap, " " | " & ") && named(next) && note.byte(next.end) != b':' {
            claim.end = next.end;
        } else if gap == " "
            && linked
            && let Some(end) = after
        {
            claim.end = end.end;
        } else if gap == " #" && next.case == Case::Number && next.len() <= 4
            || gap == " "
                && matches!(
                    note.word(next),
                    "shelter" | "hospital" | "clinic" | "pharmacy" | "church" | "school"
                )
            || gap == " "
                && matches!(note.word(next), "ED" | "ER" | "AME" | "UCC" | "SNF" | "LTC" | "RACF" | "MOB")
        {
            claim.end = next.end;
            return;
        } else {
            return;
        }
    }
}

/// What a found name goes on with: `QUILLMOOR-VANE,E.T.`, the second half of `ilse quillmoor-vane`, `ILSE (ILSY)`.
pub(crate) fn complete_names(note: &Note<'_>, out: &mut Vec<Found>) {
    let other = OTHERS.or(Marks::COMMON).or(Marks::STATE).or(Marks::CREDENTIAL).or(Marks::PAYER);
    let mut nicknames = Vec::new();
    for claim in out.iter_mut().filter(|claim| claim.label.kind == Kind::Name && claim.end - claim.start > 2)
    {
        let mut index = note.token_at(claim.end);
        while let Some(half) = note.tokens().get(index).filter(|half| {
            half.start == claim.end + 1
                && note.byte(claim.end) == b'-'
                && note.byte_before(claim.end).is_ascii_alphabetic()
                && half.len() > 2
                && matches!(half.case, Case::Lower | Case::Capital | Case::Upper)
                && !half.has(Marks::EPONYM_HEAD.or(Marks::FUNCTION).or(Marks::MEDICAL))
                && (half.case != Case::Lower || note.byte(claim.start).is_ascii_lowercase())
        }) {
            claim.end = half.end;
            index += 1;
        }
        let mut end = claim.end + 1;
        while note.byte(claim.end) == b','
            && let Some(initial) =
                note.tokens().get(index).filter(|t| t.case == Case::Initial && t.start == end)
            && matches!(note.byte(initial.end), b'.' | b' ' | b'-' | b'\n' | 0)
        {
            end = initial.end + usize::from(matches!(note.byte(initial.end), b'.' | b'-'));
            index += 1;
        }
        if end > claim.end + 1 {
            claim.end = if note.byte_before(end) == b'-' { end - 1 } else { end };
        }
        let gap = note.slice(claim.end, claim.end + 3);
        let lead = if gap.starts_with(" (\"") {
            3
        } else if gap.starts_with(" (") {
            2
        } else {
            continue;
        };
        let Some(token) = note.tokens().get(index).filter(|t| t.start == claim.end + lead) else { continue };
        let closes = if lead == 3 {
            note.slice(token.end, token.end + 2) == "\")"
        } else {
            note.byte(token.end) == b')'
        };
        let name = matches!(token.case, Case::Capital | Case::Upper)
            && token.len() > 1
            && (lead == 3 || !token.has(other));
        if closes && name && (lead == 3 || token.len() > 3) {
            nicknames.push(found(claim.label, token.start, token.end, Evidence::Likely));
        }
    }
    out.append(&mut nicknames);
}

/// Drops towns, facilities and names that are a state or country and nothing else: these may stay.
pub(crate) fn states_stay(note: &Note<'_>, claims: &mut Vec<Found>) {
    let place = Marks::STATE.or(Marks::COUNTRY);
    claims.retain(|claim| {
        let first = note.token_at(claim.start);
        let named = |token: &Token| token.has(Marks::GIVEN.or(Marks::SURNAME_FREQUENT));
        let whole = (claim.label == Label::CITY
            || claim.label == Label::HOSPITAL
            || claim.label == Label::NAME && note.tokens().get(first).is_some_and(|token| !named(token)))
            && claim.evidence <= Evidence::Shape
            && note.tokens().get(first).is_some_and(|token| {
                let next = note.tokens().get(first + 1);
                let both = next.is_some_and(|next| {
                    next.end == claim.end
                        && Lexicon::get().marks_of_two(note.word(token), ' ', note.word(next)).has(place)
                });
                token.start == claim.start
                    && (both || token.end == claim.end && token.has(place) && token.len() > 3)
            });
        !whole
    });
}

/// Drops numbers that a code system names (`RxCUI 860975`) and that were taken for a post code or house, ages with a sex
/// (`44M`) and gauges (`20G`), common words taken for a place, and the saint of a herb.
pub(crate) fn codes_stay(note: &Note<'_>, claims: &mut Vec<Found>) {
    claims.retain(|claim| {
        let saint = matches!(note.slice(claim.start, claim.start + 2), "St" | "ST" | "st");
        let herb = note.slice(claim.end, claim.end + 7) == "'s wort"
            || saint && note.cue_after(claim.end, 10, "wort|dance|fire|disease");
        let place = claim.label.kind == Kind::Location && claim.evidence <= Evidence::Shape;
        let first = note.tokens().get(note.token_at(claim.start));
        let single = first.filter(|token| place && token.end == claim.end && token.start == claim.start);
        let common = single.is_some_and(|t| {
            t.case == Case::Lower && t.has(Marks::COMMON) && !t.has(Marks::CITY.or(Marks::COUNTY))
        });
        let short = single.is_some_and(|t| {
            t.case == Case::Mixed
                && t.len() <= 4
                && note.word(t).ends_with(['M', 'F', 'G'])
                && note.slice(t.start, t.end - 1).bytes().all(|b| b.is_ascii_digit())
        });
        if herb || common || short {
            return false;
        }
        let number = || note.slice(claim.start, claim.end).bytes().all(|b| b.is_ascii_digit());
        let weak = claim.label.kind == Kind::Location && claim.evidence <= Evidence::Shape;
        !(weak
            && number()
            && note.cue_before(claim.start, 12, "snomed|loinc|rxcui|cpt|icd|ndc|code|hcpcs|pmid|omim"))
    });
}

/// Two capitalised words or more inside a sentence, after a small word, that nothing has claimed: a firm or a place.
pub(crate) fn leftover(note: &Note<'_>, out: &mut Vec<Found>) {
    const PLAIN: Marks = OTHERS.or(Marks::STATE);
    let mut taken: Vec<(usize, usize)> = out.iter().map(|claim| (claim.start, claim.end)).collect();
    taken.sort_unstable();
    let mut upto = 0; // claims before this one end before the word
    let mut reach = 0;
    let mut index = 0;
    while let Some(token) = note.tokens().get(index) {
        let at = index;
        index += 1;
        if token.case != Case::Capital || token.len() < 3 {
            continue;
        }
        let Some(before) = at.checked_sub(1).and_then(|at| note.tokens().get(at)) else { continue };
        if before.case != Case::Lower
            || before.len() > 4
            || token.start - before.end != 1
            || note.byte(before.end) != b' '
        {
            continue;
        }
        let place = match note.word(before) {
            "in" | "near" | "of" | "off" => Label::CITY,
            "at" | "by" | "from" | "to" | "for" | "via" | "the" | "with" | "thru" => Label::HOSPITAL,
            _ => continue,
        };
        let mut last = at;
        while let Some(next) = note.tokens().get(last + 1)
            && let Some(this) = note.tokens().get(last)
            && matches!(note.slice(this.end, next.start), " " | "-" | "'" | " & ")
            && (next.case == Case::Capital && (!next.has(PLAIN) || last > at && next.has(Marks::MEDICAL))
                || note.word(next) == "s" && note.byte_before(next.start) == b'\'')
            && last - at < 5
        {
            last += 1;
        }
        let Some(end) = note.tokens().get(last) else { break };
        let words = || note.tokens().iter().skip(at).take(last - at + 1).filter(|t| t.len() > 1);
        while let Some((_, claimed)) = taken.get(upto).filter(|(start, _)| *start < end.end) {
            reach = reach.max(*claimed);
            upto += 1;
        }
        let free = reach <= token.start;
        let things = words().all(|t| t.has(Marks::FACILITY.or(Marks::MEDICAL)));
        let of_whom = matches!(note.word(before), "by" | "from" | "for" | "at");
        let corner = last == at + 1 && note.slice(token.end, end.start) == " & " && place == Label::HOSPITAL;
        let named = words().any(|t| !t.has(Marks::COMMON)) || words().count() >= 3 || of_whom || corner;
        let place = if corner { Label::STREET } else { place };
        // `in Marrow Point`: a clinical word before a word for a place.
        let by_nature = end.case == Case::Capital
            && [
                "Point", "Falls", "Creek", "Harbor", "Harbour", "Heights", "Springs", "Bay", "Beach", "Lake",
                "Island", "Valley", "Landing", "Junction", "Crossing",
            ]
            .contains(&note.word(end));
        let plain = token.has(PLAIN) && !(by_nature && token.has(Marks::MEDICAL));
        if free && words().count() >= 2 && !plain && named && !things {
            out.push(found(place, token.start, end.end, Evidence::Likely));
        }
        index = last + 1;
    }
}

#[cfg(test)]
mod tests {
    fn texts(text: &str) -> Vec<String> {
        let found = crate::Scanner::new().unwrap().scan(text, None).unwrap();
        found.iter().map(|d| text.get(d.span.start..d.span.end).unwrap().to_owned()).collect()
    }

    #[test]
    fn names_are_found_to_their_edges() {
        for (text, name) in [
            ("It was Thistledown Karen who rang.", "Thistledown Karen"),
            ("Read \"Quillhawk, R. Mary\" on it.", "Quillhawk, R. Mary"),
            ("Filled at Fenwick Pharmacy #3 today.", "Fenwick Pharmacy #3"),
            ("Sent home by Endless Prairie Oxygen.", "Endless Prairie Oxygen"),
        ] {
            assert!(texts(text).iter().any(|found| found == name), "{text}: {:?}", texts(text));
        }
    }
}
