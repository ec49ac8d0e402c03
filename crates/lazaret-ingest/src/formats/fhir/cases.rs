//! The validator against its cases: bad resources at their places, and good ones with nothing found.

use lazaret_core::{Findings, Limits, Severity};

use super::record::read;

/// The findings of medium or above of one record that begins at an offset of its file.
fn held(bytes: &[u8], offset: u64) -> Vec<(&'static str, String)> {
    let mut findings = Findings::new();
    read(bytes, offset, &Limits::default(), &mut findings);
    let held = findings.faults().iter().filter(|finding| finding.severity >= Severity::Medium);
    held.map(|finding| (finding.id, finding.at.to_string())).collect()
}

/// The findings of each line.
fn lines(file: &[u8]) -> Vec<Vec<(&'static str, String)>> {
    let mut offset = 0;
    let mut out = Vec::new();
    for line in file.split(|byte| *byte == b'\n') {
        if !line.is_empty() {
            out.push(held(line, offset));
        }
        offset += line.len() as u64 + 1;
    }
    out
}

macro_rules! testdata {
    ($name:literal) => {
        include_bytes!(concat!("../../../../../testdata/fhir/", $name)).as_slice()
    };
}

#[test]
fn each_of_the_bad_resources_is_held_at_its_place_and_none_of_the_mended() {
    let bad = lines(testdata!("bad32/bad32.ndjson"));
    let expected = std::str::from_utf8(testdata!("bad32/expected.jsonl")).unwrap();
    let mut rows = 0;
    for row in expected.lines() {
        let row: serde_json::Value = serde_json::from_str(row).unwrap();
        let found = match (row["file"].as_str().unwrap(), row["line"].as_u64()) {
            ("bad32.ndjson", Some(line)) => bad[usize::try_from(line).unwrap() - 1].clone(),
            ("bad-trailing-bytes.json", _) => held(testdata!("bad32/bad-trailing-bytes.json"), 0),
            ("bad-invalid-utf8.json", _) => held(testdata!("bad32/bad-invalid-utf8.json"), 0),
            ("bad-depth-10000.json", _) => held(testdata!("bad32/bad-depth-10000.json"), 0),
            _ => continue, // the XML files: in the tests of the format
        };
        rows += 1;
        let wanted = (row["rule"].as_str().unwrap(), row["at"].as_str().unwrap());
        assert!(found.iter().any(|(id, at)| (*id, at.as_str()) == wanted), "{wanted:?} not in {found:?}");
        assert_eq!(found.len(), 1, "{wanted:?}: {found:?}");
    }
    assert_eq!(rows, 32);
    for (index, found) in lines(testdata!("bad32/good32.ndjson")).iter().enumerate() {
        assert!(found.is_empty(), "twin {}: {found:?}", index + 1);
    }
}

#[test]
fn narratives_report_every_kind_of_fault() {
    let found = lines(testdata!("bad-narrative/patients.ndjson"));
    let ids: Vec<Vec<&str>> = found.iter().map(|of| of.iter().map(|(id, _)| *id).collect()).collect();
    assert_eq!(
        ids,
        [
            vec![],
            vec!["fhir.narrative-element"],
            vec!["fhir.narrative-malformed", "fhir.narrative-element"],
            vec!["fhir.narrative-attribute"],
            vec!["fhir.narrative-link-scheme"],
            vec!["fhir.narrative-remote-image"],
        ]
    );
    assert!(found.iter().flatten().all(|(_, at)| at == "Patient.text.div"));
}

#[test]
fn equal_keys_are_named_with_both_their_offsets_in_the_file() {
    let file = testdata!("bad-keys/conditions.ndjson");
    let duplicate = |at: &str| vec![("json.duplicate-key", at.to_owned())];
    assert_eq!(
        lines(file),
        [vec![], duplicate("Condition.subject"), duplicate("Condition.subject.reference")]
    );
    let second = file.split(|byte| *byte == b'\n').nth(1).unwrap();
    let mut findings = Findings::new();
    let first_line = file.iter().position(|byte| *byte == b'\n').unwrap() as u64 + 1;
    read(second, first_line, &Limits::default(), &mut findings);
    let message = &findings.faults()[0].message;
    assert!(message.contains("@142") && message.contains("@207"), "{message}");
}

#[test]
fn wrong_types_name_the_field_and_what_was_found() {
    let found = lines(testdata!("bad-types/mixed.ndjson"));
    let wanted = [
        Some(("fhir.type", "Patient.deceasedBoolean")),
        Some(("fhir.type", "Observation.valueQuantity.value")),
        None,
        Some(("fhir.unknown-element", "Patient[key#2]")),
        Some(("fhir.binding", "Patient.gender")),
        Some(("fhir.empty-object", "Patient.name[0]")),
    ];
    for (found, wanted) in found.iter().zip(wanted) {
        let wanted: Vec<(&str, String)> = wanted.into_iter().map(|(id, at)| (id, at.to_owned())).collect();
        assert_eq!(*found, wanted);
    }
}

#[test]
fn valid_resources_have_no_finding() {
    for file in [
        testdata!("valid/AllergyIntolerance.ndjson"),
        testdata!("valid/Condition.ndjson"),
        testdata!("valid/Device.ndjson"),
        testdata!("valid/DocumentReference.ndjson"),
        testdata!("valid/Encounter.ndjson"),
        testdata!("valid/Immunization.ndjson"),
        testdata!("valid/Location.ndjson"),
        testdata!("valid/MedicationRequest.ndjson"),
        testdata!("valid/Organization.ndjson"),
        testdata!("valid/Patient.ndjson"),
        testdata!("valid/Practitioner.ndjson"),
        testdata!("valid/PractitionerRole.ndjson"),
        testdata!("valid/Procedure.ndjson"),
    ] {
        let found = lines(file);
        assert!(found.len() == 3 && found.iter().all(Vec::is_empty), "{found:?}");
    }
}
