//! Figures in the form of a common Python scorer's output, to the byte, so that the two can be compared by `diff`.

use std::io::{self, Write};

/// A part of a JSON document.
pub(crate) enum Value {
    /// A whole number.
    Count(u64),
    /// A number that may not be there.
    Share(Option<f64>),
    /// Members in their order.
    Map(Vec<(String, Value)>),
}

impl Value {
    pub(crate) fn map(members: impl IntoIterator<Item = (impl Into<String>, Self)>) -> Self {
        Self::Map(members.into_iter().map(|(key, value)| (key.into(), value)).collect())
    }
}

/// Writes a document, one space a level, and a line end.
pub(crate) fn write_json(out: &mut impl Write, value: &Value) -> io::Result<()> {
    write_value(out, value, 0)?;
    writeln!(out)
}

fn write_value(out: &mut impl Write, value: &Value, depth: usize) -> io::Result<()> {
    match value {
        Value::Count(count) => write!(out, "{count}"),
        Value::Share(None) => write!(out, "null"),
        Value::Share(Some(share)) => write!(out, "{}", float(*share)),
        Value::Map(members) if members.is_empty() => write!(out, "{{}}"),
        Value::Map(members) => {
            write!(out, "{{")?;
            for (number, (key, value)) in members.iter().enumerate() {
                let between = if number == 0 { "" } else { "," };
                write!(out, "{between}\n{:depth$} {}: ", "", string(key))?;
                write_value(out, value, depth.saturating_add(1))?;
            }
            write!(out, "\n{:depth$}}}", "")
        }
    }
}

/// The shortest form that is read back as the same number; small ones as `5e-05`.
fn float(number: f64) -> String {
    if number != 0.0 && number.abs() < 1e-4 {
        let text = format!("{number:e}");
        return match text.split_once("e-") {
            Some((digits, power)) => format!("{digits}e-{power:0>2}"),
            None => text,
        };
    }
    format!("{number:?}")
}

/// A JSON string in ASCII.
fn string(text: &str) -> String {
    let mut out = String::from("\"");
    for character in text.chars() {
        match character {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\u{c}' => out.push_str("\\f"),
            '\u{8}' => out.push_str("\\b"),
            ' '..='~' => out.push(character),
            other => {
                let units = &mut [0; 2];
                let units = other.encode_utf16(units).iter().map(|unit| format!("\\u{unit:04x}"));
                out.extend(units);
            }
        }
    }
    out.push('"');
    out
}

/// A text in quotes; what cannot be printed as an escape.
pub(crate) fn repr(text: impl AsRef<str>) -> String {
    let text = text.as_ref();
    let quote = if text.contains('\'') && !text.contains('"') { '"' } else { '\'' };
    let mut out = String::from(quote);
    for character in text.chars() {
        match character {
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            other if other == quote => out.extend(['\\', other]),
            other if is_printable(other) => out.push(other),
            other => out.extend([match u32::from(other) {
                code @ ..0x100 => format!("\\x{code:02x}"),
                code @ ..0x1_0000 => format!("\\u{code:04x}"),
                code => format!("\\U{code:08x}"),
            }]),
        }
    }
    out.push(quote);
    out
}

/// Whether a character shows as itself: no control, format, separator or unassigned one.
fn is_printable(character: char) -> bool {
    if matches!(character, '"' | '\'' | '\\') {
        return true;
    }
    // After a letter, so that a combining mark is told by what it is and not by where it stands.
    !format!("a{character}").escape_debug().to_string().contains('\\')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_strings_are_written_as_python_writes_them() {
        assert_eq!(
            [0.5, 1.0, 0.0, 5e-5, 1.25e-10, 0.1 + 0.2].map(float).join(" "),
            "0.5 1.0 0.0 5e-05 1.25e-10 0.30000000000000004"
        );
        assert_eq!(string("a\"\u{e9}\u{1f600}\u{7f}\n"), r#""a\"\u00e9\ud83d\ude00\u007f\n""#);
        assert_eq!(repr("it's\n\u{1b}[1m"), "\"it's\\n\\x1b[1m\"");
        assert_eq!(repr("a'\"\u{202e}\u{e000}\u{e9}e\u{301}"), "'a\\'\"\\u202e\\ue000\u{e9}e\u{301}'");
        // Halves go to the even digit.
        assert_eq!(format!("{:6.2}{:6.2}", 3.125, 9.375), "  3.12  9.38");
    }

    #[test]
    fn a_document_is_written_with_one_space_a_level() {
        let inner = Value::map([("a", Value::Count(1)), ("b", Value::Share(None))]);
        let mut out = Vec::new();
        write_json(&mut out, &Value::map([("x", inner), ("y", Value::Map(Vec::new()))])).unwrap();
        assert_eq!(out, b"{\n \"x\": {\n  \"a\": 1,\n  \"b\": null\n },\n \"y\": {}\n}\n");
    }
}
