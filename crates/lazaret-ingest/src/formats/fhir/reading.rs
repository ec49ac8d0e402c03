//! A FHIR record as it was understood.

use lazaret_core::{Edits, Flow, Identity, Reading, Refused, Segment, Sensitivity, SubjectRef};
use lazaret_input::json::Document;

use super::invariants::text;
use super::table::table;

/// One resource or Bundle, understood.
pub(crate) struct FhirReading<'r> {
    document: Document<'r>,
    bytes: &'r [u8],
    kind: &'static str,
}

impl<'r> FhirReading<'r> {
    /// None where the document is no resource of R4.
    pub(crate) fn of(document: Document<'r>, bytes: &'r [u8]) -> Option<Self> {
        let shape = table().resource(text(document.root(), "resourceType")?)?;
        Some(Self { document, bytes, kind: table().shape(shape).name })
    }
}

impl Reading for FhirReading<'_> {
    fn kind(&self) -> &str {
        self.kind
    }

    fn identity(&self) -> Identity<'_> {
        let root = self.document.root();
        Identity { id: text(root, "id"), version: root.get("meta").and_then(|meta| text(meta, "versionId")) }
    }

    fn subject(&self) -> Option<SubjectRef<'_>> {
        None
    }

    fn sensitivity(&self) -> Vec<Sensitivity> {
        Vec::new()
    }

    fn segments(&self, _visit: &mut dyn FnMut(Segment<'_>) -> Flow) -> Result<(), Refused> {
        Ok(())
    }

    fn write(&self, _edits: &Edits, out: &mut dyn std::io::Write) -> Result<(), Refused> {
        out.write_all(self.bytes)
            .map_err(|_| Refused::new("input.uninspectable", "the output could not be written"))
    }
}
