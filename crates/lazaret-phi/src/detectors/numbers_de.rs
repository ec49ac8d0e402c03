//! Finds numbers of German, Swiss and Austrian patients and physicians.
//!
//! Health insurance numbers (KVNR: a letter and nine digits, the last a check), pension insurance numbers (twelve signs
//! with a check), tax numbers (eleven digits, ISO 7064), physicians' and practices' numbers (LANR, BSNR), the Swiss AHV
//! number (756, EAN check) and the Austrian social insurance number. By form where the check is strong, else after a cue;
//! after one a wrong check digit hides nothing.
//!
//! Why: 45 CFR 164.514(b)(2)(i)(G), (I), (K) and (R).
//!
//! Example: `Versichertennummer A123456780` gives the number; `Charge A123456789` gives nothing of this kind.
//!
//! References: SGB V § 290, VKNR/KVNR guideline of the GKV-Spitzenverband; SGB VI § 147, VKVV § 2; AO § 139b (ISO/IEC 7064 MOD 11,10); KBV, Arztnummern; ZAS, AHV-Nummer (EAN-13); ASVG § 31.

use lazaret_core::Label;

use crate::checks::{capitals, cross_sum, ean_13, iso_7064_mod_11_10, letter, signs, weighted};
use crate::overlap::{Evidence, Found};
use crate::registry::{Hit, Pass, ShapeDetector, found};
use crate::value::{digit_values, digits, named};
use crate::view::Note;

/// See the page above.
pub(crate) struct NumbersGerman;

impl ShapeDetector for NumbersGerman {
    fn id(&self) -> &'static str {
        "phi.health-plan.de"
    }

    fn source(&self) -> &'static str {
        include_str!("numbers_de.rs")
    }

    fn examples(&self) -> (&'static str, &'static str) {
        (
            "Versichertennummer: A123456780, Steuer-ID 86095742719.",
            "Charge 123, Versicherung ruht, LANR folgt.",
        )
    }

    fn shapes(&self) -> &'static [(Pass, &'static str)] {
        &[
            (
                Pass::Cues,
                r"\b(?:kvnr|kv-nr|krankenversicherten-?nr|versicherten-?(?:nummer|nr|id)|egk-?(?:nummer|nr)|krankenversichertennummer|versichertenkarte)\b\.?",
            ),
            (
                Pass::Cues,
                r"\b(?:rvnr|rentenversicherungs-?(?:nummer|nr)|sozialversicherungs-?(?:nummer|nr)|sv-?(?:nummer|nr)|svnr|sozialvers\.-?nr|ahv-?(?:nummer|nr)|ahvn13)\b\.?",
            ),
            (
                Pass::Cues,
                r"\b(?:steuer-?id(?:entifikations)?(?:-?(?:nummer|nr))?|idnr|steuer-?(?:nummer|nr))\b\.?",
            ),
            (
                Pass::Cues,
                r"\b(?:lanr|bsnr|arzt-?(?:nummer|nr)|betriebsst[a-z]{1,8}(?:nummer|-?nr)|zanr|efn|gln)\b\.?",
            ),
            (Pass::Numbers, r"\b[A-Z]\d{9}\b"),
            (Pass::Numbers, r"\b756[. ]?\d{4}[. ]?\d{4}[. ]?\d\d\b"),
            (Pass::Numbers, r"\b\d\d ?(?:0[1-9]|[12]\d|3[01]|[4-8]\d)(?:0[1-9]|1[0-2])\d\d ?[A-Z] ?\d{3}\b"),
            (Pass::Numbers, r"\b[1-9]\d{10}\b|\b[1-9]\d \d{3} \d{3} \d{3}\b"),
        ]
    }

    fn judge(&self, hit: Hit, note: &Note<'_>, out: &mut Vec<Found>) {
        let text = note.slice(hit.start, hit.end);
        let (label, evidence) = match hit.shape {
            0 => (Label::HEALTH_PLAN, None),
            1 => (Label::SSN, None),
            2 => (Label::OTHER_ID.sub("tax"), None),
            3 => (Label::LICENSE, None),
            4 if capitals(text) && insurance(text) && german(note, hit) => {
                (Label::HEALTH_PLAN, Some(Evidence::Checked))
            }
            5 if ean_13(text) => (Label::SSN, Some(Evidence::Checked)),
            6 if capitals(text) && pension(text) => (Label::SSN, Some(Evidence::Checked)),
            7 if iso_7064_mod_11_10(text)
                && note.cue_before(hit.start, 32, "steuer|steuer-id|idnr|finanzamt") =>
            {
                (Label::OTHER_ID.sub("tax"), Some(Evidence::Checked))
            }
            _ => return,
        };
        match evidence {
            Some(evidence) => out.push(found(label, hit.start, hit.end, evidence)),
            None => named_number(note, hit, label, out),
        }
    }
}

/// What a cue names: the groups of `15 070649 C 103` are one number.
fn named_number(note: &Note<'_>, hit: Hit, label: Label, out: &mut Vec<Found>) {
    let start = crate::value::begin(note, hit.end);
    let whole = [13, 12, 11, 10, 9].into_iter().find_map(|count| crate::checks::grouped(note, start, count));
    match whole.filter(|end| digits(note.slice(start, *end)) >= 7) {
        Some(end) => out.push(found(label, start, end, Evidence::Named)),
        None => {
            named(note, hit, 6, label, out);
        }
    }
}

/// A letter and nine digits are many things: one of the words of insurance stands before.
fn german(note: &Note<'_>, hit: Hit) -> bool {
    const CUES: &str =
        "kasse|krankenkasse|versicherten|versicherung|versichert|kv|aok|barmer|dak|ikk|tk|bkk|kvnr|egk|nr";
    note.cue_before(hit.start, 40, CUES)
}

/// The letter as two digits, then eight digits, under the weights 1 and 2, cross sums added, modulo 10.
fn insurance(text: &str) -> bool {
    let signs = signs(text);
    let Some(first) = signs.first().copied().and_then(letter) else { return false };
    let all = [first / 10, first % 10].into_iter().chain(digit_values(text));
    let all: Vec<u32> = all.collect();
    let Some((check, head)) = all.split_last() else { return false };
    let sum: u32 =
        head.iter().zip([1, 2].into_iter().cycle()).map(|(digit, weight)| cross_sum(digit * weight)).sum();
    sum % 10 == *check
}

/// Area, date of birth, the letter as two digits, serial number; weights 2 1 2 5 7 1 2 1 2 1 2 1, cross sums, modulo 10.
fn pension(text: &str) -> bool {
    let signs = signs(text);
    let mut all = String::new();
    for sign in &signs {
        match letter(*sign) {
            Some(place) => {
                all.extend([place / 10, place % 10].into_iter().filter_map(|d| char::from_digit(d, 10)));
            }
            None => all.push(char::from(*sign)),
        }
    }
    let sum: u32 = digit_values(&all)
        .zip([2, 1, 2, 5, 7, 1, 2, 1, 2, 1, 2, 1])
        .map(|(digit, weight)| cross_sum(digit * weight))
        .sum();
    digits(&all) == 13
        && digit_values(&all).last().is_some_and(|check| sum % 10 == check)
        && weighted(&all, &[1]) < 10
}
