//! Vocabularies (`tokenizer.json`, `vocab.json`): data, whatever their words look like.

use lazaret_core::FormatId;
use lazaret_input::json::{JsonKind as Kind, Node};

use super::JsonKind;
use crate::look::Looking;
use crate::part::Part;

/// Tokenizers of the `tokenizers` library.
pub(super) struct Tokenizer;

impl JsonKind for Tokenizer {
    fn id(&self) -> FormatId {
        FormatId("tokenizer")
    }

    fn about(&self) -> &'static str {
        "vocabulary of a tokenizer"
    }

    fn recognise(&self, root: Node<'_, '_>, file_name: &str) -> bool {
        let model = root.get("model").filter(|model| model.kind() == Kind::Object);
        let of_library =
            model.is_some_and(|model| model.get("vocab").is_some() || model.get("merges").is_some());
        let words =
            file_name == "vocab.json" && root.members().next().is_some_and(|m| m.value.as_number().is_some());
        of_library || words
    }

    fn read(&self, _root: Node<'_, '_>, _part: &Part, _looking: &mut Looking<'_>) {}
}
