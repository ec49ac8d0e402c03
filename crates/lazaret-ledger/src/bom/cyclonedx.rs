//! A bill of materials as CycloneDX JSON, 1.6 and 1.7 (ECMA-424).
//!
//! The dataset is the component the document is about; each statement is a `data` item of its own, whose
//! properties carry the value and `lazaret:ledger-index`, the entries it is read from. Files are components
//! within the dataset, sources are components it depends on.

use std::collections::BTreeSet;

use lazaret_core::hex;
use serde_json::{Map, Value, json};

use crate::bom::{BomError, BomPhi, BomView, Stated, bom_view};
use crate::canonical::to_canonical;
use crate::merkle::sha256;
use crate::read::LedgerReader;

/// Which version of CycloneDX is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CycloneDx {
    /// 1.6.
    V1_6,
    /// 1.7.
    V1_7,
}

impl CycloneDx {
    /// Reads `1.6` or `1.7`.
    pub fn parse(text: &str) -> Option<Self> {
        [Self::V1_6, Self::V1_7].into_iter().find(|version| version.name() == text)
    }

    /// The version's number.
    pub const fn name(self) -> &'static str {
        match self {
            Self::V1_6 => "1.6",
            Self::V1_7 => "1.7",
        }
    }
}

/// The bill of materials of a dataset: canonical JSON, the same bytes for the same ledger.
pub fn bom(
    reader: &LedgerReader,
    dataset: &str,
    destination: Option<&str>,
    version: CycloneDx,
) -> Result<String, BomError> {
    let view = bom_view(reader, dataset, destination)?;
    with_serial_number(document(&view, version))
}

/// A document as canonical JSON, with a serial number that follows from its content.
pub(super) fn with_serial_number(mut document: Value) -> Result<String, BomError> {
    let content = to_canonical(&document)?;
    if let Some(members) = document.as_object_mut() {
        members.insert("serialNumber".to_owned(), json!(format!("urn:uuid:{}", uuid(&content))));
    }
    Ok(to_canonical(&document)? + "\n")
}

fn document(view: &BomView, version: CycloneDx) -> Value {
    let dataset = dataset_ref(view);
    let sources: Vec<Value> = view
        .sources
        .iter()
        .map(|source| {
            json!({
                "type": "data",
                "bom-ref": source_ref(&source.digest, &source.system),
                "name": source.system,
                "version": source.digest,
                "description": "a source, by the keyed digest of its name",
                "properties": [
                    property("lazaret:ledger-index", &indexes(&source.at)),
                    property("lazaret:source.digest", &source.digest),
                    property("lazaret:source.system", &source.system),
                ],
            })
        })
        .collect();
    let refs: Vec<String> =
        view.sources.iter().map(|source| source_ref(&source.digest, &source.system)).collect();
    let mut dependencies = vec![json!({"ref": dataset, "dependsOn": refs})];
    dependencies.extend(refs.iter().map(|source| json!({ "ref": source })));
    json!({
        "$schema": format!("http://cyclonedx.org/schema/bom-{}.schema.json", version.name()),
        "bomFormat": "CycloneDX",
        "specVersion": version.name(),
        "version": 1,
        "metadata": {
            "timestamp": view.timestamp,
            "tools": {"components": [
                {"type": "application", "name": "lazaret", "version": env!("CARGO_PKG_VERSION")},
            ]},
            "component": component(view, &dataset),
        },
        "components": sources,
        "dependencies": dependencies,
    })
}

fn component(view: &BomView, dataset: &str) -> Value {
    let files: Vec<Value> = view
        .outputs
        .iter()
        .map(|output| {
            let file = &output.output;
            json!({
                "type": "file",
                "bom-ref": format!("file:{}#{}@{}", file.dataset, file.name, output.at),
                "name": file.name,
                "hashes": [{"alg": "SHA-256", "content": file.sha256}],
                "properties": [
                    property("lazaret:bytes", &file.bytes.to_string()),
                    property("lazaret:dataset", &file.dataset),
                    property("lazaret:ledger-index", &output.at.to_string()),
                    property("lazaret:records", &file.records.to_string()),
                ],
            })
        })
        .collect();
    let mut properties = vec![
        property("lazaret:ledger-origin", &view.origin),
        property("lazaret:records", &view.records.to_string()),
        property("lazaret:phi.scope", scope(view)),
    ];
    properties.extend(view.destination.iter().map(|id| property("lazaret:destination", id)));
    properties.extend(view.earlier.iter().map(|id| property("lazaret:destination.earlier", id)));
    properties.extend(view.crossings.iter().flat_map(|crossing| {
        let at = BTreeSet::from([crossing.opened_at, crossing.sealed_at]);
        [
            property("lazaret:crossing", &crossing.crossing),
            property("lazaret:ledger-index", &indexes(&at)),
            property("lazaret:held", &crossing.held.to_string()),
        ]
    }));
    json!({
        "type": "data",
        "bom-ref": dataset,
        "name": view.dataset,
        "version": view.timestamp,
        "description": format!("{} records in {} files", view.records, view.outputs.len()),
        "data": data(view),
        "components": files,
        "properties": properties,
    })
}

fn scope(view: &BomView) -> &'static str {
    if view.exact {
        "counts are of the records in this dataset"
    } else {
        "counts are of the whole crossings, with records that were held or went elsewhere"
    }
}

/// The dataset first, then one item for each statement.
fn data(view: &BomView) -> Vec<Value> {
    let organisations = |statements: &mut dyn Iterator<Item = &str>| -> Vec<Value> {
        let names: BTreeSet<&str> = statements.collect();
        names.into_iter().map(|name| json!({"organization": {"name": name}})).collect()
    };
    let owners = organisations(&mut view.sources.iter().map(|source| source.system.as_str()));
    let custodians = organisations(&mut view.destinations.iter().map(|to| to.value.as_str()));
    let mut items = vec![json!({
        "type": "dataset",
        "name": view.dataset,
        "classification": view.classification.join("; "),
        "sensitiveData": view.phi.iter().map(phi_sentence).collect::<Vec<_>>(),
        "governance": {"owners": owners, "custodians": custodians},
    })];
    items.extend(view.phi.iter().map(|phi| {
        let mut properties = vec![
            property("lazaret:phi.label", &phi.label),
            property("lazaret:phi.found", &phi.found.to_string()),
            property("lazaret:phi.unedited", &phi.unedited.to_string()),
        ];
        properties.extend(
            phi.actions
                .iter()
                .map(|(action, count)| property(&format!("lazaret:phi.{action}"), &count.to_string())),
        );
        item(&format!("phi {}", phi.label), &phi_sentence(phi), properties, &phi.at)
    }));
    for (name, sentence, statements) in [
        ("sensitivity", "records claim special protection", &view.sensitivity),
        ("basis", "the legal basis on which the data crossed", &view.bases),
        ("purpose", "what the data may be used for", &view.purposes),
        ("profile", "the table of what becomes of each identifier", &view.profiles),
        ("policy", "digest of the policy set that decided", &view.policies),
        ("detector", "a format or detector that inspected, with its version", &view.detectors),
        ("mode", "whether verdicts were carried out or only recorded", &view.modes),
        ("destination", "where the data was written", &view.destinations),
    ] {
        items.extend(statements.iter().map(|stated| statement(name, sentence, stated)));
    }
    items
}

fn statement(name: &str, sentence: &str, stated: &Stated) -> Value {
    let property = property(&format!("lazaret:{name}"), &stated.value);
    item(&format!("{name} {}", stated.value), sentence, vec![property], &stated.at)
}

fn item(name: &str, sentence: &str, mut properties: Vec<Value>, at: &BTreeSet<u64>) -> Value {
    properties.push(property("lazaret:ledger-index", &indexes(at)));
    json!({"type": "other", "name": name, "description": sentence, "contents": {"properties": properties}})
}

/// `MRN: 12 found, 12 replaced by tokens`.
fn phi_sentence(phi: &BomPhi) -> String {
    let mut parts = vec![format!("{}: {} found", phi.label, phi.found)];
    for (action, count) in &phi.actions {
        let done = match action.as_str() {
            "token" => "replaced by tokens",
            "redact" => "removed",
            "surrogate" => "replaced by made-up values",
            "shift" => "shifted in time",
            "generalise" => "made coarser",
            "keep" => "kept as they were",
            _ => "edited",
        };
        parts.push(format!("{count} {done}"));
    }
    if phi.unedited > 0 {
        parts.push(format!("{} not edited", phi.unedited));
    }
    parts.join(", ")
}

pub(super) fn property(name: &str, value: &str) -> Value {
    let mut members = Map::new();
    members.insert("name".to_owned(), json!(name));
    members.insert("value".to_owned(), json!(value));
    Value::Object(members)
}

pub(super) fn indexes(at: &BTreeSet<u64>) -> String {
    at.iter().map(u64::to_string).collect::<Vec<_>>().join(",")
}

fn dataset_ref(view: &BomView) -> String {
    format!("dataset:{}", view.dataset)
}

fn source_ref(digest: &str, system: &str) -> String {
    format!("source:{system}#{digest}")
}

/// A UUID of version 8 (RFC 9562, 5.8) from the content's SHA-256.
fn uuid(content: &str) -> String {
    let mut bytes = sha256(content.as_bytes());
    for (number, byte) in bytes.iter_mut().enumerate() {
        match number {
            6 => *byte = *byte & 0x0f | 0x80,
            8 => *byte = *byte & 0x3f | 0x80,
            _ => {}
        }
    }
    let text = hex(&bytes);
    let part = |from: usize, to: usize| text.get(from..to).unwrap_or_default();
    [part(0, 8), part(8, 12), part(12, 16), part(16, 20), part(20, 32)].join("-")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_serial_number_is_a_uuid_of_version_8() {
        let uuid = uuid("content");
        assert_eq!(uuid.len(), 36);
        assert_eq!(uuid.chars().nth(14), Some('8'));
        assert!(matches!(uuid.chars().nth(19), Some('8' | '9' | 'a' | 'b')));
        assert_ne!(uuid, super::uuid("other"));
    }
}
