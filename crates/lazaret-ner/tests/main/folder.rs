//! What is refused: each folder spoilt in one way, and the sentence that says so.

use std::path::Path;

use lazaret_core::{Limits, chain};
use lazaret_ner::{LocalModel, ModelSettings};
use proptest::prelude::*;
use serde_json::json;

use crate::tiny::Tiny;

fn open(folder: &Path, settings: &ModelSettings) -> Result<LocalModel, String> {
    LocalModel::open(folder, settings, &Limits::default()).map_err(|error| chain(&error))
}

/// The sentence with which a folder is refused.
fn refused(spoil: impl FnOnce(&mut Tiny), after: impl FnOnce(&Path)) -> String {
    let folder = tempfile::tempdir().unwrap();
    let mut tiny = Tiny::new();
    spoil(&mut tiny);
    tiny.write(folder.path());
    after(folder.path());
    open(folder.path(), &ModelSettings::default()).unwrap_err()
}

fn nothing(_: &mut Tiny) {}

fn remove(file: &'static str) -> impl Fn(&Path) {
    move |folder| std::fs::remove_file(folder.join(file)).unwrap()
}

#[test]
fn missing_files_are_named() {
    for (file, named) in [
        ("config.json", "config.json: "),
        ("model.safetensors", "model.safetensors: "),
        ("tokenizer.json", "vocab.txt: "),
    ] {
        let error = refused(nothing, remove(file));
        assert!(error.starts_with(named) && error.contains("could not be opened"), "{error}");
    }
    let error = open(Path::new("there/is/none"), &ModelSettings::default()).unwrap_err();
    assert!(error.starts_with("config.json: "), "{error}");
}

#[test]
fn pickles_and_weights_in_parts_are_refused_with_the_way_out() {
    let error = refused(nothing, |folder| {
        std::fs::rename(folder.join("model.safetensors"), folder.join("pytorch_model.bin")).unwrap();
    });
    assert!(error.contains("a pickle runs code when it is read"), "{error}");
    assert!(error.contains("save the model as `model.safetensors`"), "{error}");
    let error = refused(nothing, |folder| {
        remove("model.safetensors")(folder);
        std::fs::write(folder.join("model.safetensors.index.json"), "{}").unwrap();
    });
    assert!(error.contains("several files"), "{error}");
}

#[test]
fn a_list_of_words_needs_to_know_of_capitals() {
    let list = |config: Option<&str>| {
        let folder = tempfile::tempdir().unwrap();
        let tiny = Tiny::new();
        tiny.write(folder.path());
        let mut words: Vec<_> =
            tiny.tokenizer["model"]["vocab"].as_object().unwrap().clone().into_iter().collect();
        words.sort_by_key(|(_, id)| id.as_u64());
        let list: String = words.into_iter().map(|(word, _)| word + "\n").collect();
        std::fs::write(folder.path().join("vocab.txt"), list).unwrap();
        remove("tokenizer.json")(folder.path());
        if let Some(config) = config {
            std::fs::write(folder.path().join("tokenizer_config.json"), config).unwrap();
        }
        open(folder.path(), &ModelSettings::default())
    };
    assert!(list(None).unwrap_err().starts_with("tokenizer_config.json: "));
    let error = list(Some("{}")).unwrap_err();
    assert!(error.contains("`do_lower_case` is neither true nor false"), "{error}");
    assert!(list(Some("{\"do_lower_case\": true}")).is_ok());
}

#[test]
fn other_weights_than_the_settings_name_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    Tiny::new().write(folder.path());
    let pinned = ModelSettings { sha256: Some("ab".repeat(32)), ..ModelSettings::default() };
    let error = open(folder.path(), &pinned).unwrap_err();
    assert!(
        error.contains("other weights than were approved") && error.contains("phi.model.sha256"),
        "{error}"
    );
}

#[test]
fn tensors_that_do_not_fit_are_named() {
    let tensor = |name: &'static str, change: fn(&mut (Vec<usize>, Vec<f32>))| {
        refused(|tiny| change(tiny.tensors.get_mut(name).unwrap()), |_| ())
    };
    let error = tensor("classifier.weight", |tensor| *tensor = (vec![4, 16], vec![0.0; 64]));
    assert!(error.contains("`classifier.weight` has shape [4, 16]; by config.json it is [5, 16]"), "{error}");
    let error = tensor("classifier.bias", |tensor| tensor.1[3] = f32::NAN);
    assert!(error.contains("`classifier.bias` holds a value that is no finite number"), "{error}");
    let error = tensor("bert.embeddings.word_embeddings.weight", |tensor| tensor.1[9] = f32::NEG_INFINITY);
    assert!(error.contains("word_embeddings.weight` holds a value"), "{error}");
    let name = "bert.encoder.layer.0.output.dense.bias";
    let error = refused(
        |tiny| {
            tiny.tensors.remove(name).unwrap();
        },
        |_| (),
    );
    assert!(error.contains(&format!("tensor `{name}` is not there")), "{error}");
    // More layers than the file has, and fewer.
    let error = refused(|tiny| tiny.config["num_hidden_layers"] = json!(4_000_000_000_u64), |_| ());
    assert!(
        error.contains("tensor `bert.encoder.layer.1.attention.self.query.weight` is not there"),
        "{error}"
    );
    let extra = |tiny: &mut Tiny| {
        tiny.tensors.insert("bert.encoder.layer.1.output.dense.bias".to_owned(), (vec![16], vec![0.0; 16]));
    };
    let error = refused(extra, |_| ());
    assert!(error.contains("is of a layer beyond the 1 of config.json"), "{error}");
}

#[test]
fn older_names_of_norms_are_read() {
    let folder = tempfile::tempdir().unwrap();
    let mut tiny = Tiny::new();
    tiny.tensors = std::mem::take(&mut tiny.tensors)
        .into_iter()
        .map(|(name, tensor)| {
            let older = name.replace("LayerNorm.weight", "LayerNorm.gamma");
            (older.replace("LayerNorm.bias", "LayerNorm.beta"), tensor)
        })
        .collect();
    tiny.write(folder.path());
    open(folder.path(), &ModelSettings::default()).unwrap();
}

#[test]
fn labels_and_architectures_that_are_not_known_are_named() {
    let error = refused(|tiny| tiny.config["id2label"]["3"] = json!("B-GADGET"), |_| ());
    assert!(error.contains("label `GADGET`") && error.contains("[phi.model.labels]"), "{error}");
    let error = refused(
        |tiny| tiny.config["id2label"] = json!({"0": "O", "1": "B-PATIENT", "2": "I-PATIENT"}),
        |_| (),
    );
    assert!(error.contains("`classifier.weight` has shape [5, 16]; by config.json it is [3, 16]"), "{error}");
    let error = refused(|tiny| tiny.config["architectures"] = json!(["LlamaForCausalLM"]), |_| ());
    assert!(error.contains("no architecture `LlamaForCausalLM`"), "{error}");
    let error = refused(|tiny| tiny.config["vocab_size"] = json!(10), |_| ());
    assert!(error.contains("tokenizer.json: has an id of 10"), "{error}");
}

#[test]
fn hostile_weights_end_within_their_limits() {
    let weights = |bytes: Vec<u8>| {
        refused(nothing, |folder| std::fs::write(folder.join("model.safetensors"), bytes).unwrap())
    };
    assert!(weights(Vec::new()).contains("has no header"));
    let error = weights(u64::MAX.to_le_bytes().to_vec());
    assert!(error.contains("header: limit `phi.model.max_header` reached"), "{error}");
    let with = |header: &str, data: &[u8]| {
        let length = u64::try_from(header.len()).unwrap();
        weights([&length.to_le_bytes(), header.as_bytes(), data].concat())
    };
    for (header, data) in [
        ("{", &[][..]),
        (&"[".repeat(100_000), &[]),
        // More than the file holds, and more than a number can be.
        (r#"{"a":{"dtype":"F32","shape":[1000000000,1000000000],"data_offsets":[0,4]}}"#, &[0; 4]),
        (r#"{"a":{"dtype":"F32","shape":[18446744073709551615,2],"data_offsets":[0,4]}}"#, &[0; 4]),
        (r#"{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}"#, &[]),
        // Two of one place.
        (
            r#"{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"b":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}"#,
            &[0; 4],
        ),
    ] {
        let error = with(header, data);
        assert!(error.starts_with("model.safetensors: is not a safetensors file"), "{error}");
        assert!((0..8).all(|_| with(header, data) == error), "the same words each time: {error}");
    }
    let good = Tiny::new().weights();
    for cut in [9, good.len() / 2, good.len() - 1] {
        assert!(weights(good[..cut].to_vec()).contains("is not a safetensors file"), "{cut}");
    }
    let error = with(r#"{"classifier.bias":{"dtype":"I32","shape":[5],"data_offsets":[0,20]}}"#, &[0; 20]);
    assert!(error.contains("is not there") || error.contains("holds I32"), "{error}");
}

#[test]
fn a_file_above_its_limit_is_refused_whole() {
    let folder = tempfile::tempdir().unwrap();
    Tiny::new().write(folder.path());
    for (file, limit) in [
        ("config.json", "phi.model.max_config"),
        ("tokenizer.json", "phi.model.max_tokenizer"),
        ("model.safetensors", "phi.model.max_weights"),
    ] {
        let mut limits = Limits::default();
        limits.set(limit, 100);
        let error = LocalModel::open(folder.path(), &ModelSettings::default(), &limits).unwrap_err();
        let error = chain(&error);
        assert!(error.starts_with(file) && error.contains(&format!("limit `{limit}` reached")), "{error}");
    }
}

/// A `RoBERTa` of `testdata/ner` in a folder of its own.
fn roberta(folder: &Path, files: &[&str]) {
    let from = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testdata/ner/roberta");
    for file in ["config.json", "model.safetensors"].iter().chain(files) {
        std::fs::copy(from.join(file), folder.join(file)).unwrap();
    }
}

#[test]
fn a_roberta_is_opened_with_either_form_of_its_tokenizer_and_reads_to_its_last_position() {
    // 250 rows of positions, of which the first two are no word's.
    // A word of signs of four pieces each is longer than a window, which ends within one of them.
    let text =
        "Seen by Dr. Quilvermoor \u{533b}\u{9662}, on ward 12\n".repeat(300) + &"\u{1f600}".repeat(500);
    let marks = |files: &[&str]| {
        let folder = tempfile::tempdir().unwrap();
        roberta(folder.path(), files);
        let settings = ModelSettings { threshold: 0.2, ..ModelSettings::default() };
        let model = open(folder.path(), &settings).unwrap();
        let marks = lazaret_phi::TokenClassifier::classify(&model, &text).unwrap();
        assert!(marks.len() > 300);
        assert!(marks.windows(2).all(|two| two[0].span.end <= two[1].span.start), "{marks:?}");
        for mark in &marks {
            let part = text.get(mark.span.start..mark.span.end).unwrap();
            assert!(!part.is_empty() && part.trim() == part, "{part:?}");
        }
        marks.into_iter().map(|mark| (mark.span, mark.label)).collect::<Vec<_>>()
    };
    assert_eq!(marks(&["tokenizer.json"]), marks(&["vocab.json", "merges.txt"]));
    let refused = |files: &[&str]| {
        let folder = tempfile::tempdir().unwrap();
        roberta(folder.path(), files);
        open(folder.path(), &ModelSettings::default()).unwrap_err()
    };
    assert!(refused(&[]).starts_with("vocab.json: "));
    assert!(refused(&["vocab.json"]).starts_with("merges.txt: "));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(600))]

    /// Bytes of one file changed, put in, or cut off: the folder is opened or refused.
    #[test]
    fn a_changed_file_is_read_or_refused(
        file in prop::sample::select(vec!["config.json", "tokenizer.json", "model.safetensors"]),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>(), 0..3_u8), 1..6),
        // Of the weights most bytes are weights: the header is what is read.
        near in any::<bool>(),
    ) {
        let folder = tempfile::tempdir().unwrap();
        Tiny::new().write(folder.path());
        let mut bytes = std::fs::read(folder.path().join(file)).unwrap();
        for (at, byte, how) in changes {
            let at = at.index(if near { bytes.len().min(1_500) } else { bytes.len() });
            match how {
                0 => bytes[at] = byte,
                1 => bytes.insert(at, byte),
                _ if byte < 8 => bytes.truncate(at.max(1)),
                _ => bytes[at] = b'0' + byte % 10,
            }
        }
        std::fs::write(folder.path().join(file), bytes).unwrap();
        if let Err(error) = open(folder.path(), &ModelSettings::default()) {
            prop_assert!(error.len() < 2_000, "{error}");
        }
    }
    /// The same of a model that reads bytes.
    #[test]
    fn a_changed_file_of_a_roberta_is_read_or_refused(
        file in prop::sample::select(vec!["config.json", "tokenizer.json", "vocab.json", "merges.txt"]),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>(), 0..3_u8), 1..6),
    ) {
        let folder = tempfile::tempdir().unwrap();
        let lists = ["vocab.json", "merges.txt"];
        roberta(folder.path(), if lists.contains(&file) { &lists } else { &["tokenizer.json"] });
        let mut bytes = std::fs::read(folder.path().join(file)).unwrap();
        for (at, byte, how) in changes {
            let at = at.index(bytes.len());
            match how {
                0 => bytes[at] = byte,
                1 => bytes.insert(at, byte),
                _ if byte < 8 => bytes.truncate(at.max(1)),
                _ => bytes[at] = [b'0' + byte % 10, b' ', b'\n', b'"'][usize::from(byte % 4)],
            }
        }
        std::fs::write(folder.path().join(file), bytes).unwrap();
        if let Err(error) = open(folder.path(), &ModelSettings::default()) {
            prop_assert!(error.len() < 2_000, "{error}");
        }
    }
}
