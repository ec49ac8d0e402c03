//! Models into the registry: passed, held, asked for, admitted, recalled, listed.

use serde_json::Value;

use crate::cli::{Place, root};

fn place() -> Place {
    let place = Place::new();
    for name in ["model.pkl", "scaler.pkl"] {
        std::fs::copy(root().join("testdata/docs").join(name), place.0.path().join(name)).unwrap();
    }
    place
}

const ENFORCE: [&str; 2] = ["--mode", "enforce"];

fn pass(place: &Place, code: i32, args: &[&str]) -> Value {
    place.json(code, &[&["models", "pass"][..], args].concat())
}

fn sha256(passed: &Value) -> String {
    passed.pointer("/files/0/sha256").and_then(Value::as_str).unwrap().to_owned()
}

fn blobs(place: &Place) -> usize {
    let folder = place.0.path().join("lazaret-data/models/blobs");
    let Ok(entries) = std::fs::read_dir(folder) else { return 0 };
    entries.map(|entry| std::fs::read_dir(entry.unwrap().path()).unwrap().count()).sum()
}

#[test]
fn a_blocked_model_stays_out_and_a_clean_one_is_kept_by_its_sha256() {
    let place = place();
    let blocked = pass(&place, 1, &[&["model.pkl", "--name", "chest/x-ray"][..], &ENFORCE].concat());
    assert_eq!(blocked["files"][0]["verdict"], "block");
    assert_eq!(blocked["files"][0]["held"], true);
    assert_eq!(blobs(&place), 0);
    let clear =
        pass(&place, 0, &[&["scaler.pkl", "--name", "scaler", "--revision", "1"][..], &ENFORCE].concat());
    assert_eq!((clear["files"][0]["verdict"].as_str(), blobs(&place)), (Some("allow"), 1));
    let again = pass(&place, 0, &[&["scaler.pkl", "--name", "scaler"][..], &ENFORCE].concat());
    assert!(again["files"][0]["again"].is_string(), "{again}");
    let digest = sha256(&clear);
    let blob = place.0.path().join("lazaret-data/models/blobs").join(digest.get(..2).unwrap()).join(&digest);
    let original = std::fs::read(place.0.path().join("scaler.pkl")).unwrap();
    assert_eq!(std::fs::read(blob).unwrap(), original);
    place.clear(&["ledger", "verify"]);
}

#[test]
fn a_gate_that_observes_lets_everything_pass_and_says_what_it_would_have_held() {
    let place = place();
    let text = place.ends(1, &["models", "pass", "model.pkl", "--name", "chest"]);
    assert!(text.contains("the gate only observes") && text.contains("1 would be held"), "{text}");
    assert_eq!(blobs(&place), 1);
    assert!(place.clear(&["models", "requests"]).contains("no model waits"));
}

#[test]
fn a_dry_run_lists_what_passed_and_would_be_held() {
    let place = place();
    pass(&place, 1, &["model.pkl", "--name", "chest", "--revision", "2"]);
    pass(&place, 0, &["scaler.pkl", "--name", "scaler"]);
    let run = place.json(1, &["models", "dry-run"]);
    assert_eq!(run["files"], 2);
    let would = run["would_be_held"].as_array().unwrap();
    let kept = &would[0];
    assert_eq!(would.len(), 1, "{run}");
    let of = |key: &str| kept[key].as_str().unwrap();
    assert_eq!(
        (of("model"), of("revision"), of("file"), of("verdict")),
        ("chest", "2", "model.pkl", "block")
    );
    assert_eq!((of("brought_by"), &kept["rules"][0]), ("operator", &"pickle.dangerous-call".into()));
    let digest = of("sha256").to_owned();
    place.clear(&["models", "admit", &digest, "--by", "ann", "--second", "bob", "--reason", "read it"]);
    assert!(place.clear(&["models", "dry-run"]).contains("0 would be held"), "it is admitted");
    place.clear(&["models", "revoke", &digest, "--by", "ann", "--reason", "no"]);
    pass(&place, 1, &[&["model.pkl", "--name", "chest"][..], &ENFORCE].concat());
    assert!(place.clear(&["models", "dry-run"]).contains("0 would be held"), "it is held already");
}

#[test]
fn what_policy_blocks_takes_two_who_did_not_ask_for_it_and_ends_on_its_day() {
    let place = place();
    let passing = [&["model.pkl", "--name", "chest"][..], &ENFORCE].concat();
    let digest = sha256(&pass(&place, 1, &passing));
    let order = |what: &str, more: &[&str], code: i32| {
        let args = [&["models", what, digest.as_str(), "--reason", "read it"][..], more].concat();
        place.ends(code, &args)
    };
    order("request", &["--by", "joe"], 0);
    let waits = place.json(1, &["models", "requests"]);
    assert_eq!((waits[0]["owner"].as_str(), waits[0]["standing"].as_str()), (Some("joe"), Some("requested")));
    assert!(order("admit", &["--by", "ann"], 2).contains("two different persons"));
    assert!(order("admit", &["--by", "ann", "--second", "ANN "], 2).contains("two different persons"));
    assert!(order("admit", &["--by", "ann", "--second", "Joe"], 2).contains("joe asked for it"));
    for (day, why) in [("2020-01-01", "is over"), ("2999-01-01", "days ahead"), ("2027-02-30", "is no day")] {
        assert!(
            order("admit", &["--by", "ann", "--second", "bob", "--until", day], 2).contains(why),
            "{day}"
        );
    }
    assert!(order("revoke", &["--by", "ann"], 2).contains("is not admitted"));
    order("admit", &["--by", "ann", "--second", "bob"], 0);
    let passed = pass(&place, 1, &passing); // its findings are as grave as before
    assert_eq!((passed["files"][0]["verdict"].as_str(), blobs(&place)), (Some("allow"), 1));
    let policies = passed["files"][0]["policies"].as_array().unwrap();
    assert!(policies.iter().any(|policy| policy == "admitted-by-order"), "{policies:?}");
    assert!(place.clear(&["models", "requests"]).contains("no model waits"));
    order("revoke", &["--by", "ann"], 0);
    assert_eq!(pass(&place, 1, &passing)["files"][0]["verdict"], "block");
    assert_eq!(place.json(0, &["models", "requests", "--all"])[0]["standing"], "revoked");
    let what: Vec<Value> = place.orders().iter().map(|order| order["what"].clone()).collect();
    let orders: Vec<&str> = what.iter().filter_map(Value::as_str).collect();
    assert_eq!(orders, ["revoke-model", "admit-model", "request-model"]);
    place.clear(&["ledger", "verify"]);
}

#[test]
fn a_file_that_has_not_come_yet_is_admitted_by_two_and_a_refused_one_is_not() {
    let place = place();
    let digest = "ab".repeat(32);
    let refuse = ["models", "refuse", &digest, "--by", "joe", "--reason", "x"];
    assert!(place.ends(2, &refuse).contains("no file with the SHA-256"));
    let asked = ["models", "request", &digest, "--by", "joe", "--reason", "x"];
    assert!(place.clear(&asked).contains("asked for"), "somebody may ask before it comes");
    let admit = ["models", "admit", &digest, "--by", "ann", "--reason", "x"];
    assert!(place.ends(2, &admit).contains("has not come yet"));
    place.clear(&[&admit[..], &["--second", "bob"]].concat());
    place.ends(2, &["models", "admit", "abc", "--by", "ann", "--reason", "x"]);
    let passing = [&["model.pkl", "--name", "chest"][..], &ENFORCE].concat();
    let held = sha256(&pass(&place, 1, &passing));
    place.clear(&["models", "refuse", &held, "--by", "ann", "--reason", "no"]);
    assert_eq!(place.json(0, &["models", "requests", "--all"])[0]["standing"], "refused");
}

#[test]
fn names_that_are_none_are_refused_before_anything_is_opened() {
    let place = place();
    for name in ["", "/a", "a//b", "a/../b", "..", "a b", "é", "a/"] {
        place.ends(2, &["models", "pass", "scaler.pkl", &format!("--name={name}")]);
    }
    place.ends(2, &["models", "pass", "scaler.pkl", "--name", "a", "--mode", "off"]);
    place.ends(2, &["models", "pass", "no-such-file", "--name", "a"]);
    place.ends(2, &["models", "pass", "scaler.pkl", "--name", "a", "--run", "two\nlines"]);
    assert_eq!(blobs(&place), 0);
}

#[test]
fn the_impact_of_a_file_names_who_has_it_and_what_to_go_back_to() {
    let place = place();
    let good = sha256(&pass(&place, 0, &["scaler.pkl", "--name", "scaler", "--revision", "1"]));
    std::fs::copy(place.0.path().join("model.pkl"), place.0.path().join("scaler.pkl")).unwrap();
    let bad = sha256(&pass(&place, 1, &["scaler.pkl", "--name", "scaler", "--revision", "2"]));
    let impact = place.json(1, &["models", "impact", &bad]);
    assert_eq!(impact["verdict"], "block");
    assert_eq!(impact["fetched"][0]["who"], "operator");
    assert_eq!(impact["roll_back"][0]["files"][0]["sha256"], good.as_str());
    assert_eq!(impact["roll_back"][0]["revision"], "1");
    assert_eq!(place.json(0, &["models", "impact", &good])["roll_back"], serde_json::json!([]));
    place.ends(2, &["models", "impact", &"cd".repeat(32)]);
}

#[test]
fn a_second_look_tells_and_records_what_the_policies_of_now_say() {
    let place = place();
    let digest = sha256(&pass(&place, 0, &["scaler.pkl", "--name", "scaler"]));
    let same = serde_json::json!({ "looked_at": 1, "would_be_held": 0, "failed": 0, "changed": [] });
    assert_eq!(place.json(0, &["models", "rescan"]), same);
    let stricter = r#"
@id("no-models")
@why("No model may cross.")
forbid (principal, action == Action::"Allow", resource) when { resource == Gate::"models" };
"#;
    place.write("lazaret-data/policies/90-no-models.cedar", stricter);
    let changed = place.json(1, &["models", "rescan"]);
    let of_file = &changed["changed"][0];
    assert_eq!((of_file["before"].as_str(), of_file["now"].as_str()), (Some("allow"), Some("quarantine")));
    assert_eq!(place.json(1, &["models", "impact", &digest])["verdict"], "quarantine");
    let unchanged = place.json(1, &["models", "rescan", &digest]);
    assert_eq!(unchanged["changed"], serde_json::json!([]), "it was told and recorded");
    assert_eq!(unchanged["would_be_held"], 1, "as before");
    place.clear(&["ledger", "verify"]);
}

#[test]
fn the_bill_of_materials_of_a_model_has_its_files_its_datasets_and_its_findings() {
    let place = place();
    std::fs::create_dir(place.0.path().join("m")).unwrap();
    for name in ["model.pkl", "scaler.pkl"] {
        std::fs::copy(place.0.path().join(name), place.0.path().join("m").join(name)).unwrap();
    }
    let origin =
        ["--trained-on", "lake/Patient", "--code", "4f1c2e9", "--run", "mlflow:7d1", "--revision", "2"];
    pass(&place, 1, &[&["m", "--name", "radiology/chest"][..], &origin].concat());
    assert_eq!(place.clear(&["models", "bom"]), "radiology/chest\n");
    assert_eq!(place.clear(&["bom"]), "", "a model is no dataset");
    for spec in ["1.6", "1.7"] {
        let text = place.clear(&["models", "bom", "radiology/chest", "--spec", spec]);
        assert_eq!(text, place.clear(&["models", "bom", "radiology/chest", "--spec", spec]));
        let bom: Value = serde_json::from_str(&text).unwrap();
        let component = &bom["metadata"]["component"];
        assert_eq!(component["type"], "machine-learning-model");
        assert_eq!(
            (component["group"].as_str(), component["version"].as_str()),
            (Some("radiology"), Some("2"))
        );
        let datasets = &component["modelCard"]["modelParameters"]["datasets"];
        assert_eq!(datasets[0]["ref"], "dataset:lake/Patient");
        let names: Vec<&str> =
            bom["components"].as_array().unwrap().iter().map(|one| one["name"].as_str().unwrap()).collect();
        assert_eq!(names, ["model.pkl", "scaler.pkl", "lake/Patient"]);
        let found: Vec<&str> = bom["vulnerabilities"]
            .as_array()
            .unwrap()
            .iter()
            .map(|one| one["id"].as_str().unwrap())
            .collect();
        assert!(found.contains(&"pickle.dangerous-call"), "{found:?}");
        let ratings = |one: &Value| one["ratings"][0]["severity"] == "info";
        assert!(!bom["vulnerabilities"].as_array().unwrap().iter().any(ratings), "{text}");
    }
    assert!(place.ends(2, &["models", "bom", "radiology/chst"]).contains("did you mean `radiology/chest`"));
    place.ends(3, &["models", "bom", "radiology/chest", "--revision", "9"]);
}

/// What was held is told as that, and what a second look found since is told too.
#[test]
fn the_bill_of_materials_has_what_is_held_and_what_was_found_since() {
    let place = place();
    pass(&place, 1, &["model.pkl", "--name", "chest", "--revision", "1"]);
    let rules = "version = 1\n[[rule]]\nid = 'user.no-shell'\nseverity = 'high'\nwhat = 'a shell'\nwhy = 'since'\nglobal = ['posix.system']\n";
    let bom = |revision: &str| place.json(0, &["models", "bom", "chest", "--revision", revision]);
    let ids = |bom: &Value| -> Vec<String> {
        let all = bom["vulnerabilities"].as_array().unwrap().iter();
        all.map(|one| one["id"].as_str().unwrap().to_owned()).collect()
    };
    assert!(!ids(&bom("1")).contains(&"user.no-shell".to_owned()));
    place.write("lazaret-data/models.toml", rules);
    place.json(1, &["models", "rescan"]);
    assert!(ids(&bom("1")).contains(&"user.no-shell".to_owned()), "{}", bom("1"));

    pass(&place, 1, &[&["model.pkl", "--name", "chest", "--revision", "2"][..], &ENFORCE].concat());
    let held = bom("2");
    let is_held = |one: &Value| {
        let properties = one["properties"].as_array().unwrap();
        properties.contains(&serde_json::json!({ "name": "lazaret:held", "value": "true" }))
    };
    assert!(is_held(&held["components"][0]) && is_held(&held["vulnerabilities"][0]), "{held}");
    assert_eq!(held["vulnerabilities"][0]["affects"][0]["ref"], held["components"][0]["bom-ref"]);
    assert_eq!(held["dependencies"][0]["dependsOn"], serde_json::json!([]));
}

#[test]
fn what_is_put_into_a_folder_passes_and_what_has_no_name_is_told() {
    let place = place();
    let inbox = place.0.path().join("inbox");
    std::fs::create_dir_all(inbox.join("sepsis")).unwrap();
    std::fs::copy(place.0.path().join("scaler.pkl"), inbox.join("sepsis/scaler.pkl")).unwrap();
    std::fs::copy(place.0.path().join("model.pkl"), inbox.join("chest.pkl")).unwrap();
    std::fs::write(inbox.join("no name.bin"), "x").unwrap();
    let text = place.ends(1, &["models", "watch", "inbox", "--once", "--mode", "enforce"]);
    assert!(
        text.contains("sepsis: 1 crossed, 0 held") && text.contains("chest.pkl: 0 crossed, 1 held"),
        "{text}"
    );
    assert!(text.contains("no name.bin: not passed"), "{text}");
    assert_eq!(blobs(&place), 1);
    place.ends(2, &["models", "watch", "no-such-folder", "--once"]);
    place.ends(2, &["models", "watch", "inbox", "--interval", "soon"]);
}

#[test]
fn the_digest_of_every_byte_is_told_where_it_is_asked_for() {
    let place = place();
    let line: Value =
        serde_json::from_str(&place.clear(&["models", "scan", "--jsonl", "--sha256", "scaler.pkl"])).unwrap();
    assert_eq!(line["sha256"], "f0b4512771827f6f79ba3771f44f1be8c93dde21d101ab5acd8cf56721daa30a");
    let plain: Value =
        serde_json::from_str(&place.clear(&["models", "scan", "--jsonl", "scaler.pkl"])).unwrap();
    assert_eq!(plain.get("sha256"), None);
}

#[cfg(unix)]
#[test]
fn what_is_no_regular_file_does_not_hang_the_gate() {
    let place = place();
    let pipe = place.0.path().join("pipe");
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let text = place.ends(3, &["models", "pass", "pipe", "--name", "a"]);
    assert!(text.contains("not a regular file"), "{text}");
}

#[test]
fn a_held_model_is_not_a_held_record_and_the_quarantine_says_what_it_is() {
    let place = place();
    let passing = [&["model.pkl", "--name", "chest"][..], &ENFORCE].concat();
    pass(&place, 1, &passing);
    let held = place.json(1, &["quarantine", "list"]);
    let id = held[0]["id"].as_str().unwrap();
    let by = ["--by", "ann", "--second", "bob", "--reason", "x"];
    let release = [&["quarantine", "release", id, "--to", "lake"][..], &by].concat();
    assert!(place.ends(2, &release).contains("lazaret models admit"));
    let look = ["quarantine", "show", id, "--content", "--by", "ann", "--reason", "x"];
    assert!(place.ends(2, &look).contains("lazaret models admit"));
    place.clear(&[&["quarantine", "reject", id][..], &by].concat());
    assert_eq!(place.json(0, &["models", "requests", "--all"])[0]["standing"], "refused");
}

#[test]
fn a_second_look_sees_a_model_as_it_crossed() {
    let place = place();
    let folder = place.0.path();
    // A graph whose weights lie in another file: alone it is not whole, and its data are of no format.
    let model = folder.join("model/deep");
    std::fs::create_dir_all(&model).unwrap();
    let from = root().join("testdata/models/generated/benign/ext_data");
    for entry in std::fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        std::fs::copy(&path, model.join(path.file_name().unwrap())).unwrap();
    }
    for name in ["scaler.sig", "signer-pub.pem"] {
        std::fs::copy(root().join("testdata/docs").join(name), folder.join(name)).unwrap();
    }
    let settings = "[gates.models.signers]\nradiology = 'key signer-pub.pem'\n";
    std::fs::write(folder.join("lazaret.toml"), settings).unwrap();
    let passed = pass(&place, 0, &["model", "--name", "graph"]);
    let files = passed["files"].as_array().unwrap();
    assert!(files.len() > 1 && files.iter().all(|file| file["verdict"] == "allow"), "{passed}");
    pass(&place, 0, &["scaler.pkl", "--name", "scaler", "--signature", "scaler.sig"]);
    let again = place.json(0, &["models", "rescan"]);
    assert_eq!(again["changed"], Value::Array(Vec::new()), "{again}");
    assert_eq!(again["looked_at"], files.len() + 2);
}

/// A policy that keeps back what no trusted signer vouches for, as the guide has it.
pub(crate) const SIGNED: &str = r#"
@id("models-are-signed")
@why("A file for which no trusted signer vouches is kept back.")
forbid (principal, action in [Action::"Allow", Action::"Tokenise", Action::"Redact"], resource == Gate::"models")
when { context.rules.contains("signature.unsigned") };
"#;

#[test]
fn receipts_say_who_signed_and_built_and_by_what_a_model_was_looked_at() {
    let place = place();
    let folder = place.0.path();
    for name in ["scaler.sig", "scaler.intoto.json", "signer-pub.pem", "builder-pub.pem", "models.toml"] {
        std::fs::copy(root().join("testdata/docs").join(name), folder.join(name)).unwrap();
    }
    std::fs::rename(folder.join("models.toml"), folder.join("lazaret-data/models.toml")).unwrap();
    std::fs::write(folder.join("lazaret-data/policies/signed.cedar"), SIGNED).unwrap();
    let settings = "[gates.models.signers]\nradiology = 'key signer-pub.pem'\n\n[gates.models.builders]\n\
                    pipeline = 'key builder-pub.pem id=https://ci.hospital.example/models'\n";
    std::fs::write(folder.join("lazaret.toml"), settings).unwrap();
    let passing = [&["scaler.pkl", "--name", "scaler"][..], &ENFORCE].concat();
    let unsigned = pass(&place, 1, &passing);
    assert_eq!(unsigned["files"][0]["verdict"], "quarantine", "{unsigned}");
    let attested = ["--signature", "scaler.sig", "--signature", "scaler.intoto.json"];
    let signed = pass(&place, 0, &[&passing[..], &attested].concat());
    let model = &signed["receipt"]["model"];
    assert!(model["signer"].as_str().unwrap().starts_with("radiology: key: "), "{model}");
    assert_eq!(model["builder"], "https://ci.hospital.example/models");
    assert_eq!(model["code"], "4c1de0a3b9f8e7d6c5b4a39281706f5e4d3c2b1a");
    assert_eq!(blobs(&place), 3);
    // Somebody else's signature is nobody's.
    std::fs::copy(folder.join("builder-pub.pem"), folder.join("signer-pub.pem")).unwrap();
    let other = [&["scaler.pkl", "--name", "other", "--signature", "scaler.sig"][..], &ENFORCE].concat();
    let other = pass(&place, 1, &other);
    assert_eq!(
        (&other["receipt"]["model"]["signer"], &other["files"][0]["held"]),
        (&Value::Null, &Value::Bool(true))
    );
    let twice = ["scaler.pkl", "--name", "x", "--signature", "./scaler.pkl"];
    assert!(place.ends(2, &[&["models", "pass"][..], &twice].concat()).contains("two files of this name"));
    let receipt = place.json(0, &["ledger", "show", signed["receipt"]["receipt"].as_str().unwrap()]);
    let by = receipt.pointer("/opened/detectors").and_then(Value::as_array).unwrap();
    let names_rules = |by: &Value| by.as_str().is_some_and(|by| by.starts_with("models.toml sha256:"));
    assert!(by.iter().any(names_rules), "{by:?}");
    for wrong in ["key", "key no-such.pem", "pgp x"] {
        std::fs::write(folder.join("lazaret.toml"), format!("[gates.models.signers]\na = '{wrong}'\n"))
            .unwrap();
        let said = place.ends(2, &["models", "pass", "scaler.pkl", "--name", "x"]);
        assert!(said.contains("gates.models.signers.a"), "{said}");
    }
}

#[test]
fn orders_are_taken_by_the_server_that_has_the_ledger_open() {
    let place = place();
    let passing = [&["model.pkl", "--name", "chest"][..], &ENFORCE].concat();
    let digest = sha256(&pass(&place, 1, &passing));
    let order = |what: &str, more: &[&str], code: i32| {
        place.ends(code, &[&["models", what, digest.as_str(), "--reason", "read it"][..], more].concat())
    };
    let socket = place.0.path().join("lazaret-data/orders.sock");
    let (serving, _) = crate::updates::serve(place.0.path());
    order("request", &["--by", "joe"], 0);
    assert!(order("admit", &["--by", "joe", "--second", "ann"], 2).contains("joe asked for it"));
    assert!(order("admit", &["--by", "ann"], 2).contains("two different persons"));
    let admit = ["models", "admit", &digest, "--by", "ann", "--second", "bob", "--reason", "read it"];
    let admitted = place.json(0, &admit);
    assert!(admitted["receipt"].is_string(), "{admitted}");
    assert_eq!(place.json(0, &["models", "rescan"])["looked_at"], 0);
    // What is no order about models is not done for anybody, and nonsense ends nothing.
    let keys = br#"{"words":["lazaret","keys","rotate"],"settings":{}}"#;
    let keys = [&[b'o', 0, 0, 0, u8::try_from(keys.len()).unwrap()][..], keys].concat();
    for said in [&keys[..], b"o\0\0\0\x01{", b"o\xff\xff\xff\xff", b"{", b""] {
        let mut caller = std::os::unix::net::UnixStream::connect(&socket).unwrap();
        std::io::Write::write_all(&mut caller, said).unwrap();
        caller.shutdown(std::net::Shutdown::Write).unwrap();
        let mut told = Vec::new();
        std::io::Read::read_to_end(&mut caller, &mut told).unwrap();
        let told = String::from_utf8_lossy(&told);
        assert!(told.is_empty() || told.contains("\"exit\":2"), "{told}");
    }
    order("revoke", &["--by", "ann"], 0);
    let terminated = std::process::Command::new("kill").arg(serving.0.id().to_string()).status().unwrap();
    assert!(terminated.success());
    let mut serving = serving;
    assert!(serving.0.wait().unwrap().success(), "it ends well when it is asked to");
    assert!(!socket.exists());
    order("request", &["--by", "joe"], 0);
    let what: Vec<Value> = place.orders().iter().map(|order| order["what"].clone()).collect();
    let orders: Vec<&str> = what.iter().filter_map(Value::as_str).collect();
    assert_eq!(orders, ["request-model", "revoke-model", "admit-model", "request-model"]);
    place.clear(&["ledger", "verify"]);
}
