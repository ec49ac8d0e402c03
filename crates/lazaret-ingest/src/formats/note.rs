//! A plain-text note: the whole file is one record, and its text is free text about a patient.
//!
//! Whose note it is cannot be read from it, and the file's name is never used: hospitals put numbers and names
//! into those, and a wrong guess would seek the wrong patient's names. It is told ([`NoteFormat::about`]), or it
//! is not known, which is a finding. UTF-8, and UTF-16 with a byte order mark, are read; any other charset must
//! be told, as nothing in the bytes says which it is. What is not edited is written as it was, byte for byte.
//!
//! A structured file is no note, whatever it is named, and a file whose name says a structured format is none,
//! whatever is in it: as free text what its keys and columns say would be lost.

use std::borrow::Cow;
use std::io::Write;
use std::sync::Arc;

use lazaret_core::{
    Body, Content, Edits, Finding, Findings, Flow, Format, FormatId, Hint, Identity, Likeness, Limits,
    Locator, Meaning, Payload, Place, Reading, Record, RecordPlace, Refused, Segment, Source, SubjectRef,
    UNINSPECTABLE,
};
use lazaret_input::BYTE_ORDER_MARK;
use lazaret_input::charset::{self, Charset};
use lazaret_input::sniff::{self, Kind};
use lazaret_input::structure;

use super::one::{One, whole};

use super::opaque;

/// The id of the format.
pub const FORMAT: FormatId = FormatId("note");

/// The format.
#[derive(Debug, Clone, Default)]
pub struct NoteFormat {
    subject: Option<Arc<str>>,
    charset: Option<Arc<str>>,
}

impl NoteFormat {
    /// Notes whose subject is not known, in UTF-8.
    pub fn new() -> Self {
        Self::default()
    }

    /// Notes about one patient, as records name it: `Patient/129c…`.
    #[must_use]
    pub fn about(mut self, subject: &str) -> Self {
        self.subject = Some(subject.into());
        self
    }

    /// Notes in a charset that their bytes do not tell: `windows-1252`.
    #[must_use]
    pub fn in_charset(mut self, charset: &str) -> Self {
        self.charset = Some(charset.into());
        self
    }
}

impl Format for NoteFormat {
    fn id(&self) -> FormatId {
        FORMAT
    }

    fn recognise(&self, head: &[u8], hint: &Hint) -> Likeness {
        let says = |ending: &str| structure::by_ending(ending).is_some();
        if hint.extension.as_deref().is_some_and(says)
            || hint.media_type.as_deref().is_some_and(|media| structure::by_media_type(media).is_some())
            || structure::of_bytes(head).is_some()
        {
            return Likeness::No;
        }
        let named = matches!(hint.extension.as_deref(), Some("txt" | "text" | "note" | "md"))
            || hint.media_type.as_deref().is_some_and(|media| media.starts_with("text/plain"));
        let kind = sniff::sniff(head);
        match kind {
            Kind::Text => Likeness::Possible,
            Kind::Csv | Kind::Empty if named => Likeness::Possible,
            // Text in a charset that was told looks like nothing known.
            Kind::Unknown if named => Likeness::ByName,
            _ if named && kind.is_text() && kind != Kind::Rtf => Likeness::ByName,
            _ => Likeness::No,
        }
    }

    fn open(&self, source: Arc<dyn Source>, limits: &Limits) -> Result<Box<dyn Payload>, Refused> {
        let bytes = whole(source.as_ref(), limits)?;
        let note = Note { bytes, subject: self.subject.clone(), charset: self.charset.clone() };
        Ok(Box::new(One::of(Arc::new(note))))
    }
}

struct Note {
    bytes: Vec<u8>,
    subject: Option<Arc<str>>,
    charset: Option<Arc<str>>,
}

impl Record for Note {
    fn place(&self) -> RecordPlace {
        RecordPlace { number: 0, line: None }
    }

    fn format(&self) -> FormatId {
        FORMAT
    }

    fn body(&self) -> Body<'_> {
        Body::Held(&self.bytes)
    }

    fn read<'r>(&'r self, _limits: &Limits, findings: &mut Findings) -> Option<Box<dyn Reading + 'r>> {
        match charset::decode(&self.bytes, self.charset.as_deref()) {
            Ok((text, charset)) => {
                if charset.has_mark() {
                    let message = "the note begins with a byte order mark";
                    findings.fault(Finding::new(&BYTE_ORDER_MARK, Locator::offset(0), message));
                }
                // Its charset may have been told, and its head may have been prose.
                if let Some(what) = structure::of_text(&text, false) {
                    let message = opaque::no_note(what);
                    findings.fault(Finding::new(&UNINSPECTABLE, Locator::document(), message));
                    return None;
                }
                Some(Box::new(ReadNote { note: self, text, charset }))
            }
            Err(error) => {
                findings.fault(Finding::new(error.rule(), Locator::document(), error.to_string()));
                None
            }
        }
    }
}

struct ReadNote<'r> {
    note: &'r Note,
    text: Cow<'r, str>,
    charset: Charset,
}

impl Reading for ReadNote<'_> {
    fn kind(&self) -> &'static str {
        "note"
    }

    fn identity(&self) -> Identity<'_> {
        Identity::default()
    }

    fn subject(&self) -> Option<SubjectRef<'_>> {
        self.note.subject.as_deref().map(|id| SubjectRef { id })
    }

    fn segments(&self, visit: &mut dyn FnMut(Segment<'_>) -> Flow) -> Result<(), Refused> {
        if !self.text.is_empty() {
            visit(Segment {
                place: &Place::root("."),
                content: Content::Text(&self.text),
                meaning: Meaning::Text,
                subject: None,
                domain: "",
            });
        }
        Ok(())
    }

    fn write(&self, edits: &Edits, out: &mut dyn Write) -> Result<(), Refused> {
        let put = |out: &mut dyn Write, bytes: &[u8]| {
            out.write_all(bytes).map_err(|_| Refused::new(UNINSPECTABLE.id, "the note could not be written"))
        };
        if edits.of(0).is_empty() {
            return put(out, &self.note.bytes);
        }
        let edited = edits
            .apply(0, &self.text)
            .ok_or_else(|| Refused::new(UNINSPECTABLE.id, "an edit is not within the note"))?;
        let bytes = self
            .charset
            .encode(&edited)
            .map_err(|error| Refused::new(UNINSPECTABLE.id, error.to_string()))?;
        put(out, &bytes)
    }
}

#[cfg(test)]
mod tests {
    use lazaret_core::{Edit, Span};
    use lazaret_input::MemorySource;
    use proptest::prelude::*;

    use super::*;

    fn record(format: &NoteFormat, bytes: &[u8]) -> Arc<dyn Record> {
        let source = Arc::new(MemorySource::new(bytes, Hint::default()));
        let mut payload = format.open(source, &Limits::default()).unwrap();
        let record = payload.next().unwrap().unwrap();
        assert!(payload.next().unwrap().is_none());
        assert_eq!(payload.position(), bytes.len() as u64);
        record
    }

    fn faults(record: &dyn Record) -> Vec<&'static str> {
        let mut findings = Findings::new();
        record.read(&Limits::default(), &mut findings);
        findings.faults().iter().map(|fault| fault.id).collect()
    }

    fn edited(format: &NoteFormat, bytes: &[u8], from: usize, to: usize) -> Result<Vec<u8>, Refused> {
        let record = record(format, bytes);
        let reading = record.read(&Limits::default(), &mut Findings::new()).unwrap();
        let mut edits = Edits::none();
        let with = "[NAME]".to_owned().into();
        edits.push(0, Edit { span: Span::new(from, to), with, whole: false }).unwrap();
        let mut out = Vec::new();
        reading.write(&edits, &mut out)?;
        Ok(out)
    }

    #[test]
    fn a_note_is_one_text_about_whom_it_is_told() {
        let bytes = "Frau Müller kam heute.\r\n".as_bytes();
        let known = record(&NoteFormat::new().about("Patient/p1"), bytes);
        let reading = known.read(&Limits::default(), &mut Findings::new()).unwrap();
        assert_eq!((reading.kind(), reading.subject().unwrap().id), ("note", "Patient/p1"));
        let mut seen = Vec::new();
        reading
            .segments(&mut |segment| {
                seen.push((segment.place.to_string(), segment.text().unwrap().to_owned(), segment.meaning));
                Flow::On
            })
            .unwrap();
        assert_eq!(seen, [(".".to_owned(), "Frau Müller kam heute.\r\n".to_owned(), Meaning::Text)]);
        let unknown = record(&NoteFormat::new(), bytes);
        assert!(unknown.read(&Limits::default(), &mut Findings::new()).unwrap().subject().is_none());
        assert!(faults(unknown.as_ref()).is_empty());
    }

    #[test]
    fn an_edit_changes_its_span_and_no_more_in_any_charset() {
        let utf8 = NoteFormat::new();
        let expected = "Frau [NAME] kam.".as_bytes();
        assert_eq!(edited(&utf8, "Frau Müller kam.".as_bytes(), 5, 12).unwrap(), expected);
        let latin = NoteFormat::new().in_charset("windows-1252");
        let expected = b"F\xFCr [NAME] \xE4rztlich";
        assert_eq!(edited(&latin, b"F\xFCr M\xFCller \xE4rztlich", 5, 12).unwrap(), expected);
        let utf16: Vec<u8> =
            [0xFEFF_u16].into_iter().chain("Zoë kam".encode_utf16()).flat_map(u16::to_le_bytes).collect();
        let expected: Vec<u8> =
            [0xFEFF_u16].into_iter().chain("[NAME] kam".encode_utf16()).flat_map(u16::to_le_bytes).collect();
        assert_eq!(edited(&utf8, &utf16, 0, 4).unwrap(), expected);
        assert_eq!(faults(record(&utf8, &utf16).as_ref()), ["input.byte-order-mark"]);
        assert!(edited(&utf8, b"short", 0, 99).is_err());
    }

    #[test]
    fn what_is_no_text_is_told_and_not_guessed() {
        for bytes in [&b"a\0b"[..], b"M\xFCller", b"\xFF\xFEa"] {
            let record = record(&NoteFormat::new(), bytes);
            assert_eq!(faults(record.as_ref()), ["input.uninspectable"]);
            assert!(record.read(&Limits::default(), &mut Findings::new()).is_none());
        }
    }

    #[test]
    fn a_note_above_the_limit_is_refused_whole() {
        let mut limits = Limits::default();
        limits.set(lazaret_input::MAX_RECORD.key(), 4);
        let source = Arc::new(MemorySource::new(&b"12345"[..], Hint::default()));
        let Err(refused) = NoteFormat::new().open(source, &limits) else { panic!() };
        assert_eq!(refused.rule, "limit.record-size");
    }

    #[test]
    fn text_is_known_by_content_or_by_name() {
        let txt = Hint { extension: Some("txt".to_owned()), ..Hint::default() };
        let format = NoteFormat::new();
        assert_eq!(format.recognise(b"She came in today.\n", &Hint::default()), Likeness::Possible);
        assert_eq!(format.recognise(b"a, well\nb, ill\n", &txt), Likeness::Possible);
        assert_eq!(format.recognise(b"[ ] fever [x] cough", &txt), Likeness::ByName);
        assert_eq!(format.recognise(b"{\"a\": 1}", &Hint::default()), Likeness::No);
        assert_eq!(format.recognise(b"%PDF-1.7\n", &txt), Likeness::No);
    }

    #[test]
    fn what_is_structured_by_name_or_by_content_is_no_note() {
        let format = NoteFormat::new();
        let named = |ending: &str| Hint { extension: Some(ending.to_owned()), ..Hint::default() };
        let prose = b"She came in today, well.\n";
        for ending in ["json", "ndjson", "jsonl", "csv", "tsv", "xml", "sql", "yaml", "yml", "html", "hl7"] {
            assert_eq!(format.recognise(prose, &named(ending)), Likeness::No, "{ending}");
            assert_eq!(format.recognise(b"null", &named(ending)), Likeness::No, "{ending}");
        }
        for text in ["a,b\n1,2\n3,4\n", "{\"a\": 1}", "MSH|^~\\&|LAB\rPID|1\r", "<?xml version='1.0'?><a/>"] {
            assert_eq!(format.recognise(text.as_bytes(), &named("txt")), Likeness::No, "{text}");
            assert_eq!(format.recognise(text.as_bytes(), &Hint::default()), Likeness::No, "{text}");
            assert_eq!(faults(record(&format, text.as_bytes()).as_ref()), ["input.uninspectable"], "{text}");
        }
        // Its charset is told, so its head is not read as text.
        let utf16: Vec<u8> = "{\"a\": [1, 2]}".encode_utf16().flat_map(u16::to_be_bytes).collect();
        let told = NoteFormat::new().in_charset("utf-16be");
        assert_eq!(faults(record(&told, &utf16).as_ref()), ["input.uninspectable"]);
        // A record below a page of prose.
        let hidden = format!("{}\n{{\"resourceType\": \"Patient\"}}\n", "She came in, well. ".repeat(2_000));
        assert_eq!(faults(record(&format, hidden.as_bytes()).as_ref()), ["input.uninspectable"]);
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_told_and_written_as_they_were(
            bytes in prop::collection::vec(any::<u8>(), 0..80),
            charset in prop::option::of(prop::sample::select(vec!["utf-8", "windows-1252", "utf-16le", "shift_jis", "no-such"])),
        ) {
            let format = charset.map_or(NoteFormat::new(), |charset| NoteFormat::new().in_charset(charset));
            let record = record(&format, &bytes);
            prop_assert_eq!(record.body().held().unwrap(), &bytes);
            let mut findings = Findings::new();
            match record.read(&Limits::default(), &mut findings) {
                None => prop_assert!(!findings.faults().is_empty()),
                Some(reading) => {
                    let mut out = Vec::new();
                    reading.write(&Edits::none(), &mut out).unwrap();
                    prop_assert_eq!(&out, &bytes);
                }
            }
        }
    }
}
