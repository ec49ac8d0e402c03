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
    let found = files.iter().find(|file| file["path"] == path);
    assert!(found.is_some(), "{path}: {report}");
    found.unwrap()
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
    // However its path is given; one elsewhere has its whole path.
    assert_eq!(artifact(&results(&[whole.to_str().unwrap()])[0]), artifact(&alone[0]));
    let elsewhere = tempfile::tempdir().unwrap();
    let elsewhere = elsewhere.path().join("model.pkl");
    std::fs::copy(&whole, &elsewhere).unwrap();
    let uri = artifact(&results(&[elsewhere.to_str().unwrap()])[0]);
    assert!(uri["uri"].as_str().unwrap().starts_with("file:///") && uri["uriBaseId"].is_null(), "{uri}");
}

#[test]
fn what_is_no_file_here_is_told_with_the_way_to_it() {
    let place = place();
    for address in ["hf://org/name", "https://hub.example/org/name", "org/name"] {
        assert!(place.ends(2, &["models", "scan", address]).contains("--models-proxy"), "{address}");
    }
    for path in ["models/missing.pkl", "missing", "./org/name"] {
        assert!(!place.ends(2, &["models", "scan", path]).contains("--models-proxy"), "{path}");
    }
    let verify = ["models", "verify", "--public-key"];
    let make = ["keys", "model-signing-key", "registry", "--make", "--by", "ana", "--reason", "x"];
    place.write("pub.pem", &place.clear(&make));
    let unsigned = [&verify[..], &["pub.pem", "models"]].concat();
    assert!(place.ends(1, &unsigned).contains("not signed"));
    assert_eq!(place.json(1, &unsigned)["verified"], false);
    place.ends(2, &[&verify[..], &["pub.pem", "no-model"]].concat());
}

/// A policy may hold for what is only worth knowing, and what it held may cross once it is gone.
#[test]
fn a_hold_without_a_grave_finding_names_its_policy_and_ends_when_it_crosses() {
    let place = place();
    let scaler = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testdata/docs/scaler.pkl");
    std::fs::copy(scaler, place.0.path().join("scaler.pkl")).unwrap();
    let stricter = r#"
@id("none-yet")
@why("No model may cross.")
forbid (principal, action == Action::"Allow", resource) when { resource == Gate::"models" };
"#;
    place.write("lazaret-data/policies/90-none-yet.cedar", stricter);
    let pass = ["models", "pass", "scaler.pkl", "--name", "scaler", "--mode", "enforce"];
    let told = place.ends(1, &pass);
    assert!(told.contains("by policy") && told.contains("none-yet"), "{told}");
    let waits = place.json(1, &["models", "requests"]);
    assert_eq!(waits[0]["standing"], "held");
    assert!(waits[0]["policies"].as_array().unwrap().contains(&"none-yet".into()), "{waits}");
    std::fs::remove_file(place.0.path().join("lazaret-data/policies/90-none-yet.cedar")).unwrap();
    place.clear(&pass);
    assert!(place.clear(&["models", "requests"]).contains("no model waits"));
    assert_eq!(place.json(0, &["models", "requests", "--all"])[0]["standing"], "crossed");
}
