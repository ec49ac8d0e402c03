//! The commands as their users meet them, each in a directory of its own.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;

pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).unwrap().to_owned()
}

/// A directory with a data directory in it.
pub(crate) struct Place(pub(crate) tempfile::TempDir);

impl Place {
    pub(crate) fn new() -> Self {
        let place = Self(tempfile::tempdir().unwrap());
        place.clear(&["init"]);
        place
    }

    pub(crate) fn write(&self, name: &str, text: &str) {
        std::fs::write(self.0.path().join(name), text).unwrap();
    }

    pub(crate) fn run(&self, args: &[&str]) -> Output {
        Command::new(env!("CARGO_BIN_EXE_lazaret")).args(args).current_dir(self.0.path()).output().unwrap()
    }

    /// Runs a command that must end with this code; gives what it printed.
    pub(crate) fn ends(&self, code: i32, args: &[&str]) -> String {
        let output = self.run(args);
        let text = String::from_utf8(output.stdout).unwrap();
        let errors = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(code), "{args:?}\n{text}\n{errors}");
        text + &errors
    }

    pub(crate) fn clear(&self, args: &[&str]) -> String {
        self.ends(0, args)
    }

    pub(crate) fn json(&self, code: i32, args: &[&str]) -> Value {
        let output = self.run(&[args, &["--json"]].concat());
        assert_eq!(output.status.code(), Some(code), "{args:?} {}", String::from_utf8_lossy(&output.stderr));
        serde_json::from_str(std::str::from_utf8(&output.stdout).unwrap()).unwrap()
    }

    /// The order of each crossing in the ledger, newest first.
    pub(crate) fn orders(&self) -> Vec<Value> {
        let show = self.json(0, &["ledger", "show"]);
        let of = |row: &Value| {
            let receipt = row.get("crossing").and_then(Value::as_str).unwrap();
            let crossing = self.json(0, &["ledger", "show", receipt]);
            crossing.pointer("/opened/order").cloned().unwrap_or_default()
        };
        show.as_array().unwrap().iter().map(of).collect()
    }
}

fn whats(orders: &[Value]) -> Vec<&str> {
    orders.iter().map(|order| order["what"].as_str().unwrap_or("none")).collect()
}

pub(crate) const PATIENT: &str = r#"{"resourceType":"Patient","id":"p1","identifier":[{"type":{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/v2-0203","code":"MR"}]},"value":"00483917"}],"name":[{"family":"Quillmoor","given":["Ilse"]}],"gender":"female","birthDate":"1961-06-15"}
"#;
const BAD_GENDER: &str = r#"{"resourceType":"Patient","id":"p2","name":[{"family":"Featherstone"}],"gender":"boy"}
"#;

#[test]
fn exit_codes_tell_clear_held_wrong_use_and_failure_apart() {
    let place = Place::new();
    place.write("good.ndjson", PATIENT);
    place.write("bad.ndjson", BAD_GENDER);
    place.clear(&["ingest", "--check", "good.ndjson"]);
    place.ends(1, &["ingest", "--check", "bad.ndjson"]);
    place.ends(2, &["ingest", "--check", "no-such-file"]);
    place.ends(2, &["ingest"]);
    place.ends(2, &["explain", "json.duplicate-kye"]);
    place.ends(2, &["init"]);
    std::fs::write(place.0.path().join("lazaret-data.key"), "00".repeat(32)).unwrap();
    place.ends(3, &["ingest", "good.ndjson", "--to", "lake"]);
    assert!(!place.0.path().join("lake/Patient").exists(), "nothing passed");
}

#[test]
fn jsonl_is_one_object_a_record() {
    let place = Place::new();
    place.write("mixed.ndjson", &format!("{PATIENT}{BAD_GENDER}"));
    let text = place.ends(1, &["ingest", "--check", "--jsonl", "mixed.ndjson"]);
    let records: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(records.len(), 2);
    assert_eq!(records[0]["verdict"], "allow");
    assert_eq!(records[0]["line"], 1);
    assert_eq!(records[0]["format"], "fhir-r4");
    assert_eq!(records[0]["phi"]["MRN"], 1);
    assert_eq!(records[1]["verdict"], "quarantine");
    assert_eq!(records[1]["findings"][0]["id"], "fhir.binding");
    assert_eq!(records[1]["findings"][0]["at"], "Patient.gender");
}

#[test]
fn a_held_record_is_shown_rejected_or_released_and_each_is_recorded() {
    let place = Place::new();
    place.write("mixed.ndjson", &format!("{PATIENT}{BAD_GENDER}"));
    place.ends(1, &["ingest", "mixed.ndjson", "--to", "lake"]);
    let held = place.json(1, &["quarantine", "list"]);
    let id = held[0]["id"].as_str().unwrap().to_owned();
    assert!(!place.clear(&["quarantine", "show", &id]).contains("Featherstone"), "content only on request");
    for half in [
        &["--content"][..],
        &["--content", "--by", "a.reyes"],
        &["--content", "--reason", "called the ward"],
        &["--by", "a.reyes", "--reason", "called the ward"],
        &["--content", "--by", "a.reyes", "--reason", " "],
    ] {
        let shown = place.ends(2, &[&["quarantine", "show", &id][..], half].concat());
        assert!(!shown.contains("Featherstone"), "{half:?}: {shown}");
    }
    let look = ["quarantine", "show", &id, "--content", "--by", "m.osei", "--reason", "called the ward"];
    assert!(place.clear(&look).contains("Featherstone"));
    let release = [
        "quarantine",
        "release",
        &id,
        "--by",
        "a.reyes",
        "--reason",
        "code agreed with the ward",
        "--to",
        "lake",
    ];
    place.clear(&release);
    place.ends(2, &release);
    place.clear(&["quarantine", "list"]);
    let orders = place.orders();
    assert_eq!(whats(&orders), ["release", "look", "none"], "newest first");
    assert_eq!(orders[1]["by"], "m.osei");
    assert_eq!(orders[1]["reason"], "called the ward");
    place.clear(&["ledger", "verify"]);
}

#[test]
fn a_data_directory_without_its_ledger_gets_no_new_one() {
    let place = Place::new();
    place.write("good.ndjson", PATIENT);
    place.clear(&["ingest", "good.ndjson", "--to", "lake"]);
    for file in ["ledger.db", "ledger.db-wal", "ledger.db-shm"] {
        drop(std::fs::remove_file(place.0.path().join("lazaret-data").join(file))); // not all are there
    }
    assert!(place.ends(2, &["ingest", "good.ndjson", "--to", "lake"]).contains("restore a backup"));
    place.ends(2, &["init"]);
    assert!(!place.0.path().join("lazaret-data/ledger.db").exists());
}

#[test]
fn a_token_is_revealed_until_its_subject_is_shredded() {
    let place = Place::new();
    place.write("good.ndjson", PATIENT);
    place.clear(&["ingest", "good.ndjson", "--to", "lake", "--basis", "limited-data-set"]);
    let status = place.json(0, &["keys", "status"]);
    assert!(status["tokens"].as_u64().unwrap() >= 2, "{status}");
    let shred = [
        "keys",
        "shred",
        "Patient/p1",
        "--by",
        "a.reyes",
        "--second",
        "m.osei",
        "--reason",
        "asked for by the patient",
    ];
    place.ends(
        2,
        &["keys", "shred", "Patient/p1", "--by", "a.reyes", "--second", "A.Reyes", "--reason", "alone"],
    );
    place.ends(2, &["keys", "legal-hold", "Patient/p1", "--by", "counsel"]);
    place.ends(2, &["keys", "legal-hold", "Patient/p1", "--by", "counsel", "--reason", ""]);
    place.clear(&["keys", "legal-hold", "Patient/p1", "--by", "counsel", "--reason", "case 4"]);
    place.ends(2, &shred);
    let recorded = place.clear(&["ledger", "show"]);
    place.ends(
        2,
        &["keys", "shred", "Patient/nobody", "--by", "a.reyes", "--second", "m.osei", "--reason", "x"],
    );
    assert_eq!(place.clear(&["ledger", "show"]), recorded, "what cannot be done is not ordered");
    place.clear(&["keys", "legal-hold", "Patient/p1", "--lift", "--by", "counsel", "--reason", "case over"]);
    place.clear(&shred);
    let orders = place.orders();
    assert_eq!(whats(&orders), ["shred", "lift-legal-hold", "legal-hold", "none"], "the refused are none");
    assert_eq!(orders[2]["by"], "counsel");
    assert_eq!(orders[2]["reason"], "case 4");
    assert_eq!(orders[2]["object"].as_str().unwrap().len(), 32, "a digest, not the subject's id");
    assert_eq!(orders[2]["object"], orders[0]["object"], "the three are seen to be about one subject");
    let status = place.json(0, &["keys", "status"]);
    assert!(status["shredded_tokens"].as_u64().unwrap() >= 2, "{status}");
}

#[test]
fn only_a_token_is_ordered_to_be_revealed() {
    let place = Place::new();
    let reveal = |token: &str, reason: &str, code: i32| {
        place.ends(code, &["tokens", "reveal", token, "--by", "a.reyes", "--reason", reason])
    };
    for value in ["Quillmoor", "[Quillmoor]", "lz-Quillmoor", "lz-", ""] {
        reveal(value, "asked by the ward", 2);
    }
    for reason in ["", " ", "two\nlines", "\u{1b}[2J"] {
        reveal("lz-hcvm78dx8q8w157sq1ek", reason, 2);
    }
    assert!(place.orders().is_empty(), "no value and no such reason reaches the ledger");
    assert!(reveal("[Quillmoor lz-hcvm78dx8q8w157sq1ek]", "asked by the ward", 2).contains("no such token"));
    let orders = place.orders();
    assert_eq!((orders.len(), &orders[0]["object"]), (1, &"lz-hcvm78dx8q8w157sq1ek".into()));
}

#[test]
fn keys_rotate_and_a_backup_is_restored() {
    let place = Place::new();
    place.write("good.ndjson", PATIENT);
    place.clear(&["ingest", "good.ndjson", "--to", "lake"]);
    let rotate = ["keys", "rotate", "--new-key-file", "new.key", "--by", "a.reyes", "--reason", "yearly"];
    place.ends(2, &rotate[..4]);
    place.clear(&rotate);
    let order = &place.orders()[0];
    assert_eq!((&order["what"], &order["by"]), (&"rotate-keys".into(), &"a.reyes".into()));
    assert_eq!(order["object"].as_str().unwrap().matches("local:").count(), 2, "from which to which");
    place.ends(2, &[&rotate[..], &["--key-file", "new.key"]].concat());
    assert_eq!(whats(&place.orders()), ["rotate-keys", "none"], "the key in force already is no order");
    place.ends(3, &["keys", "status"]);
    place.clear(&["keys", "status", "--key-file", "new.key"]);
    place.clear(&["backup", "copy", "--key-file", "new.key"]);
    place.ends(2, &["restore", "copy", "--key-file", "new.key"]);
    place.clear(&["restore", "copy", "--data", "other", "--key-file", "new.key"]);
    place.clear(&["ledger", "verify", "--data", "other", "--key-file", "new.key"]);
    let again =
        place.json(0, &["ingest", "good.ndjson", "--to", "lake", "--data", "other", "--key-file", "new.key"]);
    assert_eq!(again["counts"]["again"], 1, "the restored ledger knows what crossed");
}

#[test]
fn the_policy_is_checked_explained_and_tried() {
    let place = Place::new();
    place.write("mixed.ndjson", &format!("{PATIENT}{BAD_GENDER}"));
    let report = place.json(1, &["ingest", "mixed.ndjson", "--to", "lake"]);
    let receipt = report["files"][0]["receipt"].as_str().unwrap();
    assert!(place.clear(&["policy", "check"]).contains("valid"));
    assert!(place.clear(&["policy", "explain", receipt]).contains("high-and-medium-are-held"));
    place.clear(&["policy", "dry-run", "lazaret-data/policies"]);
    let changed = place.0.path().join("changed");
    std::fs::create_dir(&changed).unwrap();
    std::fs::write(
        changed.join("all.cedar"),
        "@id(\"block\") @why(\"x\") permit(principal, action == Action::\"Quarantine\", resource);",
    )
    .unwrap();
    place.ends(1, &["policy", "dry-run", "changed"]);
    std::fs::write(changed.join("all.cedar"), "permit(principal, action == Action::\"Alow\", resource);")
        .unwrap();
    assert!(place.ends(2, &["policy", "check", "changed"]).contains("all.cedar:1"));
}

#[test]
fn what_can_be_released_is_listed_as_such_and_the_rest_is_refused() {
    let place = Place::new();
    let outside = r#"{"resourceType":"Patient","id":"p9","surname":"Zzyzxova","Zzyzxova Petronela":"x","gender":"Zzyzxova","active":"Zzyzxova","telecom":"Zzyzxova","contact":[{"name":"Zzyzxova"}]}"#;
    let lines =
        [outside, r#"{"resourceType":"Patient","id":"p8","#, r#"{"resourceType":"Patient"} Zzyzxova"#];
    place.write("outside.ndjson", &(lines.join("\n") + "\n"));
    place.ends(1, &["ingest", "outside.ndjson", "--to", "lake"]);
    let held = place.json(1, &["quarantine", "list"]);
    assert_eq!(held.as_array().unwrap().len(), 3, "{held}");
    for hold in held.as_array().unwrap() {
        let id = hold["id"].as_str().unwrap();
        assert_eq!(place.json(0, &["quarantine", "show", id])["releasable"], hold["releasable"]);
        let can = hold["releasable"].as_bool().unwrap();
        assert_eq!(can, id.ends_with(":0"), "{hold}");
        let release = ["quarantine", "release", id, "--by", "ana", "--reason", "wanted", "--to", "lake"];
        place.ends(if can { 0 } else { 2 }, &release);
    }
}

#[test]
fn a_row_without_its_header_is_never_released_as_something_else() {
    let place = Place::new();
    let samples = root().join("testdata/demo");
    std::fs::copy(samples.join("hostile/patients.csv"), place.0.path().join("p.csv")).unwrap();
    std::fs::copy(samples.join("patients.schema.toml"), place.0.path().join("p.toml")).unwrap();
    place.ends(1, &["ingest", "p.csv", "--schema", "p.toml", "--to", "lake"]);
    let held = place.json(1, &["quarantine", "list"]);
    let id = held[0]["id"].as_str().unwrap();
    let text = place.ends(
        2,
        &["quarantine", "release", id, "--by", "a.reyes", "--reason", "looks right", "--to", "lake"],
    );
    assert!(text.contains("by itself"), "{text}");
    place.clear(&["quarantine", "reject", id, "--by", "a.reyes", "--reason", "mended at the source"]);
}

#[test]
fn a_proof_holds_without_the_ledger_until_it_is_changed() {
    let place = Place::new();
    place.write("good.ndjson", PATIENT);
    let report = place.json(0, &["ingest", "good.ndjson", "--to", "lake"]);
    let receipt = report["files"][0]["receipt"].as_str().unwrap();
    let status = place.clear(&["keys", "status"]);
    let key = status.lines().find_map(|line| line.strip_prefix("ledger key")).unwrap().trim().to_owned();
    let proof = place.clear(&["ledger", "prove", receipt, "--record", "0"]);
    place.write("proof.json", &proof);
    assert!(
        place
            .clear(&["ledger", "check-proof", "proof.json", "--key", &key, "--data", "none"])
            .contains("record 0: tokenise")
    );
    place.write("proof.json", &proof.replace("tokenise", "allow"));
    place.ends(1, &["ledger", "check-proof", "proof.json", "--key", &key]);
}

#[test]
fn a_policy_may_let_a_record_cross_without_its_faulty_narrative() {
    let place = Place::new();
    std::fs::copy(root().join("testdata/demo/hostile/narratives.ndjson"), place.0.path().join("n.ndjson"))
        .unwrap();
    let policies = place.0.path().join("lazaret-data/policies");
    std::fs::copy(policies.join("examples/repair-narrative.cedar"), policies.join("50-repair.cedar"))
        .unwrap();
    let report = place.json(1, &["ingest", "n.ndjson", "--to", "lake"]);
    assert_eq!(report["counts"]["verdicts"]["tokenise"], 6, "{report}");
    assert!(report["counts"]["edits"]["OTHER_ID.narrative redact"].as_u64().unwrap() >= 5, "{report}");
    let explained =
        place.clear(&["policy", "explain", report["files"][0]["receipt"].as_str().unwrap(), "--record", "1"]);
    assert!(explained.contains("repair-narrative"), "{explained}");
}

#[test]
fn every_rule_is_explained() {
    let place = Place::new();
    let rules = place.json(0, &["explain"]);
    let rules = rules.as_array().unwrap();
    assert!(rules.len() > 60);
    for rule in rules {
        assert!(!rule["title"].as_str().unwrap().is_empty(), "{rule}");
    }
    assert!(place.clear(&["explain", "phi.mrn"]).contains("medical record numbers"));
}

fn copy_folder(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let place = to.join(path.file_name().unwrap());
        if path.is_dir() {
            copy_folder(&path, &place);
        } else {
            std::fs::copy(&path, place).unwrap();
        }
    }
}

#[test]
fn the_demo_agrees_with_its_expectations_and_fails_when_one_is_flipped() {
    let place = Place(tempfile::tempdir().unwrap());
    let samples = place.0.path().join("samples");
    copy_folder(&root().join("testdata/demo"), &samples);
    let report = place.json(0, &["demo", "--once", "--samples", "samples"]);
    assert_eq!(report["agree"], true);
    assert!(report["inputs"].as_array().unwrap().len() > 2_600);
    let expected = samples.join("expected.json");
    let text = std::fs::read_to_string(&expected).unwrap();
    let flipped = text.replacen("\"verdict\": \"tokenise\"", "\"verdict\": \"allow\"", 1);
    assert_ne!(text, flipped);
    std::fs::write(&expected, flipped).unwrap();
    let report = place.json(1, &["demo", "--once", "--samples", "samples"]);
    assert_eq!(report["agree"], false);
}

#[test]
fn the_demo_never_empties_a_directory_it_did_not_make() {
    let place = Place(tempfile::tempdir().unwrap());
    place.write("precious", "stays");
    let samples = root().join("testdata/demo");
    place.ends(2, &["demo", "--once", "--samples", samples.to_str().unwrap(), "--work", "."]);
    assert!(place.0.path().join("precious").exists());
}

#[test]
fn a_record_that_says_too_much_of_its_patient_stops_nothing_and_its_notes_are_held() {
    let place = Place::new();
    let names: Vec<String> = (0..1_001).map(|number| format!("\"Quill{number}\"")).collect();
    let too_much =
        format!(r#"{{"resourceType":"Patient","id":"q","name":[{{"given":[{}]}}]}}"#, names.join(","));
    let note = r#"{"resourceType":"DocumentReference","id":"n","status":"current","subject":{"reference":"Patient/q"},"content":[{"attachment":{"contentType":"text/plain","data":"U2VlbiBhdCBub29uLg=="}}]}"#;
    place.write("mixed.ndjson", &format!("{too_much}\n{PATIENT}{note}\n"));
    let text = place.ends(1, &["ingest", "--check", "--jsonl", "mixed.ndjson"]);
    let verdicts: Vec<Value> =
        text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()["verdict"].clone()).collect();
    assert_eq!(verdicts, ["allow", "allow", "quarantine"], "{text}");
    assert!(text.contains("input.uninspectable") && text.contains("vault.max_known_facts"), "{text}");
    let text = place.ends(1, &["ingest", "mixed.ndjson", "--to", "lake"]);
    assert!(text.contains("3 records: 1 held"), "{text}");
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    use std::io::Write as _;
    let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    packer.write_all(bytes).unwrap();
    packer.finish().unwrap()
}

#[test]
fn a_file_refused_whole_is_in_the_quarantine_as_it_came() {
    let place = Place::new();
    place.write("lazaret.toml", "[limits]\n\"input.max_record\" = 4_096\n");
    let damaged = gzip(PATIENT.repeat(200).as_bytes());
    let files = [
        ("bomb.ndjson.gz", gzip(&b"{\"resourceType\":\"Patient\"}\n".repeat(700_000)), "limit.ratio"),
        ("damaged.ndjson.gz", damaged[..damaged.len() - 9].to_vec(), "input.uninspectable"),
        (
            "long.json",
            format!("{{\"resourceType\":\"Patient\",\"a\":\"{}\"}}", "x".repeat(5_000)).into_bytes(),
            "limit.record-size",
        ),
        ("picture.bin", [&b"\x89PNG\r\n\x1a\n"[..], &[0; 5_000]].concat(), "limit.record-size"),
    ];
    place.write("good.ndjson", PATIENT);
    for (name, bytes, _) in &files {
        std::fs::write(place.0.path().join(name), bytes).unwrap();
    }
    let names: Vec<&str> = files.iter().map(|(name, ..)| *name).collect();
    let looked = place.json(1, &[&["ingest", "--check", "good.ndjson"], names.as_slice()].concat());
    assert_eq!(
        (&looked["counts"]["records"], &looked["counts"]["verdicts"]["quarantine"]),
        (&5.into(), &4.into())
    );
    let ingested = place.json(1, &[&["ingest", "--to", "lake", "good.ndjson"], names.as_slice()].concat());
    assert_eq!(
        (&ingested["counts"]["records"], &ingested["counts"]["verdicts"]["quarantine"]),
        (&5.into(), &4.into())
    );
    let listed = place.json(1, &["quarantine", "list"]);
    assert_eq!(listed.as_array().unwrap().len(), files.len());
    for (nth, (name, bytes, rule)) in files.iter().enumerate() {
        let report = &ingested["files"][nth + 1];
        let hold = report["kept"].as_str().unwrap();
        assert_eq!(
            (report["path"].as_str(), report["findings"][0]["id"].as_str()),
            (Some(*name), Some(*rule))
        );
        let shown = place.json(0, &["quarantine", "show", hold]);
        assert_eq!(
            (&shown["bytes"], shown["findings"][0]["id"].as_str()),
            (&bytes.len().into(), Some(*rule))
        );
        let content = place
            .run(&["quarantine", "show", hold, "--content", "--by", "ana", "--reason", "to look"])
            .stdout;
        assert!(content.windows(bytes.len()).any(|window| window == bytes), "{name} is not there as it came");
        let receipt = report["receipt"].as_str().unwrap();
        let recorded = place.json(0, &["ledger", "show", receipt]);
        assert_eq!(recorded["sealed"]["seal"]["ending"], "complete", "{name}");
        let release = ["quarantine", "release", hold, "--by", "ana", "--reason", "wanted", "--to", "lake"];
        assert!(place.ends(2, &release).contains("refused whole"), "{name}");
        place.clear(&["quarantine", "reject", hold, "--by", "ana", "--reason", "an attack"]);
    }
    place.clear(&["quarantine", "list"]);
    place.clear(&["ledger", "verify"]);
}

#[test]
fn a_refused_file_that_comes_again_is_kept_once_and_a_larger_one_is_not_said_to_be_held() {
    let place = Place::new();
    place.write("bomb.ndjson.gz", "");
    std::fs::write(place.0.path().join("bomb.ndjson.gz"), gzip(&vec![b' '; 20 << 20])).unwrap();
    let first = place.json(1, &["ingest", "bomb.ndjson.gz", "--to", "lake"]);
    let again = place.json(1, &["ingest", "bomb.ndjson.gz", "--to", "lake"]);
    assert_eq!(first["files"][0]["kept"], again["files"][0]["kept"]);
    assert_eq!(place.json(1, &["quarantine", "list"]).as_array().unwrap().len(), 1);
    place.write("lazaret.toml", "[limits]\n\"quarantine.max_file\" = 100\n");
    let text = place.ends(1, &["ingest", "bomb.ndjson.gz", "--to", "lake"]);
    assert!(
        text.contains("it stays where it lies") && text.contains("set `quarantine.max_file` under [limits]")
    );
    assert!(text.contains("0 records: 0 held, 0 had crossed before; 1 files refused and not kept"), "{text}");
    let report = place.json(1, &["ingest", "bomb.ndjson.gz", "--to", "lake"]);
    assert_eq!((&report["counts"]["records"], &report["files"][0]["kept"]), (&0.into(), &Value::Null));
    assert!(report["files"][0]["refused"].as_str().unwrap().contains("100"));
    let recorded = place.json(0, &["ledger", "show", report["files"][0]["receipt"].as_str().unwrap()]);
    assert_eq!(recorded["sealed"]["seal"]["ending"], "cut");
    let line = place.ends(1, &["ingest", "--check", "--jsonl", "bomb.ndjson.gz"]);
    let line: Value = serde_json::from_str(line.trim()).unwrap();
    assert_eq!((&line["verdict"], line["findings"][0]["id"].as_str()), (&Value::Null, Some("limit.ratio")));
    assert!(line["refused"].as_str().unwrap().contains("quarantine.max_file"));
    assert_eq!(place.json(1, &["quarantine", "list"]).as_array().unwrap().len(), 1);
}

#[test]
fn a_file_of_which_too_much_would_be_held_or_that_is_too_long_is_refused_whole() {
    let place = Place::new();
    place.write("lazaret.toml", "[limits]\n\"input.max_records\" = 2\n");
    place.write("two.ndjson", &format!("{PATIENT}\n{}\n", PATIENT.trim().replace("\"id\":\"", "\"id\":\"x")));
    place.write("three.ndjson", &format!("{PATIENT}\n{PATIENT}\n{PATIENT}\n"));
    assert_eq!(place.json(0, &["ingest", "two.ndjson", "--to", "lake"])["counts"]["records"], 2);
    for args in [&["ingest", "--check", "three.ndjson"][..], &["ingest", "three.ndjson", "--to", "lake"]] {
        let finding = &place.json(1, args)["files"][0]["findings"][0];
        assert_eq!(finding["id"], "limit.records");
        assert!(finding["message"].as_str().unwrap().contains("set `input.max_records` under [limits]"));
    }
    place.write("lazaret.toml", "[limits]\n\"quarantine.max_held\" = 3\n");
    place.write("three.ndjson", "{}\n{}\n{}\n");
    place.write("four.ndjson", "{}\n{}\n{\"a\":1}\n{}\n");
    let report = place.json(1, &["ingest", "three.ndjson", "--to", "lake"]);
    assert_eq!((&report["counts"]["records"], &report["files"][0]["kept"]), (&3.into(), &Value::Null));
    for args in [&["ingest", "--check", "four.ndjson"][..], &["ingest", "four.ndjson", "--to", "lake"]] {
        let report = place.json(1, args);
        let finding = &report["files"][0]["findings"][0];
        assert_eq!((&report["counts"]["records"], &finding["id"]), (&1.into(), &"limit.held-records".into()));
        let message = finding["message"].as_str().unwrap();
        assert!(message.contains("set `quarantine.max_held` under [limits]"), "{message}");
    }
    let held = place.json(1, &["quarantine", "list"]);
    let whole = |held: &&Value| held["findings"][0]["id"] == "limit.held-records";
    assert_eq!(held.as_array().unwrap().iter().filter(whole).count(), 1);
    place.clear(&["ledger", "verify"]);
    place.write("lazaret.toml", "[limits]\n\"quarantine.max_held\" = 4\n");
    let report = place.json(1, &["ingest", "four.ndjson", "--to", "lake"]);
    assert_eq!(report["counts"]["records"], 4);
}

#[test]
fn a_note_is_told_whose_it_is_and_in_which_charset() {
    let place = Place::new();
    place.write("Patient.ndjson", PATIENT);
    std::fs::write(place.0.path().join("note.txt"), b"Ilse Quillmoor f\xFChlt sich wohl.\n").unwrap();
    let told = ["--charset", "windows-1252", "--subject", "p1"];
    let rules = |args: &[&str]| -> Vec<String> {
        let text = String::from_utf8(place.run(args).stdout).unwrap();
        let last: Value = serde_json::from_str(text.lines().last().unwrap()).unwrap();
        last["findings"]
            .as_array()
            .unwrap()
            .iter()
            .map(|finding| finding["id"].as_str().unwrap().to_owned())
            .collect()
    };
    let check = ["ingest", "--check", "--jsonl", "Patient.ndjson", "note.txt"];
    assert_eq!(rules(&check), ["input.uninspectable"]);
    assert_eq!(rules(&[&check[..], &told[..2]].concat()), ["record.unknown-subject"]);
    assert!(rules(&[&check[..], &told[..]].concat()).is_empty());
    let passed =
        place.json(0, &[&["ingest", "Patient.ndjson", "note.txt", "--to", "lake"][..], &told].concat());
    assert_eq!(passed["files"][1]["counts"]["phi"]["NAME.patient"], 1);
    for wrong in [["--charset", "no-such"], ["--subject", "Patient/"], ["--subject", "two words"]] {
        place.ends(2, &[&check[..], &wrong].concat());
    }
    // A note above the limit says which, and how to raise it.
    place.write("lazaret.toml", "[limits]\n\"input.max_record\" = 8\n");
    let text = place.ends(1, &["ingest", "--check", "note.txt"]);
    assert!(text.contains("to raise it, set `input.max_record` under [limits]"), "{text}");
}

/// Every file under a folder, with its bytes.
fn everything(folder: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(everything(&path));
        } else {
            let bytes = std::fs::read(&path).unwrap();
            found.push((path, bytes));
        }
    }
    found.sort();
    found
}

#[test]
fn a_check_decides_by_the_policies_an_ingest_would_and_says_which() {
    let place = Place::new();
    place.write("good.ndjson", PATIENT);
    let data = place.0.path().join("lazaret-data");
    let verdict = |args: &[&str], code: i32| {
        let report = place.json(code, &[&["ingest", "--check", "good.ndjson"][..], args].concat());
        let word = report["counts"]["verdicts"].as_object().unwrap().keys().next().unwrap().clone();
        (word, report["policies"]["from"].as_str().unwrap().to_owned(), report["policies"]["version"].clone())
    };
    let (word, from, version) = verdict(&[], 0);
    assert_eq!((word.as_str(), from.as_str()), ("allow", "lazaret-data/policies"));
    assert_eq!(verdict(&["--data", "none"], 0), ("allow".to_owned(), "built-in".to_owned(), version.clone()));

    // A policy of the data directory that an ingest would follow; without the key, and nothing is written.
    let stricter = "@id(\"hold-patients\") @why(\"x\") forbid(principal, action in [Action::\"Allow\", \
         Action::\"Tokenise\", Action::\"Redact\"], resource);";
    std::fs::write(data.join("policies/50-stricter.cedar"), stricter).unwrap();
    std::fs::remove_file(place.0.path().join("lazaret-data.key")).unwrap();
    let before = everything(place.0.path());
    let (word, _, changed) = verdict(&[], 1);
    assert_eq!(word, "quarantine");
    assert_ne!(changed, version);
    let text = place.ends(1, &["ingest", "--check", "good.ndjson"]);
    assert!(text.ends_with("\npolicies: lazaret-data/policies\n"), "{text}");
    let lines = place.ends(1, &["ingest", "--check", "--jsonl", "good.ndjson"]);
    assert_eq!(
        serde_json::from_str::<Value>(&lines).unwrap()["verdict"],
        "quarantine",
        "one object a record"
    );
    assert_eq!(before, everything(place.0.path()), "a check writes nothing");

    // Another folder's, and one that is no policy or not there: never the built-in ones instead.
    let other = place.0.path().join("other");
    std::fs::create_dir(&other).unwrap();
    std::fs::write(
        other.join("all.cedar"),
        "@id(\"block\") @why(\"x\") permit(principal, action == Action::\"Quarantine\", resource);",
    )
    .unwrap();
    let (word, from, _) = verdict(&["--policies", "other"], 1);
    assert_eq!((word.as_str(), from.as_str()), ("quarantine", "other"));
    place.ends(2, &["ingest", "--check", "--policies", "none", "good.ndjson"]);
    place.ends(2, &["ingest", "--policies", "other", "good.ndjson", "--to", "lake"]);
    std::fs::write(data.join("policies/50-stricter.cedar"), "forbid(").unwrap();
    assert!(place.ends(2, &["ingest", "--check", "good.ndjson"]).contains("50-stricter.cedar"));
    std::fs::remove_dir_all(data.join("policies")).unwrap();
    place.ends(2, &["ingest", "--check", "good.ndjson"]);
}

#[test]
fn a_record_with_a_thousand_faults_is_held_and_recorded_and_stops_nothing() {
    let place = Place::new();
    let entry = r#"{"resource":{"resourceType":"Observation","id":"o","status":"final","code":{"text":"x"},"subject":{"reference":"Observation/o"}}}"#;
    let entries = vec![entry; 1_500].join(",");
    let bundle = format!(r#"{{"resourceType":"Bundle","type":"collection","entry":[{entries}]}}"#);
    place.write("faults.ndjson", &format!("{bundle}\n{PATIENT}"));
    let text = place.ends(1, &["ingest", "faults.ndjson", "--to", "lake"]);
    assert!(text.contains("2 records: 1 held"), "{text}");
    place.clear(&["ledger", "verify"]);
    let held = place.json(1, &["quarantine", "list"]);
    place.clear(&["quarantine", "show", held[0]["id"].as_str().unwrap()]);
}

#[test]
fn a_scan_of_lines_tells_a_bad_line_and_goes_on() {
    let place = Place::new();
    let lines = "{\"id\":1,\"text\":\"Seen by Dr. Wrenfield.\"}\n\nnot json, Wrenfield\n{\"id\":2}\n{\"text\":\"a\"}\n{\"id\":\"z\",\"text\":\"well\"}\n";
    place.write("notes.jsonl", lines);
    let output = place.run(&["phi", "scan", "--jsonl", "notes.jsonl"]);
    let (text, errors) =
        (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap());
    assert_eq!(output.status.code(), Some(2), "{errors}");
    assert_eq!(text.lines().count(), 2, "{text}");
    assert!(text.ends_with("{\"id\":\"z\",\"spans\":[]}\n"), "{text}");
    for told in ["line 3: is not JSON", "line 4: has no string `text`", "line 5: has no `id`"] {
        assert!(errors.contains(told), "{errors}");
    }
    assert!(!errors.contains("Wrenfield"), "{errors}");
}

#[test]
fn a_scan_reads_lines_from_standard_input_and_scores_are_short() {
    use std::io::Write as _;
    use std::process::Stdio;

    let place = Place::new();
    let mut child = Command::new(env!("CARGO_BIN_EXE_lazaret"))
        .args(["phi", "scan", "--jsonl", "-"])
        .current_dir(place.0.path())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let line = "{\"id\":7,\"text\":\"Seen by Dr. Wrenfield.\"}\n";
    child.stdin.take().unwrap().write_all(line.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.starts_with("{\"id\":7,") && text.contains("\"score\":0.95}"), "{text}");
    place.write("note.txt", "Seen by Dr. Wrenfield.");
    let report = place.json(1, &["phi", "scan", "note.txt"]);
    assert_eq!(report[0]["spans"][0]["score"].to_string(), "0.95");
}

#[test]
fn a_damaged_file_is_as_grave_as_its_rule_says() {
    let place = Place::new();
    let damaged = gzip(PATIENT.repeat(200).as_bytes());
    std::fs::write(place.0.path().join("damaged.ndjson.gz"), &damaged[..damaged.len() - 9]).unwrap();
    let told = place.ends(1, &["ingest", "--check", "damaged.ndjson.gz"]);
    assert!(told.contains("medium: input.uninspectable"), "{told}");
}
