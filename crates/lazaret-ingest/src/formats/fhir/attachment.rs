//! Attachments: base64, size and hash, and the text of those that are text.

use lazaret_core::Limit;
use lazaret_input::MAX_RECORD;
use lazaret_input::base64::{self, Whitespace};

/// What is decoded is smaller than its record, which has a limit of its own.
const AS_LARGE_AS_ITS_RECORD: Limit = MAX_RECORD.with(u64::MAX);

/// Decodes base64 as FHIR writes it: RFC 4648 with padding, white space allowed.
pub(crate) fn decode(text: &str) -> Option<Vec<u8>> {
    base64::decode(text, Whitespace::Skipped, AS_LARGE_AS_ITS_RECORD).ok()
}

/// Encodes bytes as base64.
pub(crate) fn encode(bytes: &[u8]) -> String {
    base64::encode(bytes)
}

/// The hash FHIR R4 wants of an attachment: SHA-1, in base64. Not a protection, only what the standard asks.
pub(crate) fn sha1(bytes: &[u8]) -> String {
    encode(ring::digest::digest(&ring::digest::SHA1_FOR_LEGACY_USE_ONLY, bytes).as_ref())
}

/// Whether a base64 hash is the SHA-1 of some bytes.
pub(crate) fn hash_holds(hash: &str, bytes: &[u8]) -> bool {
    let digest = ring::digest::digest(&ring::digest::SHA1_FOR_LEGACY_USE_ONLY, bytes);
    decode(hash).is_some_and(|told| told == digest.as_ref())
}

/// Whether a content type is text that detectors can read, and the charset it declares: empty for none.
pub(crate) fn text_charset(content_type: &str) -> Option<&str> {
    let mut parts = content_type.split(';').map(str::trim);
    let kind = parts.next()?.to_ascii_lowercase();
    let is_text =
        kind.strip_prefix("text/").is_some_and(|sub| !matches!(sub, "rtf" | "richtext" | "enriched"));
    let is_structured = matches!(
        kind.as_str(),
        "application/json"
            | "application/fhir+json"
            | "application/xml"
            | "application/fhir+xml"
            | "application/xhtml+xml"
    );
    if !is_text && !is_structured {
        return None;
    }
    let charset = parts.find_map(|part| {
        let (key, value) = part.split_once('=')?;
        key.trim().eq_ignore_ascii_case("charset").then(|| value.trim().trim_matches('"'))
    });
    Some(charset.unwrap_or(""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_is_strict_but_for_space() {
        for good in ["aGVsbG8=", "aGVs bG8=\n", ""] {
            assert!(decode(good).is_some(), "{good}");
        }
        for bad in ["@@@@", "aGVsbG8", "aGVsbG9=", "aGVsbG8==", "aGVs-G8=", "=", "aGVsbG8=aGVsbG8="] {
            assert!(decode(bad).is_none(), "{bad}");
        }
    }

    #[test]
    fn the_hash_is_of_the_data() {
        assert_eq!(sha1(b"hello"), "qvTGHdzF6KLavt4PO0gs2a6pQ00=");
        assert!(hash_holds("qvTGHdzF6KLavt4PO0gs2a6pQ00=", b"hello"));
        assert!(!hash_holds("AAAAAAAAAAAAAAAAAAAAAAAAAAA=", b"hello"));
    }

    #[test]
    fn what_is_text() {
        assert_eq!(text_charset("text/plain"), Some(""));
        assert_eq!(text_charset("text/plain; charset=\"ISO-8859-1\""), Some("ISO-8859-1"));
        assert_eq!(text_charset("TEXT/HTML;charset=utf-8"), Some("utf-8"));
        for other in ["application/pdf", "image/png", "text/rtf", ""] {
            assert_eq!(text_charset(other), None, "{other}");
        }
    }
}
