//! What reads model files, and what is said of them: rules, known faults, signatures.

use std::fmt::Write as _;
use std::sync::Arc;

use lazaret_core::{Hint, Limits, Severity, Timestamp};
use lazaret_input::MemorySource;
use lazaret_models::vulnerabilities::{VexDocument, graveness, read_records, version_has};
use lazaret_models::{Folder, Inspected, NoFolder, OwnRules, Statistics, Terms, look_by};

/// GGUF.
pub fn gguf(bytes: &[u8]) -> String {
    model_file(bytes, "m.gguf")
}

/// Pickles.
pub fn pickle(bytes: &[u8]) -> String {
    model_file(bytes, "m.pkl")
}

/// Graphs as protocol buffers: under each name, so that what no longer looks like one is read too.
pub fn protobuf(bytes: &[u8]) -> String {
    let names = ["m.onnx", "saved_model.pb", "keras_metadata.pb", "m.mlmodel", "m.pdmodel"];
    names.map(|name| model_file(bytes, name)).join("\n")
}

/// Safetensors.
pub fn safetensors(bytes: &[u8]) -> String {
    model_file(bytes, "m.safetensors")
}

/// A file of a distributed checkpoint of PyTorch, and the metadata beside it: the bytes are both.
pub fn distcp(bytes: &[u8]) -> String {
    struct Beside<'b>(&'b [u8]);
    impl Folder for Beside<'_> {
        fn open(&self, path: &str) -> Option<(Arc<dyn lazaret_core::Source>, u64)> {
            let source = Arc::new(MemorySource::new(self.0, Hint::default()));
            (path == ".metadata").then_some((source as Arc<dyn lazaret_core::Source>, self.0.len() as u64))
        }
    }
    model_file_in(bytes, "__0_0.distcp", &Beside(bytes))
}

/// Records of examples for training.
pub fn tfrecord(bytes: &[u8]) -> String {
    model_file(bytes, "train.tfrecord")
}

/// Vectors of words, binary and as text.
pub fn word2vec(bytes: &[u8]) -> String {
    ["vectors.bin", "vectors.vec"].map(|name| model_file(bytes, name)).join("\n")
}

/// HDF5: every group and attribute, or a finding that says what was not reached.
pub fn hdf5(bytes: &[u8]) -> String {
    model_file(bytes, "fuzz.h5")
}

/// R objects: walked to their end, or a finding.
pub fn rds(bytes: &[u8]) -> String {
    model_file(bytes, "fuzz.rds")
}

/// Documents of models: configurations, lists of weights, lines.
pub fn models_json(bytes: &[u8]) -> String {
    model_file(bytes, "config.json") + &model_file(bytes, "model.jsonl")
}

/// Arrays of numpy, and whatever else the bytes are.
pub fn models_npy(bytes: &[u8]) -> String {
    model_file(bytes, "array.npy")
}

/// Source and compiled Python, and requirements.
pub fn models_python(bytes: &[u8]) -> String {
    model_file(bytes, "a.py") + &model_file(bytes, "a.pyc") + &model_file(bytes, "requirements.txt")
}

/// Bundles of Sigstore and files of trust: nobody signs for one who is nobody.
pub fn models_signature(bytes: &[u8]) -> String {
    let limits = Limits::default();
    let own = lazaret_models::TrustRoot::read(bytes, &limits).map_err(|error| error.to_string());
    let trust = lazaret_models::TrustRoot::public_good(&limits).map(|root| lazaret_models::SigstoreTrust {
        root,
        identity: String::new(),
        identity_provider: String::new(),
    });
    let signer = trust.map(|trust| trust.signer_of(bytes, &limits));
    assert!(matches!(signer, Ok(Err(_))), "a bundle that nobody signed holds");
    format!("{} {signer:?}", own.map_or_else(|error| error, |_| "a file of trust".to_owned()))
}

/// Templates.
pub fn models_template(bytes: &[u8]) -> String {
    model_file(bytes, "chat_template.jinja")
}

/// A hospital's own rules for models: refused with lines, or a pickle is looked at by them. Whatever they say, no finding that
/// is critical without them is less, unless an entry is for the digest of the file.
pub fn own_rules(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    let limits = Limits::default();
    // The day of the seeds: their entries are not more than a year ahead.
    let day = Timestamp::from_millis(1_560_000_000_000);
    match OwnRules::read(&text, day, &limits) {
        Ok(rules) => {
            let pickle = b"cposix\nsystem\n(S'true'\ntR.";
            let source = Arc::new(MemorySource::new(&pickle[..], Hint::default()));
            let terms = Terms { own: Arc::new(rules.clone()), ..Terms::default() };
            let report = look_by(source, pickle.len() as u64, "m.pkl", &NoFolder, &limits, &terms);
            let critical = report.findings.iter().any(|finding| finding.severity == Severity::Critical);
            assert!(critical || text.contains("sha256"), "a critical finding was lowered by a name");
            format!("{:?} {:?}", rules.entries(), report.findings)
        }
        Err(error) => error.to_string(),
    }
}

/// YAML: tags and keys, or a finding.
pub fn yaml(bytes: &[u8]) -> String {
    model_file(bytes, "fuzz.yaml")
}

/// Records of known faults: read whole or refused with the place, and every question about a version ends.
pub fn osv(bytes: &[u8]) -> String {
    let source: Arc<dyn lazaret_core::Source> = Arc::new(MemorySource::new(bytes, Hint::default()));
    let mut said = String::new();
    let read = read_records(&source, bytes.len() as u64, &Limits::default(), &mut |(place, record)| {
        let _ = match record {
            Ok(record) => {
                let mut answers = Vec::new();
                for affected in &record.affected {
                    for version in ["0", "1.0", "2.6.0rc1", "9!9", "x"] {
                        answers.push(version_has(&record, &affected.ecosystem, &affected.name, version));
                    }
                }
                writeln!(said, "{place}: {record:?} {answers:?} {:?}", graveness(&record, None))
            }
            Err(error) => writeln!(said, "{place}: refused: {error}"),
        };
        true
    });
    format!("{said}{read:?}")
}

/// Statements about faults: a document is read whole or refused with the place.
pub fn vex(bytes: &[u8]) -> String {
    let read = VexDocument::read(bytes, &Limits::default());
    if let Ok(document) = &read {
        assert!(document.statements.iter().all(|one| !one.names.is_empty() && !one.products.is_empty()));
    }
    format!("{read:?}")
}

/// A model file of a name, looked at as the gate does, with nothing beside it: whole, or a finding says that it was not.
fn model_file(bytes: &[u8], name: &str) -> String {
    model_file_in(bytes, name, &NoFolder)
}

/// The same with files beside it.
fn model_file_in(bytes: &[u8], name: &str, folder: &dyn Folder) -> String {
    let source = Arc::new(MemorySource::new(bytes, Hint::default()));
    let (limits, all) =
        (Limits::default(), Terms { statistics: Statistics::All, inside: true, ..Terms::default() });
    let report = look_by(source, bytes.len() as u64, name, folder, &limits, &all);
    let is_whole = report.inspected == Inspected::Whole;
    assert!(is_whole || !report.findings.is_empty(), "what was not inspected is told");
    assert!(report.findings.iter().all(|finding| !finding.message.is_empty()));
    format!("{report:?}")
}
