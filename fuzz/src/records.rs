//! What reads clinical records.

use std::fmt::Write as _;
use std::sync::{Arc, LazyLock};

use lazaret_core::{Edit, Edits, Findings, Flow, Format, Hint, Limits, Span};
use lazaret_ingest::formats::csv::{CsvFormat, Schema};
use lazaret_ingest::formats::fhir::FhirR4;
use lazaret_ingest::formats::note::NoteFormat;
use lazaret_input::MemorySource;

/// CSV by a schema and without one.
pub fn csv(bytes: &[u8]) -> String {
    static TYPED: LazyLock<Option<CsvFormat>> = LazyLock::new(|| {
        let schema = include_str!("../../testdata/csv/formula-and-swallowed-rows.schema.toml");
        Schema::parse(schema).ok().map(|schema| CsvFormat::with_schema(Arc::new(schema)))
    });
    let typed = TYPED.as_ref().map(|format| records(format, bytes));
    format!("{typed:?} {}", records(&CsvFormat::new(), bytes))
}

/// The schema of a table, in TOML.
pub fn csv_schema(bytes: &[u8]) -> String {
    format!("{:?}", Schema::parse(&String::from_utf8_lossy(bytes)))
}

/// FHIR: resources, bundles, NDJSON.
pub fn fhir(bytes: &[u8]) -> String {
    records(&FhirR4, bytes)
}

/// Text notes.
pub fn note(bytes: &[u8]) -> String {
    format!(
        "{} {}",
        records(&NoteFormat::new(), bytes),
        records(&NoteFormat::new().in_charset("utf-16le"), bytes)
    )
}

/// The road of a format: its records are read and visited; without edits each is written as it came, and with every
/// segment gone it is written or refused.
fn records(format: &dyn Format, bytes: &[u8]) -> String {
    let limits = Limits::default();
    let source = Arc::new(MemorySource::new(bytes.to_vec(), Hint::default()));
    let Ok(mut payload) = format.open(source, &limits) else { return "refused".to_owned() };
    let mut said = String::new();
    while let Ok(Some(record)) = payload.next() {
        let mut findings = Findings::new();
        let reading = record.read(&limits, &mut findings);
        let _ = writeln!(said, "{} {:?}", record.place().number, findings.faults()); // writing to a String cannot fail
        let Some(reading) = reading else { continue };
        let mut again = Vec::new();
        if reading.write(&Edits::none(), &mut again).is_ok() {
            assert_eq!(again, record.body().held().unwrap_or_default(), "what is not edited is as it came");
        }
        let mut edits = Edits::none();
        let mut number = 0;
        let visited = reading.segments(&mut |segment| {
            let span = Span::new(0, segment.text().map_or(0, str::len));
            let _one_whole = edits.push(number, Edit { span, with: String::new().into(), whole: true });
            number += 1;
            Flow::On
        });
        let mut facts = 0;
        let learnt = reading.facts(&mut |_, _, _| facts += 1);
        let mut gone = Vec::new();
        let written = reading.write(&edits, &mut gone).is_ok();
        let (visited, learnt) = (visited.is_ok(), learnt.is_ok());
        let _ = writeln!(said, "{number} {facts} {visited} {learnt} {written} {}", gone.len()); // writing to a String cannot fail
        let _ = writeln!(said, "{:?} {:?}", reading.subject().is_some(), reading.sensitivity()); // writing to a String cannot fail
    }
    said
}
