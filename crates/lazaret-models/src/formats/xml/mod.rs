//! XML: graphs of `OpenVINO`, PMML, and any other.
//!
//! Read as events by the one strict reader: a DOCTYPE ends the reading, nothing is expanded and nothing opened.

mod openvino;

use std::borrow::Cow;
use std::collections::BTreeMap;

use lazaret_core::{Finding, Flow, FormatId, Likeness, Locator, Severity};
use lazaret_input::xml::{self, Attribute, Event};
use lazaret_input::{XML_DOCTYPE, XML_MALFORMED, charset};

pub(crate) use openvino::{OpenVino, OpenVinoWeights};

use crate::look::{Head, Looking};
use crate::part::{MAX_WHOLE, Part, Unread, printed};
use crate::registry::ModelFormat;
use crate::rules;

/// PMML.
pub(crate) struct Pmml;

impl ModelFormat for Pmml {
    fn id(&self) -> FormatId {
        FormatId("pmml")
    }

    fn about(&self) -> &'static str {
        "PMML: models as XML"
    }

    fn extensions(&self) -> &'static [&'static str] {
        &["pmml", "xml"]
    }

    fn runs_nothing(&self) -> bool {
        true
    }

    fn recognise(&self, head: &Head<'_>) -> Likeness {
        match root_of(head.bytes) {
            Some(root) if local(&root) == "PMML" => Likeness::Certain,
            Some(_) if head.extension == "pmml" => Likeness::Certain,
            _ => Likeness::No,
        }
    }

    fn read(&self, part: &Part, looking: &mut Looking<'_>) -> Result<FormatId, Unread> {
        let mut functions = Functions::default();
        events(part, true, looking, |event, _| functions.take(&event))?;
        functions.judge(part, looking);
        Ok(self.id())
    }
}

/// Functions that a PMML document applies, whose names have the form of a class, and where the first stands. Evaluators
/// look for the class first, whether the document defines a function of that name or not.
#[derive(Default)]
struct Functions {
    applied: BTreeMap<String, u64>,
}

impl Functions {
    /// Most names that are kept: those of a document that has more are told by these.
    const MOST: usize = 10_000;

    fn take(&mut self, event: &Event<'_, '_>) {
        let Event::Start { name, attributes, offset, .. } = event else { return };
        if local(name) != "Apply" || self.applied.len() >= Self::MOST {
            return;
        }
        let function = attributes.iter().find(|attribute| attribute.name == "function");
        if let Some(function) = function.filter(|function| function.value.contains('.')) {
            self.applied.entry(function.value.to_string()).or_insert(*offset);
        }
    }

    fn judge(self, part: &Part, looking: &mut Looking<'_>) {
        for (function, offset) in self.applied {
            let message = format!(
                "the function `{}` is applied: evaluators load a class of that name",
                printed(&function)
            );
            looking.find(&rules::XML_FOREIGN_CONTENT, part.at(offset), message);
        }
    }
}

/// Elements that bring in what is not in the document, or that are run.
fn foreign(name: &str, attributes: &[Attribute<'_>], at: Locator, looking: &mut Looking<'_>) {
    match local(name) {
        "include" if is_inclusion(name, attributes) => {
            let message = "another file or address is included";
            looking.find_as(Severity::Critical, &rules::XML_FOREIGN_CONTENT, at, message);
        }
        "script" => looking.find(&rules::XML_FOREIGN_CONTENT, at, "a script stands in it"),
        _ => {}
    }
}

/// Whether an `include` is that of `XInclude`: it has a prefix, or says so itself.
fn is_inclusion(name: &str, attributes: &[Attribute<'_>]) -> bool {
    let says = |attribute: &Attribute<'_>| attribute.name == "xmlns" && attribute.value.contains("/XInclude");
    attributes.iter().any(|attribute| attribute.name == "href")
        && (name != "include" || attributes.iter().any(says))
}

/// XML that is no model.
pub(crate) struct Xml;

impl ModelFormat for Xml {
    fn id(&self) -> FormatId {
        FormatId("xml")
    }

    fn about(&self) -> &'static str {
        "XML document"
    }

    fn extensions(&self) -> &'static [&'static str] {
        &["xml"]
    }

    fn runs_nothing(&self) -> bool {
        true
    }

    fn recognise(&self, head: &Head<'_>) -> Likeness {
        match root_of(head.bytes) {
            Some(root) if root.eq_ignore_ascii_case("html") => Likeness::No,
            Some(root) if root == "svg" => Likeness::Possible,
            Some(_) if head.extension == "xml" || decoded(head.bytes).trim_start().starts_with("<?xml") => {
                Likeness::Possible
            }
            _ => Likeness::No,
        }
    }

    fn read(&self, part: &Part, looking: &mut Looking<'_>) -> Result<FormatId, Unread> {
        events(part, false, looking, |_, _| {})?;
        Ok(self.id())
    }
}

/// Reads all of a document and tells its faults; in a model a DOCTYPE is critical.
fn events(
    part: &Part,
    is_model: bool,
    looking: &mut Looking<'_>,
    mut visit: impl FnMut(Event<'_, '_>, &mut Looking<'_>),
) -> Result<(), Unread> {
    let bytes = part.whole(looking.limits.get(MAX_WHOLE))?;
    let refused = |why: String| Unread { rule: &XML_MALFORMED, at: Some(0), why };
    let (text, _) =
        charset::decode(&bytes, encoding(&bytes).as_deref()).map_err(|error| refused(error.to_string()))?;
    let limits = looking.limits;
    let faults = xml::events(&text, limits, |event| {
        if let Event::Start { name, offset, attributes, .. } = &event {
            foreign(name, attributes, part.at(*offset), looking);
        }
        visit(event, looking);
        Flow::On
    });
    for fault in faults {
        looking.not_whole();
        let at = usize::try_from(fault.offset).unwrap_or(usize::MAX);
        let declares = || text.get(at..).is_some_and(|rest| rest.contains("<!ENTITY"));
        let finding =
            Finding::new(fault.rule, part.at(fault.offset), format!("byte {at}: {}", fault.message));
        if fault.rule.id == XML_DOCTYPE.id && (is_model || declares()) {
            let message = format!(
                "byte {at}: a DOCTYPE in a model: a loader that follows it opens files and addresses, or expands without end"
            );
            looking.add(Finding { severity: Severity::Critical, message, ..finding });
        } else {
            looking.add(finding);
        }
    }
    Ok(())
}

/// The encoding of a document: UTF-16 without a mark by its first bytes, else what the declaration names.
fn encoding(bytes: &[u8]) -> Option<String> {
    match bytes {
        [b'<', 0, ..] => return Some("utf-16le".to_owned()),
        [0, b'<', ..] => return Some("utf-16be".to_owned()),
        [0xef, 0xbb, 0xbf, ..] | [0xff, 0xfe, ..] | [0xfe, 0xff, ..] => return None,
        _ => {}
    }
    let first = bytes.get(..bytes.len().min(200)).unwrap_or_default();
    let first = String::from_utf8_lossy(first);
    let declaration = first.trim_start().strip_prefix("<?xml")?.split("?>").next()?;
    let (_, named) = declaration.split_once("encoding")?;
    let named = named.trim_start().strip_prefix('=')?.trim_start();
    let quote = named.chars().next().filter(|quote| matches!(quote, '"' | '\''))?;
    named.get(1..)?.split(quote).next().map(str::to_owned)
}

/// The first bytes as text.
fn decoded(bytes: &[u8]) -> Cow<'_, str> {
    let wide = |big: bool, from: usize| {
        let units = bytes.get(from..).unwrap_or_default().chunks_exact(2);
        let units = units
            .filter_map(|pair| pair.first_chunk::<2>())
            .map(|pair| if big { u16::from_be_bytes(*pair) } else { u16::from_le_bytes(*pair) });
        Cow::Owned(char::decode_utf16(units).map(|c| c.unwrap_or('\u{fffd}')).collect())
    };
    match bytes {
        [0xff, 0xfe, ..] => wide(false, 2),
        [0xfe, 0xff, ..] => wide(true, 2),
        [b'<', 0, ..] => wide(false, 0),
        [0, b'<', ..] => wide(true, 0),
        [0xef, 0xbb, 0xbf, rest @ ..] => String::from_utf8_lossy(rest),
        _ => String::from_utf8_lossy(bytes),
    }
}

/// The name of the root element of what begins as XML does; that of a DOCTYPE where the root was not reached.
fn root_of(head: &[u8]) -> Option<String> {
    // Nearly all files are told apart by their first byte.
    let first = head.iter().find(|byte| !byte.is_ascii_whitespace());
    if !matches!(first, Some(b'<' | 0 | 0xef | 0xfe | 0xff)) {
        return None;
    }
    let text = decoded(head);
    let mut rest = text.trim_start();
    if !rest.starts_with('<') {
        return None;
    }
    let mut named = None;
    loop {
        rest = rest.trim_start();
        let after = if let Some(inside) = rest.strip_prefix("<!--") {
            inside.split_once("-->").map(|(_, after)| after)
        } else if let Some(inside) = rest.strip_prefix("<?") {
            inside.split_once("?>").map(|(_, after)| after)
        } else if let Some(inside) = rest.strip_prefix("<!DOCTYPE") {
            named = inside.split_whitespace().next().map(|name| name.trim_end_matches(['>', '[']).to_owned());
            let ends =
                inside.find('>').filter(|end| inside.get(..*end).is_some_and(|head| !head.contains('[')));
            match ends {
                Some(end) => inside.get(end.saturating_add(1)..),
                None => inside.split_once("]>").map(|(_, after)| after),
            }
        } else {
            let name = rest.strip_prefix('<')?;
            let end = name.find(|c: char| c.is_whitespace() || matches!(c, '>' | '/')).unwrap_or(name.len());
            let name = name.get(..end).unwrap_or_default();
            let is_name = name.starts_with(|c: char| c.is_alphabetic() || c == '_');
            return is_name.then(|| name.to_owned());
        };
        match after {
            Some(after) => rest = after,
            None => return named.filter(|name| !name.is_empty()),
        }
    }
}

/// A name without its prefix.
fn local(name: &str) -> &str {
    name.rsplit(':').next().unwrap_or(name)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::formats::protobuf::tests::{scan, told};

    const PMML: &str =
        "<PMML version=\"4.4\" xmlns=\"http://www.dmg.org/PMML-4_4\"><Header/><Extension name=\"x\"/></PMML>";

    #[test]
    fn what_a_document_is_is_told_by_its_root() {
        for (text, root) in [
            ("<?xml version='1.0'?><!-- <a> --><PMML/>", Some("PMML")),
            ("<!DOCTYPE p [<!ENTITY x SYSTEM 'file:///x'>]><PMML>", Some("PMML")),
            ("<!DOCTYPE PMML SYSTEM 'x'><net name='a'>", Some("net")),
            ("<!DOCTYPE net [<!ENTITY", Some("net")),
            ("<net>", Some("net")),
            ("a<b>", None),
            ("< b", None),
            ("<1", None),
        ] {
            assert_eq!(root_of(text.as_bytes()).as_deref(), root, "{text}");
        }
    }

    #[test]
    fn classes_files_and_scripts_that_a_model_names_are_told() {
        let with = |body: &str| format!("<PMML version=\"4.4\">{body}</PMML>");
        let define = "<DefineFunction name=\"a.b\"/>";
        let own = "<DefineFunction name=\"own\"/><Apply function=\"own\"/>";
        for (body, count) in [
            ("<Apply function=\"ln\"/>".to_owned(), 0),
            ("<Apply function=\"a.b\"/>".to_owned(), 1),
            (format!("<Apply function=\"a.b\"/>{define}"), 1),
            (own.to_owned(), 0),
            ("<xi:include href=\"file:///etc/hostname\"/>".to_owned(), 1),
            ("<include xmlns=\"http://www.w3.org/2001/XInclude\" href=\"x\"/>".to_owned(), 1),
            ("<include href=\"x\"/>".to_owned(), 0),
            ("<Extension><script>x</script></Extension>".to_owned(), 1),
        ] {
            let found = told(&scan(with(&body), "m.pmml"));
            assert_eq!(found.len(), count, "{body}: {found:?}");
            assert!(found.iter().all(|told| told.starts_with("xml.foreign-content m.pmml@")), "{found:?}");
        }
    }

    #[test]
    fn pmml_is_quiet_and_a_doctype_in_it_critical_in_any_encoding() {
        let report = scan(PMML, "m.pmml");
        assert_eq!((report.format.0, told(&report)), ("pmml", vec![]));
        let attack = format!("<?xml version=\"1.0\"?><!DOCTYPE p [<!ENTITY x SYSTEM \"file:///x\">]>{PMML}");
        let wide: Vec<u8> = attack.encode_utf16().flat_map(u16::to_le_bytes).collect();
        let marked = [vec![0xff, 0xfe], wide.clone()].concat();
        for bytes in [attack.into_bytes(), wide, marked] {
            let report = scan(bytes, "m.pmml");
            assert_eq!(
                (report.findings[0].id, report.findings[0].severity),
                ("xml.doctype", Severity::Critical)
            );
        }
        let latin =
            b"<?xml version=\"1.0\" encoding=\"ISO-8859-1\"?><PMML><Header description=\"\xe4\"/></PMML>";
        assert_eq!(told(&scan(latin.as_slice(), "m.pmml")), [""; 0]);
        let unknown = b"<?xml version=\"1.0\" encoding=\"UTF-7\"?><PMML/>";
        assert_eq!(told(&scan(unknown.as_slice(), "m.pmml")), ["xml.malformed m.pmml@0"]);
    }

    #[test]
    fn other_documents_are_read_too() {
        let report = scan("<?xml version='1.0'?><a><b/></a>", "a.xml");
        assert_eq!((report.format.0, told(&report)), ("xml", vec![]));
        let report = scan("<?xml version='1.0'?><!DOCTYPE plist PUBLIC 'x' 'y'><plist/>", "a.xml");
        assert_eq!(report.findings[0].severity, Severity::High);
        let report = scan("<!DOCTYPE a [<!ENTITY b SYSTEM 'c'>]><a>&b;</a>", "a.xml");
        assert_eq!(report.findings[0].severity, Severity::Critical);
    }

    proptest! {
        #[test]
        fn any_text_ends(text in "(<|>|!|\\?|\\[|\\]|-|net|PMML|xml|DOCTYPE| |\"|&|a){0,60}") {
            scan(format!("<{text}").into_bytes(), "m.xml");
        }
    }
}
