//! Files as h5py writes them (`testdata/models/hdf5`), and what is found in them.

use std::path::PathBuf;
use std::sync::Arc;

use lazaret_core::{Finding, Hint, Limits, Severity};
use lazaret_input::decompress::MAX_RATIO;
use lazaret_input::{FileSource, MemorySource};
use proptest::prelude::*;

use super::MAX_BLOCK;
use crate::look::{Inspected, NoFolder, Report, look};

fn path(name: &str) -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../testdata/models/hdf5")).join(name)
}

fn bytes(name: &str) -> Vec<u8> {
    lazaret_input::read_file(&path(name), lazaret_core::Limit::new("tests.max", 1 << 20)).unwrap()
}

fn said(name: &str) -> Report {
    let file = FileSource::open(&path(name)).unwrap();
    let len = file.len();
    look(Arc::new(file), len, name, &NoFolder, &Limits::default())
}

fn said_of(bytes: Vec<u8>) -> Report {
    let len = bytes.len() as u64;
    look(Arc::new(MemorySource::new(bytes, Hint::default())), len, "m.h5", &NoFolder, &Limits::default())
}

#[test]
fn groups_and_attributes_are_found_however_they_are_stored() {
    for name in ["old.h5", "new.h5", "dense.h5", "user_block.h5", "fixed_text.h5"] {
        let report = said(name);
        assert_eq!(report.inspected, Inspected::Whole, "{name} {:?}", report.findings);
        let at = format!("{name}!model_config.config.layers[0]");
        let found = report.findings.iter().find(|finding| finding.id == "keras.lambda");
        assert_eq!(found.unwrap().at.as_str(), at, "{name}");
        let link = report.findings.iter().find(|finding| finding.id == "hdf5.external-link").unwrap();
        assert_eq!((link.at.as_str(), link.severity), (&*format!("{name}!layers/ext"), Severity::Critical));
    }
}

#[test]
fn datasets_of_other_files_and_of_impossible_sizes_are_found() {
    let ids =
        |name| said(name).findings.iter().map(|finding| (finding.id, finding.severity)).collect::<Vec<_>>();
    assert_eq!(ids("storage.h5"), [("hdf5.external-storage", Severity::Critical)]);
    assert_eq!(ids("virtual.h5"), [("hdf5.external-storage", Severity::High)]);
    assert_eq!(ids("first_itself.h5"), [("hdf5.external-storage", Severity::Critical)]);
    // What PyTables would unpickle was never written.
    assert_eq!(ids("tables.h5"), []);
    assert_eq!(ids("claims.h5"), [("hdf5.claimed-size", Severity::High)]);
}

/// However they are stored: in one piece, in chunks of every index and filter, in heaps, in attributes.
#[test]
fn values_that_are_pickles_are_read() {
    for name in ["values.h5", "values_new.h5"] {
        let report = said(name);
        for value in ["bytes", "packed", "lzf", "growing", "rows", "opaque", "text", "any", "attribute"] {
            let at = format!("{name}!{value}");
            assert!(runs_at(&report, &at), "{at} {:?}", report.findings);
        }
    }
}

fn runs_at(report: &Report, at: &str) -> bool {
    let is_grave = |finding: &&Finding| finding.severity == Severity::Critical;
    report.findings.iter().filter(is_grave).any(|finding| finding.at.as_str().starts_with(at))
}

#[test]
fn rows_are_found_along_whichever_axis_they_grow() {
    for name in ["axes.h5", "axes_new.h5"] {
        let report = said(name);
        for value in ["down", "sideways", "room", "deep", "middle"] {
            assert!(runs_at(&report, &format!("{name}!{value}")), "{name} {value} {:?}", report.findings);
        }
    }
}

/// Less is held than a dataset or a chunk has bytes.
#[test]
fn values_are_found_in_more_than_is_held_at_once() {
    for (value, limit) in [("late", MAX_BLOCK.with(64 << 10)), ("long", MAX_RATIO.with(2_000))] {
        let name = format!("{value}.h5");
        let mut limits = Limits::default();
        limits.set(limit.key(), limit.most());
        let file = FileSource::open(&path(&name)).unwrap();
        let len = file.len();
        let report = look(Arc::new(file), len, &name, &NoFolder, &limits);
        assert!(runs_at(&report, &format!("{name}!{value}")), "{:?}", report.findings);
    }
}

#[test]
fn attributes_that_are_pickles_of_early_protocols_are_read() {
    let report = said("early.h5");
    for attribute in ["none", "mark", "number", "zero", "one"] {
        let at = format!("early.h5!{attribute}");
        assert!(runs_at(&report, &at), "{at} {:?}", report.findings);
    }
}

/// In each file something else decides where the pickle lies, or that it is one.
#[test]
fn pickles_are_found_whatever_says_where_they_are() {
    let of = |name: &str, places: &[&str]| {
        let report = said(name);
        for place in places {
            assert!(runs_at(&report, &format!("{name}!{place}")), "{name} {place} {:?}", report.findings);
        }
    };
    for name in ["attributes.h5", "attributes_new.h5"] {
        of(name, &["i8", "f8", "big", "record", "letters", "complex", "committed", "followed"]);
    }
    for name in ["unwritten.h5", "unwritten_new.h5"] {
        of(name, &["one", "many"]);
    }
    of("edges.h5", &["shuffle", "gzip", "check"]);
    of("hickle.h5", &["data"]);
    assert!(!runs_at(&said("hickle.h5"), "hickle.h5!typed"));
    for name in ["shared_shape.h5", "shared_type.h5", "shared_type_old.h5"] {
        of(name, &["x"]);
    }
    of("moved.h5", &["type"]);
    let told = said("moved.h5");
    assert!(told.findings.iter().any(|finding| finding.message.contains("says that it begins at")));
}

#[test]
fn usual_files_are_quiet() {
    for name in ["of_itself.h5", "types.h5", "types_new.h5", "usual.h5", "usual_new.h5", "prose.h5"] {
        let report = said(name);
        assert_eq!(
            (report.findings.len(), report.inspected),
            (0, Inspected::Whole),
            "{name} {:?}",
            report.findings
        );
    }
}

#[test]
fn a_file_that_is_cut_off_is_told() {
    let whole = bytes("types.h5");
    for length in [9, 100, whole.len() / 2, whole.len() - 1] {
        let report = said_of(whole[..length].to_vec());
        assert_eq!(report.inspected, Inspected::Part);
        assert!(
            report.findings.iter().any(|finding| finding.id == "hdf5.unreadable"),
            "{length} {:?}",
            report.findings
        );
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]
    #[test]
    fn changed_files_end(
        name in prop::sample::select(vec!["old.h5", "new.h5", "dense.h5", "virtual.h5", "types_new.h5", "values.h5", "values_new.h5", "axes_new.h5", "edges.h5", "first_itself.h5", "shared_type.h5"]),
        changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..30),
    ) {
        let mut bytes = bytes(name);
        for (at, value) in changes {
            let at = at.index(bytes.len());
            bytes[at] = value;
        }
        let _report = said_of(bytes);
    }

    #[test]
    fn any_bytes_end(body in proptest::collection::vec(any::<u8>(), 0..400)) {
        let _report = said_of([b"\x89HDF\r\n\x1a\n".as_slice(), &body].concat());
    }
}
