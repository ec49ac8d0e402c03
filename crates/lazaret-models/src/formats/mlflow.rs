//! MLflow's `MLmodel`: which loader reads the model, and which code comes with it.

use lazaret_core::{FormatId, Severity};
use lazaret_input::json::Node;

use crate::callables::documents::{Effect, is_or_within, judge_by};
use crate::formats::beside::points_elsewhere;
use crate::formats::json::JsonKind;
use crate::formats::keras::path;
use crate::look::Looking;
use crate::own::OwnRules;
use crate::part::{Part, printed};
use crate::rules;

/// The file `MLmodel`.
pub(crate) struct MlflowModel;

impl JsonKind for MlflowModel {
    fn id(&self) -> FormatId {
        FormatId("mlflow-model")
    }

    fn about(&self) -> &'static str {
        "MLflow model description"
    }

    fn recognise(&self, root: Node<'_, '_>, file_name: &str) -> bool {
        let flavors = root.get("flavors");
        let knows = |name: &str| flavors.is_some_and(|flavors| flavors.get(name).is_some());
        knows("python_function") || (file_name == "mlmodel" && flavors.is_some())
    }

    fn read(&self, root: Node<'_, '_>, part: &Part, looking: &mut Looking<'_>) {
        let flavors = root.members().filter(|member| member.key == "flavors");
        for flavor in flavors.flat_map(|flavors| flavors.value.members()) {
            for member in flavor.value.members() {
                let values = member.value.items().chain(Some(member.value));
                for (value, text) in values.filter_map(|value| Some((value, value.as_str()?))) {
                    let place = || part.inner(&path(value, ""));
                    if member.key == "loader_module" {
                        looking.met_callable(text.trim(), LOADER, place);
                    }
                    if let Some((severity, says)) = judge(looking.own, member.key, text) {
                        looking.find_as(severity, &rules::MLFLOW_LOADER, place(), says);
                    }
                }
            }
        }
    }
}

/// Keys whose value is a path within the model's folder.
const PATHS: &[&str] = &[
    "code",
    "data",
    "model_path",
    "python_model",
    "pickled_model",
    "model_data",
    "model_code_path",
    "artifacts_path",
    "serialized_model_file",
    "keras_model_path",
    "saved_model_dir",
    "config",
];

fn judge(own: &OwnRules, key: &str, value: &str) -> Option<(Severity, String)> {
    let value = value.trim();
    if PATHS.contains(&key) && points_elsewhere(value) {
        return Some((
            Severity::Critical,
            format!("`{key}` is {}, outside the model's folder", printed(value)),
        ));
    }
    match key {
        "loader_module" => loader(own, value),
        "code" if !matches!(value, "" | "null" | "~") => Some((
            Severity::High,
            format!("the code in {} is imported when the model is loaded", printed(value)),
        )),
        "model_code_path" => {
            Some((Severity::High, format!("the program {} is run when the model is loaded", printed(value))))
        }
        "python_model" => {
            let says = format!(
                "the model is a Python object with code of its own, unpickled from {}",
                printed(value)
            );
            Some((Severity::Medium, says))
        }
        _ => None,
    }
}

/// The function that MLflow calls of a loader's module.
const LOADER: &str = "_load_pyfunc";

fn loader(own: &OwnRules, module: &str) -> Option<(Severity, String)> {
    if is_or_within(module, "mlflow") {
        return None;
    }
    Some(match judge_by(own, module, LOADER) {
        Effect::Dangerous(does) => {
            (Severity::Critical, format!("the loader is the module {}: it {does}", printed(module)))
        }
        _ => (
            Severity::High,
            format!("the loader is the module {}, which is none of MLflow's", printed(module)),
        ),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loaders_and_paths_are_judged() {
        let graveness = |key, value| judge(&OwnRules::none(), key, value).map(|(severity, _)| severity);
        assert_eq!(graveness("loader_module", "os"), Some(Severity::Critical));
        assert_eq!(graveness("loader_module", "mlflowx.sklearn"), Some(Severity::High));
        assert_eq!(graveness("loader_module", "mlflow.sklearn"), None);
        assert_eq!(graveness("code", "../../outside"), Some(Severity::Critical));
        assert_eq!(graveness("code", "code"), Some(Severity::High));
        assert_eq!(graveness("model_path", "model.pkl"), None);
        assert_eq!(graveness("data", "/etc/passwd"), Some(Severity::Critical));
    }
}
