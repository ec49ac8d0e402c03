//! Pickles packed in text: base64 (also its URL form) and hexadecimal.

use lazaret_core::Limit;
use lazaret_input::base64::{self, Whitespace};

/// Longest text that is unpacked.
pub(crate) const MAX_PACKED: Limit = Limit::fixed("pickle.max_packed", 32 << 20);
/// Shortest text that is looked at.
const SHORTEST: usize = 16;

/// Whether a text begins like a packed pickle: by its first characters, which any pickle of protocol 2 or more has, or a
/// GLOBAL of an earlier one.
pub(super) fn begins(text: &[u8]) -> bool {
    text.len() >= SHORTEST
        && match text {
            [b'g', b'A', b'I'..=b'X', ..] | [b'8', b'0', b'0', b'2'..=b'5', ..] => true,
            // `c` and a letter, `(` and a letter: "Y2…" "KG…" and so on, and "63" "28".
            [b'Y', ..] | [b'K', b'A'..=b'H', ..] | [b'6', b'3', ..] | [b'2', b'8', ..] => is_packed(text),
            _ => false,
        }
}

/// Whether the first characters are of base64 or hexadecimal alone: prose is not.
fn is_packed(text: &[u8]) -> bool {
    let head = text.get(..64.min(text.len())).unwrap_or_default();
    head.iter().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'-' | b'_' | b'='))
}

/// The bytes that a text packs.
pub(super) fn unpack(text: &[u8]) -> Option<Vec<u8>> {
    let text = std::str::from_utf8(text).ok()?;
    let text: String = text.chars().filter(|c| !c.is_ascii_whitespace()).collect();
    if text.len().is_multiple_of(2) && text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        let pairs = text.as_bytes().as_chunks::<2>().0.iter();
        return pairs.map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()).collect();
    }
    let plain = text.replace('-', "+").replace('_', "/");
    let unpadded = plain.trim_end_matches('=');
    let padding = (4 - unpadded.len() % 4) % 4;
    base64::decode(&format!("{unpadded}{}", "=".repeat(padding)), Whitespace::Refused, MAX_PACKED).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pickles_in_text_are_unpacked() {
        for (text, first) in [
            ("gASVPwAAAAAAAACMCGJ1aWx0aW5z", &b"\x80\x04\x95"[..]),
            ("Y29zCnN5c3RlbQooUyd0cnVlJwp0Ui4=", b"cos\n"),
            ("8004953f000000000000008c08", b"\x80\x04\x95"),
        ] {
            assert!(begins(text.as_bytes()), "{text}");
            assert!(unpack(text.as_bytes()).unwrap().starts_with(first), "{text}");
        }
        for text in ["You said that she came", "Known case of", "gate", "63 years old man, 28 days"] {
            assert!(!begins(text.as_bytes()), "{text}");
        }
    }
}
