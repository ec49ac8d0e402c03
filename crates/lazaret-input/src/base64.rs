//! Base64 (RFC 4648, section 4): strict, with padding, under a limit. Bits beyond the last byte must be zero, so
//! that each value has one form only.

use std::borrow::Cow;

use base64::engine::general_purpose::STANDARD;
use base64::{DecodeError, Engine as _};
use lazaret_core::{Limit, LimitExceeded};

/// Whether white space may stand between the characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Whitespace {
    /// RFC 4648: none.
    Refused,
    /// FHIR and XML Schema: anywhere; it means nothing.
    Skipped,
}

/// Why a text is not base64. Place and kind, never content.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Base64Error {
    /// A character outside the alphabet, or padding within.
    #[error("no base64 character at byte {at}")]
    Character {
        /// Where.
        at: usize,
    },
    /// The end is missing, or bits are set that belong to no byte.
    #[error("the base64 text is cut off, not padded, or has bits beyond its last byte")]
    End,
    /// It decodes to more than allowed.
    #[error("{0}")]
    Limit(#[from] LimitExceeded),
}

/// Decodes, or refuses the whole.
pub fn decode(text: &str, whitespace: Whitespace, limit: Limit) -> Result<Vec<u8>, Base64Error> {
    let has_space = || text.bytes().any(is_space);
    let dense: Cow<'_, [u8]> = if whitespace == Whitespace::Skipped && has_space() {
        text.bytes().filter(|byte| !is_space(*byte)).collect::<Vec<u8>>().into()
    } else {
        text.as_bytes().into()
    };
    // At most two bytes more than it decodes to.
    limit.check((dense.len() as u64 / 4).saturating_mul(3).saturating_sub(2))?;
    let bytes = STANDARD.decode(&dense).map_err(|error| match error {
        DecodeError::InvalidByte(dense_at, _) => {
            Base64Error::Character { at: place(text, whitespace, dense_at) }
        }
        _ => Base64Error::End,
    })?;
    limit.check(bytes.len() as u64)?;
    Ok(bytes)
}

/// Encodes with padding, without line breaks.
pub fn encode(bytes: &[u8]) -> String {
    STANDARD.encode(bytes)
}

fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | b'\r')
}

/// Where the n-th byte that counts stands in the text.
fn place(text: &str, whitespace: Whitespace, n: usize) -> usize {
    let counts = |byte: u8| whitespace == Whitespace::Refused || !is_space(byte);
    text.bytes().enumerate().filter(|(_, byte)| counts(*byte)).nth(n).map_or(text.len(), |(at, _)| at)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const MOST: Limit = Limit::new("test.max", 100);

    #[test]
    fn only_the_one_form_of_a_value_decodes() {
        let decode = |text| decode(text, Whitespace::Refused, MOST);
        assert_eq!(decode("Zm9vYg==").unwrap(), b"foob");
        assert_eq!(decode("").unwrap(), b"");
        for text in ["Zm9vYg", "Zm9vYg=", "Zm9vYh==", "Z", "====", "Zm9v====", "Zg==Zg=="] {
            assert!(decode(text).is_err(), "{text}");
        }
        assert_eq!(decode("@@@@"), Err(Base64Error::Character { at: 0 }));
        assert_eq!(decode("Zm9v\nYmFy"), Err(Base64Error::Character { at: 4 }));
        assert_eq!(decode("Zm9_"), Err(Base64Error::Character { at: 3 }));
    }

    #[test]
    fn white_space_is_skipped_where_allowed_and_places_count_it() {
        assert_eq!(decode(" Zm9v\r\n\tYmFy ", Whitespace::Skipped, MOST).unwrap(), b"foobar");
        assert_eq!(decode("Zm9v\nYm@y", Whitespace::Skipped, MOST), Err(Base64Error::Character { at: 7 }));
    }

    #[test]
    fn the_limit_is_on_what_comes_out() {
        let text = encode(&[7; 100]);
        assert!(decode(&text, Whitespace::Refused, MOST).is_ok());
        assert!(matches!(decode(&text, Whitespace::Refused, MOST.with(99)), Err(Base64Error::Limit(_))));
        assert!(matches!(
            decode(&"A".repeat(1 << 20), Whitespace::Refused, MOST),
            Err(Base64Error::Limit(_))
        ));
    }

    proptest! {
        #[test]
        fn what_decodes_encodes_to_the_same_text(text in "[A-Za-z0-9+/=@ ]{0,24}", bytes: Vec<u8>) {
            if let Ok(bytes) = decode(&text, Whitespace::Refused, MOST) {
                prop_assert_eq!(encode(&bytes), text);
            }
            let most = MOST.with(1 << 20);
            prop_assert_eq!(decode(&encode(&bytes), Whitespace::Refused, most), Ok(bytes));
        }
    }
}
