//! Lists of the files that hold a model's weights (`model.safetensors.index.json`).

use std::collections::{BTreeMap, BTreeSet};

use lazaret_core::FormatId;
use lazaret_input::json::{JsonKind as Kind, Node};

use super::{JsonKind, path_of};
use crate::formats::beside::points_elsewhere;
use crate::formats::safetensors;
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
        let mut files: BTreeMap<&str, Vec<(&str, Node<'_, '_>)>> = BTreeMap::new();
        for member in map.members() {
            let Some(file) = member.value.as_str() else { continue };
            let listed = files.entry(file).or_default();
            listed.push((member.key, member.value));
            if listed.len() > 1 {
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
        for (file, listed) in files.into_iter().filter(|(file, _)| !points_elsewhere(file)) {
            let beside = looking.beside(part, file).filter(|beside| beside.extension() == "safetensors");
            if let Some(names) = beside.and_then(|beside| safetensors::names(&beside, looking.limits)) {
                compare(file, &listed, &names, part, looking);
            }
        }
    }
}

/// Most findings of a kind for one file of weights.
const MOST_TOLD: usize = 20;

/// Holds the tensors that the index lists in a file against those that the file has.
fn compare(
    file: &str,
    listed: &[(&str, Node<'_, '_>)],
    names: &[String],
    part: &Part,
    looking: &mut Looking<'_>,
) {
    let has: BTreeSet<&str> = names.iter().map(String::as_str).collect();
    let lists: BTreeSet<&str> = listed.iter().map(|(name, _)| *name).collect();
    for (name, value) in listed.iter().filter(|(name, _)| !has.contains(name)).take(MOST_TOLD) {
        let message = format!("`{}` does not have the tensor `{}`", printed(file), printed(name));
        looking.find(&rules::WEIGHTS_INDEX, part.inner(&path_of(*value)), message);
    }
    for name in has.difference(&lists).take(MOST_TOLD) {
        let message = format!("`{}` has the tensor `{}`, which is not listed", printed(file), printed(name));
        looking.find(&rules::WEIGHTS_HIDDEN, part.inner("weight_map"), message);
    }
}
