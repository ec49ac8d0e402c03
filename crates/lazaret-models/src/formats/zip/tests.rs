//! Archives, looked at as a file is.

use std::sync::Arc;

use lazaret_core::{Finding, Hint, Limits, Severity};
use lazaret_input::MemorySource;
use proptest::prelude::*;

use crate::{Inspected, NoFolder, Report, look};

const PICKLE: &[u8] = b"\x80\x02N.";
/// Names the storage `0`, of two numbers, as `torch.save` does.
const STORAGE: &[u8] =
    b"\x80\x02(X\x07\0\0\0storagectorch\nFloatStorage\nX\x01\0\0\x000X\x03\0\0\0cpuK\x02tQ.";

fn looked_at(bytes: Vec<u8>, name: &str) -> Report {
    let len = bytes.len() as u64;
    look(Arc::new(MemorySource::new(bytes, Hint::default())), len, name, &NoFolder, &Limits::default())
}

/// Stored members, as `torch.save` and `zipfile` write them.
pub(super) fn zip(members: &[(&str, &[u8])]) -> Vec<u8> {
    let (mut bytes, mut directory) = (Vec::new(), Vec::new());
    for (name, body) in members {
        let at = u32::try_from(bytes.len()).unwrap();
        let (len, name_len) = (u32::try_from(body.len()).unwrap(), u16::try_from(name.len()).unwrap());
        let sizes = [[0; 4], len.to_le_bytes(), len.to_le_bytes()].concat();
        let name_len = name_len.to_le_bytes();
        bytes.extend([b"PK\x03\x04\x14\0".as_slice(), &[0; 8], &sizes, &name_len, &[0; 2]].concat());
        bytes.extend([name.as_bytes(), body].concat());
        directory
            .extend([b"PK\x01\x02\x14\0\x14\0".as_slice(), &[0; 8], &sizes, &name_len, &[0; 12]].concat());
        directory.extend([&at.to_le_bytes(), name.as_bytes()].concat());
    }
    let count = u16::try_from(members.len()).unwrap().to_le_bytes();
    let end = [
        b"PK\x05\x06\0\0\0\0".as_slice(),
        &count,
        &count,
        &u32::try_from(directory.len()).unwrap().to_le_bytes(),
        &u32::try_from(bytes.len()).unwrap().to_le_bytes(),
        &[0; 2],
    ]
    .concat();
    [bytes, directory, end].concat()
}

fn found<'a>(report: &'a Report, id: &str) -> Option<&'a Finding> {
    report.findings.iter().find(|finding| finding.id == id)
}

#[test]
fn a_plain_torch_file_has_no_finding_whatever_its_weights_look_like() {
    let inner = zip(&[("archive/data.pkl", PICKLE)]);
    let weights = [b"MZ\x90\0\x7fELF#!/bin/sh\ncos\nsystem\n".as_slice(), &inner].concat();
    let members: [(&str, &[u8]); 4] = [
        ("archive/data.pkl", STORAGE),
        ("archive/byteorder", b"little"),
        ("archive/data/0", &weights),
        ("archive/version", b"3\n"),
    ];
    let report = looked_at(zip(&members), "model.pt");
    assert_eq!((report.format.0, report.inspected), ("torch-zip", Inspected::Whole), "{:?}", report.findings);
    assert_eq!(report.findings, []);
}

#[test]
fn a_program_or_a_pickle_is_no_tensor() {
    let mut elf = b"\x7fELF\x02\x01\x01".to_vec();
    elf.resize(64, 0);
    (elf[18], elf[20], elf[52]) = (62, 1, 64);
    let members: [(&str, &[u8]); 3] = [("a/data.pkl", PICKLE), ("a/data/0", &elf), ("a/version", b"3\n")];
    let report = looked_at(zip(&members), "model.pt");
    let finding = found(&report, "executable.program").unwrap();
    assert_eq!((finding.at.as_str(), finding.severity), ("model.pt!a/data/0", Severity::Critical));
}

#[test]
fn what_a_program_of_torch_unpickles_is_no_tensor() {
    let pickles: [&[u8]; 2] =
        [b"cos\nsystem\n(S'x'\ntR.", b"\x80\x02cos\nsystem\nX\x01\0\0\0x\x85R.trailing"];
    let list = br#"{"config": {"w": {"path_name": "weight_0", "use_pickle": true}, "v": {"path_name": "weight_1", "use_pickle": false}}}"#;
    let told = |name: &str, pickle: &[u8]| {
        let members: [(&str, &[u8]); 4] = [
            ("x/archive_format", b"pt2"),
            ("x/data/weights/model_weights_config.json", list),
            ("x/data/constants/model_constants_config.json", br#"{"config": {}}"#),
            (name, pickle),
        ];
        let report = looked_at(zip(&members), "model.pt2");
        assert_eq!(report.format.0, "torch-export");
        found(&report, "pickle.dangerous-global").map(|finding| finding.at.as_str().to_owned())
    };
    for pickle in pickles {
        for name in
            ["x/data/weights/weight_0", "x/data/constants/opaque_obj_0", "x/data/constants/custom_obj_3"]
        {
            assert_eq!(told(name, pickle), Some(format!("model.pt2!{name}")), "{}", pickle.escape_ascii());
        }
        assert_eq!(told("x/data/weights/weight_1", pickle), None, "{}", pickle.escape_ascii());
    }
}

#[test]
fn a_program_is_critical_where_it_hides_and_high_under_its_own_name() {
    let elf = b"\x7fELF\x02\x01\x01\0\0\0\0\0".to_vec();
    for (name, severity) in [
        ("model.safetensors", Severity::Critical),
        ("libx.so", Severity::High),
        ("libx.so.1.2", Severity::High),
        ("program", Severity::High),
    ] {
        let report = looked_at(elf.clone(), name);
        assert_eq!(found(&report, "executable.program").unwrap().severity, severity, "{name}");
    }
    let script = looked_at(b"#! /usr/bin/env python\nimport os\n".to_vec(), "model.pt");
    assert_eq!(found(&script, "executable.program").unwrap().severity, Severity::Critical);
    assert!(found(&looked_at(b"#!important heading\n".to_vec(), "a.bin"), "executable.program").is_none());
    let app = looked_at(zip(&[("__main__.py", b"")]), "model.zip");
    assert_eq!(found(&app, "executable.program").unwrap().at.as_str(), "model.zip!__main__.py");
}

#[test]
fn operators_that_reach_out_are_told_and_those_of_pytorch_are_not() {
    let judged = |call: &str| {
        let code =
            format!("class M(Module):\n  def forward(self, x: Tensor) -> Tensor:\n    return {call}\n");
        let members: [(&str, &[u8]); 4] = [
            ("m/data.pkl", PICKLE),
            ("m/code/__torch__.py", code.as_bytes()),
            ("m/constants.pkl", PICKLE),
            ("m/version", b"3\n"),
        ];
        let report = looked_at(zip(&members), "m.pt");
        assert_eq!(report.format.0, "torchscript");
        report.findings.into_iter().map(|finding| (finding.id, finding.severity)).collect::<Vec<_>>()
    };
    assert_eq!(judged("torch.relu(x)"), []);
    assert_eq!(judged("ops.quantized.linear(x, annotate(str, \"ops.aten.save\"))"), []);
    let reaches_out = [("torchscript.reaches-out", Severity::Critical)];
    assert_eq!(judged("ops.aten.save(x, \"/tmp/x\")"), reaches_out);
    assert_eq!(judged("torch.from_file(\"/etc/passwd\", False, 8)"), reaches_out);
    assert_eq!(judged("ops.image.write_file(\"x\", x)"), reaches_out);
    assert_eq!(judged("ops.other.run(x)"), [("torchscript.custom-operator", Severity::Medium)]);
}

#[test]
fn links_and_names_that_leave_the_folder_are_critical() {
    let report = looked_at(zip(&[("../../a.pkl", PICKLE)]), "a.zip");
    let finding = found(&report, "archive.path-escapes").unwrap();
    assert_eq!((finding.severity, finding.at.as_str()), (Severity::Critical, "a.zip!../../a.pkl"));
    for (target, id) in [("/etc/passwd", "archive.path-escapes"), ("other.pkl", "archive.link")] {
        let mut bytes = zip(&[("link", target.as_bytes())]);
        let central = memchr::memmem::find(&bytes, b"PK\x01\x02").unwrap();
        bytes[central + 38..central + 42].copy_from_slice(&(0o120_777_u32 << 16).to_le_bytes());
        assert!(found(&looked_at(bytes, "a.zip"), id).is_some(), "{target}");
    }
}

#[test]
fn what_stands_before_an_archive_is_told_and_looked_at() {
    let inner = zip(&[("archive/data.pkl", PICKLE)]);
    let report = looked_at([b"\x89PNG\r\n\x1a\n".as_slice(), &inner].concat(), "model.pt");
    assert!(found(&report, "archive.prefix").is_some() && found(&report, "format.polyglot").is_some());
    let report = looked_at([PICKLE, &inner].concat(), "model.pt");
    assert!(found(&report, "format.polyglot").is_some());
}

#[test]
fn one_member_that_cannot_be_read_hides_no_other() {
    let mut bytes = zip(&[("a/first", b"x"), ("../second", PICKLE)]);
    bytes[2] = 7;
    let report = looked_at(bytes, "a.zip");
    assert_eq!(found(&report, "archive.member-unreadable").unwrap().at.as_str(), "a.zip!a/first");
    assert!(found(&report, "archive.path-escapes").is_some());
    assert_eq!(report.inspected, Inspected::Part);
}

proptest! {
    #[test]
    fn changed_archives_end_without_a_panic(
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8),
        cut in any::<prop::sample::Index>(),
    ) {
        let members: [(&str, &[u8]); 3] = [("a/data.pkl", PICKLE), ("a/code/x.py", b"ops.a.b(c)"), ("a/constants.pkl", PICKLE)];
        let mut bytes = zip(&members);
        for (at, byte) in changes {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        looked_at(bytes.clone(), "a.pt");
        bytes.truncate(cut.index(bytes.len()));
        looked_at(bytes, "a.pt");
    }
}

/// A wheel of these members, whose list names each, and of members that its list does not name.
fn wheel(listed: &[(&str, &[u8])], unlisted: &[(&str, &[u8])]) -> Report {
    let about: [(&str, &[u8]); 2] = [
        (
            "a-1.0.dist-info/METADATA",
            b"Name: a\nRequires-Dist: numpy==1.26.0; extra == 'x'\n\nRequires-Dist: no\n",
        ),
        ("a-1.0.dist-info/WHEEL", b"Wheel-Version: 1.0\n"),
    ];
    let files = [listed, &about].concat();
    let mut record = String::new();
    for (name, bytes) in &files {
        let digest = ring::digest::digest(&ring::digest::SHA256, bytes);
        let digest = lazaret_input::base64::encode(digest.as_ref()).replace('+', "-").replace('/', "_");
        let name = if name.contains(',') { format!("\"{name}\"") } else { (*name).to_owned() };
        record = format!("{record}{name},sha256={},\n", digest.trim_end_matches('='));
    }
    record.push_str("a-1.0.dist-info/RECORD,,\n");
    let record: (&str, &[u8]) = ("a-1.0.dist-info/RECORD", record.as_bytes());
    looked_at(zip(&[&files, unlisted, &[record]].concat()), "a-1.0-py3-none-any.whl")
}

#[test]
fn a_wheel_is_read_with_what_it_says_of_itself() {
    let report = wheel(&[("a/w.pkl", PICKLE), ("a/x, y.txt", b"text"), ("a/py.typed", b"")], &[]);
    assert_eq!((report.format.0, report.inspected, report.findings.len()), ("wheel", Inspected::Whole, 0));
    let names: Vec<&str> = report.components.iter().map(|component| component.name.as_str()).collect();
    assert_eq!(names, ["numpy"]);
    // A word that has no list beside it is no wheel.
    assert_eq!(looked_at(zip(&[("a.dist-info/WHEEL", b"x")]), "a.whl").format.0, "zip");
    // What lies beside what it says of itself is looked at as anything else.
    let report = wheel(&[("a-1.0.dist-info/evil.py", b"import os\nos.system('true')\n")], &[]);
    assert!(found(&report, "python.dangerous-call").is_some(), "{:?}", report.findings);
    let whole = zip(&[
        ("__main__.py", b"x = 1\n"),
        ("a.dist-info/METADATA", b""),
        ("a.dist-info/WHEEL", b""),
        ("a.dist-info/RECORD", b""),
    ]);
    assert!(found(&looked_at(whole, "a.whl"), "executable.program").is_some());
    // What a wheel says of itself may be a program all the same.
    let report = wheel(
        &[
            ("a-1.0.dist-info/RECORD.jws", b"cos\nsystem\n(S'true'\ntR."),
            ("a/b.txt", b"cos\nsystem\n(S'true'\ntR."),
        ],
        &[],
    );
    let places: Vec<&str> = report
        .findings
        .iter()
        .filter(|found| found.id == "pickle.dangerous-call")
        .map(|found| found.at.as_str())
        .collect();
    assert_eq!(places.len(), 2, "{:?}", report.findings);
}

#[test]
fn a_wheels_list_is_held_against_its_files() {
    let report = wheel(&[("a/b.txt", b"x")], &[("a/late.txt", b"y"), ("a-1.0.dist-info/RECORD.jws", b"{}")]);
    let told: Vec<_> = report.findings.iter().map(|found| (found.id, found.at.as_str())).collect();
    assert_eq!(told, [("package.record-mismatch", "a-1.0-py3-none-any.whl!a/late.txt")]);
    let changed = zip(&[
        ("a/b.txt", b"changed"),
        ("a-1.0.dist-info/METADATA", b"Name: a\n"),
        ("a-1.0.dist-info/WHEEL", b"Wheel-Version: 1.0\n"),
        ("a-1.0.dist-info/RECORD", b"a/b.txt,sha256=LCa0a2j_xo_5m0U8HTBBNBNCLXBkg7-g-YpeiGJm564,3\na-1.0.dist-info/METADATA,,\na-1.0.dist-info/WHEEL,,\n"),
    ]);
    let report = looked_at(changed, "a.whl");
    let message = &found(&report, "package.record-mismatch").unwrap().message;
    assert!(message.contains("changed since") && report.findings.len() == 1, "{:?}", report.findings);
}

#[test]
fn what_python_runs_at_every_start_is_told() {
    for (name, bytes, is_told) in [
        ("a.pth", b"import a.hook\n".as_slice(), true),
        ("a-1.0.data/purelib/a.pth", b"# x\nimport\ta\n", true),
        ("sitecustomize.py", b"x = 1\n", true),
        ("a.pth", b"../a\n# import b\n", false),
        ("a/a.pth", b"import a.hook\n", false),
        ("a.pth", b"x\rimport os\n", true),
        ("a.pth", b"\xef\xbb\xbfimport os\n", true),
        ("a.pth", b"x\xe2\x80\xa8import os\n", true),
        ("a-1.0.data/data/lib/python3.11/site-packages/a.pth", b"import os\n", true),
        ("a-1.0.data/purelib/./a.pth", b"import os\n", true),
        ("sitecustomize/__init__.py", b"x = 1\n", true),
        ("a/sitecustomize.py", b"x = 1\n", false),
        // Weights of PyTorch have the same ending.
        ("a.pth", PICKLE, false),
    ] {
        let report = wheel(&[(name, bytes)], &[]);
        assert_eq!(
            found(&report, "package.start-up-code").is_some(),
            is_told,
            "{name}: {:?}",
            report.findings
        );
    }
}

#[test]
fn a_few_bytes_between_members_are_looked_at_too() {
    const CALL: &[u8] = b"\x80\x04cposix\nsystem\n\x8c\x04true\x85R.";
    let whole = zip(&[("a.txt", b"hello")]);
    let directory = memchr::memmem::find(&whole, b"PK\x01\x02").unwrap();
    for gap in [CALL.to_vec(), [&[0; 100], CALL].concat()] {
        let mut bytes = [&whole[..directory], &gap, &whole[directory..]].concat();
        let end = memchr::memmem::rfind(&bytes, b"PK\x05\x06").unwrap();
        let at = u32::try_from(directory + gap.len()).unwrap();
        bytes[end + 16..end + 20].copy_from_slice(&at.to_le_bytes());
        let report = looked_at(bytes, "a.zip");
        let worst = report.findings.iter().map(|finding| finding.severity).max();
        assert_eq!(worst, Some(Severity::Critical), "{report:?}");
    }
}

#[test]
fn thousands_of_gaps_are_told_once() {
    let members = 2_000_usize;
    let (mut bytes, mut directory) = (Vec::new(), Vec::new());
    for number in 0..members {
        let one = zip(&[(&format!("{number:04}"), b"x")]);
        let central = memchr::memmem::find(&one, b"PK\x01\x02").unwrap();
        let at = u32::try_from(bytes.len()).unwrap();
        bytes.extend([&one[..central], b"\x80\x02N."].concat());
        let mut entry = one[central..one.len() - 22].to_vec();
        entry[42..46].copy_from_slice(&at.to_le_bytes());
        directory.extend(entry);
    }
    let mut end = zip(&[]);
    let count = u16::try_from(members).unwrap().to_le_bytes();
    end[8..12].copy_from_slice(&[count, count].concat());
    end[12..16].copy_from_slice(&u32::try_from(directory.len()).unwrap().to_le_bytes());
    end[16..20].copy_from_slice(&u32::try_from(bytes.len()).unwrap().to_le_bytes());
    let report = looked_at([bytes, directory, end].concat(), "a.zip");
    let told = |finding: &&Finding| finding.message.contains("stretches between its members");
    assert_eq!(report.findings.iter().filter(told).count(), 1, "{:?}", report.findings);
    assert_eq!(report.inspected, Inspected::Part);
}
