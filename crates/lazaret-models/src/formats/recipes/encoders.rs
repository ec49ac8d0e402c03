//! Classes that sentence-transformers imports and calls by the names in its configurations.

use lazaret_input::json::Node;

use super::names::{self, Sure};
use crate::look::Looking;
use crate::part::Part;

/// Keys whose values are names of classes.
const NAMED: &[&str] =
    &["activation_function", "activation_fn", "sbert_ce_default_activation_function", "tokenizer_class"];

pub(super) fn judge(object: Node<'_, '_>, part: &Part, looking: &mut Looking<'_>) {
    for member in object.members() {
        // Without a package it is a word of the library's own (`gelu`, `LlamaTokenizer`).
        if NAMED.contains(&member.key) && names::is_dotted(member.value) {
            names::judge(member.value, Sure::Likely, part, looking);
        } else if member.key == "types" && object.get("structure").is_some() {
            for class in member.value.members() {
                names::judge(class.value, Sure::Likely, part, looking);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::formats::protobuf::tests::{scan, told};

    #[test]
    fn classes_of_encoders_are_judged() {
        for (text, at) in [
            (r#"{"types":{"q":"os.system"},"structure":{"query":["q"]},"parameters":{}}"#, "types.q"),
            (r#"{"in_features":8,"out_features":8,"activation_function":"os.abort"}"#, "activation_function"),
            (
                r#"{"model_type":"bert","sentence_transformers":{"activation_fn":"evil.Fn"}}"#,
                "sentence_transformers.activation_fn",
            ),
            (r#"{"tokenizer_class":"evil.mod.Tok"}"#, "tokenizer_class"),
        ] {
            assert_eq!(
                told(&scan(text, "config.json")),
                [format!("config.target config.json!{at}")],
                "{text}"
            );
        }
        for text in [
            r#"{"types":{"q":"sentence_transformers.models.SparseStaticEmbedding.SparseStaticEmbedding"},"structure":{"query":["q"]}}"#,
            r#"{"in_features":8,"out_features":8,"activation_function":"torch.nn.modules.activation.Tanh"}"#,
            r#"{"activation_function":"gelu_new","tokenizer_class":"LlamaTokenizer"}"#,
            r#"{"tokenizer_class":"sentence_transformers.models.tokenizer.WhitespaceTokenizer.WhitespaceTokenizer"}"#,
        ] {
            assert_eq!(told(&scan(text, "config.json")), [""; 0], "{text}");
        }
    }
}
