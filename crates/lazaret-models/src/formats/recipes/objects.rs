//! Objects that libraries write as JSON and make again when they read it: jsonpickle (`py/object`), GluonTS (`__kind__`), monty
//! (`@module` and `@class`).

use lazaret_core::Severity;
use lazaret_input::json::Node;

use super::names::{self, Sure};
use crate::formats::json::path_of;
use crate::look::Looking;
use crate::part::Part;
use crate::rules;

pub(super) fn judge(object: Node<'_, '_>, part: &Part, looking: &mut Looking<'_>) {
    for member in object.members() {
        match member.key {
            "py/object" | "py/type" | "py/function" | "py/class" => {
                names::judge(member.value, Sure::Likely, part, looking);
            }
            "py/repr" if member.value.as_str().is_some() => {
                let says = "jsonpickle evaluates this text as Python";
                let at = part.inner(&path_of(member.value));
                looking.find_as(Severity::Critical, &rules::CONFIG_TARGET, at, says);
            }
            "class" if object.get("__kind__").is_some() => {
                names::judge(member.value, Sure::Likely, part, looking);
            }
            "@class" | "@callable" | "__class__" => in_module(object, member.value, part, looking),
            _ => {}
        }
    }
}

/// A name whose module stands beside it.
fn in_module(object: Node<'_, '_>, name: Node<'_, '_>, part: &Part, looking: &mut Looking<'_>) {
    let beside = |key: &str| object.get(key).and_then(|module| module.as_str());
    let (module, sure) = match (beside("@module"), beside("__module__")) {
        (Some(module), _) => (module, Sure::Likely),
        (None, Some(module)) => (module, Sure::Word),
        (None, None) => return,
    };
    let Some(last) = name.as_str() else { return };
    let full = format!("{}.{}", module.trim(), last.trim());
    names::judge_text(&full, sure, || part.inner(&path_of(name)), looking);
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
        ] {
            assert_eq!(told(&scan(text, "x.json")), [format!("config.target x.json!{at}")], "{text}");
        }
    }

    #[test]
    fn objects_of_known_libraries_are_quiet() {
        for text in [
            r#"{"py/object":"sklearn.linear_model._base.LinearRegression","coef_":{"py/object":"collections.OrderedDict"}}"#,
            r#"{"__kind__":"instance","class":"gluonts.torch.model.predictor.PyTorchPredictor","args":[],"kwargs":{}}"#,
            r#"{"@module":"pymatgen.core.structure","@class":"Structure","lattice":{}}"#,
            r#"{"@module":"numpy","@class":"array","dtype":"float64"}"#,
            r#"{"class":"os.system","@class":"Popen"}"#,
        ] {
            assert_eq!(told(&scan(text, "x.json")), [""; 0], "{text}");
        }
    }
}
