//! `phi edit`, `--profile` and `--context` as they are used.

use serde_json::Value;

use crate::cli::{PATIENT, Place};

const NOTE: &str =
    "Mrs. Quillmoor, MRN 00483917, seen 04/17/2024.\nQuillmoor's daughter Maren: (614) 555-0137.\n";

fn text(place: &Place, args: &[&str]) -> String {
    let output = place.run(args);
    assert_eq!(output.status.code(), Some(0), "{args:?} {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn tokens_come_back_to_what_stood_there() {
    let place = Place::new();
    place.write("note.txt", NOTE);
    let edited = text(&place, &["phi", "edit", "--with", "token", "note.txt"]);
    assert_eq!(edited, text(&place, &["phi", "edit", "--with", "token", "note.txt"]), "written again");
    let mut back = String::new();
    let mut rest = edited.as_str();
    while let Some((before, after)) = rest.split_once('[') {
        let (token, after) = after.split_once(']').unwrap();
        let token = token.split(' ').nth(1).unwrap();
        let shown = place.json(0, &["tokens", "reveal", token, "--by", "ana", "--reason", "test"]);
        back.push_str(before);
        back.push_str(shown["value"].as_str().unwrap());
        rest = after;
    }
    back.push_str(rest);
    assert_eq!(back, NOTE);
    let ledger = place.json(0, &["ledger", "show"]);
    assert!(ledger.as_array().unwrap().len() >= 2, "{ledger}");
    assert!(!ledger.to_string().contains("Quillmoor"));
}

#[test]
fn one_number_has_one_token_whatever_word_stands_before_it() {
    let place = Place::new();
    place.write("note.txt", "MRN 00483917 was seen.\nMRN: 00483917 came back.\n");
    let edited = text(&place, &["phi", "edit", "--with", "token", "note.txt"]);
    let tokens: Vec<&str> = edited.split(['[', ']']).filter(|piece| piece.contains("lz-")).collect();
    assert!(tokens.len() == 2 && tokens[0] == tokens[1], "{edited}");
    assert!(edited.starts_with("MRN [MRN lz-") && edited.contains("\nMRN: [MRN lz-"), "{edited}");
}

#[test]
fn clinical_content_that_tokens_stand_for_is_told() {
    let place = Place::new();
    place.write("note.txt", "Seen by Dr. Metoprolol Quillmoor today.\n");
    for with in ["redact", "token"] {
        let edited = place.json(0, &["phi", "edit", "--with", with, "note.txt"]);
        assert_eq!(edited[0]["clinical"]["drug"], 1, "{with}: {edited}");
    }
}

#[test]
fn texts_of_one_command_are_numbered_together_and_only_what_is_found_changes() {
    let place = Place::new();
    place.write("one.txt", NOTE);
    place.write("two.txt", "Mrs. QUILLMOOR back on 17 Apr 2024, febrile.\n");
    let edited = place.json(0, &["phi", "edit", "--with", "redact", "one.txt", "two.txt"]);
    let first = "Mrs. [NAME 1], [MRN 1], seen [DATE 1].\n[NAME 1]'s daughter [NAME 2]: [PHONE 1].\n";
    assert_eq!(edited[0]["text"], first);
    assert_eq!(edited[1]["text"], "Mrs. [NAME 1] back on [DATE 1], febrile.\n");
    for with in ["surrogate", "shift", "generalise"] {
        let made = text(&place, &["phi", "edit", "--with", with, "one.txt"]);
        assert!(
            !made.contains("Quillmoor") && !made.contains("00483917") && !made.contains("Maren"),
            "{made}"
        );
        assert!(
            made.starts_with("Mrs. ") && made.contains("'s daughter ") && made.ends_with(".\n"),
            "{made}"
        );
    }
}

#[test]
fn a_patients_surrogates_are_the_same_every_time_and_what_the_vault_knows_is_sought() {
    let place = Place::new();
    place.write("p.ndjson", PATIENT);
    place.clear(&["ingest", "p.ndjson", "--to", "lake"]);
    place.write("note.txt", "so ilse slept well, seen 04/17/2024\n");
    let args = ["phi", "edit", "--with", "surrogate", "--subject", "p1", "note.txt"];
    let made = text(&place, &args);
    assert_eq!(made, text(&place, &args));
    assert!(!made.contains("ilse") && !made.contains("04/17/2024"), "{made}");
}

#[test]
fn the_profile_says_what_counts() {
    let place = Place::new();
    place.write("note.txt", "Mrs. Quillmoor, who lives in Medford, was seen 04/17/2024.\n");
    let labels = |args: &[&str]| {
        let found = place.json(1, &[&["phi", "scan", "note.txt"], args].concat());
        let spans = found[0]["spans"].as_array().unwrap().clone();
        spans.iter().map(|span| span["label"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(labels(&[]), ["NAME", "LOCATION", "DATE"]);
    assert_eq!(labels(&["--profile", "limited-data-set"]), ["NAME"]);
    place.write("lazaret.toml", "[profiles.registry]\nbase = 'safe-harbor'\n'LOCATION.city' = 'keep'\n");
    assert_eq!(labels(&["--profile", "registry"]), ["NAME", "DATE"]);
    assert!(place.clear(&["config"]).contains("profiles.registry.LOCATION.city"));
    assert!(
        place
            .ends(2, &["phi", "scan", "note.txt", "--profile", "registri"])
            .contains("no profile `registri`")
    );
}

#[test]
fn what_cannot_be_read_is_told_and_nothing_is_written() {
    let place = Place::new();
    place.write("good.txt", NOTE);
    place.write("empty.txt", "");
    std::fs::write(place.0.path().join("latin.txt"), b"Fr\xe4ulein Quillmoor").unwrap();
    std::fs::write(place.0.path().join("binary.txt"), b"\x7fELF\x00\x01\x02\xff").unwrap();
    for (bad, code) in [("latin.txt", 3), ("binary.txt", 3), ("missing.txt", 2), (".", 2)] {
        let output = place.run(&["phi", "edit", "--with", "redact", "good.txt", bad]);
        assert_eq!((output.status.code(), output.stdout.len()), (Some(code), 0), "{bad}");
    }
    assert_eq!(text(&place, &["phi", "edit", "--with", "redact", "empty.txt"]), "");
    place.write("long.txt", &"a1".repeat(1 << 20));
    assert_eq!(text(&place, &["phi", "edit", "--with", "shift", "long.txt"]).len(), 2 << 20);
    // Tokens: a text that is no text is held, and nothing of it is written.
    let held = place.run(&["phi", "edit", "--with", "token", "binary.txt"]);
    assert_eq!((held.status.code(), held.stdout.len()), (Some(1), 0));
}

#[test]
fn a_context_of_another_form_is_refused_without_its_values() {
    let place = Place::new();
    place.write("note.txt", NOTE);
    for (context, why) in [
        ("", "expected a value"),
        ("{\"names\": [\"Quillmoor\"}", "at byte"),
        ("{\"name\": [\"Quillmoor\"]}", "is not of the form"),
        ("{\"names\": \"Quillmoor\"}", "is not of the form"),
        ("{\"names\": [], \"names\": [\"Quillmoor\"]}", "twice"),
    ] {
        place.write("context.json", context);
        let told = place.ends(2, &["phi", "scan", "note.txt", "--context", "context.json"]);
        assert!(told.contains(why) && !told.contains("Quillmoor"), "{context}: {told}");
    }
    place.write("context.json", "{\"numbers\": [\"88 1207\"]}");
    place.write("note.txt", "rang about 88-1207\n");
    let found: Value = place.json(1, &["phi", "scan", "note.txt", "--context", "context.json"]);
    assert_eq!(found[0]["spans"][0]["start"], 11);
}
