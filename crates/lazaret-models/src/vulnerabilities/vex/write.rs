//! VEX documents of what was found: OpenVEX 0.2.0 and CycloneDX 1.6. A fault of a pinned version is `affected`, one that may
//! be there is `under_investigation`; what somebody else says of it is passed on with its reason.
//!
//! The products are packages by their URLs, in the file that names them by its digest, never by its path: a document may
//! leave the house.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::{Status, is_of_openvex};
use crate::vulnerabilities::check::{Concern, Match};

/// Which format is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum VexFormat {
    /// OpenVEX 0.2.0.
    OpenVex,
    /// CycloneDX 1.6.
    CycloneDx,
}

/// What stands at the top of a document.
#[derive(Debug, Clone)]
pub struct VexHead {
    /// Who writes it.
    pub author: String,
    /// When (RFC 3339).
    pub at: String,
    /// An id of the document's own: a UUID.
    pub uuid: String,
}

/// Writes a document of what was found in files: each with its SHA-256, where that is known, and its faults. Nothing where
/// nothing was found: a document without statements is none.
pub fn write_vex(format: VexFormat, head: &VexHead, files: &[(Option<String>, Vec<Match>)]) -> Option<Value> {
    // One statement for each fault of a package: its fingerprint, which the same fault has in every file.
    let mut faults: BTreeMap<&str, Fault<'_>> = BTreeMap::new();
    for (digest, matches) in files {
        for one in matches {
            let found = faults.entry(&one.fingerprint).or_insert_with(|| (one, BTreeSet::new()));
            if weight(one) > weight(found.0) {
                found.0 = one;
            }
            found.1.insert((&one.purl, digest.as_deref()));
        }
    }
    if faults.is_empty() {
        return None;
    }
    let faults: Vec<Fault<'_>> = faults.into_values().collect();
    Some(match format {
        VexFormat::OpenVex => openvex(head, &faults),
        VexFormat::CycloneDx => cyclonedx(head, &faults),
    })
}

/// A fault, and where it is: packages, and the file that names each.
type Fault<'m> = (&'m Match, BTreeSet<(&'m str, Option<&'m str>)>);

/// Of the same fault in two files, the graver case is told.
fn weight(one: &Match) -> (Status, bool) {
    (status(one), one.concern == Concern::Affected)
}

fn status(one: &Match) -> Status {
    match &one.said {
        Some(said) if said.counts => said.status,
        _ if one.concern == Concern::Affected => Status::Affected,
        _ => Status::UnderInvestigation,
    }
}

/// What is to be done.
fn action(one: &Match) -> String {
    if let Some(action) = one.said.as_ref().filter(|said| said.counts).and_then(|said| said.action.clone()) {
        return action;
    }
    match one.fixed.last() {
        Some(version) => format!("take version {version} or later"),
        None => "no version without it is known: do not load the model where others can reach it".to_owned(),
    }
}

fn openvex(head: &VexHead, faults: &[Fault<'_>]) -> Value {
    let statements: Vec<Value> = faults
        .iter()
        .map(|(one, places)| {
            let others: Vec<&String> = one.names.iter().filter(|name| **name != one.fault).collect();
            let products: Vec<Value> = places.iter().map(|(purl, file)| product(purl, *file)).collect();
            let is = status(one);
            let mut statement = json!({
                "@id": format!("urn:lazaret:vulnerability:{}", one.fingerprint),
                "vulnerability": { "name": one.fault, "aliases": others },
                "timestamp": head.at,
                "products": products,
                "status": is.name(),
            });
            let Some(fields) = statement.as_object_mut() else { return statement };
            match is {
                Status::NotAffected => {
                    let reason = one.said.as_ref().and_then(|said| said.reason.clone()).unwrap_or_default();
                    let is_word = is_of_openvex(&reason);
                    fields.insert(
                        if is_word { "justification" } else { "impact_statement" }.to_owned(),
                        reason.into(),
                    );
                }
                Status::Affected => {
                    fields.insert("action_statement".to_owned(), action(one).into());
                }
                Status::Fixed | Status::UnderInvestigation => {}
            }
            if let Some(said) = one.said.as_ref().filter(|said| said.counts) {
                let notes = format!("as {} says in {}", said.author, said.document);
                fields.insert("status_notes".to_owned(), notes.into());
            }
            statement
        })
        .collect();
    json!({
        "@context": "https://openvex.dev/ns/v0.2.0",
        "@id": format!("urn:uuid:{}", head.uuid),
        "author": head.author,
        "timestamp": head.at,
        "version": 1,
        "tooling": concat!("lazaret ", env!("CARGO_PKG_VERSION")),
        "statements": statements,
    })
}

/// A package, or a file with the package in it.
fn product(purl: &str, file: Option<&str>) -> Value {
    let package = json!({ "@id": purl, "identifiers": { "purl": purl } });
    match file {
        Some(digest) => {
            json!({ "@id": format!("urn:sha256:{digest}"), "hashes": { "sha-256": digest }, "subcomponents": [package] })
        }
        None => package,
    }
}

fn cyclonedx(head: &VexHead, faults: &[Fault<'_>]) -> Value {
    let mut components = BTreeMap::new();
    let mut dependencies: BTreeMap<String, BTreeSet<&str>> = BTreeMap::new();
    for (purl, file) in faults.iter().flat_map(|(_, places)| places) {
        let (name, version) = name_and_version(purl);
        let mut component = json!({ "type": "library", "bom-ref": purl, "name": name, "purl": purl });
        if let (Some(version), Some(fields)) = (version, component.as_object_mut()) {
            fields.insert("version".to_owned(), version.into());
        }
        components.insert((*purl).to_owned(), component);
        if let Some(digest) = file {
            let reference = format!("urn:sha256:{digest}");
            let hashes = [json!({ "alg": "SHA-256", "content": digest })];
            let file = json!({ "type": "machine-learning-model", "bom-ref": reference, "name": digest, "hashes": hashes });
            components.insert(reference.clone(), file);
            dependencies.entry(reference).or_default().insert(purl);
        }
    }
    let dependencies: Vec<Value> =
        dependencies.iter().map(|(file, packages)| json!({ "ref": file, "dependsOn": packages })).collect();
    let vulnerabilities: Vec<Value> = faults.iter().map(|fault| vulnerability(fault, head)).collect();
    json!({
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": format!("urn:uuid:{}", head.uuid),
        "version": 1,
        "metadata": {
            "timestamp": head.at,
            "tools": { "components": [{ "type": "application", "name": "lazaret", "version": env!("CARGO_PKG_VERSION") }] },
            "authors": [{ "name": head.author }],
        },
        "components": components.into_values().collect::<Vec<_>>(),
        "dependencies": dependencies,
        "vulnerabilities": vulnerabilities,
    })
}

fn vulnerability((one, places): &Fault<'_>, head: &VexHead) -> Value {
    let packages: BTreeSet<&str> = places.iter().map(|(purl, _)| *purl).collect();
    let affects: Vec<Value> = packages.iter().map(|purl| json!({ "ref": purl })).collect();
    let source = |name: &str| json!({ "name": name.split(['-', ':']).next().unwrap_or(name) });
    let references: Vec<Value> = one
        .names
        .iter()
        .filter(|name| **name != one.fault)
        .map(|name| json!({ "id": name, "source": source(name) }))
        .collect();
    let is = status(one);
    let state = match is {
        Status::NotAffected => "not_affected",
        Status::Fixed => "resolved",
        Status::UnderInvestigation => "in_triage",
        Status::Affected => "exploitable",
    };
    let mut analysis = json!({ "state": state, "lastUpdated": head.at });
    let mut rating = json!({ "severity": one.severity.name() });
    if let (Some(score), Some(fields)) = (one.score, rating.as_object_mut()) {
        fields.insert("score".to_owned(), score.into());
    }
    let said = one.said.as_ref().filter(|said| said.counts);
    if let (Some(said), Some(fields)) = (said, analysis.as_object_mut()) {
        let reason = said.reason.as_deref().unwrap_or_default();
        let word = CYCLONEDX.iter().find(|(word, _)| *word == reason).map(|(_, word)| *word);
        if let Some(word) = word.filter(|_| is == Status::NotAffected) {
            fields.insert("justification".to_owned(), word.into());
        }
        let detail = if reason.is_empty() { String::new() } else { format!(": {reason}") };
        fields.insert(
            "detail".to_owned(),
            format!("as {} says in {}{detail}", said.author, said.document).into(),
        );
    }
    let mut vulnerability = json!({
        "bom-ref": one.fingerprint,
        "id": one.fault,
        "source": source(&one.fault),
        "references": references,
        "ratings": [rating],
        "affects": affects,
        "analysis": analysis,
    });
    if let Some(fields) = vulnerability.as_object_mut() {
        if !one.summary.is_empty() {
            fields.insert("description".to_owned(), one.summary.clone().into());
        }
        if is == Status::Affected {
            fields.insert("recommendation".to_owned(), action(one).into());
        }
    }
    vulnerability
}

/// What CycloneDX calls the justifications of OpenVEX.
const CYCLONEDX: &[(&str, &str)] = &[
    ("component_not_present", "requires_dependency"),
    ("vulnerable_code_not_present", "code_not_present"),
    ("vulnerable_code_not_in_execute_path", "code_not_reachable"),
    ("vulnerable_code_cannot_be_controlled_by_adversary", "requires_environment"),
    ("inline_mitigations_already_exist", "protected_by_mitigating_control"),
];

fn name_and_version(purl: &str) -> (&str, Option<&str>) {
    let rest = purl.split_once('/').map_or(purl, |(_, rest)| rest);
    rest.split_once('@').map_or((rest, None), |(name, version)| (name, Some(version)))
}
