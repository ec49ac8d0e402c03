//! JSON as Python's `json.dumps` writes it, so that an answer is the same, byte for byte, as one of Presidio.

use std::io::{self, Write};

use lazaret_core::{Limit, LimitExceeded};
use serde::Serialize;
use serde_json::Value;
use serde_json::ser::{Formatter, Serializer};

/// Writes a value with a space after `,` and `:`. No answer grows beyond the limit.
pub(super) fn json(value: &impl Serialize, most: Limit) -> Result<Vec<u8>, LimitExceeded> {
    let mut out = Bounded { bytes: Vec::new(), most: usize::try_from(most.most()).unwrap_or(usize::MAX) };
    let written = value.serialize(&mut Serializer::with_formatter(&mut out, Python { space: " " }));
    // Nothing else can fail: the values have string keys, and memory takes what is written.
    written.map(|()| out.bytes).map_err(|_| most.exceeded(most.most().saturating_add(1)))
}

/// Writes a value without spaces and with a line's end, as Flask writes errors and lists.
pub(super) fn compact(value: &impl Serialize) -> Vec<u8> {
    let mut out = Vec::new();
    match value.serialize(&mut Serializer::with_formatter(&mut out, Python { space: "" })) {
        Ok(()) => out.push(b'\n'),
        Err(_) => out = b"{\"error\":\"Internal server error\"}\n".to_vec(),
    }
    out
}

struct Bounded {
    bytes: Vec<u8>,
    most: usize,
}

impl Write for Bounded {
    fn write(&mut self, part: &[u8]) -> io::Result<usize> {
        if self.bytes.len().saturating_add(part.len()) > self.most {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        self.bytes.extend_from_slice(part);
        Ok(part.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

struct Python {
    space: &'static str,
}

impl Python {
    fn comma(&self, out: &mut (impl Write + ?Sized), first: bool) -> io::Result<()> {
        if first { Ok(()) } else { write!(out, ",{}", self.space) }
    }
}

impl Formatter for Python {
    fn write_f64<W: Write + ?Sized>(&mut self, out: &mut W, value: f64) -> io::Result<()> {
        out.write_all(float(value).as_bytes())
    }

    fn begin_array_value<W: Write + ?Sized>(&mut self, out: &mut W, first: bool) -> io::Result<()> {
        self.comma(out, first)
    }

    fn begin_object_key<W: Write + ?Sized>(&mut self, out: &mut W, first: bool) -> io::Result<()> {
        self.comma(out, first)
    }

    fn begin_object_value<W: Write + ?Sized>(&mut self, out: &mut W) -> io::Result<()> {
        write!(out, ":{}", self.space)
    }

    fn write_string_fragment<W: Write + ?Sized>(&mut self, out: &mut W, part: &str) -> io::Result<()> {
        let mut rest = part;
        while let Some(at) = rest.find(|c: char| !(' '..='~').contains(&c)) {
            let (plain, from) = rest.split_at(at);
            out.write_all(plain.as_bytes())?;
            let mut chars = from.chars();
            if let Some(other) = chars.next() {
                for unit in other.encode_utf16(&mut [0; 2]) {
                    write!(out, "\\u{unit:04x}")?;
                }
            }
            rest = chars.as_str();
        }
        out.write_all(rest.as_bytes())
    }
}

/// A number as Python's `repr` writes it: `0.85`, `1.0`, `1e-05`.
fn float(value: f64) -> String {
    let scientific = format!("{value:e}");
    let (digits, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    match exponent.parse::<i32>() {
        Ok(power) if !(-4..16).contains(&power) => {
            let sign = if power < 0 { '-' } else { '+' };
            format!("{digits}e{sign}{:02}", power.abs())
        }
        _ => {
            let plain = value.to_string();
            if plain.contains('.') { plain } else { plain + ".0" }
        }
    }
}

/// A value as Python's `str` writes it; none of a list or an object.
pub(super) fn text(value: &Value) -> Option<String> {
    match value {
        Value::Null => Some("None".to_owned()),
        Value::Bool(true) => Some("True".to_owned()),
        Value::Bool(false) => Some("False".to_owned()),
        Value::Number(number) if number.is_f64() => number.as_f64().map(float),
        Value::Number(number) => Some(number.to_string()),
        Value::String(text) => Some(text.clone()),
        Value::Array(_) | Value::Object(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const MOST: Limit = Limit::new("presidio.max_answer", 1_000);

    #[test]
    fn it_is_what_python_writes() {
        let value = json!({"a": [1, 0.85, 1.0, 1e-5, 1e16, 1e15, null, true], "b": "é😀\u{7f}\n\"\\/"});
        let wanted = r#"{"a": [1, 0.85, 1.0, 1e-05, 1e+16, 1000000000000000.0, null, true], "b": "\u00e9\ud83d\ude00\u007f\n\"\\/"}"#;
        assert_eq!(String::from_utf8(super::json(&value, MOST).unwrap()).unwrap(), wanted);
        assert_eq!(compact(&json!({"error": "no", "x": [1, 2]})), b"{\"error\":\"no\",\"x\":[1,2]}\n");
    }

    #[test]
    fn an_answer_beyond_the_limit_is_none() {
        let (long, fits) = ("x".repeat(999), "x".repeat(998));
        let error = super::json(&long, MOST).unwrap_err();
        assert_eq!((error.key, error.most), ("presidio.max_answer", 1_000));
        assert_eq!(super::json(&fits, MOST).unwrap().len(), 1_000);
    }
}
