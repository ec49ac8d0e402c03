//! Narratives: the XHTML of `text.div`, held to txt-1 and txt-2 of R4.
//!
//! The reader goes on after a fault, so that a harmless one first cannot hide a harmful one behind it. It
//! expands nothing and opens nothing. Names are printed only where HTML itself has them: any other could be
//! data.

use lazaret_core::{Limit, Rule};
use lazaret_input::XML_DOCTYPE;

use super::rules::{
    INVARIANT, NARRATIVE_ATTRIBUTE, NARRATIVE_ELEMENT, NARRATIVE_LINK_SCHEME, NARRATIVE_MALFORMED,
    NARRATIVE_REMOTE_IMAGE,
};

/// How deep elements of a narrative may nest.
pub const MAX_NARRATIVE_DEPTH: Limit = Limit::new("fhir.max_narrative_depth", 256);

/// One fault of a narrative.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Fault {
    pub(crate) rule: &'static Rule,
    pub(crate) message: String,
}

/// Every kind of fault in a narrative, each once.
pub(crate) fn faults(div: &str, max_depth: Limit) -> Vec<Fault> {
    let mut reader = Reader {
        text: div,
        at: 0,
        open: Vec::new(),
        max_depth,
        seen_root: false,
        stray: false,
        open_comment: false,
        visible: false,
        faults: Vec::new(),
    };
    reader.read();
    reader.faults
}

/// The elements of chapters 7 to 11 (without 9.4) and 15 of HTML 4.0, links and images (txt-1).
const ELEMENTS: &[&str] = &[
    "a",
    "abbr",
    "acronym",
    "address",
    "area",
    "b",
    "bdo",
    "big",
    "blockquote",
    "br",
    "caption",
    "center",
    "cite",
    "code",
    "col",
    "colgroup",
    "dd",
    "dfn",
    "div",
    "dl",
    "dt",
    "em",
    "font",
    "h1",
    "h2",
    "h3",
    "h4",
    "h5",
    "h6",
    "hr",
    "i",
    "img",
    "kbd",
    "li",
    "map",
    "ol",
    "p",
    "pre",
    "q",
    "s",
    "samp",
    "small",
    "span",
    "strike",
    "strong",
    "sub",
    "sup",
    "table",
    "tbody",
    "td",
    "tfoot",
    "th",
    "thead",
    "tr",
    "tt",
    "u",
    "ul",
    "var",
];

/// The attributes of those elements. None of them runs anything; the values of `style`, `href`, `src`, `cite`
/// and `longdesc` are looked at.
const ATTRIBUTES: &[&str] = &[
    "abbr",
    "accesskey",
    "align",
    "alt",
    "axis",
    "bgcolor",
    "border",
    "cellpadding",
    "cellspacing",
    "char",
    "charoff",
    "charset",
    "cite",
    "class",
    "clear",
    "color",
    "cols",
    "colspan",
    "compact",
    "coords",
    "dir",
    "face",
    "frame",
    "headers",
    "height",
    "href",
    "hreflang",
    "hspace",
    "id",
    "ismap",
    "lang",
    "longdesc",
    "name",
    "nohref",
    "noshade",
    "nowrap",
    "rel",
    "rev",
    "rowspan",
    "rules",
    "scope",
    "shape",
    "size",
    "span",
    "src",
    "start",
    "style",
    "summary",
    "tabindex",
    "title",
    "type",
    "usemap",
    "valign",
    "value",
    "vspace",
    "width",
    "xml:lang",
    "xml:space",
];

/// Elements of HTML outside txt-1, which may be named in a message.
const FORBIDDEN_ELEMENTS: &[&str] = &[
    "applet", "audio", "base", "basefont", "blink", "body", "button", "canvas", "del", "dialog", "embed",
    "fieldset", "form", "frame", "frameset", "head", "html", "iframe", "input", "ins", "isindex", "label",
    "legend", "link", "marquee", "math", "meta", "noscript", "object", "optgroup", "option", "param",
    "picture", "portal", "script", "select", "slot", "source", "style", "svg", "template", "textarea",
    "title", "track", "video", "xml",
];

/// Attributes of HTML outside txt-1, which may be named in a message.
const FORBIDDEN_ATTRIBUTES: &[&str] = &[
    "action",
    "autofocus",
    "autoplay",
    "background",
    "contenteditable",
    "data",
    "download",
    "dynsrc",
    "formaction",
    "http-equiv",
    "lowsrc",
    "onabort",
    "onanimationend",
    "onanimationstart",
    "onbeforeunload",
    "onblur",
    "onchange",
    "onclick",
    "oncontextmenu",
    "oncopy",
    "oncut",
    "ondblclick",
    "ondrag",
    "ondrop",
    "onerror",
    "onfocus",
    "onfocusin",
    "onhashchange",
    "oninput",
    "onkeydown",
    "onkeypress",
    "onkeyup",
    "onload",
    "onmessage",
    "onmousedown",
    "onmouseenter",
    "onmouseleave",
    "onmousemove",
    "onmouseout",
    "onmouseover",
    "onmouseup",
    "onpageshow",
    "onpaste",
    "onpointerdown",
    "onpointerover",
    "onreset",
    "onresize",
    "onscroll",
    "onselect",
    "onsubmit",
    "ontoggle",
    "ontouchstart",
    "ontransitionend",
    "onunload",
    "onwheel",
    "ping",
    "poster",
    "profile",
    "sandbox",
    "srcdoc",
    "srcset",
    "target",
    "xlink:href",
    "xml:base",
];

/// Schemes that run code or carry it.
const BAD_SCHEMES: &[&str] =
    &["blob", "data", "filesystem", "jar", "javascript", "livescript", "mocha", "vbs", "vbscript"];

const XHTML: &str = "http://www.w3.org/1999/xhtml";

/// More attributes than any element of HTML has: above it a tag is no longer searched for equal ones.
const MAX_ATTRIBUTES: usize = 128;

#[expect(clippy::struct_excessive_bools, reason = "facts that are independent of each other")]
struct Reader<'t> {
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
    fn read(&mut self) {
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

/// A value as a browser would take it: character references decoded, control and invisible characters removed,
/// in lower case.
fn plain(value: &str) -> String {
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

/// What a character reference stands for, and whether XML has it.
fn decoded(name: &str) -> Option<(char, bool)> {
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
fn style_loads(style: &str) -> bool {
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

fn is_remote(target: &str) -> bool {
    let target = target.replace('\\', "/");
    target.starts_with("//")
        || target.split_once(':').is_some_and(|(scheme, _)| {
            !scheme.is_empty()
                && scheme.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.'))
        })
}

/// Characters that show nothing: they can hide a difference from a reader.
pub(crate) const fn is_invisible(c: char) -> bool {
    matches!(c,
        '\u{AD}' | '\u{34F}' | '\u{61C}' | '\u{115F}' | '\u{1160}' | '\u{17B4}' | '\u{17B5}' | '\u{180B}'..='\u{180F}'
        | '\u{200B}'..='\u{200F}' | '\u{2028}'..='\u{202E}' | '\u{2060}'..='\u{206F}' | '\u{3164}'
        | '\u{FE00}'..='\u{FE0F}' | '\u{FEFF}' | '\u{FFA0}' | '\u{FFF9}'..='\u{FFFB}' | '\u{E0000}'..='\u{E0FFF}')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn faults(div: &str) -> Vec<Fault> {
        super::faults(div, MAX_NARRATIVE_DEPTH)
    }

    fn ids(inside: &str) -> Vec<&'static str> {
        let mut ids: Vec<_> =
            faults(&format!("<div xmlns=\"{XHTML}\">{inside}</div>")).iter().map(|f| f.rule.id).collect();
        ids.dedup();
        ids
    }

    #[test]
    fn the_lists_are_sorted() {
        for list in [ELEMENTS, ATTRIBUTES, FORBIDDEN_ELEMENTS, FORBIDDEN_ATTRIBUTES, BAD_SCHEMES] {
            assert!(list.windows(2).all(|pair| pair[0] < pair[1]), "{list:?}");
        }
    }

    #[test]
    fn good_narratives_have_no_fault() {
        for inside in [
            "x",
            "<p>a &lt; b &#x41; &#65;</p>",
            "<a href=\"#bp\" name='n'>BP</a><img src=\"#fig1\" alt=\"t\"/>",
            "<table border=\"1\"><tr><td colspan=\"2\" style=\"color: red; width:10%\">x</td></tr></table>",
            "<!-- a comment --><br/>x",
            "<a href=\"https://example.org/a:b\">x</a>",
            "<![CDATA[ <b> ]]>",
            "<p\n>x</p\n>",
            "<a href=\"Patient/1\" title=\"javascript: is a word\">x</a>",
            "<img src=\"img/a.png\"/>",
        ] {
            assert_eq!(ids(inside), [] as [&str; 0], "{inside}");
        }
    }

    #[test]
    fn bad_narratives_have_each_their_fault() {
        for (inside, id) in [
            ("<script>x</script>", "fhir.narrative-element"),
            ("<SCRIPT>x</SCRIPT>", "fhir.narrative-element"),
            ("<x:script>x</x:script>", "fhir.narrative-element"),
            ("<quellmoor>x</quellmoor>", "fhir.narrative-element"),
            ("<p onerror=\"x\">x</p>", "fhir.narrative-attribute"),
            ("<p ONERROR=\"x\">x</p>", "fhir.narrative-attribute"),
            ("<p style=\"background:u\\72l(x)\">x</p>", "fhir.narrative-attribute"),
            ("<p style=\"background:u/**/rl(x)\">x</p>", "fhir.narrative-attribute"),
            ("<a href=\"jAva&#x09;script:x\">x</a>", "fhir.narrative-link-scheme"),
            ("<a href=\" &#106;avascript&#58;x\">x</a>", "fhir.narrative-link-scheme"),
            ("<a href=\"data:text/html,x\">x</a>", "fhir.narrative-link-scheme"),
            ("<img src=\"//beacon.example/a\"/>", "fhir.narrative-remote-image"),
            ("<img src=\"\\\\beacon.example/a\"/>", "fhir.narrative-remote-image"),
            ("<img src=\"ht&#x0a;tp://beacon.example/a\"/>", "fhir.narrative-remote-image"),
            ("<p>x", "fhir.narrative-malformed"),
            ("</p>x", "fhir.narrative-malformed"),
            ("<b><i>x</b></i>", "fhir.narrative-malformed"),
            ("a & b", "fhir.narrative-malformed"),
            ("a &nbsp; b", "fhir.narrative-malformed"),
            ("<p title=x>x</p>", "fhir.narrative-malformed"),
            ("<p title=\"a\" title=\"b\">x</p>", "fhir.narrative-malformed"),
            ("<?php x ?>x", "fhir.narrative-malformed"),
            ("<!ENTITY x \"y\">x", "xml.doctype"),
            (" ", "fhir.invariant"),
        ] {
            assert_eq!(ids(inside), [id], "{inside}");
        }
        for whole in ["", "ruber", "<p>x</p>", "<div>x</div>", "<div xmlns=\"x\">x</div>", "<div", "<div "] {
            assert_eq!(faults(whole).first().map(|f| f.rule.id), Some("fhir.narrative-malformed"), "{whole}");
        }
    }

    #[test]
    fn the_first_fault_does_not_hide_the_second_and_no_name_of_the_record_is_printed() {
        assert_eq!(
            ids("<p><!-- kept --->x<blink>x</blink></p>"),
            ["fhir.narrative-malformed", "fhir.narrative-element"]
        );
        assert_eq!(
            ids("<!-- open <script>x</script><p onclick=\"x\">x</p>"),
            ["fhir.narrative-malformed", "fhir.narrative-element", "fhir.narrative-attribute"]
        );
        for fault in faults("<div><Quellmoor ilse=\"Quellmoor\" onquellmoor=\"1\">x</Quellmoor></div>") {
            assert!(!fault.message.to_lowercase().contains("quellmoor"), "{}", fault.message);
        }
    }

    #[test]
    fn hostile_lengths_end_in_little_time() {
        let start = std::time::Instant::now();
        assert!(ids(&"<!--".repeat(200_000)).contains(&"fhir.narrative-malformed"));
        let mut attributes = String::new();
        (0..100_000).for_each(|n| attributes.extend([" a", &n.to_string(), "=\"\""]));
        assert!(ids(&format!("<p{attributes}>x</p>")).contains(&"fhir.narrative-malformed"));
        assert!(ids(&"&lt".repeat(200_000)).contains(&"fhir.narrative-malformed"));
        assert!(start.elapsed().as_secs() < 10, "even unoptimised: {:?}", start.elapsed());
    }

    #[test]
    fn depth_ends() {
        let deep = "<b>".repeat(100_000);
        assert!(ids(&deep).contains(&"fhir.narrative-malformed"));
    }

    proptest! {
        #[test]
        fn any_text_is_read_to_its_end(text in "(<|>|/|!|-|\\[|\\]|&|#|;|\"|'|=|a|div|script| |é|\\?){0,60}") {
            let _ = faults(&text);
            let _ = ids(&text);
        }
    }
}
