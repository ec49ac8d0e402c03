//! Makes single values coarser, or moves them in time: core's `Rewriter`.

use lazaret_core::{KeyedDigest, Kind, Label, Numbering, Rewriter, Timestamp};

use crate::calendar;
use crate::entities::{Entities, is_number, sameness, word_before};
use crate::surrogate::surrogate;

/// The areas of fewer than 20,001 people whose three-digit ZIP must become `000`: the list of the HHS guidance after
/// the census of 2000 together with that after the census of 2020. A three-digit area is restricted if either says so.
const RESTRICTED: [&str; 23] = [
    "036", "059", "063", "102", "202", "203", "204", "205", "369", "556", "692", "753", "772", "790", "821",
    "823", "830", "831", "878", "879", "884", "890", "893",
];

/// Oldest age that may be said.
const OLDEST: i64 = 89;

/// Rewrites dates, ages, ZIP codes, names and numbers.
#[derive(Debug, Clone, Copy)]
pub struct PhiRewriter {
    /// The year it is now: a birth year more than 89 years before is not said.
    year: i64,
}

impl PhiRewriter {
    /// `today` decides which birth years give an age over 89 away.
    pub const fn new(today: Timestamp) -> Self {
        let days = today.millis() / 86_400_000;
        #[expect(clippy::cast_possible_wrap, reason = "milliseconds over 86,400,000 fit i64")]
        let (year, _, _) = calendar::civil_from_days(days as i64);
        Self { year }
    }
}

impl Rewriter for PhiRewriter {
    fn generalise(&self, label: Label, text: &str) -> Option<String> {
        match label.kind {
            Kind::Date => {
                let year = year_of(text)?;
                let birth = label.sub == Some("birth");
                // Nobody who could be 90 or older this year is told from one who is.
                (!birth || self.year - year <= OLDEST).then(|| format!("{year:04}"))
            }
            Kind::Age => age(text),
            Kind::Location if label.sub == Some("zip") => zip(text),
            _ => None,
        }
    }

    fn shift(&self, label: Label, text: &str, days: i32) -> Option<String> {
        if label.kind != Kind::Date || days == 0 {
            return None;
        }
        if year_only(text).is_some() {
            return Some(text.to_owned());
        }
        calendar::parse(text.trim())
            .and_then(|date| date.shifted(text.trim(), i64::from(days)))
            .filter(|to| to != text)
    }

    fn surrogate(&self, label: Label, text: &str, seed: &KeyedDigest) -> Option<String> {
        surrogate(label, text, seed)
    }

    fn identity(&self, label: Label, text: &str) -> String {
        let same = if is_number(label.kind) { sameness(label.kind, text) } else { String::new() };
        if same.is_empty() { text.to_owned() } else { same }
    }

    fn own_value(&self, label: Label, text: &str) -> usize {
        word_before(label.kind, text)
    }

    fn numbering(&self) -> Box<dyn Numbering> {
        Box::new(Entities::default())
    }
}

/// The year of a date in any form, four digits.
fn year_of(text: &str) -> Option<i64> {
    let text = text.trim();
    if let Some(year) = year_only(text) {
        return Some(year);
    }
    if let Some(date) = calendar::parse(text) {
        return date.year();
    }
    // `2025-03` (FHIR), `Thanksgiving 2023`: exactly one number of four digits that can be a year.
    let years: Vec<i64> = text
        .split(|c: char| !c.is_ascii_digit())
        .filter(|run| run.len() == 4)
        .filter_map(|run| run.parse().ok())
        .filter(|year| (1800..2200).contains(year))
        .collect();
    match years.as_slice() {
        [year] => Some(*year),
        _ => None,
    }
}

fn year_only(text: &str) -> Option<i64> {
    let text = text.trim();
    (text.len() == 4 && text.bytes().all(|b| b.is_ascii_digit()))
        .then(|| text.parse().ok())
        .flatten()
        .filter(|year| (1800..2200).contains(year))
}

/// `90+` for an age over 89; an age up to 89 as it is; none where no age can be read.
fn age(text: &str) -> Option<String> {
    let lower = text.to_lowercase();
    if lower.contains("ninety") || lower.contains("hundred") {
        return Some(String::from("90+"));
    }
    let run: String =
        text.chars().skip_while(|c| !c.is_ascii_digit()).take_while(char::is_ascii_digit).collect();
    let age: i64 = run.parse().ok()?;
    Some(if age > OLDEST { String::from("90+") } else { text.to_owned() })
}

/// The first three digits of a US ZIP code, or `000`. None for codes of other countries.
fn zip(text: &str) -> Option<String> {
    let digits: String = text.chars().filter(|c| !matches!(c, '-' | ' ')).collect();
    let us = matches!(digits.len(), 5 | 9) && digits.bytes().all(|b| b.is_ascii_digit());
    let three = digits.get(..3).filter(|_| us)?;
    Some(if RESTRICTED.contains(&three) { String::from("000") } else { three.to_owned() })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn rewriter() -> PhiRewriter {
        PhiRewriter::new(Timestamp::from_millis(1_764_080_413_007)) // 2025-11-25
    }

    #[test]
    fn dates_become_their_year() {
        let year = |text| rewriter().generalise(Label::DATE, text);
        for text in [
            "1987",
            "1987-03",
            "1987-03-04",
            "1987-03-04T08:15:00.123-05:00",
            "03/04/1987",
            "4 Mar 1987",
            "22MAR1987",
            "19870304",
            "3/4/87",
            "Thanksgiving 1987",
            "March 1987",
        ] {
            assert_eq!(year(text).as_deref(), Some("1987"), "{text}");
        }
        for text in ["Nov 5", "3/4", "Thanksgiving", "", "the 12th"] {
            assert_eq!(year(text), None, "{text}");
        }
    }

    #[test]
    fn a_birth_year_that_gives_an_age_over_89_away_is_not_said() {
        let year = |text| rewriter().generalise(Label::BIRTH_DATE, text);
        assert_eq!(year("1931-05-06"), None);
        assert_eq!(year("1935"), None);
        assert_eq!(year("1936").as_deref(), Some("1936"));
        assert_eq!(rewriter().generalise(Label::DATE, "1931").as_deref(), Some("1931"));
    }

    #[test]
    fn ages_and_zip_codes_become_classes() {
        let age = |text| rewriter().generalise(Label::AGE, text);
        assert_eq!(age("90").as_deref(), Some("90+"));
        assert_eq!(age("101-year-old").as_deref(), Some("90+"));
        assert_eq!(age("ninety-three").as_deref(), Some("90+"));
        assert_eq!(age("89").as_deref(), Some("89"));
        let zip = |text| rewriter().generalise(Label::ZIP, text);
        for (text, three) in [
            ("02139-4307", "021"),
            ("03601", "000"),
            ("82190", "000"),
            ("69201", "000"),
            ("021394307", "021"),
        ] {
            assert_eq!(zip(text).as_deref(), Some(three), "{text}");
        }
        for foreign in ["ZE8 8ZZ", "K0Y 8Z8", "4999", "75001 CEDEX"] {
            assert_eq!(zip(foreign), None, "{foreign}");
        }
    }

    #[test]
    fn shifted_dates_keep_form_time_and_year_only() {
        let shift = |text| rewriter().shift(Label::DATE, text, -30);
        assert_eq!(shift("2025-03-04T08:15:00-05:00").as_deref(), Some("2025-02-02T08:15:00-05:00"));
        assert_eq!(shift("1987").as_deref(), Some("1987"));
        assert_eq!(shift("soon"), None);
        assert_eq!(rewriter().shift(Label::DATE, "2025-03-04", 0), None);
    }

    proptest! {
        #[test]
        fn no_rewrite_gives_the_day_back(days in 0_i64..30_000, by in 1_i32..400, minus: bool) {
            let (y, m, d) = calendar::civil_from_days(days);
            for text in [format!("{y:04}-{m:02}-{d:02}"), format!("{m}/{d}/{y}"), format!("{m:02}/{d:02}/{y:04}")] {
                let by = if minus { -by } else { by };
                let shifted = rewriter().shift(Label::DATE, &text, by);
                prop_assert_ne!(shifted.as_deref(), Some(text.as_str()));
                let general = rewriter().generalise(Label::DATE, &text);
                prop_assert_eq!(general, Some(format!("{y:04}")));
            }
        }

        #[test]
        fn no_text_makes_a_rewrite_panic(text in any::<String>(), by: i32) {
            for label in [Label::DATE, Label::BIRTH_DATE, Label::AGE, Label::ZIP, Label::PATIENT] {
                let _ = rewriter().generalise(label, &text);
                let _ = rewriter().shift(label, &text, by);
                let _ = rewriter().surrogate(label, &text, &KeyedDigest([7; 32]));
            }
        }
    }
}
