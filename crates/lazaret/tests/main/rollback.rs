//! A ledger that is not the one the vault remembers is found, and nothing more is written to it.

use std::path::Path;

use crate::cli::{PATIENT, Place};

fn ledger(place: &Place) -> std::path::PathBuf {
    place.0.path().join("lazaret-data/ledger.db")
}

fn put(from: &Path, place: &Place) {
    std::fs::copy(from, ledger(place)).unwrap();
    for left in ["-wal", "-shm"] {
        let _gone = std::fs::remove_file(format!("{}{left}", ledger(place).display()));
    }
}

#[test]
fn an_older_ledger_under_a_newer_vault_is_no_ledger_to_write_to() {
    let place = Place::new();
    let older = place.0.path().join("older.db");
    place.write("good.ndjson", PATIENT);
    place.clear(&["ingest", "good.ndjson", "--to", "lake"]);
    place.clear(&["ledger", "verify"]);
    std::fs::copy(ledger(&place), &older).unwrap();
    place.clear(&["backup", "copy"]);
    place.write("more.ndjson", &PATIENT.replace("p1", "p2"));
    place.clear(&["ingest", "more.ndjson", "--to", "lake"]);

    put(&older, &place);
    let told = place.ends(1, &["ledger", "verify"]);
    assert!(told.contains("critical: ledger.rollback") && told.contains("DOES NOT HOLD"), "{told}");
    for writing in [
        &["ingest", "more.ndjson", "--to", "lake"][..],
        &["backup", "second"],
        &["keys", "legal-hold", "Patient/p1", "--by", "ana", "--reason", "claim"],
    ] {
        let told = place.ends(3, writing);
        assert!(told.contains("ledger.rollback"), "{told}");
    }
    std::fs::remove_file(ledger(&place)).unwrap();
    place.ends(2, &["ingest", "more.ndjson", "--to", "lake"]);
    assert!(!ledger(&place).exists(), "no new ledger is begun in stead of the one that is gone");

    // A backup brings the vault of its own time along.
    place.clear(&["restore", "copy", "--data", "other", "--key-file", "lazaret-data.key"]);
    let other = ["--data", "other", "--key-file", "lazaret-data.key"];
    place.clear(&[&["ledger", "verify"], &other[..]].concat());
    place.clear(&[&["ingest", "more.ndjson", "--to", "lake"], &other[..]].concat());
    place.clear(&[&["ledger", "verify"], &other[..]].concat());
}
