//! Headers: entity tags, and words that may stand in a header.

use axum::http::{HeaderMap, HeaderName, HeaderValue};

/// Most bytes of a message in a header or in the line of a status.
const MAX_MESSAGE: usize = 600;

/// An entity tag without its quotes and without the mark of a weak one, if it is one (RFC 9110, 8.8.3).
pub fn tag(value: &str) -> Option<&str> {
    let value = value.trim();
    let value = value.strip_prefix("W/").unwrap_or(value);
    let plain = value.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).unwrap_or(value);
    let is_tag =
        !plain.is_empty() && plain.len() <= 256 && plain.bytes().all(|b| b.is_ascii_graphic() && b != b'"');
    is_tag.then_some(plain)
}

/// Whether one of the tags in `If-None-Match` is this one, compared weakly (RFC 9110, 13.1.2).
pub fn names(header: &str, is: &str) -> bool {
    header.trim() == "*" || header.split(',').any(|one| tag(one) == Some(is))
}

/// A message as one line of plain ASCII, as long as a header may well be; other characters become `?`.
pub fn line(message: &str) -> String {
    let plain = message.chars().map(|c| if c.is_ascii_graphic() || c == ' ' { c } else { '?' });
    let mut line: String = plain.take(MAX_MESSAGE).collect();
    if message.chars().count() > MAX_MESSAGE {
        line.push_str("...");
    }
    line
}

/// Sets a header to text, where it can be one.
pub fn set(headers: &mut HeaderMap, name: HeaderName, text: &str) {
    if let Ok(value) = HeaderValue::from_str(text) {
        headers.insert(name, value);
    }
}

/// One header as text; none if it stands twice.
pub fn one(headers: &HeaderMap, name: impl axum::http::header::AsHeaderName) -> Option<&str> {
    let mut values = headers.get_all(name).iter();
    let value = values.next()?.to_str().ok();
    value.filter(|_| values.next().is_none())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn tags_are_compared_without_quotes_and_weakness() {
        assert_eq!((tag("\"abc\""), tag("W/\"abc\""), tag("abc")), (Some("abc"), Some("abc"), Some("abc")));
        assert_eq!((tag("\"\""), tag("\"a b\""), tag("a\"b")), (None, None, None));
        assert!(names("\"x\", W/\"abc\"", "abc") && names("*", "abc") && !names("\"ab\"", "abc"));
    }

    proptest! {
        #[test]
        fn any_message_is_a_header(message in ".*") {
            prop_assert!(HeaderValue::from_str(&line(&message)).is_ok());
            let _read = (tag(&message), names(&message, "a"));
        }
    }
}
