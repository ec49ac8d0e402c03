//! Ranges of bytes (RFC 9110, 14): one range, as every download manager asks when it goes on. Several at once are
//! answered with the whole, as the standard allows.

/// What a request asks of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wanted {
    /// All of it.
    Whole,
    /// From one byte up to another, the second not included. Never empty.
    Part {
        /// The first byte.
        from: u64,
        /// The byte after the last.
        to: u64,
    },
    /// Nothing that it has: 416.
    Nothing,
}

/// Reads the header `Range` against a file's length in bytes. What is no range of bytes, or several, counts as none.
pub fn wanted(header: Option<&str>, len: u64) -> Wanted {
    let Some((unit, set)) = header.and_then(|header| header.split_once('=')) else { return Wanted::Whole };
    if !unit.trim().eq_ignore_ascii_case("bytes") || set.contains(',') {
        return Wanted::Whole;
    }
    let Some((first, last)) = set.trim().split_once('-') else { return Wanted::Whole };
    let (first, last) = (first.trim(), last.trim());
    match (first, last) {
        ("", suffix) => match number(suffix) {
            None => Wanted::Whole,
            Some(0) => Wanted::Nothing,
            Some(_) if len == 0 => Wanted::Nothing,
            Some(most) => Wanted::Part { from: len.saturating_sub(most), to: len },
        },
        (first, last) => {
            let (Some(from), last) =
                (number(first), if last.is_empty() { Some(u64::MAX) } else { number(last) })
            else {
                return Wanted::Whole;
            };
            match last {
                Some(last) if last < from => Wanted::Whole, // invalid, and so ignored
                None => Wanted::Whole,
                Some(_) if from >= len => Wanted::Nothing,
                Some(last) => Wanted::Part { from, to: last.saturating_add(1).min(len) },
            }
        }
    }
}

/// What an upstream says of the part that it sends: `bytes 5-9/10` is from 5 of 10. None where the part's end or the
/// length is not known, or makes no sense.
pub fn content_range(header: &str) -> Option<(u64, u64)> {
    let (part, len) = header.strip_prefix("bytes ")?.split_once('/')?;
    let (first, last) = part.split_once('-')?;
    let (first, last, len) = (number(first)?, number(last)?, number(len)?);
    (first <= last && last.checked_add(1)? == len).then_some((first, len))
}

/// Digits and nothing else; a number above 64 bits is as far as there is.
fn number(digits: &str) -> Option<u64> {
    let are_digits = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    are_digits.then(|| digits.parse().unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn one_range_is_a_part_and_what_is_no_range_the_whole() {
        for (header, is) in [
            ("bytes=0-4", Wanted::Part { from: 0, to: 5 }),
            ("bytes=5-", Wanted::Part { from: 5, to: 10 }),
            ("bytes=5-99", Wanted::Part { from: 5, to: 10 }),
            ("bytes=-3", Wanted::Part { from: 7, to: 10 }),
            ("bytes=-99", Wanted::Part { from: 0, to: 10 }),
            ("Bytes= 9 - 9 ", Wanted::Part { from: 9, to: 10 }),
            ("bytes=9-99999999999999999999999", Wanted::Part { from: 9, to: 10 }),
            ("bytes=10-", Wanted::Nothing),
            ("bytes=99999999999999999999999-", Wanted::Nothing),
            ("bytes=-0", Wanted::Nothing),
            ("bytes=5-4", Wanted::Whole),
            ("bytes=0-1,3-4", Wanted::Whole),
            ("bytes=", Wanted::Whole),
            ("bytes=-", Wanted::Whole),
            ("bytes=a-b", Wanted::Whole),
            ("bytes=+1-2", Wanted::Whole),
            ("rows=1-2", Wanted::Whole),
            ("", Wanted::Whole),
        ] {
            assert_eq!(wanted(Some(header), 10), is, "{header}");
        }
        assert_eq!((wanted(None, 10), wanted(Some("bytes=0-0"), 0)), (Wanted::Whole, Wanted::Nothing));
        assert_eq!(wanted(Some("bytes=-1"), 0), Wanted::Nothing);
    }

    #[test]
    fn a_part_that_is_sent_reaches_to_the_end() {
        assert_eq!(content_range("bytes 5-9/10"), Some((5, 10)));
        for other in ["bytes 5-8/10", "bytes 5-9/*", "bytes */10", "bytes 9-5/10", "5-9/10", "bytes 5-9/4"] {
            assert_eq!(content_range(other), None, "{other}");
        }
    }

    proptest! {
        #[test]
        fn any_header_is_a_part_within_the_file_or_none(header in "(bytes=)?[0-9, -]{0,40}|.*", len in any::<u64>()) {
            if let Wanted::Part { from, to } = wanted(Some(&header), len) {
                prop_assert!(from < to && to <= len);
            }
            if let Some((from, len)) = content_range(&header) {
                prop_assert!(from < len);
            }
        }
    }
}
