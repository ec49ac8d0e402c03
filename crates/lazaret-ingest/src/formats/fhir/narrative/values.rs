//! Attribute values as a browser would take them: behind their escapes, what would be opened, fetched or run.

use super::is_invisible;

/// A value as a browser would take it: character references decoded, control and invisible characters removed,
/// in lower case.
pub(super) fn plain(value: &str) -> String {
    let mut out = String::with_capacity(value.len());
    let mut rest = value;
    while let Some((before, after)) = rest.split_once('&') {
        out.push_str(before);
        let end = after.find(|c: char| !c.is_ascii_alphanumeric() && c != '#').unwrap_or(after.len());
        let name = after.get(..end).unwrap_or("");
        if let Some((c, _)) = decoded(name) {
            out.push(c);
            let after = after.get(end..).unwrap_or("");
            rest = after.strip_prefix(';').unwrap_or(after);
        } else {
            out.push('&');
            rest = after;
        }
    }
    out.push_str(rest);
    out.retain(|c| !(c.is_control() || c == ' ' || is_invisible(c)));
    out.make_ascii_lowercase();
    out
}

/// What a character reference of XML stands for.
pub(crate) fn reference(name: &str) -> Option<char> {
    decoded(name).filter(|(_, is_xml)| *is_xml).map(|(c, _)| c)
}

/// What a character reference stands for, and whether XML has it.
pub(super) fn decoded(name: &str) -> Option<(char, bool)> {
    if let Some(number) = name.strip_prefix('#') {
        let code = match number.strip_prefix(['x', 'X']) {
            Some(hex) => u32::from_str_radix(hex, 16).ok()?,
            None => number.parse().ok()?,
        };
        return char::from_u32(code).map(|c| (c, true));
    }
    Some(match name {
        "lt" => ('<', true),
        "gt" => ('>', true),
        "amp" => ('&', true),
        "quot" => ('"', true),
        "apos" => ('\'', true),
        "colon" => (':', false),
        "Tab" => ('\t', false),
        "NewLine" => ('\n', false),
        "nbsp" => ('\u{A0}', false),
        "sol" => ('/', false),
        "lpar" => ('(', false),
        "rpar" => (')', false),
        "copy" => ('\u{A9}', false),
        "shy" => ('\u{AD}', false),
        "ZeroWidthSpace" => ('\u{200B}', false),
        _ => return None,
    })
}

/// Whether a style fetches or runs something, after CSS escapes and comments are taken out.
pub(super) fn style_loads(style: &str) -> bool {
    let mut plain = String::with_capacity(style.len());
    let mut rest = style;
    while let Some((before, after)) = rest.split_once("/*") {
        plain.push_str(before);
        rest = after.split_once("*/").map_or("", |(_, after)| after);
    }
    plain.push_str(rest);
    let mut out = String::with_capacity(plain.len());
    let mut letters = plain.chars().peekable();
    while let Some(letter) = letters.next() {
        if letter != '\\' {
            out.push(letter);
            continue;
        }
        let mut code = 0_u32;
        let mut digits = 0_usize;
        while let Some(digit) = letters.peek().and_then(|c| c.to_digit(16)).filter(|_| digits < 6) {
            code = code.wrapping_mul(16).wrapping_add(digit);
            digits = digits.saturating_add(1);
            letters.next();
        }
        if digits > 0 {
            out.extend(char::from_u32(code).map(|c| c.to_ascii_lowercase()));
        }
    }
    out.retain(|c| !(c.is_whitespace() || c.is_control()));
    [
        "url(",
        "expression(",
        "@import",
        "image(",
        "image-set(",
        "behavior:",
        "-moz-binding",
        "javascript:",
        "src(",
    ]
    .iter()
    .any(|loads| out.contains(loads))
}

pub(super) fn is_remote(target: &str) -> bool {
    let target = target.replace('\\', "/");
    target.starts_with("//")
        || target.split_once(':').is_some_and(|(scheme, _)| {
            !scheme.is_empty()
                && scheme.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.'))
        })
}
