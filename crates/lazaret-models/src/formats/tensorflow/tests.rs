//! Graphs written field by field, and what is said of them.

use std::sync::Arc;

use lazaret_core::{Hint, Severity, Source};
use lazaret_input::MemorySource;

use super::*;
use crate::formats::protobuf::tests::{field, number, scan, told, varint};
use crate::look::{Folder, NoFolder, Report, look};

fn node(operator: &str) -> Vec<u8> {
    [field(1, "n"), field(2, operator)].concat()
}

fn graph(operators: &[&str]) -> Vec<u8> {
    operators.iter().flat_map(|operator| field(1, node(operator))).collect()
}

fn saved(graph: &[u8]) -> Vec<u8> {
    [number(1, 1), field(2, [field(1, field(4, "serve")), field(2, graph)].concat())].concat()
}

fn worst(report: &Report) -> Vec<(&'static str, Severity)> {
    let grave = report.findings.iter().filter(|finding| finding.severity > Severity::Info);
    grave.map(|finding| (finding.id, finding.severity)).collect()
}

#[test]
fn operators_are_judged_by_what_they_do() {
    let usual = ["Placeholder", "MatMul", "SaveV2", "RestoreV2", "MergeV2Checkpoints", "HashTableV2"];
    let report = scan(saved(&graph(&usual)), "saved_model.pb");
    assert_eq!((report.format.0, told(&report)), ("tensorflow-savedmodel", vec![]));
    for (operator, id, severity) in [
        ("ReadFile", "tensorflow.file-operator", Severity::Critical),
        ("WriteFile", "tensorflow.file-operator", Severity::Critical),
        ("DebugIdentityV3", "tensorflow.file-operator", Severity::Critical),
        ("ImmutableConst", "tensorflow.file-operator", Severity::High),
        ("TFRecordDataset", "tensorflow.file-operator", Severity::High),
        ("PrintV2", "tensorflow.file-operator", Severity::Medium),
        ("Save", "tensorflow.file-operator", Severity::Medium),
        ("PyFunc", "tensorflow.python-operator", Severity::Critical),
        ("EagerPyFunc", "tensorflow.python-operator", Severity::Critical),
        ("EvilCorpRun", "tensorflow.unknown-operator", Severity::Medium),
    ] {
        let graph = graph(&["Placeholder", operator]);
        assert_eq!(worst(&scan(saved(&graph), "saved_model.pb")), [(id, severity)], "{operator}");
        let frozen = scan(graph.clone(), "frozen.pb");
        assert_eq!((frozen.format.0, worst(&frozen)), ("tensorflow-graphdef", vec![(id, severity)]));
        let meta = scan(field(2, &graph), "model.meta");
        assert_eq!((meta.format.0, worst(&meta)), ("tensorflow-metagraph", vec![(id, severity)]));
    }
}

#[test]
fn paths_that_are_no_assets_are_told_beside_what_takes_paths() {
    let constant = |name: &str, text: &str| {
        let value = field(2, field(8, field(8, text)));
        field(1, [field(1, name), field(2, "Const"), field(5, [field(1, "value"), value].concat())].concat())
    };
    let asset = |tensor: &str| field(6, [field(1, field(1, tensor)), field(2, "words.txt")].concat());
    let meta = |text: &str, operator: &str, asset: &[u8]| {
        let graph = [constant("Const_1", text), graph(&[operator])].concat();
        worst(&scan([field(2, graph).as_slice(), asset].concat(), "model.meta"))
    };
    let told = vec![("tensorflow.file-operator", Severity::High)];
    for path in ["/root/.bashrc", "~/.profile", "../../x", "gs://bucket/x", "file:///etc/passwd"] {
        for operator in ["SaveV2", "RestoreV2", "MergeV2Checkpoints", "InitializeTableFromTextFileV2"] {
            assert_eq!(meta(path, operator, &asset("Const:0")), told, "{path} {operator}");
        }
        assert_eq!(meta(path, "MatMul", &[]), []);
        assert_eq!(meta(path, "SaveV2", &asset("Const_1:0")), []);
    }
    for text in ["model", "/", "//+", "variables/variables", "a / b", "/b", "[^/]+/.*"] {
        assert_eq!(meta(text, "SaveV2", &[]), [], "{text}");
    }
    let text = r#"node { name: "c" op: "Const" attr { key: "value" value { tensor { string_val: "/etc/passwd" } } } }
        node { name: "s" op: "RestoreV2" }"#;
    assert_eq!(worst(&scan(text.as_bytes().to_vec(), "graph.pbtxt")), told);
}

#[test]
fn functions_other_graphs_and_assets_are_read_too() {
    let function = |name: &str, operator: &str| {
        field(2, field(1, [field(1, field(1, name)), field(3, node(operator))].concat()))
    };
    let inside = [graph(&["StatefulPartitionedCall"]), function("f", "WriteFile")].concat();
    assert_eq!(worst(&scan(saved(&inside), "m.pb")), [("tensorflow.file-operator", Severity::Critical)]);
    let own = [graph(&["my_function"]), function("my_function", "Identity")].concat();
    assert_eq!(worst(&scan(saved(&own), "m.pb")), []);
    let second = [saved(&graph(&["Const"])), field(2, field(2, graph(&["PyFunc"])))].concat();
    assert_eq!(worst(&scan(second, "m.pb")), [("tensorflow.python-operator", Severity::Critical)]);
    let asset = [field(2, graph(&["Const"])), field(6, field(2, "../../etc/hostname"))].concat();
    assert_eq!(worst(&scan(asset, "m.meta")), [("tensorflow.asset-path", Severity::Critical)]);
}

#[test]
fn fields_that_loaders_pass_over_hide_nothing() {
    let node = [field(1, "n"), field(2, "WriteFile"), field(77, "x")].concat();
    for bytes in [
        [number(99, 1), saved(&graph(&["WriteFile"]))].concat(),
        [field(100, "x"), graph(&["WriteFile"])].concat(),
        [number(3, 1), field(1, node)].concat(),
    ] {
        assert_eq!(worst(&scan(bytes, "x")), [("tensorflow.file-operator", Severity::Critical)]);
    }
}

#[test]
fn names_and_texts_are_data_and_printing_to_a_file_is_writing() {
    let named = [field(1, "WriteFile"), field(2, "Identity"), field(3, "PyFunc")].concat();
    assert_eq!(worst(&scan(saved(&field(1, named)), "m.pb")), []);
    let attribute = |key: &str, text: &str| field(5, [field(1, key), field(2, field(2, text))].concat());
    let print = |stream: &str| [node("PrintV2"), attribute("output_stream", stream)].concat();
    let report = scan(saved(&field(1, print("file:///tmp/x"))), "m.pb");
    assert!(worst(&report).contains(&("tensorflow.file-operator", Severity::Critical)));
    let report = scan(saved(&field(1, print("stderr"))), "m.pb");
    assert_eq!(worst(&report), [("tensorflow.file-operator", Severity::Medium)]);
}

#[test]
fn a_file_that_tells_how_messages_are_made_is_read() {
    let attribute = |text: &str| field(5, [field(1, "descriptor_source"), field(2, field(2, text))].concat());
    let decode = |source: &str| field(1, [node("DecodeProtoV2"), attribute(source)].concat());
    for source in ["", "local://", "bytes://abc"] {
        assert_eq!(worst(&scan(saved(&decode(source)), "m.pb")), [], "{source}");
    }
    let found = worst(&scan(saved(&decode("/etc/hostname")), "m.pb"));
    assert_eq!(found, [("tensorflow.file-operator", Severity::High)]);
}

struct One(&'static str, Vec<u8>);

impl Folder for One {
    fn open(&self, path: &str) -> Option<(Arc<dyn Source>, u64)> {
        let len = self.1.len() as u64;
        (path == self.0).then(|| (source(self.1.clone()), len))
    }
}

fn source(bytes: Vec<u8>) -> Arc<dyn Source> {
    Arc::new(MemorySource::new(bytes, Hint::default()))
}

fn table(size: u64) -> Vec<u8> {
    table_of([number(1, 1), number(5, size)].concat())
}

/// An index with one entry.
fn table_of(entry: Vec<u8>) -> Vec<u8> {
    let block = |pairs: &[(&[u8], Vec<u8>)]| {
        let mut bytes = Vec::new();
        for (key, value) in pairs {
            bytes.extend([vec![0], varint(key.len() as u64), varint(value.len() as u64)].concat());
            bytes.extend(*key);
            bytes.extend(value);
        }
        bytes.extend([0, 0, 0, 0, 1, 0, 0, 0]);
        bytes
    };
    let data = block(&[(b"", number(1, 1)), (b"w", entry)]);
    let index = block(&[(b"x", [varint(0), varint(data.len() as u64)].concat())]);
    let handle = [varint(data.len() as u64 + 5), varint(index.len() as u64)].concat();
    let mut footer = [vec![0, 0], handle].concat();
    footer.resize(40, 0);
    [data, vec![0; 5], index, vec![0; 5], footer, index::MAGIC.to_vec()].concat()
}

#[test]
fn an_index_and_its_data_are_held_against_each_other() {
    let limits = Limits::default();
    let look_at = |bytes: Vec<u8>, name: &str, folder: &dyn Folder| {
        let len = bytes.len() as u64;
        look(source(bytes), len, name, folder, &limits)
    };
    let data = "v.data-00000-of-00001";
    let report = look_at(table(8), "v.index", &One(data, vec![7; 8]));
    assert_eq!((report.format.0, worst(&report)), ("tensorflow-checkpoint-index", vec![]));
    let report = look_at(table(9), "v.index", &One(data, vec![7; 8]));
    assert_eq!(worst(&report), [("tensorflow.checkpoint", Severity::High)]);
    assert_eq!(worst(&look_at(table(8), "v.index", &NoFolder)), [("tensorflow.checkpoint", Severity::Low)]);
    let report = look_at(vec![7; 8], data, &One("v.index", table(8)));
    assert_eq!((report.format.0, worst(&report)), ("tensorflow-checkpoint-data", vec![]));
    let report = look_at(vec![7; 90], data, &One("v.index", table(8)));
    assert_eq!(worst(&report), [("format.trailing-bytes", Severity::Medium)]);
    assert_eq!(worst(&look_at(vec![7; 8], data, &NoFolder)), [("format.unknown", Severity::Medium)]);
    let shaped =
        |length| table_of([number(1, 1), field(2, field(2, number(1, length))), number(5, 8)].concat());
    assert_eq!(worst(&look_at(shaped(2), "v.index", &One(data, vec![7; 8]))), []);
    let report = look_at(shaped(3), "v.index", &One(data, vec![7; 8]));
    assert_eq!(worst(&report), [("weights.shape-mismatch", Severity::Medium)]);
    for at in 0..table(8).len() {
        let mut bytes = table(8);
        bytes[at] ^= 0xff;
        look_at(bytes, "v.index", &NoFolder);
    }
}
