//! Bills of materials and lineage, from real ledgers.

use std::path::Path;

use jsonschema::{Registry, Validator};
use lazaret_core::{Basis, Ending, Entry, HoldId, Ledger as _, Mode, Opened, Seal, Verdict};
use lazaret_ledger::{BomError, CycloneDx, Node, Phi, RESIDUE, SqliteLedger, ancestry, bom, bom_view};
use serde_json::Value;

use crate::support::{crossing, entry, ledger, opened, seal};

fn schema(name: &str) -> Value {
    let text = match name {
        "bom-1.6" => include_str!("../../../../testdata/cyclonedx/bom-1.6.SNAPSHOT.schema.json"),
        "bom-1.7" => include_str!("../../../../testdata/cyclonedx/bom-1.7.SNAPSHOT.schema.json"),
        "spdx" => include_str!("../../../../testdata/cyclonedx/spdx.SNAPSHOT.schema.json"),
        "jsf-0.82" => include_str!("../../../../testdata/cyclonedx/jsf-0.82.SNAPSHOT.schema.json"),
        _ => include_str!("../../../../testdata/cyclonedx/cryptography-defs.SNAPSHOT.schema.json"),
    };
    parse(text)
}

fn parse(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

fn validate(document: &Value, version: &str) {
    let mut registry = Registry::new();
    for name in ["spdx", "jsf-0.82", "cryptography-defs"] {
        let uri = format!("http://cyclonedx.org/schema/{name}.SNAPSHOT.schema.json");
        registry = registry.add(uri, schema(name)).unwrap();
    }
    let registry = registry.prepare().unwrap();
    let schema = schema(&format!("bom-{version}"));
    let validator: Validator = jsonschema::options()
        .offline()
        .with_registry(&registry)
        .should_validate_formats(true)
        .build(&schema)
        .unwrap();
    let errors: Vec<String> =
        validator.iter_errors(document).map(|error| format!("{}: {error}", error.instance_path())).collect();
    assert_eq!(errors, [] as [String; 0], "{version}");
    // The validator does look: a document without its version is refused.
    let mut broken = document.clone();
    broken.as_object_mut().unwrap().remove("specVersion");
    assert!(!validator.is_valid(&broken));
    broken = document.clone();
    broken["metadata"]["component"]["data"][0]["type"] = serde_json::json!("nonsense");
    assert!(!validator.is_valid(&broken));
}

/// A crossing with records of two kinds and one held, and its seal with two datasets.
fn two_kinds(n: u64) -> (Opened, Vec<Entry>, Seal) {
    let mut entries: Vec<Entry> = (0..4).map(|record| entry(n, record)).collect();
    entries[2].kind = "Observation".into();
    entries[2].phi = [("DATE".to_owned(), 3)].into();
    entries[2].edits = [("DATE generalise".to_owned(), 3)].into();
    entries[3].verdict = Verdict::Quarantine;
    entries[3].held = Some(HoldId { crossing: crossing(n), record: 3 });
    entries[3].digest_out = None;
    entries[3].edits.clear();
    let mut seal = seal(n, &entries, Ending::Complete);
    seal.outputs[0].records = 2;
    let mut other = seal.outputs[0].clone();
    other.dataset = "lake/Observation".into();
    other.name = format!("Observation/part-{n}.parquet");
    other.records = 1;
    seal.outputs.push(other);
    (opened(n), entries, seal)
}

fn pass(ledger: &SqliteLedger, (opened, entries, seal): (Opened, Vec<Entry>, Seal)) {
    ledger.open(&opened).unwrap();
    ledger.record(opened.crossing, entries).unwrap();
    ledger.seal(&seal).unwrap();
}

fn filled(folder: &Path) -> SqliteLedger {
    let ledger = ledger(&folder.join("ledger.db"));
    pass(&ledger, two_kinds(1));
    pass(&ledger, two_kinds(2));
    ledger.open(&opened(3)).unwrap();
    let (_, _, mut cut) = two_kinds(3);
    cut.ending = Ending::Cut;
    ledger.seal(&cut).unwrap();
    ledger
}

#[test]
fn it_is_valid_and_the_same_bytes_each_time() {
    let folder = tempfile::tempdir().unwrap();
    let ledger = filled(folder.path());
    for dataset in ["lake", "lake/Patient", "lake/Observation"] {
        for version in [CycloneDx::V1_6, CycloneDx::V1_7] {
            let text = bom(ledger.reader(), dataset, None, version).unwrap();
            let document = parse(&text);
            validate(&document, version.name());
            assert_eq!(document["specVersion"], version.name());
            assert_eq!(text, bom(ledger.reader(), dataset, None, version).unwrap());
            assert!(text.contains(RESIDUE));
            assert!(!text.contains("de-identified") && !text.contains("anonym"));
        }
    }
    let before = bom(ledger.reader(), "lake", None, CycloneDx::V1_6).unwrap();
    let serial = |text: &str| parse(text)["serialNumber"].clone();
    pass(&ledger, two_kinds(4));
    let after = bom(ledger.reader(), "lake", None, CycloneDx::V1_6).unwrap();
    assert_ne!(serial(&before), serial(&after));
    assert_ne!(serial(&before), serial(&bom(ledger.reader(), "lake", None, CycloneDx::V1_7).unwrap()));
}

#[test]
fn it_answers_what_from_where_tokenised_how_each_with_its_entry() {
    let folder = tempfile::tempdir().unwrap();
    let ledger = filled(folder.path());
    let view = bom_view(ledger.reader(), "lake/Patient", None).unwrap();
    assert!(view.exact);
    assert_eq!((view.records, view.outputs.len(), view.crossings.len()), (4, 2, 2));
    let labels: Vec<_> = view.phi.iter().map(|phi| (phi.label.as_str(), phi.found, phi.unedited)).collect();
    // Two patients in each of two crossings; the held one and the observation are not counted.
    assert_eq!(labels, [("MRN", 4, 0), ("NAME.patient", 8, 0)]);
    assert_eq!(view.phi[0].actions["token"], 4);
    assert_eq!(view.phi[0].at, [1, 3].into());
    assert_eq!(view.bases[0].at, [0, 2].into());
    assert_eq!(view.sources.len(), 2);
    assert_eq!(view.timestamp, "2025-11-25T14:20:13.009Z");
    let document = parse(&bom(ledger.reader(), "lake/Patient", None, CycloneDx::V1_6).unwrap());
    let component = &document["metadata"]["component"];
    for item in component["data"].as_array().unwrap().iter().skip(1) {
        let properties = item["contents"]["properties"].as_array().unwrap();
        let index = properties.iter().find(|property| property["name"] == "lazaret:ledger-index").unwrap();
        for at in index["value"].as_str().unwrap().split(',') {
            assert!(ledger.reader().leaf(at.parse().unwrap()).unwrap().is_some());
        }
    }
    assert_eq!(component["components"][0]["hashes"][0]["alg"], "SHA-256");
    assert_eq!(component["data"][0]["sensitiveData"][0], "MRN: 4 found, 4 replaced by tokens");
}

#[test]
fn counts_that_cannot_be_told_apart_are_said_to_be_of_the_whole() {
    let folder = tempfile::tempdir().unwrap();
    let ledger = ledger(&folder.path().join("ledger.db"));
    let (opened, entries, mut seal) = two_kinds(1);
    seal.outputs[0].records = 7;
    pass(&ledger, (opened, entries, seal));
    let view = bom_view(ledger.reader(), "lake/Patient", None).unwrap();
    assert!(!view.exact);
    assert_eq!(view.phi[1].found, 3);
    assert!(bom(ledger.reader(), "lake/Patient", None, CycloneDx::V1_7).unwrap().contains("whole crossings"));
}

#[test]
fn a_gate_that_observed_changed_nothing_and_the_bom_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let ledger = ledger(&folder.path().join("ledger.db"));
    let (mut opened, entries, seal) = two_kinds(1);
    opened.mode = Mode::Observe;
    opened.basis = Basis::Expert;
    pass(&ledger, (opened, entries, seal));
    let view = bom_view(ledger.reader(), "lake/Patient", None).unwrap();
    assert_eq!((view.phi[0].found, view.phi[0].unedited), (2, 2));
    assert!(view.classification.iter().any(|said| said.contains("changed nothing")));
    let found = ancestry(ledger.reader(), "lake/Patient", 100).unwrap();
    assert!(found.raw_phi());
}

#[test]
fn a_dataset_nobody_made_has_no_bom() {
    let folder = tempfile::tempdir().unwrap();
    let ledger = filled(folder.path());
    for name in ["lak", "lake/", "lake/Patient/x", "", "lake/Pat"] {
        assert!(matches!(bom_view(ledger.reader(), name, None), Err(BomError::NoDataset)), "{name}");
    }
}

#[test]
fn lineage_leads_from_the_sources_over_the_crossings_to_the_dataset() {
    let folder = tempfile::tempdir().unwrap();
    let ledger = filled(folder.path());
    let found = ancestry(ledger.reader(), "lake/Patient", 100).unwrap();
    assert_eq!((found.nodes.len(), found.edges.len(), found.complete), (4, 4, true));
    assert!(found.nodes.contains(&Node::Crossing { id: crossing(2).to_string() }));
    assert!(found.edges.iter().all(|edge| edge.phi != Phi::Raw));
    assert!(found.edges.iter().any(|edge| edge.phi == Phi::Edited && edge.ledger_index == 1));
    assert_eq!(ancestry(ledger.reader(), "lake", 100).unwrap().nodes.len(), 4);
    let cut = ancestry(ledger.reader(), "lake/Patient", 1).unwrap();
    assert!(!cut.complete);
    assert!(!cut.cut_at.is_empty());
    assert!(ancestry(ledger.reader(), "none", 100).unwrap().nodes.is_empty());
}
