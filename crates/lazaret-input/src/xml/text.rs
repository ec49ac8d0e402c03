//! Characters, names and references of XML 1.0 (fifth edition, 2.2, 2.3, 4.1).

use std::borrow::Cow;

/// Where a reference is wrong, in bytes from the start of the text given.
pub(super) type BadReferences = Vec<usize>;

/// What white space becomes.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Space {
    /// In text: CR LF and CR become LF.
    Text,
    /// In a value: each becomes a space.
    Value,
}

/// Decodes references and line ends. A wrong reference stays as it is written.
pub(super) fn decode(text: &str, space: Space) -> (Cow<'_, str>, BadReferences) {
    let special = |byte: u8| match space {
        Space::Text => matches!(byte, b'&' | b'\r'),
        Space::Value => matches!(byte, b'&' | b'\r' | b'\n' | b'\t'),
    };
    let mut bad = Vec::new();
    let mut decoded = String::new();
    let mut copied = 0;
    let mut at = 0;
    while let Some(found) = text.as_bytes().get(at..).and_then(|rest| rest.iter().position(|b| special(*b))) {
        at = at.saturating_add(found);
        decoded.push_str(text.get(copied..at).unwrap_or(""));
        let rest = text.get(at..).unwrap_or("");
        if rest.starts_with('&') {
            if let Some((character, len)) = reference(rest) {
                decoded.push(character);
                at = at.saturating_add(len);
            } else {
                bad.push(at);
                decoded.push('&');
                at = at.saturating_add(1);
            }
        } else {
            decoded.push(if space == Space::Text { '\n' } else { ' ' });
            at = at.saturating_add(if rest.starts_with("\r\n") { 2 } else { 1 });
        }
        copied = at;
    }
    if copied == 0 {
        return (Cow::Borrowed(text), bad);
    }
    decoded.push_str(text.get(copied..).unwrap_or(""));
    (Cow::Owned(decoded), bad)
}

/// The character of the reference at the start of a text, and its length.
fn reference(text: &str) -> Option<(char, usize)> {
    let inside = text.get(1..)?;
    // The longest are a few dozen bytes with leading zeros; one that is longer is no reference.
    let end = inside.bytes().take(32).position(|byte| byte == b';')?;
    let name = inside.get(..end)?;
    let character = match name {
        "lt" => '<',
        "gt" => '>',
        "amp" => '&',
        "quot" => '"',
        "apos" => '\'',
        _ => {
            let number = name.strip_prefix('#')?;
            let (digits, radix) = number.strip_prefix('x').map_or((number, 10), |hex| (hex, 16));
            let all_digits = digits.chars().all(|digit| digit.is_digit(radix));
            let code = u32::from_str_radix(digits, radix).ok().filter(|_| all_digits)?;
            char::from_u32(code).filter(|character| is_character(*character))?
        }
    };
    Some((character, end.saturating_add(2)))
}

/// The first character that XML does not have.
pub(super) fn first_bad_character(text: &str) -> Option<usize> {
    let suspicious = |byte: u8| (byte < 0x20 && !matches!(byte, b'\t' | b'\n' | b'\r')) || byte == 0xef;
    let first = text.bytes().position(suspicious)?;
    let rest = text.get(first..)?; // below 0x20 and 0xef both begin a character
    rest.char_indices()
        .find(|(_, character)| !is_character(*character))
        .map(|(at, _)| first.saturating_add(at))
}

fn is_character(character: char) -> bool {
    matches!(character, '\t' | '\n' | '\r' | ' '..='\u{fffd}' | '\u{10000}'..)
}

/// The name at the start of a text; empty if there is none.
pub(super) fn name(text: &str) -> &str {
    let plain = text.bytes().take_while(u8::is_ascii_alphabetic).count();
    let rest = text.get(plain..).unwrap_or("");
    let next = rest.as_bytes().first();
    if plain > 0 && matches!(next, Some(b'>' | b' ' | b'=' | b'/')) {
        return text.get(..plain).unwrap_or(""); // nearly all names
    }
    let allowed =
        |at: usize, character| if at == 0 { begins_name(character) } else { continues_name(character) };
    let end = rest.char_indices().find(|(at, character)| !allowed(plain.saturating_add(*at), *character));
    text.get(..end.map_or(text.len(), |(at, _)| plain.saturating_add(at))).unwrap_or("")
}

fn begins_name(character: char) -> bool {
    matches!(
        character,
        ':' | '_' | 'A'..='Z' | 'a'..='z' | '\u{c0}'..='\u{d6}' | '\u{d8}'..='\u{f6}' | '\u{f8}'..='\u{2ff}'
            | '\u{370}'..='\u{37d}' | '\u{37f}'..='\u{1fff}' | '\u{200c}'..='\u{200d}'
            | '\u{2070}'..='\u{218f}' | '\u{2c00}'..='\u{2fef}' | '\u{3001}'..='\u{d7ff}'
            | '\u{f900}'..='\u{fdcf}' | '\u{fdf0}'..='\u{fffd}' | '\u{10000}'..='\u{effff}'
    )
}

fn continues_name(character: char) -> bool {
    begins_name(character)
        || matches!(
            character,
            '-' | '.' | '0'..='9' | '\u{b7}' | '\u{300}'..='\u{36f}' | '\u{203f}'..='\u{2040}'
        )
}

/// How many bytes of white space a text begins with.
pub(super) fn space(text: &str) -> usize {
    text.bytes().take_while(|byte| matches!(byte, b' ' | b'\t' | b'\n' | b'\r')).count()
}
