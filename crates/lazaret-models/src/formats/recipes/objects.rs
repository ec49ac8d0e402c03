//! Objects that libraries write as JSON and make again when they read it: jsonpickle (`py/object`, also in keys), GluonTS
//! (`__kind__`), monty (`@module` and `@class`), Fiddle (`pyref`), `llama_index` (`object_constructor`).

use lazaret_core::{Locator, Severity};
use lazaret_input::json::{self, Node};

use super::names::{self, Sure};
use crate::formats::json::{Walk, limits as json_limits, path_of};
use crate::look::Looking;
use crate::part::Part;
use crate::rules;

pub(super) fn judge(object: Node<'_, '_>, part: &Part, looking: &mut Looking<'_>) {
    tell(object, &|node| part.inner(&path_of(node)), looking);
    for member in object.members() {
        let Some(text) = member.key.strip_prefix(JSON_KEY) else { continue };
        in_key(text, &|| part.inner(&path_of(member.value)), looking);
    }
}

/// What a key of jsonpickle begins with that is an object itself, as JSON.
const JSON_KEY: &str = "json://";

/// An object as JSON in a key; its own keys may be such again, each within quotes of the one around it.
fn in_key(text: &str, at: &dyn Fn() -> Locator, looking: &mut Looking<'_>) {
    let mut keys = vec![text.to_owned()];
    while let Some(text) = keys.pop() {
        let parsed = json::parse(text.as_bytes(), &json_limits(looking.limits));
        let Some(document) = &parsed.document else {
            let says = "a key is an object of jsonpickle that could not be read, and was not judged";
            looking.find_as(Severity::Medium, &rules::CONFIG_TARGET, at(), says);
            continue;
        };
        for object in Walk::new(document.root()) {
            tell(object, &|_| at(), looking);
            let inner = object.members().filter_map(|member| member.key.strip_prefix(JSON_KEY));
            keys.extend(inner.map(str::to_owned));
        }
    }
}

/// Judges the names of one object.
fn tell(object: Node<'_, '_>, at: &dyn Fn(Node<'_, '_>) -> Locator, looking: &mut Looking<'_>) {
    let is_fiddle = object.get("type").and_then(|kind| kind.as_str()) == Some("pyref");
    for member in object.members() {
        let (value, text) = (member.value, member.value.as_str().unwrap_or_default());
        let sure = match member.key {
            "py/object" | "py/type" | "py/function" | "py/class" => Sure::Likely,
            "class" if object.get("__kind__").is_some() => Sure::Likely,
            "object_constructor" if object.get("object_kwargs").is_some() => Sure::Likely,
            "py/repr" if value.as_str().is_some() => {
                let says = "jsonpickle evaluates this text as Python";
                looking.find_as(Severity::Critical, &rules::CONFIG_TARGET, at(value), says);
                continue;
            }
            "@class" | "@callable" | "__class__" => {
                in_module(object, value, &["@module", "__module__"], at, looking);
                continue;
            }
            "name" if is_fiddle => {
                in_module(object, value, &["module"], at, looking);
                continue;
            }
            _ => continue,
        };
        names::judge_text(text, sure, || at(value), looking);
    }
}

/// A name whose module stands beside it under one of these keys.
fn in_module(
    object: Node<'_, '_>,
    name: Node<'_, '_>,
    keys: &[&str],
    at: &dyn Fn(Node<'_, '_>) -> Locator,
    looking: &mut Looking<'_>,
) {
    let found = keys.iter().find_map(|key| Some((*key, object.get(key)?.as_str()?)));
    let Some((key, module)) = found else { return };
    let sure = match key {
        "module" => Sure::Called,
        "@module" => Sure::Likely,
        _ => Sure::Word,
    };
    let Some(last) = name.as_str() else { return };
    let full = format!("{}.{}", module.trim(), last.trim());
    names::judge_text(&full, sure, || at(name), looking);
}

#[cfg(test)]
mod tests {
    use crate::formats::protobuf::tests::{scan, told};

    #[test]
    fn objects_that_run_something_are_found() {
        for (text, at) in [
            (r#"{"py/object":"subprocess.Popen"}"#, "py/object"),
            (
                r#"{"a":{"py/reduce":[{"py/function":"os.system"},{"py/tuple":["x"]}]}}"#,
                "a.py/reduce[0].py/function",
            ),
            (r#"{"py/type":"os.system"}"#, "py/type"),
            (r#"{"py/repr":"os/os.system('x')"}"#, "py/repr"),
            (r#"{"__kind__":"instance","class":"os.system","args":["x"]}"#, "class"),
            (r#"{"@module":"subprocess","@class":"Popen","args":["x"]}"#, "@class"),
            (r#"{"@module":"os","@callable":"system","@bound":null}"#, "@callable"),
            (r#"{"__module__":"os","__class__":"system"}"#, "__class__"),
            (r#"{"a":[{"type":"pyref","module":"subprocess","name":"getoutput"}]}"#, "a[0].name"),
            (r#"{"type":"pyref","module":"evilpkg.runner","name":"launch"}"#, "name"),
            (
                r#"{"llm":{"object_constructor":"os.system","object_kwargs":{"command":"id"}}}"#,
                "llm.object_constructor",
            ),
        ] {
            assert_eq!(told(&scan(text, "x.json")), [format!("config.target x.json!{at}")], "{text}");
        }
    }

    #[test]
    fn keys_that_are_objects_are_judged() {
        let inner = r#"{"py/reduce":[{"py/function":"os.system"}]}"#;
        let key = format!("json://{inner}");
        let twice = format!("json://{}", serde_json::json!({ key.clone(): 1 }));
        for key in [key, twice, "json://{\"py/".to_owned()] {
            let text = serde_json::json!({ key.clone(): 1 }).to_string();
            assert_eq!(
                told(&scan(text.as_str(), "x.json")),
                [format!("config.target x.json!{key}")],
                "{text}"
            );
        }
        assert_eq!(
            told(&scan(r#"{"json://[1, 2]": 1, "json://{\"py/tuple\": [1]}": 2}"#, "x.json")),
            [""; 0]
        );
    }

    #[test]
    fn objects_of_known_libraries_are_quiet() {
        for text in [
            r#"{"py/object":"sklearn.linear_model._base.LinearRegression","coef_":{"py/object":"collections.OrderedDict"}}"#,
            r#"{"__kind__":"instance","class":"gluonts.torch.model.predictor.PyTorchPredictor","args":[],"kwargs":{}}"#,
            r#"{"@module":"pymatgen.core.structure","@class":"Structure","lattice":{}}"#,
            r#"{"@module":"numpy","@class":"array","dtype":"float64"}"#,
            r#"{"class":"os.system","@class":"Popen"}"#,
            r#"{"type":{"type":"pyref","module":"fiddle._src.config","name":"Config"},"items":[["fn_or_cls",{"type":"pyref","module":"collections","name":"OrderedDict"}]]}"#,
            r#"{"type":"pyref","module":"nemo.collections.llm.gpt.model.llama","name":"LlamaModel"}"#,
            r#"{"type":"leaf","module":"os","name":"system"}"#,
        ] {
            assert_eq!(told(&scan(text, "x.json")), [""; 0], "{text}");
        }
    }
}
