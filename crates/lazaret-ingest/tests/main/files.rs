//! Which format takes a file, and what it says of it: every file becomes a record, none is passed over.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use lazaret_core::{Findings, Hint, Likeness, Limit, Limits, Source};
use lazaret_ingest::formats::csv::Schema;
use lazaret_ingest::formats::note::NoteFormat;
use lazaret_input::{FileSource, MemorySource, head, read_file};

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

/// The format that takes bytes under a name's ending, and what its first record is told to be.
fn taken(
    bytes: &[u8],
    ending: &str,
    schemas: Vec<Arc<Schema>>,
) -> (&'static str, Vec<(&'static str, String)>) {
    let hint = Hint { extension: (!ending.is_empty()).then(|| ending.to_owned()), ..Hint::default() };
    let source: Arc<dyn Source> = Arc::new(MemorySource::new(bytes, hint));
    let start = head(source.as_ref(), 16 << 10).unwrap();
    let mut best = None;
    for format in lazaret_ingest::formats(schemas, NoteFormat::new()) {
        let likeness = format.recognise(&start, &source.hint());
        if likeness > best.as_ref().map_or(Likeness::No, |(most, _)| *most) {
            best = Some((likeness, format));
        }
    }
    let (_, format) = best.unwrap();
    let limits = Limits::default();
    let mut payload = format.open(source, &limits).unwrap();
    let mut findings = Findings::new();
    if let Some(record) = payload.next().unwrap() {
        record.read(&limits, &mut findings);
    }
    let faults = findings.faults().iter().map(|fault| (fault.id, fault.message.clone())).collect();
    (format.id().0, faults)
}

fn utf16(text: &str) -> Vec<u8> {
    [0xFEFF_u16].into_iter().chain(text.encode_utf16()).flat_map(u16::to_le_bytes).collect()
}

#[test]
fn a_structured_file_never_crosses_as_a_note() {
    let patient = "{\"resourceType\": \"Patient\", \"name\": [{\"family\": \"Featherstone\"}]}";
    let rows = "Id,LAST,FIRST\n1,Featherstone,Quillan\n";
    let document = "<?xml version=\"1.0\"?>\n<ClinicalDocument xmlns=\"urn:hl7-org:v3\"><title>Featherstone</title></ClinicalDocument>";
    let mut files: Vec<(Vec<u8>, &str)> = vec![
        (utf16(patient), "json"),
        (utf16(rows), "csv"),
        (utf16(rows), "txt"),
        (utf16(document), "txt"),
        (document.into(), "txt"),
        (document.into(), ""),
        (document.into(), "xml"),
        (rows.into(), "txt"),
        (rows.into(), "md"),
        (rows.into(), "csv"),
        ("null".into(), "json"),
        ("name: Featherstone\n".into(), "yaml"),
        ("name: Featherstone\n".into(), "yml"),
        ("She came in today.".into(), "sql"),
        ("INSERT INTO patients VALUES (1, 'Featherstone');\n".into(), "sql"),
        ("INSERT INTO patients VALUES (1, 'Featherstone');\n".into(), "txt"),
        ("PID|1||7||Featherstone\n".into(), "hl7"),
    ];
    for before in
        ["// export\n", "\"x\"\n", "#\n", "\u{feff}\u{feff}", "\u{a0}", "\u{200b}", "x", "[ ", "export\n\n"]
    {
        let after = if before == "[ " { " ]" } else { "" };
        for ending in ["json", "ndjson", "txt", ""] {
            files.push((format!("{before}{patient}{after}").into_bytes(), ending));
            files.push((utf16(&format!("{before}{patient}{after}")), ending));
        }
    }
    for (bytes, ending) in files {
        let (format, faults) = taken(&bytes, ending, Vec::new());
        let told = format!("{} .{ending}: {format} {faults:?}", bytes.escape_ascii());
        assert_ne!(format, "note", "{told}");
        assert!(!faults.is_empty(), "{told}");
        assert!(faults.iter().all(|(_, message)| !message.contains("Featherstone")), "{told}");
    }
}

#[test]
fn a_table_in_utf_16_is_held_with_a_schema_too() {
    let schema = "name = \"people\"\n[[columns]]\nname = \"Id\"\ntype = \"key\"\n[[columns]]\nname = \"LAST\"\ntype = \"text\"\n";
    let Ok(schema) = Schema::parse(schema) else { panic!() };
    for ending in ["csv", "txt", ""] {
        let (format, faults) =
            taken(&utf16("Id,LAST\n1,Featherstone\n2,Larue\n"), ending, vec![Arc::new(schema.clone())]);
        assert_ne!(format, "note");
        assert_eq!(faults.iter().map(|(id, _)| *id).collect::<Vec<_>>(), ["input.uninspectable"], "{ending}");
    }
    let (_, faults) = taken(&utf16("Id,LAST\n1,Featherstone\n2,Larue\n"), "csv", Vec::new());
    assert!(faults[0].1.contains("UTF-8"), "{faults:?}");
}

#[test]
fn the_notes_of_the_test_data_stay_notes() {
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testdata");
    let limit = Limit::new("test.size", 4 << 20);
    let mut notes = vec![read_file(&data.join("docs/note.txt"), limit).unwrap()];
    for entry in std::fs::read_dir(data.join("phi")).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|ending| ending == "txt") {
            notes.push(read_file(&path, limit).unwrap());
        }
    }
    for line in read_file(&data.join("docs/notes.jsonl"), limit).unwrap().split(|byte| *byte == b'\n') {
        if let Ok(line) = serde_json::from_str::<serde_json::Value>(std::str::from_utf8(line).unwrap()) {
            notes.push(line["text"].as_str().unwrap().as_bytes().to_vec());
        }
    }
    assert!(notes.len() > 8, "{}", notes.len());
    for note in notes {
        let (format, faults) = taken(&note, "txt", Vec::new());
        let marked = faults.iter().all(|(id, _)| *id == "input.byte-order-mark");
        assert!(format == "note" && marked, "{format} {faults:?}: {}", note.escape_ascii());
    }
}
