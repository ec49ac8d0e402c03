//! How sure a measured share is: the score interval of Wilson ("Probable inference, the law of succession, and
//! statistical inference", J Am Stat Assoc 22, 1927) at 95 %.

/// The 97.5th percentile of the normal distribution.
pub const Z: f64 = 1.959_963_984_540_054;

/// A share with its interval.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Interval {
    /// Its lower end, from 0 to 1.
    pub low: f64,
    /// Its upper end.
    pub high: f64,
}

/// The interval of `hits` out of `of`; none of none.
pub fn interval(hits: u64, of: u64) -> Option<Interval> {
    (of > 0 && hits <= of).then(|| {
        let (share, of) = (hits as f64 / of as f64, of as f64);
        let middle = (share + Z * Z / (2.0 * of)) / (1.0 + Z * Z / of);
        let half = half_width(share, of);
        // What rounding leaves beside the ends of the scale is not measured.
        let low = if hits == 0 { 0.0 } else { (middle - half).max(0.0) };
        let high = if hits as f64 >= of { 1.0 } else { (middle + half).min(1.0) };
        Interval { low, high }
    })
}

fn half_width(share: f64, of: f64) -> f64 {
    Z / (1.0 + Z * Z / of) * (share * (1.0 - share) / of + Z * Z / (4.0 * of * of)).sqrt()
}

/// How many more must be looked at until half the interval's width is at most `wanted`, should the share stay what it
/// is; of none, the worst share is taken. None where no number that can be counted does.
pub fn still_needed(hits: u64, of: u64, wanted: f64) -> Option<u64> {
    let share = if of > 0 { hits as f64 / of as f64 } else { 0.5 };
    let suffices = |of: u64| half_width(share, of as f64) <= wanted;
    let mut high = 1_u64;
    while !suffices(high) {
        high = high.checked_mul(2).filter(|high| *high < 1 << 50)?;
    }
    let mut low = high / 2;
    while low + 1 < high {
        let middle = low + (high - low) / 2;
        if suffices(middle) { high = middle } else { low = middle }
    }
    Some(high.saturating_sub(of))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rounded(hits: u64, of: u64) -> (f64, f64) {
        let Interval { low, high } = interval(hits, of).unwrap();
        ((low * 1e4).round() / 1e4, (high * 1e4).round() / 1e4)
    }

    /// Newcombe, Statistics in Medicine 17, 1998, table I, method 3.
    #[test]
    fn intervals_are_those_that_are_published() {
        assert_eq!(rounded(81, 263), (0.2553, 0.3662));
        assert_eq!(rounded(15, 148), (0.0624, 0.1605));
        assert_eq!(rounded(0, 20), (0.0, 0.1611));
        assert_eq!(rounded(1, 29), (0.0061, 0.1718));
        assert!(interval(20, 20).unwrap().high >= 1.0);
        assert_eq!(interval(0, 0), None);
    }

    #[test]
    fn so_many_more_and_not_one_less() {
        for (hits, of) in [(90, 100), (50, 100), (0, 10), (10, 10), (0, 0)] {
            let more = still_needed(hits, of, 0.02).unwrap();
            let share = if of > 0 { hits as f64 / of as f64 } else { 0.5 };
            assert!(more > 0);
            assert!(half_width(share, (of + more) as f64) <= 0.02);
            assert!(half_width(share, (of + more - 1) as f64) > 0.02);
        }
        assert_eq!(still_needed(9_900, 10_000, 0.02), Some(0));
        assert_eq!(still_needed(5, 10, 1e-12), None);
    }
}
