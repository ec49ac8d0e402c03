//! The XML of the i2b2 2014 de-identification task (Stubbs and Uzuner, "Annotating longitudinal clinical narratives
//! for de-identification", J Biomed Inform 58, 2015): `<deIdi2b2><TEXT><![CDATA[…]]></TEXT><TAGS>…</TAGS></deIdi2b2>`,
//! a tag being `<NAME id="P0" start="1" end="5" text="…" TYPE="DOCTOR" comment=""/>`.
//!
//! Labels that have no name of their own there are kept in the tag's comment, as `lazaret:NAME.maiden`.

use std::fmt::Write as _;

use lazaret_core::{Flow, Label, Limits};
use lazaret_input::xml::{self, Attribute, Event};

use super::{Characters, CorpusError, Mark, Note, check_count, same_words, split};

/// What begins a comment that holds the label.
const OURS: &str = "lazaret:";

/// Each type of the task, the element it stands in, and the label it is here.
const TYPES: &[(&str, &str, &str)] = &[
    ("PATIENT", "NAME", "NAME.patient"),
    ("DOCTOR", "NAME", "NAME.provider"),
    ("USERNAME", "NAME", "OTHER_ID.username"),
    ("PROFESSION", "PROFESSION", "OTHER_ID.profession"),
    ("ROOM", "LOCATION", "OTHER_ID.room"),
    ("DEPARTMENT", "LOCATION", "LOCATION.department"),
    ("HOSPITAL", "LOCATION", "HOSPITAL"),
    ("ORGANIZATION", "LOCATION", "HOSPITAL.organization"),
    ("STREET", "LOCATION", "LOCATION.street"),
    ("CITY", "LOCATION", "LOCATION.city"),
    ("STATE", "LOCATION", "LOCATION.state"),
    ("COUNTRY", "LOCATION", "LOCATION.country"),
    ("ZIP", "LOCATION", "LOCATION.zip"),
    ("LOCATION-OTHER", "LOCATION", "LOCATION"),
    ("OTHER", "LOCATION", "LOCATION"),
    ("AGE", "AGE", "AGE"),
    ("DATE", "DATE", "DATE"),
    ("PHONE", "CONTACT", "PHONE"),
    ("FAX", "CONTACT", "FAX"),
    ("EMAIL", "CONTACT", "EMAIL"),
    ("URL", "CONTACT", "URL"),
    ("IPADDR", "CONTACT", "IP"),
    ("IPADDRESS", "CONTACT", "IP"),
    ("SSN", "ID", "SSN"),
    ("MEDICALRECORD", "ID", "MRN"),
    ("HEALTHPLAN", "ID", "HEALTH_PLAN"),
    ("ACCOUNT", "ID", "ACCOUNT"),
    ("LICENSE", "ID", "LICENSE"),
    ("VEHICLE", "ID", "VEHICLE"),
    ("DEVICE", "ID", "DEVICE"),
    ("BIOID", "ID", "BIOMETRIC"),
    ("IDNUM", "ID", "OTHER_ID"),
];

/// Reads a document. The text is checked to be what its tags say it is.
pub fn read(id: &str, bytes: &[u8], limits: &Limits) -> Result<Note, CorpusError> {
    let mut reading = Reading::default();
    let faults = xml::events_of_bytes(bytes, limits, |event| match reading.take(&event, limits) {
        Ok(()) => Flow::On,
        Err(error) => {
            reading.wrong = Some(error);
            Flow::Stop
        }
    });
    if let Some(fault) = faults.first() {
        return Err(CorpusError::new(format!("at byte {}: {}", fault.offset, fault.message)));
    }
    if let Some(error) = reading.wrong {
        return Err(error);
    }
    if !reading.has_text {
        return Err(CorpusError::new("is no i2b2 document: `deIdi2b2` has no `TEXT`"));
    }
    let characters = Characters::of(&reading.text);
    let mut marks = Vec::new();
    for Tag { offset, mark, text } in reading.tags {
        let here = |why: String| CorpusError::new(format!("at byte {offset}: {why}"));
        characters.check(mark.start, mark.end).map_err(|error| here(error.to_string()))?;
        let there = characters.get(mark.start, mark.end).unwrap_or("");
        if text.is_some_and(|text| !same_words(&text, there)) {
            return Err(here("the tag's text is not what stands at its offsets".to_owned()));
        }
        marks.push(mark);
    }
    Ok(Note { id: id.to_owned(), text: reading.text, marks, neutral: Vec::new(), traps: Vec::new() })
}

struct Tag {
    offset: u64,
    mark: Mark,
    text: Option<String>,
}

#[derive(Default)]
struct Reading {
    open: Vec<String>,
    text: String,
    has_text: bool,
    tags: Vec<Tag>,
    wrong: Option<CorpusError>,
}

impl Reading {
    fn take(&mut self, event: &Event<'_, '_>, limits: &Limits) -> Result<(), CorpusError> {
        let is_in = |open: &[String], path: &[&str]| open.iter().map(String::as_str).eq(path.iter().copied());
        match event {
            Event::Start { name, attributes, empty, offset } => {
                if self.open.is_empty() && *name != "deIdi2b2" {
                    return Err(CorpusError::new("is no i2b2 document: its root is not `deIdi2b2`"));
                }
                if is_in(&self.open, &["deIdi2b2"]) && *name == "TEXT" {
                    if self.has_text {
                        return Err(CorpusError::new(format!("at byte {offset}: a second `TEXT`")));
                    }
                    self.has_text = true;
                }
                if is_in(&self.open, &["deIdi2b2", "TAGS"]) {
                    check_count(self.tags.len().saturating_add(1), limits)?;
                    let tag = tag(name, attributes, *offset);
                    self.tags.push(tag.map_err(|why| CorpusError::new(format!("at byte {offset}: {why}")))?);
                }
                if !empty {
                    self.open.push((*name).to_owned());
                }
            }
            Event::End { .. } => drop(self.open.pop()),
            Event::Text { text, .. } if is_in(&self.open, &["deIdi2b2", "TEXT"]) => self.text.push_str(text),
            _ => {}
        }
        Ok(())
    }
}

fn tag(name: &str, attributes: &[Attribute<'_>], offset: u64) -> Result<Tag, String> {
    let get = |name: &str| attributes.iter().find(|one| one.name == name).map(|one| &*one.value);
    let number = |name: &str| {
        let number = get(name).and_then(|number| number.parse::<usize>().ok());
        number.ok_or_else(|| format!("the tag's `{name}` is not a whole number from 0"))
    };
    let ours = get("comment").and_then(|comment| comment.strip_prefix(OURS));
    let kind = get("TYPE").unwrap_or(name);
    let (label, sub) = split(ours.unwrap_or_else(|| label_of(kind)));
    if label.is_empty() {
        return Err("the tag has no label".to_owned());
    }
    let (start, end) = (number("start")?, number("end")?);
    let (label, sub) = (label.to_owned(), sub.map(str::to_owned));
    let mark = Mark { start, end, label, sub, score: None };
    Ok(Tag { offset, mark, text: get("text").map(str::to_owned) })
}

/// The label of a type; a type that the task does not have is its own label.
fn label_of(kind: &str) -> &str {
    TYPES.iter().find(|(own, ..)| *own == kind).map_or(kind, |(.., label)| *label)
}

/// The type of a label.
fn type_of<'m>(written: &str, kind: &'m str) -> &'m str {
    if let Some((own, ..)) = TYPES.iter().find(|(.., label)| *label == written) {
        return own;
    }
    Label::parse(written).or_else(|| Label::parse(kind)).map_or(kind, |label| label.i2b2())
}

/// Writes a document. Control characters have no form in XML and are refused.
pub fn write(note: &Note) -> Result<String, CorpusError> {
    let mut out = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\" ?>\n<deIdi2b2>\n<TEXT>");
    if let Some(at) = note.text.chars().position(|c| !is_xml(c)) {
        return Err(CorpusError::new(format!("character {at} has no form in XML")));
    }
    // `]]>` would end the section, and a reader of XML makes a carriage return a line feed (XML 1.0, 2.11).
    let section = note.text.replace("]]>", "]]]]><![CDATA[>").replace('\r', "]]>&#13;<![CDATA[");
    let _ = write!(out, "<![CDATA[{section}]]></TEXT>\n<TAGS>\n"); // writing to a String cannot fail
    let characters = Characters::of(&note.text);
    for (number, mark) in note.marks.iter().enumerate() {
        characters.check(mark.start, mark.end)?;
        let text = characters.get(mark.start, mark.end).unwrap_or("");
        let (kind, sub) = mark.kind();
        let written = sub.map_or_else(|| kind.to_owned(), |sub| format!("{kind}.{sub}"));
        if kind.is_empty() || !written.chars().all(is_xml) {
            return Err(CorpusError::new(format!("the label of span {number} has no form in XML")));
        }
        let own = type_of(&written, kind);
        let element = TYPES.iter().find(|(one, ..)| *one == own).map_or("PHI", |(_, element, _)| *element);
        let is_kept = label_of(own) == written;
        let comment = if is_kept { String::new() } else { format!("{OURS}{}", escaped(&written)) };
        let _ = writeln!(
            out,
            "<{element} id=\"P{number}\" start=\"{}\" end=\"{}\" text=\"{}\" TYPE=\"{}\" comment=\"{comment}\" />",
            mark.start,
            mark.end,
            escaped(text),
            escaped(own)
        );
    }
    out.push_str("</TAGS>\n</deIdi2b2>\n");
    Ok(out)
}

/// Whether XML has the character (XML 1.0, 2.2).
fn is_xml(character: char) -> bool {
    matches!(character, '\t' | '\n' | '\r' | ' '..='\u{fffd}' | '\u{10000}'..)
}

/// A value of an attribute.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\t' => out.push_str("&#9;"),
            '\n' => out.push_str("&#10;"),
            '\r' => out.push_str("&#13;"),
            other => out.push(other),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::tests::notes;
    use super::*;

    fn again(note: &Note) -> Note {
        read(&note.id, write(note).unwrap().as_bytes(), &Limits::default()).unwrap()
    }

    #[test]
    fn a_document_of_the_task_is_read() {
        let document = "<?xml version=\"1.0\" encoding=\"UTF-8\" ?>\n<deIdi2b2>\n<TEXT><![CDATA[\nSeen by Ottoline <\u{1f600}> Frayne in \u{e9}, 5]]></TEXT>\n<TAGS>\n\
            <NAME id=\"P0\" start=\"9\" end=\"28\" text=\"Ottoline &lt;\u{1f600}&gt; Frayne\" TYPE=\"DOCTOR\" comment=\"\" />\n\
            <LOCATION id=\"P1\" start=\"32\" end=\"33\" text=\"\u{e9}\" TYPE=\"OTHER\" comment=\"\" />\n</TAGS>\n</deIdi2b2>\n";
        let note = read("7", document.as_bytes(), &Limits::default()).unwrap();
        let kinds: Vec<_> = note.marks.iter().map(Mark::kind).collect();
        assert_eq!(kinds, [("NAME", Some("provider")), ("LOCATION", None)]);
        assert!(again(&note) == note);
    }

    #[test]
    fn what_is_no_such_document_is_refused_with_its_place() {
        let body = |tags: &str| format!("<deIdi2b2><TEXT>ab</TEXT><TAGS>{tags}</TAGS></deIdi2b2>");
        for (document, said) in [
            ("<!DOCTYPE a><deIdi2b2/>".to_owned(), "at byte 0"),
            ("<other/>".to_owned(), "its root is not `deIdi2b2`"),
            ("<deIdi2b2/>".to_owned(), "has no `TEXT`"),
            ("<deIdi2b2><TEXT/><TEXT/></deIdi2b2>".to_owned(), "a second `TEXT`"),
            (body("<AGE start='0' end='3'/>"), "at byte 31: span 0..3 is outside"),
            (body("<AGE start='x' end='3'/>"), "`start` is not a whole number"),
            (body("<AGE start='0' end='1' text='b'/>"), "not what stands at its offsets"),
            (body("<AGE start='0' end='1' TYPE=''/>"), "no label"),
        ] {
            let told = read("x", document.as_bytes(), &Limits::default()).unwrap_err().to_string();
            assert!(told.contains(said), "{document}: {told}");
        }
    }

    #[test]
    fn every_kind_comes_back_as_it_was() {
        for label in lazaret_core::Kind::ALL.into_iter().map(Label::of).chain(Label::SUBS) {
            let mark = Mark {
                start: 0,
                end: 1,
                label: label.kind.name().to_owned(),
                sub: label.sub.map(str::to_owned),
                score: None,
            };
            let text = "a]]>\r\n]]\u{1f600}".to_owned();
            let note =
                Note { id: "x".to_owned(), text, marks: vec![mark], neutral: Vec::new(), traps: Vec::new() };
            assert!(again(&note) == note, "{label}");
        }
    }

    proptest! {
        #[test]
        fn round_trip(note in notes("(\\PC|\\]\\]>|\r\n|[\r\n\t\u{1f600}<>&\"'\\]]){0,60}")) {
            prop_assume!(note.text.chars().all(is_xml));
            prop_assert!(again(&note) == note);
        }

        #[test]
        fn any_text_ends(text in "(<deIdi2b2>|<TEXT>|</TEXT>|<TAGS>|<AGE |start=\"0\" |/>|\\PC){0,40}") {
            let _ = read("x", text.as_bytes(), &Limits::default());
        }
    }
}
