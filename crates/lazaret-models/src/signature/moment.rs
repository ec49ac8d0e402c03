//! Moments to a second, in UTC, as certificates, logs and files of trust write them.

use lazaret_core::Timestamp;

use super::der::{Der, NotDer};

/// `20250502233628` as digits: they compare as times do.
pub(super) type Moment = [u8; 14];

/// `2025-05-02`.
pub(super) fn date(moment: Moment) -> String {
    let digits = moment.map(char::from);
    let text = |from: usize, to: usize| digits.get(from..to).unwrap_or_default().iter().collect::<String>();
    [text(0, 4), text(4, 6), text(6, 8)].join("-")
}

/// `2025-05-02 23:36:28 UTC`.
pub(super) fn shown(moment: Moment) -> String {
    let digits = moment.map(char::from);
    let text = |from: usize, to: usize| digits.get(from..to).unwrap_or_default().iter().collect::<String>();
    format!("{} {} UTC", date(moment), [text(8, 10), text(10, 12), text(12, 14)].join(":"))
}

/// Of seconds since 1970.
pub(super) fn of_seconds(seconds: u64) -> Option<Moment> {
    of_rfc_3339(&Timestamp::from_millis(seconds.checked_mul(1_000)?).to_string())
}

/// Of `2022-12-31T23:59:59.999Z` (RFC 3339, in UTC); fractions are dropped.
pub(super) fn of_rfc_3339(text: &str) -> Option<Moment> {
    let (time, rest) = text.strip_suffix('Z')?.split_at_checked(19)?;
    let fraction = rest.strip_prefix('.').unwrap_or(rest);
    let form = time.chars().zip("dddd-dd-ddTdd:dd:dd".chars());
    let is_right = |(c, form): (char, char)| if form == 'd' { c.is_ascii_digit() } else { c == form };
    if !form.clone().all(is_right) || !fraction.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let digits: Vec<u8> = time.bytes().filter(u8::is_ascii_digit).collect();
    digits.try_into().ok()
}

/// `UTCTime` or `GeneralizedTime` (RFC 5280, 4.1.2.5).
pub(super) fn moment(validity: &mut Der<'_>) -> Result<Moment, NotDer> {
    let item = validity.next()?;
    let digits = item.body.strip_suffix(b"Z").ok_or(NotDer)?;
    let mut moment = Vec::with_capacity(14);
    match item.tag {
        0x17 => moment.extend_from_slice(if digits.first() >= Some(&b'5') { b"19" } else { b"20" }),
        0x18 => {}
        _ => return Err(NotDer),
    }
    moment.extend_from_slice(digits);
    let moment: Moment = moment.try_into().map_err(|_| NotDer)?;
    if moment.iter().all(u8::is_ascii_digit) { Ok(moment) } else { Err(NotDer) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_compare_as_times_do() {
        let read = |bytes: &[u8]| moment(&mut Der::new(bytes));
        let early = read(b"\x17\x0d991231235959Z").unwrap();
        let late = read(b"\x18\x0f20500101000000Z").unwrap();
        let between = read(b"\x17\x0d250502233628Z").unwrap();
        assert!(early < between && between < late);
        assert_eq!(date(between), "2025-05-02");
        assert_eq!(of_seconds(1_746_229_002), Some(*b"20250502233642"));
        assert_eq!(of_rfc_3339("2022-12-31T23:59:59.999Z"), Some(*b"20221231235959"));
        assert_eq!(of_rfc_3339("2022-12-31T23:59:59+01:00"), None);
        assert_eq!(shown(between), "2025-05-02 23:36:28 UTC");
        assert!(read(b"\x17\x0b2505022336Z").is_err() && read(b"\x17\x0d25050223362aZ").is_err());
    }
}
