//! Files from the inside: the parts of a file of each kind, what each would use, what was found where.

use std::io::Write as _;
use std::path::PathBuf;
use std::sync::Arc;

use lazaret_core::{Hint, Limit, Limits, Severity};
use lazaret_input::{MemorySource, read_file};
use lazaret_models::{How, Inside, NoFolder, Report, Terms, look_by};
use proptest::prelude::*;

fn terms() -> Terms {
    Terms { inside: true, ..Terms::default() }
}

fn bytes_of(path: &str) -> Vec<u8> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../testdata");
    read_file(&folder.join(path), Limit::new("test.max", 4 << 20)).unwrap()
}

fn looked_at(bytes: Vec<u8>, name: &str, limits: &Limits) -> Report {
    let len = bytes.len() as u64;
    look_by(Arc::new(MemorySource::new(bytes, Hint::default())), len, name, &NoFolder, limits, &terms())
}

/// A file of `testdata` from the inside.
fn inside(path: &str) -> Inside {
    let name = path.rsplit('/').next().unwrap();
    looked_at(bytes_of(path), name, &Limits::default()).inside.unwrap()
}

/// Every part, the outer before the inner.
fn all(inside: &Inside) -> Vec<&Inside> {
    std::iter::once(inside).chain(inside.parts.iter().flat_map(all)).collect()
}

/// What is used anywhere: by which part, how, and by which name.
fn uses(inside: &Inside) -> Vec<(String, How, String)> {
    let of = |part: &Inside| -> Vec<_> {
        part.uses.iter().map(|used| (part.name.clone(), used.how, used.name.clone())).collect()
    };
    all(inside).into_iter().flat_map(of).collect()
}

fn has(inside: &Inside, part: &str, how: How, name: &str) -> bool {
    uses(inside).contains(&(part.to_owned(), how, name.to_owned()))
}

fn formats(inside: &Inside) -> Vec<(String, Vec<&'static str>)> {
    let named = |part: &Inside| (part.name.clone(), part.formats.iter().map(|format| format.0).collect());
    all(inside).into_iter().map(named).collect()
}

#[test]
fn a_torch_archive_shows_its_members_and_what_its_pickle_calls() {
    let file = inside("models/cases/01-unreadable-member-first/model.pt");
    assert_eq!((file.name.as_str(), file.formats[0].0), ("model.pt", "torch-zip"));
    let pickle = file.parts.iter().find(|part| part.name == "archive/data.pkl").unwrap();
    assert_eq!(pickle.formats[0].0, "pickle");
    let used = pickle.uses.iter().find(|used| used.name == "posix.system").unwrap();
    assert_eq!((used.how, used.severity, used.times), (How::Calls, Some(Severity::Critical), 1));
    assert_eq!(used.does, Some("starts programs"));
    assert!(pickle.findings.iter().any(|finding| finding.id == "pickle.dangerous-call"));
    // The gravest first, and what is wrong with the archive stands at the archive.
    assert_eq!(pickle.uses[0].severity, Some(Severity::Critical));
    assert!(file.findings.iter().any(|finding| finding.id == "archive.member-unreadable"));

    let plain = inside("models/generated/benign/state_dict.pt");
    let called = uses(&plain).into_iter().filter(|(_, how, _)| *how == How::Calls).count();
    assert!(called > 0, "tensors are rebuilt by a call: {:?}", uses(&plain));
    let storage = plain.parts.iter().find(|part| part.name.contains("/data/")).unwrap();
    assert!(storage.formats.is_empty() && storage.uses.is_empty() && storage.bytes > 0);
    assert!(all(&plain).iter().all(|part| part.uses.iter().all(|used| used.severity.is_none())));
}

#[test]
fn states_and_plain_objects_are_told_as_what_they_are() {
    let file = inside("models/generated/benign/sklearn_logreg.pkl");
    let name = "sklearn.linear_model._logistic.LogisticRegression";
    assert!(has(&file, &file.name, How::Calls, name), "{:?}", uses(&file));
    assert!(file.uses.iter().any(|used| used.how == How::SetsState && used.times > 0));
    let planted = inside("models/cases/03-private-stdlib-by-setstate/config.pkl");
    assert!(planted.findings.iter().any(|finding| finding.severity == Severity::Critical));
    assert!(planted.uses.iter().any(|used| used.severity == Some(Severity::Critical)));
}

#[test]
fn a_pickle_within_a_pickle_is_a_part_of_it() {
    // joblib and others keep pickles as bytes: `os.system` called within a value.
    let inner = b"\x80\x02cposix\nsystem\nX\x02\x00\x00\x00id\x85R.";
    let mut outer = b"\x80\x03C".to_vec();
    outer.push(u8::try_from(inner.len()).unwrap());
    outer.extend_from_slice(inner);
    outer.push(b'.');
    let file = looked_at(outer, "m.pkl", &Limits::default()).inside.unwrap();
    assert_eq!(formats(&file), [("m.pkl".into(), vec!["pickle"]), ("@4".into(), vec!["pickle"])]);
    assert!(has(&file, "@4", How::Calls, "posix.system"));
    assert!(!has(&file, "m.pkl", How::Calls, "posix.system"));
}

#[test]
fn documents_and_graphs_say_what_their_loaders_import_and_run() {
    let keras = inside("models/generated/benign/dense.keras");
    assert!(uses(&keras).iter().any(|(_, how, name)| *how == How::Layer && name.contains("Dense")));
    assert!(formats(&keras).iter().any(|(name, formats)| name == "config.json" && !formats.is_empty()));
    let foreign = inside("models/generated/keras/module_import.keras");
    let grave = |part: &&Inside| part.uses.iter().any(|used| used.severity >= Some(Severity::High));
    assert!(all(&foreign).iter().any(grave), "{:?}", uses(&foreign));

    let onnx = inside("models/generated/graph/pyop.onnx");
    let operator = onnx.uses.iter().find(|used| used.name.contains("PyOp")).unwrap();
    assert_eq!((operator.how, operator.severity >= Some(Severity::High)), (How::Operator, true));
    assert!(inside("models/onnx/relu.onnx").uses.iter().any(|used| used.name == "Relu"));

    let gguf = inside("models/generated/gguf/template_backdoor.gguf");
    assert!(gguf.uses.iter().any(|used| used.how == How::Code && used.name == "a Jinja template"));
    assert!(gguf.findings.iter().any(|finding| finding.id.starts_with("template.")));

    let script = inside("models/generated/benign/torchscript.pt");
    assert!(uses(&script).iter().any(|(_, how, name)| *how == How::Code && name == "a TorchScript program"));

    let plain = inside("models/generated/benign/ok.safetensors");
    assert!(uses(&plain).is_empty() && plain.formats[0].0 == "safetensors", "tensors alone use nothing");
}

#[test]
fn what_is_not_asked_for_is_not_kept_and_changes_nothing() {
    for path in ["models/cases/01-unreadable-member-first/model.pt", "models/generated/benign/dense.keras"] {
        let name = path.rsplit('/').next().unwrap();
        let bytes = bytes_of(path);
        let source = Arc::new(MemorySource::new(bytes.clone(), Hint::default()));
        let without =
            look_by(source, bytes.len() as u64, name, &NoFolder, &Limits::default(), &Terms::default());
        let with = looked_at(bytes, name, &Limits::default());
        assert!(without.inside.is_none() && with.inside.is_some());
        assert_eq!(format!("{:?}", without.findings), format!("{:?}", with.findings));
        // Every finding stands at one part of the tree.
        let told: usize = all(&with.inside.unwrap()).iter().map(|part| part.findings.len()).sum();
        assert_eq!(told, with.findings.len(), "{path}");
    }
}

/// A tar archive of so many members.
fn archive(members: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    for number in 0..members {
        let content = b"cposix\nsystem\n(S'id'\ntR.";
        let mut header = [0_u8; 512];
        let name = format!("member-{number}.pkl");
        header.iter_mut().zip(name.bytes()).for_each(|(to, from)| *to = from);
        header[100..108].copy_from_slice(b"0000644\0");
        header[108..116].copy_from_slice(b"0000000\0");
        header[116..124].copy_from_slice(b"0000000\0");
        let (mut size, mut time) = (&mut header[124..136], [0_u8; 12]);
        write!(size, "{:011o}\0", content.len()).unwrap();
        time.copy_from_slice(b"00000000000\0");
        header[136..148].copy_from_slice(&time);
        header[156] = b'0';
        header[257..265].copy_from_slice(b"ustar\x0000");
        header[148..156].fill(b' ');
        let sum: u32 = header.iter().map(|byte| u32::from(*byte)).sum();
        header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
        bytes.extend_from_slice(&header);
        bytes.extend_from_slice(content);
        bytes.resize(bytes.len().next_multiple_of(512), 0);
    }
    bytes.extend_from_slice(&[0; 1024]);
    bytes
}

#[test]
fn a_huge_archive_is_cut_and_says_how_many_more_there_are() {
    let mut limits = Limits::default();
    limits.set("models.max_shown_parts", 10);
    limits.set("models.max_shown_names", 3);
    let report = looked_at(archive(50), "m.tar", &limits);
    let file = report.inside.unwrap();
    assert_eq!((file.parts.len(), file.more_parts), (9, 41));
    assert_eq!(uses(&file).len(), 3, "{:?}", uses(&file));
    assert!(file.more_uses >= 41, "those of parts that are not shown are counted: {}", file.more_uses);
    // Nothing that was found is lost: what lies in a part that is not shown stands at the archive.
    let told: usize = all_findings(&file);
    assert_eq!(told, report.findings.len());
    assert!(file.findings.iter().any(|finding| finding.at.as_str().contains("member-40.pkl")));
}

fn all_findings(inside: &Inside) -> usize {
    all(inside).iter().map(|part| part.findings.len()).sum()
}

#[test]
fn names_that_act_are_shown_as_escapes() {
    let mut bytes = archive(1);
    bytes[..16].copy_from_slice(b"<script>\x1b[2J.pkl");
    let sum: u32 = bytes[..512]
        .iter()
        .enumerate()
        .map(|(at, byte)| if (148..156).contains(&at) { 32 } else { u32::from(*byte) })
        .sum();
    bytes[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    let file = looked_at(bytes, "m.tar", &Limits::default()).inside.unwrap();
    assert!(file.parts[0].name.starts_with("<script>\\u{1b}"), "{:?}", file.parts[0].name);
}

proptest! {
    #[test]
    fn any_file_ends_and_every_finding_has_its_part(bytes in proptest::collection::vec(any::<u8>(), 0..600)) {
        let report = looked_at(bytes, "model.bin", &Limits::default());
        prop_assert_eq!(all_findings(&report.inside.unwrap()), report.findings.len());
    }

    #[test]
    fn any_change_of_a_model_ends_and_loses_no_finding(
        number in 0_usize..5,
        changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..12),
    ) {
        let path = [
            "models/cases/01-unreadable-member-first/model.pt",
            "models/generated/benign/sklearn_logreg.pkl",
            "models/generated/benign/dense.keras",
            "models/generated/graph/pyop.onnx",
            "models/generated/gguf/template_backdoor.gguf",
        ][number];
        let mut bytes = bytes_of(path);
        for (at, byte) in changes {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        let report = looked_at(bytes, path.rsplit('/').next().unwrap(), &Limits::default());
        prop_assert_eq!(all_findings(&report.inside.unwrap()), report.findings.len());
    }
}
