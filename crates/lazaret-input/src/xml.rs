//! XML 1.0 as events: strict, without DOCTYPE, and going on after a fault.
//!
//! A DOCTYPE ends the reading where it stands: nothing is expanded, nothing opened. Only the five entities every
//! XML has and character references are decoded. What is not well-formed is a fault with its offset, and
//! wherever there is a way to go on the reading goes on, so that a harmless fault does not hide a harmful one:
//! a comment ending in `--->` is told, and so is the script after it.
//!
//! This is an own tokenizer. Fast pull parsers read much that is no XML (names, characters, `<` in a value,
//! `]]>` in text, two roots) and do not say how to go on after what they do refuse; `quick-xml` is the second
//! opinion in the tests.
//!
//! | file | what is in it |
//! |---|---|
//! | `reader` | markup: tags, comments, instructions, what is open |
//! | `attributes` | the inside of a start tag |
//! | `text` | characters, names, references |

mod attributes;
mod reader;
mod text;

use std::borrow::Cow;

use lazaret_core::{Flow, Limit, Limits, Rule};

use crate::rules::XML_MALFORMED;

/// How deep elements may nest; the root is 1.
pub const MAX_DEPTH: Limit = Limit::new("xml.max_depth", 256);
/// How many attributes one element may have.
pub const MAX_ATTRIBUTES: Limit = Limit::new("xml.max_attributes", 256);
/// How many faults one document may have before the reading ends.
pub const MAX_FAULTS: Limit = Limit::new("xml.max_faults", 1_000);

/// Why a text is not the XML that is let through.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct XmlFault {
    /// The rule.
    pub rule: &'static Rule,
    /// Where, in bytes from the start.
    pub offset: u64,
    /// What is wrong, without content.
    pub message: String,
}

/// An attribute.
#[derive(Clone, PartialEq, Eq)]
pub struct Attribute<'t> {
    /// Its name, with its prefix.
    pub name: &'t str,
    /// Its value, decoded.
    pub value: Cow<'t, str>,
}

/// What is read. Names are as written, with their prefix; text is decoded.
#[derive(Clone, PartialEq, Eq)]
pub enum Event<'e, 't> {
    /// An element begins.
    Start {
        /// Its name.
        name: &'t str,
        /// Its attributes; one that stands twice comes twice.
        attributes: &'e [Attribute<'t>],
        /// Whether it is written as `<br/>`: then no end follows.
        empty: bool,
        /// Where its tag begins.
        offset: u64,
    },
    /// An element ends; also where its end tag is missing.
    End {
        /// Its name.
        name: &'t str,
        /// Where.
        offset: u64,
    },
    /// Text, decoded, or a CDATA section.
    Text {
        /// The text.
        text: &'e str,
        /// Where it begins.
        offset: u64,
    },
    /// A comment.
    Comment {
        /// Its text.
        text: &'t str,
        /// Where it begins.
        offset: u64,
    },
    /// A processing instruction; the XML declaration is none.
    Instruction {
        /// Its target.
        target: &'t str,
        /// Where it begins.
        offset: u64,
    },
}

impl std::fmt::Debug for Event<'_, '_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (kind, offset) = match self {
            Self::Start { offset, .. } => ("Start", offset),
            Self::End { offset, .. } => ("End", offset),
            Self::Text { offset, .. } => ("Text", offset),
            Self::Comment { offset, .. } => ("Comment", offset),
            Self::Instruction { offset, .. } => ("Instruction", offset),
        };
        write!(f, "{kind}@{offset}")
    }
}

/// Reads a document or a fragment with one root. Gives every fault in the order of the text; none means that it
/// is well-formed.
pub fn events<'t>(
    text: &'t str,
    limits: &Limits,
    mut visit: impl FnMut(Event<'_, 't>) -> Flow,
) -> Vec<XmlFault> {
    reader::read(text, 0, limits, &mut visit)
}

/// Reads a document in UTF-8, with or without a byte order mark; offsets count from the first byte of it.
/// Other encodings are a fault that says so.
pub fn events_of_bytes<'t>(
    bytes: &'t [u8],
    limits: &Limits,
    mut visit: impl FnMut(Event<'_, 't>) -> Flow,
) -> Vec<XmlFault> {
    let (mark, rest) = match bytes.strip_prefix(b"\xef\xbb\xbf") {
        Some(rest) => (3_u64, rest),
        None => (0, bytes),
    };
    let fault = |at: usize, message: &str| XmlFault {
        rule: &XML_MALFORMED,
        offset: mark.saturating_add(at as u64),
        message: message.to_owned(),
    };
    let text = match simdutf8::compat::from_utf8(rest) {
        Ok(text) => text,
        Err(error) => {
            let message = "this byte begins no UTF-8 character; only UTF-8 is read";
            return vec![fault(error.valid_up_to(), message)];
        }
    };
    let mut faults = reader::read(text, mark, limits, &mut visit);
    if !text.is_ascii() && declares_another_encoding(text) {
        faults.insert(0, fault(0, "the declaration names another encoding; only UTF-8 is read"));
    }
    faults
}

/// Whether an XML declaration names an encoding that is not UTF-8: other readers would read other characters.
fn declares_another_encoding(text: &str) -> bool {
    let declaration = text.strip_prefix("<?xml").and_then(|rest| rest.split("?>").next()).unwrap_or("");
    let Some((_, named)) = declaration.split_once("encoding") else { return false };
    let name = named.trim_start_matches([' ', '\t', '\r', '\n', '=', '"', '\'']);
    !name.get(..5).is_some_and(|begin| begin.eq_ignore_ascii_case("UTF-8"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn faults(text: &str) -> Vec<(&'static str, u64)> {
        let faults = events(text, &Limits::default(), |_| Flow::On);
        faults.into_iter().map(|fault| (fault.rule.id, fault.offset)).collect()
    }

    /// What is read, one word an event.
    fn story(text: &str) -> String {
        let mut story = Vec::new();
        events(text, &Limits::default(), |event| {
            story.push(match event {
                Event::Start { name, attributes, empty, .. } => {
                    let inside: Vec<_> =
                        attributes.iter().map(|a| format!(" {}={}", a.name, a.value)).collect();
                    format!("<{name}{}{}>", inside.concat(), if empty { "/" } else { "" })
                }
                Event::End { name, .. } => format!("</{name}>"),
                Event::Text { text, .. } => format!("[{text}]"),
                Event::Comment { text, .. } => format!("({text})"),
                Event::Instruction { target, .. } => format!("?{target}"),
            });
            Flow::On
        });
        story.concat()
    }

    #[test]
    fn well_formed_documents_are_told_as_events() {
        let text = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<!-- a --><?go now?><a x='1 &lt; 2' y=\"&#x41;&#10;\n\">b &amp; c\r\n<d:e/><![CDATA[<f>]]></a>\n";
        assert_eq!(faults(text), []);
        assert_eq!(story(text), "( a )?go<a x=1 < 2 y=A\n >[b & c\n]<d:e/>[<f>]</a>");
    }

    #[test]
    fn both_faults_of_a_narrative_are_seen() {
        let text = "<div xmlns=\"http://www.w3.org/1999/xhtml\"><p><!-- kept note --->text<blink>old</blink></p></div>";
        assert_eq!(faults(text), [("xml.malformed", 45)]);
        assert!(story(text).contains("<blink>[old]</blink></p></div>"));
    }

    #[test]
    fn a_doctype_ends_the_reading_before_anything() {
        for text in
            ["<!DOCTYPE a><a/>", "<!doctype html><a/>", "<!DOCTYPE a [<!ENTITY e SYSTEM \"x\">]><a>&e;</a>"]
        {
            assert_eq!(faults(text), [("xml.doctype", 0)]);
            assert_eq!(story(text), "");
        }
        assert_eq!(faults("<a><!DOCTYPE a></a>"), [("xml.doctype", 3)]);
    }

    #[test]
    fn what_is_not_well_formed_has_its_offset_and_the_reading_goes_on() {
        for (text, offset, told) in [
            ("", 0, ""),
            ("ruber", 0, "[ruber]"),
            ("<a>", 3, "<a></a>"),
            ("<a></b></a>", 3, "<a></a>"),
            ("<a><b></a>", 6, "<a><b></b></a>"),
            ("</a>", 0, ""),
            ("<a/><b/>", 4, "<a/><b/>"),
            ("<a/>x", 4, "<a/>[x]"),
            ("<a>&nbsp;</a>", 3, "<a>[&nbsp;]</a>"),
            ("<a>x & y</a>", 5, "<a>[x & y]</a>"),
            ("<a>&#0;</a>", 3, "<a>[&#0;]</a>"),
            ("<a>&#xd800;</a>", 3, "<a>[&#xd800;]</a>"),
            ("<a>]]></a>", 3, "<a>[]]>]</a>"),
            ("<a>1 < 2</a>", 5, "<a>[1 ][<][ 2]</a>"),
            ("<a x=1 y='2'/>", 5, "<a x=1 y=2/>"),
            ("<a nowrap>x</a>", 3, "<a nowrap=>[x]</a>"),
            ("<a x='1' x='2'/>", 9, "<a x=1 x=2/>"),
            ("<a x='<b>'/>", 6, "<a x=<b>/>"),
            ("<a x='1'y='2'/>", 8, "<a x=1 y=2/>"),
            ("<a x='1", 5, ""),
            ("<a", 2, ""),
            ("<a ,b='1'/>", 3, "<a/>"),
            ("<a><!-- x -- y --></a>", 3, "<a>( x -- y )</a>"),
            ("<a><!-- x </a>", 3, "<a></a>"),
            ("<a><![CDATA[x</a>", 3, "<a></a>"),
            ("<a><!ENTITY x 'y'></a>", 3, "<a></a>"),
            ("<a><?xml version='1.0'?></a>", 3, "<a></a>"),
            ("<a>\u{1}</a>", 3, "<a>[\u{1}]</a>"),
            ("<a>\u{ffff}</a>", 3, "<a>[\u{ffff}]</a>"),
            ("<a></a b>", 7, "<a></a>"),
        ] {
            let found = faults(text);
            assert_eq!(found.first(), Some(&("xml.malformed", offset)), "{text}");
            assert_eq!(story(text), told, "{text}");
        }
    }

    #[test]
    fn limits_end_the_reading_and_say_how_to_raise_them() {
        let deep = "<a>".repeat(100_000);
        let found = events(&deep, &Limits::default(), |_| Flow::On);
        assert_eq!((found[0].rule.id, found[0].offset), ("xml.depth", 256 * 3));
        assert!(found[0].message.contains("set `xml.max_depth` under [limits]"));
        assert_eq!(found.len(), 1);
        let ok = format!("{}{}", "<a>".repeat(256), "</a>".repeat(256));
        assert_eq!(faults(&ok), []);
        let many: Vec<String> = (0..300).map(|n| format!(" a{n}=''")).collect();
        assert_eq!(faults(&format!("<a{}/>", many.concat())).last().unwrap().0, "limit.record-size");
        assert_eq!(faults(&"<a>&".repeat(2_000)).last().unwrap().0, "xml.depth");
        assert_eq!(faults(&"&".repeat(2_000)).last().unwrap().0, "limit.record-size");
    }

    #[test]
    fn a_visitor_can_stop() {
        let mut count = 0;
        let found = events("<a><b/><c/>", &Limits::default(), |_| {
            count += 1;
            if count == 2 { Flow::Stop } else { Flow::On }
        });
        assert_eq!((found, count), (vec![], 2));
    }

    #[test]
    fn bytes_are_utf8_and_offsets_count_the_mark() {
        let read = |bytes: &[u8]| events_of_bytes(bytes, &Limits::default(), |_| Flow::On);
        assert_eq!(read(b"\xef\xbb\xbf<a/>"), []);
        assert_eq!(read(b"\xef\xbb\xbf<!DOCTYPE a>")[0].offset, 3);
        assert_eq!(read(b"<a>\xff</a>")[0].offset, 3);
        assert_eq!(read(b"\xff\xfe<\0a\0/\0>\0").len(), 1);
        let declared =
            |rest: &str| read(format!("<?xml version='1.0' encoding='latin1'?>{rest}").as_bytes()).len();
        assert_eq!((declared("<a>x</a>"), declared("<a>\u{e4}</a>")), (0, 1));
    }
}
