//! Attachments: base64, size and hash, and the text of those that are text.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// Decodes base64 as FHIR writes it (RFC 4648 with `=`, white space allowed between groups) into a buffer that
/// is cleared first. None if it does not decode.
pub(crate) fn decode(text: &str, into: &mut Vec<u8>) -> Option<()> {
    into.clear();
    let has_space = text.bytes().any(|byte| byte.is_ascii_whitespace());
    if has_space {
        let dense: String = text.chars().filter(|c| !c.is_ascii_whitespace()).collect();
        STANDARD.decode_vec(dense, into).ok()
    } else {
        STANDARD.decode_vec(text, into).ok()
    }
}

/// Encodes bytes as base64.
pub(crate) fn encode(bytes: &[u8]) -> String {
    STANDARD.encode(bytes)
}

/// The hash FHIR R4 wants of an attachment: SHA-1, in base64. Not a protection, only what the standard asks.
pub(crate) fn sha1(bytes: &[u8]) -> String {
    encode(ring::digest::digest(&ring::digest::SHA1_FOR_LEGACY_USE_ONLY, bytes).as_ref())
}

/// Whether a base64 hash is the SHA-1 of some bytes.
pub(crate) fn hash_holds(hash: &str, bytes: &[u8]) -> bool {
    let mut told = Vec::new();
    decode(hash, &mut told).is_some()
        && told == ring::digest::digest(&ring::digest::SHA1_FOR_LEGACY_USE_ONLY, bytes).as_ref()
}

/// Whether a content type is text that detectors can read, and in which charset (none given: UTF-8).
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
    Some(charset.unwrap_or("utf-8"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_is_strict_but_for_space() {
        let mut out = Vec::new();
        for good in ["aGVsbG8=", "aGVs bG8=\n", ""] {
            assert!(decode(good, &mut out).is_some(), "{good}");
        }
        for bad in ["@@@@", "aGVsbG8", "aGVsbG9=", "aGVsbG8==", "aGVs-G8=", "=", "aGVsbG8=aGVsbG8="] {
            assert!(decode(bad, &mut out).is_none(), "{bad}");
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
        assert_eq!(text_charset("text/plain"), Some("utf-8"));
        assert_eq!(text_charset("text/plain; charset=\"ISO-8859-1\""), Some("ISO-8859-1"));
        assert_eq!(text_charset("TEXT/HTML;charset=utf-8"), Some("utf-8"));
        for other in ["application/pdf", "image/png", "text/rtf", ""] {
            assert_eq!(text_charset(other), None, "{other}");
        }
    }
}
