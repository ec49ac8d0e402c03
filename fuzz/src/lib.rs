//! What is fuzzed: one function for each reader of hostile bytes, with what must hold of any bytes. It ends without
//! a panic and says in words what it made of them, so that two runs can be compared.
//!
//! `fuzz_targets/` gives each to libFuzzer. The tests replay all of them over seeds and changed seeds on stable Rust
//! (`crates/lazaret/tests/main/fuzz.rs`), so a new target is one function in the file of its kind, one line in [`TARGETS`]
//! and one file there.

mod input;
mod models;
mod phi;
mod records;
mod traffic;
mod trust;

pub use input::*;
pub use models::*;
pub use phi::*;
pub use records::*;
pub use traffic::*;
pub use trust::*;

/// One target.
#[derive(Debug)]
pub struct Target {
    /// Its name: that of its file in `fuzz_targets`.
    pub name: &'static str,
    /// The folders of `testdata` (or of the repository) whose files are its seeds, and how their names end.
    pub seeds: &'static [(&'static str, &'static str)],
    /// How many changed seeds the tests replay: what a debug build does in about a second.
    pub replays: u64,
    /// What is done with the bytes.
    pub run: fn(&[u8]) -> String,
}

const fn target(
    name: &'static str,
    seeds: &'static [(&'static str, &'static str)],
    replays: u64,
    run: fn(&[u8]) -> String,
) -> Target {
    Target { name, seeds, replays, run }
}

/// All targets, sorted by name.
pub const TARGETS: &[Target] = &[
    target("admission_review", &[("testdata/admission", ".json")], 1_000, admission_review),
    target("base64", &[("testdata/input", "")], 2_000, base64),
    target("brotli", &[("testdata/input", "")], 2_000, brotli),
    target("charset", &[("testdata/input", "")], 2_000, charset),
    target("checkpoint", &[("testdata/ledger", ""), ("testdata/fuzz/checkpoint", "")], 3_000, checkpoint),
    target("corpus", &[("testdata/fuzz/corpus", ""), ("testdata/phi-score", "jsonl")], 2_000, corpus),
    target("csv", &[("testdata/csv", ".csv")], 1_000, csv),
    target("csv_schema", &[("testdata/csv", ".toml"), ("testdata/docs", ".toml")], 1_000, csv_schema),
    target("decompress", &[("testdata/input", "")], 2_000, decompress),
    target("distcp", &[("testdata/models/formats/torch-distcp", "")], 1_000, distcp),
    target("fhir", &[("testdata/fhir", "json"), ("testdata/docs", "json")], 1_000, fhir),
    target("gguf", &[("testdata/models/gguf", "")], 2_000, gguf),
    target("hdf5", &[("testdata/models/hdf5", ".h5")], 1_000, hdf5),
    target("json", &[("testdata/json", ""), ("testdata/input", "")], 3_000, json),
    target("knowledge", &[("testdata/docs", "knowledge.toml")], 1_000, knowledge),
    target("knowledge_entry", &[("testdata/fuzz/knowledge_entry", "")], 1_000, knowledge_entry),
    target("lines", &[("testdata/json", ""), ("testdata/input", "")], 2_000, lines),
    #[cfg(feature = "ner-model")]
    target("model", &[("testdata/fuzz/model", ".model")], 400, model),
    target("models_json", &[("testdata/models/json", ""), ("testdata/json", "")], 1_000, models_json),
    target("models_npy", &[("testdata/models/numpy", "")], 1_000, models_npy),
    target("models_python", &[("testdata/models/python", "")], 1_000, models_python),
    target(
        "models_signature",
        &[("testdata/models/sigstore", ".json"), ("testdata/models/oms", ".sig")],
        600,
        models_signature,
    ),
    target("models_template", &[("testdata/models/template", "")], 1_000, models_template),
    target("note", &[("testdata/note", ""), ("testdata/input", "")], 2_000, note),
    target("osv", &[("testdata/vulnerabilities", ".json")], 2_000, osv),
    target(
        "own_rules",
        &[("testdata/docs", "models.toml"), ("testdata/docs", "rules.toml")],
        1_000,
        own_rules,
    ),
    target("phi_edit", &[("testdata/docs", ".txt")], 600, phi_edit),
    target("phi_rewrite", &[("testdata/fuzz/phi_rewrite", "")], 2_000, phi_rewrite),
    target(
        "phi_text",
        &[
            ("testdata/phi", ""),
            ("testdata/phi/languages", ""),
            ("testdata/phi/residual", ""),
            ("testdata/input", ".txt"),
            ("testdata/docs", ""),
        ],
        600,
        phi_text,
    ),
    target("pickle", &[("testdata/models/generated/pickle", ""), ("testdata/docs", ".pkl")], 3_000, pickle),
    target("policy", &[("policies", ".cedar")], 60, policy),
    target("proof", &[("testdata/ledger", ""), ("testdata/fuzz/proof", "")], 2_000, proof),
    target(
        "protobuf",
        &[("testdata/models/onnx", ""), ("testdata/models/protobuf", ""), ("testdata/models/tensorflow", "")],
        2_000,
        protobuf,
    ),
    target("rds", &[("testdata/models/rds", ".rds")], 3_000, rds),
    target("registry", &[("testdata/fuzz/registry", "")], 2_000, registry),
    target("safetensors", &[("testdata/models/safetensors", "")], 2_000, safetensors),
    target("sevenz", &[("testdata/archive", ".7z")], 2_000, sevenz),
    target("simple_index", &[("testdata/updates", "")], 1_000, simple_index),
    target("sniff", &[("testdata/input", ""), ("testdata/json", ""), ("testdata/xml", "")], 3_000, sniff),
    target("tar", &[("testdata/archive", ".tar")], 300, tar),
    target("tfrecord", &[("testdata/models/formats/tfrecord", "")], 2_000, tfrecord),
    target("update_request", &[("testdata/updates", "")], 2_000, update_request),
    target("vault_key", &[("testdata/input", "")], 1_000, vault_key),
    target("vex", &[("testdata/fuzz/vex", ".json")], 2_000, vex),
    target(
        "word2vec",
        &[("testdata/models/formats/word2vec", ""), ("testdata/models/formats/word-vectors", "")],
        2_000,
        word2vec,
    ),
    target("words", &[("testdata/fuzz/words", "")], 3_000, words),
    target("xml", &[("testdata/xml", ""), ("testdata/input", "")], 3_000, xml),
    target("yaml", &[("testdata/models/yaml", ".yaml")], 2_000, yaml),
    target("zip", &[("testdata/archive", ".zip")], 2_000, zip),
];
