//! Findings of model files as SARIF 2.1.0 (OASIS), within what GitHub takes: 20 runs a file, 25,000 results a run, 20 tags
//! a rule. Model files are binary, so every result is at line 1; the exact place stands in the logical location and, where
//! it is a byte of the file, in the region.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::io::Write;
use std::path::{Component, Path, PathBuf, is_separator};

use lazaret_core::{Finding, Rule, Severity, hex};
use lazaret_models::OwnRules;
use lazaret_models::vulnerabilities::{Concern, Match};
use serde::ser::{Serialize, SerializeMap as _, Serializer};
use serde_json::{Value, json};

use super::FileReport;
use crate::exit::CliError;
use crate::report::json_document;

/// Most results of one run.
const RESULTS: usize = 25_000;
/// Most runs of one file.
const RUNS: usize = 20;

/// A finding, its file, and the fingerprint of the fault that it tells, if it is one of a package.
struct Found<'r> {
    uri: &'r str,
    finding: &'r Finding,
    fault: Option<&'r str>,
}

fn found<'r>(report: &'r FileReport, uri: &'r str) -> impl Iterator<Item = Found<'r>> {
    report.findings.iter().map(move |finding| {
        let tells = |one: &&Match| {
            one.concern == Concern::Affected
                && one.rule == finding.id
                && one.at == finding.at
                && one.message == finding.message
        };
        let fault = report.vulnerabilities.iter().find(tells).map(|one| one.fingerprint.as_str());
        Found { uri, finding, fault }
    })
}

/// Writes the findings of all files as one document, one result after the other.
pub(super) fn write(out: &mut impl Write, reports: &[FileReport], own: &OwnRules) -> Result<(), CliError> {
    let here = std::env::current_dir().map_err(|error| CliError::failed("the current folder", error))?;
    let uris: Vec<String> = reports.iter().map(|report| uri_of(&report.lies, &here)).collect();
    let results: Vec<Found<'_>> =
        reports.iter().zip(&uris).flat_map(|(report, uri)| found(report, uri)).collect();
    if results.len() > RESULTS * RUNS {
        return Err(CliError::Usage(format!(
            "{} findings: a SARIF file takes {} at most; give fewer files at once",
            results.len(),
            RESULTS * RUNS
        )));
    }
    let mut used: BTreeMap<&str, Severity> = BTreeMap::new();
    for Found { finding, .. } in &results {
        let worst = used.entry(finding.id).or_insert(finding.severity);
        *worst = finding.severity.max(*worst);
    }
    let rules = described_rules(&used, own);
    let ids: Vec<&str> = used.into_keys().collect();
    // A document without findings has a run too: that nothing was found is a result.
    let parts: Vec<&[Found<'_>]> =
        if results.is_empty() { vec![&[]] } else { results.chunks(RESULTS).collect() };
    let root = format!("{}/", file_uri(&here).trim_end_matches('/'));
    let run = |(number, results)| Run { number, results, root: &root, rules: &rules, ids: &ids };
    let runs: Vec<Run<'_>> = (1..).zip(parts).map(run).collect();
    json_document(out, &Document { runs: &runs })?;
    Ok(())
}

/// A document, written as its runs are.
struct Document<'r> {
    runs: &'r [Run<'r>],
}

impl Serialize for Document<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(3))?;
        map.serialize_entry(
            "$schema",
            "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json",
        )?;
        map.serialize_entry("version", "2.1.0")?;
        map.serialize_entry("runs", self.runs)?;
        map.end()
    }
}

/// A run. Its results are made as they are written, for there may be many.
struct Run<'r> {
    number: usize,
    results: &'r [Found<'r>],
    /// The folder from which paths are told.
    root: &'r str,
    rules: &'r [Value],
    /// The ids of the rules, sorted.
    ids: &'r [&'r str],
}

impl Serialize for Run<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(5))?;
        let driver = json!({
            "name": "lazaret",
            "semanticVersion": env!("CARGO_PKG_VERSION"),
            "rules": self.rules,
        });
        map.serialize_entry("tool", &json!({ "driver": driver }))?;
        let id = format!("lazaret/models/{}/", self.number);
        map.serialize_entry("automationDetails", &json!({ "id": id }))?;
        map.serialize_entry("originalUriBaseIds", &json!({ ROOT: { "uri": self.root } }))?;
        map.serialize_entry("columnKind", "unicodeCodePoints")?;
        map.serialize_entry("results", &Results(self))?;
        map.end()
    }
}

struct Results<'r>(&'r Run<'r>);

impl Serialize for Results<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.results.iter().map(|found| result(found, self.0.ids)))
    }
}

/// The rules that found something, each with the gravest that it found: of severities, services read the rule's alone.
fn described_rules(used: &BTreeMap<&str, Severity>, own: &OwnRules) -> Vec<Value> {
    let known: BTreeMap<&str, &'static Rule> = lazaret_models::rules()
        .into_iter()
        .chain(lazaret_input::RULES.iter().copied())
        .chain(lazaret_core::CORE_RULES)
        .map(|rule| (rule.id, rule))
        .collect();
    let described = used.iter().map(|(id, severity)| match own.rule(id) {
        Some(own) => described(id, &own.what, *severity, &own.page(), &["security".to_owned()]),
        None => rule(id, known.get(id).copied(), *severity),
    });
    described.collect()
}

fn rule(id: &str, rule: Option<&'static Rule>, severity: Severity) -> Value {
    let title = rule.map_or(id, |rule| rule.title);
    let page = lazaret_models::page(id).unwrap_or_else(|| title.to_owned());
    let mut tags = vec!["security".to_owned()];
    if let Some(model) = lazaret_models::rule(id) {
        tags.extend(model.cwe.iter().map(|number| format!("external/cwe/cwe-{number:03}")));
        tags.extend(model.atlas.iter().map(|technique| format!("external/mitre-atlas/{technique}")));
    }
    described(id, title, severity, &page, &tags)
}

fn described(id: &str, title: &str, severity: Severity, page: &str, tags: &[String]) -> Value {
    json!({
        "id": id,
        "name": name(id),
        "shortDescription": { "text": title },
        "fullDescription": { "text": title },
        "help": { "text": page, "markdown": page },
        "defaultConfiguration": { "level": level(severity) },
        "properties": {
            "tags": tags,
            "precision": "high",
            "security-severity": score(severity),
            "problem.severity": level(severity),
        },
    })
}

fn result(found: &Found<'_>, ids: &[&str]) -> Value {
    let Found { uri, finding, fault } = found;
    let at = finding.at.as_str();
    let mut region = json!({ "startLine": 1 });
    let offset = at.rsplit_once('@').and_then(|(_, offset)| offset.parse::<u64>().ok());
    if let (Some(offset), Some(region)) = (offset, region.as_object_mut()) {
        region.insert("byteOffset".to_owned(), offset.into());
    }
    // The same fault of the same file has the same fingerprint wherever the folder lies.
    let mut text = Vec::new();
    for part in [finding.id, uri, at] {
        text.extend_from_slice(part.as_bytes());
        text.push(0);
    }
    let digest = ring::digest::digest(&ring::digest::SHA256, &text);
    let of_place = hex(digest.as_ref().get(..16).unwrap_or_default());
    // A fault of a package is the same fault wherever it is declared: one ticket.
    let fingerprint = fault.map_or(of_place, str::to_owned);
    let mut fingerprints = json!({ "primaryLocationLineHash": fingerprint });
    if let (Some(fault), Some(fields)) = (fault, fingerprints.as_object_mut()) {
        fields.insert("lazaretVulnerability/v1".to_owned(), (*fault).into());
    }
    let mut artifact = json!({ "uri": uri });
    if let (false, Some(fields)) = (uri.starts_with(FILE), artifact.as_object_mut()) {
        fields.insert("uriBaseId".to_owned(), ROOT.into());
    }
    json!({
        "ruleId": finding.id,
        "ruleIndex": ids.binary_search(&finding.id).unwrap_or(0),
        "level": level(finding.severity),
        "message": { "text": finding.message },
        "locations": [{
            "physicalLocation": { "artifactLocation": artifact, "region": region },
            "logicalLocations": [{ "fullyQualifiedName": at, "kind": "member" }],
        }],
        "partialFingerprints": fingerprints,
        "properties": { "security-severity": score(finding.severity), "severity": finding.severity.name() },
    })
}

/// A rule's id as SARIF names rules: `pickle.dangerous-call` is `PickleDangerousCall`.
fn name(id: &str) -> String {
    let words = id.split(['.', '-']).map(|word| {
        let mut letters = word.chars();
        letters.next().map(|first| first.to_ascii_uppercase()).into_iter().chain(letters).collect::<String>()
    });
    words.collect()
}

const fn level(severity: Severity) -> &'static str {
    match severity {
        Severity::Critical | Severity::High => "error",
        Severity::Medium | Severity::Low => "warning",
        Severity::Info => "note",
    }
}

/// GitHub shows 9.0 and above as critical, 7.0 as high, 4.0 as medium.
const fn score(severity: Severity) -> &'static str {
    match severity {
        Severity::Critical => "9.5",
        Severity::High => "8.0",
        Severity::Medium => "5.5",
        Severity::Low => "2.0",
        Severity::Info => "0.0",
    }
}

/// The name of the folder from which paths are told, as code scanning services know it.
const ROOT: &str = "%SRCROOT%";
/// What the URI of an absolute path begins with (RFC 8089).
const FILE: &str = "file:///";

/// A path as a reference (RFC 3986): below the current folder relative to it, as it stands in a repository; else absolute.
fn uri_of(path: &Path, here: &Path) -> String {
    let mut steps: Vec<&OsStr> = Vec::new();
    for step in path.strip_prefix(here).unwrap_or(path).components() {
        match step {
            Component::Normal(step) => steps.push(step),
            Component::CurDir => {}
            Component::ParentDir if steps.pop().is_some() => {}
            _ => return file_uri(&here.join(path)),
        }
    }
    encoded(&steps.iter().collect::<PathBuf>())
}

/// An absolute path as a URI. A step up is taken by its name, as a shell does.
fn file_uri(path: &Path) -> String {
    let mut plain = PathBuf::new();
    for step in path.components() {
        match step {
            Component::CurDir => {}
            Component::ParentDir => {
                plain.pop();
            }
            step => plain.push(step),
        }
    }
    format!("{FILE}{}", encoded(&plain).trim_start_matches('/'))
}

fn encoded(path: &Path) -> String {
    let mut uri = String::new();
    for byte in path.as_os_str().as_encoded_bytes() {
        match byte {
            byte if is_separator(char::from(*byte)) => uri.push('/'),
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                uri.push(char::from(*byte));
            }
            byte => {
                uri.push('%');
                uri.push_str(&hex(&[*byte]).to_ascii_uppercase());
            }
        }
    }
    uri
}

#[cfg(test)]
mod tests {
    use lazaret_core::{FormatId, Locator, Verdict};
    use lazaret_models::Inspected;

    use super::*;

    fn document(findings: usize) -> Value {
        let finding = |n: usize| Finding {
            id: if n.is_multiple_of(2) { "pickle.dangerous-call" } else { "input.uninspectable" },
            severity: if n < 2 { Severity::Low } else { Severity::Critical },
            at: Locator::printed(format!("model.pkl@{n}")),
            message: "calls `os.system`, which starts programs".to_owned(),
        };
        let report = FileReport {
            path: "model.pkl".to_owned(),
            lies: PathBuf::from("./a folder/model.pkl"),
            format: FormatId("pickle"),
            inspected: Inspected::Whole,
            verdict: Verdict::Block,
            findings: (0..findings).map(finding).collect(),
            sha256: None,
            components: Vec::new(),
            vulnerabilities: Vec::new(),
        };
        let mut out = Vec::new();
        write(&mut out, &[report], &OwnRules::none()).unwrap();
        serde_json::from_str(&String::from_utf8(out).unwrap()).unwrap()
    }

    #[test]
    fn documents_are_valid_and_within_what_github_takes() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../testdata/sarif/sarif-schema-2.1.0.json");
        // One pattern of the schema has a bracket alone, which JavaScript takes for itself and this validator refuses.
        let schema =
            crate::exit::read_text(std::path::Path::new(path), lazaret_core::Limit::new("test", 1 << 20))
                .unwrap()
                .replace("[a-zA-Z]{2}]?$", "[a-zA-Z]{2}\\\\]?$");
        let schema: Value = serde_json::from_str(&schema).unwrap();
        let schema = jsonschema::validator_for(&schema).unwrap();
        for findings in [0, 1, 30_000] {
            let document = document(findings);
            let faults: Vec<String> =
                schema.iter_errors(&document).take(3).map(|fault| fault.to_string()).collect();
            assert!(faults.is_empty(), "{faults:?}");
            let runs = document["runs"].as_array().unwrap();
            assert!(
                runs.len() <= RUNS
                    && runs.iter().all(|run| run["results"].as_array().unwrap().len() <= RESULTS)
            );
            let all: usize = runs.iter().map(|run| run["results"].as_array().unwrap().len()).sum();
            assert_eq!(all, findings);
        }
        let first = &document(2)["runs"][0]["results"][0];
        let place = &first["locations"][0]["physicalLocation"];
        assert_eq!(place["artifactLocation"]["uri"], "a%20folder/model.pkl");
        assert_eq!(place["artifactLocation"]["uriBaseId"], ROOT);
        assert_eq!((&place["region"]["startLine"], &place["region"]["byteOffset"]), (&1.into(), &0.into()));
    }

    #[test]
    fn a_rule_is_as_grave_as_the_gravest_of_what_it_found() {
        for (findings, score) in [(2, "2.0"), (4, "9.5"), (30_000, "9.5")] {
            let document = document(findings);
            for run in document["runs"].as_array().unwrap() {
                for rule in run["tool"]["driver"]["rules"].as_array().unwrap() {
                    assert_eq!(rule["properties"]["security-severity"], score, "{findings}: {}", rule["id"]);
                }
            }
        }
    }

    #[test]
    fn a_path_is_told_as_it_stands_in_the_repository_or_whole() {
        let uri = |path: &str| uri_of(Path::new(path), Path::new("/home/ana/my repo"));
        assert_eq!(uri("models/a/model.pkl"), "models/a/model.pkl");
        assert_eq!(uri("./models/../models/a b.pkl"), "models/a%20b.pkl");
        assert_eq!(uri("../else/m.pkl"), "file:///home/ana/else/m.pkl");
        assert_eq!(uri("/tmp/m.pkl"), "file:///tmp/m.pkl");
        assert_eq!(uri("/home/ana/my repo/m.pkl"), "m.pkl");
    }
}
