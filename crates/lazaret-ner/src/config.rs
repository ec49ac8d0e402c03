//! `config.json` of a model: which architecture, of which dimensions, with which labels. All numbers in it are claims: the
//! tensors must have the shapes that follow from them, and what memory grows with is under a limit.

use lazaret_core::{Limit, Limits};
use lazaret_input::json::{self, Document, Node};
use lazaret_phi::{MAX_MODEL_HEADS, MAX_MODEL_LABELS, MAX_MODEL_VOCABULARY, MAX_MODEL_WIDTH};

use crate::error::ModelError;

pub(crate) const CONFIG: &str = "config.json";

/// The architectures. `DistilBERT` has no types of segments and other names for the same layers; `RoBERTa` counts positions
/// from another number, and reads pieces of bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Architecture {
    Bert,
    DistilBert,
    Roberta,
}

/// What stands between the two halves of a layer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Activation {
    /// With the error function.
    Gelu,
    /// By the hyperbolic tangent.
    GeluTanh,
    Relu,
}

/// A model's dimensions.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Config {
    pub(crate) architecture: Architecture,
    pub(crate) activation: Activation,
    pub(crate) vocabulary: usize,
    /// Rows of positions.
    pub(crate) positions: usize,
    /// The row of the first position.
    pub(crate) first_position: usize,
    /// Types of segments; of `DistilBERT` none.
    pub(crate) types: usize,
    pub(crate) layers: usize,
    pub(crate) heads: usize,
    pub(crate) hidden: usize,
    pub(crate) inner: usize,
    pub(crate) epsilon: f64,
    /// The names of the labels, in the order of the classifier's rows.
    pub(crate) tags: Vec<String>,
}

/// The document that a file holds; every fault of it refuses it.
pub(crate) fn document<'a>(
    file: &'static str,
    bytes: &'a [u8],
    limits: &Limits,
) -> Result<Document<'a>, ModelError> {
    let parsed = json::parse(bytes, limits);
    if let Some(fault) = parsed.faults.first() {
        return Err(ModelError::malformed(file, format!("at byte {}: {}", fault.offset, fault.message)));
    }
    parsed.document.ok_or_else(|| ModelError::malformed(file, "is not JSON"))
}

/// A whole number.
pub(crate) fn whole(node: Node<'_, '_>) -> Option<usize> {
    node.as_number()?.parse().ok()
}

impl Config {
    /// Reads `config.json`.
    pub(crate) fn read(bytes: &[u8], limits: &Limits) -> Result<Self, ModelError> {
        let document = document(CONFIG, bytes, limits)?;
        let root = document.root();
        let wrong = |why: String| ModelError::malformed(CONFIG, why);
        let number = |key: &str| {
            let found = root.get(key).and_then(whole).filter(|number| *number > 0);
            found.ok_or_else(|| wrong(format!("`{key}` is not a whole number above 0")))
        };
        let under = |limit: Limit, what: &'static str, number: usize| {
            let found = u64::try_from(number).unwrap_or(u64::MAX);
            let checked = limits.get(limit).check(found);
            checked.map_err(|source| ModelError::Limit { file: CONFIG, what, source })?;
            Ok(number)
        };
        let architecture = match root.get("architectures").map(|list| list.items().collect::<Vec<_>>()) {
            Some(list) => match list.as_slice() {
                [one] => one.as_str().unwrap_or("?"),
                _ => return Err(wrong("`architectures` does not name one".to_owned())),
            },
            None => return Err(wrong("has no `architectures`".to_owned())),
        };
        let architecture = match architecture {
            "BertForTokenClassification" => Architecture::Bert,
            "DistilBertForTokenClassification" => Architecture::DistilBert,
            "RobertaForTokenClassification" => Architecture::Roberta,
            // A name may be as long as the file.
            other => return Err(ModelError::Architecture(other.chars().take(80).collect())),
        };
        let bert = architecture != Architecture::DistilBert;
        let of = |of_bert: &'static str, of_distil: &'static str| if bert { of_bert } else { of_distil };
        let act = of("hidden_act", "activation");
        let activation = match root.get(act).map_or(Some("gelu"), |node| node.as_str()) {
            Some("gelu") => Activation::Gelu,
            Some("gelu_new" | "gelu_pytorch_tanh") => Activation::GeluTanh,
            Some("relu") => Activation::Relu,
            _ => return Err(wrong(format!("`{act}` is none of gelu, gelu_new, gelu_pytorch_tanh, relu"))),
        };
        let kind = root.get("position_embedding_type").map_or(Some("absolute"), |node| node.as_str());
        if kind != Some("absolute") {
            return Err(wrong("`position_embedding_type` is not `absolute`".to_owned()));
        }
        let epsilon = match root.get("layer_norm_eps") {
            Some(node) if bert => node.as_number().and_then(|text| text.parse().ok()).unwrap_or(f64::NAN),
            _ => 1e-12,
        };
        if !(0.0..1.0).contains(&epsilon) {
            return Err(wrong("`layer_norm_eps` is not a number from 0 to 1".to_owned()));
        }
        let hidden = under(MAX_MODEL_WIDTH, "`hidden_size`", number(of("hidden_size", "dim"))?)?;
        let heads =
            under(MAX_MODEL_HEADS, "heads of attention", number(of("num_attention_heads", "n_heads"))?)?;
        if hidden % heads != 0 {
            return Err(wrong(format!("{heads} heads do not share {hidden} dimensions evenly")));
        }
        let positions = number("max_position_embeddings")?;
        // RoBERTa's positions begin after that of what fills a line up, whose number is that of its piece.
        let first_position = match (architecture, root.get("pad_token_id")) {
            (Architecture::Roberta, None) => Some(2),
            (Architecture::Roberta, Some(node)) => whole(node).and_then(|pad| pad.checked_add(1)),
            _ => Some(0),
        };
        let first_position =
            first_position.ok_or_else(|| wrong("`pad_token_id` is not a whole number".to_owned()))?;
        if positions.saturating_sub(first_position) < 3 {
            return Err(wrong("`max_position_embeddings` leaves no room for a word".to_owned()));
        }
        Ok(Self {
            architecture,
            activation,
            vocabulary: under(MAX_MODEL_VOCABULARY, "`vocab_size`", number("vocab_size")?)?,
            positions,
            first_position,
            types: if bert { number("type_vocab_size")? } else { 0 },
            layers: number(of("num_hidden_layers", "n_layers"))?,
            heads,
            hidden,
            inner: under(
                MAX_MODEL_WIDTH,
                "the inner width of a layer",
                number(of("intermediate_size", "hidden_dim"))?,
            )?,
            epsilon,
            tags: tags(root, limits.get(MAX_MODEL_LABELS))?,
        })
    }
}

/// `id2label`: the labels by their numbers, from 0 without a gap.
fn tags(root: Node<'_, '_>, most: Limit) -> Result<Vec<String>, ModelError> {
    let wrong = |why: &str| ModelError::malformed(CONFIG, format!("`id2label` {why}"));
    let labels = root.get("id2label").ok_or_else(|| wrong("is not there: it names the labels"))?;
    let count = labels.members().count();
    let checked = most.check(u64::try_from(count).unwrap_or(u64::MAX));
    checked.map_err(|source| ModelError::Limit { file: CONFIG, what: "labels", source })?;
    let mut tags = vec![None; count];
    for member in labels.members() {
        let slot = member.key.parse::<usize>().ok().and_then(|number| tags.get_mut(number));
        let slot = slot.ok_or_else(|| wrong("does not number its labels from 0 without a gap"))?;
        let name = member.value.as_str().filter(|name| !name.is_empty() && name.len() <= 100);
        *slot = Some(name.ok_or_else(|| wrong("has a label whose name is no text of 1 to 100 bytes"))?);
    }
    let tags: Option<Vec<String>> = tags.into_iter().map(|tag| tag.map(str::to_owned)).collect();
    let tags = tags.ok_or_else(|| wrong("does not number its labels from 0 without a gap"))?;
    if tags.is_empty() { Err(wrong("names no label")) } else { Ok(tags) }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;

    fn good() -> Value {
        json!({
            "architectures": ["BertForTokenClassification"], "vocab_size": 9, "max_position_embeddings": 8,
            "type_vocab_size": 2, "num_hidden_layers": 1, "num_attention_heads": 2, "hidden_size": 4,
            "intermediate_size": 5, "hidden_act": "gelu", "layer_norm_eps": 1e-12,
            "id2label": {"1": "B-PATIENT", "0": "O"}
        })
    }

    fn read(value: &Value) -> Result<Config, String> {
        Config::read(value.to_string().as_bytes(), &Limits::default())
            .map_err(|error| lazaret_core::chain(&error))
    }

    #[test]
    fn labels_come_in_the_order_of_their_numbers() {
        let config = read(&good()).unwrap();
        assert_eq!(config.tags, ["O", "B-PATIENT"]);
        assert_eq!((config.hidden, config.heads, config.types, config.epsilon), (4, 2, 2, 1e-12));
    }

    #[test]
    fn what_does_not_fit_is_named() {
        let cases = [
            ("architectures", json!(["XLMRobertaForTokenClassification"]), "no architecture `XLMRobertaFor"),
            ("architectures", json!([]), "does not name one"),
            ("hidden_act", json!("silu"), "`hidden_act` is none of"),
            ("position_embedding_type", json!("relative_key"), "`position_embedding_type` is not `absolute`"),
            ("layer_norm_eps", json!("x"), "`layer_norm_eps`"),
            ("num_attention_heads", json!(3), "3 heads do not share 4"),
            ("num_attention_heads", json!(128), "`phi.model.max_heads` reached"),
            ("hidden_size", json!(1_000_000), "`phi.model.max_width` reached"),
            ("intermediate_size", json!(u64::MAX), "`phi.model.max_width` reached"),
            ("hidden_size", json!(-4), "`hidden_size` is not a whole number above 0"),
            ("hidden_size", json!(4.5), "`hidden_size` is not a whole number above 0"),
            ("vocab_size", json!(null), "`vocab_size`"),
            ("vocab_size", json!(1_000_001), "`phi.model.max_vocabulary` reached"),
            ("max_position_embeddings", json!(2), "no room for a word"),
            ("id2label", json!({}), "`id2label` names no label"),
            ("id2label", json!({"0": "O", "2": "X"}), "from 0 without a gap"),
            ("id2label", json!({"0": "O", "00": "X"}), "from 0 without a gap"),
            ("id2label", json!({"0": 7}), "no text of 1 to 100 bytes"),
        ];
        for (key, value, why) in cases {
            let mut config = good();
            config[key] = value;
            let error = read(&config).unwrap_err();
            assert!(error.starts_with("config.json: ") && error.contains(why), "{key}: {error}");
        }
        let many: serde_json::Map<_, _> = (0..1_001).map(|n| (n.to_string(), json!("O"))).collect();
        let mut config = good();
        config["id2label"] = Value::Object(many);
        assert!(read(&config).unwrap_err().contains("labels: limit `phi.model.max_labels` reached"));
    }

    #[test]
    fn positions_of_roberta_begin_behind_the_one_that_fills_up() {
        let mut config = good();
        config["architectures"] = json!(["RobertaForTokenClassification"]);
        config["max_position_embeddings"] = json!(514);
        for (pad, first) in [(Some(json!(1)), 2), (None, 2), (Some(json!(0)), 1), (Some(json!(510)), 511)] {
            match pad {
                Some(pad) => config["pad_token_id"] = pad,
                None => drop(config.as_object_mut().unwrap().remove("pad_token_id")),
            }
            assert_eq!(read(&config).unwrap().first_position, first);
        }
        for (pad, why) in [
            (json!(511), "no room for a word"),
            (json!(u64::MAX), "pad_token_id"),
            (json!("x"), "pad_token_id"),
        ] {
            config["pad_token_id"] = pad;
            let error = read(&config).unwrap_err();
            assert!(error.contains(why), "{error}");
        }
        assert_eq!(read(&good()).unwrap().first_position, 0);
    }

    #[test]
    fn deep_or_doubled_json_is_refused() {
        let deep = format!("{}1{}", "[".repeat(100_000), "]".repeat(100_000));
        let error = Config::read(deep.as_bytes(), &Limits::default()).unwrap_err().to_string();
        assert!(error.contains("json.max_depth"), "{error}");
        let doubled = br#"{"architectures": [], "architectures": []}"#;
        assert!(Config::read(doubled, &Limits::default()).is_err());
    }

    /// Values that a key may be given.
    fn values() -> impl Strategy<Value = Value> {
        prop_oneof![
            Just(Value::Null),
            any::<i64>().prop_map(Value::from),
            any::<f64>().prop_map(Value::from),
            any::<bool>().prop_map(Value::from),
            "\\PC{0,20}".prop_map(Value::from),
            prop::collection::vec("\\PC{0,9}", 0..3).prop_map(Value::from),
            prop::collection::btree_map("[0-3]{1,2}", "[A-Z-]{0,9}", 0..4).prop_map(|map| json!(map)),
        ]
    }

    proptest! {
        #[test]
        fn whatever_the_file_holds_it_is_read_within_its_limits_or_refused(
            key in prop::sample::select(good().as_object().unwrap().keys().cloned().collect::<Vec<_>>()),
            value in values(),
            cut in any::<prop::sample::Index>(),
        ) {
            let mut config = good();
            config[&key] = value;
            let text = config.to_string();
            if let Ok(config) = Config::read(text.as_bytes(), &Limits::default()) {
                prop_assert!(config.hidden <= 16_384 && config.inner <= 16_384 && config.heads <= 64);
                prop_assert!(config.hidden.is_multiple_of(config.heads) && config.positions > 2);
                prop_assert!(!config.tags.is_empty());
            }
            let _refused_or_read = Config::read(&text.as_bytes()[..cut.index(text.len())], &Limits::default());
        }
    }
}
