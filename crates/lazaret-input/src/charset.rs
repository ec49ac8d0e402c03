//! Text in its charset: decoded strictly, and encoded back the same way, so that an edited note stays in the
//! charset it came in.
//!
//! A byte order mark decides; else the charset declared; else it must be UTF-8. Whatever would be read
//! differently elsewhere (a mark that contradicts the declaration, UTF-16 without a mark, U+0000, bytes that
//! would not come back) is an error: the text was not inspected.

use std::borrow::Cow;

use encoding_rs::{DecoderResult, Encoding, UTF_8, UTF_16BE, UTF_16LE};
use lazaret_core::{Rule, UNINSPECTABLE};

/// How a text was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Charset {
    encoding: &'static Encoding,
    mark: bool,
}

impl Charset {
    /// UTF-8 without a mark.
    pub const UTF_8: Self = Self { encoding: UTF_8, mark: false };

    /// Its name in the WHATWG encoding standard.
    pub fn name(self) -> &'static str {
        self.encoding.name()
    }

    /// Whether it begins with a byte order mark.
    pub fn has_mark(self) -> bool {
        self.mark
    }

    /// Encodes a text as the one this charset was found in.
    pub fn encode(self, text: &str) -> Result<Vec<u8>, CharsetError> {
        let mut bytes = if self.mark { mark_of(self.encoding).to_vec() } else { Vec::new() };
        if self.encoding == UTF_16LE {
            bytes.extend(text.encode_utf16().flat_map(u16::to_le_bytes));
        } else if self.encoding == UTF_16BE {
            bytes.extend(text.encode_utf16().flat_map(u16::to_be_bytes));
        } else {
            let (encoded, _, unmappable) = self.encoding.encode(text);
            if unmappable {
                return Err(CharsetError::Unmappable { charset: self.name() });
            }
            bytes.extend_from_slice(&encoded);
        }
        Ok(bytes)
    }
}

/// Why a text was not decoded or encoded. Place and kind, never content: a declared charset is not repeated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CharsetError {
    /// No such charset, or one that hides its bytes (UTF-7, HZ, ISO-2022-KR).
    #[error("the declared charset is unknown or not read")]
    Unknown,
    /// The byte order mark says another charset than the declaration.
    #[error("the byte order mark ({mark}) contradicts the declared charset")]
    Contradiction {
        /// What the mark says.
        mark: &'static str,
    },
    /// `utf-16` without a byte order mark: readers disagree on its order.
    #[error("UTF-16 without a byte order mark")]
    NoMark,
    /// Bytes that are no character of the charset.
    #[error("no {charset} character at byte {at}")]
    Bytes {
        /// The charset.
        charset: &'static str,
        /// Where.
        at: usize,
    },
    /// U+0000: binary data, or UTF-16 without a mark.
    #[error("U+0000 in the text: binary data, or UTF-16 without a byte order mark")]
    Nul,
    /// Characters that no text has, and many of them: binary data that happens to decode.
    #[error("many control characters: binary data")]
    Binary,
    /// Encoded again it would be other bytes, so what is outside the edits would change.
    #[error("the text does not come back as the same bytes in {charset}")]
    NotReversible {
        /// The charset.
        charset: &'static str,
    },
    /// A character that the charset does not have.
    #[error("a character that {charset} does not have")]
    Unmappable {
        /// The charset.
        charset: &'static str,
    },
}

impl CharsetError {
    /// The rule of the finding this becomes.
    pub fn rule(&self) -> &'static Rule {
        &UNINSPECTABLE
    }
}

/// Decodes a text. The mark is not part of it.
pub fn decode<'a>(bytes: &'a [u8], declared: Option<&str>) -> Result<(Cow<'a, str>, Charset), CharsetError> {
    let declared = declared.map(str::trim).filter(|label| !label.is_empty());
    let charset = charset_of(bytes, declared)?;
    let body = bytes.get(if charset.mark { mark_of(charset.encoding).len() } else { 0 }..).unwrap_or(&[]);
    let text = charset
        .encoding
        .decode_without_bom_handling_and_without_replacement(body)
        .ok_or_else(|| bad_bytes(charset, bytes, body))?;
    let not_ascii = body.iter().position(|byte| !byte.is_ascii());
    if let Some(at) = not_ascii.filter(|_| is_ascii_label(declared) && !charset.mark) {
        return Err(CharsetError::Bytes { charset: "US-ASCII", at });
    }
    if text.contains('\0') {
        return Err(CharsetError::Nul);
    }
    if is_binary(&text) {
        return Err(CharsetError::Binary);
    }
    let comes_back = charset.encoding == UTF_8 || charset.encode(&text).is_ok_and(|again| again == bytes);
    if comes_back {
        Ok((text, charset))
    } else {
        Err(CharsetError::NotReversible { charset: charset.name() })
    }
}

/// Whether a text is binary data that happens to decode: more than one character in sixteen, and more than three, is a
/// control character that no text has. Those of line ends, tabs, pages, terminals and message frames are in some texts.
pub fn is_binary(text: &str) -> bool {
    const FEW: usize = 3;
    let in_texts =
        |c: char| matches!(c, '\t' | '\n' | '\r' | '\u{b}' | '\u{c}' | '\u{1b}' | '\u{1c}' | '\u{85}');
    let controls = text.chars().filter(|c| c.is_control() && !in_texts(*c)).count();
    controls > FEW && controls > text.chars().count() / 16
}

fn charset_of(bytes: &[u8], declared: Option<&str>) -> Result<Charset, CharsetError> {
    let named = match declared {
        Some(label) => Encoding::for_label_no_replacement(label.as_bytes()).ok_or(CharsetError::Unknown)?,
        None => UTF_8,
    };
    // The standard reads `utf-16` as little-endian, the RFC as big-endian.
    let either_order =
        declared.is_some_and(|label| named == UTF_16LE && !label.to_ascii_lowercase().ends_with("le"));
    match Encoding::for_bom(bytes) {
        Some((marked, _))
            if declared.is_none() || marked == named || (either_order && marked == UTF_16BE) =>
        {
            Ok(Charset { encoding: marked, mark: true })
        }
        Some((marked, _)) => Err(CharsetError::Contradiction { mark: marked.name() }),
        None if either_order => Err(CharsetError::NoMark),
        None => Ok(Charset { encoding: named, mark: false }),
    }
}

fn mark_of(encoding: &'static Encoding) -> &'static [u8] {
    match encoding.name() {
        "UTF-16LE" => b"\xff\xfe",
        "UTF-16BE" => b"\xfe\xff",
        _ => b"\xef\xbb\xbf",
    }
}

/// The standard reads US-ASCII as windows-1252; here it means what it says.
fn is_ascii_label(declared: Option<&str>) -> bool {
    declared
        .is_some_and(|label| label.eq_ignore_ascii_case("us-ascii") || label.eq_ignore_ascii_case("ascii"))
}

fn bad_bytes(charset: Charset, bytes: &[u8], body: &[u8]) -> CharsetError {
    let mut decoder = charset.encoding.new_decoder_without_bom_handling();
    let mut room = vec![0; decoder.max_utf8_buffer_length_without_replacement(body.len()).unwrap_or(0)];
    let (result, read, _) = decoder.decode_to_utf8_without_replacement(body, &mut room, true);
    let back = match result {
        DecoderResult::Malformed(bad, after) => usize::from(bad).saturating_add(usize::from(after)),
        DecoderResult::InputEmpty | DecoderResult::OutputFull => 0,
    };
    let at = bytes.len().saturating_sub(body.len()).saturating_add(read).saturating_sub(back);
    CharsetError::Bytes { charset: charset.name(), at }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(bytes: &[u8], declared: Option<&str>) -> Result<(String, &'static str, bool), CharsetError> {
        decode(bytes, declared).map(|(text, charset)| (text.into_owned(), charset.name(), charset.has_mark()))
    }

    #[test]
    fn the_mark_then_the_declaration_then_utf8() {
        let ok = |text: &str, name, mark| Ok((text.to_owned(), name, mark));
        assert_eq!(read("Müller".as_bytes(), None), ok("Müller", "UTF-8", false));
        assert_eq!(read(b"\xef\xbb\xbfa", Some("utf-8")), ok("a", "UTF-8", true));
        assert_eq!(read(b"M\xfcller", Some("ISO-8859-1")), ok("Müller", "windows-1252", false));
        assert_eq!(read(b"\xff\xfeM\0\xfc\0", None), ok("Mü", "UTF-16LE", true));
        assert_eq!(read(b"\xfe\xff\0M\0\xfc", Some("UTF-16")), ok("Mü", "UTF-16BE", true));
        assert_eq!(read(b"\0M\0\xfc", Some("utf-16be")), ok("Mü", "UTF-16BE", false));
        assert_eq!(read(b"M\0\xfc\0", Some("utf-16le")), ok("Mü", "UTF-16LE", false));
        assert_eq!(read(b"\x83\x65", Some("Shift_JIS")), ok("テ", "Shift_JIS", false));
        assert_eq!(read(b"plain", Some("us-ascii")), ok("plain", "windows-1252", false));
    }

    #[test]
    fn what_others_would_read_differently_is_refused() {
        assert_eq!(read(b"a", Some("utf-7")), Err(CharsetError::Unknown));
        assert_eq!(read(b"a", Some("hz-gb-2312")), Err(CharsetError::Unknown));
        assert_eq!(
            read(b"\xef\xbb\xbfa", Some("latin1")),
            Err(CharsetError::Contradiction { mark: "UTF-8" })
        );
        assert_eq!(read(b"a\0", Some("utf-16")), Err(CharsetError::NoMark));
        assert_eq!(read(b"M\0u\0", None), Err(CharsetError::Nul));
        assert_eq!(read(b"ab\xfc", None), Err(CharsetError::Bytes { charset: "UTF-8", at: 2 }));
        assert_eq!(
            read(b"ab\xfc", Some("us-ascii")),
            Err(CharsetError::Bytes { charset: "US-ASCII", at: 2 })
        );
        assert_eq!(read(b"\xff\xfeab\0", None), Err(CharsetError::Bytes { charset: "UTF-16LE", at: 4 }));
        assert_eq!(read(b"\xff\xfe\0\xd8a\0", None), Err(CharsetError::Bytes { charset: "UTF-16LE", at: 2 }));
        let elf = b"\x7fELF\x02\x01\x01\x03\x02>\x01";
        assert_eq!(read(elf, None), Err(CharsetError::Binary));
        assert_eq!(read(&[&elf[..], &[b'a'; 200]].concat(), None).map(|(text, ..)| text.len()), Ok(211));
        assert_eq!(read(b"\x0bMSH|\r\x1c\r\x1b[1mRook\x1b[0m", None).map(|(_, name, _)| name), Ok("UTF-8"));
        let doubled = read(b"\x1b$B\x1b(Ba", Some("iso-2022-jp"));
        assert!(doubled.is_err(), "{doubled:?}");
    }

    #[test]
    fn an_edited_text_is_written_in_its_charset_or_not_at_all() {
        let (text, charset) = decode(b"\xff\xfeM\0\xfc\0", None).unwrap();
        assert_eq!(charset.encode(&text.replace('M', "X")).unwrap(), b"\xff\xfeX\0\xfc\0");
        let (_, latin) = decode(b"M\xfc", Some("latin1")).unwrap();
        assert_eq!(latin.encode("Mü").unwrap(), b"M\xfc");
        assert_eq!(latin.encode("テ"), Err(CharsetError::Unmappable { charset: "windows-1252" }));
    }

    proptest! {
        #[test]
        fn what_decodes_comes_back_as_the_same_bytes(
            bytes in prop::collection::vec(any::<u8>(), 0..60),
            mark in prop::sample::select(vec![&b""[..], b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff"]),
            label in prop::sample::select(vec![
                None, Some("utf-8"), Some("latin1"), Some("utf-16"), Some("utf-16be"), Some("shift_jis"), Some("gb18030"),
                Some("iso-2022-jp"), Some("big5"), Some("euc-kr"), Some("windows-1251"), Some("x-user-defined"), Some("no"),
            ]),
        ) {
            let bytes = [mark.to_vec(), bytes].concat();
            if let Ok((text, charset)) = decode(&bytes, label) {
                prop_assert_eq!(charset.encode(&text).unwrap(), bytes);
            }
        }
    }
}
