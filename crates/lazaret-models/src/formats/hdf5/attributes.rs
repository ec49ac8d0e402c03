//! What attributes say: the configuration of a Keras model, and the pickles of PyTables, which pandas reads.

use lazaret_core::Severity;
use lazaret_input::json;

use super::file::File;
use super::value::{self, Attribute};
use super::values;
use crate::formats::keras;
use crate::formats::pickle::begins_at;
use crate::look::Looking;
use crate::rules;

/// Attributes in which Keras keeps what a model is.
const CONFIGURATIONS: &[&str] = &["model_config", "training_config"];

/// Tells what an attribute makes a loader do; whether it says that the values of its dataset are pickles.
pub(super) fn judge(
    file: &File<'_>,
    looking: &mut Looking<'_>,
    attribute: &Attribute<'_>,
    path: &str,
) -> bool {
    if attribute.name == "keras_version" {
        let version = value::text(file, attribute).unwrap_or_default();
        let version = String::from_utf8_lossy(&version).into_owned();
        looking.written_by("keras", &version, file.part.inner("keras_version"), "keras_version");
    }
    if !CONFIGURATIONS.contains(&attribute.name.as_str()) {
        pickles(file, looking, attribute, path);
        return says_pickles(file, looking, attribute, path);
    }
    let within = if path.is_empty() { attribute.name.clone() } else { format!("{path}/{}", attribute.name) };
    let says = match value::text(file, attribute) {
        Ok(text) => {
            let parsed = json::parse(&text, looking.limits);
            if let Some(document) = &parsed.document {
                keras::walk(document.root(), &within, file.part, looking);
                return false;
            }
            format!("{} is no JSON text", attribute.name)
        }
        Err(unread) => format!("{} is not readable: {}", attribute.name, unread.why),
    };
    looking.not_whole();
    looking.find(&rules::KERAS_CONFIG_UNREADABLE, file.part.inner(&within), says);
    false
}

/// PyTables marks what it unpickles with `PSEUDOATOM`, hickle with `base_type`.
fn says_pickles(file: &File<'_>, looking: &mut Looking<'_>, attribute: &Attribute<'_>, path: &str) -> bool {
    let is_hickle = attribute.name == "base_type";
    if !is_hickle && attribute.name != "PSEUDOATOM" {
        return false;
    }
    let says = value::text(file, attribute).unwrap_or_default();
    if is_hickle && says.starts_with(b"pickle") {
        let says = "hickle unpickles this dataset when it loads the file";
        looking.find_as(Severity::High, &rules::NESTED_PICKLE, file.part.inner(path), says);
        return true;
    }
    !is_hickle && says.starts_with(b"object")
}

/// PyTables and hickle unpickle what they find in attributes: PyTables every text that ends with a full stop, as each pickle
/// does.
fn pickles(file: &File<'_>, looking: &mut Looking<'_>, attribute: &Attribute<'_>, path: &str) {
    let Some(kind) = attribute.kind else { return };
    let name = if path.is_empty() { attribute.name.clone() } else { format!("{path}/{}", attribute.name) };
    let value::Type { class: value::TEXT, size, .. } = kind else {
        let looked = values::of_attribute(file, kind, &attribute.value, &name, looking);
        return looked.unwrap_or_else(|unread| looking.unread(file.part, &unread));
    };
    let bytes = attribute.value.rest();
    let bytes = bytes.get(..usize::try_from(size).unwrap_or(usize::MAX).min(bytes.len())).unwrap_or_default();
    let end = bytes.iter().rposition(|byte| *byte != 0).map_or(0, |last| last.saturating_add(1));
    let text = bytes.get(..end).unwrap_or_default();
    let part = file.part.slice(attribute.value.place(), end as u64, &name);
    // A sentence ends so too, and is no pickle that does anything.
    if matches!(text, [0x80, 2..=5, ..]) || text.ends_with(b".") && begins_at(&part, text) {
        looking.inside(&part);
    }
}
