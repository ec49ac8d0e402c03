//! The XML reader: the cases, arbitrary text, and `quick-xml` as a second opinion.
#![expect(clippy::disallowed_types, reason = "the second opinion on what is well-formed")]

use std::fmt::Write as _;

use lazaret_core::{Flow, Limits};
use lazaret_input::xml::{Event, events, events_of_bytes};
use proptest::prelude::*;
use quick_xml::events::Event as Other;

use crate::testdata;

#[test]
fn a_doctype_is_refused_at_its_offset_before_anything_is_told() {
    for name in ["bad-doctype.xml", "bad-xxe.xml", "bad-billion-laughs.xml"] {
        let bytes = testdata::read("xml", name);
        let mut told = 0;
        let faults = events_of_bytes(&bytes, &Limits::default(), |_| {
            told += 1;
            Flow::On
        });
        let found: Vec<_> = faults.iter().map(|fault| (fault.rule.id, fault.offset)).collect();
        assert_eq!((found, told), (vec![("xml.doctype", 39)], 0), "{name}");
    }
}

/// What we tell of a text without a fault; none where there is one.
fn our_story(text: &str) -> Option<String> {
    let mut story = String::new();
    let faults = events(text, &Limits::default(), |event| {
        match event {
            Event::Start { name, attributes, empty, .. } => {
                write!(story, "<{name}").unwrap();
                for attribute in attributes {
                    write!(story, " {}={:?}", attribute.name, attribute.value).unwrap();
                }
                story.push_str(if empty { "/>" } else { ">" });
            }
            Event::End { name, .. } => write!(story, "</{name}>").unwrap(),
            Event::Text { text, .. } => story.push_str(text),
            Event::Comment { .. } | Event::Instruction { .. } => story.push('!'),
        }
        Flow::On
    });
    faults.is_empty().then_some(story)
}

fn other_story(text: &str) -> Result<String, quick_xml::Error> {
    let mut reader = quick_xml::Reader::from_str(text);
    reader.config_mut().enable_all_checks(true);
    let mut story = String::new();
    let mut depth = 0;
    loop {
        let event = reader.read_event()?;
        match &event {
            Other::Start(tag) | Other::Empty(tag) => {
                write!(story, "<{}", tag.name().as_ref()).unwrap();
                for attribute in tag.attributes() {
                    let attribute = attribute?;
                    let key = attribute.key.as_ref().to_owned();
                    let value = attribute.normalized_value(quick_xml::XmlVersion::Implicit1_0)?.into_owned();
                    write!(story, " {key}={value:?}").unwrap();
                }
                let empty = matches!(event, Other::Empty(_));
                depth += usize::from(!empty);
                story.push_str(if empty { "/>" } else { ">" });
            }
            Other::End(tag) => {
                depth -= 1;
                write!(story, "</{}>", tag.name().as_ref()).unwrap();
            }
            Other::Text(text) if depth > 0 => story.push_str(&text.xml10_content()),
            Other::CData(text) => story.push_str(&text.xml10_content()),
            Other::GeneralRef(name) => {
                let written = format!("&{};", &**name);
                story.push_str(&quick_xml::escape::unescape(&written)?);
            }
            Other::Comment(_) | Other::PI(_) => story.push('!'),
            Other::Text(_) | Other::Decl(_) | Other::DocType(_) => {}
            Other::Eof => return Ok(story),
        }
    }
}

/// Text made of the pieces of XML, so that some of it is well-formed.
fn nearly_xml() -> impl Strategy<Value = String> {
    let piece = prop::sample::select(vec![
        "<a>",
        "</a>",
        "<b x='1'>",
        "</b>",
        "<c/>",
        "<d y=\"&lt;\"/>",
        "text",
        "&amp;",
        "&#65;",
        "&nbsp;",
        "&",
        "<",
        ">",
        "<!-- c -->",
        "<!-- -- -->",
        "<![CDATA[x<\r\n\ry]]>",
        "]]>",
        "<?p i?>",
        "<!DOCTYPE a>",
        "\r\n",
        " ",
        "é",
        "'",
        "\"",
        "=",
        "/",
        "\u{1}",
        "<e\n z='\t'  w='a&#10;b'/>",
    ]);
    let loose = prop::collection::vec(piece.clone(), 0..20).prop_map(|pieces| pieces.concat());
    let rooted = prop::collection::vec(piece, 0..8).prop_map(|pieces| format!("<r>{}</r>", pieces.concat()));
    prop_oneof![loose, rooted]
}

proptest! {
    #[test]
    fn any_text_ends_the_same_way_twice_with_its_faults_in_order(text in any::<String>()) {
        let read = || events(&text, &Limits::default(), |_| Flow::On);
        let faults = read();
        prop_assert_eq!(&faults, &read());
        prop_assert!(faults.is_sorted_by_key(|fault| fault.offset));
    }

    #[test]
    fn starts_and_ends_match_whatever_the_text(text in nearly_xml()) {
        let mut open = Vec::new();
        let faults = events(&text, &Limits::default(), |event| {
            match event {
                Event::Start { name, empty: false, .. } => open.push(name),
                Event::End { name, .. } => assert_eq!(open.pop(), Some(name)),
                _ => {}
            }
            Flow::On
        });
        prop_assert!(open.is_empty() || faults.iter().any(|fault| fault.rule.id == "xml.doctype"));
        prop_assert!(faults.iter().all(|fault| fault.offset <= text.len() as u64));
    }

    #[test]
    fn what_we_call_well_formed_reads_the_same_elsewhere(text in nearly_xml()) {
        if let Some(story) = our_story(&text) {
            prop_assert_eq!(other_story(&text).map_err(|error| error.to_string()), Ok(story), "{}", text);
        }
    }
}
