//! Labelled model files: what runs code is blocked with a rule and a place, what is doubtful is held, and what a library
//! itself writes is read whole and passes.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use lazaret_core::{Limits, Severity};
use lazaret_models::{Inspected, Report, look_file};

fn testdata() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testdata/models")
}

/// All files below a path, in order.
pub(crate) fn files(path: &Path, found: &mut Vec<PathBuf>) {
    if path.is_dir() {
        let mut inside: Vec<_> =
            std::fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path()).collect();
        inside.sort();
        for path in inside {
            files(&path, found);
        }
    } else {
        found.push(path.to_owned());
    }
}

fn looked(path: &Path) -> Vec<Report> {
    let mut found = Vec::new();
    files(path, &mut found);
    assert!(!found.is_empty(), "{}", path.display());
    found.iter().map(|path| look_file(path, &Limits::default()).unwrap()).collect()
}

fn worst(report: &Report) -> Option<Severity> {
    report.findings.iter().map(|finding| finding.severity).max()
}

fn is_right(label: &str, reports: &[Report]) -> bool {
    match label {
        "malicious" => reports.iter().any(|report| {
            let critical = report.findings.iter().filter(|finding| finding.severity == Severity::Critical);
            critical.clone().count() > 0
                && critical.clone().all(|finding| !matches!(finding.at.as_str(), "" | "."))
        }),
        "suspicious" => reports.iter().any(|report| worst(report) >= Some(Severity::Medium)),
        _ => reports
            .iter()
            .all(|report| report.inspected == Inspected::Whole && worst(report) <= Some(Severity::Info)),
    }
}

#[test]
fn labelled_files_are_told_apart() {
    let mut families = BTreeMap::new();
    for set in ["generated", "upstream", "real_benign"] {
        let folder = testdata().join(set);
        let labels =
            lazaret_input::read_file(&folder.join("labels.jsonl"), lazaret_core::Limit::new("test", 1 << 20))
                .unwrap();
        for line in std::str::from_utf8(&labels).unwrap().lines() {
            let label: serde_json::Value = serde_json::from_str(line).unwrap();
            let (path, is) = (label["path"].as_str().unwrap(), label["label"].as_str().unwrap());
            let reports = looked(&folder.join(path));
            assert!(is_right(is, &reports), "{set}/{path} is {is}: {reports:#?}");
            *families.entry((is.to_owned(), label["family"].as_str().unwrap().to_owned())).or_insert(0) += 1;
        }
    }
    assert!(families.len() > 40, "{families:?}");
}

/// The same bytes under another name, or none, are said to be the same, and as grave.
#[test]
fn a_name_decides_nothing() {
    let folder = testdata().join("generated/pickle");
    let renamed = tempfile::tempdir().unwrap();
    let mut found = Vec::new();
    files(&folder, &mut found);
    for path in found {
        let copy = renamed.path().join("x");
        std::fs::copy(&path, &copy).unwrap();
        let (named, nameless) =
            (look_file(&path, &Limits::default()).unwrap(), look_file(&copy, &Limits::default()).unwrap());
        assert_eq!((named.format, worst(&named)), (nameless.format, worst(&nameless)), "{}", path.display());
    }
}
