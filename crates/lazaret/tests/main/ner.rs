//! A hospital's own model as its settings name it: read where lazaret was built for it, refused where it was not.

use crate::cli::Place;

#[test]
fn settings_of_a_model_are_checked_before_anything_is_looked_at() {
    let place = Place::new();
    place.write("note.txt", "afebrile\n");
    let refused = |settings: &str, why: &str| {
        place.write("lazaret.toml", settings);
        let said = place.ends(2, &["phi", "scan", "note.txt"]);
        assert!(said.contains(why), "{said}");
    };
    refused("[phi.model]\nsha256 = 'ab'\n", "`phi.model.sha256` is set and `phi.model.path` is not");
    refused("[phi.model]\nthreshold = 0.4\n", "`phi.model.threshold` is set and `phi.model.path` is not");
    refused("[phi.model.labels]\nMISC = 'none'\n", "`phi.model.labels` is set and `phi.model.path` is not");
    refused("[phi.model]\npaht = 'm'\n", "did you mean `phi.model.path`?");
    let typo = "`phi.model.labels.PER`: no label `NAMES`; did you mean `NAME`?, nor `none`";
    refused("[phi.model]\nlabels = { PER = 'NAMES' }\n", typo);
    place.write(
        "lazaret.toml",
        "[phi.model]\nlabels = { MISC = 'none' }\n[limits]\n'phi.model.max_text' = 9\n",
    );
    let config = place.clear(&["config"]);
    let line = |key: &str| config.lines().find(|line| line.contains(key)).unwrap_or("").to_owned();
    assert!(line("phi.model.labels.MISC").contains("none"), "{config}");
    assert!(line("limits.phi.model.max_text").contains('9'), "{config}");
}

#[cfg(not(feature = "ner-model"))]
#[test]
fn a_lazaret_without_the_model_that_is_asked_for_looks_at_nothing() {
    let place = Place::new();
    place.write("note.txt", "Mrs. Quillmoor, MRN 00483917\n");
    place.write("p.ndjson", crate::cli::PATIENT);
    place.write("lazaret.toml", "[phi.model]\npath = 'models/deid'\n");
    for command in [
        &["phi", "scan", "note.txt"][..],
        &["phi", "scan", "--jsonl", "note.txt"],
        &["phi", "edit", "--with", "redact", "note.txt"],
        &["ingest", "p.ndjson", "--to", "lake"],
        &["ingest", "--check", "p.ndjson"],
        &["serve", "--presidio", "0"],
    ] {
        let said = place.ends(3, command);
        assert!(said.contains("this lazaret was built without it"), "{command:?}: {said}");
        assert!(said.contains("--features ner-model"), "{command:?}: {said}");
        assert!(!said.contains("Quillmoor"), "{command:?}: {said}");
    }
    assert!(!place.0.path().join("lake/Patient").exists(), "nothing passed");
}

#[cfg(feature = "ner-model")]
mod with_a_model {
    use std::io::{Read as _, Write as _};

    use serde_json::json;

    use super::Place;
    use crate::tiny::Tiny;

    const SETTINGS: &str = "[phi.model]\npath = 'model'\n";

    fn place(tiny: &Tiny, settings: &str) -> Place {
        let place = Place::new();
        tiny.write(&place.0.path().join("model"));
        place.write("lazaret.toml", settings);
        place
    }

    #[test]
    fn it_marks_beside_the_detectors() {
        let place = place(&Tiny::new(), SETTINGS);
        let note = "caf\u{e9}: pain since zorblat quen left, MRN 00483917 zorblat\n";
        place.write("note.txt", note);
        let found = place.json(1, &["phi", "scan", "note.txt"]);
        let found = found[0]["spans"].as_array().unwrap();
        assert_eq!(found.len(), 3, "{found:?}");
        let characters = |from: &str| note.split(from).next().unwrap().chars().count();
        assert_eq!((&found[0]["label"], &found[0]["sub"]), (&json!("NAME"), &json!("patient")));
        assert!(found[0]["score"].as_f64().unwrap() > 0.99);
        assert_eq!(found[0]["start"], json!(characters("zorblat")));
        assert_eq!(found[0]["end"], json!(characters("zorblat") + "zorblat quen".len()));
        assert_eq!(found[1]["label"], "MRN");
        place.write("lazaret.toml", "");
        assert_eq!(place.json(1, &["phi", "scan", "note.txt"])[0]["spans"].as_array().unwrap().len(), 1);
    }

    #[test]
    fn the_threshold_of_the_settings_counts() {
        let place = place(&Tiny::new(), SETTINGS);
        place.write("note.txt", "pain since maybe left\n");
        let count = |place: &Place, code: i32| {
            place.json(code, &["phi", "scan", "note.txt"])[0]["spans"].as_array().unwrap().len()
        };
        assert_eq!(count(&place, 1), 1);
        place.write("lazaret.toml", &format!("{SETTINGS}threshold = 0.9\n"));
        assert_eq!(count(&place, 0), 0);
        for wrong in ["0", "1.5", "'much'", "nan"] {
            place.write("lazaret.toml", &format!("{SETTINGS}threshold = {wrong}\n"));
            let said = place.ends(2, &["phi", "scan", "note.txt"]);
            assert!(said.contains("is no number above 0 and at most 1"), "{said}");
        }
    }

    #[test]
    fn whoever_asks_in_presidios_place_is_answered_with_it() {
        let place = place(&Tiny::new(), SETTINGS);
        let (_serving, url) = crate::litellm::serve(place.0.path());
        let address = url.trim_start_matches("http://").split('/').next().unwrap();
        let body = json!({"text": "pain since zorblat left", "language": "en"}).to_string();
        let mut stream = std::net::TcpStream::connect(address).unwrap();
        let length = body.len();
        let head = format!(
            "POST /analyze HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\nContent-Type: application/json\r\n\
             Content-Length: {length}\r\n\r\n"
        );
        stream.write_all(format!("{head}{body}").as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let found: serde_json::Value =
            serde_json::from_str(answer.split_once("\r\n\r\n").unwrap().1).unwrap();
        assert_eq!(found[0]["entity_type"], "PERSON", "{answer}");
        assert_eq!((&found[0]["start"], &found[0]["end"]), (&json!(11), &json!(18)));
    }

    #[test]
    fn a_receipt_names_its_weights() {
        let place = place(&Tiny::new(), SETTINGS);
        place.write("note.txt", "Pain since zorblat left.\n");
        let report = place.clear(&["ingest", "--check", "--jsonl", "note.txt", "--subject", "p1"]);
        assert!(report.contains("\"NAME.patient\":1"), "{report}");
        place.clear(&["ingest", "note.txt", "--subject", "p1", "--to", "lake"]);
        let show = place.json(0, &["ledger", "show"]);
        let receipt = show[0]["crossing"].as_str().unwrap();
        let crossing = place.json(0, &["ledger", "show", receipt]).to_string();
        let digest = crossing.split(" model sha256:").nth(1).unwrap().split(' ').next().unwrap();
        assert_eq!(digest.len(), 64, "{crossing}");
        place.write("lazaret.toml", &format!("{SETTINGS}sha256 = '{digest}'\n"));
        place.ends(1, &["phi", "scan", "note.txt"]);
        place.write("lazaret.toml", &format!("{SETTINGS}sha256 = '{}'\n", "ab".repeat(32)));
        let said = place.ends(3, &["phi", "scan", "note.txt"]);
        assert!(said.contains("other weights than were approved"), "{said}");
    }

    #[test]
    fn a_model_that_cannot_be_used_ends_the_command_and_names_the_folder() {
        let mut tiny = Tiny::new();
        tiny.config["id2label"]["3"] = json!("B-GADGET");
        let place = place(&tiny, SETTINGS);
        place.write("note.txt", "Mrs. Quillmoor\n");
        let said = place.ends(3, &["phi", "scan", "note.txt"]);
        assert!(said.contains("the model in model: config.json: ") && said.contains("`GADGET`"), "{said}");
        place.write("lazaret.toml", &format!("{SETTINGS}labels = {{ GADGET = 'DEVICE' }}\n"));
        place.write("note.txt", "pain since glimmerhall left\n");
        let found = place.json(1, &["phi", "scan", "note.txt"]);
        assert_eq!(found[0]["spans"][0]["label"], "DEVICE");
        std::fs::remove_file(place.0.path().join("model/model.safetensors")).unwrap();
        let said = place.ends(3, &["serve", "--presidio", "0"]);
        assert!(said.contains("the model in model: model.safetensors: "), "{said}");
    }

    #[test]
    fn a_record_on_which_it_fails_does_not_cross() {
        let mut tiny = Tiny::new();
        // What it says of one word is no number.
        tiny.tensors.get_mut("classifier.weight").unwrap().1[2 * 16 + 2] = f32::MAX;
        let place = place(&tiny, SETTINGS);
        place.write("note.txt", "Pain since quen left.\n");
        let said = place.ends(3, &["phi", "scan", "note.txt"]);
        assert!(said.contains("the model answers with what is no number"), "{said}");
        let report = place.ends(1, &["ingest", "note.txt", "--subject", "p1", "--to", "lake"]);
        assert!(report.contains("input.detector-failed"), "{report}");
        place.write("other.txt", "Pain since zorblat left.\n");
        place.clear(&["ingest", "other.txt", "--subject", "p1", "--to", "lake"]);
    }

    #[test]
    fn a_text_beyond_its_limit_is_refused_with_the_way_out() {
        let place = place(&Tiny::new(), &format!("{SETTINGS}[limits]\n'phi.model.max_text' = 10\n"));
        place.write("note.txt", "Pain since Monday.\n");
        let said = place.ends(3, &["phi", "scan", "note.txt"]);
        assert!(
            said.contains("limit `phi.model.max_text` reached") && said.contains("under [limits]"),
            "{said}"
        );
    }
}
