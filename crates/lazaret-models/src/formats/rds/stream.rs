//! The three ways in which R writes numbers and texts: XDR, its own byte order, and as words of text.

use crate::part::{Part, Unread};
use crate::stream::Stream;

/// How numbers are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// The highest byte first.
    Xdr,
    /// The lowest byte first.
    Native,
    /// Words of text.
    Ascii,
}

/// What is read, forward.
pub(super) struct Input<'a> {
    stream: Stream<'a>,
    form: Form,
    len: u64,
}

/// The longest word: a number of text.
const MOST_WORD: usize = 64;

impl<'a> Input<'a> {
    pub(super) fn new(part: &'a Part, from: u64, form: Form) -> Self {
        Self { stream: part.stream(from), form, len: part.len() }
    }

    pub(super) fn position(&self) -> u64 {
        self.stream.position()
    }

    pub(super) fn left(&self) -> u64 {
        self.len.saturating_sub(self.position())
    }

    fn cut_off(&self) -> Unread {
        Unread::cut_off(self.position())
    }

    fn bytes<const N: usize>(&mut self) -> Result<[u8; N], Unread> {
        let bytes = self.stream.peek(N)?.first_chunk::<N>().copied();
        let bytes = bytes.ok_or_else(|| self.cut_off())?;
        self.stream.advance(N);
        Ok(bytes)
    }

    /// A word of text.
    fn word(&mut self) -> Result<String, Unread> {
        loop {
            let [byte] = self.bytes::<1>()?;
            if !byte.is_ascii_whitespace() {
                let mut word = String::from(char::from(byte));
                while let Some(byte) = self.stream.peek(1)?.first().copied() {
                    if byte.is_ascii_whitespace() {
                        break;
                    }
                    self.stream.advance(1);
                    word.push(char::from(byte));
                    if word.len() > MOST_WORD {
                        return Err(Unread::malformed(self.position(), "a word is too long"));
                    }
                }
                return Ok(word);
            }
        }
    }

    pub(super) fn int(&mut self) -> Result<i32, Unread> {
        Ok(match self.form {
            Form::Xdr => i32::from_be_bytes(self.bytes()?),
            Form::Native => i32::from_le_bytes(self.bytes()?),
            Form::Ascii => {
                let word = self.word()?;
                let is_missing = word == "NA";
                let number = if is_missing { Ok(i32::MIN) } else { word.parse() };
                number.map_err(|_| Unread::malformed(self.position(), "no number where one is expected"))?
            }
        })
    }

    /// A length; of long vectors it is in two parts.
    pub(super) fn length(&mut self) -> Result<u64, Unread> {
        let first = self.int()?;
        if first >= -1 {
            if first >= 0 {
                return Ok(u64::from(first.unsigned_abs()));
            }
            let (high, low) = (self.int()?, self.int()?);
            let [high, low] = [high, low].map(|part| u64::from(part.cast_unsigned()));
            return Ok(high << 32 | low);
        }
        Err(Unread::malformed(self.position(), "a negative length"))
    }

    /// Goes on behind so many numbers of a vector, each of so many bytes.
    pub(super) fn skip(&mut self, count: u64, width: u64, words: u64) -> Result<(), Unread> {
        if self.form == Form::Ascii {
            // Each word takes two bytes at least.
            if count.saturating_mul(words) > self.left() {
                return Err(self.cut_off());
            }
            for _ in 0..count.saturating_mul(words) {
                self.word()?;
            }
            return Ok(());
        }
        let bytes = count.saturating_mul(width);
        if bytes > self.left() {
            return Err(self.cut_off());
        }
        self.stream.seek(self.position().saturating_add(bytes));
        Ok(())
    }

    /// A text of so many bytes; of a long one only its beginning is kept.
    pub(super) fn text(&mut self, length: u64) -> Result<String, Unread> {
        const KEPT: u64 = 256;
        if length > self.left() {
            return Err(self.cut_off());
        }
        if self.form == Form::Ascii {
            return self.ascii_text(length);
        }
        let kept = usize::try_from(length.min(KEPT)).unwrap_or(0);
        let text =
            String::from_utf8_lossy(self.stream.peek(kept)?.get(..kept).unwrap_or_default()).into_owned();
        self.stream.seek(self.position().saturating_add(length));
        Ok(text)
    }

    fn ascii_text(&mut self, length: u64) -> Result<String, Unread> {
        let mut text = Vec::new();
        while self.stream.peek(1)?.first().is_some_and(u8::is_ascii_whitespace) {
            self.stream.advance(1);
        }
        for _ in 0..length {
            let [byte] = self.bytes::<1>()?;
            let byte = if byte == b'\\' { self.escaped()? } else { byte };
            if text.len() < 256 {
                text.push(byte);
            }
        }
        Ok(String::from_utf8_lossy(&text).into_owned())
    }

    fn escaped(&mut self) -> Result<u8, Unread> {
        let [byte] = self.bytes::<1>()?;
        Ok(match byte {
            b'n' => b'\n',
            b't' => b'\t',
            b'r' => b'\r',
            b'0'..=b'7' => {
                let mut value = u32::from(byte - b'0');
                for _ in 0..2 {
                    match self.stream.peek(1)?.first().copied() {
                        Some(digit @ b'0'..=b'7') => {
                            value = value * 8 + u32::from(digit - b'0');
                            self.stream.advance(1);
                        }
                        _ => break,
                    }
                }
                u8::try_from(value & 0xff).unwrap_or(0)
            }
            other => other,
        })
    }
}
