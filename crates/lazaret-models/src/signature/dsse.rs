//! What is signed of a payload: the pre-authentication encoding of DSSE (v1.0.0), and the faulty one of the first releases.

use lazaret_core::hex;

/// The one type of payload.
pub(super) const PAYLOAD_TYPE: &str = "application/vnd.in-toto+json";

/// The bytes that are signed.
pub(super) fn encoded(payload: &[u8]) -> Vec<u8> {
    let mut bytes = format!("DSSEv1 {} {PAYLOAD_TYPE} {} ", PAYLOAD_TYPE.len(), payload.len()).into_bytes();
    bytes.extend_from_slice(payload);
    bytes
}

/// The bytes that releases of `model_signing` before 1.0 signed: `DSSEV1`, and the payload as Python prints bytes.
pub(super) fn encoded_before_1_0(payload: &[u8]) -> Vec<u8> {
    let mut text = format!("DSSEV1 {} {PAYLOAD_TYPE} {} b", PAYLOAD_TYPE.len(), payload.len());
    // Python takes the quote that needs no escape, and the single one where both would.
    let quote = if payload.contains(&b'\'') && !payload.contains(&b'"') { b'"' } else { b'\'' };
    text.push(char::from(quote));
    for &byte in payload {
        match byte {
            b'\t' => text.push_str("\\t"),
            b'\n' => text.push_str("\\n"),
            b'\r' => text.push_str("\\r"),
            b'\\' => text.push_str("\\\\"),
            _ if byte == quote => text.extend(['\\', char::from(byte)]),
            b' '..=b'~' => text.push(char::from(byte)),
            _ => text.extend(["\\x", &hex(&[byte])]),
        }
    }
    text.push(char::from(quote));
    text.into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_encodings_are_as_published() {
        assert_eq!(encoded(b"{}"), b"DSSEv1 28 application/vnd.in-toto+json 2 {}");
        let old = encoded_before_1_0(b"{\"a\": 'b\\\n\xc3'}");
        let expected = "DSSEV1 28 application/vnd.in-toto+json 13 b'{\"a\": \\'b\\\\\\n\\xc3\\'}'";
        assert_eq!(String::from_utf8(old).unwrap(), expected);
        assert!(encoded_before_1_0(b"'").ends_with(b"b\"'\""));
    }
}
