//! What attributes say: the configuration of a Keras model, and the pickles of PyTables, which pandas reads.

use lazaret_core::Severity;
use lazaret_input::json;

use super::file::File;
use super::value::{self, Attribute};
use super::values::{self, Dataset};
use crate::formats::keras;
use crate::look::Looking;
use crate::rules;

/// Attributes in which Keras keeps what a model is.
const CONFIGURATIONS: &[&str] = &["model_config", "training_config"];

/// Tells what an attribute makes a loader do, and notes what it says of its dataset.
pub(super) fn judge(
    file: &File<'_>,
    looking: &mut Looking<'_>,
    attribute: &Attribute<'_>,
    path: &str,
    dataset: &mut Dataset,
) {
    if attribute.name == "keras_version" {
        let version = value::text(file, attribute).unwrap_or_default();
        let version = String::from_utf8_lossy(&version).into_owned();
        looking.written_by("keras", &version, file.part.inner("keras_version"), "keras_version");
    }
    if !CONFIGURATIONS.contains(&attribute.name.as_str()) {
        pickles(file, looking, attribute, path);
        dataset.hickle.has_type |= attribute.name == "type";
        dataset.hickle.has_version |= attribute.name == "HICKLE_VERSION";
        dataset.holds_pickles |= says_pickles(file, looking, attribute, path);
        return;
    }
    let within = if path.is_empty() { attribute.name.clone() } else { format!("{path}/{}", attribute.name) };
    let says = match value::text(file, attribute) {
        Ok(text) => {
            let parsed = json::parse(&text, looking.limits);
            if let Some(document) = &parsed.document {
                keras::walk(document.root(), &within, file.part, looking);
                return;
            }
            format!("{} is no JSON text", attribute.name)
        }
        Err(unread) => format!("{} is not readable: {}", attribute.name, unread.why),
    };
    looking.not_whole();
    looking.find(&rules::KERAS_CONFIG_UNREADABLE, file.part.inner(&within), says);
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

/// PyTables and hickle unpickle what they find in attributes: hickle whatever is in one named `type`, by its bytes.
fn pickles(file: &File<'_>, looking: &mut Looking<'_>, attribute: &Attribute<'_>, path: &str) {
    let name = if path.is_empty() { attribute.name.clone() } else { format!("{path}/{}", attribute.name) };
    let looked = values::of_attribute(file, attribute.kind, &attribute.value, &name, looking);
    looked.unwrap_or_else(|unread| looking.unread(file.part, &unread));
}
