//! HTML and XML as their reader sees them: references decoded, inline tags gone, other tags a space or a line.
//! What is not shown (attributes, comments, scripts) stands behind the text, a line each.

use super::references::{self, Reference};
use super::{Context, Layer, unicode_escape};

/// Which markup a text is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Language {
    Html,
    Xml,
}

/// Elements that begin a line.
const BLOCKS: &str = " address article aside blockquote body br caption center dd details dialog dir div dl dt \
fieldset figcaption figure footer form frame frameset h1 h2 h3 h4 h5 h6 head header hgroup hr html iframe legend li \
main menu nav noscript object ol optgroup option p paragraph pre section select summary table \
tbody textarea tfoot thead title tr ul ";
/// Elements with a neighbour on the same line.
const CELLS: &str = " td th button input ";
/// Elements within a word.
const INLINES: &str = " a abbr acronym b bdi bdo big cite code content del dfn em font i img ins kbd label link mark meta nobr q s samp \
script small span strike strong style sub sup template time tt u var wbr ";
/// Those that are within a word in any XML, also one that is data.
const XML_INLINES: &str = " b big content em font i mark s small span strike strong sub sup tt u wbr ";
/// Elements of XML whose texts read on from one to the next, so that no label stands between them.
const NAMES: [&str; 8] = ["name", "given", "family", "first", "last", "middle", "prefix", "suffix"];
/// How far the end of a tag may be from its beginning in what is not told to be markup.
const LOOSE_TAG: usize = 4 << 10;
/// Attributes that name a language and no person.
const NAMESPACES: [&str; 3] = ["http://www.w3.org/", "http://hl7.org/fhir", "urn:hl7-org:"];

fn is_in(list: &str, name: &str) -> bool {
    !name.is_empty() && list.split(' ').any(|known| known.eq_ignore_ascii_case(name))
}

/// None where it cannot be looked through.
pub(super) fn layer(source: &str, language: Language) -> Option<Layer> {
    let mut reader = Reader::new(source, Some(language));
    reader.read()?;
    Some(reader.finish())
}

/// It cannot be looked through.
pub(super) struct Hidden;

/// What a plain text has of markup: known elements of HTML, references, escapes of JSON. None for a text
/// without.
pub(super) fn loose(source: &str) -> Result<Option<Layer>, Hidden> {
    if !source.contains(['<', '&', '\\']) {
        return Ok(None);
    }
    let mut reader = Reader::new(source, None);
    reader.read().ok_or(Hidden)?;
    Ok(reader.has_changed.then(|| reader.finish()))
}

/// What stands between two texts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Gap {
    None,
    Cell,
    Line,
}

struct Reader<'t> {
    source: &'t str,
    /// None for a text that is not told to be markup.
    language: Option<Language>,
    shown: Layer,
    aside: Layer,
    gap: Gap,
    /// An element ended since the last text.
    ended: bool,
    /// How many elements that keep white space are open.
    kept: usize,
    has_changed: bool,
    /// Ends that are nowhere in the rest, so that it is searched for them once.
    missing: Vec<&'static str>,
    /// The name of the XML element that began last, before its text.
    label: Option<String>,
    last_label: String,
}

impl<'t> Reader<'t> {
    fn new(source: &'t str, language: Option<Language>) -> Self {
        let (shown, aside) = (Layer::default(), Layer::default());
        Self {
            source,
            language,
            shown,
            aside,
            gap: Gap::None,
            ended: false,
            kept: 0,
            has_changed: false,
            missing: Vec::new(),
            label: None,
            last_label: String::new(),
        }
    }

    fn finish(mut self) -> Layer {
        self.shown.append(self.aside);
        self.shown
    }

    fn context(&self) -> Context {
        if self.language.is_some() { Context::Markup } else { Context::Text }
    }

    fn find(&mut self, from: usize, what: &'static str) -> Option<usize> {
        if self.missing.contains(&what) {
            return None;
        }
        let found = self.source.get(from..)?.find(what);
        if found.is_none() {
            self.missing.push(what);
        }
        found.map(|at| at.saturating_add(from))
    }

    fn read(&mut self) -> Option<()> {
        let mut at = 0;
        while at < self.source.len() {
            let rest = self.source.get(at..)?;
            at = match rest.as_bytes().first()? {
                b'<' => match self.markup(at, rest)? {
                    Some(end) => {
                        self.has_changed = true;
                        end
                    }
                    None => self.text(at, at.saturating_add(1)),
                },
                b'&' => match references::at(self.source, at, self.language == Some(Language::Html)) {
                    Reference::Is(c, length) => self.one(at, length, c),
                    Reference::Unknown if self.language.is_some() => return None,
                    Reference::Literal | Reference::Unknown => self.text(at, at.saturating_add(1)),
                },
                b'\\' if self.language.is_none() => match unicode_escape(self.source, at) {
                    Some((c, length)) => self.one(at, length, c),
                    None => self.text(at, at.saturating_add(1)),
                },
                _ => {
                    let stops: &[char] =
                        if self.language.is_none() { &['<', '&', '\\'] } else { &['<', '&'] };
                    self.text(at, rest.find(stops).map_or(self.source.len(), |to| at.saturating_add(to)))
                }
            };
        }
        Some(())
    }

    fn bridge(&mut self) {
        match self.gap {
            Gap::Line if !self.shown.text.is_empty() => self.shown.boundary("\n"),
            Gap::Cell if self.shown.text.ends_with(|c: char| !c.is_whitespace()) => self.shown.boundary(" "),
            _ => {}
        }
        // `<mrn>4471902</mrn>`: the name says what the number is.
        if let Some(label) = self.label.take() {
            self.shown.boundary(&label);
            self.shown.boundary(": ");
            self.last_label = label;
        }
        (self.gap, self.ended) = (Gap::None, false);
    }

    /// A decoded character.
    fn one(&mut self, at: usize, length: usize, c: char) -> usize {
        self.bridge();
        self.has_changed = true;
        let end = at.saturating_add(length);
        let context = self.context();
        self.shown.character(at..end, c, context);
        end
    }

    /// Text as it stands; white space as HTML shows it. Gives its end.
    fn text(&mut self, from: usize, to: usize) -> usize {
        let text = self.source.get(from..to).unwrap_or("");
        let context = self.context();
        let is_blank = self.language.is_some() && text.bytes().all(|byte| byte.is_ascii_whitespace());
        if is_blank && self.gap != Gap::None {
            return to;
        }
        self.bridge();
        let keeps = match self.language {
            None => true,
            Some(Language::Html) => self.kept > 0,
            Some(Language::Xml) => !is_blank,
        };
        if keeps {
            self.shown.literal(self.source, from..to, context);
            return to;
        }
        let mut at = from;
        while let Some(rest) = self.source.get(at..to).filter(|rest| !rest.is_empty()) {
            let blanks = rest.bytes().take_while(u8::is_ascii_whitespace).count();
            let space = at.saturating_add(blanks);
            match rest.get(..blanks) {
                Some("" | " ") => self.shown.literal(self.source, at..space, context),
                _ => self.shown.decoded(at..space, " ", context),
            }
            let word =
                self.source.get(space..to).and_then(|rest| rest.find(|c: char| c.is_ascii_whitespace()));
            let end = word.map_or(to, |word| space.saturating_add(word));
            self.shown.literal(self.source, space..end, context);
            at = end;
        }
        to
    }

    /// What a `<` begins, and its end; None within for a mere character.
    #[expect(clippy::option_option, reason = "the outer one is for what cannot be looked through")]
    fn markup(&mut self, at: usize, rest: &str) -> Option<Option<usize>> {
        let inner = |skip: usize| at.saturating_add(skip);
        if rest.starts_with("<!--") {
            let Some(end) = self.find(inner(4), "-->") else { return self.open_end() };
            self.put_aside(inner(4), end);
            return Some(Some(end.saturating_add(3)));
        }
        if rest.starts_with("<![CDATA[") {
            let Some(end) = self.find(inner(9), "]]>") else { return self.open_end() };
            self.bridge();
            self.shown.literal(self.source, inner(9)..end, Context::Raw);
            return Some(Some(end.saturating_add(3)));
        }
        if rest.starts_with("<!") || rest.starts_with("<?") {
            let is_known =
                rest.get(2..).is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_alphabetic()));
            if !is_known {
                return Some(None);
            }
            let Some(end) = self.find(inner(2), ">") else { return self.open_end() };
            let declared = self.source.get(inner(2)..end)?;
            // An entity can stand for any text.
            let has_entities = declared.contains('[') || starts_with_word(declared, "entity");
            let is_doctype = starts_with_word(declared, "doctype");
            if has_entities || is_doctype && self.language == Some(Language::Xml) {
                return None;
            }
            if !(is_doctype
                && NAMESPACES.iter().any(|known| declared.contains(known))
                && declared.len() < 160)
            {
                self.put_aside(inner(2), end);
            }
            return Some(Some(end.saturating_add(1)));
        }
        self.tag(at, rest)
    }

    /// Something that begins as markup and does not end.
    #[expect(clippy::option_option, reason = "as above")]
    fn open_end(&self) -> Option<Option<usize>> {
        self.language.is_none().then_some(None)
    }

    #[expect(clippy::option_option, reason = "as above")]
    fn tag(&mut self, at: usize, rest: &str) -> Option<Option<usize>> {
        let is_end = rest.starts_with("</");
        let from = at.saturating_add(if is_end { 2 } else { 1 });
        let after = self.source.get(from..)?;
        if !after.starts_with(|c: char| c.is_alphabetic() || c == '_') {
            return Some(None);
        }
        let length =
            after.find(|c: char| c.is_whitespace() || matches!(c, '/' | '>' | '<')).unwrap_or(after.len());
        let name = after.get(..length)?.rsplit(':').next().unwrap_or("");
        let is_known = [BLOCKS, CELLS, INLINES].iter().any(|list| is_in(list, name));
        if self.language.is_none() && !(is_known && is_loose_tag(after.get(length..)?)) {
            return Some(None);
        }
        let inside_from = from.saturating_add(length);
        let Some(end) = tag_end(self.source, inside_from) else { return self.open_end() };
        let is_alone = self.source.get(inside_from..end).is_some_and(|inside| inside.ends_with('/'));
        self.attributes(from, inside_from, end)?;
        self.pass(at, name, is_end, is_alone);
        let end = end.saturating_add(1);
        let is_program = name.eq_ignore_ascii_case("script") || name.eq_ignore_ascii_case("style");
        if is_program && !is_end && self.language != Some(Language::Xml) {
            return self.program(end, name).map(Some);
        }
        Some(Some(end))
    }

    /// Whether text stands directly before a tag.
    fn is_in_word(&self, at: usize) -> bool {
        let before = self.source.get(..at).and_then(|before| before.chars().next_back());
        before.is_some_and(|c| !c.is_whitespace() && c != '>')
    }

    /// What a tag is to the text around it.
    fn pass(&mut self, at: usize, name: &str, is_end: bool, is_alone: bool) {
        if is_end {
            self.label = None;
        }
        let gap = if is_in(BLOCKS, name) {
            Gap::Line
        } else if is_in(CELLS, name) {
            Gap::Cell
        } else if self.language != Some(Language::Xml) || is_in(XML_INLINES, name) {
            Gap::None
        } else if !is_end && (self.ended || !self.is_in_word(at)) {
            // One element behind another; a tag alone within a word joins.
            let is_name = NAMES.iter().any(|known| name.to_ascii_lowercase().contains(known));
            let is_again = self.last_label.eq_ignore_ascii_case(name);
            self.label = (!is_name && !is_alone && !is_again).then(|| name.to_owned());
            Gap::Cell
        } else {
            self.ended |= is_end;
            Gap::None
        };
        self.gap = self.gap.max(gap);
        if ["pre", "textarea"].iter().any(|keeps| keeps.eq_ignore_ascii_case(name)) && !is_alone {
            self.kept = if is_end { self.kept.saturating_sub(1) } else { self.kept.saturating_add(1) };
        }
    }

    /// A tag with attributes, as a line.
    fn attributes(&mut self, from: usize, inside_from: usize, end: usize) -> Option<()> {
        if self.source.get(inside_from..end)?.trim_matches(|c: char| c.is_whitespace() || c == '/').is_empty()
        {
            return Some(());
        }
        let context = self.context();
        let is_strict = self.language.is_some();
        let mut at = from;
        while at < end {
            let rest = self.source.get(at..end)?;
            if let Some(length) = namespace(rest) {
                self.aside.boundary(" ");
                at = at.saturating_add(length);
                continue;
            }
            if rest.starts_with('&') {
                match references::at(self.source, at, false) {
                    Reference::Is(c, length) => {
                        self.aside.character(at..at.saturating_add(length), c, context);
                        at = at.saturating_add(length);
                        continue;
                    }
                    Reference::Unknown if is_strict => return None,
                    Reference::Literal | Reference::Unknown => {}
                }
            }
            let first = rest.chars().next().map_or(1, char::len_utf8);
            let to = rest.get(first..)?.find(|c: char| c == '&' || c.is_whitespace());
            let to = to.map_or(end, |to| at.saturating_add(first).saturating_add(to));
            self.aside.literal(self.source, at..to, context);
            at = to;
        }
        self.aside.boundary("\n");
        Some(())
    }

    fn put_aside(&mut self, from: usize, to: usize) {
        self.aside.literal(self.source, from..to, Context::Raw);
        self.aside.boundary("\n");
    }

    /// A script or style up to its end tag, with its escapes decoded.
    fn program(&mut self, from: usize, name: &str) -> Option<usize> {
        let mut to = from;
        loop {
            to = self.find(to, "</")?;
            let after = self.source.get(to.saturating_add(2)..)?;
            if starts_with_word(after, name) {
                break;
            }
            to = to.saturating_add(2);
        }
        let is_style = name.eq_ignore_ascii_case("style");
        let mut at = from;
        while at < to {
            let rest = self.source.get(at..to)?;
            let escape = if is_style { style_escape(rest) } else { script_escape(rest) };
            if let Some((c, length)) = escape {
                self.aside.character(at..at.saturating_add(length), c, Context::Raw);
                at = at.saturating_add(length);
                continue;
            }
            let first = rest.chars().next().map_or(1, char::len_utf8);
            let next = rest
                .get(first..)?
                .find('\\')
                .map_or(to, |next| at.saturating_add(first).saturating_add(next));
            self.aside.literal(self.source, at..next, Context::Raw);
            at = next;
        }
        self.aside.boundary("\n");
        Some(to)
    }
}

fn starts_with_word(text: &str, word: &str) -> bool {
    text.get(..word.len()).is_some_and(|start| start.eq_ignore_ascii_case(word))
        && !text.get(word.len()..).is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_alphanumeric()))
}

/// The `>` of a tag; one in a quoted value is none.
fn tag_end(source: &str, from: usize) -> Option<usize> {
    let mut quote = None;
    let mut is_value = false;
    for (at, byte) in source.as_bytes().iter().enumerate().skip(from) {
        match (quote, byte) {
            (Some(open), byte) if open == *byte => quote = None,
            (Some(_), _) => {}
            (None, b'"' | b'\'') if is_value => quote = Some(*byte),
            (None, b'>') => return Some(at),
            (None, b'=') => is_value = true,
            (None, byte) => is_value &= byte.is_ascii_whitespace(),
        }
    }
    None
}

/// What follows the name of an element in a plain text, where it is a tag: its end, or an attribute.
fn is_loose_tag(after: &str) -> bool {
    let end =
        after.char_indices().take_while(|(at, _)| *at < LOOSE_TAG).find(|(_, c)| matches!(c, '<' | '>'));
    let Some((end, '>')) = end else { return false };
    let inside = after.get(..end).unwrap_or("").trim_matches(|c: char| c.is_whitespace() || c == '/');
    let name = inside
        .find(|c: char| !c.is_ascii_alphanumeric() && !matches!(c, '-' | '_' | ':'))
        .unwrap_or(inside.len());
    inside.is_empty() || name > 0 && inside.get(name..).is_some_and(|rest| rest.trim_start().starts_with('='))
}

/// The declaration of a known namespace at the beginning of a text.
fn namespace(text: &str) -> Option<usize> {
    let trimmed = text.trim_start();
    let value = trimmed.strip_prefix("xmlns")?;
    let (prefix, value) = value.split_once('=')?;
    let quote = value.chars().next().filter(|c| matches!(c, '"' | '\''))?;
    let (value, _) = value.get(1..)?.split_once(quote)?;
    let is_known =
        NAMESPACES.iter().any(|known| value.starts_with(known)) && value.len() < 64 && prefix.len() < 16;
    let length = [5, prefix.len(), 1, value.len(), 2].iter().sum::<usize>();
    is_known.then(|| text.len().saturating_sub(trimmed.len()).saturating_add(length))
}

/// `\uXXXX`, `\u{X}` and `\xXX` of JavaScript.
fn script_escape(text: &str) -> Option<(char, usize)> {
    let rest = text.strip_prefix('\\')?;
    if let Some(hex) =
        rest.strip_prefix("u{").and_then(|rest| rest.get(..rest.find('}')?)).filter(|hex| hex.len() <= 6)
    {
        return Some((char::from_u32(u32::from_str_radix(hex, 16).ok()?)?, hex.len().saturating_add(4)));
    }
    if let Some(hex) = rest.strip_prefix('x').and_then(|rest| rest.get(..2)) {
        return Some((char::from_u32(u32::from_str_radix(hex, 16).ok()?)?, 4));
    }
    unicode_escape(text, 0)
}

/// Up to six digits of CSS, and the space that ends them.
fn style_escape(text: &str) -> Option<(char, usize)> {
    let rest = text.strip_prefix('\\')?;
    let digits = rest.bytes().take(6).take_while(u8::is_ascii_hexdigit).count();
    let c = char::from_u32(u32::from_str_radix(rest.get(..digits)?, 16).ok()?)?;
    let space = usize::from(rest.get(digits..)?.starts_with([' ', '\t', '\n']));
    Some((c, digits.saturating_add(space).saturating_add(1)))
}
