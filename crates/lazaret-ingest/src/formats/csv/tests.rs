//! CSV against its fixtures, and what must hold of any bytes.

use std::path::{Path, PathBuf};

use lazaret_core::{Edit, Edits, Findings, Flow, Identity, Limits, Meaning, Record, Span};
use lazaret_input::{FileSource, MemorySource};
use proptest::prelude::*;

use super::*;

fn testdata() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testdata/csv")
}

#[expect(clippy::disallowed_methods, reason = "tests read their own small fixtures")]
fn text_of(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap()
}

fn schema(name: &str) -> Arc<Schema> {
    Arc::new(Schema::parse(&text_of(&testdata().join(format!("{name}.schema.toml")))).unwrap())
}

fn records(format: &CsvFormat, bytes: &[u8], limits: &Limits) -> Vec<Arc<dyn Record>> {
    let source = Arc::new(MemorySource::new(bytes, Hint::default()));
    let mut payload = format.open(source, limits).unwrap();
    let mut found = Vec::new();
    while let Some(record) = payload.next().unwrap() {
        assert_eq!(record.place().number, found.len() as u64);
        found.push(record);
    }
    assert_eq!(payload.position(), bytes.len() as u64);
    assert!(payload.next().unwrap().is_none());
    found
}

/// What was found in each record, as the fixtures write it.
fn report(records: &[Arc<dyn Record>], limits: &Limits) -> serde_json::Value {
    let record = |record: &Arc<dyn Record>| {
        let mut findings = Findings::new();
        record.read(limits, &mut findings);
        let findings: Vec<_> = findings
            .into_faults()
            .iter()
            .map(|f| serde_json::json!({"id": f.id, "severity": f.severity.name(), "at": f.at.as_str()}))
            .collect();
        serde_json::json!({"line": record.place().line, "findings": findings})
    };
    records.iter().map(record).collect()
}

#[test]
fn the_fixtures_give_what_they_must() {
    let limits = Limits::default();
    let mut seen = 0;
    for entry in std::fs::read_dir(testdata()).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "csv") {
            continue;
        }
        let name = path.file_stem().unwrap().to_str().unwrap();
        let has_schema = testdata().join(format!("{name}.schema.toml")).exists();
        let format = if has_schema { CsvFormat::with_schema(schema(name)) } else { CsvFormat::new() };
        let mut payload = format.open(Arc::new(FileSource::open(&path).unwrap()), &limits).unwrap();
        let mut found = Vec::new();
        while let Some(record) = payload.next().unwrap() {
            found.push(record);
        }
        let expected: serde_json::Value =
            serde_json::from_str(&text_of(&testdata().join(format!("{name}.expected.json")))).unwrap();
        assert_eq!(report(&found, &limits), expected, "{name}");
        seen += 1;
    }
    assert!(seen >= 9);
}

#[test]
fn the_swallowed_rows_are_held_together_and_counted() {
    let bytes = text_of(&testdata().join("formula-and-swallowed-rows.csv"));
    let format = CsvFormat::with_schema(schema("formula-and-swallowed-rows"));
    let limits = Limits::default();
    let found = records(&format, bytes.as_bytes(), &limits);
    let held = found.last().unwrap();
    assert_eq!(memchr::memchr_iter(b'\n', held.body().held().unwrap()).count(), 3);
    let mut findings = Findings::new();
    assert!(held.read(&limits, &mut findings).is_none());
    assert_eq!(
        findings.faults()[0].message,
        "line 4, column 26: the quote that opens here is closed by one that other text follows; 3 rows are held together"
    );
}

#[test]
fn no_message_repeats_a_cell() {
    let limits = Limits::default();
    for name in ["formula-and-swallowed-rows", "faults", "header-is-another"] {
        let format = CsvFormat::with_schema(schema(name));
        let mut payload = format
            .open(Arc::new(FileSource::open(&testdata().join(format!("{name}.csv"))).unwrap()), &limits)
            .unwrap();
        while let Some(record) = payload.next().unwrap() {
            let mut findings = Findings::new();
            record.read(&limits, &mut findings);
            for finding in findings.faults() {
                let printed = format!("{} {}", finding.at, finding.message);
                for cell in ["Ilse", "Maria", "Lopez", "02-30", "1_000", "NaN", "7.00", "1961", "HYPERLINK"] {
                    assert!(!printed.contains(cell), "{printed}");
                }
            }
        }
    }
}

#[test]
fn a_row_says_whose_it_is_and_what_its_cells_are() {
    let format = CsvFormat::with_schema(schema("formula-and-swallowed-rows"));
    let bytes = b"Id,BIRTHDATE,FIRST,LAST,DESCRIPTION,COST\np1,1961-06-15,\"Il\"\"se\",,note text,12.50\n";
    let limits = Limits::default();
    let record = &records(&format, bytes, &limits)[0];
    let reading = record.read(&limits, &mut Findings::new()).unwrap();
    assert_eq!(reading.kind(), "csv-patients");
    assert_eq!(reading.identity(), Identity { id: Some("p1"), version: None });
    assert_eq!(reading.subject().unwrap().id, "Patient/p1");
    assert!(reading.describes_subject());
    let mut seen = Vec::new();
    reading
        .segments(&mut |segment| {
            let meaning = match segment.meaning {
                Meaning::Identifier(label) => label.to_string(),
                other => format!("{other:?}"),
            };
            seen.push(format!("{} {meaning} {} {}", segment.place, segment.domain, segment.text().unwrap()));
            Flow::On
        })
        .unwrap();
    assert_eq!(
        seen,
        [
            "Id OTHER_ID.record Patient p1",
            "BIRTHDATE DATE.birth  1961-06-15",
            "FIRST NAME.patient  Il\"se",
            "DESCRIPTION Text  note text",
        ]
    );
}

#[test]
fn an_edited_cell_is_quoted_as_it_needs_and_all_else_stays() {
    let format = CsvFormat::with_schema(schema("formula-and-swallowed-rows"));
    let bytes =
        b"Id,BIRTHDATE,FIRST,LAST,DESCRIPTION,COST\r\np1,1961-06-15,\"Ilse\",Q,seen by Bo today,12.50\r\n";
    let limits = Limits::default();
    let record = &records(&format, bytes, &limits)[0];
    let reading = record.read(&limits, &mut Findings::new()).unwrap();
    let mut edits = Edits::none();
    let edit = |start, end, with: &str, whole| Edit {
        span: Span::new(start, end),
        with: with.to_owned().into(),
        whole,
    };
    edits.push(0, edit(0, 2, "tk7", true)).unwrap();
    edits.push(2, edit(0, 4, "X", true)).unwrap();
    edits.push(4, edit(8, 10, "[NAME, \"tk9\"]", false)).unwrap();
    let mut out = Vec::new();
    reading.write(&edits, &mut out).unwrap();
    assert_eq!(
        String::from_utf8(out).unwrap(),
        "tk7,1961-06-15,\"X\",Q,\"seen by [NAME, \"\"tk9\"\"] today\",12.50\r\n"
    );
    edits.push(9, edit(0, 1, "x", false)).unwrap();
    let mut wrong = Edits::none();
    wrong.push(0, edit(0, 99, "x", false)).unwrap();
    assert!(reading.write(&wrong, &mut Vec::new()).is_err());
}

#[test]
fn a_row_above_the_limit_is_held_in_parts_and_the_next_is_read() {
    let format = CsvFormat::with_schema(schema("formula-and-swallowed-rows"));
    let header = "Id,BIRTHDATE,FIRST,LAST,DESCRIPTION,COST\n";
    let long = format!("p1,,,,\"{}\n{}\",1\n", "a,".repeat(400_000), "b\n".repeat(400_000));
    let text = format!("{header}{long}p2,,,,,2\n");
    let mut limits = Limits::default();
    limits.set(MAX_ROW.key(), 1_000);
    let found = records(&format, text.as_bytes(), &limits);
    let report = report(&found, &limits);
    let parts = report.as_array().unwrap();
    assert!(parts.len() > 2);
    for part in &parts[..parts.len() - 1] {
        assert_eq!(part["findings"][0]["id"], "limit.record-size");
    }
    assert_eq!(parts.last().unwrap()["findings"], serde_json::json!([]));
    assert_eq!(parts.last().unwrap()["line"], 400_004);
    assert_eq!(
        found.iter().map(|record| record.body().held().unwrap().len()).sum::<usize>(),
        text.len() - header.len()
    );
}

#[test]
fn blank_lines_at_the_end_are_no_rows_and_between_rows_they_are() {
    let format = CsvFormat::with_schema(schema("formula-and-swallowed-rows"));
    let limits = Limits::default();
    let header = "Id,BIRTHDATE,FIRST,LAST,DESCRIPTION,COST\n";
    for (rows, count, blank) in [
        ("p1,,,,,1\n\n", 1, 0),
        ("p1,,,,,1\r\n\r\n\r\n", 1, 0),
        ("p1,,,,,1", 1, 0),
        ("\n", 0, 0),
        ("p1,,,,,1\n\np2,,,,,2\n\n", 3, 1),
        ("p1,,,,,1\n \n", 2, 1),
    ] {
        let found = records(&format, format!("{header}{rows}").as_bytes(), &limits);
        let report = report(&found, &limits);
        let held =
            report.as_array().unwrap().iter().filter(|row| row["findings"][0]["id"] == "csv.extra-column");
        assert_eq!((found.len(), held.count()), (count, blank), "{rows:?}");
    }
}

#[test]
fn a_header_says_which_table_a_file_is() {
    let format = CsvFormat::with_schemas(vec![schema("synthea-conditions"), schema("synthea-observations")]);
    let head = text_of(&testdata().join("synthea-observations.csv"));
    assert_eq!(format.recognise(head.as_bytes(), &Hint::default()), Likeness::Certain);
    let limits = Limits::default();
    let found = records(&format, head.as_bytes(), &limits);
    assert_eq!(found[0].read(&limits, &mut Findings::new()).unwrap().kind(), "csv-observations");
    let csv = Hint { extension: Some("csv".to_owned()), ..Hint::default() };
    assert_eq!(format.recognise(b"A,B\n1,2\n", &csv), Likeness::Possible);
    assert_eq!(format.recognise(b"A,B\n1,2\n", &Hint::default()), Likeness::No);
    assert_eq!(format.recognise(b"\0\0", &csv), Likeness::ByName);
}

#[test]
fn an_empty_file_is_held_and_not_passed_over() {
    let limits = Limits::default();
    let found = records(&CsvFormat::with_schema(schema("synthea-conditions")), b"", &limits);
    assert_eq!((found.len(), found[0].place().line), (1, Some(1)));
    let mut findings = Findings::new();
    assert!(found[0].read(&limits, &mut findings).is_none());
    assert!(!findings.faults().is_empty());
}

/// Bytes that look like CSV often enough to reach every branch.
fn csv_bytes() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        Just(b"p1,1961-06-15,Ilse,Q,text,1.00\n".to_vec()),
        Just(b"\"".to_vec()),
        Just(b",".to_vec()),
        Just(b"\r\n".to_vec()),
        Just(b"\n".to_vec()),
        Just(b"\0".to_vec()),
        Just(b"\xFF".to_vec()),
        "[a-z=+@\"\", é-]{0,12}".prop_map(String::into_bytes),
        prop::collection::vec(any::<u8>(), 0..8),
    ];
    prop::collection::vec(piece, 0..24).prop_map(|pieces| pieces.concat())
}

/// Every byte after the header, blank lines at the end left out, is in exactly one record, and what can be read is written again as it was.
fn holds_for(format: &CsvFormat, bytes: &[u8], limits: &Limits) -> Result<(), TestCaseError> {
    let found = records(format, bytes, limits);
    let all: Vec<u8> = found.iter().flat_map(|record| record.body().held().unwrap().to_vec()).collect();
    let blank = bytes.iter().rev().take_while(|byte| matches!(byte, b'\r' | b'\n')).count();
    let cut = (0..=blank).find(|cut| bytes[..bytes.len() - cut].ends_with(&all));
    prop_assert!(cut.is_some());
    let bytes = &bytes[..bytes.len() - cut.unwrap_or(0)];
    let before = &bytes[..bytes.len() - all.len()];
    prop_assert!(all.is_empty() || before.is_empty() || before.ends_with(b"\n"));
    for record in &found {
        let mut findings = Findings::new();
        match record.read(limits, &mut findings) {
            None => prop_assert!(!findings.faults().is_empty()),
            Some(reading) => {
                let mut out = Vec::new();
                reading.write(&Edits::none(), &mut out).unwrap();
                prop_assert_eq!(&out, record.body().held().unwrap());
                // An edit that puts every cell's own text in its place changes quoting at most, never a value.
                let mut edits = Edits::none();
                let mut values = Vec::new();
                reading
                    .segments(&mut |segment| {
                        let text = segment.text().unwrap().to_owned();
                        let span = Span::new(0, text.len());
                        edits
                            .push(values.len(), Edit { span, with: text.clone().into(), whole: true })
                            .unwrap();
                        values.push(text);
                        Flow::On
                    })
                    .unwrap();
                let mut out = Vec::new();
                reading.write(&edits, &mut out).unwrap();
                let (mut was, mut is) = (Vec::new(), Vec::new());
                let (old, new) = (
                    std::str::from_utf8(record.body().held().unwrap()).unwrap(),
                    String::from_utf8(out).unwrap(),
                );
                split::cells(old.as_bytes(), b',', &mut was);
                split::cells(new.as_bytes(), b',', &mut is);
                let was: Vec<_> = was.iter().map(|cell| cell.text(old)).collect();
                let is: Vec<_> = is.iter().map(|cell| cell.text(&new)).collect();
                prop_assert_eq!(was, is);
            }
        }
    }
    Ok(())
}

proptest! {
    #[test]
    fn any_bytes_end_and_none_are_lost(bytes in csv_bytes(), small in any::<bool>()) {
        let mut limits = Limits::default();
        if small {
            limits.set(MAX_ROW.key(), 16);
        }
        let mut with_header = b"Id,BIRTHDATE,FIRST,LAST,DESCRIPTION,COST\n".to_vec();
        with_header.extend_from_slice(&bytes);
        let typed = CsvFormat::with_schema(schema("formula-and-swallowed-rows"));
        holds_for(&typed, &with_header, &Limits::default())?;
        for format in [CsvFormat::new(), typed] {
            holds_for(&format, &bytes, &limits)?;
        }
    }
}

/// The fixtures with bytes changed, put in and taken out, the same changes every time.
#[test]
fn mutated_fixtures_end_and_lose_nothing() {
    let mut state = 0x2545_F491_4F6C_DD1D_u64;
    let mut random = |most: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        usize::try_from(state % (most.max(1) as u64)).unwrap()
    };
    for name in ["formula-and-swallowed-rows", "synthea-patients", "synthea-encounters"] {
        let format = CsvFormat::with_schema(schema(name));
        let good = text_of(&testdata().join(format!("{name}.csv"))).into_bytes();
        for _ in 0..150 {
            let mut bytes = good.clone();
            for _ in 0..=random(4) {
                let at = random(bytes.len());
                match random(3) {
                    0 => bytes[at] = b"\",\n\r\0\xFF=@"[random(8)],
                    1 => bytes.insert(at, b"\",\n\r\0\xFF=@"[random(8)]),
                    _ => drop(bytes.drain(at..(at + 1 + random(20)).min(bytes.len()))),
                }
            }
            holds_for(&format, &bytes, &Limits::default()).unwrap();
        }
    }
}
