//! The hospital's own rules of the model gate, as its user meets them.

use std::path::Path;

use crate::cli::Place;

const RULES: &str = "version = 1
[[rule]]
id = 'user.no-shell'
severity = 'high'
what = 'a shell'
why = 'since'
global = ['posix.system']
[[allow]]
rule = 'format.unknown'
sha256 = '5feceb66ffc86f38d952786c6d696c79c2dbc239dd4e91b46729d73a27fb57e9'
owner = 'M. Tansy'
reason = 'looked at'
until = 2020-01-31
";

fn place() -> Place {
    let place = Place::new();
    let model = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testdata/docs/model.pkl");
    std::fs::copy(model, place.0.path().join("model.pkl")).unwrap();
    // The digest of the rules above is that of this file.
    place.write("zero.bin", "0");
    place
}

fn ids(report: &serde_json::Value) -> Vec<&str> {
    let findings = report["files"][0]["findings"].as_array().unwrap();
    findings.iter().map(|finding| finding["id"].as_str().unwrap()).collect()
}

#[test]
fn rules_are_found_by_flag_setting_and_data_directory() {
    let place = place();
    let scan = |more: &[&str]| place.json(1, &[&["models", "scan", "model.pkl"], more].concat());
    assert!(scan(&[])["rules"].is_null());
    place.write("given.toml", RULES);
    place.write("lazaret-data/models.toml", &RULES.replace("no-shell", "of-data"));
    place.write("set.toml", &RULES.replace("no-shell", "of-setting"));
    let of_data = scan(&[]);
    assert!(ids(&of_data).contains(&"user.of-data"), "{of_data}");
    assert_eq!(of_data["rules"]["sha256"].as_str().unwrap().len(), 64);
    place.write("lazaret.toml", "[models]\nrules = 'set.toml'\n");
    assert!(ids(&scan(&[])).contains(&"user.of-setting"));
    let given = scan(&["--rules", "given.toml"]);
    assert!(ids(&given).contains(&"user.no-shell"));
    assert_eq!(given["rules"]["from"], "given.toml");
    assert!(place.ends(2, &["models", "scan", "--rules", "none.toml", "model.pkl"]).contains("none.toml"));
    // A backup holds the data directory's.
    place.clear(&["backup", "copy"]);
    assert!(place.0.path().join("copy/models.toml").exists());
}

#[test]
fn own_rules_are_explained_listed_and_known_to_sarif() {
    let place = place();
    place.write("given.toml", RULES);
    let told = place.clear(&["explain", "user.no-shell", "--rules", "given.toml"]);
    assert!(told.contains("global `posix.system`") && told.contains("quarantine"), "{told}");
    assert!(place.clear(&["explain", "--rules", "given.toml"]).contains("user.no-shell"));
    assert!(place.ends(2, &["explain", "user.no-shell"]).contains("name it with --rules"));
    let sarif = place.ends(1, &["models", "scan", "--sarif", "--rules", "given.toml", "model.pkl"]);
    let sarif: serde_json::Value = serde_json::from_str(&sarif).unwrap();
    let rules = sarif["runs"][0]["tool"]["driver"]["rules"].as_array().unwrap();
    let own = rules.iter().find(|rule| rule["id"] == "user.no-shell").unwrap();
    assert_eq!(own["properties"]["security-severity"], "8.0");
}

/// What nobody could read stays held, whatever the allow list says of the finding.
#[test]
fn a_file_that_nobody_read_is_held_also_where_it_is_allowed() {
    let place = place();
    let today = std::process::Command::new("date").arg("+%F").output().unwrap();
    let today = String::from_utf8(today.stdout).unwrap();
    place.write("given.toml", &RULES.replace("2020-01-31", today.trim()));
    place.clear(&["models", "rules", "check", "given.toml"]);
    let report = place.json(1, &["models", "scan", "--rules", "given.toml", "zero.bin"]);
    let file = &report["files"][0];
    assert_eq!(
        (file["findings"][0]["severity"].as_str(), file["verdict"].as_str()),
        (Some("info"), Some("quarantine"))
    );
    assert!(file["findings"][0]["message"].as_str().unwrap().contains("looked at (M. Tansy, until"));
}

#[test]
fn a_wrong_file_is_refused_whole_with_its_lines() {
    let place = place();
    place.write(
        "wrong.toml",
        &RULES.replace("severity = 'high'", "severity = 'hihg'").replace("owner", "ownr"),
    );
    for args in [
        &["models", "rules", "check", "wrong.toml"][..],
        &["models", "scan", "--rules", "wrong.toml", "model.pkl"],
        &["explain", "user.no-shell", "--rules", "wrong.toml"],
    ] {
        let told = place.ends(2, args);
        for said in
            ["wrong.toml: line 4: ", "did you mean `high`?", "wrong.toml: line 11: ", "did you mean `owner`?"]
        {
            assert!(told.contains(said), "{said}: {told}");
        }
    }
    // What every lazaret knows is explained all the same.
    place.clear(&["explain", "pickle.unknown-call", "--rules", "wrong.toml"]);
    let huge = format!("{RULES}{}", "#\n".repeat(1 << 20));
    place.write("huge.toml", &huge);
    assert!(place.ends(2, &["models", "rules", "check", "huge.toml"]).contains("models.max_rules_file"));
    place.write("given.toml", RULES);
    let checked = place.json(1, &["models", "rules", "check", "given.toml"]);
    assert_eq!(checked["entries"].as_array().unwrap().len(), 2);
    assert_eq!(checked["entries"][1]["expired"], true);
}
