//! What was used wrongly is told apart from what failed, says the way out, and leaves nothing behind.

use std::process::{Command, Stdio};

use crate::cli::{PATIENT, Place};

const HIV: &str = r#"{"resourceType":"Patient","id":"s1","meta":{"security":[{"system":"http://terminology.hl7.org/CodeSystem/v3-ActCode","code":"HIV"}]},"gender":"female"}
"#;
const BAD: &str = r#"{"resourceType":"Patient","id":"p2","name":[{"family":"Featherstone"}],"gender":"boy"}
"#;

#[test]
fn what_is_not_there_is_wrong_use_and_the_way_out_is_said() {
    let place = Place::new();
    place.write("mixed.ndjson", &format!("{PATIENT}{BAD}"));
    let done = place.json(1, &["ingest", "mixed.ndjson", "--to", "lake"]);
    let receipt = done["files"][0]["receipt"].as_str().unwrap();
    let why = ["--by", "ana", "--reason", "IRB-7"];
    let hold = format!("{receipt}:77");
    for (args, said) in [
        (&["ledger", "prove", receipt, "--record", "99"][..], "record 99"),
        (&["quarantine", "show", &hold], "quarantine list"),
        (&[&["quarantine", "release", &hold, "--to", "lake"], &why[..]].concat(), "quarantine list"),
        (&[&["quarantine", "reject", &hold], &why[..]].concat(), "quarantine list"),
        (&[&["tokens", "reveal", "lz-abcdefghij0123456789"], &why[..]].concat(), "token"),
        (&[&["keys", "shred", "Patient/none", "--second", "ben"], &why[..]].concat(), "Patient/129c"),
        (&["bom", "lake/Patiemt"], "did you mean `lake/Patient`?); `lazaret bom`"),
        (&["bom", "nosuch"], "`nosuch`; `lazaret bom`"),
        (&["backup", "lazaret-data/copy"], "in the data directory"),
        (&["backup", "lazaret-data/deep/er/copy"], "in the data directory"),
        (&["restore", "nosuch", "--data", "other"], "no backup"),
        (&[&["keys", "rotate"], &why[..]].concat(), "--new-key-file"),
    ] {
        let told = place.ends(2, args);
        assert!(told.contains(said), "{args:?}: {told}");
    }
    for blank in ["", " ", "\u{a0}", "a\nb", "a\u{1b}[1mb"] {
        let reveal = ["tokens", "reveal", "lz-abcdefghij0123456789", "--reason", "x", "--by", blank];
        place.ends(2, &reveal);
        place.ends(2, &["quarantine", "reject", &hold, "--by", "ana", "--second", blank, "--reason", "x"]);
        place.ends(2, &["keys", "rotate", "--new-key-file", "new.key", "--by", "ana", "--reason", blank]);
    }
    assert!(!place.0.path().join("new.key").exists() && !place.0.path().join("other").exists());
}

#[test]
fn a_restore_that_fails_leaves_nothing_and_says_so() {
    let place = Place::new();
    place.write("good.ndjson", PATIENT);
    place.clear(&["ingest", "good.ndjson", "--to", "lake"]);
    place.clear(&["backup", "copy"]);
    let ledger = place.0.path().join("copy/ledger.db");
    let whole = std::fs::read(&ledger).unwrap();
    let restore = ["restore", "copy", "--data", "other", "--key-file", "lazaret-data.key"];
    for damaged in [&whole[..whole.len() / 2], &whole[..5_000], &[]] {
        std::fs::write(&ledger, damaged).unwrap();
        let told = place.ends(3, &restore);
        assert!(told.contains("nothing is left in other"), "{told}");
        assert!(!place.0.path().join("other").exists());
    }
    std::fs::create_dir(place.0.path().join("other")).unwrap();
    place.ends(3, &restore);
    assert_eq!(std::fs::read_dir(place.0.path().join("other")).unwrap().count(), 0, "as it was: empty");
    std::fs::write(place.0.path().join("other/mine.txt"), b"").unwrap();
    assert!(place.ends(3, &restore).contains("still in other"));
    assert!(place.0.path().join("other/mine.txt").exists(), "what was there is never taken away");
    std::fs::remove_dir_all(place.0.path().join("other")).unwrap();
    std::fs::write(&ledger, whole).unwrap();
    place.clear(&restore);
}

#[test]
fn a_record_held_by_a_policy_says_by_which_and_why() {
    let place = Place::new();
    place.write("hiv.ndjson", &format!("{PATIENT}{HIV}"));
    for args in [&["ingest", "--check", "hiv.ndjson"][..], &["ingest", "hiv.ndjson", "--to", "lake"]] {
        let told = place.ends(1, args);
        let line = told.lines().find(|line| line.starts_with("hiv.ndjson:2: quarantine: ")).expect(&told);
        assert!(line.contains("record.sensitive") && line.contains("`sensitive-is-held`"), "{line}");
        assert!(line.contains("special protection"), "{line}");
        assert!(told.contains("mend it at its source"), "{told}");
        assert!(!told.contains("hiv.ndjson:1:"), "{told}");
    }
    place.write("good.ndjson", PATIENT);
    assert!(!place.clear(&["ingest", "--check", "good.ndjson"]).contains("held would"));
    place.write("bad.ndjson", BAD);
    let told = place.ends(1, &["ingest", "--check", "bad.ndjson"]);
    assert_eq!(told.matches("bad.ndjson:1:").count(), 1, "said once: {told}");
}

#[test]
fn a_reader_that_goes_away_ends_a_command_quietly() {
    let place = Place::new();
    for args in [&["completions", "bash"][..], &["completions", "zsh"], &["explain"], &["config"]] {
        let mut child = Command::new(env!("CARGO_BIN_EXE_lazaret"))
            .args(args)
            .current_dir(place.0.path())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        drop(child.stdout.take());
        let output = child.wait_with_output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!((output.status.code(), &*said), (Some(0), ""), "{args:?}");
    }
}

#[cfg(unix)]
#[test]
fn a_data_directory_is_its_owners() {
    use std::os::unix::fs::PermissionsExt as _;
    let place = Place::new();
    place.write("good.ndjson", PATIENT);
    place.clear(&["ingest", "good.ndjson", "--to", "lake"]);
    place.clear(&["backup", "copy"]);
    place.clear(&["restore", "copy", "--data", "other", "--key-file", "lazaret-data.key"]);
    let mode = |name: String| {
        let metadata = std::fs::metadata(place.0.path().join(&name));
        metadata.unwrap_or_else(|error| panic!("{name}: {error}")).permissions().mode() & 0o777
    };
    for folder in ["lazaret-data", "copy", "other"] {
        assert_eq!(mode(folder.to_owned()), 0o700, "{folder}");
        for file in ["ledger.db", "vault.db"] {
            assert_eq!(mode(format!("{folder}/{file}")), 0o600, "{folder}/{file}");
        }
    }
}
