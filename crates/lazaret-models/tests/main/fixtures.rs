//! A format counts only with a file that is right and a file that is wrong. The first is read whole and has nothing above
//! information; a finding of the second names a place within it: a member, an offset, a node, a key.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use lazaret_core::{Limits, Severity};
use lazaret_models::{Inspected, Report, formats, look_file};

use super::corpus::files;

/// Formats that cannot have a file that is right, with the reason.
const NEVER_RIGHT: &[(&str, &str)] = &[
    ("elf", PROGRAM),
    ("pe", PROGRAM),
    ("mach-o", PROGRAM),
    ("llamafile", PROGRAM),
    ("java-class", PROGRAM),
    ("script", PROGRAM),
    ("zipapp", PROGRAM),
    ("tensorrt", "an engine is compiled code that nobody reads: it is refused, whatever is in it"),
    ("python-bytecode", "compiled code is told, whatever is in it"),
];

const PROGRAM: &str = "a program among models is refused, whatever is in it";

/// Formats whose wrong files are wrong as a whole, with the reason.
const WRONG_AS_A_WHOLE: &[(&str, &str)] = &[
    ("python-bytecode", "it is told as a whole; which names it has, the message says"),
    (
        "template",
        "a file that is a template is one text; where it lies in another, the place is the key it stands under",
    ),
    ("tensorflow-fingerprint", "it holds numbers alone: what is not made of them is another file"),
];

fn is_right(report: &Report) -> bool {
    report.inspected == Inspected::Whole
        && report.findings.iter().all(|finding| finding.severity == Severity::Info)
}

/// Whether a finding of medium or above stands at a place within the file.
fn is_wrong_within(report: &Report) -> bool {
    let grave = report.findings.iter().filter(|finding| finding.severity >= Severity::Medium);
    grave.map(|finding| finding.at.as_str()).any(|at| at.contains(['!', '@']))
}

#[test]
fn every_format_has_a_file_that_is_right_and_one_that_is_wrong() {
    let mut found = Vec::new();
    files(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testdata/models"), &mut found);
    let (mut right, mut wrong) = (BTreeMap::new(), BTreeMap::new());
    let mut known: BTreeSet<&str> = formats().iter().map(|format| format.id.0).collect();
    known.extend(lazaret_models::other_formats().map(|id| id.0));
    for path in found {
        let report = look_file(&path, &Limits::default()).unwrap();
        assert!(known.contains(report.format.0), "{} is in no list of formats", report.format);
        if is_right(&report) {
            right.entry(report.format.0).or_insert(path);
        } else if is_wrong_within(&report) {
            wrong.entry(report.format.0).or_insert(path);
        }
    }
    let mut missing = Vec::new();
    for format in formats() {
        let id = format.id.0;
        for (kind, has, excused) in [
            ("right", right.contains_key(id), NEVER_RIGHT),
            ("wrong", wrong.contains_key(id), WRONG_AS_A_WHOLE),
        ] {
            let excuse = excused.iter().any(|(excused, _)| *excused == id);
            if !has && !excuse {
                missing.push(format!("{id}: no file that is {kind}"));
            } else if has && excuse {
                missing.push(format!("{id}: there is a file that is {kind}: take its excuse out"));
            }
        }
    }
    assert!(missing.is_empty(), "{missing:#?}");
}
