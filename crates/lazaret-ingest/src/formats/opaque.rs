//! What no format here reads: pictures, PDF, rich text, DICOM, archives, programs, anything unknown. It becomes one
//! record that says so, so that nothing is passed over in silence: `input.uninspectable`, and policy decides.

use std::sync::Arc;

use lazaret_core::{
    Finding, Findings, Format, FormatId, Hint, Likeness, Limits, Locator, Payload, Reading, Record,
    RecordPlace, Refused, Source, UNINSPECTABLE,
};
use lazaret_input::sniff::{self, HEAD, Kind};

use super::one::{One, whole};

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
        Ok(Box::new(One::of(Arc::new(Opaque { bytes }))))
    }
}

struct Opaque {
    bytes: Vec<u8>,
}

impl Record for Opaque {
    fn place(&self) -> RecordPlace {
        RecordPlace { number: 0, line: None }
    }

    fn format(&self) -> FormatId {
        FORMAT
    }

    fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    fn read<'r>(&'r self, _limits: &Limits, findings: &mut Findings) -> Option<Box<dyn Reading + 'r>> {
        let kind = sniff::sniff(self.bytes.get(..HEAD).unwrap_or(&self.bytes));
        let what = if kind.is_image() {
            format!("a picture ({}): faces and burned-in text are not looked for", kind.name())
        } else {
            format!("no reader for this kind of file ({})", kind.name())
        };
        findings.fault(Finding::new(&UNINSPECTABLE, Locator::document(), what));
        None
    }
}

#[cfg(test)]
mod tests {
    use lazaret_input::MemorySource;
    use proptest::prelude::*;

    use super::*;

    fn message(bytes: &[u8]) -> String {
        let source = Arc::new(MemorySource::new(bytes, Hint::default()));
        let mut payload = OpaqueFormat.open(source, &Limits::default()).unwrap();
        let record = payload.next().unwrap().unwrap();
        assert!(payload.next().unwrap().is_none());
        assert_eq!(record.bytes(), bytes);
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
    }

    #[test]
    fn it_goes_before_a_name_and_after_a_reader() {
        let hint = Hint { extension: Some("txt".to_owned()), media_type: None };
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
