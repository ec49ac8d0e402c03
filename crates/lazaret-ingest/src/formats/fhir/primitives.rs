//! The primitive types of R4 and their forms, checked by hand: no expression is compiled, nothing is copied.

/// A primitive type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Primitive {
    Base64Binary,
    Boolean,
    Canonical,
    Code,
    Date,
    DateTime,
    Decimal,
    Id,
    Instant,
    Integer,
    Markdown,
    Oid,
    PositiveInt,
    String,
    Time,
    UnsignedInt,
    Uri,
    Url,
    Uuid,
    Xhtml,
}

/// What JSON writes a primitive as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Written {
    Boolean,
    Number,
    String,
}

/// Which rule a value of the wrong form breaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    Id,
    Date,
    Format,
}

impl Primitive {
    /// Reads the name of a type.
    pub(crate) fn of(name: &str) -> Option<Self> {
        Some(match name {
            "base64Binary" => Self::Base64Binary,
            "boolean" => Self::Boolean,
            "canonical" => Self::Canonical,
            "code" => Self::Code,
            "date" => Self::Date,
            "dateTime" => Self::DateTime,
            "decimal" => Self::Decimal,
            "id" => Self::Id,
            "instant" => Self::Instant,
            "integer" => Self::Integer,
            "markdown" => Self::Markdown,
            "oid" => Self::Oid,
            "positiveInt" => Self::PositiveInt,
            "string" => Self::String,
            "time" => Self::Time,
            "unsignedInt" => Self::UnsignedInt,
            "uri" => Self::Uri,
            "url" => Self::Url,
            "uuid" => Self::Uuid,
            "xhtml" => Self::Xhtml,
            _ => return None,
        })
    }

    /// Its name.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Base64Binary => "base64Binary",
            Self::Boolean => "boolean",
            Self::Canonical => "canonical",
            Self::Code => "code",
            Self::Date => "date",
            Self::DateTime => "dateTime",
            Self::Decimal => "decimal",
            Self::Id => "id",
            Self::Instant => "instant",
            Self::Integer => "integer",
            Self::Markdown => "markdown",
            Self::Oid => "oid",
            Self::PositiveInt => "positiveInt",
            Self::String => "string",
            Self::Time => "time",
            Self::UnsignedInt => "unsignedInt",
            Self::Uri => "uri",
            Self::Url => "url",
            Self::Uuid => "uuid",
            Self::Xhtml => "xhtml",
        }
    }

    /// What JSON writes it as.
    pub(crate) const fn written(self) -> Written {
        match self {
            Self::Boolean => Written::Boolean,
            Self::Decimal | Self::Integer | Self::PositiveInt | Self::UnsignedInt => Written::Number,
            _ => Written::String,
        }
    }

    /// Whether a text has the form of the type; what is wrong if not. Base64 and XHTML are looked at elsewhere.
    pub(crate) fn check(self, text: &str) -> Result<(), (Fault, &'static str)> {
        let format = |holds: bool, why| if holds { Ok(()) } else { Err((Fault::Format, why)) };
        match self {
            Self::Boolean | Self::Base64Binary | Self::Xhtml | Self::Decimal => Ok(()),
            Self::String | Self::Markdown => string(text),
            Self::Id => id(text),
            Self::Code => format(is_code(text), "not a code: no text, or space at an end or twice within"),
            Self::Uri | Self::Url | Self::Canonical => {
                format(is_uri(text), "not a URI: no text, or a space or control character within")
            }
            Self::Oid => format(is_oid(text), "not `urn:oid:` and an object identifier"),
            Self::Uuid => format(is_urn_uuid(text), "not `urn:uuid:` and a UUID in lower case"),
            Self::Date => dated(date(text, false)),
            Self::DateTime => dated(date(text, true)),
            Self::Instant => dated(instant(text)),
            Self::Time => {
                dated(time(text.as_bytes(), false).then_some(()).ok_or("not a time of day, hh:mm:ss"))
            }
            Self::Integer => format(is_integer(text), "not a whole number of 32 bits"),
            Self::UnsignedInt => format(is_unsigned(text), "not a whole number from 0 to 2147483647"),
            Self::PositiveInt => {
                format(is_unsigned(text) && text != "0", "not a whole number from 1 to 2147483647")
            }
        }
    }
}

fn dated(result: Result<(), &'static str>) -> Result<(), (Fault, &'static str)> {
    result.map_err(|why| (Fault::Date, why))
}

/// Most characters of a string (R4: 1 MB of data).
const MAX_STRING: usize = 1_048_576;

fn string(text: &str) -> Result<(), (Fault, &'static str)> {
    if text.len() > MAX_STRING {
        return Err((Fault::Format, "longer than the 1 MiB a string may have"));
    }
    let bytes = text.as_bytes();
    if bytes.iter().any(|byte| matches!(byte, 1..=8 | 11 | 12 | 14..=31)) {
        return Err((Fault::Format, "control character in a string"));
    }
    if text.is_empty() {
        return Err((Fault::Format, "no character: a string must not be empty"));
    }
    if text.trim_start().is_empty() {
        return Err((Fault::Format, "white space alone: a string must say something"));
    }
    Ok(())
}

fn id(text: &str) -> Result<(), (Fault, &'static str)> {
    if text.is_empty() {
        return Err((Fault::Id, "empty: an id has 1 to 64 characters"));
    }
    if !text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'.') {
        return Err((Fault::Id, "character not allowed in an id: letters, digits, `-` and `.` only"));
    }
    if text.len() > 64 {
        return Err((Fault::Id, "longer than the 64 characters an id may have"));
    }
    Ok(())
}

fn is_code(text: &str) -> bool {
    let mut words = text.split(' ');
    words.all(|word| !word.is_empty() && !word.chars().any(|c| c.is_ascii_whitespace() || c.is_control()))
}

fn is_uri(text: &str) -> bool {
    !text.is_empty() && !text.bytes().any(|byte| byte <= b' ' || byte == 0x7F)
}

fn is_oid(text: &str) -> bool {
    let Some(oid) = text.strip_prefix("urn:oid:") else { return false };
    let mut arcs = oid.split('.');
    let first = arcs.next().is_some_and(|arc| matches!(arc, "0" | "1" | "2"));
    let mut count = 0_usize;
    let rest = arcs.all(|arc| {
        count = count.saturating_add(1);
        !arc.is_empty() && arc.bytes().all(|b| b.is_ascii_digit()) && (arc == "0" || !arc.starts_with('0'))
    });
    first && rest && count > 0
}

fn is_urn_uuid(text: &str) -> bool {
    text.strip_prefix("urn:uuid:").is_some_and(is_uuid)
}

/// Eight, four, four, four and twelve hex digits in lower case.
pub(crate) fn is_uuid(text: &str) -> bool {
    text.len() == 36
        && text.bytes().enumerate().all(|(at, byte)| match at {
            8 | 13 | 18 | 23 => byte == b'-',
            _ => matches!(byte, b'0'..=b'9' | b'a'..=b'f'),
        })
}

fn is_integer(text: &str) -> bool {
    let digits = text.strip_prefix('-').unwrap_or(text);
    is_plain_number(digits) && text.parse::<i32>().is_ok()
}

fn is_unsigned(text: &str) -> bool {
    is_plain_number(text) && text.parse::<i32>().is_ok_and(|number| number >= 0)
}

fn is_plain_number(digits: &str) -> bool {
    !digits.is_empty()
        && digits.bytes().all(|byte| byte.is_ascii_digit())
        && (digits == "0" || !digits.starts_with('0'))
}

/// `YYYY`, `YYYY-MM`, `YYYY-MM-DD`, and where a time is allowed `YYYY-MM-DDThh:mm:ss.sss±zz:zz`.
fn date(text: &str, with_time: bool) -> Result<(), &'static str> {
    let bytes = text.as_bytes();
    let day = bytes.get(..10).unwrap_or(bytes);
    calendar(day)?;
    match bytes.get(10..) {
        None | Some([]) => Ok(()),
        Some([b'T', rest @ ..]) if with_time => {
            if time(rest, true) {
                Ok(())
            } else {
                Err("not a time of day with its zone, hh:mm:ss±zz:zz")
            }
        }
        Some(_) => Err("more than a date"),
    }
}

fn instant(text: &str) -> Result<(), &'static str> {
    if text.len() < 20 {
        return Err("not an instant: a date and a time to the second with its zone");
    }
    date(text, true)
}

fn calendar(day: &[u8]) -> Result<(), &'static str> {
    let digits = |from: usize, count: usize| -> Option<u32> {
        let digits = day.get(from..from.checked_add(count)?)?;
        digits.iter().try_fold(0_u32, |number, byte| {
            byte.is_ascii_digit().then(|| number.wrapping_mul(10).wrapping_add(u32::from(byte & 0x0F)))
        })
    };
    let dash = |at: usize| day.get(at) == Some(&b'-');
    let shape = match day.len() {
        4 => true,
        7 => dash(4),
        10 => dash(4) && dash(7),
        _ => false,
    };
    let (Some(year), true) = (digits(0, 4), shape) else {
        return Err("not a date: YYYY, YYYY-MM or YYYY-MM-DD");
    };
    if year == 0 {
        return Err("the year 0000 does not exist");
    }
    if day.len() == 4 {
        return Ok(());
    }
    let month = digits(5, 2).ok_or("not a date: the month is no number")?;
    if !(1..=12).contains(&month) {
        return Err("month does not exist");
    }
    if day.len() == 7 {
        return Ok(());
    }
    let number = digits(8, 2).ok_or("not a date: the day is no number")?;
    if number == 0 || number > days_in(year, month) {
        return Err("day does not exist");
    }
    Ok(())
}

fn days_in(year: u32, month: u32) -> u32 {
    let leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    match month {
        4 | 6 | 9 | 11 => 30,
        2 if leap => 29,
        2 => 28,
        _ => 31,
    }
}

/// `hh:mm:ss`, a fraction, and where asked for `Z` or `±hh:mm`.
fn time(text: &[u8], with_zone: bool) -> bool {
    let pair = |at: usize| match text.get(at..).unwrap_or(&[]) {
        [a, b, ..] if a.is_ascii_digit() && b.is_ascii_digit() => {
            Some(u32::from(a & 0x0F).wrapping_mul(10).wrapping_add(u32::from(b & 0x0F)))
        }
        _ => None,
    };
    let within = |at: usize, most: u32| pair(at).is_some_and(|number| number <= most);
    let colon = |at: usize| text.get(at) == Some(&b':');
    if !(within(0, 23) && colon(2) && within(3, 59) && colon(5) && within(6, 60)) {
        return false;
    }
    let mut at = 8;
    if text.get(at) == Some(&b'.') {
        let digits = text.iter().skip(9).take_while(|byte| byte.is_ascii_digit()).count();
        if digits == 0 {
            return false;
        }
        at = digits.saturating_add(9);
    }
    match (text.get(at..).unwrap_or(&[]), with_zone) {
        ([], false) | ([b'Z'], true) => true,
        ([b'+' | b'-', _, _, b':', _, _], true) => {
            let (hours, minutes) = (at.saturating_add(1), at.saturating_add(4));
            (within(hours, 13) && within(minutes, 59))
                || (pair(hours) == Some(14) && pair(minutes) == Some(0))
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn holds(of: Primitive, good: &[&str], bad: &[&str]) {
        for text in good {
            assert_eq!(of.check(text), Ok(()), "{} {text:?}", of.name());
        }
        for text in bad {
            assert!(of.check(text).is_err(), "{} {text:?}", of.name());
        }
    }

    #[test]
    fn dates_must_be_in_the_calendar() {
        holds(
            Primitive::Date,
            &["1970", "1970-01", "2000-02-29", "2024-02-29", "9999-12-31"],
            &[
                "",
                "70",
                "1970-13",
                "1970-02-30",
                "1900-02-29",
                "2023-02-29",
                "1970-1-1",
                "1970-01-01T00:00:00Z",
                "0000",
                "197O",
            ],
        );
        holds(
            Primitive::DateTime,
            &["2015", "2015-02-07T13:28:17.239+02:00", "2015-02-07T13:28:17Z", "2015-02-07T23:59:60-05:00"],
            &[
                "2015-02-07T13:28",
                "2015-02-07T13:28:17",
                "2015-02-07T24:00:00Z",
                "2015-02-07T13:28:17.Z",
                "2015-02-07T13:28:17+15:00",
                "2015-02-07 13:28:17Z",
                "2015-02T13:28:17Z",
            ],
        );
        holds(
            Primitive::Instant,
            &["2015-02-07T13:28:17.239+14:00"],
            &["2015-02-07", "2015", "2015-02-07T13:28:17.239"],
        );
        holds(Primitive::Time, &["08:00:00", "23:59:59.123"], &["8:00", "08:00", "24:00:00", "08:00:00Z"]);
    }

    #[test]
    fn other_forms() {
        holds(
            Primitive::Id,
            &["a", "A-1.b", &"a".repeat(64)],
            &["", "a_b", "../x", "a b", "ä", &"a".repeat(65)],
        );
        holds(Primitive::Code, &["a", "a b", ">="], &["", " a", "a ", "a  b", "a\tb"]);
        holds(Primitive::Uri, &["urn:x", "http://a/b?c#d", "text"], &["", "a b", "a\n"]);
        holds(
            Primitive::Oid,
            &["urn:oid:1.2.3", "urn:oid:2.16.840.1.113883"],
            &["1.2.3", "urn:oid:3.1", "urn:oid:1", "urn:oid:1.02"],
        );
        holds(
            Primitive::Uuid,
            &["urn:uuid:c757873d-ec9a-4326-a141-556f43239520"],
            &["c757873d-ec9a-4326-a141-556f43239520", "urn:uuid:C757873D-ec9a-4326-a141-556f43239520"],
        );
        holds(
            Primitive::Integer,
            &["0", "-5", "2147483647", "-2147483648"],
            &["1.0", "2147483648", "01", "1e3", "-"],
        );
        holds(Primitive::PositiveInt, &["1"], &["0", "-1", "1.5"]);
        holds(Primitive::UnsignedInt, &["0", "7"], &["-1", "-0"]);
        holds(Primitive::String, &["a", "a\nb", " a"], &["", "a\u{1}"]);
    }

    proptest! {
        #[test]
        fn any_text_is_judged(text in "\\PC{0,40}|[0-9TZ:.+-]{0,32}") {
            for of in [Primitive::Date, Primitive::DateTime, Primitive::Instant, Primitive::Time, Primitive::Id,
                Primitive::Code, Primitive::Uri, Primitive::Oid, Primitive::Uuid, Primitive::Integer,
                Primitive::UnsignedInt, Primitive::PositiveInt, Primitive::String] {
                let _ = of.check(&text);
            }
        }

        #[test]
        fn every_day_of_the_calendar_holds(year in 1_u32..=9999, month in 1_u32..=12, day in 1_u32..=31) {
            let text = format!("{year:04}-{month:02}-{day:02}");
            prop_assert_eq!(Primitive::Date.check(&text).is_ok(), day <= days_in(year, month));
        }
    }
}
