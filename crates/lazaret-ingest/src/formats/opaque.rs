//! What no format here reads: pictures, PDF, rich text, DICOM, archives, programs, anything unknown, and structured
//! text under a name that says it is a note, or under that of a format that is not read (SQL, YAML). It becomes one
//! record that says so, so that nothing is passed over in silence: `input.uninspectable`, and policy decides.

use std::sync::Arc;

use lazaret_core::{
    Finding, Format, FormatId, Hint, Likeness, Limits, Locator, Payload, Refused, Source, UNINSPECTABLE,
};
use lazaret_input::sniff::{self, HEAD, Kind};
use lazaret_input::structure;

use super::one::{One, Unread, whole};

/// The id of the format.
pub const FORMAT: FormatId = FormatId("opaque");

/// The format. It must be registered last: it takes what no other format knows.
#[derive(Debug, Clone, Copy, Default)]
pub struct OpaqueFormat;

impl Format for OpaqueFormat {
    fn id(&self) -> FormatId {
        FORMAT
    }

    fn recognise(&self, head: &[u8], _hint: &Hint) -> Likeness {
        match sniff::sniff(head) {
            Kind::Rtf | Kind::Hl7 => Likeness::Certain,
            // Compressed: whoever unpacks it says what is in it.
            Kind::Unknown | Kind::Gzip | Kind::Zstd | Kind::Zlib => Likeness::ByName,
            kind if kind.is_text() => Likeness::ByName,
            _ => Likeness::Certain,
        }
    }

    fn open(&self, source: Arc<dyn Source>, limits: &Limits) -> Result<Box<dyn Payload>, Refused> {
        let bytes = whole(source.as_ref(), limits)?;
        let named = source.hint().extension.as_deref().and_then(structure::by_ending);
        let why = Finding::new(&UNINSPECTABLE, Locator::document(), why(&bytes, named));
        Ok(Box::new(One::of(Arc::new(Unread { format: FORMAT, bytes, why }))))
    }
}

/// Why a structured text is no note, and the way out.
pub(crate) fn no_note(what: &str) -> String {
    format!(
        "this looks like {what} and not like prose: as a note its keys and columns would be lost. Name it by what it \
         is (.json, .ndjson; .csv with --schema)"
    )
}

/// Why nobody reads it. `named` is what the ending of its name says.
fn why(bytes: &[u8], named: Option<&str>) -> String {
    let head = bytes.get(..HEAD).unwrap_or(bytes);
    let kind = sniff::sniff(head);
    let text = kind.is_text() && !matches!(kind, Kind::Rtf | Kind::Empty);
    let structured = if text { structure::of_bytes(head) } else { None };
    if let Some(what) = structured.filter(|_| named.is_none()) {
        no_note(what)
    } else if let Some(named) = named.filter(|_| text) {
        format!("its name says {named}, which is not read here; a note is named .txt")
    } else if kind.is_image() {
        format!("a picture ({}): faces and burned-in text are not looked for", kind.name())
    } else {
        format!("no reader for this kind of file ({})", kind.name())
    }
}

#[cfg(test)]
mod tests {
    use lazaret_core::Findings;
    use lazaret_input::MemorySource;
    use proptest::prelude::*;

    use super::*;

    fn message(bytes: &[u8]) -> String {
        let source = Arc::new(MemorySource::new(bytes, Hint::default()));
        let mut payload = OpaqueFormat.open(source, &Limits::default()).unwrap();
        let record = payload.next().unwrap().unwrap();
        assert!(payload.next().unwrap().is_none());
        assert_eq!(record.body().held().unwrap(), bytes);
        let mut findings = Findings::new();
        assert!(record.read(&Limits::default(), &mut findings).is_none());
        let [fault] = findings.faults() else { panic!() };
        assert_eq!(fault.id, "input.uninspectable");
        fault.message.clone()
    }

    #[test]
    fn what_cannot_be_read_is_one_record_that_says_so() {
        assert!(message(b"\x89PNG\r\n\x1a\n....").contains("picture (png)"));
        assert!(message(b"%PDF-1.7\n").contains("(pdf)"));
        assert!(message(b"{\\rtf1\\ansi text}").contains("(rtf)"));
        assert!(message(b"PK\x03\x04....").contains("(zip)"));
        assert!(message(b"\x01\x02\x03\xFF").contains("(unknown)"));
        assert!(message(b"Id,LAST,FIRST\n1,Featherstone,Quillan\n").contains("looks like CSV"));
        assert!(message(b"x{\"resourceType\": \"Patient\"}").contains(".json"));
        let hint = Hint { extension: Some("yaml".to_owned()), ..Hint::default() };
        let source = Arc::new(MemorySource::new(&b"name: Featherstone\n"[..], hint));
        let record = OpaqueFormat.open(source, &Limits::default()).unwrap().next().unwrap().unwrap();
        let mut findings = Findings::new();
        record.read(&Limits::default(), &mut findings);
        assert!(findings.faults()[0].message.contains("its name says YAML"));
    }

    #[test]
    fn it_goes_before_a_name_and_after_a_reader() {
        let hint = Hint { extension: Some("txt".to_owned()), ..Hint::default() };
        assert_eq!(OpaqueFormat.recognise(b"%PDF-1.7\n", &hint), Likeness::Certain);
        assert_eq!(OpaqueFormat.recognise(b"\x01\x02\xFF", &hint), Likeness::ByName);
        assert_eq!(OpaqueFormat.recognise(b"She came in.", &hint), Likeness::ByName);
    }

    proptest! {
        #[test]
        fn any_bytes_are_told(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            prop_assert!(!message(&bytes).is_empty());
        }
    }
}
