//! Dates and times, as far as constraints compare them.

use std::cmp::Ordering;

/// Whether a date or time is certainly after another: at the precision both have.
pub(super) fn is_after(a: &str, b: &str) -> bool {
    if let (Some(a), Some(b)) = (moment(a), moment(b)) {
        return a > b;
    }
    let day = |text: &str| text.get(..10).unwrap_or(text).len();
    let common = day(a).min(day(b));
    let are_dates = [a, b].iter().all(|text| text.starts_with(|c: char| c.is_ascii_digit()));
    are_dates
        && matches!((a.get(..common), b.get(..common)), (Some(a), Some(b)) if a.cmp(b) == Ordering::Greater)
}

/// Minutes since the year 0 and the seconds as written, of a date and time with its zone.
fn moment(text: &str) -> Option<(i64, &str)> {
    let number = |from: usize, to: usize| text.get(from..to)?.parse::<i64>().ok();
    let (year, month, day) = (number(0, 4)?, number(5, 7)?, number(8, 10)?);
    let (hour, minute) = (number(11, 13)?, number(14, 16)?);
    let rest = text.get(17..)?;
    let zone = rest.find(['Z', '+', '-'])?;
    let (seconds, zone) = (rest.get(..zone)?, rest.get(zone..)?);
    let offset = match zone.as_bytes().first()? {
        b'Z' => 0,
        sign => {
            let minutes = zone
                .get(1..3)?
                .parse::<i64>()
                .ok()?
                .checked_mul(60)?
                .checked_add(zone.get(4..6)?.parse().ok()?)?;
            if *sign == b'-' { minutes.checked_neg()? } else { minutes }
        }
    };
    // Days from the civil calendar, with March as the first month.
    let (year, month) =
        if month > 2 { (year, month.checked_sub(3)?) } else { (year.checked_sub(1)?, month.checked_add(9)?) };
    let days = year
        .checked_mul(365)?
        .checked_add(year.div_euclid(4))?
        .checked_sub(year.div_euclid(100))?
        .checked_add(year.div_euclid(400))?
        .checked_add(month.checked_mul(153)?.checked_add(2)?.div_euclid(5))?
        .checked_add(day)?;
    let minutes = days
        .checked_mul(1_440)?
        .checked_add(hour.checked_mul(60)?)?
        .checked_add(minute)?
        .checked_sub(offset)?;
    Some((minutes, seconds))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_compared_at_the_precision_both_have() {
        assert!(is_after("2020-01-02", "2020-01-01"));
        assert!(is_after("2021", "2020-12-31"));
        assert!(!is_after("2020", "2020-12-31"));
        assert!(!is_after("2020-12-31", "2020"));
        assert!(is_after("2020-01-01T00:00:01Z", "2020-01-01T00:00:00Z"));
        assert!(!is_after("2020-01-01T01:00:00+02:00", "2020-01-01T00:00:00Z"));
        assert!(is_after("2020-03-01T00:00:00Z", "2020-02-29T23:59:59Z"));
        assert!(!is_after("nonsense", "2020"));
    }
}
