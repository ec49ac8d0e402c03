//! Finds vehicle identification numbers and plates.
//!
//! A VIN is 17 signs without I, O and Q whose ninth is a check digit; without a valid one a cue must stand before it.
//! Plates have no form of their own: a cue such as `plate`, `rego` or `van` names them, in groups (`771 QNW`) and said
//! sign by sign. The mark of an aircraft (`N882QX`) counts where flying is spoken of.
//!
//! Why: 45 CFR 164.514(b)(2)(i)(L).
//!
//! Example: `VIN 5GZCZ43D13S812715` gives the number; `plate count 204` gives nothing.
//!
//! References: 49 CFR 565.15.

use lazaret_core::Label;

use crate::lexicon::Marks;
use crate::overlap::{Evidence, Found};
use crate::registry::{Hit, Pass, ShapeDetector, found};
use crate::value::{begin, digits, id_at, named, spoken_at};
use crate::view::{Case, Note};

/// See the page above.
pub(crate) struct Vehicle;

impl ShapeDetector for Vehicle {
    fn id(&self) -> &'static str {
        "phi.vehicle"
    }

    fn source(&self) -> &'static str {
        include_str!("vehicle.rs")
    }

    fn examples(&self) -> (&'static str, &'static str) {
        ("Pickup, VIN 5GZCZ43D13S812715.", "A plate and 6 screws, tail vein.")
    }

    fn shapes(&self) -> &'static [(Pass, &'static str)] {
        &[
            (
                Pass::Cues,
                r"\b(?:vin(?: ends(?: in| with)?)?|vehicle id(?:entification)?(?: (?:no\b\.?|number))?|trailer no\b\.?|veh\b\.?|flight tail)",
            ),
            (
                Pass::Cues,
                r"\b(?:(?:license |licence |number |registration |lic\.? )?plates?|rego|tag|tail|kennzeichen|immatriculation|matrícula|reg no\b\.?|reg\b\.?(?: of (?:the |family |his |her )*car)?)\b(?: (?:no\b\.?|number|#|is|was|reads))?",
            ),
            (Pass::Numbers, r"\b[A-HJ-NPR-Z0-9]{17}\b"),
            // An aircraft's mark, where one is spoken of.
            (Pass::Numbers, r"(?-i:\bN\d{2,4}[A-Z]{1,2}\b)"),
            (
                Pass::Cues,
                r"\b(?:reg(?:istration)?|car|vehicle|bike|honda|toyota|ford|chevy|tesla|subaru|nissan|kia|hyundai|jeep|dodge|van|truck|pickup|ute|minivan|sedan|suv|jeep|motorcycle|motorbike|scooter|trailer|ambulance|tractor)\b[:.]?,? ?(?:reg\b\.? )?",
            ),
        ]
    }

    fn judge(&self, hit: Hit, note: &Note<'_>, out: &mut Vec<Found>) {
        match hit.shape {
            0 => {
                named(note, hit, 4, Label::VEHICLE, out);
            }
            1 => plate(hit, note, out),
            3 if note.cue_before(
                hit.start,
                12,
                "flown|flew|flight|aircraft|helicopter|helo|tail|plane|airlift|lifenet|rotor",
            ) =>
            {
                out.push(found(Label::VEHICLE, hit.start, hit.end, Evidence::Named));
            }
            4 => vehicle(hit, note, out),
            2 if vin_holds(note.slice(hit.start, hit.end)) => {
                out.push(found(Label::VEHICLE, hit.start, hit.end, Evidence::Checked));
            }
            _ => {}
        }
    }
}

/// `reg 161-QX-88412`, `van (65-C 4417)`: capitals and digits both.
fn vehicle(hit: Hit, note: &Note<'_>, out: &mut Vec<Found>) {
    let start = begin(note, hit.end);
    if let Some(end) =
        groups(note, start).filter(|end| start <= hit.end + 3 && digits(note.slice(start, *end)) >= 2)
    {
        out.push(found(Label::VEHICLE, start, end, Evidence::Named));
        return;
    }
    let Some((start, end)) = id_at(note, start, 5).filter(|(start, _)| *start <= hit.end + 3) else { return };
    let text = note.slice(start, end);
    let letters = text.bytes().filter(u8::is_ascii_uppercase).count();
    // `truck 23-4418`: a fleet's number.
    let fleet = text.contains('-') && digits(text) >= 6;
    if (letters > 0 || fleet) && digits(text) >= 3 && end - start <= 12 && !text.contains(['/', ':', '.']) {
        out.push(found(Label::VEHICLE, start, end, Evidence::Named));
    }
}

/// A plate: capitals and digits, four to nine signs, in at most two groups.
fn plate(hit: Hit, note: &Note<'_>, out: &mut Vec<Found>) {
    let start = begin(note, hit.end);
    // `OH plate`, `plate OH QXV-2190`: the state is no part of it.
    let state = note.tokens().get(note.token_at(start)).filter(|t| {
        t.start == start
            && t.case == Case::Upper
            && t.len() <= 3
            && t.has(Marks::STATE)
            && note.byte(t.end) == b' '
    });
    let start = state.map_or(start, |t| t.end + 1);
    if let Some((start, end)) = spoken_at(note, start) {
        out.push(found(Label::VEHICLE, start, end, Evidence::Named));
        return;
    }
    let sign = call_sign(note, hit.start);
    if let Some(end) = groups(note, start) {
        out.push(found(Label::VEHICLE, sign.unwrap_or(start), end, Evidence::Named));
        return;
    }
    let Some((start, end)) = id_at(note, start, 4) else { return };
    let text = note.slice(start, end);
    let from = sign.unwrap_or(start);
    let plain = !text.bytes().any(|b| b.is_ascii_lowercase() || matches!(b, b'/' | b':'));
    if plain && end - start <= 12 && digits(text) >= 2 {
        out.push(found(Label::VEHICLE, from, end, Evidence::Named));
    }
}

/// Where the call sign of a vehicle before its plate begins: `Medic 17 plate`.
fn call_sign(note: &Note<'_>, at: usize) -> Option<usize> {
    let index = note.token_at(at);
    let (sign, number) = (note.tokens().get(index.checked_sub(2)?)?, note.tokens().get(index - 1)?);
    let crew = ["medic", "ambulance", "engine", "rescue", "squad", "ladder", "truck", "unit"];
    let is = crew.iter().any(|word| word.eq_ignore_ascii_case(note.word(sign)));
    let joined =
        note.slice(sign.end, number.start) == " " && matches!(note.slice(number.end, at), " " | ", ");
    (is && joined && number.digits && number.len() <= 4).then_some(sign.start)
}

/// The end of a plate in groups of capitals and digits: `771 QNW`, `QK 402 LPS`, `VH-9XQ`; five to eight signs, at most four
/// in a group, letters and digits both.
fn groups(note: &Note<'_>, start: usize) -> Option<usize> {
    let group = |at: usize| {
        (at..at + 6)
            .take_while(|at| note.byte(*at).is_ascii_uppercase() || note.byte(*at).is_ascii_digit())
            .count()
    };
    let (mut end, mut signs, mut parts) = (start, 0, 0);
    while parts < 3 {
        let from = end + usize::from(parts > 0);
        let count = group(from);
        let closes =
            !note.byte(from + count).is_ascii_lowercase() && !matches!(note.byte(from + count), b'/' | b':');
        let word = note.slice(from, from + count);
        let grammar = matches!(
            word,
            "AND"
                | "OR"
                | "IN"
                | "ON"
                | "AT"
                | "TO"
                | "WAS"
                | "IS"
                | "THE"
                | "OF"
                | "BY"
                | "FOR"
                | "SEEN"
                | "EMS"
        );
        let joined =
            parts == 0 || matches!(note.byte(end), b' ' | b'-') || note.byte(end) == b'.' && count > 0;
        if !(1..=4).contains(&count) || !joined || !closes || signs + count > 8 || parts > 0 && grammar {
            break;
        }
        signs += count;
        parts += 1;
        end = from + count;
    }
    let text = note.slice(start, end);
    let letters = text.bytes().any(|b| b.is_ascii_uppercase());
    (parts >= 2
        && (5..=8).contains(&signs)
        && letters
        && digits(text) >= 1
        && !note.byte(end).is_ascii_alphanumeric())
    .then_some(end)
}

/// 49 CFR 565.15(c): weighted sum modulus 11 at place nine.
fn vin_holds(text: &str) -> bool {
    const WEIGHTS: [u32; 17] = [8, 7, 6, 5, 4, 3, 2, 10, 0, 9, 8, 7, 6, 5, 4, 3, 2];
    let value = |b: u8| match b.to_ascii_uppercase() {
        b @ b'0'..=b'9' => u32::from(b - b'0'),
        b @ b'A'..=b'H' => u32::from(b - b'A') + 1,
        b @ b'J'..=b'N' => u32::from(b - b'J') + 1,
        b'P' => 7,
        b'R' => 9,
        b @ b'S'..=b'Z' => u32::from(b - b'S') + 2,
        _ => 0,
    };
    let sum: u32 = text.bytes().zip(WEIGHTS).map(|(b, weight)| value(b) * weight).sum();
    let check = match sum % 11 {
        10 => b'X',
        digit => b'0' + u8::try_from(digit).unwrap_or(0),
    };
    digits(text) >= 4
        && digits(text) < 17
        && text.as_bytes().get(8).is_some_and(|b| b.to_ascii_uppercase() == check)
}
