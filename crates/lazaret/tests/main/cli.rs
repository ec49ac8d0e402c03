//! The commands as their users meet them, each in a directory of its own.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).unwrap().to_owned()
}

/// A directory with a data directory in it.
struct Place(tempfile::TempDir);

impl Place {
    fn new() -> Self {
        let place = Self(tempfile::tempdir().unwrap());
        place.clear(&["init"]);
        place
    }

    fn write(&self, name: &str, text: &str) {
        std::fs::write(self.0.path().join(name), text).unwrap();
    }

    fn run(&self, args: &[&str]) -> Output {
        Command::new(env!("CARGO_BIN_EXE_lazaret")).args(args).current_dir(self.0.path()).output().unwrap()
    }

    /// Runs a command that must end with this code; gives what it printed.
    fn ends(&self, code: i32, args: &[&str]) -> String {
        let output = self.run(args);
        let text = String::from_utf8(output.stdout).unwrap();
        let errors = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(code), "{args:?}\n{text}\n{errors}");
        text + &errors
    }

    fn clear(&self, args: &[&str]) -> String {
        self.ends(0, args)
    }

    fn json(&self, code: i32, args: &[&str]) -> Value {
        let output = self.run(&[args, &["--json"]].concat());
        assert_eq!(output.status.code(), Some(code), "{args:?} {}", String::from_utf8_lossy(&output.stderr));
        serde_json::from_str(std::str::from_utf8(&output.stdout).unwrap()).unwrap()
    }
}

const PATIENT: &str = r#"{"resourceType":"Patient","id":"p1","identifier":[{"type":{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/v2-0203","code":"MR"}]},"value":"00483917"}],"name":[{"family":"Quillmoor","given":["Ilse"]}],"gender":"female","birthDate":"1961-06-15"}
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
    assert!(place.clear(&["quarantine", "show", &id, "--content"]).contains("Featherstone"));
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
    let orders: Vec<String> = place
        .json(0, &["ledger", "show"])
        .as_array()
        .unwrap()
        .iter()
        .map(|row| {
            let receipt = row["crossing"].as_str().unwrap();
            let crossing = place.json(0, &["ledger", "show", receipt]);
            crossing["opened"]["order"]["what"].as_str().unwrap_or("none").to_owned()
        })
        .collect();
    assert_eq!(orders, ["release", "look", "none"], "newest first");
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
    place.clear(&["keys", "legal-hold", "Patient/p1", "--by", "counsel"]);
    place.ends(2, &shred);
    let recorded = place.clear(&["ledger", "show"]);
    place.ends(
        3,
        &["keys", "shred", "Patient/nobody", "--by", "a.reyes", "--second", "m.osei", "--reason", "x"],
    );
    assert_eq!(place.clear(&["ledger", "show"]), recorded, "what cannot be done is not ordered");
    place.clear(&["keys", "legal-hold", "Patient/p1", "--lift", "--by", "counsel"]);
    place.clear(&shred);
    let status = place.json(0, &["keys", "status"]);
    assert!(status["shredded_tokens"].as_u64().unwrap() >= 2, "{status}");
}

#[test]
fn keys_rotate_and_a_backup_is_restored() {
    let place = Place::new();
    place.write("good.ndjson", PATIENT);
    place.clear(&["ingest", "good.ndjson", "--to", "lake"]);
    place.clear(&["keys", "rotate", "--new-key-file", "new.key"]);
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
