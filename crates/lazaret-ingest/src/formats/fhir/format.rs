//! The format: which sources are FHIR, and how they come apart into records.

use std::sync::Arc;

use lazaret_core::{
    Body, Finding, Findings, Flow, Format, FormatId, Hint, Likeness, LimitExceeded, Limits, Locator, Payload,
    Reading, Record, RecordPlace, Refused, Source, UNINSPECTABLE,
};
use lazaret_input::decompress;
use lazaret_input::xml;
use lazaret_input::{Lines, RECORD_SIZE, SourceReader, head};

use super::record::{FHIR_R4, FhirRecord};
use crate::formats::one::{One, whole};

/// How much of a source says whether it is one record.
const HEAD: usize = 4 << 10;

/// FHIR R4 in JSON: NDJSON with one resource a line, or one resource or Bundle a file. FHIR in XML is recognised
/// and held, not read.
#[derive(Debug, Clone, Copy, Default)]
pub struct FhirR4;

impl Format for FhirR4 {
    fn id(&self) -> FormatId {
        FHIR_R4
    }

    fn recognise(&self, head: &[u8], hint: &Hint) -> Likeness {
        let by_name = match hint.extension.as_deref() {
            Some("ndjson" | "jsonl" | "json") => Likeness::ByName,
            _ if hint.media_type.as_deref().is_some_and(|of| of.contains("fhir")) => Likeness::ByName,
            _ => Likeness::No,
        };
        let text = skip_mark(head).trim_ascii_start();
        match text.first() {
            Some(b'{') if has(text, b"\"resourceType\"") => Likeness::Certain,
            Some(b'{' | b'[') if by_name == Likeness::ByName => Likeness::Possible,
            Some(b'<') if has(text, b"http://hl7.org/fhir") => Likeness::Certain,
            Some(b'<') if hint.extension.as_deref() == Some("xml") => Likeness::Possible,
            _ => by_name,
        }
    }

    fn open(&self, source: Arc<dyn Source>, limits: &Limits) -> Result<Box<dyn Payload>, Refused> {
        let hint = source.hint();
        let head = head(source.as_ref(), HEAD).map_err(|error| decompress::refused(&error))?;
        let start = skip_mark(&head).trim_ascii_start();
        let place = RecordPlace { number: 0, line: None };
        if start.starts_with(b"<") {
            let bytes = whole(source.as_ref(), limits)?;
            return Ok(Box::new(One::of(Arc::new(Unread { place, bytes, why: Why::Xml }))));
        }
        if is_one_record(start, &hint, head.len() >= HEAD) {
            let bytes = whole(source.as_ref(), limits)?;
            return Ok(Box::new(One::of(Arc::new(FhirRecord { bytes, place, offset: 0 }))));
        }
        Ok(Box::new(Ndjson { lines: Lines::of_source(source, limits), number: 0 }))
    }
}

fn skip_mark(bytes: &[u8]) -> &[u8] {
    bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes)
}

fn has(text: &[u8], what: &[u8]) -> bool {
    text.windows(what.len()).any(|window| window == what)
}

/// Whether a file is one record. Its name says so (`.json`, `.ndjson`); where it does not, a first line that is a
/// whole object says NDJSON.
fn is_one_record(start: &[u8], hint: &Hint, is_more: bool) -> bool {
    match hint.extension.as_deref() {
        Some("json") => return true,
        Some("ndjson" | "jsonl") => return false,
        _ => {}
    }
    let mut lines = start.split(|byte| *byte == b'\n');
    let first = lines.next().unwrap_or(&[]).trim_ascii();
    let is_whole = first.starts_with(b"{") && first.ends_with(b"}");
    let goes_on = lines.any(|line| !line.trim_ascii().is_empty());
    let beyond_head = is_more && !start.contains(&b'\n');
    !((is_whole && goes_on) || beyond_head)
}

/// One record a line.
struct Ndjson {
    lines: Lines<SourceReader>,
    number: u64,
}

impl Payload for Ndjson {
    fn next(&mut self) -> Result<Option<Arc<dyn Record>>, Refused> {
        loop {
            let Some(line) = self.lines.next().map_err(|error| decompress::refused(&error))? else {
                return Ok(None);
            };
            if line.bytes.is_ok_and(|bytes| bytes.trim_ascii().is_empty()) {
                continue;
            }
            let place = RecordPlace { number: self.number, line: Some(line.number) };
            self.number = self.number.saturating_add(1);
            return Ok(Some(match line.bytes {
                Ok(bytes) => Arc::new(FhirRecord { bytes: bytes.to_vec(), place, offset: line.offset }),
                Err(limit) => {
                    Arc::new(Unread { place, bytes: line.beginning.to_vec(), why: Why::TooLong(limit) })
                }
            }));
        }
    }

    fn position(&self) -> u64 {
        self.lines.offset()
    }
}

/// A record that is not read: its reading says why.
struct Unread {
    place: RecordPlace,
    bytes: Vec<u8>,
    why: Why,
}

enum Why {
    TooLong(LimitExceeded),
    Xml,
}

impl Record for Unread {
    fn place(&self) -> RecordPlace {
        self.place
    }

    fn format(&self) -> FormatId {
        FHIR_R4
    }

    fn body(&self) -> Body<'_> {
        Body::Held(&self.bytes)
    }

    fn read<'r>(&'r self, limits: &Limits, findings: &mut Findings) -> Option<Box<dyn Reading + 'r>> {
        match &self.why {
            Why::TooLong(limit) => {
                let what = format!(
                    "{limit}. Only its first {} bytes are kept; the rest stays in its file",
                    self.bytes.len()
                );
                findings.fault(Finding::new(&RECORD_SIZE, Locator::document(), what));
            }
            Why::Xml => {
                let faults = xml::events_of_bytes(&self.bytes, limits, |_| Flow::On);
                for fault in &faults {
                    let at = Locator::offset(fault.offset);
                    findings.fault(Finding::new(fault.rule, at, fault.message.clone()));
                }
                if faults.is_empty() {
                    let message = "FHIR in XML is not read; send it as JSON";
                    findings.fault(Finding::new(&UNINSPECTABLE, Locator::document(), message));
                }
            }
        }
        None
    }
}
