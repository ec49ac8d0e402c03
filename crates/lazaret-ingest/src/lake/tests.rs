//! What the lake promises, held against a fake key service, damaged files and crashes.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;
use std::sync::Mutex;

use lazaret_core::{
    Counts, DataKey, Destination, Ending, EntryIndex, LedgerError, Output, Piece, Seal, Sealed, Timestamp,
};

use super::*;

/// Keys in memory: made when first asked for.
#[derive(Default)]
struct Keys(Mutex<BTreeMap<String, [u8; 32]>>);

impl Keys {
    fn new() -> Arc<Self> {
        Arc::new(Self::default())
    }

    /// The same ids, every key another.
    fn wrong(&self) -> Arc<Self> {
        let keys = self.0.lock().unwrap();
        Arc::new(Self(Mutex::new(keys.iter().map(|(id, key)| (id.clone(), key.map(|byte| !byte))).collect())))
    }
}

impl DataKeys for Keys {
    fn current(&self, dataset: &str, column: Option<&str>) -> Result<DataKey, VaultError> {
        let id = format!("{dataset}#{}@1", column.unwrap_or("footer"));
        let mut keys = self.0.lock().unwrap();
        let made = keys.len();
        let key = *keys.entry(id.clone()).or_insert_with(|| {
            let mut key = [0_u8; 32];
            ring::rand::SecureRandom::fill(&ring::rand::SystemRandom::new(), &mut key).unwrap();
            key[0] = u8::try_from(made).unwrap();
            key
        });
        Ok(DataKey { id, key: key.into() })
    }

    fn by_id(&self, id: &str) -> Result<DataKey, VaultError> {
        match self.0.lock().unwrap().get(id) {
            Some(key) => Ok(DataKey { id: id.to_owned(), key: (*key).into() }),
            None => Err(VaultError { what: "find a data key", cause: None }),
        }
    }
}

struct FixedRandom(u8);

impl lazaret_core::Random for FixedRandom {
    fn fill(&self, buffer: &mut [u8]) -> Result<(), lazaret_core::RandomError> {
        buffer.fill(self.0);
        Ok(())
    }
}

fn crossing(n: u8) -> CrossingId {
    CrossingId::new(Timestamp::from_millis(1_764_080_413_007), &FixedRandom(n)).unwrap()
}

fn sealed(crossing: CrossingId, ending: Ending, outputs: Vec<Output>) -> Sealed {
    let seal = Seal {
        crossing,
        ending,
        reason: None,
        ended: Timestamp::default(),
        counts: Counts::default(),
        outputs,
    };
    Sealed { seal, record_root: String::new(), opened_at: EntryIndex(0), sealed_at: EntryIndex(1) }
}

fn piece(record: u64, kind: &str, bytes: impl Into<Vec<u8>>) -> Piece {
    Piece { record, kind: kind.to_owned(), bytes: bytes.into() }
}

const SECRET: &str = "Quillmoor-Featherstone";

fn patient(n: u64) -> Piece {
    let json = format!(
        r#"{{"resourceType":"Patient","id":"p{n}","name":[{{"family":"{SECRET}"}}],"gender":"female","birthDate":"19{:02}-06-15","active":true}}"#,
        n % 100
    );
    piece(n, "Patient", json)
}

fn observation(n: u64) -> Piece {
    let json = format!(
        r#"{{"resourceType":"Observation","id":"o{n}","status":"final","subject":{{"reference":"Patient/p{n}"}},"code":{{"coding":[{{"system":"http://loinc.org","code":"8302-2","display":"Body \"Height\""}}]}},"effectiveDateTime":"2023-10-10T04:17:47Z","valueQuantity":{{"value":127.90,"unit":"cm"}}}}"#
    );
    piece(n, "Observation", json)
}

fn open(dir: &Path, keys: &Arc<Keys>) -> Lake {
    Lake::open(dir, Arc::<Keys>::clone(keys), &Limits::default()).unwrap()
}

/// Writes one crossing and makes it visible.
fn write(lake: &Lake, id: CrossingId, pieces: &[Piece]) -> Vec<Output> {
    let mut to = lake.passage(id);
    for piece in pieces {
        to.add(piece).unwrap();
    }
    let outputs = to.finish().unwrap();
    to.commit(&sealed(id, Ending::Complete, outputs.clone())).unwrap();
    outputs
}

fn rows(lake: &Lake, dataset: &str, keys: &Arc<Keys>) -> Result<Vec<LakeRow>, LakeError> {
    lake.read(dataset, Arc::<Keys>::clone(keys))?.collect()
}

/// Every file under a folder.
fn files(dir: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { found.extend(files(&path)) } else { found.push(path) }
    }
    found
}

#[expect(clippy::disallowed_methods, reason = "tests look at the bytes of files they made")]
fn bytes_of(path: &Path) -> Vec<u8> {
    std::fs::read(path).unwrap()
}

fn contains(haystack: &[u8], needle: &str) -> bool {
    haystack.windows(needle.len()).any(|window| window == needle.as_bytes())
}

#[test]
fn what_is_written_is_read_back_with_its_columns() {
    let dir = tempfile::tempdir().unwrap();
    let keys = Keys::new();
    let lake = open(dir.path(), &keys);
    let pieces = [patient(3), observation(4), piece(5, "note", "a note"), piece(6, "note", vec![0xE9, 0x20])];
    let outputs = write(&lake, crossing(1), &pieces);
    assert_eq!(lake.datasets().unwrap(), ["lake/Observation", "lake/Patient", "lake/note"]);
    assert_eq!(outputs.iter().map(|output| output.records).collect::<Vec<_>>(), [1, 1, 2]);

    let row = &rows(&lake, "lake/Observation", &keys).unwrap()[0];
    assert_eq!((row.record, row.entry, row.crossing), (4, None, crossing(1)));
    assert_eq!(row.content.expose(), &pieces[1].bytes);
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
    let dir = tempfile::tempdir().unwrap();
    let keys = Keys::new();
    let lake = open(dir.path(), &keys);
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
    let hex = file::hex(digest.as_ref());
    assert_eq!((outputs[0].sha256.as_str(), outputs[0].bytes), (hex.as_str(), bytes.len() as u64));
    assert_eq!(outputs[0].dataset, "lake/Patient");
    open(dir.path(), &keys).check(&outputs[0]).unwrap();
}

#[test]
fn nothing_is_written_in_the_clear_and_nothing_is_visible_before_the_commit() {
    let dir = tempfile::tempdir().unwrap();
    let keys = Keys::new();
    let mut lake = open(dir.path(), &keys);
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
    let dir = tempfile::tempdir().unwrap();
    let keys = Keys::new();
    let lake = open(dir.path(), &keys);
    let bundle = format!(
        r#"{{"resourceType":"Bundle","type":"transaction","entry":[{{"fullUrl":"x"}},{{"resource":{}}}]}}"#,
        String::from_utf8(patient(7).bytes).unwrap()
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
fn another_key_gives_an_error_and_no_row() {
    let dir = tempfile::tempdir().unwrap();
    let keys = Keys::new();
    let lake = open(dir.path(), &keys);
    write(&lake, crossing(1), &[patient(1), patient(2)]);
    let mut found = lake.read("lake/Patient", keys.wrong()).unwrap();
    let error = found.next().unwrap().unwrap_err();
    assert_eq!(
        error.to_string(),
        "the key `lake/Patient#footer@1` does not open this file: it is another key, or the file was changed"
    );
    assert!(found.next().is_none());
    let error = lake.read("lake/Patient", Keys::new()).unwrap().next().unwrap().unwrap_err();
    assert_eq!(error.to_string(), "the lake could not get a key");
}

#[test]
fn a_key_for_some_columns_opens_no_others() {
    let dir = tempfile::tempdir().unwrap();
    let keys = Keys::new();
    let lake = open(dir.path(), &keys);
    write(&lake, crossing(1), &[patient(1)]);
    let some = Keys::new();
    for (id, key) in keys.0.lock().unwrap().iter().filter(|(id, _)| !id.contains("content")) {
        some.0.lock().unwrap().insert(id.clone(), *key);
    }
    assert!(matches!(rows(&lake, "lake/Patient", &some), Err(LakeError::Keys(_))));
}

#[test]
fn an_altered_byte_anywhere_gives_no_row_that_differs() {
    let dir = tempfile::tempdir().unwrap();
    let keys = Keys::new();
    let lake = open(dir.path(), &keys);
    let pieces = [piece(0, "note", "one note"), piece(1, "note", "another")];
    let outputs = write(&lake, crossing(1), &pieces);
    let path = dir.path().join(&outputs[0].name);
    let good = bytes_of(&path);
    let mut unseen = Vec::new();
    let hook = std::panic::take_hook();
    std::panic::set_hook(Box::new(|_| {})); // the Parquet reader's own panics count as damage
    // Every byte of the digest, every seventh and the whole footer of the reader, which costs more.
    for at in 0..good.len() {
        let mut bad = good.clone();
        bad[at] ^= 0x10;
        std::fs::write(&path, &bad).unwrap();
        assert!(lake.check(&outputs[0]).is_err(), "byte {at}");
        if at % 7 != 0 && at < good.len() - 700 {
            continue;
        }
        if let Ok(found) = rows(&lake, "lake/note", &keys) {
            let found: Vec<_> = found.iter().map(|row| row.content.expose().clone()).collect();
            unseen.push((at, found == [pieces[0].bytes.clone(), pieces[1].bytes.clone()]));
        }
    }
    for length in (0..good.len()).step_by(11) {
        std::fs::write(&path, &good[..length]).unwrap();
        unseen.extend(rows(&lake, "lake/note", &keys).ok().map(|_| (length, false)));
    }
    std::panic::set_hook(hook);
    assert!(unseen.iter().all(|(_, same)| *same), "{unseen:?}");
    // What may change unseen by the reader is what says again what it knows otherwise: lengths, the file's name.
    assert!(unseen.len() * 10 < good.len(), "{} of {}", unseen.len(), good.len());
}

#[test]
fn an_alteration_in_a_late_row_group_gives_no_early_row() {
    let dir = tempfile::tempdir().unwrap();
    let keys = Keys::new();
    let mut lake = open(dir.path(), &keys);
    lake.max_buffered = 64;
    let pieces: Vec<Piece> =
        (0..30).map(|n| piece(n, "note", format!("note number {n} of the day"))).collect();
    let outputs = write(&lake, crossing(1), &pieces);
    let path = dir.path().join(&outputs[0].name);
    let mut bytes = bytes_of(&path);
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(&path, bytes).unwrap();
    let mut found = lake.read("lake/note", Arc::<Keys>::clone(&keys)).unwrap();
    assert!(found.next().unwrap().is_err());
    assert!(found.next().is_none());
}

#[test]
fn a_file_in_anothers_place_or_in_the_clear_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let keys = Keys::new();
    let lake = open(dir.path(), &keys);
    let outputs = write(&lake, crossing(1), &[patient(1)]);
    let from = dir.path().join(&outputs[0].name);
    std::fs::rename(&from, from.with_file_name(format!("{}-0.parquet", crossing(2)))).unwrap();
    assert!(matches!(rows(&lake, "lake/Patient", &keys), Err(LakeError::Damaged { .. })));
    std::fs::write(from.with_file_name(format!("{}-0.parquet", crossing(2))), b"PAR1 is not encrypted PAR1")
        .unwrap();
    assert!(matches!(rows(&lake, "lake/Patient", &keys), Err(LakeError::Damaged { .. })));
}

#[test]
fn undo_leaves_nothing_and_a_cut_crossing_is_never_visible() {
    let dir = tempfile::tempdir().unwrap();
    let keys = Keys::new();
    let lake = open(dir.path(), &keys);
    let mut to = lake.passage(crossing(1));
    to.add(&patient(1)).unwrap();
    to.undo();
    assert!(files(dir.path()).is_empty());
    assert!(to.add(&patient(1)).is_err());

    let mut to = lake.passage(crossing(2));
    to.add(&patient(1)).unwrap();
    assert!(to.commit(&sealed(crossing(2), Ending::Complete, vec![])).is_err());
    let outputs = to.finish().unwrap();
    assert!(to.finish().is_err());
    assert!(to.commit(&sealed(crossing(2), Ending::Cut, outputs.clone())).is_err());
    assert!(to.commit(&sealed(crossing(3), Ending::Complete, outputs)).is_err());
    assert!(lake.datasets().unwrap().is_empty());
    to.undo();
    assert!(files(dir.path()).is_empty());
}

#[test]
fn a_crossing_without_pieces_leaves_no_trace() {
    let dir = tempfile::tempdir().unwrap();
    let keys = Keys::new();
    let lake = open(dir.path(), &keys);
    assert!(write(&lake, crossing(1), &[]).is_empty());
    assert!(files(dir.path()).is_empty());
}

#[test]
fn after_a_crash_the_sealed_is_finished_and_the_rest_undone() {
    let complete = |id: CrossingId| Ok(id == crossing(1));
    // Crash points: before the end, after the manifest, between two renames, after the renames.
    for point in 0..4 {
        for id in [crossing(1), crossing(2)] {
            let dir = tempfile::tempdir().unwrap();
            let keys = Keys::new();
            let lake = open(dir.path(), &keys);
            let mut to = lake.passage(id);
            to.add(&patient(1)).unwrap();
            to.add(&observation(2)).unwrap();
            let is_sealed = point > 0 && id == crossing(1);
            if point > 0 {
                let outputs = to.finish().unwrap();
                assert_eq!(lake.recover(&complete).unwrap().under_way, [id], "its lock is held");
                for output in outputs.iter().take(if is_sealed { point - 1 } else { 0 }) {
                    let (kind, _) = output.name.split_once('/').unwrap();
                    std::fs::create_dir_all(dir.path().join(kind)).unwrap();
                    let staged = lake.staging(id).join(format!("{kind}-0.parquet"));
                    std::fs::rename(staged, dir.path().join(&output.name)).unwrap();
                }
            }
            drop(to);
            let sealed_complete = |asked: CrossingId| Ok(point > 0 && asked == crossing(1));
            let recovered = lake.recover(&sealed_complete).unwrap();
            assert_eq!((recovered.finished == [id], recovered.undone == [id]), (is_sealed, !is_sealed));
            assert_eq!(lake.recover(&sealed_complete).unwrap(), Recovered::default());
            assert_eq!(rows(&lake, "lake/Patient", &keys).unwrap().len(), usize::from(is_sealed));
            assert_eq!(rows(&lake, "lake/Observation", &keys).unwrap().len(), usize::from(is_sealed));
            assert_eq!(files(dir.path()).len(), if is_sealed { 2 } else { 0 });
        }
    }
}

#[test]
fn where_the_ledger_cannot_say_nothing_is_touched() {
    let dir = tempfile::tempdir().unwrap();
    let keys = Keys::new();
    let lake = open(dir.path(), &keys);
    let mut to = lake.passage(crossing(1));
    to.add(&patient(1)).unwrap();
    to.finish().unwrap();
    drop(to);
    let before = files(dir.path()).len();
    assert!(lake.recover(&|_| Err(LedgerError { what: "answer", cause: None })).is_err());
    assert_eq!(files(dir.path()).len(), before);
}

#[test]
fn a_manifest_cannot_name_a_file_outside_the_lake() {
    let dir = tempfile::tempdir().unwrap();
    let keys = Keys::new();
    let lake = open(dir.path(), &keys);
    for name in
        ["../x.parquet", "Patient/../../x.parquet", ".staging/x.parquet", "Patient/x.exe", "/etc/x.parquet"]
    {
        let mut to = lake.passage(crossing(1));
        to.add(&patient(1)).unwrap();
        to.finish().unwrap();
        drop(to);
        let manifest = lake.staging(crossing(1)).join("manifest.json");
        let text = format!(
            r#"{{"files":[{{"staged":"Patient-0.parquet","name":"{name}","sha256":"","bytes":1,"records":1}}]}}"#
        );
        std::fs::write(manifest, text).unwrap();
        let error = lake.recover(&|_| Ok(true)).unwrap_err();
        assert!(matches!(error, RecoverError::Lake(LakeError::ForeignName)), "{name}");
        lake.recover(&|_| Ok(false)).unwrap();
    }
}

#[test]
fn large_crossings_are_written_in_bounded_row_groups_and_files() {
    let dir = tempfile::tempdir().unwrap();
    let keys = Keys::new();
    let mut lake = open(dir.path(), &keys);
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
    let dir = tempfile::tempdir().unwrap();
    let keys = Keys::new();
    let mut lake = open(dir.path(), &keys);
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

/// PyArrow's own key tools open the lake with the key service's keys, and not without.
#[test]
fn pyarrow_reads_the_lake_with_the_key_and_not_without() {
    let Some(python) = std::env::var_os("LAZARET_PYTHON") else {
        assert!(
            std::env::var("CI").as_deref() != Ok("true"),
            "LAZARET_PYTHON must name a python3 with pyarrow"
        );
        // Past the runner, which hides what a test that ends well prints; `scripts/test` counts these lines.
        let why = "LAZARET_PYTHON names no python3 with pyarrow and cryptography";
        std::io::Write::write_fmt(&mut std::io::stderr(), format_args!("\nskipped: {why}\n")).unwrap();
        return;
    };
    let dir = tempfile::tempdir().unwrap();
    let keys = Keys::new();
    let lake = open(dir.path(), &keys);
    let pieces: Vec<Piece> = (1..=50).flat_map(|n| [patient(n), observation(n)]).collect();
    let outputs = write(&lake, crossing(1), &pieces);
    let helper = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/python/read_lake.py");
    let run = |keys: &Keys, name: &str, columns: &str| {
        let keys: BTreeMap<String, String> =
            keys.0.lock().unwrap().iter().map(|(id, key)| (id.clone(), file::hex(key))).collect();
        let output = Command::new(&python)
            .arg(&helper)
            .arg(dir.path().join(name))
            .arg(columns)
            .env("LAKE_KEYS", serde_json::to_string(&keys).unwrap())
            .output()
            .unwrap();
        (
            output.status.code(),
            String::from_utf8(output.stdout).unwrap(),
            String::from_utf8(output.stderr).unwrap(),
        )
    };
    let observations = &outputs[0].name;
    let (code, out, err) = run(&keys, observations, "");
    assert_eq!(code, Some(0), "{err}");
    let read: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert_eq!(read["rows"], 50);
    assert_eq!(read["types"]["value"], "string");
    assert_eq!(read["types"]["value_number"], "double");
    assert_eq!(read["types"]["effective_year"], "int32");
    assert_eq!(read["first"]["value"], "127.90");
    assert_eq!(read["first"]["value_number"], 127.9);
    assert_eq!(read["first"]["effective_year"], 2023);
    assert_eq!(read["first"]["resource"].as_str().unwrap().as_bytes(), pieces[1].bytes);

    // Without a key, with wrong keys, and with the keys of some columns only.
    let (code, out, _) = run(&Keys::default(), observations, "");
    assert_eq!((code, out.as_str()), (Some(3), ""));
    let (code, out, _) = run(&keys.wrong(), observations, "");
    assert_eq!((code, out.as_str()), (Some(3), ""));
    let some = Keys::default();
    for (id, key) in keys.0.lock().unwrap().iter().filter(|(id, _)| !id.contains("#content")) {
        some.0.lock().unwrap().insert(id.clone(), *key);
    }
    assert_eq!(run(&some, observations, "").0, Some(3));
    let (code, out, err) = run(&some, observations, "code,value_number");
    assert_eq!(code, Some(0), "{err}");
    let read: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert_eq!(read["first"], serde_json::json!({"code": "8302-2", "value_number": 127.9}));
}
