//! Which format takes a file, and what it says of it: every file becomes a record, none is passed over.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use lazaret_core::{Findings, Likeness, Limit, Limits, Source};
use lazaret_ingest::formats::note::NoteFormat;
use lazaret_input::{FileSource, head, read_file};

#[derive(serde::Deserialize)]
struct Expected {
    format: String,
    findings: Vec<String>,
}

#[test]
fn every_file_becomes_a_record_of_the_format_that_knows_it_best() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testdata/note");
    let expected = read_file(&folder.join("expected.json"), Limit::new("test.size", 1 << 20)).unwrap();
    let expected: BTreeMap<String, Expected> =
        serde_json::from_str(std::str::from_utf8(&expected).unwrap()).unwrap();
    let formats = lazaret_ingest::formats(Vec::new(), NoteFormat::new());
    let limits = Limits::default();
    for (name, expected) in &expected {
        let source: Arc<dyn Source> = Arc::new(FileSource::open(&folder.join(name)).unwrap());
        let start = head(source.as_ref(), 4 << 10).unwrap();
        // The checkpoint's rule: the likeliest, of equals the first.
        let mut best = None;
        for format in &formats {
            let likeness = format.recognise(&start, &source.hint());
            if likeness > best.as_ref().map_or(Likeness::No, |(most, _)| *most) {
                best = Some((likeness, format));
            }
        }
        let (_, format) = best.unwrap();
        assert_eq!(format.id().0, expected.format, "{name}");
        let mut payload = format.open(source, &limits).unwrap();
        let record = payload.next().unwrap().unwrap();
        assert!(payload.next().unwrap().is_none(), "{name}");
        let mut findings = Findings::new();
        record.read(&limits, &mut findings);
        let found: Vec<&str> = findings.faults().iter().map(|fault| fault.id).collect();
        assert_eq!(found, expected.findings, "{name}");
    }
}
