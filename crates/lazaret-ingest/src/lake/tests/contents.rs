//! What is written is read back, in the clear to whoever has the keys and to nobody else.

use super::*;

#[test]
fn what_is_written_is_read_back_with_its_columns() {
    let (_dir, keys, lake) = new_lake();
    let pieces = [patient(3), observation(4), piece(5, "note", "a note"), piece(6, "note", vec![0xE9, 0x20])];
    let outputs = write(&lake, crossing(1), &pieces);
    assert_eq!(lake.datasets().unwrap(), ["lake/Observation", "lake/Patient", "lake/note"]);
    assert_eq!(outputs.iter().map(|output| output.records).collect::<Vec<_>>(), [1, 1, 2]);

    let row = &rows(&lake, "lake/Observation", &keys).unwrap()[0];
    assert_eq!((row.record, row.entry, row.crossing), (4, None, crossing(1)));
    assert_eq!(row.content.expose(), pieces[1].content.bytes().unwrap());
    let columns: Vec<_> =
        row.columns.iter().map(|(name, text)| (name.as_str(), text.expose().as_str())).collect();
    assert_eq!(
        columns,
        [
            ("id", "o4"),
            ("subject", "Patient/p4"),
            ("status", "final"),
            ("code_system", "http://loinc.org"),
            ("code", "8302-2"),
            ("code_display", "Body \"Height\""),
            ("effective", "2023-10-10T04:17:47Z"),
            ("effective_year", "2023"),
            ("value", "127.90"),
            ("value_number", "127.9"),
            ("unit", "cm"),
        ]
    );
    let notes = rows(&lake, "lake/note", &keys).unwrap();
    assert_eq!(notes[0].content.expose(), b"a note");
    assert_eq!(notes[1].content.expose(), &[0xE9, 0x20]);
    assert!(rows(&lake, "lake/Goal", &keys).unwrap().is_empty());
}

#[test]
fn a_note_in_another_charset_is_searchable_and_as_written() {
    let (_dir, keys, lake) = new_lake();
    let utf16: Vec<u8> =
        [0xFEFF_u16].into_iter().chain("Zoë".encode_utf16()).flat_map(u16::to_le_bytes).collect();
    write(&lake, crossing(1), &[piece(0, "note", utf16.clone()), piece(1, "note", "")]);
    let found = rows(&lake, "lake/note", &keys).unwrap();
    assert_eq!(found[0].content.expose(), &utf16);
    let [(name, text)] = found[0].columns.as_slice() else { panic!() };
    assert_eq!((name.as_str(), text.expose().as_str()), ("text", "Zoë"));
    assert_eq!((found[1].content.expose().as_slice(), found[1].columns.len()), (&[][..], 0));
}

#[test]
fn outputs_tell_the_digest_and_length_of_the_files() {
    let dir = tempfile::tempdir().unwrap();
    let keys = Keys::new();
    let outputs = write(&open(dir.path(), &keys), crossing(1), &[patient(1)]);
    let bytes = bytes_of(&dir.path().join(&outputs[0].name));
    let digest = ring::digest::digest(&ring::digest::SHA256, &bytes);
    let hex = lazaret_core::hex(digest.as_ref());
    assert_eq!((outputs[0].sha256.as_str(), outputs[0].bytes), (hex.as_str(), bytes.len() as u64));
    assert_eq!(outputs[0].dataset, "lake/Patient");
    open(dir.path(), &keys).check(&outputs[0]).unwrap();
}

#[test]
fn nothing_is_written_in_the_clear_and_nothing_is_visible_before_the_commit() {
    let (dir, keys, mut lake) = new_lake();
    lake.max_buffered = 0;
    let mut to = lake.passage(crossing(1));
    for n in 0..20 {
        to.add(&patient(n)).unwrap();
        to.add(&piece(n, "note", format!("{SECRET} came in"))).unwrap();
    }
    let look = || {
        let found = files(dir.path());
        for path in &found {
            let bytes = bytes_of(path);
            for clear in [SECRET, "birthDate", "female", "came in"] {
                assert!(!contains(&bytes, clear), "{clear} in {}", path.display());
            }
        }
        found
    };
    assert!(look().iter().all(|path| path.starts_with(dir.path().join(STAGING))));
    let outputs = to.finish().unwrap();
    assert!(look().iter().all(|path| path.starts_with(dir.path().join(STAGING))));
    assert!(lake.datasets().unwrap().is_empty());
    to.commit(&sealed(crossing(1), Ending::Complete, outputs)).unwrap();
    assert_eq!(look().len(), 2);
    assert_eq!(rows(&lake, "lake/Patient", &keys).unwrap().len(), 20);
}

#[test]
fn a_bundle_is_stored_whole_and_by_its_entries() {
    let (_dir, keys, lake) = new_lake();
    let bundle = format!(
        r#"{{"resourceType":"Bundle","type":"transaction","entry":[{{"fullUrl":"x"}},{{"resource":{}}}]}}"#,
        String::from_utf8(patient(7).content.bytes().unwrap().to_vec()).unwrap()
    );
    write(&lake, crossing(1), &[piece(9, "Bundle", bundle.clone())]);
    assert_eq!(rows(&lake, "lake/Bundle", &keys).unwrap()[0].content.expose(), bundle.as_bytes());
    let patients = rows(&lake, "lake/Patient", &keys).unwrap();
    assert_eq!((patients.len(), patients[0].record, patients[0].entry), (1, 9, Some(1)));
}

#[test]
fn csv_rows_get_the_columns_of_their_schema() {
    let dir = tempfile::tempdir().unwrap();
    let keys = Keys::new();
    let schema = CsvSchema::parse(
        r#"
        name = "bills"
        columns = [
            { name = "record", type = "key" },
            { name = "COST", type = "decimal(10,2)" },
            { name = "N", type = "integer" },
            { name = "PAID", type = "boolean" },
            { name = "WHAT", type = "text" },
        ]
        "#,
    )
    .unwrap();
    let lake = open(dir.path(), &keys).with_table(Arc::new(schema));
    let cells = ["r1,12.50,-3,true,\"a \"\"b\"\"\"\r\n", "r2,[MRN tk1],x,,\r\n"];
    write(&lake, crossing(1), &[piece(0, "csv-bills", cells[0]), piece(1, "csv-bills", cells[1])]);
    let found = rows(&lake, "lake/csv-bills", &keys).unwrap();
    let columns = |row: &LakeRow| -> Vec<(String, String)> {
        row.columns.iter().map(|(name, text)| (name.clone(), text.expose().clone())).collect()
    };
    let expected = [("record", "r1"), ("COST", "12.50"), ("N", "-3"), ("PAID", "true"), ("WHAT", "a \"b\"")];
    assert_eq!(columns(&found[0]), expected.map(|(name, text)| (name.to_owned(), text.to_owned())));
    assert_eq!(columns(&found[1]), [("record".to_owned(), "r2".to_owned())]);
    assert_eq!(found[1].content.expose(), cells[1].as_bytes());
}

#[test]
fn large_crossings_are_written_in_bounded_row_groups_and_files() {
    let (_dir, keys, mut lake) = new_lake();
    lake.max_buffered = 10_000;
    lake.max_file = 20_000;
    let mut to = lake.passage(crossing(1));
    for n in 0..400 {
        to.add(&patient(n)).unwrap();
        assert!(to.waiting() <= 10_000);
    }
    let outputs = to.finish().unwrap();
    assert!(outputs.len() > 1);
    to.commit(&sealed(crossing(1), Ending::Complete, outputs)).unwrap();
    let found: Vec<u64> = rows(&lake, "lake/Patient", &keys).unwrap().iter().map(|row| row.record).collect();
    assert_eq!(found, (0..400).collect::<Vec<u64>>());
}

#[test]
fn kinds_that_are_no_names_and_too_many_kinds_are_refused() {
    let (_dir, _keys, mut lake) = new_lake();
    lake.max_kinds = MAX_KINDS.with(2);
    let mut to = lake.passage(crossing(1));
    for kind in ["", "..", "a/b", ".staging", "é"] {
        assert!(matches!(to.add(&piece(0, kind, "{}")), Err(LakeError::Name)), "{kind}");
    }
    to.add(&piece(0, "A", "{}")).unwrap();
    to.add(&piece(0, "B", "{}")).unwrap();
    assert!(to.add(&piece(0, "C", "{}")).unwrap_err().to_string().contains("lake.max_kinds"));
    assert!(matches!(to.add(&piece(0, "A", "{")), Err(LakeError::NoJson { at: 1 })));
}
