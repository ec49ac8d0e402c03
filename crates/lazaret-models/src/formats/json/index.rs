//! Lists of the files that hold a model's weights (`model.safetensors.index.json`).

use std::collections::BTreeSet;

use lazaret_core::FormatId;
use lazaret_input::json::{JsonKind as Kind, Node};

use super::{JsonKind, path_of};
use crate::formats::beside::points_elsewhere;
use crate::look::Looking;
use crate::part::{Part, printed};
use crate::rules;

/// Weight indexes.
pub(super) struct WeightIndex;

impl JsonKind for WeightIndex {
    fn id(&self) -> FormatId {
        FormatId("weight-index")
    }

    fn about(&self) -> &'static str {
        "list of the files that hold a model's weights"
    }

    fn recognise(&self, root: Node<'_, '_>, _file_name: &str) -> bool {
        root.get("weight_map").is_some_and(|map| map.kind() == Kind::Object)
    }

    fn read(&self, root: Node<'_, '_>, part: &Part, looking: &mut Looking<'_>) {
        let Some(map) = root.get("weight_map") else { return };
        let mut files = BTreeSet::new();
        for member in map.members() {
            let Some(file) = member.value.as_str() else { continue };
            if !files.insert(file) {
                continue;
            }
            let at = part.inner(&path_of(member.value));
            if points_elsewhere(file) {
                let message = format!("a file of weights lies outside the model: `{}`", printed(file));
                looking.find(&rules::HF_PATH_ESCAPE, at, message);
            } else if part.is_file() && looking.beside(part, file).is_none() {
                let message = format!("`{}` is not beside this list", printed(file));
                looking.find(&rules::HF_MISSING_SHARD, at, message);
            }
        }
    }
}
