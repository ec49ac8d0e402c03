//! Reading the value that a cue names: `MRN: 00482913`, `hosp no HN 7714 0036`, `record seven seven zero three`.

use std::sync::LazyLock;

use crate::cue::is_one_of;
use crate::lexicon::{WordSet, hash};
use crate::overlap::{Evidence, Found};
use crate::registry::{Hit, found};
use crate::view::{Case, Note, Token};
use lazaret_core::{Kind, Label};

/// Words that may stand between a cue and its value.
static BETWEEN: LazyLock<WordSet> = LazyLock::new(|| {
    WordSet::new(&[
        "ends", "in", "is", "s", "btw", "no", "nos", "number", "numbers", "numer", "num", "nr", "id", "code",
        "card", "was", "value", "ending",
    ])
});
/// Farthest that a value may begin after its cue, in bytes.
const REACH: usize = 40;
/// Longest value, in bytes.
const LONGEST: usize = 48;

/// Where the value after a cue begins: over blanks, punctuation and words such as `no.` and `is`.
pub(crate) fn begin(note: &Note<'_>, from: usize) -> usize {
    let mut at = from;
    let mut words = 0;
    while at < from + REACH {
        let b = note.byte(at);
        if matches!(
            b,
            b' ' | b'\t'
                | b':'
                | b'='
                | b'@'
                | b'.'
                | b'"'
                | b'\''
                | b'|'
                | b'('
                | b'['
                | b'-'
                | b','
                | b'*'
                | b'^'
        ) {
            at += 1;
            continue;
        }
        if b == b'#' {
            at += 1;
            continue;
        }
        if b.is_ascii_alphabetic() && words < 3 {
            let end = run_end(note, at, |b| b.is_ascii_alphabetic());
            let word = note.slice(at, end);
            if !note.byte(end).is_ascii_digit() && BETWEEN.has(hash(word)) {
                words += 1;
                at = end;
                continue;
            }
        }
        break;
    }
    at
}

/// The id that begins at an offset: letters, digits and connectors, in groups parted by single blanks. It holds a
/// digit and at least `least` letters and digits.
pub(crate) fn id_at(note: &Note<'_>, at: usize, least: usize) -> Option<(usize, usize)> {
    let mut end = group_end(note, at)?;
    let first = note.slice(at, end);
    if !has_digit(first) {
        // `HN 7714 0036`: a prefix of capitals, then digits.
        let prefix = first.len() <= if first.contains('-') { 7 } else { 5 }
            && first.bytes().all(|b| b.is_ascii_uppercase() || b == b'-');
        let next = end + 1;
        if !(prefix
            && note.byte(end) == b' '
            && (note.byte(next).is_ascii_digit() || mixed_upper(note, next)))
        {
            return None;
        }
        end = group_end(note, next)?;
    }
    while note.byte(end) == b' ' && end - at < LONGEST {
        let next = end + 1;
        let Some(stop) = group_end(note, next) else { break };
        let group = note.slice(next, stop);
        let digits = group.bytes().filter(u8::is_ascii_digit).count();
        // `0072 4418-01`: hyphens within a group of digits part nothing.
        let hyphened = digits >= 3
            && group.bytes().all(|b| b.is_ascii_digit() || b == b'-')
            && note.slice(at, end).bytes().any(|b| b.is_ascii_alphabetic());
        let whole = digits == group.len() || hyphened;
        let closes = !matches!(note.byte(stop), b' ' | b'/' | b':' | b'%')
            || matches!(note.byte(stop + 1), b' ' | b'/' | b'(' | b'|');
        // `Q882 00 5519`: a short group before a long one.
        let leads = whole
            && note.byte(stop) == b' '
            && group_end(note, stop + 1).is_some_and(|after| {
                let next = note.slice(stop + 1, after);
                next.len() >= 3 && next.bytes().all(|b| b.is_ascii_digit())
            });
        let version = group.len() == 2
            && group.bytes().all(|b| b.is_ascii_uppercase())
            && closes
            && note.slice(at, end).contains(' ')
            && note.slice(at, end).bytes().all(|b| b.is_ascii_digit() || b == b' ');
        let spaced = note.slice(at, end).contains(' ')
            && group.len() <= 2
            && note.byte(stop) == b' '
            && note.byte(stop + 1).is_ascii_lowercase();
        // `204 771 190K`: a letter that checks the number; `77 20 91`: pairs.
        let checked = digits >= 3
            && group.len() == digits + 1
            && group.ends_with(|c: char| c.is_ascii_uppercase())
            && closes
            && note.slice(at, end).bytes().all(|b| b.is_ascii_digit() || b == b' ');
        let pairs = whole
            && digits == 2
            && pair_before(note, end)
            && (closes
                || note.byte(stop) == b' '
                    && matches!(group_end(note, stop + 1), Some(after) if after - stop == 3 && note.slice(stop + 1, after).bytes().all(|b| b.is_ascii_digit())));
        let continues = (whole && spaced)
            || checked
            || pairs
            || leads
            || version
            || (whole && digits >= 3 && group.len() <= 9)
            || (whole && closes)
            || (group.len() == 1 && group.bytes().all(|b| b.is_ascii_uppercase()) && closes);
        if !continues || unit_follows(note, stop) {
            break;
        }
        end = stop;
    }
    let text = note.slice(at, end);
    let signs = text.bytes().filter(u8::is_ascii_alphanumeric).count();
    (signs >= least && has_digit(text) && end - at <= LONGEST).then_some((at, end))
}

/// Whether two digits, no more, end at an offset: `77` of `QV/77 20 91`.
fn pair_before(note: &Note<'_>, end: usize) -> bool {
    let digit = |at: usize| note.byte(at).is_ascii_digit();
    end > 2 && digit(end - 1) && digit(end - 2) && !note.byte(end - 3).is_ascii_alphanumeric()
}

/// What stands for a sign or a letter in a dictated number.
const SPELLING: &str = "dash|stroke|slash|hyphen|alpha|bravo|charlie|delta|echo|foxtrot|golf|hotel|india|juliet|kilo|lima|mike|november|oscar|papa|quebec|romeo|sierra|tango|uniform|victor|whiskey|xray|yankee|zulu";

/// A number said in words: `seven seven zero three one four`, at least three.
pub(crate) fn spoken_at(note: &Note<'_>, at: usize) -> Option<(usize, usize)> {
    let index = note.token_at(at);
    let digits = |token: &Token| {
        token.case == Case::Lower
            && matches!(
                note.word(token),
                "zero"
                    | "oh"
                    | "one"
                    | "two"
                    | "three"
                    | "four"
                    | "five"
                    | "six"
                    | "seven"
                    | "eight"
                    | "nine"
                    | "double"
                    | "triple"
            )
    };
    // `m l k eight eight two`: letters are said one by one among the digits.
    let sign = |token: &Token| {
        token.case == Case::Lower
            && (token.len() == 1 && token.plain || is_one_of(note.word(token), SPELLING))
    };
    let run = |most: usize| note.tokens().iter().skip(index).take(most);
    let said = run(24).take_while(|t| digits(t) || sign(t)).count();
    if said == 0 {
        return None;
    }
    let said = (0..=said).rev().find(|end| {
        end.checked_sub(1).and_then(|last| note.tokens().get(index + last)).is_none_or(digits)
            || run(*end).filter(|t| sign(t)).count() >= 3 && run(*end).filter(|t| digits(t)).count() >= 5
    });
    let run: Vec<&Token> = run(said.unwrap_or(0)).collect();
    match (run.first(), run.last()) {
        (Some(first), Some(last))
            if run.iter().filter(|t| digits(t)).count() >= 3 && first.start <= at + 2 =>
        {
            Some((first.start, last.end))
        }
        _ => None,
    }
}

/// Reports the value that the cue at `hit` names, and further ones in a list (`Rx nos. 6604921, 6604922`).
pub(crate) fn named(note: &Note<'_>, hit: Hit, least: usize, label: Label, out: &mut Vec<Found>) -> bool {
    if after_unit(note, hit.start) {
        return false;
    }
    let at = begin(note, hit.end);
    let value = id_at(note, at, least).or_else(|| spoken_at(note, at));
    let value = value.filter(|(start, end)| {
        !is_date(note.slice(*start, *end)) && !measured(note, hit, *start, *end, label)
    });
    let Some((start, end)) = value else {
        return false;
    };
    let start = if note.byte_before(start) == b'#' { start - 1 } else { start };
    out.push(found(label, start, end, Evidence::Named));
    let mut end = end;
    for _ in 0..8 {
        let next = match (note.byte(end), note.byte(end + 1)) {
            (b',' | b';' | b'/', b' ') => end + 2,
            (b' ', b'/' | b'&') if note.byte(end + 2) == b' ' => end + 3,
            (b' ', b'a') if note.slice(end, end + 5) == " and " => end + 5,
            _ => break,
        };
        match id_at(note, next, least) {
            Some((start, stop)) if stop - start + 1 >= end - at && digits(note.slice(start, stop)) >= 4 => {
                out.push(found(label, start, stop, Evidence::Named));
                end = stop;
            }
            _ => break,
        }
    }
    true
}

/// Abbreviations of vitals, laboratory values, scores and fluids: what follows is a measurement (`HR 102`).
static MEASURES: LazyLock<WordSet> = LazyLock::new(|| {
    WordSet::new(&[
        "abg", "afp", "ahi", "alb", "albumin", "alc", "alk", "alp", "alt", "anc", "apgar", "aptt", "asa",
        "ast", "bg", "bili", "bmi", "bnp", "bp", "bs", "bsa", "bun", "ca", "cd", "cea", "chol", "ciwa", "ck",
        "ckmb", "cl", "cows", "cpk", "cr", "crp", "cvp", "dbp", "dlco", "ebl", "ecog", "ef", "egfr", "esr",
        "fbs", "fev", "fio", "fsbg", "ft", "fvc", "gad", "gcs", "gfr", "ggt", "glu", "gluc", "hb", "hcg",
        "hco", "hct", "hdl", "hgb", "hr", "ht", "icp", "inr", "iq", "iron", "ivf", "kcl", "kps", "lac",
        "ldh", "ldl", "lr", "lvef", "map", "mch", "mchc", "mcv", "meld", "mg", "mmse", "moca", "mpv", "na",
        "nihss", "ns", "nyha", "pco", "peep", "pef", "ph", "phos", "phq", "plt", "plts", "po", "psa", "pt",
        "ptt", "pulse", "qtc", "rbc", "rdw", "resp", "rr", "sat", "sats", "sbp", "spo", "tbili", "tc",
        "temp", "tg", "tibc", "tp", "trig", "trop", "tsh", "tv", "ua", "uop", "vbg", "vldl", "wbc", "wt",
    ])
});

/// Whether the second half of a unit begins here: the `dL` of `104 mg/dL`, the `ext` of `mL/ext`.
pub(crate) fn after_unit(note: &Note<'_>, at: usize) -> bool {
    const UNITS: [&str; 28] = [
        "mg", "mcg", "ug", "ng", "pg", "g", "gm", "kg", "ml", "l", "cc", "mmol", "umol", "nmol", "pmol",
        "mol", "meq", "eq", "iu", "miu", "u", "units", "unit", "k", "m", "cells", "mosm", "kcal",
    ];
    if note.byte_before(at) != b'/' {
        return false;
    }
    let before = note.before(at - 1, 8);
    let word = before.rsplit(|c: char| !c.is_ascii_alphanumeric()).next().unwrap_or("");
    let unit = word.trim_start_matches(|c: char| c.is_ascii_digit());
    !word.is_empty() && (unit.is_empty() || UNITS.iter().any(|of| of.eq_ignore_ascii_case(unit)))
}

/// Whether what stands after a cue says how much and not which: `WBC 12.3`, `120/80`, `325 mg`, `ref 135-145`.
pub(crate) fn measured(note: &Note<'_>, hit: Hit, start: usize, end: usize, label: Label) -> bool {
    let text = note.slice(start, end);
    // These cues name nothing else: only a short number after a measure is doubted.
    let strong = matches!(label.kind, Kind::Mrn | Kind::Account | Kind::HealthPlan);
    let (head, number) = text.split_once(' ').unwrap_or(("", text));
    let known = MEASURES.has(hash(head));
    let counts =
        ["plt", "plts", "wbc", "rbc", "anc", "bnp"].iter().any(|count| count.eq_ignore_ascii_case(head));
    if known
        && digits(number)
            <= if strong {
                3
            } else if counts {
                6
            } else {
                4
            }
    {
        return true;
    }
    let number = if head.bytes().all(|b| b.is_ascii_alphabetic()) { number } else { text };
    let plain = number.bytes().all(|b| b.is_ascii_digit() || matches!(b, b'.' | b',' | b'-' | b'/' | b':'));
    if !plain || strong {
        return false;
    }
    let short = |part: &str, most: usize| {
        (1..=most).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_digit())
    };
    let decimal = |part: &str| part.split_once('.').is_some_and(|(a, b)| short(a, 4) && short(b, 3));
    let amount = |part: &str| part.parse::<u32>().ok();
    let pressure = number.split_once('/').is_some_and(|(high, low)| match (amount(high), amount(low)) {
        (Some(high @ 60..=260), Some(low @ 30..=150)) => high > low,
        _ => false,
    });
    let range = number.split_once('-').is_some_and(|(low, high)| {
        let small = short(low, 3) && short(high, 3);
        let grows = low.len() < high.len() && short(low, 5) && short(high, 6);
        let cue = note.slice(hit.start, hit.end).get(..3).is_some_and(|cue| cue.eq_ignore_ascii_case("ref"));
        (cue && (small || grows))
            || [low, high].iter().all(|part| short(part, 4) || decimal(part)) && number.contains('.')
    });
    let of_unit = digits(number) <= 5 && measure_follows(note, end);
    let time = number.contains(':')
        && (2..=3).contains(&number.split(':').count())
        && number.split(':').all(|part| short(part, 2));
    decimal(number) || time || pressure || range || of_unit
}

/// Whether a unit that is no letter of its own follows: `m` after a number is a sex as often as a metre.
fn measure_follows(note: &Note<'_>, at: usize) -> bool {
    let rest = note.after(at, 8);
    let word = rest.trim_start_matches([' ', '-']);
    unit_follows(note, at)
        && word.get(1..2).is_some_and(|second| second.bytes().all(|b| b.is_ascii_alphabetic()))
        || word.starts_with('%')
}

/// Digits in a text.
pub(crate) fn digits(text: &str) -> usize {
    text.bytes().filter(u8::is_ascii_digit).count()
}

/// The digits of a text as numbers.
pub(crate) fn digit_values(text: &str) -> impl DoubleEndedIterator<Item = u32> {
    text.bytes().filter(u8::is_ascii_digit).map(|b| u32::from(b - b'0'))
}

/// The Luhn check (ISO/IEC 7812-1, annex B).
pub(crate) fn luhn(text: &str) -> bool {
    let sum: u32 = digit_values(text)
        .rev()
        .enumerate()
        .map(|(place, digit)| match (place % 2, digit * 2) {
            (0, _) => digit,
            (_, doubled) if doubled > 9 => doubled - 9,
            (_, doubled) => doubled,
        })
        .sum();
    sum.is_multiple_of(10)
}

/// Whether a measure follows (`12 mg`, `37 %`), so that a number is a quantity.
pub(crate) fn unit_follows(note: &Note<'_>, at: usize) -> bool {
    static UNITS: LazyLock<WordSet> = LazyLock::new(|| {
        WordSet::new(&[
            "mg", "mcg", "g", "kg", "ml", "l", "cc", "mm", "cm", "m", "mmhg", "bpm", "units", "unit", "u",
            "iu", "meq", "mmol", "min", "hours", "hrs", "h", "days", "day", "weeks", "wks", "months",
            "years", "year", "yrs", "yo", "y", "lb", "lbs",
        ])
    });
    let rest = note.after(at, 12);
    let rest = rest.trim_start_matches([' ', '-']);
    if rest.starts_with('%') {
        return true;
    }
    let length = rest.bytes().take_while(u8::is_ascii_alphabetic).count();
    let word = rest.get(..length).unwrap_or("");
    !word.is_empty() && UNITS.has(hash(word))
}

fn is_date(text: &str) -> bool {
    crate::calendar::parse(text).is_some_and(|date| date.parts() >= 3)
        && text.bytes().any(|b| matches!(b, b'/' | b'-' | b'.'))
}

fn has_digit(text: &str) -> bool {
    text.bytes().any(|b| b.is_ascii_digit())
}

/// Whether a group of capitals and digits begins here.
fn mixed_upper(note: &Note<'_>, at: usize) -> bool {
    group_end(note, at).is_some_and(|end| {
        let group = note.slice(at, end);
        has_digit(group) && !group.bytes().any(|b| b.is_ascii_lowercase())
    })
}

fn run_end(note: &Note<'_>, at: usize, is: impl Fn(u8) -> bool) -> usize {
    let mut end = at;
    while end - at < LONGEST && is(note.byte(end)) {
        end += 1;
    }
    end
}

/// The end of a group of letters and digits with connectors inside; none if there is no group.
fn group_end(note: &Note<'_>, at: usize) -> Option<usize> {
    let mut end = at;
    while end - at < LONGEST + 1 {
        let b = note.byte(end);
        let connects = matches!(b, b'-' | b'.' | b'/' | b':' | b'_' | b',' | b'#')
            && end > at
            && note.byte(end + 1).is_ascii_alphanumeric()
            && (b != b',' || (note.byte(end + 1).is_ascii_digit() && note.byte(end - 1).is_ascii_digit()));
        if !(b.is_ascii_alphanumeric() || connects) {
            break;
        }
        end += 1;
    }
    (end > at).then_some(end)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_read_whole_and_no_further() {
        for (text, value) in [
            ("MRN: 00482913 55 years", Some("00482913")),
            ("MRN no. HN 7714 0036 | x", Some("HN 7714 0036")),
            ("MRN#0881-337) seen", Some("0881-337")),
            ("MRN pending", None),
            ("MRN B0255 7731 4; next", Some("B0255 7731 4")),
        ] {
            let note = Note::new(text);
            let got = id_at(&note, begin(&note, 3), 3).map(|(start, end)| note.slice(start, end));
            assert_eq!(got, value, "{text}");
        }
    }

    #[test]
    fn luhn_holds_for_a_test_card_and_not_for_its_neighbour() {
        assert!(luhn("4111 1111 1111 1111") && !luhn("4111 1111 1111 1112"));
    }
}
