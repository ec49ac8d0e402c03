//! Time: milliseconds since 1970 in UTC, from the `Clock` port.

use std::fmt;

use serde::{Serialize, Serializer};

/// A point in time, in milliseconds since 1970-01-01T00:00:00Z.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Timestamp(u64);

impl Timestamp {
    /// From milliseconds since 1970.
    pub const fn from_millis(millis: u64) -> Self {
        Self(millis)
    }

    /// The beginning of a day in UTC, from `2026-11-27` (RFC 3339, `full-date`), from 1970 to 9999. None for a day that is
    /// not in the calendar.
    pub fn of_day(text: &str) -> Option<Self> {
        let is_date = text.len() == 10
            && text
                .bytes()
                .enumerate()
                .all(|(at, b)| if matches!(at, 4 | 7) { b == b'-' } else { b.is_ascii_digit() });
        let number = |from, to| text.get(from..to)?.parse::<u64>().ok();
        let (year, month, day) = (number(0, 4)?, number(5, 7)?, number(8, 10)?);
        if !is_date || year < 1970 || !(1..=12).contains(&month) || day == 0 {
            return None;
        }
        // Howard Hinnant's `days_from_civil`, for years of the common era.
        let (shifted_year, from_march) = (year - u64::from(month <= 2), (month + 9) % 12);
        let (era, year_of_era) = (shifted_year / 400, shifted_year % 400);
        let day_of_year = (153 * from_march + 2) / 5 + day - 1;
        let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
        let since_1970 = (era * 146_097 + day_of_era).checked_sub(719_468)?;
        let start = Self(since_1970 * 86_400_000);
        // A day that its month has not got is the first of the next.
        start.to_string().starts_with(text).then_some(start)
    }

    /// Milliseconds since 1970.
    pub const fn millis(self) -> u64 {
        self.0
    }

    /// Milliseconds from `earlier` to this; nought if `earlier` is later.
    pub const fn since(self, earlier: Self) -> u64 {
        self.0.saturating_sub(earlier.0)
    }

    /// This and some milliseconds more.
    #[must_use]
    pub const fn plus_millis(self, millis: u64) -> Self {
        Self(self.0.saturating_add(millis))
    }
}

/// RFC 3339 in UTC with milliseconds. The date follows Howard Hinnant's `civil_from_days`.
impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (days, of_day) = (self.0 / 86_400_000, self.0 % 86_400_000);
        let shifted = days + 719_468; // days since 0000-03-01
        let (era, day_of_era) = (shifted / 146_097, shifted % 146_097);
        let year_of_era =
            (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
        let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let month_from_march = (5 * day_of_year + 2) / 153;
        let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
        let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
        let year = year_of_era + era * 400 + u64::from(month <= 2);
        let (hour, minute) = (of_day / 3_600_000, of_day / 60_000 % 60);
        let (second, milli) = (of_day / 1_000 % 60, of_day % 1_000);
        write!(f, "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{milli:03}Z")
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_read_as_they_are_printed_and_no_others() {
        for millis in (0..4_107_542_400_000_u64).step_by(86_400_000 * 17) {
            let day = Timestamp::from_millis(millis);
            let text = day.to_string();
            assert_eq!(Timestamp::of_day(text.get(..10).unwrap()), Some(day));
        }
        for wrong in [
            "",
            "2026-02-29",
            "2026-00-10",
            "2026-13-01",
            "2026-04-31",
            "2026-4-30",
            "1969-12-31",
            "2026/04/30",
            "+026-04-30",
            "2026-04-30T",
            "２０26-04",
            "20260430",
        ] {
            assert_eq!(Timestamp::of_day(wrong), None, "{wrong}");
        }
        assert_eq!(Timestamp::of_day("2028-02-29").unwrap().to_string(), "2028-02-29T00:00:00.000Z");
    }

    #[test]
    fn times_print_as_rfc_3339() {
        for (millis, text) in [
            (0, "1970-01-01T00:00:00.000Z"),
            (951_782_400_000, "2000-02-29T00:00:00.000Z"),
            (1_764_080_413_007, "2025-11-25T14:20:13.007Z"),
            (4_107_542_399_999, "2100-02-28T23:59:59.999Z"),
        ] {
            assert_eq!(Timestamp::from_millis(millis).to_string(), text);
        }
    }
}
