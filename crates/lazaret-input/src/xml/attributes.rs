//! The inside of a start tag.

use super::Attribute;
use super::reader::{Reader, Stopped};
use super::text::{Space, decode, name, space};

impl<'t> Reader<'t, '_> {
    /// Reads attributes and the end of the tag; true if the element is empty.
    pub(super) fn read_attributes(&mut self, attributes: &mut Vec<Attribute<'t>>) -> Result<bool, Stopped> {
        loop {
            let before = self.pos;
            self.skip(space(self.rest()));
            let rest = self.rest();
            if rest.starts_with('>') {
                self.skip(1);
                return Ok(false);
            }
            if rest.starts_with("/>") {
                self.skip(2);
                return Ok(true);
            }
            if rest.is_empty() {
                return Err(self.end_of_text(self.pos, "the tag has no end"));
            }
            let name = name(rest);
            if name.is_empty() {
                self.malformed(self.pos, "expected an attribute, `>` or `/>`")?;
                self.skip(unquoted(rest).max(rest.chars().next().map_or(0, char::len_utf8)));
                continue;
            }
            if self.pos == before {
                self.malformed(self.pos, "attributes are not separated by white space")?;
            }
            self.attribute(name, attributes)?;
        }
    }

    fn attribute(&mut self, name: &'t str, attributes: &mut Vec<Attribute<'t>>) -> Result<(), Stopped> {
        let begin = self.pos;
        self.check_attribute_count(begin, (attributes.len() as u64).saturating_add(1))?;
        if attributes.iter().any(|other| other.name == name) {
            self.malformed(begin, "an attribute stands twice in one tag")?;
        }
        self.skip(name.len());
        let spaces = space(self.rest());
        let Some(after) = self.rest().get(spaces..).and_then(|rest| rest.strip_prefix('=')) else {
            self.malformed(begin, "an attribute without a value")?;
            attributes.push(Attribute { name, value: "".into() });
            return Ok(());
        };
        self.skip(spaces.saturating_add(1).saturating_add(space(after)));
        let value = self.value()?;
        let start = self.pos.saturating_sub(value.len()).saturating_sub(usize::from(self.quoted_before()));
        let (value, bad) = decode(value, Space::Value);
        for at in bad {
            self.malformed(start.saturating_add(at), "`&` that begins no reference XML has")?;
        }
        attributes.push(Attribute { name, value });
        Ok(())
    }

    /// The value as written, without its quotes; the position is after it.
    fn value(&mut self) -> Result<&'t str, Stopped> {
        let rest = self.rest();
        let Some(quote) = rest.chars().next().filter(|first| matches!(first, '"' | '\'')) else {
            self.malformed(self.pos, "a value without quotes")?;
            let value = rest.get(..unquoted(rest)).unwrap_or("");
            self.skip(value.len());
            return Ok(value);
        };
        let inside = rest.get(1..).unwrap_or("");
        let Some(end) = inside.find(quote) else {
            return Err(self.end_of_text(self.pos, "the value has no end"));
        };
        let value = inside.get(..end).unwrap_or("");
        if let Some(at) = value.find('<') {
            self.malformed(self.pos.saturating_add(1).saturating_add(at), "`<` in a value")?;
        }
        self.skip(end.saturating_add(2));
        Ok(value)
    }

    /// Whether a quote stands before the position.
    fn quoted_before(&self) -> bool {
        let before = self.pos.checked_sub(1).and_then(|at| self.text.as_bytes().get(at));
        matches!(before, Some(b'"' | b'\''))
    }
}

/// How long what stands here is if it is taken as a value without quotes.
fn unquoted(text: &str) -> usize {
    text.bytes().take_while(|byte| !matches!(byte, b' ' | b'\t' | b'\n' | b'\r' | b'>' | b'/')).count()
}
