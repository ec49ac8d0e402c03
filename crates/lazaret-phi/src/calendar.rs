//! Dates as they are written: which part of a text is the day, the month, the year, and how to write another date
//! in the same form. Real calendar (proleptic Gregorian), leap days included.

use std::sync::LazyLock;

use rustc_hash::FxHashMap;

use crate::lexicon::hash;

/// What a field of a written date is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Part {
    Day,
    Month,
    Year,
    Weekday,
}

/// One field of a written date.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Field {
    part: Part,
    start: usize,
    end: usize,
    value: i64,
    /// Written as a word (`March`, `Tues`).
    word: bool,
}

/// A date as it is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Written {
    fields: Vec<Field>,
}

/// Month names in full, as shifted dates are written.
const MONTHS: [&str; 12] = [
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
];
const WEEKDAYS: [&str; 7] = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"];

impl Written {
    fn get(&self, part: Part) -> Option<i64> {
        self.fields.iter().find(|field| field.part == part).map(|field| field.value)
    }

    /// The month, if it is written.
    pub(crate) fn month(&self) -> Option<i64> {
        self.get(Part::Month)
    }

    /// The year, if it is written.
    pub(crate) fn year(&self) -> Option<i64> {
        self.get(Part::Year)
    }

    /// Year, month and day, where all are written.
    pub(crate) fn whole(&self) -> Option<(i64, i64, i64)> {
        Some((self.year()?, self.get(Part::Month)?, self.get(Part::Day)?))
    }

    /// How many of day, month and year are written.
    pub(crate) fn parts(&self) -> usize {
        self.fields.iter().filter(|field| field.part != Part::Weekday).count()
    }

    /// Whether day and month are written.
    pub(crate) fn has_day(&self) -> bool {
        self.get(Part::Day).is_some() && self.get(Part::Month).is_some()
    }

    /// The same form with the date some days later. None if the day is not written, or the form cannot hold the
    /// new date. A date without a year is moved within a leap year, so that 29 February is possible.
    pub(crate) fn shifted(&self, text: &str, days: i64) -> Option<String> {
        let (day, month) = (self.get(Part::Day)?, self.get(Part::Month)?);
        let year = self.year().unwrap_or(2000);
        let from = days_from_civil(year, month, day);
        let moved = from.checked_add(days)?;
        let (to_year, to_month, to_day) = civil_from_days(moved);
        let mut out = String::with_capacity(text.len() + 8);
        let mut at = 0;
        for field in &self.fields {
            out.push_str(text.get(at..field.start)?);
            let was = text.get(field.start..field.end)?;
            match field.part {
                Part::Day => number(&mut out, to_day, was),
                Part::Month if field.word => out.push_str(&word_like(&MONTHS, to_month - 1, was)?),
                Part::Month => number(&mut out, to_month, was),
                Part::Year if was.len() == 2 => out.push_str(&padded(to_year.rem_euclid(100), 2)),
                Part::Year => out.push_str(&padded(to_year, 4)),
                Part::Weekday => {
                    out.push_str(&word_like(&WEEKDAYS, field.value.saturating_add(days).rem_euclid(7), was)?);
                }
            }
            at = field.end;
            // The ordinal ending follows the day.
            if field.part == Part::Day
                && let Some(ending) = text.get(at..at + 2)
                && ["st", "nd", "rd", "th"].iter().any(|e| e.eq_ignore_ascii_case(ending))
                && !text.as_bytes().get(at + 2).is_some_and(u8::is_ascii_alphabetic)
            {
                let ordinal = ordinal(to_day);
                let upper = ending.bytes().all(|b| b.is_ascii_uppercase());
                out.push_str(&if upper { ordinal.to_uppercase() } else { ordinal.to_owned() });
                at += 2;
            }
        }
        out.push_str(text.get(at..)?);
        Some(out)
    }
}

fn number(out: &mut String, value: i64, was: &str) {
    out.push_str(&padded(value, was.len().min(2)));
}

/// With noughts before it up to a width.
fn padded(value: i64, width: usize) -> String {
    format!("{value:0width$}")
}

/// The word at `index` in the length and case of the one that stood there.
fn word_like(words: &[&str], index: i64, was: &str) -> Option<String> {
    let full = words.get(usize::try_from(index).ok()?)?;
    let was_full = words.iter().any(|word| word.eq_ignore_ascii_case(was)) && was.len() > 3;
    let short = if was_full { full } else { full.get(..was.len().clamp(3, full.len().min(4)))? };
    let short = if was_full || was.len() != 4 { short } else { full.get(..3)? };
    let mut letters = was.chars();
    let first_upper = letters.next().is_some_and(char::is_uppercase);
    let upper = first_upper && letters.next().is_some_and(char::is_uppercase);
    Some(match (upper, first_upper) {
        (true, _) => short.to_uppercase(),
        (false, true) => {
            let mut chars = short.chars();
            chars.next().map(|c| c.to_ascii_uppercase()).into_iter().chain(chars).collect()
        }
        (false, false) => (*short).to_owned(),
    })
}

const fn ordinal(day: i64) -> &'static str {
    match day {
        1 | 21 | 31 => "st",
        2 | 22 => "nd",
        3 | 23 => "rd",
        _ => "th",
    }
}

/// Reads a written date, which must be the whole text but for a time of day, an offset and the words between.
/// Numbers alone are read month first, unless only day first gives a date; after a dot, day first.
pub(crate) fn parse(text: &str) -> Option<Written> {
    if text.len() > 64 {
        return None;
    }
    let date = match text.as_bytes() {
        // The date of an ISO 8601 date and time (`T`, or a blank between).
        [_, _, _, _, b'-', _, _, b'-', _, _, b'T' | b't' | b' ', ..] => text.get(..10)?,
        _ => text,
    };
    if date.len() >= 6 && date.bytes().all(|b| b.is_ascii_digit()) {
        return if date.len() == 6 { six(date) } else { compact(date) };
    }
    let mut fields: Vec<Field> = Vec::with_capacity(4);
    for (start, end) in words(date) {
        let word = date.get(start..end)?;
        let field = |part, value, word| Field { part, start, end, value, word };
        if word.bytes().all(|b| b.is_ascii_digit()) {
            if word.len() > 4 || word.len() == 3 {
                return None;
            }
            fields.push(field(
                if word.len() == 4 { Part::Year } else { Part::Day },
                word.parse().ok()?,
                false,
            ));
        } else if let Some(month) = month_of(word) {
            fields.push(field(Part::Month, month, true));
        } else if let Some(day) = weekday_of(word) {
            fields.push(field(Part::Weekday, day, true));
        } else if !["of", "the", "st", "nd", "rd", "th", "t", "z", "den", "de", "del", "er"]
            .iter()
            .any(|known| known.eq_ignore_ascii_case(word))
        {
            return None;
        }
    }
    order(date, &mut fields)?;
    valid(&fields).then_some(Written { fields })
}

/// `20250304`, `20240703081512`: year first; the rest is the time.
fn compact(text: &str) -> Option<Written> {
    if !matches!(text.len(), 8 | 10 | 12 | 14) {
        return None;
    }
    let field = |part, start, end| {
        Some(Field { part, start, end, value: text.get(start..end)?.parse().ok()?, word: false })
    };
    let fields = vec![field(Part::Year, 0, 4)?, field(Part::Month, 4, 6)?, field(Part::Day, 6, 8)?];
    (valid(&fields) && fields.first().is_some_and(|year| (1850..2100).contains(&year.value)))
        .then_some(Written { fields })
}

/// `110968`: month, day, year of two digits.
fn six(text: &str) -> Option<Written> {
    let mut fields = Vec::new();
    for (part, start) in [(Part::Month, 0), (Part::Day, 2), (Part::Year, 4)] {
        let value: i64 = text.get(start..start + 2)?.parse().ok()?;
        let value = if part == Part::Year { century(value) } else { value };
        fields.push(Field { part, start, end: start + 2, value, word: false });
    }
    valid(&fields).then_some(Written { fields })
}

/// A year of two digits: up to 30 of this century.
const fn century(year: i64) -> i64 {
    year + if year > 30 { 1900 } else { 2000 }
}

/// Says of each bare number whether it is day, month or year.
fn order(text: &str, fields: &mut [Field]) -> Option<()> {
    let has_word = fields.iter().any(|f| f.part == Part::Month);
    let years = fields.iter().filter(|f| f.part == Part::Year).count();
    let bare = || fields.iter().filter(|f| f.part == Part::Day);
    let count = bare().count();
    let roles: &[Part] = match (has_word, years, count) {
        (true, 1, 0) => &[],
        (true, 0 | 1, 1) => &[Part::Day],
        (true, 0, 2) => &[Part::Day, Part::Year],
        (false, 1, 1) => &[Part::Month],
        (false, 1, 2) | (false, 0, 2 | 3) => {
            let (first, second) = (bare().next()?.value, bare().nth(1)?.value);
            let year_first = years == 1 && fields.first().is_some_and(|f| f.part == Part::Year);
            let day_first = !year_first && second <= 12 && (first > 12 || text.contains('.') && count == 3);
            // The third, where there is one, is the year.
            if day_first {
                &[Part::Day, Part::Month, Part::Year]
            } else {
                &[Part::Month, Part::Day, Part::Year]
            }
        }
        _ => return None,
    };
    for (field, part) in fields.iter_mut().filter(|f| f.part == Part::Day).zip(roles) {
        field.part = *part;
        if *part == Part::Year {
            if field.end - field.start != 2 {
                return None;
            }
            field.value = century(field.value);
        }
    }
    Some(())
}

fn valid(fields: &[Field]) -> bool {
    let get = |part| fields.iter().find(|f| f.part == part).map(|f| f.value);
    let month = get(Part::Month);
    let year = get(Part::Year);
    month.is_some_and(|m| (1..=12).contains(&m))
        && get(Part::Day).is_none_or(|d| d >= 1 && d <= month_days(year.unwrap_or(2000), month.unwrap_or(0)))
        && year.is_none_or(|y| (1800..2200).contains(&y))
        && (get(Part::Day).is_some() || year.is_some())
}

/// Runs of letters and runs of digits.
fn words(text: &str) -> impl Iterator<Item = (usize, usize)> + '_ {
    let mut at = 0;
    std::iter::from_fn(move || {
        let start = at + text.get(at..)?.find(char::is_alphanumeric)?;
        let rest = text.get(start..)?;
        let digit = rest.starts_with(|c: char| c.is_ascii_digit());
        let len =
            rest.find(|c: char| !c.is_alphanumeric() || c.is_ascii_digit() != digit).unwrap_or(rest.len());
        at = start + len;
        Some((start, at))
    })
}

/// Names of the months in four languages, short ones and a common slip among them.
const MONTH_NAMES: [&[&str]; 12] = [
    &[
        "january", "janurary", "janaury", "januar", "janvier", "enero", "jänner", "janv", "ene", "jän",
        "eanáir", "jan",
    ],
    &[
        "february", "febuary", "feburary", "febrary", "februar", "février", "févr", "febrero", "feber",
        "fév", "feb",
    ],
    &["march", "märz", "mars", "marzo", "mrz", "mär", "mar"],
    &["april", "aprl", "avril", "abril", "avr", "abr", "apr"],
    &["may", "mai", "mayo"],
    &["june", "juni", "juin", "junio", "jun"],
    &["july", "juli", "juillet", "juil", "julio", "jul"],
    &["august", "augut", "août", "agosto", "ago", "aug"],
    &[
        "september",
        "septemeber",
        "septmeber",
        "setpember",
        "setember",
        "septembre",
        "septiembre",
        "sept",
        "sep",
    ],
    &["october", "ocotber", "octber", "oktober", "okt", "octobre", "octubre", "oct"],
    &["november", "novemeber", "novermber", "novembre", "noviembre", "nov"],
    &["december", "decemeber", "decmeber", "dezember", "dez", "décembre", "diciembre", "déc", "dic", "dec"],
];

/// The number of a month from its name.
pub(crate) fn month_of(word: &str) -> Option<i64> {
    static NUMBERS: LazyLock<FxHashMap<u64, i64>> = LazyLock::new(|| {
        let of_month = |(number, names): (i64, &&'static [&'static str])| {
            names.iter().map(move |name| (hash(name), number)).collect::<Vec<_>>()
        };
        (1..).zip(&MONTH_NAMES).flat_map(of_month).collect()
    });
    let hash = if word.is_ascii() { hash(word) } else { hash(&word.to_lowercase()) };
    NUMBERS.get(&hash).copied()
}

fn weekday_of(word: &str) -> Option<i64> {
    if !word.starts_with(['m', 't', 'w', 'f', 's', 'M', 'T', 'W', 'F', 'S']) {
        return None;
    }
    let lower = word.to_lowercase();
    let short = lower.get(..3)?;
    WEEKDAYS
        .iter()
        .position(|day| {
            day.starts_with(short)
                && (day.starts_with(&lower) || matches!(lower.as_str(), "weds" | "thurs" | "tues"))
        })
        .and_then(|at| i64::try_from(at).ok())
}

/// Days of a month.
pub(crate) const fn month_days(year: i64, month: i64) -> i64 {
    match month {
        4 | 6 | 9 | 11 => 30,
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        _ => 31,
    }
}

/// Days since 1970-01-01 (Howard Hinnant's `days_from_civil`).
pub(crate) const fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let y = if month <= 2 { year - 1 } else { year };
    let era = y.div_euclid(400);
    let of_era = y.rem_euclid(400);
    let shifted = if month > 2 { month - 3 } else { month + 9 };
    let of_year = (153 * shifted + 2) / 5 + day - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

/// The inverse.
pub(crate) const fn civil_from_days(days: i64) -> (i64, i64, i64) {
    let shifted = days + 719_468;
    let (era, of_era) = (shifted.div_euclid(146_097), shifted.rem_euclid(146_097));
    let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let from_march = (5 * of_year + 2) / 153;
    let day = of_year - (153 * from_march + 2) / 5 + 1;
    let month = if from_march < 10 { from_march + 3 } else { from_march - 9 };
    (year_of_era + era * 400 + if month <= 2 { 1 } else { 0 }, month, day)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn dates_move_in_their_own_form() {
        for (text, days, moved) in [
            ("04/17/1951", 20, "05/07/1951"),
            ("4-MAR-25", -5, "27-FEB-25"),
            ("23MAR2024", 10, "02APR2024"),
            ("2024-02-28", 1, "2024-02-29"),
            ("2023-02-28", 1, "2023-03-01"),
            ("2025-03-04T08:15:00-05:00", 28, "2025-04-01T08:15:00-05:00"),
            ("20241231", 1, "20250101"),
            ("March 3rd, 1944", -2, "March 1st, 1944"),
            ("Nov 5", 30, "Dec 5"),
            ("Tuesday, March 3rd", 1, "Wednesday, March 4th"),
            ("8th of February, 2025", 2, "10th of February, 2025"),
            ("30.1.77", 2, "01.2.77"),
            ("28 Aug '24", 7, "04 Sep '24"),
        ] {
            assert_eq!(parse(text).and_then(|d| d.shifted(text, days)).as_deref(), Some(moved), "{text}");
        }
    }

    #[test]
    fn what_is_no_date_is_none() {
        for text in ["13/13/2024", "2023-02-29", "31/04", "120/80", "hello", "1.2.3.4", "99999999"] {
            assert!(parse(text).is_none(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn days_and_civil_are_inverse(days in -200_000_i64..200_000) {
            let (y, m, d) = civil_from_days(days);
            prop_assert_eq!(days_from_civil(y, m, d), days);
        }

        #[test]
        fn a_shift_and_its_inverse_give_the_date(days in 1_i64..2_000, from in 0_i64..20_000) {
            let (y, m, d) = civil_from_days(from);
            let text = format!("{y:04}-{m:02}-{d:02}");
            let there = parse(&text).unwrap().shifted(&text, days).unwrap();
            prop_assert_ne!(&there, &text);
            prop_assert_eq!(parse(&there).unwrap().shifted(&there, -days).unwrap(), text);
        }
    }
}
