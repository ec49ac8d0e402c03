//! What `models scan` and `models pass` are given on disk: links, signatures beside the files, paths.

use std::path::Path;

use serde_json::Value;

use crate::cli::Place;

fn place() -> Place {
    let place = Place::new();
    let model = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testdata/docs/model.pkl");
    for folder in ["models/a", "models/b", "elsewhere"] {
        std::fs::create_dir_all(place.0.path().join(folder)).unwrap();
        std::fs::copy(&model, place.0.path().join(folder).join("model.pkl")).unwrap();
    }
    place
}

fn file<'r>(report: &'r Value, path: &str) -> &'r Value {
    let files = report["files"].as_array().unwrap();
    files.iter().find(|file| file["path"] == path).unwrap_or_else(|| panic!("{path}: {report}"))
}

fn ids(file: &Value) -> Vec<&str> {
    file["findings"].as_array().unwrap().iter().map(|finding| finding["id"].as_str().unwrap()).collect()
}

#[cfg(unix)]
#[test]
fn a_link_to_a_folder_elsewhere_is_never_passed_over() {
    let place = place();
    let scaler = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testdata/docs/scaler.pkl");
    std::fs::create_dir(place.0.path().join("m")).unwrap();
    std::fs::create_dir(place.0.path().join("m/real")).unwrap();
    std::fs::copy(&scaler, place.0.path().join("m/real/scaler.pkl")).unwrap();
    let link = |to: &str, at: &str| std::os::unix::fs::symlink(to, place.0.path().join(at)).unwrap();
    // What lies within is found where it lies, and round in circles nobody goes.
    link("real", "m/same");
    link("..", "m/real/up");
    link("real/scaler.pkl", "m/linked.pkl");
    let quiet = place.json(0, &["models", "scan", "m"]);
    assert_eq!(quiet["counts"]["files"], 2, "{quiet}");
    place.clear(&["models", "pass", "m", "--name", "quiet"]);

    link("../elsewhere", "m/weights");
    let told = place.json(1, &["models", "scan", "m"]);
    let weights = file(&told, "weights");
    assert_eq!((ids(weights), &weights["inspected"]), (vec!["input.uninspectable"], &"none".into()));
    assert_ne!(weights["verdict"], "allow");
    assert!(place.ends(2, &["models", "pass", "m", "--name", "m"]).contains("m/weights: a link to a folder"));
}

#[test]
fn a_signature_in_a_folder_says_what_is_not_as_it_was_signed() {
    let place = place();
    let make =
        ["keys", "model-signing-key", "registry", "--make", "--by", "ana", "--reason", "models of ward 7"];
    place.clear(&make);
    let folder = place.0.path().join("signed");
    std::fs::create_dir_all(folder.join("sub")).unwrap();
    for name in ["a.txt", "gone.txt", "sub/b.txt"] {
        place.write(&format!("signed/{name}"), "as it was");
    }
    let signature = ["--signature", "signed/model.sig"];
    place.clear(&[&["models", "sign", "--vault-key", "registry", "signed"][..], &signature].concat());
    let before = place.json(0, &["models", "scan", "signed"]);
    assert!(!before.to_string().contains("signature."), "{before}");

    place.write("signed/sub/b.txt", "as it is");
    place.write("signed/extra.txt", "more");
    std::fs::remove_file(folder.join("gone.txt")).unwrap();
    let after = place.json(1, &["models", "scan", "."]);
    for (path, id) in [
        ("signed/sub/b.txt", "signature.digest-mismatch"),
        ("signed/extra.txt", "signature.unsigned-file"),
        ("signed/model.sig", "signature.missing-file"),
    ] {
        let found = file(&after, path);
        assert!(ids(found).contains(&id), "{path}: {found}");
        assert!(found.to_string().contains("who signed was not checked"), "{found}");
    }
    assert!(ids(file(&after, "signed/a.txt")).is_empty());
    assert_eq!(file(&after, "signed/sub/b.txt")["findings"][0]["at"], "b.txt");
}

#[test]
fn code_scanning_finds_a_file_where_it_stands_in_the_repository() {
    let place = place();
    let results = |args: &[&str]| {
        let sarif = place.ends(1, &[&["models", "scan", "--sarif"], args].concat());
        let sarif: Value = serde_json::from_str(&sarif).unwrap();
        sarif["runs"][0]["results"].as_array().unwrap().clone()
    };
    let artifact = |result: &Value| result["locations"][0]["physicalLocation"]["artifactLocation"].clone();
    let print = |result: &Value| result["partialFingerprints"]["primaryLocationLineHash"].to_string();
    let folder = results(&["models"]);
    let alone = results(&["models/a/model.pkl"]);
    assert_eq!(artifact(&folder[0])["uri"], "models/a/model.pkl");
    assert_eq!((artifact(&folder[0]), print(&folder[0])), (artifact(&alone[0]), print(&alone[0])));
    let both = results(&["models/a", "models/b"]);
    let mut prints: Vec<String> = both.iter().map(print).collect();
    prints.sort();
    prints.dedup();
    assert_eq!(prints.len(), both.len(), "two files are two alerts");
    let whole = place.0.path().join("models/a/model.pkl");
    let uri = artifact(&results(&[whole.to_str().unwrap()])[0]);
    assert!(uri["uri"].as_str().unwrap().starts_with("file:///") && uri["uriBaseId"].is_null(), "{uri}");
}
