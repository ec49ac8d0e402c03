//! The reader of a narrative: XML without anything that expands, going on after each fault.

use lazaret_core::{Limit, Rule};
use lazaret_input::XML_DOCTYPE;

use super::names::{ATTRIBUTES, BAD_SCHEMES, ELEMENTS, FORBIDDEN_ATTRIBUTES, FORBIDDEN_ELEMENTS};
use super::values::{decoded, is_allowed, is_remote, is_strict, plain, style_loads};
use super::{Fault, XHTML};
use crate::formats::fhir::rules::{
    INVARIANT, NARRATIVE_ATTRIBUTE, NARRATIVE_ELEMENT, NARRATIVE_LINK_SCHEME, NARRATIVE_MALFORMED,
    NARRATIVE_REMOTE_IMAGE,
};

/// More attributes than any element of HTML has: above it a tag is no longer searched for equal ones.
const MAX_ATTRIBUTES: usize = 128;

#[expect(clippy::struct_excessive_bools, reason = "facts that are independent of each other")]
pub(super) struct Reader<'t> {
    text: &'t str,
    at: usize,
    open: Vec<&'t str>,
    max_depth: Limit,
    seen_root: bool,
    stray: bool,
    /// No comment that begins from here on ends: it is not sought again.
    open_comment: bool,
    visible: bool,
    faults: Vec<Fault>,
}

impl<'t> Reader<'t> {
    pub(super) fn new(div: &'t str, max_depth: Limit) -> Self {
        Self {
            text: div,
            at: 0,
            open: Vec::new(),
            max_depth,
            seen_root: false,
            stray: false,
            open_comment: false,
            visible: false,
            faults: Vec::new(),
        }
    }

    pub(super) fn into_faults(self) -> Vec<Fault> {
        self.faults
    }

    pub(super) fn read(&mut self) {
        if !self.text.chars().all(is_allowed) {
            self.malformed("a character that XML does not allow");
        }
        while let Some(length) = self.rest().find('<') {
            self.characters(length);
            if !self.markup() {
                return;
            }
        }
        self.characters(self.rest().len());
        if !self.seen_root {
            self.malformed("not an XHTML `div`");
        } else if self.stray {
            self.malformed("text outside the `div`");
        } else if !self.open.is_empty() {
            self.malformed("an element is not closed");
        } else if !self.visible {
            self.fault(&INVARIANT, "txt-2: the narrative shows neither text nor an image");
        }
    }

    fn rest(&self) -> &'t str {
        self.text.get(self.at..).unwrap_or("")
    }

    fn skip(&mut self, bytes: usize) {
        self.at = self.at.saturating_add(bytes);
    }

    fn fault(&mut self, rule: &'static Rule, message: impl Into<String>) {
        let message = message.into();
        if !self.faults.iter().any(|fault| fault.rule.id == rule.id && fault.message == message) {
            self.faults.push(Fault { rule, message });
        }
    }

    fn malformed(&mut self, why: &str) {
        self.fault(&NARRATIVE_MALFORMED, format!("not well-formed XHTML: {why}"));
    }

    /// Text up to the next tag.
    fn characters(&mut self, length: usize) {
        let text = self.rest().get(..length).unwrap_or("");
        self.skip(length);
        if text.trim().is_empty() {
            return;
        }
        if self.open.is_empty() {
            self.stray = true;
            return;
        }
        self.visible = true;
        self.references(text);
        if text.contains("]]>") {
            self.malformed("`]]>` in text");
        }
    }

    /// Every `&` must begin a character reference or one of the five entities of XML.
    fn references(&mut self, text: &str) {
        for after in text.split('&').skip(1) {
            let name = after.split_once(';').map_or("", |(name, _)| name);
            match decoded(name) {
                Some((c, true)) if !is_allowed(c) || !is_strict(name) => {
                    self.malformed(
                        "a reference to a character that XML does not allow, or not written as XML does",
                    );
                }
                Some((_, true)) => {}
                Some((_, false)) => self.malformed("an entity of HTML, which XML does not have"),
                None => self.malformed("`&` that begins no character reference"),
            }
        }
    }

    /// One piece of markup; false at the end of what can be read.
    fn markup(&mut self) -> bool {
        let rest = self.rest();
        if rest.starts_with("<!--") {
            return self.comment();
        }
        if let Some(data) = rest.strip_prefix("<![CDATA[") {
            let Some(end) = data.find("]]>") else {
                self.malformed("CDATA that does not end");
                return false;
            };
            self.stray |= self.open.is_empty();
            self.visible = true;
            self.skip(end.saturating_add(12));
            return true;
        }
        if rest.starts_with("<!") {
            self.fault(&XML_DOCTYPE, "a declaration in the narrative; nothing is expanded or opened");
            return self.skip_to('>');
        }
        if rest.starts_with("<?") {
            self.malformed("a processing instruction");
            return self.skip_to('>');
        }
        if rest.starts_with("</") { self.close() } else { self.start() }
    }

    fn skip_to(&mut self, end: char) -> bool {
        if let Some(length) = self.rest().find(end) {
            self.skip(length.saturating_add(1));
            true
        } else {
            self.malformed("markup that does not end");
            self.at = self.text.len();
            true
        }
    }

    fn comment(&mut self) -> bool {
        let inside = self.rest().get(4..).unwrap_or("");
        let end = if self.open_comment { None } else { inside.find("-->") };
        let Some(end) = end else {
            self.open_comment = true;
            self.malformed("a comment does not end");
            // What a lenient reader would show after it is still looked at.
            self.skip(4);
            return true;
        };
        let comment = inside.get(..end).unwrap_or("");
        if comment.ends_with('-') {
            self.malformed("comment ends with `--->`");
        } else if comment.contains("--") {
            self.malformed("`--` within a comment");
        }
        self.skip(end.saturating_add(7));
        true
    }

    fn close(&mut self) -> bool {
        let inside = self.rest().get(2..).unwrap_or("");
        let Some(end) = inside.find('>') else {
            self.malformed("a tag does not end");
            return false;
        };
        let name = inside.get(..end).unwrap_or("").trim_end();
        self.skip(end.saturating_add(3));
        match self.open.iter().rposition(|open| *open == name) {
            Some(at) => {
                if at.saturating_add(1) != self.open.len() {
                    self.malformed("elements overlap or are not closed");
                }
                self.open.truncate(at);
            }
            None => self.malformed("a closing tag without its opening tag"),
        }
        true
    }

    fn start(&mut self) -> bool {
        let inside = self.rest().get(1..).unwrap_or("");
        let length =
            inside.find(|c: char| c.is_whitespace() || matches!(c, '>' | '/' | '<')).unwrap_or(inside.len());
        let name = inside.get(..length).unwrap_or("");
        if name.is_empty() || !name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_') {
            self.malformed("`<` that begins no tag");
            self.skip(1);
            return true;
        }
        self.skip(length.saturating_add(1));
        self.element(name);
        let is_root = self.open.is_empty();
        let mut attributes: Vec<(&'t str, &'t str)> = Vec::new();
        let closed = self.attributes(&mut attributes);
        for (index, (key, value)) in attributes.iter().enumerate() {
            if attributes.iter().take(index.min(MAX_ATTRIBUTES)).any(|(other, _)| other == key) {
                self.malformed("an attribute twice in one tag");
            }
            self.attribute(name, key, value);
        }
        if attributes.len() > MAX_ATTRIBUTES {
            self.malformed("more attributes in one tag than any element has");
        }
        if is_root {
            let xmlns = attributes.iter().find(|(key, _)| *key == "xmlns").map(|(_, value)| *value);
            if self.seen_root || name != "div" {
                self.malformed("not one XHTML `div`");
            } else if xmlns != Some(XHTML) {
                self.malformed("the `div` is not in the XHTML namespace");
            }
            self.seen_root = true;
        }
        match closed {
            None => false,
            Some(true) => true,
            Some(false) => {
                let depth = u64::try_from(self.open.len()).unwrap_or(u64::MAX).saturating_add(1);
                if let Err(limit) = self.max_depth.check(depth) {
                    self.malformed(&limit.to_string());
                    return false;
                }
                self.open.push(name);
                true
            }
        }
    }

    fn element(&mut self, name: &str) {
        if ELEMENTS.binary_search(&name).is_ok() {
            self.visible |= name == "img";
            return;
        }
        let lower = name.to_ascii_lowercase();
        let local = lower.rsplit(':').next().unwrap_or("");
        let known = FORBIDDEN_ELEMENTS.iter().chain(ELEMENTS).find(|known| **known == local);
        match known {
            Some(known) => self.fault(
                &NARRATIVE_ELEMENT,
                format!("element `{known}` is not allowed so written (FHIR txt-1)"),
            ),
            None => self.fault(&NARRATIVE_ELEMENT, "an element that HTML does not have (FHIR txt-1)"),
        }
    }

    /// Reads attributes up to the end of the tag. Whether the tag closes itself; none if it does not end.
    fn attributes(&mut self, out: &mut Vec<(&'t str, &'t str)>) -> Option<bool> {
        loop {
            let rest = self.rest();
            let trimmed = rest.trim_start();
            self.skip(rest.len().saturating_sub(trimmed.len()));
            if trimmed.starts_with('>') {
                self.skip(1);
                return Some(false);
            }
            if trimmed.starts_with("/>") {
                self.skip(2);
                return Some(true);
            }
            if trimmed.is_empty() {
                self.malformed("a tag does not end");
                return None;
            }
            if trimmed.starts_with(['/', '<', '"', '\'', '=']) {
                self.malformed("a character in a tag that may not be there");
                self.skip(1);
                continue;
            }
            if rest.len() == trimmed.len() {
                self.malformed("attributes without space between them");
            }
            let length = trimmed
                .find(|c: char| c.is_whitespace() || matches!(c, '=' | '>' | '/' | '<' | '"' | '\''))
                .unwrap_or(trimmed.len());
            let key = trimmed.get(..length).unwrap_or("");
            self.skip(length);
            let value = self.attribute_value();
            out.push((key, value));
        }
    }

    fn attribute_value(&mut self) -> &'t str {
        let rest = self.rest();
        let Some(after) = rest.trim_start().strip_prefix('=') else {
            self.malformed("an attribute without a value");
            return "";
        };
        let after = after.trim_start();
        self.skip(rest.len().saturating_sub(after.len()));
        let quote = after.chars().next().filter(|c| matches!(c, '"' | '\''));
        let Some(quote) = quote else {
            self.malformed("an attribute value without quotes");
            let length = after.find(|c: char| c.is_whitespace() || c == '>').unwrap_or(after.len());
            self.skip(length);
            return after.get(..length).unwrap_or("");
        };
        let inside = after.get(1..).unwrap_or("");
        let Some(length) = inside.find(quote) else {
            self.malformed("an attribute value that does not end");
            self.skip(after.len());
            return inside;
        };
        self.skip(length.saturating_add(2));
        let value = inside.get(..length).unwrap_or("");
        if value.contains('<') {
            self.malformed("`<` in an attribute value");
        }
        self.references(value);
        value
    }

    fn attribute(&mut self, element: &str, key: &str, value: &str) {
        if key == "xmlns" {
            if value != XHTML {
                self.malformed("an element outside the XHTML namespace");
            }
            return;
        }
        if let Some(prefix) = key.strip_prefix("xmlns:") {
            // It names a namespace and loads nothing; what is of that namespace is judged where it stands.
            if prefix.is_empty() || prefix == "xmlns" || value.is_empty() {
                self.malformed("a namespace without its prefix or name");
            }
            return;
        }
        if ATTRIBUTES.binary_search(&key).is_err() {
            let lower = key.to_ascii_lowercase();
            match FORBIDDEN_ATTRIBUTES.iter().chain(ATTRIBUTES).find(|known| **known == lower) {
                Some(known) => self.fault(
                    &NARRATIVE_ATTRIBUTE,
                    format!("attribute `{known}` is not allowed so written (FHIR txt-1)"),
                ),
                None => self.fault(&NARRATIVE_ATTRIBUTE, "an attribute outside FHIR txt-1"),
            }
        }
        match key.to_ascii_lowercase().as_str() {
            "style" if style_loads(&plain(value)) => {
                self.fault(&NARRATIVE_ATTRIBUTE, "attribute `style` loads or runs something");
            }
            "src" | "href" | "cite" | "longdesc" | "usemap" | "background" | "xlink:href" | "action"
            | "formaction" | "data" | "poster" => {
                let target = plain(value);
                self.link(&target);
                let is_image = element.eq_ignore_ascii_case("img") && key.eq_ignore_ascii_case("src");
                if is_image && is_remote(&target) {
                    let message = "image from another host: opening the record would tell that host";
                    self.fault(&NARRATIVE_REMOTE_IMAGE, message);
                }
            }
            _ => {}
        }
    }

    fn link(&mut self, target: &str) {
        let scheme = target.split_once(':').map_or("", |(scheme, _)| scheme);
        if let Some(known) = BAD_SCHEMES.iter().find(|bad| **bad == scheme) {
            let message = format!(
                "link scheme `{known}` (after decoding and removing control characters) is not allowed"
            );
            self.fault(&NARRATIVE_LINK_SCHEME, message);
        }
    }
}
