//! Records and statements as they are published, and what is written.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;

use jsonschema::{Registry, Validator};
use lazaret_core::{Hint, Limits, Severity, Timestamp};
use lazaret_input::MemorySource;
use lazaret_models::vulnerabilities::{
    Advisories, AdvisoriesError, Advisory, Concern, MAX_MATCHES, MAX_NAMES, Match, Named, Record, Statement,
    VexDocument, VexFormat, VexHead, check, graveness, join, version_has, write_vex,
};
use lazaret_models::{NoFolder, look};
use proptest::prelude::*;
use serde_json::Value;

fn testdata(path: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../testdata").join(path)
}

fn read(path: &str) -> Vec<u8> {
    lazaret_input::read_file(&testdata(path), lazaret_core::Limit::new("test", 1 << 20)).unwrap()
}

fn records() -> Vec<Record> {
    let text = String::from_utf8(read("docs/osv.jsonl")).unwrap();
    text.lines().map(|line| Record::read(line.as_bytes(), &Limits::default()).unwrap()).collect()
}

/// The records of the samples, without statements.
struct Samples(Vec<Record>);

impl Advisories for Samples {
    fn of_package(&self, ecosystem: &str, name: &str) -> Result<Arc<[Advisory]>, AdvisoriesError> {
        let named = self.0.iter().map(|record| Named {
            id: record.id.clone(),
            published: record.published.clone(),
            aliases: record.aliases.clone(),
        });
        let joined = join(&named.collect::<Vec<_>>(), &BTreeMap::new(), MAX_NAMES);
        let about = self.0.iter().filter(|record| {
            record.affected.iter().any(|one| one.ecosystem == ecosystem && one.name == name)
        });
        let advisory = |record: &Record| {
            let joined = joined.iter().find(|joined| joined.records.contains(&record.id)).unwrap();
            Advisory { record: record.clone(), fault: joined.fault.clone(), names: joined.names.clone() }
        };
        Ok(about.map(advisory).collect())
    }

    fn statements(&self, _: &BTreeSet<String>) -> Result<Vec<Statement>, AdvisoriesError> {
        Ok(Vec::new())
    }
}

/// What is found in a file.
fn found(name: &str, bytes: &[u8]) -> (Vec<(&'static str, Severity)>, Vec<Match>) {
    let source = Arc::new(MemorySource::new(bytes, Hint::default()));
    let report = look(source, bytes.len() as u64, name, &NoFolder, &Limits::default());
    let samples = Samples(records());
    let checked =
        check(&report.components, &samples, Timestamp::default(), &mut || None, MAX_MATCHES).unwrap();
    (checked.findings.iter().map(|finding| (finding.id, finding.severity)).collect(), checked.matches)
}

#[test]
fn samples_say_what_is_published_of_them() {
    for (id, package, last_bad, first_good, severity) in [
        ("GHSA-53q9-r3pm-6pq6", "torch", "2.5.1+cu124", "2.6.0", Severity::Critical),
        ("GHSA-48g7-3x6r-xfhp", "keras", "3.8.0", "3.9.0", Severity::High),
        ("GHSA-48g7-3x6r-xfhp", "keras", "3.0.0", "2.15.0", Severity::High),
        ("GHSA-hxxf-235m-72v3", "transformers", "4.47.1", "4.48.0", Severity::High),
        ("GHSA-xg73-94fp-g449", "mlflow", "2.2.0", "2.2.1", Severity::Critical),
        ("GHSA-jw8x-6495-233v", "scikit-learn", "1.5.0rc1", "1.5.0", Severity::Medium),
        ("GHSA-8q59-q68h-6hv4", "pyyaml", "5.3.1", "5.4", Severity::Critical),
        ("GHSA-6hrg-qmvc-2xh8", "joblib", "1.1.1", "1.2.0", Severity::Critical),
    ] {
        let bytes = read(&format!("vulnerabilities/{id}.json"));
        let record = Record::read(&bytes, &Limits::default()).unwrap();
        assert_eq!(version_has(&record, "PyPI", package, last_bad), Some(true), "{id} {last_bad}");
        assert_eq!(version_has(&record, "PyPI", package, first_good), Some(false), "{id} {first_good}");
        assert_eq!(graveness(&record, None).severity, severity, "{id}");
    }
}

#[test]
fn hostile_records_end_as_they_should() {
    let record =
        |name: &str| Record::read(&read(&format!("vulnerabilities/hostile/{name}")), &Limits::default());
    let nonsense = record("nonsense-events.json").unwrap();
    assert_eq!(version_has(&nonsense, "PyPI", "a", "5"), Some(false));
    assert_eq!(record("no-introduced.json").unwrap_err().at, "affected[0].ranges[0].events");
    assert_eq!(record("equal-keys.json").unwrap_err().at, "@20");
    let malicious = record("malicious-package.json").unwrap();
    assert_eq!(version_has(&malicious, "PyPI", "torchh", "99"), Some(true));
    assert_eq!(graveness(&malicious, None).severity, Severity::Critical);
    assert!(record("withdrawn.json").unwrap().withdrawn.is_some());
    assert!(record("cycle.json").is_err(), "a list is no record");
}

#[test]
fn files_are_checked_against_the_samples() {
    let (findings, matches) = found("requirements.txt", &read("docs/requirements.txt"));
    assert_eq!(
        findings,
        [
            ("vulnerability.unpinned", Severity::Info),
            ("vulnerability.known", Severity::Critical),
            ("vulnerability.possible", Severity::Low)
        ]
    );
    assert_eq!(matches[0].fingerprint, "8a2cae5b0a0c45e88e3dda0dcde3a35b");
    let (findings, matches) =
        found("metadata.json", br#"{"keras_version":"3.8.0","date_saved":"2025-01-01"}"#);
    assert_eq!(findings, [("vulnerability.writer", Severity::Info)]);
    assert_eq!(matches[0].concern, Concern::Writer);
    let (findings, _) = found("metadata.json", br#"{"keras_version":"3.9.0","date_saved":"2025-01-01"}"#);
    assert_eq!(findings, []);
    let conda = b"channels: [a]\ndependencies:\n- pytorch=2.1.0=py3_0\n- joblib=1.1\n";
    assert_eq!(
        found("conda.yaml", conda).0,
        [("vulnerability.known", Severity::Critical), ("vulnerability.known", Severity::Critical)]
    );
}

fn cyclonedx() -> (Registry<'static>, Value) {
    let parse = |name: &str| -> Value {
        serde_json::from_str(
            &String::from_utf8(read(&format!("cyclonedx/{name}.SNAPSHOT.schema.json"))).unwrap(),
        )
        .unwrap()
    };
    let mut registry = Registry::new();
    for name in ["spdx", "jsf-0.82", "cryptography-defs"] {
        let uri = format!("http://cyclonedx.org/schema/{name}.SNAPSHOT.schema.json");
        registry = registry.add(uri, parse(name)).unwrap();
    }
    (registry.prepare().unwrap(), parse("bom-1.6"))
}

#[test]
fn what_is_written_fits_the_schemas() {
    let (_, matches) = found("requirements.txt", &read("docs/requirements.txt"));
    let digest = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08";
    let head = VexHead {
        author: "Security Office".to_owned(),
        at: "2025-05-01T10:00:00.000Z".to_owned(),
        uuid: "3e671687-395b-41f5-a30f-a58921a69b79".to_owned(),
    };
    let files = [(Some(digest.to_owned()), matches)];
    let (registry, schema) = cyclonedx();
    let validator: Validator = jsonschema::options()
        .offline()
        .with_registry(&registry)
        .should_validate_formats(true)
        .build(&schema)
        .unwrap();
    let document = write_vex(VexFormat::CycloneDx, &head, &files).unwrap();
    let errors: Vec<String> =
        validator.iter_errors(&document).map(|error| format!("{}: {error}", error.instance_path())).collect();
    assert_eq!(errors, [] as [String; 0]);
    let named = document["vulnerabilities"].as_array().unwrap();
    assert!(named.iter().any(|one| one["bom-ref"] == "8a2cae5b0a0c45e88e3dda0dcde3a35b"));
    // The validator does look.
    let mut broken = document.clone();
    broken["vulnerabilities"][0]["analysis"]["state"] = "nonsense".into();
    assert!(!validator.is_valid(&broken));
    let schema: Value =
        serde_json::from_str(&String::from_utf8(read("openvex/openvex-0.2.0.schema.json")).unwrap()).unwrap();
    let validator: Validator =
        jsonschema::options().offline().should_validate_formats(true).build(&schema).unwrap();
    let document = write_vex(VexFormat::OpenVex, &head, &files).unwrap();
    let errors: Vec<String> =
        validator.iter_errors(&document).map(|error| format!("{}: {error}", error.instance_path())).collect();
    assert_eq!(errors, [] as [String; 0]);
    let id = format!("urn:lazaret:vulnerability:{}", "8a2cae5b0a0c45e88e3dda0dcde3a35b");
    assert!(
        document["statements"].as_array().unwrap().iter().any(|statement| statement["@id"] == id.as_str())
    );
    let mut broken = document.clone();
    broken["statements"][0]["status"] = "not_affected".into();
    assert!(!validator.is_valid(&broken), "a reason is missing");
    for document in ["openvex.json", "cyclonedx.json", "csaf.json"] {
        let document = VexDocument::read(&read(&format!("fuzz/vex/{document}")), &Limits::default()).unwrap();
        assert_eq!((document.statements.len(), document.left_out), (1, 0));
    }
}

proptest! {
    /// What is stored of a record is read again as it was.
    #[test]
    fn records_are_stored_and_read_again(
        id in "[A-Z]{3}-[0-9]{1,4}",
        aliases in proptest::collection::vec("[A-Z]{3}-[0-9]{1,4}", 0..4),
        version in "[0-9.]{1,6}",
        summary in "[a-z \"\\\\\u{e4}]{0,300}",
    ) {
        let text = serde_json::json!({
            "id": id, "modified": "2025-01-01T00:00:00.5Z", "aliases": aliases, "summary": summary,
            "affected": [{ "package": { "ecosystem": "PyPI", "name": "a.b" }, "versions": [version],
                "ranges": [{ "type": "GIT", "events": [{ "introduced": "0" }] }, { "type": "SEMVER", "events": [{ "introduced": version }] }] }],
        });
        let record = Record::read(text.to_string().as_bytes(), &Limits::default()).unwrap();
        let stored = serde_json::to_string(&record).unwrap();
        prop_assert_eq!(&serde_json::from_str::<Record>(&stored).unwrap(), &record);
        prop_assert_eq!((record.affected[0].ranges.len(), record.affected[0].name.as_str()), (1, "a-b"));
    }
}
