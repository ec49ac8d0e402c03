//! Plain text that is no format of its own: vocabularies, notes, licences. Nothing reads it as code.

use lazaret_core::{FormatId, Likeness};

use crate::look::{Head, Looking};
use crate::part::{Part, Unread};
use crate::registry::ModelFormat;

/// The format.
pub(crate) struct Text;

/// How many bytes are checked at once.
const BLOCK: usize = 64 << 10;

impl ModelFormat for Text {
    fn id(&self) -> FormatId {
        FormatId("text")
    }

    fn about(&self) -> &'static str {
        "plain text (vocabulary, README)"
    }

    fn extensions(&self) -> &'static [&'static str] {
        &[
            "txt",
            "md",
            "rst",
            "csv",
            "tsv",
            "bpe",
            "vocab",
            "license",
            "cff",
            "bib",
            "gitattributes",
            "gitignore",
        ]
    }

    fn runs_nothing(&self) -> bool {
        true
    }

    fn recognise(&self, head: &Head<'_>) -> Likeness {
        let cut = head.part.len() > head.bytes.len() as u64;
        // Every other format that could be it goes first.
        if is_text(head.bytes, cut).is_some() || (is_named(head) && is_lax_text(head.bytes)) {
            Likeness::ByName
        } else {
            Likeness::No
        }
    }

    fn read(&self, part: &Part, _: &mut Looking<'_>) -> Result<FormatId, Unread> {
        check(part)?;
        Ok(self.id())
    }
}

/// Reads a part to its end: an error where it goes on as binary data. Vocabularies may hold any control character as a
/// word, and older texts are in older charsets; the byte 0 is in none.
pub(super) fn check(part: &Part) -> Result<(), Unread> {
    let mut stream = part.stream(0);
    loop {
        let at = stream.position();
        let bytes = stream.peek(BLOCK)?;
        if bytes.is_empty() {
            return Ok(());
        }
        if let Some(zero) = memchr::memchr(0, bytes) {
            return Err(Unread::malformed(
                at.saturating_add(zero as u64),
                "a text that goes on as binary data",
            ));
        }
        let count = bytes.len();
        stream.advance(count);
    }
}

/// Whether a name promises text.
fn is_named(head: &Head<'_>) -> bool {
    const NAMES: &[&str] =
        &["readme", "license", "licence", "notice", "copying", "authors", "vocab", "merges"];
    Text.extensions().contains(&head.extension) || NAMES.contains(&head.file_name)
}

/// Whether bytes are text in any charset of single bytes, with few control characters.
fn is_lax_text(bytes: &[u8]) -> bool {
    let is_control = |byte: &&u8| **byte < b' ' && !matches!(**byte, b'\t' | b'\n' | b'\r' | 0x0c);
    let controls = bytes.iter().filter(is_control).count();
    !bytes.contains(&0) && controls.saturating_mul(20) <= bytes.len()
}

/// Whether bytes are text, a character that is cut at the end left out; how many of them are.
fn is_text(bytes: &[u8], cut: bool) -> Option<usize> {
    let end = match std::str::from_utf8(bytes) {
        Ok(_) => bytes.len(),
        Err(error) if cut && error.error_len().is_none() => error.valid_up_to(),
        Err(_) => return None,
    };
    let is_control = |byte: &u8| *byte < b' ' && !matches!(byte, b'\t' | b'\n' | b'\r' | 0x0c | 0x1b);
    let text = bytes.get(..end).unwrap_or_default();
    (!text.iter().any(is_control)).then_some(end)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_utf8_without_controls() {
        assert_eq!(is_text("[PAD]\n[UNK]\nä\n".as_bytes(), false), Some(15));
        assert_eq!(is_text("aä".as_bytes().get(..2).unwrap(), true), Some(1));
        assert_eq!(is_text(&[b'a', 0xc3], false), None);
        assert_eq!(is_text(b"a\0b", false), None);
        assert_eq!(is_text(b"\x80\x02.", false), None);
    }
}
