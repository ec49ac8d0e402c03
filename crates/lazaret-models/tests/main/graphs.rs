//! Files of tensors and graphs in `testdata/models`: what each is, and the gravest that is found in it.

use std::path::Path;
use std::sync::Arc;

use lazaret_core::{Limits, Severity};
use lazaret_input::FileSource;
use lazaret_models::{Inspected, NoFolder, look};

/// A file, its format, and the gravest that is told of it.
type Expected = (&'static str, &'static str, Option<(&'static str, Severity)>);

const FILES: &[Expected] = &[
    ("gguf/big_endian.gguf", "gguf", Some(("gguf.byte-order", Severity::Medium))),
    ("gguf/dup_key.gguf", "gguf", Some(("template.sandbox-escape", Severity::Critical))),
    ("gguf/ok.gguf", "gguf", None),
    ("gguf/overlap.gguf", "gguf", Some(("gguf.tensor", Severity::High))),
    ("gguf/tiny.gguf", "gguf", None),
    ("gguf/type_unknown.gguf", "gguf", Some(("gguf.tensor", Severity::High))),
    ("onnx/bad_varint.onnx", "onnx", Some(("format.malformed", Severity::High))),
    ("onnx/custom_domain.onnx", "onnx", Some(("onnx.custom-operator", Severity::Medium))),
    ("onnx/ext_dotdot.onnx", "onnx", Some(("onnx.external-path", Severity::Critical))),
    ("onnx/ext_in_attr.onnx", "onnx", Some(("onnx.external-path", Severity::Critical))),
    ("onnx/ext_sparse.onnx", "onnx", Some(("onnx.external-path", Severity::Critical))),
    ("onnx/ms_domain.onnx", "onnx", None),
    ("onnx/pyop_in_function.onnx", "onnx", Some(("onnx.python-operator", Severity::Critical))),
    ("onnx/pyop_in_subgraph.onnx", "onnx", Some(("onnx.python-operator", Severity::Critical))),
    ("onnx/relu.onnx", "onnx", None),
    ("protobuf/custom.mlmodel", "coreml", Some(("coreml.custom-layer", Severity::Medium))),
    ("safetensors/dup_key.safetensors", "safetensors", Some(("safetensors.layout", Severity::High))),
    (
        "safetensors/meta_script.safetensors",
        "safetensors",
        Some(("safetensors.metadata-code", Severity::Medium)),
    ),
    ("safetensors/meta_text.safetensors", "safetensors", None),
    ("safetensors/ok.safetensors", "safetensors", None),
    ("safetensors/overlap.safetensors", "safetensors", Some(("safetensors.layout", Severity::High))),
    ("safetensors/padded.safetensors", "safetensors", None),
    ("safetensors/scalar.safetensors", "safetensors", None),
    ("tables/custom.tflite", "tflite", Some(("format.malformed", Severity::High))),
    ("tables/mlp.tflite", "tflite", None),
    ("tables/tail_pickle.pte", "executorch", Some(("pickle.dangerous-call", Severity::Critical))),
    ("tensorflow/fingerprint.pb", "tensorflow-fingerprint", None),
    (
        "tensorflow/frozen_graph.pb",
        "tensorflow-graphdef",
        Some(("tensorflow.file-operator", Severity::Critical)),
    ),
    ("tensorflow/model.meta", "tensorflow-metagraph", Some(("tensorflow.file-operator", Severity::Critical))),
    (
        "tensorflow/tf_PyFunc.pb",
        "tensorflow-savedmodel",
        Some(("tensorflow.python-operator", Severity::Critical)),
    ),
    (
        "tensorflow/tf_custom_op.pb",
        "tensorflow-savedmodel",
        Some(("tensorflow.unknown-operator", Severity::Medium)),
    ),
    (
        "tensorflow/tf_in_function.pb",
        "tensorflow-savedmodel",
        Some(("tensorflow.file-operator", Severity::Critical)),
    ),
    ("tensorflow/tf_usual.pb", "tensorflow-savedmodel", None),
    (
        "tensorflow/variables.index",
        "tensorflow-checkpoint-index",
        Some(("tensorflow.checkpoint", Severity::Low)),
    ),
    ("xml/custom_layer.xml", "openvino", Some(("openvino.custom-layer", Severity::High))),
    ("xml/net.xml", "openvino", None),
    ("xml/tree.pmml", "pmml", None),
    ("xml/xxe.pmml", "pmml", Some(("xml.doctype", Severity::Critical))),
    ("xml/xxe_openvino.xml", "openvino", Some(("xml.doctype", Severity::Critical))),
];

#[test]
fn every_file_is_what_it_is_and_does_what_it_does() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testdata/models");
    for (path, format, expected) in FILES {
        let file = FileSource::open(&root.join(path)).unwrap();
        let (len, name) = (file.len(), path.rsplit('/').next().unwrap());
        let report = look(Arc::new(file), len, name, &NoFolder, &Limits::default());
        assert_eq!(report.format.0, *format, "{path}");
        let grave = report.findings.iter().filter(|finding| finding.severity > Severity::Info);
        let worst =
            grave.max_by_key(|finding| finding.severity).map(|finding| (finding.id, finding.severity));
        assert_eq!(worst, *expected, "{path}: {:?}", report.findings);
        assert!(expected.is_some() || report.inspected == Inspected::Whole, "{path}");
    }
}
