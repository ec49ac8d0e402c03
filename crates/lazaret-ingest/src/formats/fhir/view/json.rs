//! JSON as its reader sees it: escapes decoded. It is not held to the grammar; what is in no string is looked at
//! word for word.

use super::{Context, Layer, unicode_escape};

/// None for a string without an end, and for an escape that JSON has not.
pub(super) fn layer(source: &str) -> Option<Layer> {
    let mut layer = Layer::default();
    let mut at = 0;
    while let Some(byte) = source.as_bytes().get(at) {
        match byte {
            b'"' => {
                layer.boundary("\"");
                at = string(source, at.saturating_add(1), &mut layer)?;
                layer.boundary("\"");
            }
            b'{' | b'}' | b'[' | b']' | b':' | b',' | b' ' | b'\t' | b'\r' | b'\n' => {
                layer.boundary(source.get(at..=at)?);
                at = at.saturating_add(1);
            }
            _ => {
                let rest = source.get(at..)?;
                let is_end =
                    |c: char| c.is_whitespace() || matches!(c, '"' | '{' | '}' | '[' | ']' | ':' | ',');
                let end = rest
                    .find(is_end)
                    .map_or(source.len(), |to| at.saturating_add(to))
                    .max(at.saturating_add(rest.chars().next().map_or(1, char::len_utf8)));
                layer.literal(source, at..end, Context::Bare);
                at = end;
            }
        }
    }
    Some(layer)
}

/// The inside of a string from its first character; gives the place behind its closing quote.
fn string(source: &str, from: usize, layer: &mut Layer) -> Option<usize> {
    let mut at = from;
    loop {
        let rest = source.get(at..)?;
        let to = at.saturating_add(rest.find(['"', '\\'])?);
        layer.literal(source, at..to, Context::String);
        if source.as_bytes().get(to) == Some(&b'"') {
            return Some(to.saturating_add(1));
        }
        let (c, length) = match source.as_bytes().get(to.saturating_add(1))? {
            b'n' | b'r' => ('\n', 2),
            b't' | b'b' | b'f' => (' ', 2),
            c @ (b'"' | b'\\' | b'/') => (char::from(*c), 2),
            b'u' => unicode_escape(source, to)?,
            _ => return None,
        };
        let end = to.saturating_add(length);
        layer.character(to..end, c, Context::String);
        at = end;
    }
}
