//! The rules of this room, and the list of them.

use lazaret_core::{Rule, Severity};

/// A file begins with a byte order mark.
pub static BYTE_ORDER_MARK: Rule =
    Rule::new("input.byte-order-mark", Severity::Low, "UTF-8 byte order mark at the start of a file");
/// Unpacking gave more bytes than allowed.
pub static EXPANDED_SIZE: Rule =
    Rule::new("limit.expanded-size", Severity::High, "`input.max_expanded` reached while unpacking");
/// Unpacking gave too many bytes for each byte read.
pub static RATIO: Rule =
    Rule::new("limit.ratio", Severity::High, "`input.max_ratio` reached while unpacking");
/// One record is too large.
pub static RECORD_SIZE: Rule =
    Rule::new("limit.record-size", Severity::High, "one record above its limit; the message names the key");
/// Nothing here reads it.
pub static FORMAT_UNKNOWN: Rule =
    Rule::new("format.unknown", Severity::Medium, "no known format: not inspected");
/// A key twice in one object.
pub static JSON_DUPLICATE_KEY: Rule = Rule::new(
    "json.duplicate-key",
    Severity::High,
    "a key twice in one object, compared after unescaping: readers disagree on which value holds",
);
/// Not JSON.
pub static JSON_MALFORMED: Rule =
    Rule::new("json.malformed", Severity::High, "not JSON (RFC 8259), and no other rule says why");
/// `NaN` and its kin.
pub static JSON_NOT_A_NUMBER: Rule =
    Rule::new("json.not-a-number", Severity::High, "`NaN` or `Infinity`, which JSON does not have");
/// Legal, but most readers change it.
pub static JSON_NUMBER_RANGE: Rule = Rule::new(
    "json.number-range",
    Severity::Medium,
    "number outside binary64: infinite or zero in most readers",
);
/// Not UTF-8.
pub static JSON_INVALID_UTF8: Rule =
    Rule::new("json.invalid-utf8", Severity::High, "bytes that are no UTF-8");
/// Half a character.
pub static JSON_LONE_SURROGATE: Rule =
    Rule::new("json.lone-surrogate", Severity::High, "half of a surrogate pair without the other");
/// U+0000.
pub static JSON_NUL: Rule = Rule::new("json.nul", Severity::High, "U+0000 in a string");
/// Nested too deeply.
pub static JSON_DEPTH: Rule =
    Rule::new("json.depth", Severity::High, "`json.max_depth` reached; the outermost bracket is 1");
/// A second value, or rubbish.
pub static JSON_TRAILING_BYTES: Rule =
    Rule::new("json.trailing-bytes", Severity::High, "bytes after the value");
/// A document type declaration.
pub static XML_DOCTYPE: Rule =
    Rule::new("xml.doctype", Severity::High, "DOCTYPE in XML; nothing is expanded or opened");
/// Not well-formed.
pub static XML_MALFORMED: Rule = Rule::new("xml.malformed", Severity::High, "XML that is not well-formed");
/// Nested too deeply.
pub static XML_DEPTH: Rule = Rule::new("xml.depth", Severity::High, "`xml.max_depth` reached");

/// The rules of this room, sorted by id.
pub const RULES: &[&Rule] = &[
    &FORMAT_UNKNOWN,
    &BYTE_ORDER_MARK,
    &JSON_DEPTH,
    &JSON_DUPLICATE_KEY,
    &JSON_INVALID_UTF8,
    &JSON_LONE_SURROGATE,
    &JSON_MALFORMED,
    &JSON_NOT_A_NUMBER,
    &JSON_NUL,
    &JSON_NUMBER_RANGE,
    &JSON_TRAILING_BYTES,
    &EXPANDED_SIZE,
    &RATIO,
    &RECORD_SIZE,
    &XML_DEPTH,
    &XML_DOCTYPE,
    &XML_MALFORMED,
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_sorted_and_unique() {
        assert!(RULES.windows(2).all(|pair| pair[0].id < pair[1].id));
    }
}
