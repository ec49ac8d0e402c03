//! Whether a cell is of its column's type, and whether a spreadsheet would run it.

use super::schema::{Column, Type};

const MAX_CODE: usize = 256;
const MAX_KEY: usize = 64;

/// What is wrong with a cell, in words that do not repeat it. An empty cell is judged by `required` alone.
pub(crate) fn fault(column: &Column, text: &str) -> Option<String> {
    if text.is_empty() {
        return column.required.then(|| "empty, and the schema requires it".to_owned());
    }
    let wrong = match column.of {
        Type::Text => None,
        Type::Code => {
            (!is_code(text)).then_some("not a code: words with single spaces, at most 256 characters")
        }
        Type::Integer => (!is_integer(text)).then_some("not a whole number of 64 bits"),
        Type::Decimal { precision, scale } => (!is_decimal(text.as_bytes(), precision.into(), scale.into()))
            .then_some("not a decimal of this size"),
        Type::Date => date(text.as_bytes()),
        Type::DateTime => date_time(text.as_bytes()),
        Type::Boolean => (!matches!(text, "true" | "false" | "1" | "0")).then_some("not true, false, 1 or 0"),
        Type::Uuid => (!is_uuid(text.as_bytes())).then_some("not a UUID"),
        Type::Key => (!is_key(text.as_bytes())).then_some("not a key: letters, digits, - . _ :, at most 64"),
    };
    if let Some(wrong) = wrong {
        return Some(format!("{wrong}; the schema says {}", column.of.name()));
    }
    if let Some(most) = column.max_length
        && text.len() > most
        && text.chars().count() > most
    {
        return Some(format!("longer than the schema's {most} characters"));
    }
    if !column.allowed.is_empty() && !column.allowed.contains(text) {
        return Some("not one of the values the schema allows".to_owned());
    }
    None
}

fn is_code(text: &str) -> bool {
    let plain = !text.starts_with(' ') && !text.ends_with(' ') && !text.contains("  ");
    plain
        && text.len() <= MAX_CODE * 4
        && !text.chars().any(char::is_control)
        && text.chars().count() <= MAX_CODE
}

fn is_integer(text: &str) -> bool {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let plain =
        digits.bytes().all(|byte| byte.is_ascii_digit()) && (digits == "0" || !digits.starts_with('0'));
    plain && text != "-0" && text.parse::<i64>().is_ok()
}

fn is_decimal(text: &[u8], precision: usize, scale: usize) -> bool {
    let text = text.strip_prefix(b"-").unwrap_or(text);
    let whole = text.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let fraction = match text.get(whole..) {
        Some([]) => 0,
        Some([b'.', digits @ ..]) if !digits.is_empty() && digits.iter().all(u8::is_ascii_digit) => {
            digits.len()
        }
        _ => return false,
    };
    let significant = if text.first() == Some(&b'0') { whole.saturating_sub(1) } else { whole };
    whole > 0
        && (whole == 1 || significant == whole)
        && fraction <= scale
        && significant <= precision.saturating_sub(scale)
}

fn is_uuid(text: &[u8]) -> bool {
    text.len() == 36
        && text.iter().enumerate().all(|(at, byte)| match at {
            8 | 13 | 18 | 23 => *byte == b'-',
            _ => byte.is_ascii_hexdigit(),
        })
}

fn is_key(text: &[u8]) -> bool {
    text.len() <= MAX_KEY
        && text.iter().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b':'))
}

const NO_DATE: Option<&str> = Some("not a date YYYY-MM-DD");
const NO_TIME: Option<&str> = Some("not a time YYYY-MM-DDThh:mm:ss");

fn date(text: &[u8]) -> Option<&'static str> {
    let [y0, y1, y2, y3, b'-', m0, m1, b'-', d0, d1] = text else { return NO_DATE };
    let (Some(century), Some(year), Some(month), Some(day)) =
        (two([*y0, *y1]), two([*y2, *y3]), two([*m0, *m1]), two([*d0, *d1]))
    else {
        return NO_DATE;
    };
    let year = century.saturating_mul(100).saturating_add(year);
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let days = match month {
        1 | 3 | 5 | 7 | 8 | 10 | 12 => 31,
        4 | 6 | 9 | 11 => 30,
        2 if leap => 29,
        2 => 28,
        _ => 0,
    };
    if year == 0 || day == 0 || day > days { Some("a day that does not exist") } else { None }
}

fn date_time(text: &[u8]) -> Option<&'static str> {
    let Some((day, rest)) = text.split_at_checked(10) else { return NO_TIME };
    let [b'T' | b' ', h0, h1, b':', m0, m1, b':', s0, s1, rest @ ..] = rest else { return NO_TIME };
    let (Some(hour), Some(minute), Some(second)) = (two([*h0, *h1]), two([*m0, *m1]), two([*s0, *s1])) else {
        return NO_TIME;
    };
    if hour > 23 || minute > 59 || second > 60 {
        return Some("a time that does not exist");
    }
    let rest = match rest {
        [b'.', rest @ ..] => {
            let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
            if digits == 0 || digits > 9 {
                return NO_TIME;
            }
            rest.get(digits..).unwrap_or_default()
        }
        _ => rest,
    };
    match rest {
        [] | [b'Z'] => {}
        [b'+' | b'-', h0, h1, b':', m0, m1] => match (two([*h0, *h1]), two([*m0, *m1])) {
            (Some(0..=14), Some(0..=59)) => {}
            _ => return NO_TIME,
        },
        _ => return NO_TIME,
    }
    date(day)
}

fn two(digits: [u8; 2]) -> Option<u32> {
    let [tens, ones] = digits;
    (tens.is_ascii_digit() && ones.is_ascii_digit())
        .then(|| u32::from(tens & 15).saturating_mul(10).saturating_add(u32::from(ones & 15)))
}

/// Whether a cell begins a formula in a spreadsheet. A sign followed by a number and words (`-5 kg since May`,
/// `+49 170 …`), or by a space (`- none`), is plain text.
pub(crate) fn begins_formula(text: &str) -> bool {
    let mut bytes = text.bytes();
    match bytes.next() {
        Some(b'=' | b'@' | b'\t' | b'\r') => text.len() > 1,
        Some(b'+' | b'-') => sign_begins_formula(text.get(1..).unwrap_or_default()),
        _ => false,
    }
}

fn sign_begins_formula(rest: &str) -> bool {
    let number = rest.bytes().take_while(|byte| byte.is_ascii_digit() || matches!(byte, b'.' | b',')).count();
    match rest.bytes().next() {
        None | Some(b' ') => rest.contains(['=', '(', '|', '!']),
        _ if number > 0 => {
            // Words after a number are no formula; an operator, a call or a reference makes it one.
            let after = rest.get(number..).unwrap_or_default().trim_start();
            after.starts_with(['+', '*', '/', '^', '&', '=', '<', '>'])
                || after.contains(['=', '(', '|', '!'])
        }
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn column(of: Type) -> Column {
        Column {
            name: "C".to_owned(),
            of,
            required: false,
            identifies: None,
            subject: false,
            note: false,
            max_length: None,
            allowed: BTreeSet::new(),
            domain: String::new(),
        }
    }

    fn judge(of: Type, good: &[&str], bad: &[&str]) {
        for text in good {
            assert_eq!(fault(&column(of), text), None, "{text} is a {}", of.name());
        }
        for text in bad {
            let message = fault(&column(of), text).unwrap_or_else(|| panic!("{text} is no {}", of.name()));
            assert!(text.trim().len() < 4 || !message.contains(text), "{message}");
        }
    }

    #[test]
    fn cells_are_of_their_type_or_not() {
        judge(Type::Code, &["a", "vital-signs", "a b"], &[" a", "a ", "a  b", "a\u{7}", &"xx".repeat(200)]);
        judge(
            Type::Integer,
            &["0", "-7", "9223372036854775807"],
            &["9223372036854775808", "007", "1_000", "+1", "-", "-0", "1.0"],
        );
        let money = Type::Decimal { precision: 10, scale: 2 };
        judge(
            money,
            &["12.50", "-0.5", "0", "12345678.9"],
            &["1_000", "NaN", "1.", ".5", "012", "1.234", "123456789.0", "1e3", "-", "00"],
        );
        judge(Type::Decimal { precision: 2, scale: 2 }, &["0.12"], &["1.12"]);
        judge(
            Type::Date,
            &["1961-06-15", "2024-02-29"],
            &[
                "1988-02-30",
                "2023-02-29",
                "1900-02-29",
                "61-06-15",
                "1961-6-15",
                "1961-13-01",
                "0000-01-01",
                "1961-06-15x",
            ],
        );
        judge(
            Type::DateTime,
            &["2023-01-27T16:17:47Z", "2023-01-27 16:17:47", "2023-01-27T16:17:47.123+02:00"],
            &[
                "2023-01-27",
                "2023-02-30T00:00:00Z",
                "2023-01-27T24:00:01Z",
                "2023-01-27T16:17:47.Z",
                "2023-01-27T16:17:47+25:00",
                "2023-01-27T16:17",
            ],
        );
        judge(Type::Boolean, &["true", "0"], &["yes", "TRUE"]);
        judge(
            Type::Uuid,
            &["57f2562b-445c-f11c-ba40-edc55af3c84f"],
            &["57f2562b445cf11cba40edc55af3c84f", "57f2562b-445c-f11c-ba40-edc55af3c84g"],
        );
        judge(Type::Key, &["p1", "a.b_c:d-e"], &["p 1", "é", &"x".repeat(65)]);
    }

    #[test]
    fn the_schema_may_say_more() {
        let mut strict = column(Type::Text);
        strict.required = true;
        strict.max_length = Some(3);
        strict.allowed = ["äöü".to_owned(), "xy".to_owned()].into();
        assert!(fault(&strict, "").unwrap().contains("requires"));
        assert_eq!(fault(&strict, "äöü"), None);
        assert!(fault(&strict, "äöüä").unwrap().contains("3 characters"));
        assert!(fault(&strict, "zz").unwrap().contains("allows"));
    }

    #[test]
    fn a_formula_is_told_from_a_sign() {
        for text in [
            "=1",
            "=HYPERLINK(\"x\")",
            "@SUM(A1:A9)",
            "+SUM(A1)",
            "-cmd|' /C calc'!A0",
            "-2+3",
            "--1",
            "-2+cmd|'x'!A1",
            "\t=1",
            "+A1",
            "-5*2",
            "-1 (B2)",
        ] {
            assert!(begins_formula(text), "{text}");
        }
        for text in [
            "-5 kg since May",
            "-5",
            "+49 170 1234567",
            "- none",
            "-",
            "+",
            "=",
            "a=b",
            "-5.5",
            "+1.5 mg",
            "-10 to 5",
            "- a - b",
        ] {
            assert!(!begins_formula(text), "{text}");
        }
    }
}
