//! Models' files: found by their SHA-256, with who admitted them, and their models by name.

use lazaret_core::{
    CrossingId, Ending, Entry, Gate, HoldId, Ledger as _, ModelOrigin, Opened, Order, Ordered, RecordedFile,
    Seal, Sha256, Timestamp,
};
use lazaret_ledger::{AboutFile, LedgerReader, Node, SqliteLedger, model_ancestry, model_view, verify};
use rusqlite::Connection;

use crate::support::{crossing, entry, key, ledger, opened, seal};

const FILE: Sha256 = Sha256([7; 32]);
const NOW: Timestamp = Timestamp::from_millis(1_764_080_413_007);

fn with_file(n: u64, record: u64, name: &str) -> Entry {
    let file = RecordedFile { name: name.to_owned(), sha256: FILE, bytes: 40 };
    Entry { file: Some(file), ..entry(n, record) }
}

fn of_model(n: u64, name: &str) -> Opened {
    let model =
        ModelOrigin { name: name.to_owned(), revision: Some(format!("r{n}")), ..ModelOrigin::default() };
    Opened { gate: Gate::Models, model: Some(model), ..opened(n) }
}

fn order(
    ledger: &SqliteLedger,
    n: u64,
    what: Ordered,
    second: Option<&str>,
    until: Option<Timestamp>,
    ends: Ending,
) {
    let order = Order {
        what,
        object: FILE.to_string(),
        by: "a.reyes".into(),
        second: second.map(str::to_owned),
        reason: "needed".into(),
        until,
    };
    ledger.open(&Opened { order: Some(order), ..opened(n) }).unwrap();
    ledger.seal(&seal(n, &[], ends)).unwrap();
}

#[test]
fn a_file_is_found_in_its_crossings_and_a_model_by_its_name() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ledger.db");
    let ledger = ledger(&path);
    for (n, model) in [(1, "chest/x-ray"), (2, "chest/x-ray"), (3, "sepsis \"2\"")] {
        ledger.open(&of_model(n, model)).unwrap();
        let entries = vec![with_file(n, 0, "model.pt"), entry(n, 1)];
        ledger.record(crossing(n), entries.clone()).unwrap();
        ledger.seal(&seal(n, &entries, Ending::Complete)).unwrap();
    }
    ledger.append_about(FILE, "models.fetched", &serde_json::json!({ "by": "ci" })).unwrap();
    ledger.close().unwrap();
    let reader = LedgerReader::open(&path).unwrap();
    assert_eq!(reader.files(None, 10).unwrap(), [FILE]);
    assert_eq!(reader.files(Some(FILE), 10).unwrap(), []);
    let crossings = reader.crossings_of_file(FILE, 10).unwrap();
    let names: Vec<_> =
        crossings.iter().map(|found| found.crossing.opened.model.as_ref().unwrap().name.as_str()).collect();
    assert_eq!(names, ["sepsis \"2\"", "chest/x-ray", "chest/x-ray"], "newest first");
    assert_eq!(crossings[0].entry.file.as_ref().unwrap().name, "model.pt");
    assert_eq!(reader.crossings_of_file(FILE, 2).unwrap(), crossings[..2]);
    assert_eq!(reader.models(None, 10).unwrap(), ["chest/x-ray", "sepsis \"2\""]);
    let newest = reader.crossings_of_model("chest/x-ray", None, 10).unwrap();
    assert_eq!(newest.iter().map(|found| found.opened_at).collect::<Vec<_>>(), [2, 0]);
    assert_eq!(reader.crossings_of_model("chest/x-ray", Some(2), 10).unwrap().len(), 1);
    let about = reader.about_file(FILE, &[], None, 10).unwrap();
    assert!(matches!(&about[..], [AboutFile::Event { kind, .. }] if kind == "models.fetched"));
    let verified = verify(&path, &key(), &[]).unwrap();
    assert_eq!(verified.findings, []);
}

#[test]
fn the_last_word_about_a_file_counts_until_its_day_and_only_if_it_was_carried_out() {
    let folder = tempfile::tempdir().unwrap();
    let ledger = ledger(&folder.path().join("ledger.db"));
    let admitted =
        |at: Timestamp| ledger.admitted(FILE, at).unwrap().map(|found| (found.order, found.by_two));
    let id = |n: u64| -> CrossingId { crossing(n) };
    assert_eq!(admitted(NOW), None);
    order(&ledger, 1, Ordered::RequestModel, None, None, Ending::Complete);
    assert_eq!(admitted(NOW), None);
    order(&ledger, 2, Ordered::AdmitModel, None, Some(NOW.plus_millis(10)), Ending::Cut);
    assert_eq!(admitted(NOW), None);
    order(&ledger, 3, Ordered::AdmitModel, None, Some(NOW.plus_millis(10)), Ending::Complete);
    assert_eq!(admitted(NOW), Some((id(3), false)));
    assert_eq!(admitted(NOW.plus_millis(10)), None);
    order(&ledger, 4, Ordered::AdmitModel, Some("m.osei"), None, Ending::Complete);
    assert_eq!(admitted(NOW.plus_millis(1 << 40)), Some((id(4), true)));
    order(&ledger, 5, Ordered::RevokeModel, None, None, Ending::Complete);
    assert_eq!(admitted(NOW), None);
    assert_eq!(ledger.admitted(Sha256([8; 32]), NOW).unwrap(), None);
}

#[test]
fn an_index_of_files_that_was_changed_is_told() {
    for tampering in [
        "DELETE FROM file",
        "UPDATE file SET sha256 = zeroblob(32)",
        "INSERT INTO file VALUES (zeroblob(32), 1, NULL, 0)",
        "UPDATE file SET held = 1",
        "UPDATE model SET route = 'hub'",
        "DELETE FROM about",
        "INSERT INTO about VALUES (zeroblob(32), 0, 'opened', NULL)",
        "UPDATE about SET word = 'revoke-model'",
        "UPDATE about SET kind = 'models.runs'",
        "UPDATE file SET step = 'other'",
        "DELETE FROM cleared",
        "UPDATE cleared SET sha256 = zeroblob(32)",
        "UPDATE cleared SET entry = entry + 1",
        "INSERT INTO cleared VALUES (zeroblob(32), 1)",
        "DELETE FROM model",
        "UPDATE model SET name = 'other'",
        "INSERT INTO model VALUES ('other', 1, NULL, 'x')",
        "UPDATE model SET revision = 'other'",
    ] {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ledger.db");
        let ledger = ledger(&path);
        ledger.open(&of_model(1, "chest")).unwrap();
        let entries = vec![with_file(1, 0, "model.pt")];
        ledger.record(crossing(1), entries.clone()).unwrap();
        ledger.seal(&seal(1, &entries, Ending::Complete)).unwrap();
        order(&ledger, 2, Ordered::AdmitModel, None, None, Ending::Complete);
        ledger.close().unwrap();
        Connection::open(&path).unwrap().execute_batch(tampering).unwrap();
        let verified = verify(&path, &key(), &[]).unwrap();
        let found: Vec<_> = verified.findings.iter().map(|finding| finding.id).collect();
        assert_eq!(found, ["ledger.index-mismatch"], "{tampering}");
    }
}

#[test]
fn a_ledger_of_schema_1_is_read_as_it_is_and_gets_the_tables_when_it_is_written() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ledger.db");
    {
        let ledger = ledger(&path);
        ledger.open(&opened(1)).unwrap();
        ledger.seal(&seal(1, &[], Ending::Complete)).unwrap();
        ledger.close().unwrap();
    }
    let older =
        "DROP TABLE file; DROP TABLE about; DROP TABLE model; DROP TABLE cleared; PRAGMA user_version = 1";
    Connection::open(&path).unwrap().execute_batch(older).unwrap();
    let reader = LedgerReader::open(&path).unwrap();
    assert_eq!(reader.files(None, 10).unwrap(), []);
    assert_eq!(reader.models(None, 10).unwrap(), [""; 0]);
    assert_eq!(reader.admission(FILE, NOW).unwrap(), None);
    assert_eq!(reader.about_file(FILE, &[], None, 10).unwrap(), []);
    assert_eq!(verify(&path, &key(), &[]).unwrap().findings, []);
    let ledger = ledger(&path);
    order(&ledger, 2, Ordered::AdmitModel, None, None, Ending::Complete);
    assert!(ledger.admitted(FILE, NOW).unwrap().is_some());
}

/// The tables as schema 2 had them.
const TO_2: &str = "
CREATE TEMP TABLE f AS SELECT sha256, entry FROM file; CREATE TEMP TABLE a AS SELECT sha256, idx FROM about;
CREATE TEMP TABLE m AS SELECT name, opened_at FROM model;
DROP TABLE file; DROP TABLE about; DROP TABLE cleared; DROP TABLE model;
CREATE TABLE model (name TEXT NOT NULL, opened_at INTEGER NOT NULL, PRIMARY KEY (name, opened_at)) STRICT, WITHOUT ROWID;
INSERT INTO model SELECT * FROM m;
CREATE TABLE file (sha256 BLOB NOT NULL, entry INTEGER NOT NULL, PRIMARY KEY (sha256, entry)) STRICT, WITHOUT ROWID;
CREATE TABLE about (sha256 BLOB NOT NULL, idx INTEGER NOT NULL, PRIMARY KEY (sha256, idx)) STRICT, WITHOUT ROWID;
INSERT INTO file SELECT * FROM f; INSERT INTO about SELECT * FROM a; PRAGMA user_version = 2";

/// All that a reader says of the file.
fn said(reader: &LedgerReader) -> String {
    let model = |model| reader.has_event_of_model(FILE, "models.runs", model).unwrap();
    format!(
        "{:?}\n{:?}\n{:?}\n{:?}\n{:?}\n{:?}\n{:?}\n{:?}\n{:?}\n{:?}\n{:?}\n{:?}\n{:?}\n{:?}\n{:?}",
        reader.first_clear_entry_of_file(FILE).unwrap(),
        reader.steps_of_file(FILE).collect::<Result<Vec<_>, _>>().unwrap(),
        reader.last_entry_of_file_named(FILE, "x.pt").unwrap(),
        reader.last_word(FILE).unwrap(),
        reader.last_order(FILE, "request-model").unwrap(),
        reader.last_order(FILE, "admit-model").unwrap(),
        reader.orders_about(FILE, None, 10).unwrap(),
        reader.events_about(FILE, "models.runs", 10).unwrap(),
        reader.about_file(FILE, &[], None, 10).unwrap(),
        [model("chest@1"), model("chest@3")],
        reader.spoken_of(0, 100).unwrap(),
        reader.files_spoken_of(None, 10).unwrap(),
        reader.revisions(Some(("chest", "r1")), 2).unwrap(),
        reader.crossings_of_revision("chest", "r2", 0, 10).unwrap(),
        (
            reader.names_of_file(FILE, 10).unwrap(),
            reader.uses_of_file(FILE, "models.runs", 10).unwrap(),
            reader.cleared_before("chest", "a/x.pt", 100, Sha256([8; 32])).unwrap(),
        ),
    )
}

#[test]
fn a_ledger_of_schema_2_says_the_same_and_gets_the_indexes_when_it_is_written() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ledger.db");
    {
        let ledger = ledger(&path);
        // Held, then cut, then cleared, then held again, under other names.
        for (n, name, held, ends) in [
            (1, "a/b/x.pt", true, Ending::Complete),
            (2, "x.pt", false, Ending::Cut),
            (3, "a/x.pt", false, Ending::Complete),
            (4, "y.pt", true, Ending::Complete),
        ] {
            ledger.open(&of_model(n, "chest")).unwrap();
            let hold = held.then_some(HoldId { crossing: crossing(n), record: 0 });
            let entries = vec![Entry { held: hold, ..with_file(n, 0, name) }];
            ledger.record(crossing(n), entries.clone()).unwrap();
            ledger.seal(&seal(n, &entries, ends)).unwrap();
        }
        order(&ledger, 5, Ordered::RequestModel, None, None, Ending::Complete);
        order(&ledger, 6, Ordered::AdmitModel, None, None, Ending::Complete);
        order(&ledger, 7, Ordered::RevokeModel, None, None, Ending::Cut);
        for model in ["chest@1", "chest@2"] {
            ledger.append_about(FILE, "models.runs", &serde_json::json!({ "model": model })).unwrap();
        }
        ledger.close().unwrap();
    }
    let now = said(&LedgerReader::open(&path).unwrap());
    let [first, steps, named, word, ..] = now.lines().collect::<Vec<_>>()[..] else { panic!() };
    assert!(first.contains("a/x.pt") && steps == r#"["x.pt", "y.pt"]"# && named.contains("a/x.pt"), "{now}");
    assert!(word.contains("admit-model") && now.contains("[true, false]"), "{now}");
    assert_eq!(verify(&path, &key(), &[]).unwrap().findings, []);

    Connection::open(&path).unwrap().execute_batch(TO_2).unwrap();
    let reader = LedgerReader::open(&path).unwrap();
    assert!(reader.is_of_older_schema().unwrap());
    assert_eq!(said(&reader), now);
    assert_eq!(verify(&path, &key(), &[]).unwrap().findings, []);
    ledger(&path).close().unwrap();
    assert!(!reader.is_of_older_schema().unwrap());
    // Whoever had it open goes on, by the indexes.
    assert_eq!(said(&reader), now);
    assert_eq!(said(&LedgerReader::open(&path).unwrap()), now);
    assert_eq!(verify(&path, &key(), &[]).unwrap().findings, []);
}

#[test]
fn an_event_of_one_name_of_a_file_speaks_for_that_name_and_one_of_none_may_only_hold() {
    let folder = tempfile::tempdir().unwrap();
    let ledger = ledger(&folder.path().join("ledger.db"));
    let look = |step: Option<&str>, verdict: &str| {
        let event = serde_json::json!({ "verdict": verdict });
        let of_step = step.map(|step| serde_json::json!({ "verdict": verdict, "step": step }));
        ledger.append_about(FILE, "models.rescanned", &of_step.unwrap_or(event)).unwrap().0
    };
    let last = |step: &str, after: u64| {
        let event = ledger.reader().last_event_of_step(FILE, "models.rescanned", step, after).unwrap();
        event.map(|event| event.at())
    };
    let bad = look(Some("x.py"), "block");
    assert_eq!((last("x.py", 0), last("x.txt", 0)), (None, None), "the first entry has index 0");
    let (text, good) = (look(Some("x.txt"), "allow"), look(None, "allow"));
    assert_eq!((last("x.py", 0), last("x.txt", 0)), (None, Some(text)));
    let held = look(None, "quarantine");
    assert_eq!((last("x.py", 0), last("x.txt", good)), (Some(held), Some(held)));
    assert_eq!(last("x.txt", held), None);
    assert_eq!(
        ledger.reader().newest_about_file(FILE, &[], 2).unwrap().first().map(AboutFile::at),
        Some(held)
    );
    let again = look(Some("x.py"), "allow");
    assert_eq!((last("x.py", bad), last("x.txt", bad)), (Some(again), Some(held)));
    ledger.close().unwrap();
}

#[test]
fn the_last_word_about_a_file_takes_as_long_however_often_it_came() {
    let time = |times: u64| {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ledger.db");
        let ledger = ledger(&path);
        ledger.open(&of_model(1, "chest")).unwrap();
        let entries = vec![with_file(1, 0, "model.pt")];
        ledger.record(crossing(1), entries.clone()).unwrap();
        ledger.seal(&seal(1, &entries, Ending::Cut)).unwrap();
        order(&ledger, 2, Ordered::AdmitModel, None, None, Ending::Complete);
        ledger.append_about(FILE, "models.runs", &serde_json::json!({ "model": "chest@1" })).unwrap();
        ledger.close().unwrap();
        // The same again and again: crossings that were cut, orders, events.
        let again = format!(
            "CREATE TEMP TABLE n AS WITH RECURSIVE n(n) AS (SELECT 10 UNION ALL SELECT n + 1 FROM n LIMIT {times}) SELECT n FROM n;
             INSERT INTO entry SELECT (n << 28), NULL, body FROM n, entry WHERE id < (1 << 28);
             INSERT INTO file SELECT sha256, (n << 28), step, held FROM n, file;
             INSERT INTO crossing SELECT n, CAST(printf('%016d', n) AS BLOB), started, gate, to_id, n, ending, records, held
               FROM n, (SELECT * FROM crossing WHERE opened_at = 0);
             INSERT INTO leaf SELECT n + 1000000, kind, hash, body FROM n, leaf WHERE kind = 'models.runs';
             INSERT INTO about SELECT sha256, n + 1000000, kind, word FROM n, about WHERE kind = 'models.runs';
             INSERT INTO leaf SELECT n + 2000000, kind, hash, body FROM n, (SELECT * FROM leaf WHERE kind = 'opened' LIMIT 1 OFFSET 1);
             INSERT INTO about SELECT sha256, n + 2000000, 'opened', 'request-model' FROM n, about WHERE kind = 'opened';
             INSERT INTO crossing SELECT n + 2000000, CAST(printf('%016d', n + 2000000) AS BLOB), started, gate, to_id, n, ending,
               records, held FROM n, (SELECT * FROM crossing WHERE ending = 'complete' LIMIT 1);"
        );
        Connection::open(&path).unwrap().execute_batch(&again).unwrap();
        let reader = LedgerReader::open(&path).unwrap();
        let ask = || {
            assert_eq!(reader.first_clear_entry_of_file(FILE).unwrap(), None);
            assert_eq!(reader.steps_of_file(FILE).count(), 1);
            assert!(reader.last_entry_of_file_named(FILE, "model.pt").unwrap().is_some());
            assert_eq!(reader.last_entry_of_file_named(FILE, "other.pt").unwrap(), None);
            assert!(reader.last_order(FILE, "admit-model").unwrap().is_some());
            assert_eq!(reader.last_word(FILE).unwrap().unwrap().2.what, "admit-model");
            assert_eq!(reader.events_about(FILE, "models.runs", 1).unwrap().len(), 1);
            assert_eq!(reader.last_event_of_step(FILE, "models.rescanned", "model.pt", 0).unwrap(), None);
            assert!(!reader.has_event_of_model(FILE, "models.runs", "chest@2").unwrap());
            assert_eq!(reader.about_file(FILE, &[], Some(1_000_010), 10).unwrap().len(), 10);
        };
        ask();
        let fastest = (0..20).map(|_| {
            let began = std::time::Instant::now();
            ask();
            began.elapsed()
        });
        fastest.min().unwrap()
    };
    let (few, many) = (time(20), time(20_000));
    assert!(many < few * 5, "{few:?} with 20 of each, {many:?} with 20,000");
}

#[test]
fn what_a_file_touches_is_told_however_often_it_came() {
    const MORE: u64 = 120_000;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ledger.db");
    let ledger = ledger(&path);
    let other = |n: u64, byte: u8, held: bool| {
        let file = RecordedFile { name: "model.pt".to_owned(), sha256: Sha256([byte; 32]), bytes: 1 };
        let held = held.then_some(HoldId { crossing: crossing(n), record: 0 });
        vec![Entry { file: Some(file), held, ..entry(n, 0) }]
    };
    let came = |n: u64, model: Opened, entries: Vec<Entry>, ending: Ending| {
        ledger.open(&model).unwrap();
        ledger.record(crossing(n), entries.clone()).unwrap();
        ledger.seal(&seal(n, &entries, ending)).unwrap();
    };
    // What to go back to: the last that was cleared in a crossing that came to its end.
    for (n, byte, held, ending) in
        [(1, 1, false, Ending::Complete), (2, 2, true, Ending::Complete), (3, 3, false, Ending::Cut)]
    {
        came(n, of_model(n, "chest"), other(n, byte, held), ending);
    }
    came(4, of_model(4, "chest"), vec![with_file(4, 0, "model.pt")], Ending::Complete);
    came(5, of_model(5, "chest"), other(5, 5, false), Ending::Complete);
    let asked_by = |by: &str, of: Opened| {
        let model = of.model.map(|model| ModelOrigin { asked_by: Some(by.to_owned()), ..model });
        Opened { model, ..of }
    };
    came(6, asked_by("user:ann", of_model(6, "hip")), vec![with_file(6, 0, "a/model.pt")], Ending::Complete);
    for by in ["user:bob", "user:ann"] {
        ledger
            .append_about(FILE, "models.pulled", &serde_json::json!({ "by": "operator", "asked_by": by }))
            .unwrap();
    }
    ledger.append_about(FILE, "models.pulled", &serde_json::json!({ "by": "before" })).unwrap();
    ledger.append_about(FILE, "models.alert", &serde_json::json!({})).unwrap();
    ledger.close().unwrap();
    // The first crossing of the file, and what ann pulled, again and again.
    let again = format!(
        "CREATE TEMP TABLE n AS WITH RECURSIVE n(n) AS (SELECT 1000 UNION ALL SELECT n + 1 FROM n LIMIT {MORE}) SELECT n FROM n;
         CREATE TEMP TABLE of AS SELECT min(entry) AS entry FROM file WHERE sha256 = x'{FILE}';
         INSERT INTO leaf SELECT n, kind, hash, body FROM n, leaf WHERE idx = (SELECT entry >> 28 FROM of);
         INSERT INTO entry SELECT n << 28, NULL, body FROM n, entry WHERE id = (SELECT entry FROM of);
         INSERT INTO file SELECT sha256, n << 28, step, held FROM n, file WHERE entry = (SELECT entry FROM of);
         INSERT INTO crossing SELECT n, CAST(printf('%016d', n) AS BLOB), started, gate, to_id, sealed_at, ending, records, held
           FROM n, crossing WHERE opened_at = (SELECT entry >> 28 FROM of);
         INSERT INTO leaf SELECT n + 1000000, kind, hash, body FROM n, leaf WHERE body LIKE '%user:bob%';
         INSERT INTO about SELECT sha256, n + 1000000, kind, word FROM n, about WHERE kind = 'models.alert';
         UPDATE about SET kind = 'models.pulled' WHERE idx >= 1000000;"
    );
    Connection::open(&path).unwrap().execute_batch(&again).unwrap();
    let reader = LedgerReader::open(&path).unwrap();

    let names = reader.names_of_file(FILE, 10).unwrap();
    let of = |name: &lazaret_ledger::NameOfFile| {
        let model = name.last.crossing.opened.model.clone().unwrap();
        (model.name, model.revision.unwrap(), name.last.entry.file.clone().unwrap().name, name.times)
    };
    let told: Vec<_> = names.list.iter().map(of).collect();
    let expected = |model: &str, revision: &str, file: &str, times| {
        (model.to_owned(), revision.to_owned(), file.to_owned(), times)
    };
    assert_eq!(told, [expected("chest", "r4", "model.pt", MORE + 1), expected("hip", "r6", "a/model.pt", 1)]);
    assert_eq!((names.list[0].first, names.left_out), (6, 0));
    let first = reader.names_of_file(FILE, 1).unwrap();
    assert_eq!((first.list.len(), first.left_out), (1, 1));

    let uses = reader.uses_of_file(FILE, "models.pulled", 10).unwrap();
    let mut told: Vec<_> = uses.list.iter().map(|used| (used.who.as_str(), used.times)).collect();
    told.sort_unstable();
    let configured = opened(4).actor.id;
    let mut expected =
        [("before", 1), (configured.as_str(), MORE + 1), ("user:ann", 2), ("user:bob", MORE + 1)];
    expected.sort_unstable();
    assert_eq!(told, expected);
    let some = reader.uses_of_file(FILE, "models.pulled", 3).unwrap();
    assert_eq!((some.list.len(), some.left_out, &some.list[..]), (3, 1, &uses.list[..3]));
    let about = reader.about_file(FILE, &["models.pulled"], None, 10).unwrap();
    assert!(matches!(&about[..], [AboutFile::Event { kind, .. }] if kind == "models.alert"));

    let before = |at| reader.cleared_before("chest", "model.pt", at, FILE).unwrap();
    let sha256 = |found: Option<lazaret_ledger::FileCrossing>| found.unwrap().entry.file.unwrap().sha256;
    assert_eq!(sha256(before(names.list[0].first)), Sha256([1; 32]).to_string());
    assert_eq!(sha256(before(u64::from(u32::MAX))), Sha256([5; 32]).to_string());
    assert_eq!(before(0), None);
    assert_eq!(reader.cleared_before("chest", "other.pt", u64::from(u32::MAX), FILE).unwrap(), None);
}

#[test]
fn a_model_leads_to_its_datasets_and_they_lead_to_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ledger.db");
    let ledger = ledger(&path);
    let entries = vec![entry(1, 0)];
    ledger.open(&opened(1)).unwrap();
    ledger.record(crossing(1), entries.clone()).unwrap();
    ledger.seal(&seal(1, &entries, Ending::Complete)).unwrap();
    for (n, dataset) in [(2, "lake/Patient"), (3, "elsewhere")] {
        let of = of_model(n, "chest/x-ray");
        let model = of.model.map(|model| ModelOrigin { datasets: vec![dataset.to_owned()], ..model });
        ledger.open(&Opened { model, ..opened(n) }).unwrap();
        let entries = vec![with_file(n, 0, "model.pt")];
        ledger.record(crossing(n), entries.clone()).unwrap();
        ledger.seal(&Seal { outputs: Vec::new(), ..seal(n, &entries, Ending::Complete) }).unwrap();
    }
    ledger.close().unwrap();
    let reader = LedgerReader::open(&path).unwrap();

    // The dataset, a part of it, and what it is a part of; names that only begin alike are others.
    for (dataset, found) in [
        ("lake/Patient", 1),
        ("lake", 1),
        ("lake/Patient/x", 1),
        ("lak", 0),
        ("lake/Pat", 0),
        ("elsewhere", 1),
    ] {
        assert_eq!(reader.models_trained_on(dataset, 10).unwrap().len(), found, "{dataset}");
    }
    let trained = reader.models_trained_on("lake/Patient", 10).unwrap();
    assert_eq!((trained[0].model.as_str(), trained[0].at), ("chest/x-ray", 2));
    assert_eq!(trained[0].crossing, crossing(2).to_string());
    assert!(reader.models_trained_on("lake/Patient", 1).unwrap().is_empty(), "only the newest crossing");

    let found = model_ancestry(&reader, "chest/x-ray", 100).unwrap();
    let dataset = Node::Dataset { name: "lake/Patient".to_owned() };
    assert!(found.complete && found.nodes.contains(&dataset));
    let maker = Node::Crossing { id: crossing(1).to_string() };
    assert!(
        found.edges.iter().any(|edge| edge.from == maker && edge.to == dataset),
        "and where that is from"
    );
    assert!(found.edges.iter().any(|edge| edge.from == dataset && edge.to == found.of));
    assert!(!model_ancestry(&reader, "chest/x-ray", 2).unwrap().complete);

    let view = model_view(&reader, "chest/x-ray", None, (10, 10)).unwrap().unwrap();
    let revisions: Vec<_> = view.revisions.iter().map(|of| of.revision.as_deref().unwrap()).collect();
    assert_eq!((view.words.revision.as_deref(), revisions), (Some("r3"), vec!["r3", "r2"]));
    assert!(view.complete && view.words.datasets == ["elsewhere"]);
    let before = model_view(&reader, "chest/x-ray", Some("r2"), (10, 10)).unwrap().unwrap();
    assert_eq!(before.words.datasets, ["lake/Patient"]);
    assert!(!model_view(&reader, "chest/x-ray", None, (1, 10)).unwrap().unwrap().complete);
    assert!(!model_view(&reader, "chest/x-ray", None, (10, 0)).unwrap().unwrap().complete);
    assert!(model_view(&reader, "none", None, (10, 10)).unwrap().is_none());
}
