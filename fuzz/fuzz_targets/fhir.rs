//! FHIR: any bytes end; what can be read has its segments, and can be written with all of them gone.
#![no_main]
use std::sync::Arc;

use lazaret_core::{Edit, Edits, Findings, Flow, Format, Hint, Limits, Span};
use lazaret_ingest::formats::fhir::FhirR4;
use lazaret_input::MemorySource;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let limits = Limits::default();
    let source = Arc::new(MemorySource::new(bytes.to_vec(), Hint::default()));
    let Ok(mut payload) = FhirR4.open(source, &limits) else { return };
    while let Ok(Some(record)) = payload.next() {
        let Some(reading) = record.read(&limits, &mut Findings::new()) else { continue };
        let mut edits = Edits::none();
        let mut number = 0;
        let visited = reading.segments(&mut |segment| {
            let span = Span::new(0, segment.text().map_or(0, str::len));
            let _ = edits.push(number, Edit { span, with: String::new().into(), whole: true });
            number += 1;
            Flow::On
        });
        drop(visited);
        drop(reading.write(&edits, &mut Vec::new()));
    }
});
