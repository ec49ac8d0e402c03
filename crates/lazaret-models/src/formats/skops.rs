//! skops: a zip archive whose `schema.json` is a tree of nodes, each of which names a class or function and how it is
//! built.

use lazaret_core::{FormatId, Severity};
use lazaret_input::json::{JsonKind as Kind, Node};

use crate::callables::documents::{Effect, judge_by};
use crate::formats::json::JsonKind;
use crate::formats::keras::path;
use crate::formats::zip::ZipKind;
use crate::look::Looking;
use crate::own::{About, OwnRules};
use crate::part::{Part, printed};
use crate::rules;

/// The tree.
pub(crate) struct SkopsSchema;

/// The archive: its members are read like any others.
pub(crate) struct SkopsZip;

impl ZipKind for SkopsZip {
    fn id(&self) -> FormatId {
        FormatId("skops")
    }

    fn about(&self) -> &'static str {
        "skops archive (scikit-learn)"
    }

    fn recognise(&self, names: &[&str]) -> bool {
        names.contains(&"schema.json")
    }
}

impl JsonKind for SkopsSchema {
    fn id(&self) -> FormatId {
        FormatId("skops-schema")
    }

    fn about(&self) -> &'static str {
        "skops schema: a tree of Python objects"
    }

    fn recognise(&self, root: Node<'_, '_>, file_name: &str) -> bool {
        root.get("__loader__").is_some()
            || root.get("_skops_version").is_some()
            || (file_name == "schema.json" && (root.get("__class__").is_some() || root.is_empty()))
    }

    fn read(&self, root: Node<'_, '_>, part: &Part, looking: &mut Looking<'_>) {
        let mut open = vec![root];
        while let Some(node) = open.pop() {
            let children = node.items().chain(node.members().map(|member| member.value));
            open.extend(children.filter(|child| matches!(child.kind(), Kind::Array | Kind::Object)));
            let place = || {
                let at = path(node, "");
                part.inner(if at == "class_name" { "__class__" } else { &at })
            };
            for (module, name) in named(node) {
                looking.met_callable(module, name, place);
            }
            for Said { severity, says, about } in judge(looking.own, node) {
                let rule = if severity == Severity::Info {
                    &rules::SKOPS_UNTRUSTED_TYPE
                } else {
                    &rules::SKOPS_CALLABLE
                };
                looking.find_about(severity, rule, about, place(), says);
            }
        }
    }
}

/// Nodes that hold plain values, whatever class they name.
const VALUES: &[&str] = &[
    "DictNode",
    "DefaultDictNode",
    "ListNode",
    "SetNode",
    "TupleNode",
    "SliceNode",
    "JsonNode",
    "BytesNode",
    "BytearrayNode",
    "NdArrayNode",
    "MaskedArrayNode",
    "DTypeNode",
    "SparseMatrixNode",
    "CachedNode",
    "PartialNode",
    "DatetimeTimezoneNode",
];
/// Nodes of values that call the class they name, with what they hold.
const CALLING: &[&str] = &["DictNode", "ListNode", "SetNode", "NdArrayNode"];
/// Nodes that build an object of a class and fill it.
const OBJECTS: &[&str] = &[
    "ObjectNode",
    "TypeNode",
    "RandomStateNode",
    "RandomGeneratorNode",
    "LossNode",
    "TreeNode",
    "SGDNode",
    "QuantileForestNode",
    "ReduceNode",
    "ConstructorFromReduceNode",
    "BunchNode",
    "LossFunctionNode",
];

/// What is said of a node, and of which class or function.
struct Said {
    severity: Severity,
    says: String,
    about: About,
}

impl Said {
    fn of(severity: Severity, (module, name): (&str, &str), says: String) -> Self {
        Self { severity, says, about: About::callable(module, name) }
    }
}

fn texts<'d>(node: Node<'d, '_>, key: &'static str) -> Vec<&'d str> {
    let texts =
        node.members().filter(move |member| member.key == key).filter_map(|member| member.value.as_str());
    texts.take(4).collect()
}

/// Every class and function that a node names, for the hospital's own rules.
fn named<'d>(node: Node<'d, '_>) -> Vec<(&'d str, &'d str)> {
    let pairs = [("__module__", "__class__"), ("module_path", "function")];
    let of = |(module, name)| {
        let (modules, names) = (texts(node, module), texts(node, name));
        modules.into_iter().flat_map(move |module| names.clone().into_iter().map(move |name| (module, name)))
    };
    pairs.into_iter().flat_map(of).collect()
}

/// Says what a node does; of equal keys every one counts.
fn judge(own: &OwnRules, node: Node<'_, '_>) -> Vec<Said> {
    let texts = |key: &'static str| texts(node, key);
    let (classes, modules, loaders) = (texts("__class__"), texts("__module__"), texts("__loader__"));
    let mut said = Vec::new();
    if classes.is_empty() && loaders.is_empty() {
        return said;
    }
    for class in or_empty(classes) {
        for &module in &or_empty(modules.clone()) {
            for &loader in &or_empty(loaders.clone()) {
                said.extend(one(own, node, (module, class), loader));
            }
        }
    }
    said
}

fn or_empty(texts: Vec<&str>) -> Vec<&str> {
    if texts.is_empty() { vec![""] } else { texts }
}

fn one(own: &OwnRules, node: Node<'_, '_>, of: (&str, &str), loader: &str) -> Option<Said> {
    let (module, class) = of;
    let named = printed(&format!("{module}.{class}"));
    let effect = judge_by(own, module, class);
    match loader {
        "FunctionNode" => function(own, node, module, class),
        "MethodNode" => method(own, node, module, class),
        "OperatorFuncNode" => operator(module, class),
        _ => {
            if let Effect::Dangerous(does) = effect {
                let is_value = VALUES.contains(&loader) && matches!(module, "builtins" | "datetime" | "io");
                let says = format!("{loader} of {named}: it {does}");
                return (!is_value).then(|| Said::of(Severity::Critical, of, says));
            }
            if class.is_empty() {
                return None;
            }
            // Keys of a dict are made by calling the types beside it.
            let is_builder = matches!(loader, "ReduceNode" | "ConstructorFromReduceNode")
                || CALLING.contains(&loader)
                || (loader == "TypeNode" && is_of_keys(node));
            // A tuple of another class is made by calling it, if that is a named tuple.
            let is_named_tuple = loader == "TupleNode";
            if VALUES.contains(&loader) && !is_named_tuple && !(is_builder && effect == Effect::Unknown) {
                return None;
            }
            let (severity, says) = match effect {
                Effect::Unknown if is_builder => {
                    (Severity::High, format!("{} calls {named}, which nobody has listed", printed(loader)))
                }
                Effect::Unknown | Effect::Own if is_named_tuple || OBJECTS.contains(&loader) => (
                    Severity::Info,
                    format!("an object of {named}: code of its package runs when it is loaded"),
                ),
                _ if is_named_tuple || OBJECTS.contains(&loader) => return None,
                _ => {
                    (Severity::High, format!("a node of the unknown kind {} builds {named}", printed(loader)))
                }
            };
            Some(Said::of(severity, of, says))
        }
    }
}

/// Whether a node lies in the list of the types of a dict's keys.
fn is_of_keys(node: Node<'_, '_>) -> bool {
    let mut above = Some(node);
    for _ in 0..4 {
        let Some(here) = above else { return false };
        if here.key() == Some("key_types") {
            return true;
        }
        above = here.parent();
    }
    false
}

fn function(own: &OwnRules, node: Node<'_, '_>, module: &str, class: &str) -> Option<Said> {
    let content = node.get("content");
    let text = |key| content.and_then(|content| content.get(key)).and_then(|text| text.as_str());
    // Older files name the function in the content, newer ones by class and module: all are judged.
    let pairs = [(module, class), (text("module_path").unwrap_or(module), text("function").unwrap_or(class))];
    let verdicts = pairs.into_iter().filter_map(|(module, name)| {
        let named = printed(&format!("{module}.{name}"));
        let (severity, says) = match judge_by(own, module, name) {
            Effect::Dangerous(does) => (Severity::Critical, format!("the function {named}: it {does}")),
            Effect::Unknown => (Severity::High, format!("the function {named}, which nobody has listed")),
            Effect::Harmless | Effect::Own => return None,
        };
        Some(Said::of(severity, (module, name), says))
    });
    verdicts.max_by_key(|said| said.severity)
}

fn method(own: &OwnRules, node: Node<'_, '_>, module: &str, class: &str) -> Option<Said> {
    let content = node.get("content");
    let object = content.and_then(|content| content.get("obj"));
    let text = |key| object.and_then(|object| object.get(key)).and_then(|text| text.as_str()).unwrap_or("");
    let of = (text("__module__"), text("__class__"));
    let name = content.and_then(|content| content.get("func")).and_then(|name| name.as_str()).unwrap_or("");
    let named = printed(&format!("{}.{}.{name}", of.0, of.1));
    let (severity, says) = match judge_by(own, of.0, of.1) {
        _ if of != (module, class) => {
            let claims = printed(&format!("{module}.{class}"));
            (Severity::Critical, format!("the method {named} claims to be one of {claims}"))
        }
        _ if name.starts_with("__") => {
            (Severity::Critical, format!("the method {named} reaches what lies behind an object"))
        }
        Effect::Dangerous(does) => (Severity::Critical, format!("the method {named}: its class {does}")),
        Effect::Unknown => (Severity::High, format!("the method {named} of a class that nobody has listed")),
        // What the class is made by is known; what its methods do is not.
        Effect::Own => (Severity::Medium, format!("the method {named} of a class of the hospital's own")),
        Effect::Harmless => return None,
    };
    // What is called is the method, not its class.
    Some(Said::of(severity, (&format!("{}.{}", of.0, of.1), name), says))
}

fn operator(module: &str, class: &str) -> Option<Said> {
    let named = printed(&format!("{module}.{class}"));
    let (severity, says) = match class {
        "itemgetter" if module == "operator" => return None,
        "attrgetter" if module == "operator" => {
            (Severity::Medium, format!("{named} reads attributes that the file names"))
        }
        _ => (Severity::Critical, format!("{named} is called with arguments of the file")),
    };
    Some(Said::of(severity, (module, class), says))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use lazaret_core::{Hint, Limits};
    use lazaret_input::MemorySource;

    use super::*;
    use crate::look::{NoFolder, look};

    fn worst(json: &str) -> Option<Severity> {
        let source = MemorySource::new(json.as_bytes(), Hint::default());
        let report = look(Arc::new(source), json.len() as u64, "schema.json", &NoFolder, &Limits::default());
        assert_eq!(report.format.0, "skops-schema");
        report.findings.iter().map(|finding| finding.severity).max()
    }

    fn node(module: &str, class: &str, loader: &str, content: &str) -> String {
        format!(
            r#"{{"__class__":"{class}","__module__":"{module}","__loader__":"{loader}","content":{content}}}"#
        )
    }

    fn keys(of: &str) -> String {
        let types = node("builtins", "list", "ListNode", &format!("[{of}]"));
        format!(
            r#"{{"__class__":"dict","__module__":"builtins","__loader__":"DictNode","content":{{}},"key_types":{types}}}"#
        )
    }

    #[test]
    fn functions_and_methods_are_judged_by_what_they_reach() {
        for (json, severity) in [
            (node("posix", "system", "FunctionNode", "{}"), Some(Severity::Critical)),
            (
                node("numpy", "log1p", "FunctionNode", r#"{"module_path":"os","function":"system"}"#),
                Some(Severity::Critical),
            ),
            (node("numpy", "log1p", "FunctionNode", "{}"), None),
            (node("mypackage", "f", "FunctionNode", "{}"), Some(Severity::High)),
            (node("operator", "call", "OperatorFuncNode", "{}"), Some(Severity::Critical)),
            (node("operator", "itemgetter", "OperatorFuncNode", "{}"), None),
            (
                node(
                    "builtins",
                    "str",
                    "MethodNode",
                    &format!(r#"{{"func":"system","obj":{}}}"#, node("os", "module", "ObjectNode", "null")),
                ),
                Some(Severity::Critical),
            ),
            (
                node(
                    "sklearn.svm",
                    "SVC",
                    "MethodNode",
                    &format!(
                        r#"{{"func":"predict","obj":{}}}"#,
                        node("sklearn.svm", "SVC", "ObjectNode", "null")
                    ),
                ),
                None,
            ),
            (node("subprocess", "Popen", "ObjectNode", "null"), Some(Severity::Critical)),
            (node("__main__", "DivideColumns", "ObjectNode", "null"), Some(Severity::Info)),
            (node("evil", "run", "ConstructorFromReduceNode", "null"), Some(Severity::High)),
            (node("evil", "run", "NewNode", "null"), Some(Severity::High)),
            (node("sklearn.linear_model._logistic", "LogisticRegression", "ObjectNode", "{}"), None),
            (node("builtins", "dict", "DictNode", "{}"), None),
            (node("collections", "OrderedDict", "DictNode", "{}"), None),
            (node("sklearn.utils._bunch", "Bunch", "DictNode", "{}"), None),
            (node("evil", "run", "DictNode", "{}"), Some(Severity::High)),
            (node("evil", "run", "ListNode", "[]"), Some(Severity::High)),
            (node("evil", "run", "SetNode", "[]"), Some(Severity::High)),
            (node("evil", "run", "NdArrayNode", "null"), Some(Severity::High)),
            (node("builtins", "list", "ListNode", "[]"), None),
            (node("numpy.ma", "MaskedArray", "NdArrayNode", "null"), None),
            (node("builtins", "frozenset", "SetNode", "[]"), None),
            (node("builtins", "tuple", "TupleNode", "[]"), None),
            (node("mypackage", "Point", "TupleNode", "[]"), Some(Severity::Info)),
            (keys(&node("evil", "run", "TypeNode", "null")), Some(Severity::High)),
            (keys(&node("builtins", "str", "TypeNode", "null")), None),
        ] {
            assert_eq!(worst(&json), severity, "{json}");
        }
    }
}
