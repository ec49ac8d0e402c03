//! What is fuzzed: one function for each reader of hostile bytes, with what must hold of any bytes. It ends without
//! a panic and says in words what it made of them, so that two runs can be compared.
//!
//! `fuzz_targets/` gives each to libFuzzer. The tests replay all of them over seeds and changed seeds on stable Rust
//! (`crates/lazaret/tests/main/fuzz.rs`), so a new target is one function, one line in [`TARGETS`] and one file.

use std::fmt::Write as _;
use std::io;
use std::sync::{Arc, LazyLock};

use lazaret_core::{
    Basis, CrossingId, Edit, Edits, Findings, Flow, Format, Hint, KeyedDigest, Known, KnownFact, Label,
    Limit, Limits, Purpose, Rewriter as _, Sensitive, Severity, Span, Timestamp,
};
use lazaret_ingest::formats::csv::{CsvFormat, Schema};
use lazaret_ingest::formats::fhir::FhirR4;
use lazaret_ingest::formats::note::NoteFormat;
use lazaret_input::base64::Whitespace;
use lazaret_input::{Lines, MemorySource, SourceReader, archive, charset, decompress, sniff};
#[cfg(feature = "ner-model")]
use lazaret_input::{OpenError, ReadError};
use lazaret_ledger::note::{Checkpoint, VerifierKey};
use lazaret_models::vulnerabilities::{VexDocument, graveness, read_records, version_has};
use lazaret_models::{Folder, Inspected, NoFolder, OwnRules, Statistics, Terms, look_by};
#[cfg(feature = "ner-model")]
use lazaret_ner::{LocalModel, ModelSettings};
#[cfg(feature = "ner-model")]
use lazaret_phi::TokenClassifier as _;
use lazaret_phi::corpus::{Note, brat, i2b2, jsonl};
use lazaret_phi::{
    Answers, Editor, EntryKind, Knowledge, NewEntry, PhiRewriter, Scanner, With, shape_of, with_lines,
};
use lazaret_policy::{CedarPolicy, PolicyText};
use lazaret_traffic::admission::notes::Note as AdmissionNote;
use lazaret_traffic::admission::standing;
use lazaret_traffic::admission::{review as reviews, uses};
use lazaret_traffic::net::url::Url;
use lazaret_traffic::net::without::without;
use lazaret_traffic::net::{headers, range};
use lazaret_traffic::updates::hugging_face::route::Route;
use lazaret_traffic::updates::mlflow::source::Source;
use lazaret_traffic::updates::oci::challenge::challenges;
use lazaret_traffic::updates::oci::manifest::{KINDS, Manifest};
use lazaret_traffic::updates::oci::route::Route as RegistryRoute;
use lazaret_traffic::updates::path;
use lazaret_traffic::updates::pypi::simple::{Project, is_file_name};
use lazaret_vault::{Kms as _, LocalKms, SystemRandom, WrapContext};

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

/// A review of the API server: which models its objects use, whose they are. And lines of the verdicts and notes that travel
/// between webhooks.
pub fn admission_review(bytes: &[u8]) -> String {
    let limits = Limits::default();
    let mut said =
        format!("{:?} {:?}; ", standing::read(bytes, &limits), AdmissionNote::read(bytes, &limits));
    let document = match reviews::document(bytes, &limits) {
        Ok(document) => document,
        Err(error) => return said + &error.to_string(),
    };
    let review = match reviews::review(&document) {
        Ok(review) => review,
        Err(error) => return said + &error.to_string(),
    };
    for object in [review.object, review.old].into_iter().flatten() {
        let found = uses::uses(&review, object, uses::MAX_MODELS);
        let workload = uses::Workload::of(&review, object);
        let _ = write!(said, "{:?} {found:?} {workload:?}; ", review.operation);
    }
    said
}

/// Base64: what decodes encodes to the same text; with white space between, to the same bytes.
pub fn base64(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    let most = Limit::new("fuzz.max", 1 << 20);
    let strict = lazaret_input::base64::decode(&text, Whitespace::Refused, most);
    let skipped = lazaret_input::base64::decode(&text, Whitespace::Skipped, most);
    if let Ok(decoded) = &strict {
        assert_eq!(lazaret_input::base64::encode(decoded), text);
        assert_eq!(skipped.as_ref().ok(), Some(decoded));
    }
    format!("{strict:?} {skipped:?}")
}

/// Brotli, which only a name gives away.
pub fn brotli(bytes: &[u8]) -> String {
    let hint = Hint { extension: Some("br".into()), ..Hint::default() };
    let source = MemorySource::new(bytes, hint);
    match decompress::open_stream(Arc::new(source), &Limits::default()) {
        Ok(mut opened) => {
            format!("{:?}", io::copy(&mut opened.stream, &mut io::sink()).map_err(|error| error.to_string()))
        }
        Err(error) => error.to_string(),
    }
}

/// Charsets: what decodes comes back as the same bytes.
pub fn charset(bytes: &[u8]) -> String {
    let labels =
        [None, Some("latin1"), Some("utf-16"), Some("utf-16le"), Some("gb18030"), Some("iso-2022-jp")];
    let read = labels.map(|label| charset::decode(bytes, label));
    for (text, charset) in read.iter().flatten() {
        assert_eq!(charset.encode(text).as_deref(), Ok(bytes));
    }
    format!("{read:?}")
}

/// The key that trusts nothing a fuzzer can write.
fn nobody() -> Option<VerifierKey> {
    VerifierKey::new("ledger.test/fuzz", [7; 32]).ok()
}

/// Verifier keys, checkpoints and notes: what is read is written the same, and nothing unsigned is believed.
pub fn checkpoint(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    let key = VerifierKey::parse(&text);
    if let Ok(key) = &key {
        assert_eq!(VerifierKey::parse(&key.to_string()).ok().as_ref(), Some(key));
    }
    let checkpoint = Checkpoint::parse(&text);
    if let Ok(checkpoint) = &checkpoint {
        assert_eq!(Checkpoint::parse(&checkpoint.text()).ok().as_ref(), Some(checkpoint));
    }
    let believed = nobody().map(|key| Checkpoint::verify(&text, &key));
    assert!(believed.as_ref().is_none_or(Result::is_err), "an unsigned note was believed");
    format!("{key:?} {checkpoint:?} {believed:?} {:?}", lazaret_ledger::note::unhex(&text))
}

/// Marked notes: JSON lines, i2b2 XML, and brat where a zero byte stands between text and annotations. What is read
/// and can be written is read the same.
pub fn corpus(bytes: &[u8]) -> String {
    let limits = Limits::default();
    let mut notes: Vec<_> =
        bytes.split(|byte| *byte == b'\n').map(|line| jsonl::read(line, &limits)).collect();
    notes.push(i2b2::read("n", bytes, &limits));
    let (text, annotations) = bytes.split_at(bytes.iter().position(|byte| *byte == 0).unwrap_or(0));
    notes.push(brat::read("n", text, annotations.get(1..).unwrap_or(&[]), &limits));
    for note in notes.iter().flatten() {
        if let Ok(written) = i2b2::write(note) {
            let again = i2b2::read(&note.id, written.as_bytes(), &limits);
            assert!(again.is_ok_and(|again| again.text == note.text && same_spans(&again, note)));
        }
        if let Ok((text, annotations)) = brat::write(note) {
            let again = brat::read(&note.id, text.as_bytes(), annotations.as_bytes(), &limits);
            assert!(again.is_ok_and(|again| again.text == note.text && same_spans(&again, note)));
        }
    }
    format!("{notes:?}")
}

fn same_spans(a: &Note, b: &Note) -> bool {
    let spans = |note: &Note| -> Vec<_> {
        let spans = note.marks.iter().map(|mark| (mark.start, mark.end, format!("{:?}", mark.kind())));
        spans.collect()
    };
    spans(a) == spans(b)
}

/// CSV by a schema and without one.
pub fn csv(bytes: &[u8]) -> String {
    static TYPED: LazyLock<Option<CsvFormat>> = LazyLock::new(|| {
        let schema = include_str!("../../testdata/csv/formula-and-swallowed-rows.schema.toml");
        Schema::parse(schema).ok().map(|schema| CsvFormat::with_schema(Arc::new(schema)))
    });
    let typed = TYPED.as_ref().map(|format| records(format, bytes));
    format!("{typed:?} {}", records(&CsvFormat::new(), bytes))
}

/// The schema of a table, in TOML.
pub fn csv_schema(bytes: &[u8]) -> String {
    format!("{:?}", Schema::parse(&String::from_utf8_lossy(bytes)))
}

/// A text found in and written anew, in every form.
pub fn phi_edit(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    let found = match Scanner::new().and_then(|scanner| scanner.scan(&text, None)) {
        Ok(found) => found,
        Err(error) => return error.to_string(),
    };
    let forms = [With::Redact, With::Surrogate, With::Shift, With::Generalise];
    let edited = forms.map(|with| {
        let mut editor = Editor::new(with, KeyedDigest([7; 32]), Timestamp::from_millis(1_700_000_000_000));
        editor.edit(&text, &found).expect("what a scan finds is disjoint and on character boundaries").text
    });
    format!("{edited:?} {:?}", lazaret_phi::clinical_content(&text, &found))
}

/// A hospital's own knowledge, in TOML, used on a short note.
pub fn knowledge(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    match Knowledge::read(&text, "", Timestamp::default(), &Limits::default()) {
        Ok(knowledge) => {
            let scanner = Scanner::new().map(|scanner| scanner.knowing(Arc::new(knowledge)));
            let note = "Ward: Tansy East\nfolder QH.4471, Mr. Larkspur saw Thrale\nAssessment: Larkspur 4\n";
            scanner
                .map_or_else(|error| error.to_string(), |scanner| format!("{:?}", scanner.scan(note, None)))
        }
        Err(error) => error.to_string(),
    }
}

/// An entry that somebody proposes, a field a line: refused, or one entry more in a file, which keeps all it had.
pub fn knowledge_entry(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    let mut fields = text.split('\n');
    let mut field = || fields.next().map(|field| field.replace('\u{b}', "\n"));
    let entry = NewEntry {
        kind: field().and_then(|kind| EntryKind::parse(&kind)).unwrap_or(EntryKind::Allow),
        text: field().unwrap_or_default(),
        label: field().and_then(|label| Label::parse(&label)),
        after: field().filter(|word| !word.is_empty()).into_iter().collect(),
        ward: field().filter(|name| !name.is_empty()),
        author: field().filter(|name| !name.is_empty()),
        section: field().filter(|name| !name.is_empty()),
        until: field().filter(|day| !day.is_empty()),
    };
    // Who answers for it and why is asked for apart: neither is empty.
    let reason = format!("r{}", field().unwrap_or_default());
    let lines = entry.lines(&Answers { owner: "o", approver: "a", reason: &reason });
    let file = "version = 1   # ours\n[[ward]]\nnames = ['Tansy East']";
    let with = with_lines(file, &lines);
    assert!(with.starts_with(file), "what was in the file is as it was");
    let (now, limits) = (Timestamp::default(), Limits::default());
    let checked = entry.check(now, &limits);
    let read = Knowledge::read(&with, "", now, &limits).map(|read| read.size());
    if checked.is_ok() {
        let one_more = if entry.kind == EntryKind::Shape { (1, 1) } else { (2, 0) };
        assert_eq!(read.as_ref().ok(), Some(&one_more), "one entry more, and no other");
    }
    let shape = shape_of(&entry.text);
    format!("{checked:?} {shape:?} {}", entry.is_told_by(&reason))
}

/// Unpacking, by what the bytes are.
pub fn decompress(bytes: &[u8]) -> String {
    let source = MemorySource::new(bytes, Hint::default());
    match decompress::unpack(Arc::new(source), &Limits::default()) {
        Ok((source, layers)) => {
            let mut stream = SourceReader::new(source);
            let read = io::copy(&mut stream, &mut io::sink()).map_err(|error| error.to_string());
            format!("{read:?} {layers:?}")
        }
        Err(error) => error.to_string(),
    }
}

/// 7z archives: their headers, and what their folders unpack to.
pub fn sevenz(bytes: &[u8]) -> String {
    let limits = Limits::default();
    let source = Arc::new(MemorySource::new(bytes, Hint::default()));
    match archive::sevenz::read(source, bytes.len() as u64, &limits) {
        Ok(archive) => {
            let unpacked = archive.unpack(0, ARCHIVED, &limits);
            format!("{:?} {:?} {unpacked:?}", archive.members, archive.faults)
        }
        Err(error) => error.to_string(),
    }
}

/// Tar archives: no member lies outside of the bytes.
pub fn tar(bytes: &[u8]) -> String {
    let len = bytes.len() as u64;
    let source = Arc::new(MemorySource::new(bytes, Hint::default()));
    let mut tar = archive::tar::Tar::new(source, len, &Limits::default());
    let mut said = String::new();
    loop {
        match tar.next_member() {
            Ok(Some(member)) => {
                assert!(member.from.checked_add(member.len).is_some_and(|end| end <= len));
                let _ = write!(said, "{member:?} ");
            }
            Ok(None) => break,
            Err(error) => {
                let _ = write!(said, "{error} ");
                break;
            }
        }
    }
    format!("{said} {:?} {:?}", tar.faults, tar.end().ok())
}

/// Zip archives: every member is opened or a fault.
pub fn zip(bytes: &[u8]) -> String {
    let limits = Limits::default();
    let source = Arc::new(MemorySource::new(bytes, Hint::default()));
    match archive::zip::read(source, bytes.len() as u64, &limits) {
        Ok(zip) => {
            let mut said = format!("{:?} {:?}", zip.members, zip.faults);
            for index in 0..zip.members.len() {
                let opened = zip.open(index, ARCHIVED, &limits);
                let opened =
                    opened.map(|opened| (opened.len, opened.faults, opened.cut.map(|cut| cut.to_string())));
                let _ = write!(said, " {opened:?}");
            }
            said
        }
        Err(error) => error.to_string(),
    }
}

/// How much one member may unpack to.
const ARCHIVED: Limit = Limit::new("fuzz.max", 1 << 22);

/// FHIR: resources, bundles, NDJSON.
pub fn fhir(bytes: &[u8]) -> String {
    records(&FhirR4, bytes)
}

/// HDF5: every group and attribute, or a finding that says what was not reached.
pub fn hdf5(bytes: &[u8]) -> String {
    model_file(bytes, "fuzz.h5")
}

/// JSON: a document or a fault, and every fault within the bytes.
pub fn json(bytes: &[u8]) -> String {
    let parsed = lazaret_input::json::parse(bytes, &Limits::default());
    assert!(parsed.document.is_some() || !parsed.faults.is_empty());
    assert!(parsed.faults.iter().all(|fault| fault.offset <= bytes.len() as u64));
    format!("{parsed:?}")
}

/// Lines: no byte is lost, however short the limit.
pub fn lines(bytes: &[u8]) -> String {
    let mut limits = Limits::default();
    limits.set("input.max_record", 50);
    for limits in [Limits::default(), limits] {
        let mut lines = Lines::new(bytes, &limits);
        let mut again = 0;
        while let Ok(Some(line)) = lines.next() {
            let len = line.bytes.map_or_else(|reached| reached.found, |bytes| bytes.len() as u64);
            again += len + line.end.bytes().len() as u64;
        }
        assert_eq!((again, lines.offset()), (bytes.len() as u64, bytes.len() as u64));
    }
    bytes.len().to_string()
}

/// The files of a token classifier, each after a line `%% NAME`, and a text that is read with it. Of the weights the header
/// stands for itself (`%% header`, then `%% values`): its length is put before it, so that a changed header is read.
/// Whatever they hold, the model is refused in words or marks the text in order, on boundaries.
#[cfg(feature = "ner-model")]
pub fn model(bytes: &[u8]) -> String {
    let mut files = std::collections::BTreeMap::new();
    let mut rest = bytes;
    while let Some(after) = rest.strip_prefix(b"%% ") {
        let Some(end) = after.iter().position(|byte| *byte == b'\n') else { break };
        let (name, behind) = (String::from_utf8_lossy(&after[..end]).into_owned(), &after[end + 1..]);
        let next = behind.windows(4).position(|four| four == b"\n%% ").map_or(behind.len(), |at| at + 1);
        // Values may hold anything.
        let next = if name == "values" { behind.len() } else { next };
        files.insert(name, behind[..next].to_vec());
        rest = &behind[next..];
    }
    let (mut header, values) = (files.remove("header").unwrap_or_default(), files.remove("values"));
    header.truncate(header.trim_ascii_end().len());
    let length = (header.len() as u64).to_le_bytes();
    files
        .insert("model.safetensors".to_owned(), [&length, &header[..], &values.unwrap_or_default()].concat());
    let text = files.remove("text").unwrap_or_default();
    let text = String::from_utf8_lossy(&text).into_owned();
    let mut limits = Limits::default();
    for (key, most) in [
        ("phi.model.max_config", 8 << 10),
        ("phi.model.max_tokenizer", 32 << 10),
        ("phi.model.max_weights", 64 << 10),
        ("phi.model.max_header", 16 << 10),
        ("phi.model.max_vocabulary", 1_000),
        ("phi.model.max_width", 64),
        ("phi.model.max_labels", 20),
    ] {
        limits.set(key, most);
    }
    let read = |file: &str, most: Limit| -> Result<Vec<u8>, ReadError> {
        let missing = || OpenError::System(io::ErrorKind::NotFound.into());
        let bytes = files.get(file).ok_or_else(missing)?;
        most.check(bytes.len() as u64)?;
        Ok(bytes.clone())
    };
    let settings = ModelSettings { threshold: 0.1, ..ModelSettings::default() };
    let model = match LocalModel::of_files(&read, &settings, &limits) {
        Ok(model) => model,
        Err(error) => return lazaret_core::chain(&error),
    };
    let Ok(marks) = model.classify(&text) else { return "the text failed".to_owned() };
    let mut last = 0;
    for mark in &marks {
        let part = text.get(mark.span.start..mark.span.end);
        assert!(part.is_some_and(|part| !part.is_empty()) && last <= mark.span.start);
        last = mark.span.end;
    }
    format!("{} {marks:?}", model.version())
}

/// Text notes.
pub fn note(bytes: &[u8]) -> String {
    format!(
        "{} {}",
        records(&NoteFormat::new(), bytes),
        records(&NoteFormat::new().in_charset("utf-16le"), bytes)
    )
}

/// Every label that values are rewritten under.
const LABELS: [Label; 8] = [
    Label::DATE,
    Label::BIRTH_DATE,
    Label::AGE,
    Label::ZIP,
    Label::PATIENT,
    Label::PHONE,
    Label::EMAIL,
    Label::RECORD_ID,
];

/// Values rewritten: the first four bytes are the days, the rest is the value.
pub fn phi_rewrite(bytes: &[u8]) -> String {
    let (days, value) =
        bytes.split_first_chunk::<4>().map_or((1, bytes), |(days, value)| (i32::from_le_bytes(*days), value));
    let text = String::from_utf8_lossy(value);
    let rewriter = PhiRewriter::new(Timestamp::from_millis(1_700_000_000_000));
    let made = LABELS.map(|label| {
        let shifts = [days, days % 366].map(|days| rewriter.shift(label, &text, days));
        (rewriter.generalise(label, &text), shifts, rewriter.surrogate(label, &text, &KeyedDigest([7; 32])))
    });
    format!("{made:?}")
}

/// Text scanned, with nothing known and with its own first words known: spans are in order, disjoint, on characters.
pub fn phi_text(bytes: &[u8]) -> String {
    static SCANNER: LazyLock<Option<Scanner>> = LazyLock::new(|| Scanner::new().ok());
    let text = String::from_utf8_lossy(bytes);
    let Some(scanner) = SCANNER.as_ref() else { return "no scanner".to_owned() };
    let facts = text.split(['\n', ';']).take(8).zip(LABELS);
    let facts =
        facts.map(|(text, label)| KnownFact { label, text: Sensitive::new(text.to_owned()) }).collect();
    let known = Known { facts, too_much: false };
    let found = [None, Some(&known)].map(|known| {
        let Ok(found) = scanner.scan(&text, known) else { return Vec::new() };
        let mut end = 0;
        for span in found.iter().map(|detection| detection.span) {
            assert!(span.start >= end && span.start < span.end, "spans are in order, disjoint, not empty");
            assert!(text.get(span.start..span.end).is_some(), "a span is not on characters");
            end = span.end;
        }
        let points = lazaret_phi::code_points(&text, &found);
        assert!(points.iter().all(|(start, end)| start < end), "code points are as the bytes are");
        let said = scanner.assess(&text, &found);
        assert!(
            said.len() <= 2 && said.iter().all(|a| (0.0..=1.0).contains(&a.confidence.value())),
            "scores"
        );
        found
    });
    format!("{found:?}")
}

/// Policies in Cedar: a set, or errors that name the file.
pub fn policy(bytes: &[u8]) -> String {
    let text =
        PolicyText { name: "fuzz.cedar".to_owned(), text: String::from_utf8_lossy(bytes).into_owned() };
    match CedarPolicy::from_texts(&[text]) {
        Ok(policy) => format!("{:?}", policy.notes()),
        Err(refused) => {
            assert!(refused.diagnostics.iter().all(|wrong| wrong.file == "fuzz.cedar"));
            assert!(!refused.diagnostics.is_empty());
            refused.diagnostics.len().to_string()
        }
    }
}

/// Proofs of a ledger: none holds that nobody signed.
pub fn proof(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    let proven = nobody().map(|key| lazaret_ledger::verify_proof(&text, &key));
    assert!(proven.as_ref().is_none_or(Result::is_err), "a proof that nobody signed holds");
    format!("{proven:?}")
}

/// R objects: walked to their end, or a finding.
pub fn rds(bytes: &[u8]) -> String {
    model_file(bytes, "fuzz.rds")
}

/// Sniffing: any bytes are something.
pub fn sniff(bytes: &[u8]) -> String {
    format!("{:?}", sniff::sniff(bytes))
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

/// Wrapped keys: what nobody wrapped does not unwrap.
pub fn vault_key(bytes: &[u8]) -> String {
    static KMS: LazyLock<Option<LocalKms>> = LazyLock::new(|| {
        LocalKms::new_passphrase(&Sensitive::new("a passphrase of tests".to_owned()), &SystemRandom).ok()
    });
    let Some(kms) = KMS.as_ref() else { return "no key".to_owned() };
    let context = WrapContext { key: "k", class: "vault", dataset: "holds", column: "" };
    assert!(kms.unwrap(&context, bytes).is_err(), "a forged key unwraps");
    LocalKms::wants_passphrase(&String::from_utf8_lossy(bytes)).to_string()
}

/// Single words as they come on a command line or from a database: what is read is written the same.
pub fn words(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    let crossing = CrossingId::parse(&text);
    if let Some(id) = crossing {
        assert_eq!(CrossingId::parse(&id.to_string()), Some(id));
        assert_eq!(CrossingId::from_bytes(*id.as_bytes()), id);
    }
    let basis = Basis::parse(&text);
    assert!(basis.is_none_or(|basis| basis.name() == text));
    let purpose = Purpose::parse(&text);
    assert!(
        purpose.as_ref().is_none_or(|purpose| Purpose::parse(&purpose.to_string()).as_ref() == Some(purpose))
    );
    format!("{crossing:?} {basis:?} {purpose:?}")
}

/// XML: events, and every fault within the bytes.
pub fn xml(bytes: &[u8]) -> String {
    let mut told = 0;
    let faults = lazaret_input::xml::events_of_bytes(bytes, &Limits::default(), |_| {
        told += 1;
        Flow::On
    });
    assert!(faults.iter().all(|fault| fault.offset <= bytes.len() as u64));
    format!("{told} {faults:?}")
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

/// The road of a format: its records are read and visited; without edits each is written as it came, and with every
/// segment gone it is written or refused.
fn records(format: &dyn Format, bytes: &[u8]) -> String {
    let limits = Limits::default();
    let source = Arc::new(MemorySource::new(bytes.to_vec(), Hint::default()));
    let Ok(mut payload) = format.open(source, &limits) else { return "refused".to_owned() };
    let mut said = String::new();
    while let Ok(Some(record)) = payload.next() {
        let mut findings = Findings::new();
        let reading = record.read(&limits, &mut findings);
        let _ = writeln!(said, "{} {:?}", record.place().number, findings.faults()); // writing to a String cannot fail
        let Some(reading) = reading else { continue };
        let mut again = Vec::new();
        if reading.write(&Edits::none(), &mut again).is_ok() {
            assert_eq!(again, record.body().held().unwrap_or_default(), "what is not edited is as it came");
        }
        let mut edits = Edits::none();
        let mut number = 0;
        let visited = reading.segments(&mut |segment| {
            let span = Span::new(0, segment.text().map_or(0, str::len));
            let _one_whole = edits.push(number, Edit { span, with: String::new().into(), whole: true });
            number += 1;
            Flow::On
        });
        let mut facts = 0;
        let learnt = reading.facts(&mut |_, _, _| facts += 1);
        let mut gone = Vec::new();
        let written = reading.write(&edits, &mut gone).is_ok();
        let (visited, learnt) = (visited.is_ok(), learnt.is_ok());
        let _ = writeln!(said, "{number} {facts} {visited} {learnt} {written} {}", gone.len()); // writing to a String cannot fail
        let _ = writeln!(said, "{:?} {:?}", reading.subject().is_some(), reading.sensitivity()); // writing to a String cannot fail
    }
    said
}

/// A page of a simple index, as HTML and as JSON: what is made of it holds plain names alone and is read the same again.
pub fn simple_index(bytes: &[u8]) -> String {
    let limits = Limits::default();
    let Ok(at) = Url::parse("https://index.example/simple/torch/") else { return String::new() };
    let html = Project::of_html("torch", &String::from_utf8_lossy(bytes), &at, &limits);
    let json = Project::of_json("torch", bytes, &at, &limits);
    let mut said = String::new();
    for read in [html, json] {
        let project = match read {
            Ok(project) => project,
            Err(error) => {
                let _fits = writeln!(said, "{error}");
                continue;
            }
        };
        assert!(project.files.iter().all(|file| is_file_name(&file.name)));
        let again = Project::of_html("torch", &project.to_html(|file| file.url.whole()), &at, &limits);
        assert_eq!(again.map(|again| again.files.len()).ok(), Some(project.files.len()));
        let again =
            Project::of_json("torch", project.to_json(|file| file.url.whole()).as_bytes(), &at, &limits);
        assert_eq!(again.as_ref().ok(), Some(&project));
        let _fits = writeln!(said, "{project:?}");
    }
    said
}

/// What a client asks of a registry of images and what a registry wants to know, a line each; and a manifest, whose blobs have
/// names that stay in their folder.
pub fn registry(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    let mut said = String::new();
    for line in text.lines().take(100) {
        let steps = path::steps(line).unwrap_or_default();
        let steps: Vec<&str> = steps.iter().map(String::as_str).collect();
        let route = RegistryRoute::of(&steps).map_err(|refusal| refusal.message);
        let _fits = writeln!(said, "{route:?} {:?}", challenges(line));
    }
    for sent_as in ["", KINDS[0].0] {
        let read = Manifest::read(bytes, sent_as, &Limits::default());
        for name in read.iter().flat_map(|manifest| &manifest.blobs).flat_map(|blob| &blob.names) {
            assert!(path::is_file(name), "{name}");
        }
        let _fits = writeln!(said, "{read:?}");
    }
    said
}

/// What a client or an upstream says in a line: an address, a path, a range, a tag, a source of a model; and a page of the
/// hub.
pub fn update_request(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    let mut said = String::new();
    for line in text.lines().take(100) {
        let route = path::steps(line).and_then(|steps| Route::of(&steps));
        if let Some(route) = &route {
            assert_eq!(path::steps(&route.path()).and_then(|steps| Route::of(&steps)).as_ref(), Some(route));
        }
        let url = Url::parse(line);
        let (wanted, part) = (range::wanted(Some(line), 1000), range::content_range(line));
        if let range::Wanted::Part { from, to } = wanted {
            assert!(from < to && to <= 1000);
        }
        let source = Source::parse(line);
        if let Some(Source::Artifacts(path) | Source::Run { path, .. }) = &source {
            assert!(!path.split('/').any(|step| step == ".."));
        }
        let _fits =
            writeln!(said, "{route:?} {url:?} {wanted:?} {part:?} {:?} {source:?}", headers::tag(line));
    }
    let keys = ["xetHash"];
    if let Some(page) = without(&keys, bytes, &Limits::default()) {
        assert_eq!(without(&keys, &page, &Limits::default()).as_ref(), Some(&page));
        said.push_str(&String::from_utf8_lossy(&page));
    }
    said
}
