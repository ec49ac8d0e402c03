//! Each lake is one of its own: what crossed to one has not crossed to another, and no two share a name.

use std::path::Path;

use crate::cli::{PATIENT, Place};

/// How many records were written, and how many had crossed before.
fn ingested(place: &Place, args: &[&str]) -> (u64, u64) {
    let done = place.json(0, &[&["ingest", "good.ndjson"][..], args].concat());
    let count = |pointer: &str| done.pointer(pointer).and_then(serde_json::Value::as_u64).unwrap();
    let again = count("/counts/again");
    (count("/counts/records") - again, again)
}

fn place() -> Place {
    let place = Place::new();
    place.write("good.ndjson", PATIENT);
    place
}

fn files(place: &Place, lake: &str) -> usize {
    std::fs::read_dir(place.0.path().join(lake).join("Patient")).map_or(0, Iterator::count)
}

fn taken_away(place: &Place, lake: &str) {
    std::fs::remove_dir_all(place.0.path().join(lake)).unwrap();
}

fn copied(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let to = to.join(entry.file_name());
        if entry.path().is_dir() {
            copied(&entry.path(), &to);
        } else {
            std::fs::copy(entry.path(), to).unwrap();
        }
    }
}

#[test]
fn two_lakes_of_one_name_are_refused_and_two_of_two_names_are_two() {
    let place = place();
    assert_eq!(ingested(&place, &["--to", "x1/lake"]), (1, 0));
    let refused = place.ends(2, &["ingest", "good.ndjson", "--to", "x2/lake"]);
    assert!(refused.contains("x1/lake") && refused.contains("--name"), "{refused}");
    assert!(!place.0.path().join("x2").exists(), "nothing is made where nothing is written");
    for bad in ["a/b", "", "..", "-x", "a b"] {
        place.ends(2, &["ingest", "good.ndjson", "--to", "x2/lake", &format!("--name={bad}")]);
    }
    place.ends(2, &["ingest", "good.ndjson", "--to", "good.ndjson"]);
    place.ends(2, &["ingest", "good.ndjson", "--to", "good.ndjson/lake"]);
    assert_eq!(ingested(&place, &["--to", "x2/lake", "--name", "second"]), (1, 0));
    assert_eq!(files(&place, "x2/lake"), 1);
    assert_eq!(ingested(&place, &["--to", "x2/lake"]), (0, 1), "it keeps its name");
    assert_eq!(ingested(&place, &["--to", "./x1/../x1/lake"]), (0, 1), "one place has one name");
    let bills = place.clear(&["bom"]);
    assert_eq!(bills.lines().collect::<Vec<_>>(), ["lake/Patient", "second/Patient"]);
    place.ends(2, &["ingest", "good.ndjson", "--to", "x2/lake", "--name", "lake"]);
    place.clear(&["ledger", "verify"]);
}

#[test]
fn a_lake_taken_away_is_filled_again_and_one_moved_is_known() {
    let place = place();
    assert_eq!(ingested(&place, &["--to", "lake"]), (1, 0));
    taken_away(&place, "lake");
    assert_eq!(ingested(&place, &["--to", "lake"]), (1, 0), "a lake made anew is a new one");
    taken_away(&place, "lake/Patient");
    assert_eq!(ingested(&place, &["--to", "lake"]), (1, 0), "nothing is left of it but its mark");
    assert_eq!(ingested(&place, &["--to", "lake"]), (0, 1));
    let bill = |args: &[&str]| {
        let bill: serde_json::Value = serde_json::from_str(&place.clear(&[&["bom"], args].concat())).unwrap();
        let component = bill.pointer("/metadata/component").unwrap().clone();
        let named = |name: &str| -> Vec<String> {
            let properties = component["properties"].as_array().unwrap().iter();
            let named = properties.filter(|property| property["name"] == name);
            named.map(|property| property["value"].as_str().unwrap().to_owned()).collect()
        };
        let files = component["components"].as_array().unwrap().len();
        (files, named("lazaret:destination"), named("lazaret:destination.earlier"))
    };
    let (count, now, earlier) = bill(&["lake/Patient"]);
    assert_eq!((count, now.len(), earlier.len()), (1, 1, 2), "it lists what is in the lake of today");
    assert_eq!(bill(&["lake", "--lake", &now[0]]), (1, now.clone(), earlier.clone()));
    assert_eq!(bill(&["lake", "--lake", &earlier[0]]), (1, vec![earlier[0].clone()], vec![]));
    let page = place.clear(&["bom", "lake", "--page"]);
    assert!(page.contains(&earlier[0]) && page.contains(&earlier[1]));
    let refused = place.ends(2, &["bom", "lake", "--lake", "another"]);
    assert!(refused.contains(&now[0]), "{refused}");
    place.clear(&["ledger", "verify"]);
    std::fs::rename(place.0.path().join("lake"), place.0.path().join("moved")).unwrap();
    assert_eq!(ingested(&place, &["--to", "moved"]), (0, 1), "it took its mark along");
    copied(&place.0.path().join("moved"), &place.0.path().join("copy"));
    let refused = place.ends(2, &["ingest", "good.ndjson", "--to", "copy"]);
    assert!(refused.contains("moved"), "{refused}");
    taken_away(&place, "moved");
    assert_eq!(ingested(&place, &["--to", "elsewhere/lake"]), (1, 0), "its name is free, and it is another");
}

#[test]
fn a_lake_of_before_lakes_had_ids_goes_on_under_its_name() {
    let place = place();
    assert_eq!(ingested(&place, &["--to", "old"]), (1, 0));
    // As the version before left it: no mark, no list, and records known by the lake's name.
    std::fs::remove_file(place.0.path().join("old/.lake.json")).unwrap();
    std::fs::remove_file(place.0.path().join("lazaret-data/lakes.json")).unwrap();
    ingested(&place, &["--to", "old"]);
    let mark = std::fs::read_to_string(place.0.path().join("old/.lake.json")).unwrap();
    assert!(mark.contains(r#""id":"old""#), "{mark}");
    assert_eq!(ingested(&place, &["--to", "old"]), (0, 1));
    assert_eq!(
        ingested(&place, &["--to", "old", "--name", "new"]),
        (0, 1),
        "a new name makes it no other lake"
    );
    place.write("old/.lake.json", "{}");
    place.ends(3, &["ingest", "good.ndjson", "--to", "old"]);
}

#[test]
fn a_copy_of_data_directory_and_lake_knows_its_own() {
    let place = place();
    assert_eq!(ingested(&place, &["--to", "lake"]), (1, 0));
    let copy = place.0.path().join("copy");
    for folder in ["lazaret-data", "lake"] {
        copied(&place.0.path().join(folder), &copy.join(folder));
    }
    let data = ["--data", "copy/lazaret-data", "--key-file", "lazaret-data.key"];
    assert_eq!(ingested(&place, &[&["--to", "copy/lake"], &data[..]].concat()), (0, 1));
}

#[test]
fn a_restored_data_directory_knows_its_lakes() {
    let place = place();
    assert_eq!(ingested(&place, &["--to", "x1/lake"]), (1, 0));
    place.clear(&["backup", "copy"]);
    place.clear(&["restore", "copy", "--data", "other", "--key-file", "lazaret-data.key"]);
    let other = ["--data", "other", "--key-file", "lazaret-data.key"];
    place.ends(2, &[&["ingest", "good.ndjson", "--to", "x2/lake"], &other[..]].concat());
    assert_eq!(ingested(&place, &[&["--to", "x1/lake"], &other[..]].concat()), (0, 1));
}
