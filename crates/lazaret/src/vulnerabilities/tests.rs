//! A database in a folder of its own: imports, joins, statements, copies.

use std::collections::BTreeSet;
use std::io::Write as _;
use std::path::PathBuf;

use lazaret_core::{Limits, Timestamp};
use lazaret_models::vulnerabilities::{Advisories as _, VexDocument};

use super::*;

struct Place {
    folder: tempfile::TempDir,
}

impl Place {
    fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    fn file(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.folder.path().join(name);
        std::fs::File::create(&path).unwrap().write_all(bytes).unwrap();
        path
    }

    fn database(&self) -> Vulnerabilities {
        Vulnerabilities::open_or_make(&self.folder.path().join(FILE)).unwrap()
    }

    fn import(&self, text: &str, replace: bool) -> Source {
        let file = self.file("records.json", text.as_bytes());
        self.database().import(&file, replace, Timestamp::default(), &Limits::default()).unwrap().0
    }
}

fn record(id: &str, published: &str, modified: &str, aliases: &str, package: &str) -> String {
    format!(
        r#"{{"id":"{id}","published":"{published}T00:00:00Z","modified":"{modified}T00:00:00Z","aliases":[{aliases}],"affected":[{{"package":{{"ecosystem":"PyPI","name":"{package}"}},"ranges":[{{"type":"ECOSYSTEM","events":[{{"introduced":"0"}},{{"fixed":"2"}}]}}]}}]}}"#
    )
}

fn faults(database: &Vulnerabilities, package: &str) -> Vec<(String, String)> {
    let found = database.of_package("PyPI", package).unwrap();
    found.iter().map(|advisory| (advisory.record.id.clone(), advisory.fault.clone())).collect()
}

fn pair(record: &str, fault: &str) -> (String, String) {
    (record.to_owned(), fault.to_owned())
}

#[test]
fn records_come_in_every_form_and_the_newest_stays() {
    let place = Place::new();
    let (old, new) = ("2025-01-01", "2025-02-01");
    let lines = format!("{}\n\n{}\n", record("A-1", old, new, "", "X"), record("B-1", old, old, "", "y"));
    let source = place.import(&lines, false);
    assert_eq!((source.records, source.taken, source.newest.as_str()), (2, 2, "2025-02-01T00:00:00Z"));
    // One record over many lines, older than what is there; a list; a refused one among them.
    let source =
        place.import(&record("A-1", old, old, "", "x").replace(",\"affected\"", ",\n\"affected\""), false);
    assert_eq!((source.records, source.older, source.taken), (1, 1, 0));
    let list = format!(
        "[{},{{\"id\":\"C-1\"}},{}]",
        record("C-1", old, new, "", "x"),
        record("D-1", old, new, "", "z")
    );
    let source = place.import(&list, false);
    assert_eq!((source.records, source.taken, source.refused), (3, 2, 1));
    let database = place.database();
    assert_eq!(faults(&database, "x"), [pair("A-1", "A-1"), pair("C-1", "C-1")]);
    let status = database.status().unwrap();
    assert_eq!((status.records, status.sources.len(), status.ecosystems["PyPI"]), (4, 3, 4));
    // Only what the file has, of its ecosystems.
    let source = place.import(&record("D-1", old, new, "", "z"), true);
    assert_eq!((source.removed, place.database().status().unwrap().records), (3, 1));
}

#[test]
fn a_zip_is_read_member_by_member() {
    let place = Place::new();
    let members =
        [("A-1.json", record("A-1", "2025-01-01", "2025-01-01", "", "x")), ("B-1.json", "{}".to_owned())];
    let file = place.file("all.zip", &zip(&members));
    let (source, reasons) =
        place.database().import(&file, false, Timestamp::default(), &Limits::default()).unwrap();
    assert_eq!((source.records, source.taken, source.refused), (2, 1, 1));
    assert_eq!((reasons[0].0.as_str(), reasons[0].1.at.as_str()), ("B-1.json", "id"));
    let none = place.file("none.zip", &zip(&[("readme.txt", "x".to_owned())]));
    assert!(place.database().import(&none, false, Timestamp::default(), &Limits::default()).is_err());
}

/// A zip of stored members.
fn zip(members: &[(&str, String)]) -> Vec<u8> {
    let (mut bytes, mut directory) = (Vec::new(), Vec::new());
    for (name, text) in members {
        let mut crc = flate2::Crc::new();
        crc.update(text.as_bytes());
        let at = u32::try_from(bytes.len()).unwrap();
        let (length, named) = (u32::try_from(text.len()).unwrap(), u16::try_from(name.len()).unwrap());
        let mut common = vec![20, 0, 0, 0, 0, 0, 0, 0, 0, 0];
        common.extend(crc.sum().to_le_bytes());
        common.extend(length.to_le_bytes());
        common.extend(length.to_le_bytes());
        common.extend(named.to_le_bytes());
        common.extend([0, 0]);
        bytes.extend(*b"PK\x03\x04");
        bytes.extend(&common);
        bytes.extend(name.as_bytes());
        bytes.extend(text.as_bytes());
        directory.extend(*b"PK\x01\x02\x14\x00");
        directory.extend(&common);
        directory.extend([0; 10]);
        directory.extend(at.to_le_bytes());
        directory.extend(name.as_bytes());
    }
    let (at, count) = (u32::try_from(bytes.len()).unwrap(), u16::try_from(members.len()).unwrap());
    let length = u32::try_from(directory.len()).unwrap();
    bytes.extend(&directory);
    bytes.extend(*b"PK\x05\x06\0\0\0\0");
    bytes.extend(count.to_le_bytes());
    bytes.extend(count.to_le_bytes());
    bytes.extend(length.to_le_bytes());
    bytes.extend(at.to_le_bytes());
    bytes.extend([0, 0]);
    bytes
}

#[test]
fn a_fault_keeps_its_id_when_names_and_records_come_later() {
    let place = Place::new();
    place.import(&record("GHSA-1", "2025-01-10", "2025-01-10", "", "x"), false);
    place.import(&record("PYSEC-1", "2025-01-05", "2025-02-01", "\"CVE-2025-1\",\"GHSA-1\"", "x"), false);
    let database = place.database();
    assert_eq!(faults(&database, "x"), [pair("GHSA-1", "GHSA-1"), pair("PYSEC-1", "GHSA-1")]);
    let shown = database.by_name("CVE-2025-1").unwrap();
    assert_eq!((shown.len(), shown[0].names.len()), (2, 3));
    // The older record goes; the fault stays what it was.
    place.import(&record("PYSEC-1", "2025-01-05", "2025-03-01", "\"CVE-2025-1\"", "x"), true);
    assert_eq!(faults(&place.database(), "x"), [pair("PYSEC-1", "GHSA-1")]);
    // What is withdrawn says nothing, and is still shown.
    let withdrawn = record("PYSEC-1", "2025-01-05", "2025-04-01", "", "x")
        .replace("\"affected\"", "\"withdrawn\":\"2025-04-01T00:00:00Z\",\"affected\"");
    place.import(&withdrawn, false);
    let database = place.database();
    assert!(faults(&database, "x").is_empty());
    assert_eq!(database.by_name("PYSEC-1").unwrap().len(), 1);
}

#[test]
fn statements_are_found_by_any_name_and_replaced_by_document() {
    let place = Place::new();
    let text = |status: &str| {
        format!(
            r#"{{"@context":"https://openvex.dev/ns/v0.2.0","@id":"urn:x","author":"Ana","timestamp":"2025-05-01T10:00:00Z","version":1,
            "statements":[{{"vulnerability":{{"name":"CVE-1","aliases":["GHSA-1"]}},"products":[{{"@id":"pkg:pypi/x"}}],"status":"{status}"}}]}}"#
        )
    };
    let database = place.database();
    for status in ["fixed", "under_investigation"] {
        let document = VexDocument::read(text(status).as_bytes(), &Limits::default()).unwrap();
        database.import_vex(&document).unwrap();
    }
    let names: BTreeSet<String> = ["GHSA-1".to_owned(), "CVE-1".to_owned()].into();
    let found = database.statements(&names).unwrap();
    assert_eq!((found.len(), found[0].status.name()), (1, "under_investigation"));
    assert_eq!(database.all_statements().unwrap().len(), 1);
}

#[test]
fn a_copy_holds_the_same() {
    let place = Place::new();
    place.import(&record("A-1", "2025-01-01", "2025-01-01", "", "x"), false);
    let copy = place.folder.path().join("copy.db");
    Vulnerabilities::copy(&place.folder.path().join(FILE), &copy).unwrap();
    assert_eq!(faults(&Vulnerabilities::open(&copy).unwrap(), "x"), [pair("A-1", "A-1")]);
}

#[test]
fn what_is_no_database_is_refused_and_a_failed_import_changes_nothing() {
    let place = Place::new();
    let other =
        place.file("other.db", b"not a database, but a text that is long enough to be looked at as one");
    assert!(Vulnerabilities::open(&other).is_err());
    assert!(Vulnerabilities::open(&place.folder.path().join("none.db")).is_err());
    place.import(&record("A-1", "2025-01-01", "2025-01-01", "", "x"), false);
    let wrong = place.file("wrong.json", b"records, they said");
    assert!(place.database().import(&wrong, true, Timestamp::default(), &Limits::default()).is_err());
    assert_eq!(place.database().status().unwrap().records, 1);
}
