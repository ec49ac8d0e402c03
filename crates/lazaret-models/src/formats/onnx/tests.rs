//! Graphs written field by field, and what is said of them.

use std::sync::Arc;

use lazaret_core::{Hint, Source};
use lazaret_input::MemorySource;

use super::*;
use crate::formats::protobuf::tests::{field, number, scan, told};

fn node(operator: &str, domain: &str, attribute: &[u8]) -> Vec<u8> {
    [field(1, "x"), field(2, "y"), field(4, operator), attribute.to_vec(), field(7, domain)].concat()
}

fn model(graph: &[u8], more: &[u8]) -> Vec<u8> {
    let opset = field(8, [field(1, ""), number(2, 17)].concat());
    [number(1, 8), field(2, "pytorch"), field(7, [graph, &field(2, "g")].concat()), opset, more.to_vec()]
        .concat()
}

fn tensor(path: &str, offset: Option<&str>) -> Vec<u8> {
    let entry = |key: &str, value: &str| field(13, [field(1, key), field(2, value)].concat());
    let offset = offset.map(|offset| entry("offset", offset)).unwrap_or_default();
    [number(1, 4), number(2, 1), field(8, "w"), entry("location", path), offset, number(14, 1)].concat()
}

fn ids(bytes: Vec<u8>) -> Vec<String> {
    let report = scan(bytes, "m.onnx");
    assert_eq!(report.format.0, "onnx");
    told(&report).iter().map(|t| t.split(' ').next().unwrap().to_owned()).collect()
}

#[test]
fn operators_of_onnx_are_quiet_and_others_are_told_wherever_they_stand() {
    let relu = field(1, node("Relu", "", &[]));
    assert_eq!(ids(model(&relu, &[])), [""; 0]);
    assert_eq!(ids(model(&field(1, node("BiasGelu", "com.microsoft", &[])), &[])), [""; 0]);
    let custom = field(1, node("Run", "some.corp", &[]));
    assert_eq!(ids(model(&custom, &[])), ["onnx.custom-operator"]);
    let python = field(1, node("PyOp", "ai.onnx.contrib", &[]));
    assert_eq!(ids(model(&python, &[])), ["onnx.python-operator"]);
    let branch = field(5, [field(1, "then_branch"), field(6, &python)].concat());
    assert_eq!(ids(model(&field(1, node("If", "", &branch)), &[])), ["onnx.python-operator"]);
    let function = [field(1, "Run"), field(7, node("PyCustomOp", "x", &[])), field(10, "some.corp")].concat();
    assert_eq!(ids(model(&custom, &field(25, function))), ["onnx.python-operator"]);
    let local = [field(1, "Run"), field(7, node("Relu", "", &[])), field(10, "some.corp")].concat();
    assert_eq!(ids(model(&custom, &field(25, local))), [""; 0]);
    let training = field(20, field(2, &python));
    assert_eq!(ids(model(&relu, &training)), ["onnx.python-operator"]);
    let named = [field(1, "x"), field(3, "PyOp"), field(4, "Relu")].concat();
    assert_eq!(ids(model(&field(1, named), &[])), [""; 0]);
}

/// A pickle that calls a program: it is looked at wherever it lies.
const CALL: &[u8] = b"cposix\nsystem\n(S'true'\ntR.";

#[test]
fn operators_that_onnx_never_had_are_told_whatever_set_the_model_asks_for() {
    let unknown = field(1, node("SystemCall", "", &[]));
    assert_eq!(ids(model(&unknown, &[])), ["onnx.custom-operator"]);
    let set = |domain: &str, version| field(8, [field(1, domain), number(2, version)].concat());
    let said = |nodes: &[u8], more: &[u8]| {
        let findings = scan(model(nodes, more), "m.onnx").findings;
        findings.into_iter().map(|finding| (finding.severity, finding.message)).collect::<Vec<_>>()
    };
    // A set that is not known is no reason to pass a name, of this domain or of another one.
    for domain in ["", "ai.onnx", "ai.onnx.ml", "some.corp"] {
        let more = set(domain, 999);
        assert_eq!(ids(model(&unknown, &more)), ["onnx.custom-operator"], "{domain}");
        assert_eq!(ids(model(&field(1, node("Relu", "", &[])), &more)), [""; 0], "{domain}");
        let found = said(&unknown, &more);
        let is_own = matches!(domain, "" | "ai.onnx");
        assert_eq!(found[0].1.contains("asks for set 999"), is_own, "{domain}: {found:?}");
        assert_eq!(found[0].0, Severity::Medium);
    }
    let trees = field(1, node("TreeEnsemble", "ai.onnx.ml", &[]));
    assert_eq!(ids(model(&trees, &set("ai.onnx.ml", 6))), [""; 0]);
}

#[test]
fn what_loaders_pass_over_is_looked_at() {
    let relu = field(1, node("Relu", "", &[]));
    let found = ids(model(&relu, &field(999, CALL)));
    assert!(found.contains(&"pickle.dangerous-call".to_owned()), "{found:?}");
    let context = [field(5, [field(1, "ep_cache_context"), field(4, CALL)].concat())].concat();
    let inside = [context, field(5, [field(1, "embed_mode"), number(3, 1)].concat())].concat();
    let found = ids(model(&field(1, node("EPContext", "com.microsoft", &inside)), &[]));
    assert!(found.contains(&"executable.compiled-engine".to_owned()), "{found:?}");
    assert!(found.contains(&"pickle.dangerous-call".to_owned()), "{found:?}");
}

#[test]
fn shapes_beyond_any_file_are_held_against_the_bytes() {
    for dims in [vec![1 << 40, 1 << 40], vec![u64::MAX - 3]] {
        let dims: Vec<u8> = dims.into_iter().flat_map(|dim| number(1, dim)).collect();
        let tensor = [dims, number(2, 1), field(8, "w"), field(9, [0; 16])].concat();
        assert_eq!(ids(model(&field(5, tensor), &[])), ["weights.shape-mismatch"]);
    }
}

#[test]
fn functions_that_never_end_or_grow_without_end_are_told() {
    let function = |name: &str, calls: &[&str]| {
        let nodes: Vec<u8> = calls.iter().flat_map(|call| field(7, node(call, "f", &[]))).collect();
        field(25, [field(1, name), nodes, field(10, "f")].concat())
    };
    let graph = field(1, node("a", "f", &[]));
    assert_eq!(ids(model(&graph, &function("a", &["a"]))), ["format.malformed"]);
    let two = [function("a", &["b"]), function("b", &["a"])].concat();
    assert_eq!(ids(model(&graph, &two)), ["format.malformed"]);
    let chain = [function("a", &["b", "b"]), function("b", &[])].concat();
    assert_eq!(ids(model(&graph, &chain)), [""; 0]);
    let mut doubled = function("x40", &[]);
    for step in 0..40 {
        let next = format!("x{}", step + 1);
        doubled.extend(function(&format!("x{step}"), &[&next, &next]));
    }
    let graph = field(1, node("x0", "f", &[]));
    assert_eq!(ids(model(&graph, &doubled)), ["format.claimed-size"]);
}

#[test]
fn files_that_tensors_name_are_judged_wherever_tensors_stand() {
    for path in ["../x", "/etc/hostname", "a/../../x", "..\\x", "ok\0/../x", "file:///x"] {
        assert_eq!(ids(model(&field(5, tensor(path, None)), &[])), ["onnx.external-path"], "{path}");
    }
    let attribute = field(5, [field(1, "value"), field(5, tensor("../x", None))].concat());
    assert_eq!(ids(model(&field(1, node("Constant", "", &attribute)), &[])), ["onnx.external-path"]);
    let sparse = field(15, field(1, tensor("../x", None)));
    assert_eq!(ids(model(&sparse, &[])), ["onnx.external-path"]);
    let report = scan(model(&field(5, tensor("d.bin", Some("-1"))), &[]), "m.onnx");
    assert!(report.findings.iter().any(|f| f.id == "onnx.external-data" && f.severity == Severity::High));
    let missing = scan(model(&field(5, tensor("d.bin", None)), &[]), "m.onnx");
    assert!(missing.findings.iter().all(|f| f.severity == Severity::Low));
    let context = |path: &str| {
        let text = field(5, [field(1, "ep_cache_context"), field(4, path)].concat());
        let mode = field(5, [field(1, "embed_mode"), number(3, 0)].concat());
        model(&field(1, node("EPContext", "com.microsoft", &[text, mode].concat())), &[])
    };
    assert_eq!(ids(context("../x.bin")), ["onnx.external-path"]);
    assert_eq!(ids(context("x.bin")), [""; 0]);
    let source = |path: &str| {
        let text = field(5, [field(1, "onnx_model_filename"), field(4, path)].concat());
        model(&field(1, node("EPContext", "com.microsoft", &text)), &[])
    };
    assert_eq!(ids(source("/etc/hostname")), ["onnx.external-path"]);
    assert_eq!(ids(source("model.onnx")), [""; 0]);
}

#[test]
fn broken_and_deep_models_are_told() {
    let relu = field(1, node("Relu", "", &[]));
    assert_eq!(ids(model(&relu, &[0xff; 12])), ["format.trailing-bytes", "format.malformed"]);
    let mut deep = relu;
    for _ in 0..400 {
        deep = field(1, node("If", "", &field(5, field(6, &deep))));
    }
    assert_eq!(ids(model(&deep, &[])), ["input.uninspectable"]);
}

#[test]
fn a_changed_model_ends() {
    let good = model(&[field(1, node("Relu", "", &[])), field(5, tensor("a", Some("1")))].concat(), &[]);
    for at in 0..good.len() {
        for byte in [0, 1, 0x0b, 0x7f, 0x80, 0xff] {
            let mut bytes = good.clone();
            bytes[at] = byte;
            scan(bytes, "m.onnx");
        }
    }
}

struct Two(Vec<u8>, Vec<u8>);

impl crate::look::Folder for Two {
    fn open(&self, path: &str) -> Option<(Arc<dyn Source>, u64)> {
        let bytes = match path {
            "m.onnx" => self.0.clone(),
            "d.bin" => self.1.clone(),
            _ => return None,
        };
        let len = bytes.len() as u64;
        Some((Arc::new(MemorySource::new(bytes, Hint::default())), len))
    }

    fn names_ending(&self, ending: &str) -> Vec<String> {
        ["m.onnx", "d.bin"].into_iter().filter(|name| name.ends_with(ending)).map(str::to_owned).collect()
    }
}

#[test]
fn a_graph_and_its_data_are_held_against_each_other() {
    let look_at = |name: &str, offset: Option<&str>, data: usize| {
        let two = Two(model(&field(5, tensor("./d.bin", offset)), &[]), vec![9; data]);
        let (source, len) = crate::look::Folder::open(&two, name).unwrap();
        let report = crate::look::look(source, len, name, &two, &lazaret_core::Limits::default());
        (
            report.format.0,
            told(&report).iter().map(|t| t.split(' ').next().unwrap().to_owned()).collect::<Vec<_>>(),
        )
    };
    assert_eq!(look_at("m.onnx", None, 16), ("onnx", vec![]));
    assert_eq!(look_at("m.onnx", Some("1"), 16).1, ["onnx.external-data"]);
    assert_eq!(look_at("d.bin", None, 16), ("onnx-external-data", vec![]));
    assert_eq!(look_at("d.bin", None, 90).1, ["format.trailing-bytes"]);
}
