//! The edges of names: words beside what was found that belong to it, and runs of capitalised words that nothing has
//! claimed.
//!
//! A name is seldom found with one word of it and without the next by chance: the capitalised word beside it, joined by a
//! blank, is a part of it unless it is a word of grammar, a title or a clinical one.

use lazaret_core::{Kind, Label};

use crate::cue::is_one_of;
use crate::lexicon::{Lexicon, Marks};
use crate::names::{clinical_form, last_word};
use crate::overlap::{Evidence, Found, in_order};
use crate::registry::found;
use crate::value;
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
                let end = hyphened_end(note, claim.end);
                if end > claim.end {
                    // `Quillby-under-Fen` is a town's form.
                    (claim.end, claim.label) = (end, Label::CITY);
                    continue;
                }
                back(note, claim);
                facility_tail(note, claim);
                facility_edges(note, claim);
            }
            Kind::Location if claim.label == Label::CITY => {
                listed_town(note, claim);
                back(note, claim);
                town_tail(note, claim);
            }
            _ => {}
        }
    }
}

/// `Twin Falls`, `lake charles`: the word before that makes a listed town of two words.
fn listed_town(note: &Note<'_>, claim: &mut Found) {
    let first = note.token_at(claim.start);
    let (Some(before), Some(this)) =
        (first.checked_sub(1).and_then(|at| note.tokens().get(at)), note.tokens().get(first))
    else {
        return;
    };
    let two = before.case == this.case
        && note.slice(before.end, this.start) == " "
        && this.start == claim.start
        && Lexicon::get().marks_of_two(note.word(before), ' ', note.word(this)).has(Marks::CITY);
    if two {
        claim.start = before.start;
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
        // `Mt. Quillo Chapel`, `St. Quill Clinic`
        let gap = note.slice(word.end, this.start);
        let short = gap == ". "
            && matches!(note.word(word), "Mt" | "St" | "Ft" | "Pt")
            && claim.label.kind != Kind::Name;
        if short && this.start == claim.start {
            claim.start = word.start;
            return;
        }
        let blank = gap == " ";
        if claim.label.kind == Kind::Name && blank && this.start == claim.start && lower_given(word, this) {
            claim.start = word.start;
            return;
        }
        // `Ye-jin` before `Quorrell`: the second half of a given name in small letters.
        if claim.label.kind == Kind::Name
            && blank
            && this.start == claim.start
            && this.case == Case::Capital
            && let Some(half) = half_given(note, at)
        {
            claim.start = half.start;
            return;
        }
        let joined = blank && this.case == Case::Capital;
        let opener = || word.has(Marks::COMMON) && begins(note, word);
        if !joined
            || this.start != claim.start
            || !joins(note, word)
            || word.has(Marks::FACILITY_HEAD)
            || opener()
        {
            return;
        }
        claim.start = word.start;
    }
}

/// The first half of a given name whose second, at `index`, is in small letters after a hyphen.
fn half_given<'n>(note: &'n Note<'_>, index: usize) -> Option<&'n Token> {
    let (second, first) = (note.tokens().get(index)?, note.tokens().get(index.checked_sub(1)?)?);
    let other = Marks::COMMON.or(Marks::MEDICAL).or(Marks::FUNCTION).or(Marks::EPONYM_HEAD);
    let halves = second.case == Case::Lower
        && second.len() >= 2
        && !second.has(other)
        && first.case == Case::Capital
        && !first.has(Marks::CLINICAL)
        && note.slice(first.end, second.start) == "-";
    halves.then_some(first)
}

/// `bill quarrow`: a given name in small letters before a name in small letters.
fn lower_given(word: &Token, name: &Token) -> bool {
    let other = Marks::FUNCTION.or(Marks::CLINICAL).or(Marks::TITLE).or(Marks::STAFF).or(Marks::RELATION);
    word.case == Case::Lower
        && name.case == Case::Lower
        && !word.has(other)
        && word.len() >= 3
        && (word.has(Marks::GIVEN_FREQUENT)
            || word.has(Marks::PERSON) && !word.has(Marks::COMMON)
            || word.marks == Marks::default() && name.marks == Marks::default() && word.len() >= 4)
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
    let opens = || {
        let before = note.before(family.start, 2);
        before.is_empty()
            || before.ends_with(['"', '(', '|'])
            || before.ends_with(": ")
            || family.case == Case::Upper
    };
    let same = family.case == given.case || given.case == Case::Initial && family.case == Case::Capital;
    if note.slice(family.end, given.start) == ", "
        && listed
        && opens()
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

/// `Quillo-under-Fen`, `Lac-aux-Quills`: small words between hyphens, and what stands after them.
fn hyphened_end(note: &Note<'_>, end: usize) -> usize {
    let first = note.token_at(end);
    let (Some(small), Some(last)) = (note.tokens().get(first), note.tokens().get(first + 1)) else {
        return end;
    };
    let between = small.start == end + 1
        && last.start == small.end + 1
        && note.byte(end) == b'-'
        && note.byte(small.end) == b'-'
        && matches!(
            note.word(small),
            "under"
                | "y"
                | "yr"
                | "ar"
                | "on"
                | "upon"
                | "by"
                | "le"
                | "la"
                | "les"
                | "in"
                | "sur"
                | "sous"
                | "aux"
                | "next"
                | "the"
                | "en"
                | "de"
                | "du"
        );
    if between && last.case == Case::Capital { last.end } else { end }
}

/// `Maringold` before `Bend`: further words of a town.
fn town_tail(note: &Note<'_>, claim: &mut Found) {
    claim.end = hyphened_end(note, claim.end);
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
        // `Quill's Drugs #0418`
        let number = note
            .after(claim.end, 8)
            .strip_prefix(" #")
            .map_or(0, |rest| rest.bytes().take_while(u8::is_ascii_digit).count());
        if (1..=5).contains(&number) && !note.byte(claim.end + 2 + number).is_ascii_alphanumeric() {
            claim.end += 2 + number;
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
        // `Staying at Quill House`: words of grammar that a place ends with.
        let placed = next.case == Case::Capital
            && matches!(note.word(next), "House" | "School" | "Mine" | "Ward")
            && gap == " ";
        let linked = matches!(note.word(next), "on" | "of" | "at")
            && after.is_some_and(|token| {
                named(token) && token.len() > 2 && note.slice(next.end, token.start) == " "
            });
        if placed || matches!(gap, " " | " & ") && named(next) && note.byte(next.end) != b':' {
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

/// `St. Quill's Children's`, `Quillin's of Fenmoor`, `THE FENWAY GROUP, P.A.`: the possessive that ends a name, the article
/// that begins a letter head, and what kind of partnership it is.
fn facility_edges(note: &Note<'_>, claim: &mut Found) {
    let rest = note.after(claim.end, 10);
    if rest.starts_with("'s") && !note.byte(claim.end + 2).is_ascii_alphanumeric() {
        claim.end += 2;
        let town = note.tokens().get(note.token_at(claim.end + 4));
        if note.after(claim.end, 4) == " of "
            && let Some(town) = town
                .filter(|t| t.start == claim.end + 4 && t.case == Case::Capital && !t.has(Marks::FUNCTION))
        {
            claim.end = town.end;
        }
    }
    let firm = [
        ", P.A.", ", P.C.", ", S.C.", ", LLP", ", PLLC", ", PC", ", PA,", " P.A.", " P.C.", " inc.", ", inc.",
    ];
    if let Some(form) = firm.iter().find(|form| note.after(claim.end, 8).starts_with(**form)) {
        claim.end += form.trim_end_matches(',').len();
    }
    let article = note.before(claim.start, 4);
    if matches!(article, "THE " | "The ") && matches!(note.byte_before(claim.start - 4), 0 | b'\n') {
        claim.start -= 4;
    }
}

/// `Quillmoor, Ilse / D-118 402 / 10.02.1970`, `Pt Ilse Vane  #20447`: a number beside a patient's name in a row of what tells
/// who it is is the number of the record.
pub(crate) fn numbers_beside(note: &Note<'_>, out: &mut Vec<Found>) {
    called(note, out);
    let mut numbers = Vec::new();
    for claim in out.iter().filter(|claim| claim.label.kind == Kind::Name && claim.end - claim.start > 1) {
        let rest = note.after(claim.end, 48);
        if let Some((start, end)) = telephone_beside(note, claim) {
            numbers.push(found(Label::PHONE, start, end, Evidence::Shape));
            continue;
        }
        let inner = rest.trim_start_matches([')', '"', '.']);
        let gap = inner.len() - inner.trim_start_matches([' ', '\t', '/', '|', '#', '(', ';', ',']).len();
        let sign = inner.get(..gap).unwrap_or("");
        let row = sign.contains(['/', '|', '\t']);
        let hash = sign.ends_with('#');
        if !row && !hash {
            continue;
        }
        let start = claim.end + rest.len() - inner.len() + gap;
        let Some((start, end)) = value::id_at(note, start, 5) else { continue };
        let text = note.slice(start, end);
        let closes = note.after(end, 3).trim_start();
        let closes = closes.is_empty()
            || closes.starts_with(['/', '|', ';', ')', ','])
            || note.after(end, 2) == "  "
            || note.byte(end) == b'\t';
        let plain = value::digits(text) >= 4
            && !text.contains(['/', ':', '.'])
            && !value::unit_follows(note, end)
            && crate::calendar::parse(text).is_none();
        if plain && (closes || hash) {
            numbers.push(found(Label::MRN, start, end, Evidence::Shape));
        }
    }
    out.append(&mut numbers);
}

/// `(Wale, +353 71 555 0140)`, `~Tam, (505) 555-0121`: a name that is a word too, alone before a telephone's number.
fn called(note: &Note<'_>, out: &mut Vec<Found>) {
    let phones = out.iter().filter(|claim| claim.label.kind == Kind::Phone);
    let names: Vec<Found> = phones
        .filter_map(|phone| {
            let index = note.token_at(phone.start).checked_sub(1)?;
            let token = note.tokens().get(index)?;
            let gap = note.slice(token.end, phone.start).trim_end_matches(['+', '(']);
            let alone = note.byte_before(token.start) == b'(' && matches!(gap, ", " | " " | ": ");
            let name = token.case == Case::Capital
                && token.has(Marks::PERSON)
                && !token.has(OTHERS.or(Marks::CITY).or(Marks::FACILITY).or(Marks::STATE));
            (alone && name).then(|| found(Label::NAME, token.start, token.end, Evidence::Shape))
        })
        .collect();
    out.extend(names);
}

/// `mom Xanthia 5550162`, `call Xanthia at 40117`: seven or ten digits right after a name, or four to six that someone is
/// called at.
fn telephone_beside(note: &Note<'_>, claim: &Found) -> Option<(usize, usize)> {
    let rest = note.after(claim.end, 24);
    let number = rest.strip_prefix(' ')?;
    let (start, at) = number.strip_prefix("at ").map_or((claim.end + 1, false), |_| (claim.end + 4, true));
    let token = note.tokens().get(note.token_at(start)).filter(|t| t.start == start && t.digits)?;
    let alone = !matches!(note.byte(token.end), b'-' | b'/' | b':' | b'.' | b',')
        || !note.byte(token.end + 1).is_ascii_digit();
    let called =
        || note.cue_before(claim.start, 16, "call|called|page|paged|reach|ring|phone|text|tel|dial|contact");
    let fits = if at { matches!(token.len(), 4..=7) && called() } else { matches!(token.len(), 7 | 10) };
    (fits && alone && !value::unit_follows(note, token.end)).then_some((token.start, token.end))
}

/// Past `, née Quorrell`, ` (née Quorrell)`: the name before a marriage.
fn birth_name_end(note: &Note<'_>, end: usize) -> usize {
    let rest = note.after(end, 16);
    let Some(lead) = [", née ", " née ", " (née ", ", nee ", " nee ", " (nee ", ", né ", " né "]
        .iter()
        .find(|lead| rest.starts_with(**lead))
    else {
        return end;
    };
    let name = note.tokens().get(note.token_at(end + lead.len()));
    name.filter(|t| t.start == end + lead.len() && matches!(t.case, Case::Capital | Case::Upper))
        .map_or(end, |t| t.end)
}

/// Past the letters that spell a dictated name: `quill q u i l l`, `quill thats q u i l l`.
fn spelt_end(note: &Note<'_>, end: usize) -> usize {
    let index = note.token_at(end);
    let Some(word) = index.checked_sub(1).and_then(|at| note.tokens().get(at)).filter(|t| t.end == end)
    else {
        return end;
    };
    let said = note
        .tokens()
        .get(index)
        .is_some_and(|t| is_one_of(note.word(t), "thats|that's|spelled|spelt|spelling"));
    let letters: Vec<&Token> = note
        .tokens()
        .iter()
        .skip(index + usize::from(said))
        .take(word.len())
        .take_while(|t| t.len() == 1 && t.case == Case::Lower && t.plain)
        .collect();
    let spelt = letters.len() >= 3
        && letters.len() == word.len()
        && letters
            .iter()
            .zip(note.word(word).bytes())
            .all(|(t, b)| note.byte(t.start) == b.to_ascii_lowercase());
    letters.last().filter(|_| spelt).map_or(end, |t| t.end)
}

/// Back over what belongs to a name in small letters: `al quillani`, `by rusty quilldry on`.
fn lower_start(note: &Note<'_>, start: usize) -> usize {
    let tokens = note.tokens();
    let index = note.token_at(start);
    if !note.byte(start).is_ascii_lowercase() || tokens.get(index).is_none_or(|t| t.start != start) {
        return start;
    }
    let before = |back: usize| index.checked_sub(back).and_then(|at| tokens.get(at));
    let Some(word) = before(1).filter(|t| t.case == Case::Lower && note.slice(t.end, start) == " ") else {
        return start;
    };
    let particle = is_one_of(note.word(word), "al|el|bin|ibn|abu|van|von|del|della|di|du|mac");
    let given = word.has(Marks::GIVEN)
        && !word.has(OTHERS)
        && before(2).is_some_and(|t| {
            is_one_of(note.word(t), "by|with|from|to|for|and|doctor|dr|nurse|called|paged|told")
        });
    if particle || given { word.start } else { start }
}

/// What a found name goes on with: `QUILLMOOR-VANE,E.T.`, the second half of `ilse quillmoor-vane`, `ILSE (ILSY)`.
pub(crate) fn complete_names(note: &Note<'_>, out: &mut Vec<Found>) {
    let other = OTHERS.or(Marks::COMMON).or(Marks::STATE).or(Marks::CREDENTIAL).or(Marks::PAYER);
    let mut nicknames = Vec::new();
    for claim in out.iter_mut().filter(|claim| claim.label.kind == Kind::Name && claim.end - claim.start > 2)
    {
        claim.end = spelt_end(note, claim.end);
        claim.start = lower_start(note, claim.start);
        claim.end = birth_name_end(note, claim.end);
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

/// Takes `MRN` into the number after it: `MRN#4417-882`, `MRN 418.220.7` are read as one word, unlike the field
/// `MRN: 4417-882`. After numbers are learnt, which stand elsewhere without the word.
pub(crate) fn record_words(note: &Note<'_>, claims: &mut [Found]) {
    for claim in claims.iter_mut().filter(|claim| claim.label.kind == Kind::Mrn) {
        let first = note.token_at(claim.start);
        let Some(word) = first.checked_sub(1).and_then(|at| note.tokens().get(at)) else { continue };
        if note.word(word) == "MRN" && matches!(note.slice(word.end, claim.start), " " | "#" | " #" | "# ") {
            claim.start = word.start;
        }
    }
}

/// Most names of a row.
const ROW: usize = 6;

/// `Drs. Quillan, Graves and Reed`, `Ilse Vane & Okafor`: the names of a row that begins with a found one and ends with
/// `and` and its last, or has a title for several before it.
pub(crate) fn names_in_row(note: &Note<'_>, out: &mut Vec<Found>) {
    let tokens = note.tokens();
    let other = OTHERS.or(Marks::STATE).or(Marks::FACILITY).or(Marks::ORGANISATION).or(Marks::STREET);
    let mut named = Vec::new();
    for claim in
        out.iter().filter(|claim| claim.label.kind == Kind::Name && claim.evidence >= Evidence::Shape)
    {
        let first = note.token_at(claim.end);
        let title = note.token_at(claim.start).checked_sub(1).and_then(|at| tokens.get(at));
        let several =
            title.is_some_and(|title| matches!(note.word(title), "Drs" | "DRS" | "Doctors" | "Messrs"));
        let (mut end, mut row, mut closed) = (claim.end, Vec::new(), false);
        let capitals = first.checked_sub(1).and_then(|at| tokens.get(at)).map(|last| last.case);
        let mut index = first;
        while let Some(mut token) = tokens.get(index).filter(|_| !closed && row.len() < ROW) {
            let gap = note.slice(end, token.start);
            if matches!((gap, note.word(token)), (" " | ", ", "and" | "or" | "AND")) {
                closed = true;
                index += 1;
                let Some(next) = tokens.get(index).filter(|next| note.slice(token.end, next.start) == " ")
                else {
                    closed = false;
                    break;
                };
                token = next;
            } else if matches!(gap, " & " | ", & ") {
                closed = true;
            } else if gap != ", " {
                break;
            }
            // `de la Quill-Moor`
            let start = token.start;
            while token.case == Case::Lower
                && token.has(Marks::PARTICLE)
                && let Some(next) = tokens
                    .get(index + 1)
                    .filter(|next| matches!(note.slice(token.end, next.start), " " | "'"))
            {
                index += 1;
                token = next;
            }
            let surname = token.has(Marks::SURNAME_FREQUENT);
            let name = Some(token.case) == capitals
                && matches!(token.case, Case::Capital | Case::Upper)
                && token.len() >= 3
                && (!token.has(other) || surname && !token.has(Marks::FUNCTION.or(Marks::TITLE)))
                && (!token.has(Marks::COMMON.or(Marks::CITY).or(Marks::COUNTY)) || surname)
                && !clinical_form(note.word(token));
            // `Graves and Reed Surgery`: more than a surname is read by others.
            let alone = tokens.get(index + 1).is_none_or(|next| {
                note.slice(token.end, next.start) != " "
                    || !next.has(Marks::EPONYM_HEAD) && (!next.capitalised() || next.has(Marks::CREDENTIAL))
            });
            let possessive = note.byte(token.end) == b'\'';
            if !name || !alone || possessive {
                closed = false;
                break;
            }
            end = token.end;
            index += 1;
            // `Quill-Moor`
            if let Some(half) = tokens.get(index)
                && half.start == end + 1
                && note.byte(end) == b'-'
                && half.case == token.case
            {
                end = half.end;
                index += 1;
            }
            row.push((start, end));
        }
        if closed || several {
            named.extend(row.into_iter().map(|(start, end)| found(claim.label, start, end, Evidence::Shape)));
        }
    }
    out.append(&mut named);
}

/// Drops towns, facilities and names that are a state or country and nothing else: these may stay.
pub(crate) fn states_stay(note: &Note<'_>, claims: &mut Vec<Found>) {
    let place = Marks::STATE.or(Marks::COUNTRY);
    claims.retain(|claim| {
        if claim.evidence > Evidence::Shape
            || claim.label != Label::CITY && claim.label != Label::HOSPITAL && claim.label != Label::NAME
        {
            return true;
        }
        let first = note.token_at(claim.start);
        let named = |token: &Token| token.has(Marks::GIVEN.or(Marks::SURNAME_FREQUENT));
        let whole = (claim.label != Label::NAME
            || note.tokens().get(first).is_some_and(|token| !named(token)))
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
        let saint = || matches!(note.slice(claim.start, claim.start + 2), "St" | "ST" | "st");
        if note.byte(claim.end) == b'\'' && note.slice(claim.end, claim.end + 7) == "'s wort"
            || matches!(note.byte(claim.start), b'S' | b's')
                && saint()
                && note.cue_after(claim.end, 10, "wort|dance|fire|disease")
        {
            return false;
        }
        if claim.label.kind != Kind::Location || claim.evidence > Evidence::Shape {
            return true;
        }
        let first = note.tokens().get(note.token_at(claim.start));
        let single = first.filter(|token| token.end == claim.end && token.start == claim.start);
        let common = single.is_some_and(|t| {
            t.case == Case::Lower && t.has(Marks::COMMON) && !t.has(Marks::CITY.or(Marks::COUNTY))
        });
        let short = single.is_some_and(|t| {
            t.case == Case::Mixed
                && t.len() <= 4
                && note.word(t).ends_with(['M', 'F', 'G'])
                && note.slice(t.start, t.end - 1).bytes().all(|b| b.is_ascii_digit())
        });
        if common || short {
            return false;
        }
        let number = note.slice(claim.start, claim.end).bytes().all(|b| b.is_ascii_digit());
        !(number && note.cue_before(claim.start, 12, "snomed|loinc|rxcui|cpt|icd|ndc|code|hcpcs|pmid|omim"))
    });
}

/// Drops a word alone that a result follows: `Kell neg`, `Gail not used` name a test. A person has no result.
pub(crate) fn results_stay(note: &Note<'_>, claims: &mut Vec<Found>) {
    const RESULTS: [&str; 14] = [
        " neg",
        " pos",
        " negative",
        " positive",
        " absent",
        " present.",
        " not used",
        " not req",
        " not done",
        " n/a",
        " wnl",
        " WNL",
        " equivocal",
        " nonreactive",
    ];
    claims.retain(|claim| {
        let named = matches!(claim.label.kind, Kind::Name | Kind::Hospital) || claim.label == Label::CITY;
        if !named || claim.evidence > Evidence::Shape {
            return true;
        }
        let token = note.tokens().get(note.token_at(claim.start));
        if token.is_none_or(|t| t.start != claim.start || t.end != claim.end || t.case != Case::Capital) {
            return true;
        }
        let rest = note.after(claim.end, 12);
        let result = RESULTS.iter().any(|result| {
            rest.starts_with(result)
                && !rest
                    .get(result.len()..)
                    .is_some_and(|after| after.starts_with(|c: char| c.is_alphanumeric()))
        }) || rest.starts_with(" (a-b")
            || rest.starts_with(" (a+b");
        !result
    });
}

/// Two capitalised words or more inside a sentence, after a small word, that nothing has claimed: a firm or a place.
pub(crate) fn leftover(note: &Note<'_>, out: &mut Vec<Found>) {
    const PLAIN: Marks = OTHERS.or(Marks::STATE);
    let taken = in_order(out);
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
        while let Some((_, claimed, _)) = taken.get(upto).filter(|(start, ..)| *start < end.end) {
            reach = reach.max(claimed.0);
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
