//! A tiny BERT whose weights are made by hand: each word of its vocabulary says one label, whatever stands around it.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::{Value, json};

const HIDDEN: usize = 16;
const INNER: usize = 8;
const POSITIONS: usize = 16;
const TAGS: [&str; 5] = ["O", "B-PATIENT", "I-PATIENT", "B-HOSPITAL", "I-HOSPITAL"];

/// Each piece and how much of each tag it says.
const WORDS: &[(&str, &[(usize, f32)])] = &[
    ("[PAD]", &[(0, 1.0)]),
    ("[UNK]", &[(0, 1.0)]),
    ("[CLS]", &[(0, 1.0)]),
    ("[SEP]", &[(0, 1.0)]),
    ("zorblat", &[(1, 1.0)]),
    ("quen", &[(2, 1.0)]),
    ("glimmer", &[(3, 1.0)]),
    ("##hall", &[(3, 1.0)]),
    ("annexe", &[(4, 1.0)]),
    // A piece that says nothing by itself
    ("##ish", &[(0, 1.0)]),
    // As much a name as none, and as one
    ("maybe", &[(0, 1.0), (1, 0.95), (2, 0.95)]),
];

/// A model's folder before it is written: a test may spoil any of it.
pub(crate) struct Tiny {
    pub(crate) config: Value,
    pub(crate) tokenizer: Value,
    pub(crate) tensors: BTreeMap<String, (Vec<usize>, Vec<f32>)>,
}

impl Tiny {
    pub(crate) fn new() -> Self {
        let mut tensors = BTreeMap::new();
        let mut put = |name: String, shape: &[usize], values: Vec<f32>| {
            assert_eq!(values.len(), shape.iter().product::<usize>());
            tensors.insert(name, (shape.to_vec(), values));
        };
        let mut words = vec![0.0; WORDS.len() * HIDDEN];
        for (row, (_, says)) in words.chunks_exact_mut(HIDDEN).zip(WORDS) {
            for (tag, much) in *says {
                row[*tag] = *much;
            }
        }
        let mut classifier = vec![0.0; TAGS.len() * HIDDEN];
        for (tag, row) in classifier.chunks_exact_mut(HIDDEN).enumerate() {
            row[tag] = 3.0;
        }
        put("bert.embeddings.word_embeddings.weight".to_owned(), &[WORDS.len(), HIDDEN], words);
        let nothing = |rows: usize| vec![0.0; rows * HIDDEN];
        put(
            "bert.embeddings.position_embeddings.weight".to_owned(),
            &[POSITIONS, HIDDEN],
            nothing(POSITIONS),
        );
        put("bert.embeddings.token_type_embeddings.weight".to_owned(), &[2, HIDDEN], nothing(2));
        put("classifier.weight".to_owned(), &[TAGS.len(), HIDDEN], classifier);
        put("classifier.bias".to_owned(), &[TAGS.len()], vec![0.0; TAGS.len()]);
        let layer = "bert.encoder.layer.0";
        for norm in ["attention.output.LayerNorm", "output.LayerNorm"] {
            put(format!("{layer}.{norm}.weight"), &[HIDDEN], vec![1.0; HIDDEN]);
            put(format!("{layer}.{norm}.bias"), &[HIDDEN], vec![0.0; HIDDEN]);
        }
        put("bert.embeddings.LayerNorm.weight".to_owned(), &[HIDDEN], vec![1.0; HIDDEN]);
        put("bert.embeddings.LayerNorm.bias".to_owned(), &[HIDDEN], vec![0.0; HIDDEN]);
        for (name, from, to) in [
            ("attention.self.query", HIDDEN, HIDDEN),
            ("attention.self.key", HIDDEN, HIDDEN),
            ("attention.self.value", HIDDEN, HIDDEN),
            ("attention.output.dense", HIDDEN, HIDDEN),
            ("intermediate.dense", HIDDEN, INNER),
            ("output.dense", INNER, HIDDEN),
        ] {
            put(format!("{layer}.{name}.weight"), &[to, from], vec![0.0; to * from]);
            put(format!("{layer}.{name}.bias"), &[to], vec![0.0; to]);
        }
        let labels: serde_json::Map<_, _> =
            TAGS.iter().zip(0..).map(|(tag, number): (_, i32)| (number.to_string(), json!(tag))).collect();
        let ids: serde_json::Map<_, _> =
            WORDS.iter().zip(0..).map(|((word, _), id): (_, i32)| ((*word).to_owned(), json!(id))).collect();
        Self {
            config: json!({
                "architectures": ["BertForTokenClassification"], "hidden_act": "gelu", "hidden_size": HIDDEN,
                "id2label": labels, "intermediate_size": INNER, "layer_norm_eps": 1e-12,
                "max_position_embeddings": POSITIONS, "num_attention_heads": 2, "num_hidden_layers": 1,
                "type_vocab_size": 2, "vocab_size": WORDS.len(),
            }),
            tokenizer: json!({
                "added_tokens": [{"content": "[CLS]", "id": 2, "special": true}],
                "normalizer": {
                    "type": "BertNormalizer", "clean_text": true, "handle_chinese_chars": true,
                    "strip_accents": null, "lowercase": true
                },
                "pre_tokenizer": {"type": "BertPreTokenizer"},
                "model": {
                    "type": "WordPiece", "unk_token": "[UNK]", "continuing_subword_prefix": "##",
                    "max_input_chars_per_word": 100, "vocab": ids
                }
            }),
            tensors,
        }
    }

    /// The weights as a safetensors file: the length of the header, the header, the values.
    pub(crate) fn weights(&self) -> Vec<u8> {
        let (mut header, mut data) = (serde_json::Map::new(), Vec::new());
        for (name, (shape, values)) in &self.tensors {
            let from = data.len();
            data.extend(values.iter().flat_map(|value| value.to_le_bytes()));
            let entry = json!({"dtype": "F32", "shape": shape, "data_offsets": [from, data.len()]});
            header.insert(name.clone(), entry);
        }
        let header = Value::Object(header).to_string();
        let length = u64::try_from(header.len()).unwrap();
        [&length.to_le_bytes(), header.as_bytes(), &data].concat()
    }

    /// Writes the folder.
    pub(crate) fn write(&self, folder: &Path) {
        std::fs::create_dir_all(folder).unwrap();
        std::fs::write(folder.join("config.json"), self.config.to_string()).unwrap();
        std::fs::write(folder.join("tokenizer.json"), self.tokenizer.to_string()).unwrap();
        std::fs::write(folder.join("model.safetensors"), self.weights()).unwrap();
    }
}
