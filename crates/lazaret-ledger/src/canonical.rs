//! Canonical JSON: what is hashed must have one form only.
//!
//! Keys sorted by their bytes, no space, no floats, strings escaped as `serde_json` does (the shortest escapes).
//! The same value gives the same bytes whatever features `serde_json` is built with.

use serde::Serialize;
use serde_json::Value;

/// Why a value has no canonical form.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CanonicalError {
    /// It cannot be written as JSON.
    #[error("the value cannot be written as JSON")]
    NotJson(#[source] serde_json::Error),
    /// Floats have more than one form.
    #[error("a number with a fraction or an exponent has no canonical form")]
    Float,
}

/// The canonical JSON of a value.
pub fn to_canonical(value: &impl Serialize) -> Result<String, CanonicalError> {
    let value = serde_json::to_value(value).map_err(CanonicalError::NotJson)?;
    let mut out = String::with_capacity(512);
    write(&value, &mut out)?;
    Ok(out)
}

fn write(value: &Value, out: &mut String) -> Result<(), CanonicalError> {
    match value {
        Value::Number(number) if number.is_f64() => return Err(CanonicalError::Float),
        Value::Null | Value::Bool(_) | Value::Number(_) => out.push_str(&value.to_string()),
        Value::String(text) => string(text, out)?,
        Value::Array(items) => {
            out.push('[');
            for (number, item) in items.iter().enumerate() {
                if number > 0 {
                    out.push(',');
                }
                write(item, out)?;
            }
            out.push(']');
        }
        Value::Object(members) => {
            let mut members: Vec<(&String, &Value)> = members.iter().collect();
            members.sort_unstable_by_key(|(key, _)| *key);
            out.push('{');
            for (number, (key, member)) in members.into_iter().enumerate() {
                if number > 0 {
                    out.push(',');
                }
                string(key, out)?;
                out.push(':');
                write(member, out)?;
            }
            out.push('}');
        }
    }
    Ok(())
}

fn string(text: &str, out: &mut String) -> Result<(), CanonicalError> {
    if text.bytes().all(|b| b >= b' ' && b != b'"' && b != b'\\') {
        out.push('"');
        out.push_str(text);
        out.push('"');
        return Ok(());
    }
    out.push_str(&serde_json::to_string(text).map_err(CanonicalError::NotJson)?);
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn keys_are_sorted_and_floats_refused() {
        let value = json!({"b": [1, -2, null, true], "a": {"d": "\u{e9}\n\"", "c": ""}});
        assert_eq!(to_canonical(&value).unwrap(), r#"{"a":{"c":"","d":"é\n\""},"b":[1,-2,null,true]}"#);
        assert!(matches!(to_canonical(&json!({"a": 1.5})), Err(CanonicalError::Float)));
    }
}
