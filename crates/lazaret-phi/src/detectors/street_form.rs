//! Finds addresses of a fixed form: boxes, rural routes, corners, road markers, coordinates, streets of other languages.
//!
//! `P.O. Box 8800`, `RR 2 Box 100`, `5th and Elm`, `mile marker 200`, `14 chemin Ste-Anne`, `Neue Gasse 14a`, each with
//! the unit that follows.
//!
//! Why: 45 CFR 164.514(b)(2)(i)(B).
//!
//! Example: `RR 2 Box 100` is found whole; `box of 12`, `5th and last` are not.
//!
//! References: USPS Publication 28, appendices C1 and C2.

use lazaret_core::Label;

use crate::lexicon::Marks;
use crate::overlap::{Evidence, Found};
use crate::registry::{Hit, Pass, ShapeDetector, found};
use crate::view::{Case, Note, Token};

/// See the page above.
pub(crate) struct StreetForm;

impl ShapeDetector for StreetForm {
    fn id(&self) -> &'static str {
        "phi.location.street.form"
    }

    fn source(&self) -> &'static str {
        include_str!("street_form.rs")
    }

    fn examples(&self) -> (&'static str, &'static str) {
        ("Her mail goes to RR 2 Box 100 now.", "A box of 12, the 5th or last dose.")
    }

    fn shapes(&self) -> &'static [(Pass, &'static str)] {
        &[
            (
                Pass::Cues,
                r"\b(?:p\.? ?o\.? ?(?:box|bx|drawer)|post office (?:box|drawer)|(?:rr|rd|hc|rt|rte|rural route|star route)\.? ?#? ?\d{1,3},? (?:site \d{1,3} )?(?:box|bx)) ?#? ?\d{1,6}(?:-?[a-z])?\b",
            ),
            (
                Pass::Cues,
                r"\b\d{1,5}[a-z]?,? (?:bis )?(?:rue|chemin|avenue|boulevard|impasse|place|allée|calle|avenida|via|viale|ulica|ul\.) (?:d[eu]s? |la |le |l')*[a-z][a-z'-]+(?:[ -][A-Z][a-z'-]+){0,3}",
            ),
            (
                Pass::Cues,
                r"\b\d{1,3}(?:st|nd|rd|th) (?:and|&) [A-Z][a-z]+\b|\b(?:i|us|hwy|sr|rte?|route)[ -]\d{1,4}(?: [nsew]b)? (?:mm|mp|mile|mile marker) \d{1,4}(?:\.\d)?(?: [nsew]b)?\b|\b(?:mile marker|exit) \d{1,4}[a-z]?(?: (?:on )?(?:i|us|hwy|sr|route)-?\d{1,3}(?: [nsew]b?)?)?|\b(?:i|us|fm|la|sr|hwy|route|county road|cr)[ -]\d{1,4}(?: [nsew]b?)? (?:&|and|near|at) (?:[A-Z][a-z0-9]+ ?){1,4}",
            ),
            (Pass::Signs, r"\b(?:apt|suite|ste|flat)\.? #?\d{1,4}[a-z]?\b|#\d{1,4}[a-z]?\b"),
            (
                Pass::Numbers,
                r"\b(?:rural route|star route|route|post office|p o) (?:(?:number )?(?:one|two|three|four|five|six|seven|eight|nine|ten|twelve|\d{1,3}),? )?box(?: (?:one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|thirteen|fourteen|fifteen|sixteen|seventeen|eighteen|nineteen|twenty|thirty|forty|fifty|sixty|seventy|eighty|ninety|hundred|oh|zero|\d{1,5})){1,4}\b",
            ),
            (
                Pass::Numbers,
                r"\bcorner of (?:the )?[a-z0-9][a-z0-9'.]*(?: [a-z0-9'.]+){0,3} (?:and|&) [a-z0-9][a-z0-9']*(?: (?:street|st|avenue|ave|road|rd|drive|boulevard|blvd|lane))?\b",
            ),
            (
                Pass::Numbers,
                r"\b(?:co\.?|county) (?:antrim|armagh|carlow|cavan|clare|cork|derry|donegal|down|dublin|fermanagh|galway|kerry|kildare|kilkenny|laois|leitrim|limerick|longford|louth|mayo|meath|monaghan|offaly|roscommon|sligo|tipperary|tyrone|waterford|westmeath|wexford|wicklow|durham)\b",
            ),
            (
                Pass::Numbers,
                r"\b(?:lives? (?:at |in )?|(?:house|home|residence|addr|address): ?)\d{1,5}(?: 1/2)? (?:[nsew]\.? )?[a-z][a-z']+\b|\b\d{1,5} (?:[nsew]\.? )?(?:state route|county road|route|rte|highway|hwy|concession(?: road| rd)?|con|sideroad|side road|line|range road|township road|rang|twp rd) \d{1,4}(?: [nsew]\b)?\b",
            ),
            (Pass::Cues, r"\x22(?:line|street|address_?(?:line_?)?[12]?)\x22 ?: ?\[? ?\x22"),
            (
                Pass::Numbers,
                r"\b(?:parish|county|borough|township|town|city|village) of (?:st\.? )?[a-z][a-z'-]+\b",
            ),
            (
                Pass::Numbers,
                r"\b\d{1,5}(?:-?[a-z])? (?:calle|camino|avenida|avda|paseo|callejon|carrer|via|rue|chemin) (?:de (?:la|las|los|el) |del |de |la |las |los )?[a-z][a-z'-]+",
            ),
            (
                Pass::Numbers,
                r"\b\d{2,5} [nsew]\.? \d{1,3}(?:st|nd|rd|th)\b|\b(?-i:[A-Z][a-z]+) (?:&|and) (?:[nsew]\.? )?\d{1,3}(?:st|nd|rd|th)\b|\b(?:i|us|hwy|sr|cr|nm|tx|ca|fm|co|route|state route|highway)-? ?\d{1,4},? (?:mp|mm|mile|mile marker) \d{1,3}(?:\.\d)?\b|\bmile (?:post|marker|mkr) \d{1,4}(?:\.\d)?(?: (?:on|of) (?:route|rte|highway|hwy|i|us|state route|interstate)[ -]\d{1,4})?",
            ),
            (Pass::Numbers, r"-?\b\d{1,2}\.\d{4,7}°?,? ?[nsew]?,? ?-?\d{1,3}\.\d{4,7}\b"),
            (
                Pass::Numbers,
                r"\b(?:[nsew]\d{1,5}[nsew]?\d{0,5}|house \d{1,4}[a-z]?|lot \d{1,4}[a-z]?|\d{1,5}) (?:fire lane|fire number|camp road|forest road|county line|navajo (?:rte|route)|indian route|bia (?:rte|route)) \d{1,4}\b|\b(?:navajo|indian|bia|forest) (?:rte|route|road) \d{1,4} (?:mi|mm|mp|mile) \d{1,3}\b",
            ),
            // `83170 547th Ave`, `1401 NE 26th Street`, `1140 Co Rd 417`, `2200 County Hwy 82 NW`
            (
                Pass::Numbers,
                r"\b\d{1,6}[a-z]?,? (?:(?:-|–) )?(?:[nsew]{1,2}\.? )?\d{1,3}(?:st|nd|rd|th) (?:street|st|avenue|ave|av|road|rd|drive|dr|lane|ln|court|ct|place|pl|terrace|ter|blvd|way|circle|cir)\b(?:\.? [nsew]{1,2}\b)?",
            ),
            (
                Pass::Numbers,
                r"\b\d{2,6} (?:[nsew]{1,2}\.? )?(?:co(?:unty)?\.? (?:rd|road|hwy|highway)|state (?:rd|road|hwy|route|rte)|us hwy|us highway|highway|hwy) \d{1,4}[a-z]?(?: [nsew]{1,2}\b)?",
            ),
            (Pass::Numbers, r"\b\d{2,5} (?:blk|block) (?:of )?(?:[nsew]\.? )?[a-z][a-z'.]*\b"),
        ]
    }

    fn judge(&self, hit: Hit, note: &Note<'_>, out: &mut Vec<Found>) {
        let corner = matches!(hit.shape, 5 | 14);
        if hit.shape == 7 {
            lives(hit, note, out);
        } else if hit.shape == 8 {
            let value = note.after(hit.end, 80).split('"').next().unwrap_or("");
            if value.len() > 3 && value.contains(' ') {
                out.push(found(Label::STREET, hit.end, hit.end + value.len(), Evidence::Named));
            }
        } else if hit.shape == 9 {
            let name = note.tokens().get(note.token_at(hit.end.saturating_sub(1)));
            if name.is_some_and(|t| matches!(t.case, Case::Capital | Case::Upper) && !t.has(Marks::FUNCTION))
            {
                out.push(found(Label::COUNTY, hit.start, capitals_end(note, hit.end), Evidence::Checked));
            }
        } else if hit.shape == 6 {
            if note.byte(hit.start) == b'C' {
                out.push(found(Label::COUNTY, hit.start, hit.end, Evidence::Checked));
            }
        } else if hit.shape == 3 {
            around_unit(hit, note, out);
        } else if corner {
            // The words must be names: `corner of the Eye and nose` is none.
            let end = capitals_end(note, hit.end);
            let last = note.tokens().get(note.token_at(end.saturating_sub(1)));
            if last.is_some_and(|t| t.capitalised() && !t.has(Marks::MEDICAL)) {
                out.push(found(Label::STREET, hit.start, end, Evidence::Checked));
            }
        } else {
            // A name with letters beyond ASCII goes on.
            let end = if hit.shape == 1 { capitals_end(note, hit.end) } else { hit.end };
            out.push(found(Label::STREET, hit.start, unit_end(note, end), Evidence::Checked));
        }
    }

    fn read(&self, note: &Note<'_>, out: &mut Vec<Found>) {
        for (index, token) in note.tokens().iter().enumerate() {
            if token.len() <= 5 && matches!(token.case, Case::Number | Case::Mixed) {
                number_last(index, note, out);
            }
        }
    }
}

/// `lives 118 1/2 e. fenpine, unit c`, `900 W. Route 12`; not `lives 20 minutes away`.
fn lives(hit: Hit, note: &Note<'_>, out: &mut Vec<Found>) {
    const MEASURES: &str = "minutes|minute|miles|mile|hours|hour|blocks|block|min|mins|mi|houses|doors|km|years|yrs|days|weeks|months|with|hrs|floors|flights|steps|or|and|to|people|others|mg|kids|children|of";
    let text = note.slice(hit.start, hit.end);
    let Some(number) = text.find(|c: char| c.is_ascii_digit()) else { return };
    let last = text.rsplit(' ').next().unwrap_or("");
    if !MEASURES.split('|').any(|word| word.eq_ignore_ascii_case(last)) {
        out.push(found(
            Label::STREET,
            hit.start + number,
            unit_end(note, capitals_end(note, hit.end)),
            Evidence::Shape,
        ));
    }
}

/// On over the capitalised words that follow: `1800 blk of E. Cesar` goes on with ` Chavez`.
fn capitals_end(note: &Note<'_>, end: usize) -> usize {
    let mut end = end;
    let first = note.token_at(end);
    for next in note.tokens().iter().skip(first).take(4) {
        if !matches!(note.slice(end, next.start), " " | ". ")
            || next.case != Case::Capital
            || next.has(Marks::FUNCTION)
        {
            break;
        }
        end = next.end;
    }
    end
}

/// What the name of a street ends with where the number stands after it.
const ENDS: [&str; 15] = [
    "straße", "strasse", "str", "gasse", "weg", "platz", "allee", "ring", "ufer", "damm", "zoll", "vägen",
    "gatan", "straat", "laan",
];

/// `Alte Mühlgasse 12a`, `Hauptstr. 7`, `van der Laanstraat 3`: from the first capital of the street's last three words on.
fn number_last(index: usize, note: &Note<'_>, out: &mut Vec<Found>) {
    let tokens = note.tokens();
    let (Some(number), Some(street)) =
        (tokens.get(index), index.checked_sub(1).and_then(|at| tokens.get(at)))
    else {
        return;
    };
    let abbreviated = match note.slice(street.end, number.start) {
        " " => false,
        ". " => true,
        _ => return,
    };
    // `spring 2019` ends as `Fernring 7` does.
    if street.len() < 3 || street.digits || street.case == Case::Lower && street.has(Marks::COMMON) {
        return;
    }
    let ends = if street.plain {
        let word = note.word(street).as_bytes();
        let second = word.iter().nth_back(1).map(u8::to_ascii_lowercase);
        if !matches!(second, Some(b's' | b't' | b'e' | b'n' | b'm' | b'l' | b'a')) {
            return;
        }
        let tail = |end: &str| word.len().checked_sub(end.len()).and_then(|from| word.get(from..));
        ENDS.iter().find(|end| tail(end).is_some_and(|tail| tail.eq_ignore_ascii_case(end.as_bytes())))
    } else {
        let word = note.word(street).to_lowercase();
        ENDS.iter().find(|end| word.ends_with(**end))
    };
    if ends.is_none_or(|end| (*end == "str") != abbreviated) {
        return;
    }
    let digits = note.word(number).bytes().take_while(u8::is_ascii_digit).count();
    let letters = note.word(number).bytes().skip(digits).filter(u8::is_ascii_alphabetic).count();
    if digits == 0 || digits > 4 || digits + letters != number.len() || letters > 1 {
        return;
    }
    let mut first = index - 1;
    while let (Some(before), Some(this)) =
        (first.checked_sub(1).and_then(|at| tokens.get(at)), tokens.get(first))
    {
        if !before.plain || index - first > 2 || note.slice(before.end, this.start) != " " {
            break;
        }
        first -= 1;
    }
    let capital = (first..index).filter_map(|at| tokens.get(at)).find(|token| token.capitalised());
    if let Some(start) = capital {
        let letter = tokens.get(index + 1).filter(|next| {
            letters == 0 && next.len() == 1 && next.plain && note.slice(number.end, next.start) == " "
        });
        let end = letter.map_or(number.end, |letter| letter.end);
        out.push(found(Label::STREET, start.start, unit_end(note, end), Evidence::Checked));
    }
}

/// Past `, Apt 3B`, ` Suite 200`, ` #9`, `, Unit C`.
pub(crate) fn unit_end(note: &Note<'_>, end: usize) -> usize {
    let mut end = end;
    for _ in 0..2 {
        let rest = note.after(end, 32).to_ascii_lowercase();
        let trimmed = rest.trim_start_matches(['.', ',', ' ']);
        let lead = rest.len() - trimmed.len();
        // `, 5th Floor`, `, Garden Apt.`
        let places = [
            "garden ", "rear ", "front ", "lower ", "upper ", "ground ", "top ", "first ", "second ",
            "third ",
        ];
        let apart = (1..=3).contains(&lead)
            && (trimmed.starts_with(|c: char| c.is_ascii_digit())
                || places.iter().any(|place| trimmed.starts_with(place)));
        let named = || {
            ["floor", "flr", "fl.", "fl", "apt.", "apt", "unit", "level"].iter().find_map(|word| {
                let at = trimmed.find(word).filter(|at| (3..=8).contains(at))?;
                let head = trimmed.get(..at)?;
                let ordinal = head.starts_with(|c: char| c.is_ascii_digit())
                    && ["st ", "nd ", "rd ", "th "].iter().any(|ending| head.ends_with(ending));
                (ordinal || places.contains(&head)).then_some(at + word.len())
            })
        };
        if let Some(length) = apart.then(named).flatten() {
            end += lead + length;
            break;
        }
        let part = [" (rear)", " rear", " upper", " lower", " downstairs", " upstairs"].iter().find(|part| {
            rest.strip_prefix(**part)
                .is_some_and(|after| after.is_empty() || after.starts_with([',', ' ', '.', ';', '\n']))
        });
        if let Some(part) = part {
            end += part.len();
            break;
        }
        let word = [
            "apartment",
            "spc",
            "sp.",
            "sp",
            "no.",
            "app.",
            "appt.",
            "bureau",
            "local",
            "unité",
            "trlr",
            "penthouse",
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

/// From an apartment or suite back to the house number, whatever the words between (`903 Dora Creek Apt. 176`), and on
/// over the indented lines of the same address.
fn around_unit(hit: Hit, note: &Note<'_>, out: &mut Vec<Found>) {
    let tokens = note.tokens();
    let anchor = note.token_at(hit.start);
    let fits = |t: &Token| {
        matches!(t.case, Case::Capital | Case::Upper | Case::Initial | Case::Number)
            && !t.has(Marks::FUNCTION)
            || t.has(Marks::PARTICLE)
            || (t.case == Case::Mixed && t.len() <= 5)
    };
    let (mut first, mut at) = (None, anchor);
    while let (Some(before), Some(this)) = (at.checked_sub(1).and_then(|at| tokens.get(at)), tokens.get(at)) {
        let gap = note.slice(before.end, this.start);
        if !matches!(gap, " " | ", " | ". " | "-" | "'" | "\n " | "., ") || !fits(before) || anchor - at > 9 {
            break;
        }
        at -= 1;
        if before.case == Case::Number && before.len() <= 5 {
            first = Some(before.start);
        }
    }
    let Some(start) = first else { return };
    // `7718 E Quillo Vista #14`; `5 Norco #30` is a count of tablets.
    if note.byte(hit.start) == b'#' {
        let words = || {
            tokens.iter().skip(note.token_at(start) + 1).take(anchor.saturating_sub(note.token_at(start) + 1))
        };
        let house = note.after(start, 5).bytes().take_while(u8::is_ascii_digit).count();
        if house < 3
            || words().count() < 2
            || words().any(|t| t.has(Marks::DRUG.or(Marks::DEVICE)) || t.case == Case::Number)
        {
            return;
        }
    }
    let mut last = note.token_at(hit.end.saturating_sub(1));
    let (mut end, mut lines) = (hit.end, 0);
    while let (Some(this), Some(next)) = (tokens.get(last), tokens.get(last + 1)) {
        let gap = note.slice(this.end.max(hit.end), next.start);
        let line = gap == "\n ";
        if !(line || (lines > 0 && matches!(gap, " " | "-" | "'" | ", "))) || !fits(next) || lines > 3 {
            break;
        }
        lines += usize::from(line);
        last += 1;
        end = next.end;
    }
    out.push(found(Label::STREET, start, end, Evidence::Checked));
}
