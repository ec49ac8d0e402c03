//! A FHIR record as it was understood.

use std::io::Write;

use lazaret_core::{
    Content, Edits, Findings, Flow, Identity, Label, Limits, Meaning, Reading, Refused, Segment, Sensitivity,
    Severity, SubjectRef, UNINSPECTABLE,
};
use lazaret_input::json::{Document, Node};

use super::meanings::{Held, Part, walk};
use super::nodes::text;
use super::phi;
use super::record::read;
use super::subject::{self, Entries};
use super::table::table;
use super::write;

/// One resource or Bundle, understood.
pub(crate) struct FhirReading<'r> {
    document: Document<'r>,
    bytes: &'r [u8],
    kind: &'static str,
    subject: Option<String>,
    describes_subject: bool,
    is_valid: bool,
    limits: Limits,
}

impl<'r> FhirReading<'r> {
    /// None where the document is no resource of R4. `is_valid` says that nothing was found against it.
    pub(crate) fn of(
        document: Document<'r>,
        bytes: &'r [u8],
        is_valid: bool,
        limits: &Limits,
    ) -> Option<Self> {
        let root = document.root();
        let shape = table().resource(text(root, "resourceType")?)?;
        let kind = table().shape(shape).name;
        let subject = subject::of(root, &Entries::default());
        let describes_subject = subject::describes(root);
        let limits = limits.clone();
        Some(Self { document, bytes, kind, subject, describes_subject, is_valid, limits })
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
        self.subject.as_deref().map(|id| SubjectRef { id })
    }

    fn describes_subject(&self) -> bool {
        self.describes_subject
    }

    fn sensitivity(&self) -> Vec<Sensitivity> {
        subject::sensitivity(self.document.root())
    }

    fn facts(&self, visit: &mut dyn FnMut(SubjectRef<'_>, Label, &str)) -> Result<(), Refused> {
        if !self.describes_subject {
            return Ok(());
        }
        walk(self.document.root(), self.is_valid, &mut |spot| {
            let subject = spot.subject.or(self.subject.as_deref());
            if let (Meaning::Identifier(label), Held::Text(text), Some(id)) =
                (spot.meaning, spot.held, subject)
                && subject::DESCRIBING.contains(&spot.resource)
                && phi::is_sought_in_notes(label, element_of(spot.node))
            {
                visit(SubjectRef { id }, label, text);
            }
            Flow::On
        });
        Ok(())
    }

    fn segments(&self, visit: &mut dyn FnMut(Segment<'_>) -> Flow) -> Result<(), Refused> {
        walk(self.document.root(), self.is_valid, &mut |spot| {
            visit(Segment {
                place: spot.place,
                content: match spot.held {
                    Held::Text(text) => Content::Text(text),
                    Held::Bytes(bytes) => Content::Bytes(bytes),
                },
                meaning: spot.meaning,
                subject: spot.subject.map(|id| SubjectRef { id }),
                domain: spot.domain,
            })
        });
        Ok(())
    }

    fn write(&self, edits: &Edits, out: &mut dyn Write) -> Result<(), Refused> {
        let unwritten = |_| Refused::new(UNINSPECTABLE.id, "the output took no more bytes");
        let end = self.document.root().span().end;
        if self.bytes.get(end..).is_some_and(|rest| !rest.trim_ascii().is_empty()) {
            // They belong to no element, so that nothing could be taken out of them.
            return Err(Refused::new(UNINSPECTABLE.id, "bytes stand after the record"));
        }
        if edits.is_empty() {
            return out.write_all(self.bytes).map_err(unwritten);
        }
        let written = write::edited(&self.document, self.is_valid, self.bytes, edits)?;
        if self.is_valid {
            holds(&written, &self.limits)?;
        } else if self.all_outside_goes(edits) {
            is_within_the_schema(&written, &self.limits)?;
        }
        out.write_all(&written).map_err(unwritten)
    }
}

impl FhirReading<'_> {
    /// Whether the edits leave nothing that lies outside the schema.
    fn all_outside_goes(&self, edits: &Edits) -> bool {
        let mut number = 0_usize;
        let mut all = true;
        walk(self.document.root(), self.is_valid, &mut |spot| {
            all &= spot.part != Part::Outside || !edits.of(number).is_empty();
            number = number.saturating_add(1);
            if all { Flow::On } else { Flow::Stop }
        });
        all
    }
}

/// What was taken out of a record because it lies outside the schema must not stand in what is written.
fn is_within_the_schema(written: &[u8], limits: &Limits) -> Result<(), Refused> {
    let refused = |at: &dyn std::fmt::Display| {
        let reason = format!("what lies outside the schema cannot be taken out of it, at {at}");
        Refused::new(UNINSPECTABLE.id, reason)
    };
    let Some(document) = read(written, 0, limits, &mut Findings::new()) else {
        return Err(refused(&lazaret_core::Locator::document()));
    };
    let mut left = None;
    walk(document.root(), false, &mut |spot| {
        if spot.part != Part::Outside {
            return Flow::On;
        }
        left = Some(spot.place.locator());
        Flow::Stop
    });
    left.map_or(Ok(()), |at| Err(refused(&at)))
}

/// The key of a value, or of the array it is in.
fn element_of<'d>(node: Node<'d, '_>) -> &'d str {
    node.key().or_else(|| node.parent().and_then(|array| array.key())).unwrap_or("")
}

/// What was valid must be valid as it is written: anything else is a fault of ours, and the record is refused.
fn holds(written: &[u8], limits: &Limits) -> Result<(), Refused> {
    let mut findings = Findings::new();
    read(written, 0, limits, &mut findings);
    match findings.faults().iter().find(|fault| fault.severity >= Severity::Medium) {
        None => Ok(()),
        Some(fault) => {
            let reason = format!(
                "with its edits the record would break {} at {}: {}",
                fault.id, fault.at, fault.message
            );
            Err(Refused::new(UNINSPECTABLE.id, reason))
        }
    }
}
