//! The tags and texts of a page of HTML, as far as a list of links needs: attributes in every form of quotes, the entities
//! that occur in them, and what is no content (comments, scripts) left out. One pass; nothing nests.

/// A piece of a page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Piece {
    /// A tag.
    Tag(Tag),
    /// The text between two tags.
    Text(String),
}

/// A tag.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tag {
    /// Its name in lower case.
    pub name: String,
    /// `</a>`.
    pub is_end: bool,
    /// Its attributes, names in lower case, values with their entities resolved; the first of a name counts.
    pub attributes: Vec<(String, String)>,
}

/// The pieces of a page, in order.
pub fn pieces(page: &str) -> impl Iterator<Item = Piece> + '_ {
    let mut rest = page;
    std::iter::from_fn(move || {
        loop {
            if rest.is_empty() {
                return None;
            }
            let Some(inner) = rest.strip_prefix('<') else {
                let (text, after) = split(rest, rest.find('<').unwrap_or(rest.len()));
                rest = after;
                return Some(Piece::Text(resolved(text)));
            };
            if let Some(comment) = inner.strip_prefix("!--") {
                rest = comment.find("-->").map_or("", |end| split(comment, end.saturating_add(3)).1);
                continue;
            }
            let begins =
                inner.strip_prefix('/').unwrap_or(inner).starts_with(|c: char| c.is_ascii_alphabetic());
            if !begins {
                // `<!DOCTYPE …>`, `<?…>` and `</…>` of no name are no content; a lone `<` is text
                if inner.starts_with(['!', '?', '/']) {
                    rest = inner.find('>').map_or("", |end| split(inner, end.saturating_add(1)).1);
                    continue;
                }
                rest = inner;
                return Some(Piece::Text("<".to_owned()));
            }
            let (tag, after) = tag(inner)?;
            rest = after;
            if !tag.is_end && matches!(tag.name.as_str(), "script" | "style" | "title" | "textarea") {
                rest = after_raw(rest, &tag.name);
            }
            return Some(Piece::Tag(tag));
        }
    })
}

/// A tag after its `<`, and what follows it; none where the page ends within.
fn tag(text: &str) -> Option<(Tag, &str)> {
    let (is_end, mut rest) = text.strip_prefix('/').map_or((false, text), |rest| (true, rest));
    let name = take(&mut rest, |c| !is_space(c) && !matches!(c, '/' | '>'));
    let mut attributes: Vec<(String, String)> = Vec::new();
    loop {
        take(&mut rest, |c| is_space(c) || c == '/');
        if let Some(after) = rest.strip_prefix('>') {
            return Some((Tag { name: name.to_ascii_lowercase(), is_end, attributes }, after));
        }
        if rest.is_empty() {
            return None;
        }
        let known = take(&mut rest, |c| !is_space(c) && !matches!(c, '/' | '>' | '='));
        if known.is_empty() {
            rest = split(rest, 1).1; // a lone `=`
            continue;
        }
        let before = rest;
        take(&mut rest, is_space);
        let value = match rest.strip_prefix('=') {
            None => {
                rest = before;
                ""
            }
            Some(after) => {
                rest = after;
                take(&mut rest, is_space);
                quoted(&mut rest)?
            }
        };
        let known = known.to_ascii_lowercase();
        if attributes.len() < MOST_ATTRIBUTES && !attributes.iter().any(|(other, _)| *other == known) {
            attributes.push((known, resolved(value)));
        }
    }
}

/// Attributes of a tag that are looked at; a link has four.
const MOST_ATTRIBUTES: usize = 32;

/// A value in quotes or without; none where the page ends within its quotes.
fn quoted<'t>(rest: &mut &'t str) -> Option<&'t str> {
    for quote in ['"', '\''] {
        if let Some(after) = rest.strip_prefix(quote) {
            let (value, after) = split(after, after.find(quote)?);
            *rest = split(after, 1).1;
            return Some(value);
        }
    }
    Some(take(rest, |c| !is_space(c) && c != '>'))
}

/// What follows the end of an element whose content is no markup.
fn after_raw<'t>(text: &'t str, name: &str) -> &'t str {
    let mut rest = text;
    while let Some(at) = rest.find("</") {
        let (_, end) = split(rest, at);
        let (_, after) = split(end, 2);
        if after.get(..name.len()).is_some_and(|found| found.eq_ignore_ascii_case(name)) {
            return end;
        }
        rest = after;
    }
    ""
}

/// A text with its character references resolved; what is none stays as it is.
fn resolved(text: &str) -> String {
    let mut made = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('&') {
        let (before, from) = split(rest, at);
        made.push_str(before);
        let (_, after) = split(from, 1);
        let end = after.char_indices().take(10).find(|(_, c)| *c == ';').map_or(0, |(at, _)| at);
        let (name, past) = split(after, end);
        if let Some(character) = reference(name) {
            made.push(character);
            rest = split(past, 1).1;
        } else {
            made.push('&');
            rest = after;
        }
    }
    made.push_str(rest);
    made
}

fn reference(name: &str) -> Option<char> {
    if let Some(digits) = name.strip_prefix("#x").or_else(|| name.strip_prefix("#X")) {
        return char::from_u32(u32::from_str_radix(digits, 16).ok()?);
    }
    if let Some(digits) = name.strip_prefix('#') {
        return char::from_u32(digits.parse().ok()?);
    }
    Some(match name {
        "amp" => '&',
        "lt" => '<',
        "gt" => '>',
        "quot" => '"',
        "apos" => '\'',
        "nbsp" => ' ',
        _ => return None,
    })
}

fn take<'t>(rest: &mut &'t str, is_in: impl Fn(char) -> bool) -> &'t str {
    let end = rest.find(|c| !is_in(c)).unwrap_or(rest.len());
    let (taken, after) = split(rest, end);
    *rest = after;
    taken
}

fn split(text: &str, at: usize) -> (&str, &str) {
    text.split_at_checked(at).unwrap_or((text, ""))
}

fn is_space(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\n' | '\r' | '\x0c')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn odd_pages_are_read_as_browsers_do() {
        let links = |page: &str| {
            let tags = pieces(page).filter_map(|piece| match piece {
                Piece::Tag(tag) if tag.name == "a" && !tag.is_end => Some(tag.attributes),
                _ => None,
            });
            tags.map(|a| a.into_iter().map(|(n, v)| format!("{n}={v}")).collect::<Vec<_>>().join(" "))
                .collect::<Vec<_>>()
        };
        assert_eq!(links("<a href=x>"), ["href=x"]);
        assert_eq!(links("<A\nHREF = 'a>b' c/>d"), ["href=a>b c="]);
        assert_eq!(links("<a href=\"1\" href=\"2\">"), ["href=1"]);
        assert_eq!(links("<a href=\"a&amp;b&#x26;c&#38;d&e&lt\">"), ["href=a&b&c&d&e&lt"]);
        assert_eq!(links("<script><a href=1></script><a href=2>"), ["href=2"]);
        assert_eq!(links("<!-- <a href=1> --><a href=2><!-- <a href=3>"), ["href=2"]);
        assert_eq!(links("<a href=\"1"), Vec::<String>::new());
        assert_eq!(links("1 < 2 <a = href=3>"), ["href=3"]);
        assert_eq!(links("<abbr href=1><a>"), [""]);
    }

    proptest! {
        #[test]
        fn any_page_ends(page in "([<>/a \"'=&#;!-]|.){0,200}") {
            prop_assert!(pieces(&page).count() <= page.len() + 1);
        }
    }
}
