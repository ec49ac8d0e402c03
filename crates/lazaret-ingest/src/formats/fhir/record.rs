//! One FHIR record as it arrived, and its strict reading.

use lazaret_core::{
    Body, Finding, Findings, Flow, FormatId, Limits, Locator, Meaning, Reading, Record, RecordPlace,
    Severity, UNINSPECTABLE,
};
use lazaret_input::json::{self, Document};

use super::attachment;
use super::meanings::walk;
use super::place;
use super::reading::FhirReading;
use super::subject;
use super::validate::validate;

/// The id of this format.
pub const FHIR_R4: FormatId = FormatId("fhir-r4");

/// One resource or Bundle.
pub(crate) struct FhirRecord {
    pub(crate) bytes: Vec<u8>,
    pub(crate) place: RecordPlace,
    /// Where it begins in its file.
    pub(crate) offset: u64,
}

impl Record for FhirRecord {
    fn place(&self) -> RecordPlace {
        self.place
    }

    fn format(&self) -> FormatId {
        FHIR_R4
    }

    fn body(&self) -> Body<'_> {
        Body::Held(&self.bytes)
    }

    fn may_describe_subject(&self) -> bool {
        subject::may_describe(&self.bytes)
    }

    fn read<'r>(&'r self, limits: &Limits, findings: &mut Findings) -> Option<Box<dyn Reading + 'r>> {
        let before = findings.faults().len();
        let document = read(&self.bytes, self.offset, limits, findings)?;
        let found = findings.faults().get(before..).unwrap_or(&[]);
        let is_valid = found.iter().all(|fault| fault.severity < Severity::Medium);
        let reading = FhirReading::of(document, &self.bytes, is_valid, limits)?;
        Some(Box::new(reading))
    }
}

/// Reads bytes as JSON and holds them against the definitions.
pub(crate) fn read<'r>(
    bytes: &'r [u8],
    offset: u64,
    limits: &Limits,
    findings: &mut Findings,
) -> Option<Document<'r>> {
    let parsed = json::parse_at(bytes, offset, limits);
    for fault in parsed.faults {
        let at = match (&parsed.document, fault.node) {
            (Some(document), Some(node)) => place::of(document, node),
            _ => Locator::offset(fault.offset.saturating_add(offset)),
        };
        findings.fault(Finding::new(fault.rule, at, fault.message));
    }
    let document = parsed.document?;
    if validate(&document, limits, findings) {
        report_opaque(&document, findings);
    }
    Some(document)
}

/// Attachments that no detector of text can read, and that the schema does not say are to go: not inspected.
fn report_opaque(document: &Document<'_>, findings: &mut Findings) {
    walk(document.root(), false, &mut |spot| {
        let decodes = || spot.node.as_str().and_then(attachment::decode).is_some();
        if spot.meaning == Meaning::Opaque && decodes() {
            let message = "an attachment that is no text, or whose text cannot be read: it was not inspected"; // one that does not decode has its own rule
            findings.fault(Finding::new(&UNINSPECTABLE, spot.place.locator(), message));
        }
        Flow::On
    });
}
