//! Keras configurations: in `.keras` archives, in HDF5 attributes, as JSON or YAML alone. The whole document is walked,
//! whatever its keys are called, since every object with a class in it is built by the loader.

mod catalogue;
mod judge;
#[cfg(test)]
mod tests;

use lazaret_core::{FormatId, Locator, Severity};
use lazaret_input::json::{JsonKind as Kind, Node};

use crate::formats::json::JsonKind;
use crate::formats::zip::ZipKind;
use crate::inside::{How, Met};
use crate::look::Looking;
use crate::own::{About, FactKind, OwnRules};
use crate::part::{Part, printed};
use crate::rules;
use judge::{Named, Verdict};

/// A model's architecture as Keras writes it.
pub(crate) struct KerasConfig;

impl JsonKind for KerasConfig {
    fn id(&self) -> FormatId {
        FormatId("keras-config")
    }

    fn about(&self) -> &'static str {
        "Keras model configuration (JSON)"
    }

    fn recognise(&self, root: Node<'_, '_>, _: &str) -> bool {
        // The model may lie within what somebody wrote around it.
        let around = root.members().map(|member| member.value);
        // TensorFlow.js keeps it one step further in.
        let topology = root.get("modelTopology").into_iter().flat_map(|topology| topology.members());
        let further = topology.map(|member| member.value);
        std::iter::once(root).chain(around).chain(further).any(is_object)
    }

    fn read(&self, root: Node<'_, '_>, part: &Part, looking: &mut Looking<'_>) {
        walk(root, "", part, looking);
    }
}

/// Whether a node is an object as Keras writes them.
fn is_object(node: Node<'_, '_>) -> bool {
    let has = |wanted: &str| node.members().any(|member| folded(member.key) == wanted);
    has("class_name") && (has("config") || has("module") || has("registered_name"))
}

/// What lies beside it in a `.keras` archive.
pub(crate) struct KerasMetadata;

impl JsonKind for KerasMetadata {
    fn id(&self) -> FormatId {
        FormatId("keras-metadata")
    }

    fn about(&self) -> &'static str {
        "Keras version and date of a model (JSON)"
    }

    fn recognise(&self, root: Node<'_, '_>, _: &str) -> bool {
        root.get("keras_version").is_some() && root.get("class_name").is_none()
    }

    fn read(&self, _: Node<'_, '_>, _: &Part, _: &mut Looking<'_>) {}
}

/// A `.keras` archive: its members are read like any others.
pub(crate) struct KerasZip;

impl ZipKind for KerasZip {
    fn id(&self) -> FormatId {
        FormatId("keras-zip")
    }

    fn about(&self) -> &'static str {
        "Keras 3 model (zip archive)"
    }

    fn recognise(&self, names: &[&str]) -> bool {
        let has = |wanted: &str| names.contains(&wanted);
        has("config.json") && (has("metadata.json") || has("model.weights.h5"))
    }
}

/// Walks a configuration. `prefix` is where it stands in the part: `model_config` of an HDF5 file.
pub(crate) fn walk(root: Node<'_, '_>, prefix: &str, part: &Part, looking: &mut Looking<'_>) {
    let mut open = vec![root];
    while let Some(node) = open.pop() {
        match node.kind() {
            Kind::Array => open.extend(node.items().filter(is_container)),
            Kind::Object => {
                let own = looking.own;
                let place = || part.inner(&path(node, prefix));
                let mut tell = |(rule, severity, says): Verdict, about: Option<About>| match about {
                    Some(about) => looking.find_about(severity, rule, about, place(), printed(&says)),
                    None => looking.find_as(severity, rule, place(), printed(&says)),
                };
                objects(own, node, &mut tell);
                values(own, node, &mut tell);
                met(node, &place, looking);
                open.extend(node.members().map(|member| member.value).filter(is_container));
            }
            _ => {}
        }
    }
}

/// Judges an object as every class that it may be taken for.
fn objects(own: &OwnRules, node: Node<'_, '_>, tell: &mut impl FnMut(Verdict, Option<About>)) {
    for named in named(own, node) {
        if let Some(verdict) = judge::object(&named) {
            tell(verdict, Some(named.about()));
        }
    }
}

/// What an object names, for the hospital's own rules.
fn met(node: Node<'_, '_>, place: &impl Fn() -> Locator, looking: &mut Looking<'_>) {
    let own = looking.own;
    for named in named(own, node) {
        let (class, module) = (named.class_name.trim(), named.module.map_or("", str::trim));
        for layer in std::iter::once(class).chain(named.registered_name) {
            looking.met(FactKind::Layer, layer, place);
        }
        let is_function = class.eq_ignore_ascii_case("function");
        let name = if is_function { named.config.map_or("", str::trim) } else { class };
        let met = || Met {
            how: if is_function { How::Imports } else { How::Layer },
            name: if module.is_empty() { name.to_owned() } else { format!("{module}.{name}") },
            does: None,
            about: Some(named.about()),
            times: 1,
        };
        looking.uses(met, place);
        looking.own_callable(module, name, place);
    }
}

/// Every class that an object may be taken for: of equal keys readers take the first or the last.
fn named<'a>(own: &'a OwnRules, node: Node<'a, '_>) -> Vec<Named<'a>> {
    let texts = |wanted: &'static str| {
        node.members()
            .filter(move |member| folded(member.key) == wanted)
            .filter_map(|member| member.value.as_str())
            .take(MOST_EQUAL)
            .collect::<Vec<_>>()
    };
    let classes = texts("class_name");
    if classes.is_empty() {
        return Vec::new();
    }
    let modules = or_none(texts("module"));
    let registered = texts("registered_name").first().copied();
    let mut configs = texts("config");
    configs.extend(node.get("config").and_then(|config| config.get("name")).and_then(|name| name.as_str()));
    let configs = or_none(configs);
    let mut all = Vec::new();
    for class_name in classes {
        for &module in &modules {
            for &config in &configs {
                all.push(Named { own, class_name, module, registered_name: registered, config });
            }
        }
    }
    all
}

/// How many equal keys of an object are told apart; JSON with equal keys is a finding of its own.
const MOST_EQUAL: usize = 4;

fn or_none(texts: Vec<&str>) -> Vec<Option<&str>> {
    if texts.is_empty() { vec![None] } else { texts.into_iter().map(Some).collect() }
}

/// Keys whose value Keras takes for a function.
const FUNCTION_KEYS: &[&str] = &[
    "function",
    "fn",
    "activation",
    "recurrent_activation",
    "loss",
    "call_fn",
    "init_fn",
    "output_shape",
    "standardize",
    "split",
    "kernel_initializer",
    "mask",
];

/// What an object says without a class: code as text, functions by their names, files to read.
fn values(own: &OwnRules, node: Node<'_, '_>, tell: &mut impl FnMut(Verdict, Option<About>)) {
    for member in node.members() {
        let key = folded(member.key);
        let Some(text) = member.value.as_str() else { continue };
        match key.as_str() {
            "function_type" | "output_shape_type" | "mask_type" if text.eq_ignore_ascii_case("lambda") => {
                let says = format!(
                    "`{}` says that a function stands here as marshalled bytecode",
                    printed(member.key)
                );
                tell((&rules::KERAS_LAMBDA, Severity::Critical, says), None);
            }
            "vocabulary" | "vocabulary_file" | "idf_weights" if !text.is_empty() => {
                tell(file_of_host(&key, text), None);
            }
            // Words, bytes in base64 and names of presets stand here too.
            "proto" | "merges" | "preset" | "vocab" | "bin_boundaries" if leaves(text) => {
                tell(file_of_host(&key, text), None);
            }
            "op" if is_op_of_host(text) => {
                let says = format!(
                    "the TensorFlow operator {} reads or writes files, or runs Python",
                    printed(text)
                );
                tell((&rules::KERAS_FOREIGN_CALLABLE, Severity::Critical, says), None);
            }
            _ if FUNCTION_KEYS.contains(&key.as_str()) => {
                let verdict = judge::function_by_text(own, text).or_else(|| op_of_tensorflow(node, text));
                if let Some(verdict) = verdict {
                    tell(verdict, None);
                }
            }
            _ => {}
        }
    }
}

/// A vocabulary, or what else a tokenizer is made of, that is a path or an address: it is read where the model is loaded, and
/// travels with the model if it is saved.
fn file_of_host(key: &str, path: &str) -> Verdict {
    let severity = if leaves(path) { Severity::Critical } else { Severity::High };
    (&rules::KERAS_READS_FILE, severity, format!("its `{key}` is read from the file {}", printed(path)))
}

/// Whether a text is a path that leads out of the model's folder, or an address.
fn leaves(path: &str) -> bool {
    path.starts_with(['/', '\\', '~'])
        || path.split(['/', '\\']).any(|step| step == "..")
        || path.contains(':')
}

fn is_op_of_host(op: &str) -> bool {
    const OPS: &[&str] = &[
        "ReadFile",
        "WriteFile",
        "PyFunc",
        "PyFuncStateless",
        "EagerPyFunc",
        "MatchingFiles",
        "Save",
        "SaveV2",
        "SaveSlices",
        "Restore",
        "RestoreV2",
        "RestoreSlice",
        "MergeV2Checkpoints",
        "FixedLengthRecordReader",
    ];
    OPS.contains(&op)
}

/// Areas and functions of TensorFlow that reach files, load code or run it.
const AREAS_OF_HOST: &[&str] = &[
    "io",
    "raw_ops",
    "compat",
    "saved_model",
    "data",
    "distribute",
    "estimator",
    "py_function",
    "numpy_function",
    "load_library",
    "load_op_library",
    "function",
    "train",
    "autograph",
    "config",
    "queue",
    "lookup",
    "sysconfig",
    "experimental",
    "tpu",
    "types",
    "feature_column",
    "Module",
    "init_scope",
    "eager_py_func",
    "py_func",
    "gfile",
];

/// Keras 2 keeps calls of TensorFlow's functions by their names (`TFOpLambda`).
fn op_of_tensorflow(config: Node<'_, '_>, function: &str) -> Option<Verdict> {
    let layer = config.parent()?;
    let class = layer.get("class_name")?.as_str()?;
    let calls = ["TFOpLambda", "ClassMethod", "InstanceMethod", "InstanceProperty"];
    if !calls.contains(&class) {
        return None;
    }
    let steps: Vec<&str> = function.trim_start_matches("tf.").trim_start_matches("v1.").split('.').collect();
    let first = steps.first()?;
    AREAS_OF_HOST.contains(first).then(|| {
        let says = format!(
            "the TensorFlow function {} reads or writes files, loads code or runs it",
            printed(function)
        );
        (&rules::KERAS_FOREIGN_CALLABLE, Severity::Critical, says)
    })
}

fn is_container(node: &Node<'_, '_>) -> bool {
    matches!(node.kind(), Kind::Array | Kind::Object)
}

/// A key without case, blanks and invisible characters: what a careless reader may take for the key it looks for.
fn folded(key: &str) -> String {
    key.chars()
        .filter(|c| {
            !c.is_whitespace()
                && !c.is_control()
                && !matches!(c, '\u{200b}'..='\u{200f}' | '\u{feff}' | '\u{2060}')
        })
        .take(40)
        .flat_map(char::to_lowercase)
        .collect()
}

/// Where a node stands: `config.layers[1]`; the document itself is `config` of nothing and gets the prefix alone.
pub(crate) fn path(node: Node<'_, '_>, prefix: &str) -> String {
    let mut steps = Vec::new();
    let mut at = Some(node);
    while let Some(node) = at {
        let Some(parent) = node.parent() else { break };
        steps.push(match node.key() {
            Some(key) => format!(".{key}"),
            None => format!("[{}]", node.index_in_parent()),
        });
        at = Some(parent);
    }
    steps.push(prefix.to_owned());
    let path: String = steps.iter().rev().map(String::as_str).collect();
    let path = path.trim_start_matches('.');
    if path.is_empty() { "class_name".to_owned() } else { path.to_owned() }
}
