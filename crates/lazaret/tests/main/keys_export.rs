//! Keys handed out to a reader of the lake: recorded first, only what was asked for, and enough for PyArrow.

use std::process::Command;
use std::sync::Arc;

use lazaret_core::{Limits, SystemClock};
use lazaret_vault::{LocalKms, SqliteVault};
use serde_json::Value;

use super::cli::{PATIENT, Place, root};

const CONDITION: &str = r#"{"resourceType":"Condition","id":"c1","subject":{"reference":"Patient/p1"},"code":{"coding":[{"system":"http://snomed.info/sct","code":"10509002","display":"Acute bronchitis"}]}}
"#;
/// As many characters as no entry of the ledger takes.
const TOO_LONG: usize = 70_000;

fn lake() -> Place {
    let place = Place::new();
    place.write("records.ndjson", &format!("{PATIENT}{CONDITION}"));
    place.clear(&["ingest", "records.ndjson", "--to", "lake"]);
    place
}

fn export<'a>(dataset: &'a str, columns: &'a str, to: &'a str) -> Vec<&'a str> {
    let mut args = vec!["keys", "export", dataset, "--columns", columns, "--for", "ward-7-study"];
    args.extend(["--by", "a.reyes", "--reason", "IRB-7", "--to", to]);
    args
}

fn read(place: &Place, name: &str) -> Value {
    serde_json::from_slice(&std::fs::read(place.0.path().join(name)).unwrap()).unwrap()
}

/// What the keys of a dataset in an exported file open.
fn opens<'a>(exported: &'a Value, dataset: &str) -> Vec<&'a str> {
    let keys = exported.get("datasets").and_then(|datasets| datasets.get(dataset)).unwrap();
    keys.as_array().unwrap().iter().map(|key| key["opens"].as_str().unwrap()).collect()
}

#[test]
fn an_export_is_recorded_with_names_of_keys_and_no_key() {
    let place = lake();
    let text = place.clear(&export("lake/Condition", "clinical", "keys.json"));
    let exported = read(&place, "keys.json");
    assert_eq!(exported["form"], "lazaret-keys/1");
    assert_eq!(opens(&exported, "lake/Condition"), ["footer", "clinical"]);
    assert_eq!(exported["datasets"].as_object().unwrap().len(), 1);

    let receipt = exported["receipt"].as_str().unwrap();
    let crossing = place.json(0, &["ledger", "show", receipt]);
    let order = &crossing["opened"]["order"];
    assert_eq!(order["what"], "export-keys");
    assert_eq!((&order["by"], &order["reason"]), (&"a.reyes".into(), &"IRB-7".into()));
    assert_eq!(crossing["opened"]["to"], "ward-7-study");
    assert_eq!(crossing["sealed"]["seal"]["ending"], "complete", "{crossing}");
    let key = |at: usize| &exported["datasets"]["lake/Condition"][at];
    let id = |at: usize| key(at)["id"].as_str().unwrap();
    assert_eq!(order["object"], format!("lake/Condition: footer v1 {}, clinical v1 {}", id(0), id(1)));
    assert!(text.contains(receipt), "{text}");

    let ledger = std::fs::read(place.0.path().join("lazaret-data/ledger.db")).unwrap();
    for at in 0..2 {
        let secret = key(at)["key"].as_str().unwrap();
        assert_eq!(secret.len(), 44, "32 bytes in base64");
        assert!(!text.contains(secret) && !crossing.to_string().contains(secret));
        assert!(!ledger.windows(secret.len()).any(|window| window == secret.as_bytes()));
    }
    place.clear(&["ledger", "verify"]);

    let json = place
        .json(0, &[&export("lake/Condition", "content", "more.json")[..], &["--second", "m.osei"]].concat());
    let more = read(&place, "more.json");
    assert_eq!(opens(&more, "lake/Condition"), ["footer", "content"]);
    assert!(!json.to_string().contains(more["datasets"]["lake/Condition"][1]["key"].as_str().unwrap()));
    assert_eq!(json["datasets"]["lake/Condition"][1]["column"], "content");
    assert_eq!(place.orders()[0]["second"], "m.osei");
}

#[test]
fn what_is_refused_hands_out_nothing_and_is_no_order() {
    let place = lake();
    place.write("there.json", "precious");
    let with = |args: Vec<&'static str>, more: &[&'static str]| [&args[..], more].concat();
    let clinical = |to: &'static str| export("lake/Condition", "clinical", to);
    for (why, args) in [
        ("a file that is there", clinical("there.json")),
        ("inside the data directory", clinical("lazaret-data/keys.json")),
        ("inside it by a way round", clinical("lake/../lazaret-data/policies/keys.json")),
        ("inside the lake that is set", with(clinical("lake/keys.json"), &["--config", "set.toml"])),
        ("a folder that is not there", clinical("none/keys.json")),
        ("the terminal", clinical("/dev/stdout")),
        ("a dataset that is not there", export("lake/Conditions", "clinical", "keys.json")),
        ("the vault's own keys", export("vault", "clinical", "keys.json")),
        ("columns it has no word for", export("lake/Condition", "everything", "keys.json")),
        ("no columns", export("lake/Condition", "", "keys.json")),
        ("one person twice", with(clinical("keys.json"), &["--second", "A.Reyes"])),
    ] {
        place.write("set.toml", "lake = 'lake'");
        let text = place.ends(2, &args);
        assert!(!place.0.path().join("keys.json").exists(), "{why}: {text}");
    }
    assert!(place.ends(2, &export("lake/Conditions", "clinical", "keys.json")).contains("`lake/Condition`"));
    for word in ["--for", "--by", "--reason", "--to", "--columns"] {
        let mut args = clinical("keys.json");
        let at = args.iter().position(|arg| *arg == word).unwrap();
        args.drain(at..at + 2);
        place.ends(2, &args);
    }
    for word in ["--for", "--by", "--reason"] {
        let mut args = clinical("keys.json");
        let at = args.iter().position(|arg| *arg == word).unwrap();
        args[at + 1] = " ";
        place.ends(2, &args);
    }
    assert_eq!(std::fs::read(place.0.path().join("there.json")).unwrap(), b"precious");
    assert!(!place.0.path().join("lazaret-data/keys.json").exists());
    assert!(!place.0.path().join("keys.json").exists());
    assert_eq!(place.orders(), [Value::Null], "the ingest alone stands in the ledger");
}

#[test]
fn what_cannot_be_recorded_is_not_done() {
    let place = lake();
    let long = "x".repeat(TOO_LONG);
    let mut args = export("lake/Condition", "clinical", "keys.json");
    let at = args.iter().position(|arg| *arg == "IRB-7").unwrap();
    args[at] = &long;
    place.ends(3, &args);
    assert!(!place.0.path().join("keys.json").exists());

    let person = ["--by", "a.reyes", "--reason", &long];
    place.ends(3, &[&["keys", "legal-hold", "Patient/p1"][..], &person].concat());
    assert_eq!(place.json(0, &["keys", "status"])["legal_holds"], 0);

    place.ends(3, &[&["keys", "rotate", "--new-key-file", "new.key"][..], &person].concat());
    assert_eq!(place.json(0, &["keys", "status"])["kms_version"], 1, "the old key opens it still");
}

#[cfg(unix)]
#[test]
fn an_exported_file_is_its_owners_alone() {
    use std::os::unix::fs::PermissionsExt as _;
    let place = lake();
    place.clear(&export("lake/Condition", "clinical", "keys.json"));
    let mode = std::fs::metadata(place.0.path().join("keys.json")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}

/// The program of the guide.
fn program() -> String {
    let guide = std::fs::read_to_string(root().join("docs/src/guides/read-the-lake.md")).unwrap();
    let (_, rest) = guide.split_once("```python\n").unwrap();
    rest.split_once("```").unwrap().0.to_owned()
}

/// What the test asks beside the guide's program: the first row, and columns whose key was not handed out.
const ASKED: &str = r#"
print(json.dumps(table.to_pylist()[0], default=str))
for column in sys.argv[4:]:
    try:
        open_file(files[0]).read(columns=[column])
        print("read", column)
    except Exception as error:
        print("refused", column)
"#;

#[test]
fn pyarrow_reads_the_lake_with_the_exported_file_alone() {
    let Some(python) = std::env::var_os("LAZARET_PYTHON") else {
        assert!(
            std::env::var("CI").as_deref() != Ok("true"),
            "LAZARET_PYTHON must name a python3 with pyarrow"
        );
        println!("skipped: LAZARET_PYTHON names no python3 with pyarrow and cryptography");
        return;
    };
    let place = lake();
    for file in ["visits.csv", "visits.toml", "note.txt"] {
        std::fs::copy(root().join("testdata/docs").join(file), place.0.path().join(file)).unwrap();
    }
    // What comes later is written under a newer key, and the older one opens what came before.
    let data = place.0.path().join("lazaret-data");
    let kms = LocalKms::key_file(&place.0.path().join("lazaret-data.key"), &data).unwrap();
    let vault = SqliteVault::open(&data, Arc::new(kms), Arc::new(SystemClock), &Limits::default()).unwrap();
    vault.renew_data_key("lake/Condition", Some("clinical")).unwrap();
    drop(vault);
    place.write("later.ndjson", &CONDITION.replace("\"c1\"", "\"c2\""));
    place.clear(&["ingest", "later.ndjson", "--to", "lake"]);
    place.ends(1, &["ingest", "visits.csv", "--schema", "visits.toml", "--to", "lake"]);
    place.clear(&["ingest", "note.txt", "--to", "lake"]);
    place.write("read_lake.py", &(program() + ASKED));
    let run = |keys: &str, dataset: &str, others: &[&str]| {
        let mut command = Command::new(&python);
        command.args(["read_lake.py", keys, dataset, "lake"]).args(others).current_dir(place.0.path());
        let output = command.output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        (output.status.code(), text, String::from_utf8(output.stderr).unwrap())
    };

    place.clear(&export("lake/Condition", "clinical", "clinical.json"));
    let exported = read(&place, "clinical.json");
    assert_eq!(opens(&exported, "lake/Condition"), ["footer", "clinical", "clinical"]);
    assert_eq!(exported["datasets"]["lake/Condition"][2]["version"], 2);
    let (code, text, error) = run("clinical.json", "lake/Condition", &["code", "id", "subject", "resource"]);
    assert_eq!(code, Some(0), "{error}");
    let lines: Vec<&str> = text.lines().collect();
    assert!(lines[0].starts_with("2 rows of record, entry, "), "both crossings: {text}");
    let first: Value = serde_json::from_str(lines[1]).unwrap();
    assert_eq!(first["code"], "10509002");
    for hidden in ["id", "subject", "resource"] {
        assert!(first.get(hidden).is_none(), "{first}");
    }
    assert_eq!(lines[2..], ["read code", "refused id", "refused subject", "refused resource"]);
    let (code, ..) = run("clinical.json", "lake/Patient", &[]);
    assert_eq!(code, Some(1), "the keys of one dataset are none of another");

    place.clear(&export("lake/Condition", "identity,clinical,content", "all.json"));
    let (code, text, error) = run("all.json", "lake/Condition", &["resource"]);
    assert_eq!(code, Some(0), "{error}");
    let first: Value = serde_json::from_str(text.lines().nth(1).unwrap()).unwrap();
    let resource: Value = serde_json::from_str(first["resource"].as_str().unwrap()).unwrap();
    assert_eq!(resource["subject"]["reference"], first["subject"]);

    place.clear(&export("lake/csv-visits", "clinical", "visits.json"));
    let (code, text, error) = run("visits.json", "lake/csv-visits", &["WEIGHT", "LAST", "NOTE", "row"]);
    assert_eq!(code, Some(0), "{error}");
    assert!(text.ends_with("read WEIGHT\nrefused LAST\nrefused NOTE\nrefused row\n"), "{text}");

    let note = std::fs::read_dir(place.0.path().join("lake")).unwrap();
    let note = note.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let note = note.into_iter().find(|name| name.starts_with(char::is_lowercase) && name != "csv-visits");
    let note = format!("lake/{}", note.unwrap());
    place.ends(2, &export(&note, "identity", "note.json"));
    place.clear(&export(&note, "content", "note.json"));
    let (code, text, error) = run("note.json", &note, &["record"]);
    assert_eq!(code, Some(0), "{error}");
    assert!(text.starts_with("1 rows of text, bytes\n") && text.ends_with("refused record\n"), "{text}");
}
