//! Finds names of facilities and firms by their form: `St Anselm's`, `Our Lady of the Lake`, `Lakeside Children's`,
//! `Fennel & Daughters Lamps`, `The Fernmere Surgery`, and two capitalised words or more after `at` or `works`.
//!
//! No word of them says what they are, so each must be capitalised and none may be a clinical word. A short form ends
//! them (`Quill Mesa ED`) or stands for them: capitals in `MC`, `GH`, `UH` (`FQRMC`), or after a word of transfer.
//!
//! Why: 45 CFR 164.514(b)(2)(i)(B) and (A): where someone was treated or works is a place smaller than a state.
//!
//! Example: `seen at Our Lady of the Lake` gives the name; `St. Vitus dance`, `Pain & Swelling` give nothing.
//!
//! References: 45 CFR 164.514(b)(2)(i).

use lazaret_core::Label;

use crate::cue::is_one_of;
use crate::lexicon::Marks;
use crate::overlap::{Evidence, Found};
use crate::registry::{Hit, Pass, ShapeDetector, found};
use crate::view::{Case, Note, Token};

/// Most words of a name.
const WORDS: usize = 7;

/// See the page above.
pub(crate) struct HospitalForm;

impl ShapeDetector for HospitalForm {
    fn id(&self) -> &'static str {
        "phi.hospital.form"
    }

    fn source(&self) -> &'static str {
        include_str!("hospital_form.rs")
    }

    fn examples(&self) -> (&'static str, &'static str) {
        ("Seen at Our Lady of the Lake today.", "St. Vitus dance, Pain & Swelling, at Home, at noon.")
    }

    fn shapes(&self) -> &'static [(Pass, &'static str)] {
        &[
            (
                Pass::Numbers,
                r"\b(?:our lady of (?:the )?[a-z']+|(?:st|saint)\.? [a-z]+(?:'s| medical| general| regional| memorial))\b",
            ),
            (Pass::Numbers, r"\b[A-Z]{2,4}(?:MC|GH|UH)\b"),
            (
                Pass::Numbers,
                r"\b(?:t/f|tx|xfer|transfer(?:red)?|transported|accepted|admitted|sent|seen|from) (?:to|at|by|from) (?-i:[A-Z]{3,5})\b",
            ),
        ]
    }

    fn judge(&self, hit: Hit, note: &Note<'_>, out: &mut Vec<Found>) {
        match hit.shape {
            0 => saint(hit, note, out),
            _ => acronym(hit, note, out),
        }
    }

    fn read(&self, note: &Note<'_>, out: &mut Vec<Found>) {
        for (index, token) in note.tokens().iter().enumerate() {
            if token.len() == 8 && note.byte(token.end) == b'\'' {
                childrens(note, index, out);
            }
            match token.case {
                Case::Capital => {
                    conjoined(note, index, out);
                    after_at(note, index, out);
                    possessive(note, index, out);
                    the_practice(note, index, out);
                }
                Case::Upper => of_department(note, index, out),
                Case::Lower => on_street(note, index, out),
                _ => {}
            }
        }
    }
}

/// Words that no proper name is made of.
const PLAIN: Marks = Marks::FUNCTION
    .or(Marks::MEDICAL)
    .or(Marks::CLINICAL)
    .or(Marks::CALENDAR)
    .or(Marks::TITLE)
    .or(Marks::STAFF)
    .or(Marks::RELATION)
    .or(Marks::EPONYM_HEAD)
    .or(Marks::CREDENTIAL);

/// Words of grammar and of people, at which a name ends.
const STOPS: Marks =
    Marks::CALENDAR.or(Marks::TITLE).or(Marks::STAFF).or(Marks::RELATION).or(Marks::CREDENTIAL);
/// Words of grammar that are a place's too, with a capital.
const PLACES: &str = "House|School|Mine|Second|Floor";

/// The run of capitalised words, joined by blanks, that begins or goes on at `from`.
fn run(note: &Note<'_>, from: usize) -> usize {
    let tokens = note.tokens();
    let mut last = from;
    while let (Some(this), Some(next)) = (tokens.get(last), tokens.get(last + 1)) {
        let joined = matches!(note.slice(this.end, next.start), " " | "-" | "'" | "' ");
        let possessive = note.word(next) == "s" && note.slice(this.end, next.start) == "'";
        // A clinical word goes on with a name (`Quill Ridge Gold Fields`), a word of grammar does not.
        let goes_on = !next.has(PLAIN)
            || next.has(Marks::CLINICAL.or(Marks::FACILITY)) && !next.has(STOPS)
            || is_one_of(note.word(next), PLACES);
        if !(joined && (next.case == Case::Capital && goes_on || possessive)) || last - from > WORDS {
            break;
        }
        last += 1;
    }
    last
}

/// `FQRMC`, `transferred to QVH`: capitals that no list knows, as the name of a medical centre or after a word of
/// transfer.
fn acronym(hit: Hit, note: &Note<'_>, out: &mut Vec<Found>) {
    let Some(token) = note.tokens().get(note.token_at(hit.end - 1)) else { return };
    let joined = matches!(note.byte(token.end), b'-' | b'/' | b'^') || note.byte_before(token.start) == b'-';
    if token.case == Case::Upper && token.end == hit.end && token.marks == Marks::default() && !joined {
        out.push(found(Label::HOSPITAL, token.start, token.end, Evidence::Likely));
    }
}

/// `Lakeside Children's`, with one word or two before.
fn childrens(note: &Note<'_>, index: usize, out: &mut Vec<Found>) {
    let tokens = note.tokens();
    let Some(token) = tokens.get(index) else { return };
    if !note.word(token).eq_ignore_ascii_case("children") {
        return;
    }
    let possessive = tokens.get(index + 1).filter(|next| next.start == token.end + 1);
    let Some(end) = possessive.filter(|next| note.word(next).eq_ignore_ascii_case("s")) else { return };
    let mut first = index;
    while let (Some(before), Some(this)) =
        (first.checked_sub(1).and_then(|at| tokens.get(at)), tokens.get(first))
    {
        if !before.plain || index - first >= 2 || note.slice(before.end, this.start) != " " {
            break;
        }
        first -= 1;
    }
    if let Some(start) = tokens.get(first).filter(|_| first < index) {
        saint(Hit { start: start.start, end: end.end, shape: 0 }, note, out);
    }
}

/// `Fennel & Daughters Lamps`, `Quillby Glass & Frame`: three words or more with `&` among them.
fn conjoined(note: &Note<'_>, index: usize, out: &mut Vec<Found>) {
    let tokens = note.tokens();
    let (Some(this), Some(next)) = (tokens.get(index), tokens.get(index + 1)) else { return };
    if note.byte(this.end + 1) != b'&' {
        return;
    }
    let capital = |t: &Token| t.case == Case::Capital && !t.has(PLAIN);
    // `Quillby Bone & Joint`: a clinic by what it treats.
    if note.slice(this.end, next.start) == " & "
        && this.case == Case::Capital
        && next.case == Case::Capital
        && (this.has(Marks::MEDICAL) || next.has(Marks::MEDICAL))
    {
        let last = run(note, index + 1);
        let begin = (1..=2).rev().find_map(|back| {
            let from = index.checked_sub(back)?;
            let words = || tokens.iter().skip(from).take(back);
            let joined = (from..index).all(|at| {
                tokens.get(at).zip(tokens.get(at + 1)).is_some_and(|(a, b)| note.slice(a.end, b.start) == " ")
            });
            (joined && words().all(capital)).then(|| tokens.get(from))?
        });
        if let (Some(start), Some(end)) = (begin, tokens.get(last)) {
            out.push(found(Label::HOSPITAL, start.start, end.end, Evidence::Shape));
        }
        return;
    }
    if note.slice(this.end, next.start) != " & " || !capital(this) || next.case != Case::Capital {
        return;
    }
    let mut first = index;
    while let (Some(before), Some(word)) =
        (first.checked_sub(1).and_then(|at| tokens.get(at)), tokens.get(first))
    {
        if note.slice(before.end, word.start) != " " || !capital(before) || index - first > 3 {
            break;
        }
        first -= 1;
    }
    let last = run(note, index + 1);
    let proper = (first..=last).filter_map(|at| tokens.get(at)).any(|t| !t.has(Marks::COMMON));
    if let (true, Some(start), Some(end)) = (proper && last - first >= 2, tokens.get(first), tokens.get(last))
    {
        out.push(found(Label::HOSPITAL, start.start, end.end, Evidence::Likely));
    }
}

/// `Quillan's Drug`, `Fern's Door`: what is someone's and has a capital; no eponym, feast or week.
fn possessive(note: &Note<'_>, index: usize, out: &mut Vec<Found>) {
    let tokens = note.tokens();
    let Some(token) = tokens.get(index) else { return };
    if token.case != Case::Capital || note.byte(token.end) != b'\'' || note.byte(token.end + 1) != b's' {
        return;
    }
    let other = PLAIN.or(Marks::STREET);
    let Some(next) = tokens.get(index + 2) else { return };
    let owner = !token.has(PLAIN) && (!token.has(Marks::COMMON) || token.has(Marks::PERSON));
    let thing = next.case == Case::Capital && next.len() > 2 && (!next.has(other) || next.has(Marks::DRUG));
    let feast = matches!(note.word(next), "Day" | "Eve" | "Week" | "Office" | "Sign" | "Signs");
    if owner && thing && !feast && note.slice(token.end, next.start) == "'s " {
        let start = tokens
            .get(index.wrapping_sub(1))
            .filter(|t| {
                matches!(note.word(t), "St" | "Saint" | "Our")
                    && note.slice(t.end, token.start).trim_start_matches('.') == " "
            })
            .map_or(token.start, |t| t.start);
        out.push(found(Label::HOSPITAL, start, next.end, Evidence::Likely));
    }
}

/// `at Silver Fen Trading Post`, `at the Amber Pavilion`: two capitalised words or more.
fn after_at(note: &Note<'_>, index: usize, out: &mut Vec<Found>) {
    let tokens = note.tokens();
    let Some(token) = tokens.get(index) else { return };
    if token.case != Case::Capital || token.has(PLAIN) || token.len() < 3 {
        return;
    }
    // What may lead it ends with one of these.
    let last = note.byte_before(token.start.saturating_sub(1));
    if note.byte_before(token.start) != b' '
        || !matches!(last, b't' | b'e' | b's' | b'r' | b'k' | b',' | b':')
    {
        return;
    }
    let before = note.before(token.start, 14);
    let led = [
        " at ",
        " at the ",
        " works ",
        "(works ",
        "works nights, ",
        "works days, ",
        "works for ",
        " work ",
        "job: ",
        "work: ",
    ]
    .iter()
    .any(|lead| before.ends_with(lead));
    let named = before.ends_with("the ")
        && [" to the ", " from the ", " no to the "].iter().any(|lead| before.ends_with(lead));
    if !led && !named {
        return;
    }
    let last = run(note, index);
    // `the Manor on Quill`: by the street it stands on.
    let on =
        note.before(token.start, 5) == " the " || note.before(token.start, 4).eq_ignore_ascii_case("the ");
    if on
        && let (Some(this), Some(small), Some(street)) =
            (tokens.get(last), tokens.get(last + 1), tokens.get(last + 2))
        && matches!(note.word(small), "on" | "at")
        && note.slice(this.end, small.start) == " "
        && note.slice(small.end, street.start) == " "
        && street.case == Case::Capital
        && !street.has(PLAIN)
    {
        out.push(found(Label::HOSPITAL, token.start - 4, street.end, Evidence::Likely));
        return;
    }
    let tail = tokens.get(last + 1).filter(|next| {
        tokens.get(last).is_some_and(|this| note.slice(this.end, next.start) == " ") && department(note, next)
    });
    let last = last + usize::from(tail.is_some());
    if let (true, Some(end)) = (led && last > index, tokens.get(last)) {
        out.push(found(Label::HOSPITAL, token.start, end.end, Evidence::Likely));
    }
}

/// `Quill-Mart on Fen`, `(Eyes on Quill)`, `The Quillows on Fen`: by the street it stands on; no person, drug or day.
fn on_street(note: &Note<'_>, index: usize, out: &mut Vec<Found>) {
    let tokens = note.tokens();
    let Some(on) =
        tokens.get(index).filter(|t| t.len() == 2 && t.case == Case::Lower && note.word(t) == "on")
    else {
        return;
    };
    let (Some(street), Some(last)) =
        (tokens.get(index + 1), index.checked_sub(1).and_then(|at| tokens.get(at)))
    else {
        return;
    };
    let apart = note.slice(last.end, on.start) == " " && note.slice(on.end, street.start) == " ";
    let proper = |t: &Token| t.case == Case::Capital && t.len() > 2 && !t.has(PLAIN);
    let person = last.has(Marks::GIVEN_FREQUENT) || last.has(Marks::PERSON) && !last.has(Marks::COMMON);
    if !apart || !proper(last) || !proper(street) || street.has(Marks::STATE.or(Marks::COUNTRY)) {
        return;
    }
    let mut first = index - 1;
    while let (Some(before), Some(this)) =
        (first.checked_sub(1).and_then(|at| tokens.get(at)), tokens.get(first))
    {
        let named = proper(before) || note.word(before) == "The";
        if !matches!(note.slice(before.end, this.start), " " | "-") || !named || index - first > 4 {
            break;
        }
        first -= 1;
    }
    let Some(start) = tokens.get(first).filter(|_| !person || first + 1 < index) else { return };
    let before = note.before(start.start, 6);
    let led = before.ends_with('(')
        || [" to ", " at ", " by ", "from ", "via ", " is ", "Is ", " of ", "for "]
            .iter()
            .any(|lead| before.ends_with(lead));
    if led {
        let end = run(note, index + 1);
        out.push(found(
            Label::HOSPITAL,
            start.start,
            tokens.get(end).map_or(street.end, |t| t.end),
            Evidence::Likely,
        ));
    }
}

/// What a place of care ends with in short: `Quill Mesa ED`, `Fern Basin FHC`.
fn department(note: &Note<'_>, token: &Token) -> bool {
    token.case == Case::Upper
        && matches!(
            note.word(token),
            "ED" | "ER"
                | "UC"
                | "UCC"
                | "ICU"
                | "FHC"
                | "CHC"
                | "FQHC"
                | "FHT"
                | "MC"
                | "RMC"
                | "GH"
                | "OPD"
                | "CMHC"
                | "VAMC"
                | "ASC"
                | "DME"
                | "EMS"
                | "VFD"
                | "USD"
                | "ISD"
                | "RHC"
                | "SNF"
                | "ALF"
                | "VNA"
                | "HHA"
                | "RTC"
                | "LTAC"
                | "LTACH"
                | "IRF"
                | "TCU"
        )
}

/// `taken to Quill Mesa ED`: two capitalised words before, or one after a word of place.
fn of_department(note: &Note<'_>, index: usize, out: &mut Vec<Found>) {
    let tokens = note.tokens();
    let Some(token) = tokens.get(index).filter(|token| department(note, token)) else { return };
    let mut first = index;
    while let (Some(before), Some(this)) =
        (first.checked_sub(1).and_then(|at| tokens.get(at)), tokens.get(first))
    {
        if !matches!(note.slice(before.end, this.start), " " | "-")
            || before.case != Case::Capital
            || before.has(PLAIN) && !is_one_of(note.word(before), OLD)
            || index - first > 4
        {
            break;
        }
        first -= 1;
    }
    let Some(start) = tokens.get(first).filter(|_| first < index) else { return };
    let led = [" at ", " to ", " from ", " by ", "via ", "(", "- ", ": "]
        .iter()
        .any(|lead| note.before(start.start, 6).ends_with(lead));
    if led
        || index - first >= 2 && (first..index).filter_map(|at| tokens.get(at)).any(|t| !t.has(Marks::COMMON))
    {
        out.push(found(Label::HOSPITAL, start.start, token.end, Evidence::Checked));
    }
}

/// Words of grammar in the name of a practice.
const OLD: &str = "Old|New|First|Three|Four|Two|Seven|Right|Left|House|School|Great|Good";

/// `The Fernmere Surgery`, `The Old Quill Surgery`: a practice by its place.
fn the_practice(note: &Note<'_>, index: usize, out: &mut Vec<Found>) {
    let tokens = note.tokens();
    let Some(token) = tokens.get(index).filter(|token| token.has(Marks::FACILITY)) else { return };
    if !matches!(
        note.word(token),
        "Surgery" | "Practice" | "Clinic" | "Pharmacy" | "Infirmary" | "Hospice" | "Shelter" | "Manor"
    ) {
        return;
    }
    for back in 2..=4 {
        let Some(first) = index.checked_sub(back) else { return };
        let words = || tokens.iter().skip(first + 1).take(back - 1);
        let joined = (first..index).all(|at| {
            tokens.get(at).zip(tokens.get(at + 1)).is_some_and(|(a, b)| note.slice(a.end, b.start) == " ")
        });
        if !joined
            || !words().all(|t| t.case == Case::Capital && (!t.has(PLAIN) || is_one_of(note.word(t), OLD)))
        {
            return;
        }
        if let Some(the) = tokens.get(first).filter(|t| t.len() == 3 && note.word(t) == "The") {
            out.push(found(Label::HOSPITAL, the.start, token.end, Evidence::Checked));
            return;
        }
    }
}

/// `St Anselm's`, `Our Lady of the Lake`, `Lakeside Children's`: each word capitalised; no saint's disease.
fn saint(hit: Hit, note: &Note<'_>, out: &mut Vec<Found>) {
    let text = note.slice(hit.start, hit.end);
    let capital = |word: &str| word.starts_with(|c: char| c.is_uppercase()) || matches!(word, "of" | "the");
    let words: Vec<&str> =
        text.split(' ').skip_while(|word| !word.starts_with(|c: char| c.is_uppercase())).collect();
    let start = hit.end - words.iter().map(|word| word.len() + 1).sum::<usize>().saturating_sub(1);
    let thing = note.cue_after(hit.end, 12, "wort|fire|disease|dance|hospital");
    if words.len() >= 2 && words.iter().all(|word| capital(word)) && !thing {
        out.push(found(Label::HOSPITAL, start, hit.end, Evidence::Likely));
    }
}
