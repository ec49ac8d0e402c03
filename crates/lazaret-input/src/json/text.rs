//! Strings: where they end, escapes and surrogates.

use super::reader::{Reader, Stopped};
use crate::rules::{JSON_LONE_SURROGATE, JSON_NUL};

/// A string that was read, its opening quote included.
#[derive(Clone, Copy)]
pub(super) struct Scanned {
    /// Offset of the opening quote.
    pub(super) start: usize,
    /// One past the closing quote.
    pub(super) end: usize,
    /// Where it stands in the decoded buffer, if it has escapes.
    pub(super) decoded: Option<(u32, u32)>,
}

/// What was reported of this string already: one fault of a kind is enough.
#[derive(Default)]
struct Told {
    nul: bool,
    surrogate: bool,
}

impl Reader<'_> {
    /// Reads a string; the position is at its opening quote.
    pub(super) fn string(&mut self) -> Result<Scanned, Stopped> {
        let start = self.pos;
        let begun = self.decoded.len();
        let mut copied = start.saturating_add(1); // what stands before is in the decoded buffer, once there are escapes
        let mut escaped = false;
        let mut told = Told::default();
        let mut pos = start.saturating_add(1);
        loop {
            pos = next_special(self.bytes, pos);
            match self.bytes.get(pos) {
                Some(b'"') => break,
                Some(b'\\') => {
                    escaped = true;
                    self.copy(copied, pos);
                    pos = self.escape(pos, &mut told)?;
                    copied = pos;
                }
                Some(0) => {
                    self.nul(pos, &mut told)?;
                    pos = pos.saturating_add(1);
                }
                Some(_) => return Err(self.malformed(pos, "control character in a string")),
                None => return Err(self.malformed(pos, "the string has no end")),
            }
        }
        self.pos = pos.saturating_add(1);
        let mut decoded = None;
        if escaped {
            self.copy(copied, pos);
            decoded = Some((small(begun), small(self.decoded.len())));
        }
        Ok(Scanned { start, end: pos.saturating_add(1), decoded })
    }

    fn copy(&mut self, from: usize, to: usize) {
        self.decoded.push_str(self.text.get(from..to).unwrap_or(""));
    }

    /// Decodes the escape at a position; gives the position after it.
    fn escape(&mut self, at: usize, told: &mut Told) -> Result<usize, Stopped> {
        let plain = match self.bytes.get(at.saturating_add(1)) {
            Some(b'"') => '"',
            Some(b'\\') => '\\',
            Some(b'/') => '/',
            Some(b'b') => '\u{8}',
            Some(b'f') => '\u{c}',
            Some(b'n') => '\n',
            Some(b'r') => '\r',
            Some(b't') => '\t',
            Some(b'u') => return self.unicode_escape(at, told),
            _ => return Err(self.malformed(at, "no such escape")),
        };
        self.decoded.push(plain);
        Ok(at.saturating_add(2))
    }

    fn unicode_escape(&mut self, at: usize, told: &mut Told) -> Result<usize, Stopped> {
        let Some(first) = code_unit(self.bytes, at) else {
            return Err(self.malformed(at, "`\\u` without four hexadecimal digits"));
        };
        let (character, end) = match first {
            0 => {
                self.nul(at, told)?;
                ('\0', at.saturating_add(6))
            }
            0xd800..=0xdbff => match code_unit(self.bytes, at.saturating_add(6)) {
                Some(second @ 0xdc00..=0xdfff) => {
                    let code = ((first & 0x3ff) << 10 | second & 0x3ff).saturating_add(0x1_0000);
                    (char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER), at.saturating_add(12))
                }
                _ => (self.lone(at, told)?, at.saturating_add(6)),
            },
            0xdc00..=0xdfff => (self.lone(at, told)?, at.saturating_add(6)),
            code => (char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER), at.saturating_add(6)),
        };
        self.decoded.push(character);
        Ok(end)
    }

    fn nul(&mut self, at: usize, told: &mut Told) -> Result<(), Stopped> {
        if !std::mem::replace(&mut told.nul, true) {
            self.fault_of_next(&JSON_NUL, at, "U+0000 in a string")?;
        }
        Ok(())
    }

    fn lone(&mut self, at: usize, told: &mut Told) -> Result<char, Stopped> {
        if !std::mem::replace(&mut told.surrogate, true) {
            self.fault_of_next(&JSON_LONE_SURROGATE, at, "half of a surrogate pair without the other")?;
        }
        Ok(char::REPLACEMENT_CHARACTER)
    }
}

/// A length or offset in 32 bits; inputs that need more were refused before.
pub(super) fn small(n: usize) -> u32 {
    u32::try_from(n).unwrap_or(u32::MAX)
}

/// The code unit of the `\uXXXX` at a position, if there is one.
fn code_unit(bytes: &[u8], at: usize) -> Option<u32> {
    match bytes.get(at..at.saturating_add(6))? {
        [b'\\', b'u', digits @ ..] => {
            digits.iter().try_fold(0_u32, |unit, digit| Some((unit << 4) | char::from(*digit).to_digit(16)?))
        }
        _ => None,
    }
}

/// The position of the next quote, backslash or control character, or the end: eight bytes at a time.
fn next_special(bytes: &[u8], mut pos: usize) -> usize {
    const ONES: u64 = 0x0101_0101_0101_0101;
    const HIGH: u64 = 0x8080_8080_8080_8080;
    while let Some(chunk) = bytes.get(pos..).and_then(|rest| rest.first_chunk::<8>()) {
        let word = u64::from_le_bytes(*chunk);
        let quote = word ^ (ONES * u64::from(b'"'));
        let slash = word ^ (ONES * u64::from(b'\\'));
        let hit = (quote.wrapping_sub(ONES) & !quote)
            | (slash.wrapping_sub(ONES) & !slash)
            | (word.wrapping_sub(ONES * 0x20) & !word);
        // A borrow can mark a byte above the first hit, never one below it.
        let hit = hit & HIGH;
        if hit != 0 {
            return pos.saturating_add((hit.trailing_zeros() / 8) as usize);
        }
        pos = pos.saturating_add(8);
    }
    let rest = bytes.get(pos..).unwrap_or(&[]);
    pos.saturating_add(
        rest.iter().position(|byte| matches!(byte, b'"' | b'\\' | 0..=0x1f)).unwrap_or(rest.len()),
    )
}

#[cfg(test)]
mod tests {
    use super::next_special;

    #[test]
    fn the_fast_scan_agrees_with_the_plain_one_at_every_byte_and_place() {
        for byte in 0..=255_u8 {
            for place in 0..20 {
                let mut bytes = [b'a'; 20];
                bytes[place] = byte;
                let special = matches!(byte, b'"' | b'\\' | 0..=0x1f);
                assert_eq!(next_special(&bytes, 0), if special { place } else { 20 }, "{byte} at {place}");
            }
        }
    }
}
