//! MLflow's `MLmodel`: which loader reads the model, and which code comes with it.

use lazaret_core::{FormatId, Severity};
use lazaret_input::json::Node;

use crate::callables::documents::{Effect, is_or_within, judge_by, split};
use crate::callables::recipes::{self, Call};
use crate::formats::beside::points_elsewhere;
use crate::formats::json::{JsonKind, Walk, path_of};
use crate::formats::requirements::without_login;
use crate::formats::text;
use crate::look::Looking;
use crate::own::OwnRules;
use crate::part::{MAX_WHOLE, Part, Unread, printed};
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
            fetched(flavor.value, part, looking);
            for value in Walk::new(flavor.value) {
                let (Some(key), Some(text)) = (key_of(value), value.as_str()) else { continue };
                let place = || part.inner(&path_of(value));
                if key == "loader_module" {
                    looking.met_callable(text.trim(), LOADER, place);
                }
                if let Some((severity, says)) = judge(looking.own, key, text) {
                    looking.find_as(severity, &rules::MLFLOW_LOADER, place(), says);
                }
            }
        }
    }
}

/// The key that a value stands under, alone or in a list.
fn key_of<'d>(value: Node<'d, '_>) -> Option<&'d str> {
    value.key().or_else(|| value.parent()?.key())
}

/// A model of transformers whose weights lie elsewhere: MLflow has them fetched, and trusts the code that lies with them.
fn fetched(flavor: Node<'_, '_>, part: &Part, looking: &mut Looking<'_>) {
    let text_of = |key: &str| flavor.get(key).and_then(|value| Some((value, value.as_str()?)));
    let (Some((value, name)), Some(_)) = (text_of("source_model_name"), text_of("source_model_revision"))
    else {
        return;
    };
    let says = format!(
        "the model is fetched from {} when it is loaded, and code that lies there is trusted",
        printed(&without_login(name))
    );
    looking.find_as(Severity::High, &rules::HF_REMOTE_CODE, part.inner(&path_of(value)), says);
}

/// Files beside a model whose text is the name of a module that MLflow imports, with what it asks of the module.
const MODULES: &[(&str, &str)] = &[("keras_module.txt", "models"), ("pickle_module_info.txt", "Unpickler")];

/// Judges a text by the name of its file, if it is one of those.
pub(crate) fn judge_text(part: &Part, looking: &mut Looking<'_>) -> Result<(), Unread> {
    let file_name = part.file_name();
    let Some((_, asked)) = MODULES.iter().find(|(name, _)| *name == file_name) else { return Ok(()) };
    let name = text::whole(part, looking.limits.get(MAX_WHOLE))?;
    looking.met_callable(name.trim(), asked, || part.place());
    if let Some((severity, says)) = module(looking.own, name.trim()) {
        looking.find_as(severity, &rules::MLFLOW_LOADER, part.place(), says);
    }
    Ok(())
}

/// Keys whose value is a path within the model's folder, beside those that say so by their ending.
const PATHS: &[&str] = &[
    "code",
    "conda",
    "config",
    "data",
    "env",
    "model_data",
    "path",
    "pickled_model",
    "python_model",
    "serialized_model_file",
    "virtualenv",
];

fn is_path(key: &str) -> bool {
    PATHS.contains(&key) || ["_path", "_dir", "_file", "_binary"].iter().any(|end| key.ends_with(end))
}

fn judge(own: &OwnRules, key: &str, value: &str) -> Option<(Severity, String)> {
    let value = value.trim();
    if matches!(value, "" | "null" | "~") {
        return None;
    }
    if is_path(key) && points_elsewhere(value) {
        return Some((
            Severity::Critical,
            format!("`{key}` is {}, outside the model's folder", printed(value)),
        ));
    }
    match key {
        "loader_module" => loader(own, value),
        "keras_module" | "pickle_module" => module(own, value),
        "model_class" | "skops_trusted_types" => class(own, value),
        "code" => Some((
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

/// A module that is imported in place of the framework's own.
fn module(own: &OwnRules, module: &str) -> Option<(Severity, String)> {
    const USUAL: &[&str] = &[
        "keras",
        "tensorflow.keras",
        "tf_keras",
        "mlflow.pytorch.pickle_module",
        "pickle",
        "cloudpickle",
        "dill",
    ];
    if USUAL.contains(&module) {
        return None;
    }
    Some(match judge_by(own, module, "models") {
        Effect::Dangerous(does) => {
            (Severity::Critical, format!("the module {} is imported: it {does}", printed(module)))
        }
        _ => (Severity::High, format!("the module {} is imported, which is not known", printed(module))),
    })
}

/// A class that is imported and called, or trusted.
fn class(own: &OwnRules, name: &str) -> Option<(Severity, String)> {
    let (_, last) = split(name);
    let is_spark = is_or_within(name, "pyspark.ml") && last.starts_with(|c: char| c.is_ascii_uppercase());
    let (severity, why) = match recipes::judge(own, name) {
        Call::Builds => return None,
        _ if is_spark => return None,
        Call::Harms(does) => (Severity::Critical, format!(": it {does}")),
        Call::Borrowed | Call::Unlisted | Call::Foreign => {
            (Severity::High, ", which is not known".to_owned())
        }
    };
    Some((severity, format!("loading the model imports and calls {}{why}", printed(name))))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::formats::protobuf::tests::{scan, told};

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

    const FLAVORS: &str = "mlflow_version: 3.1.0\nflavors:\n  python_function: {loader_module: mlflow.x, env: {conda: conda.yaml, virtualenv: python_env.yaml}, artifacts: {x: {path: artifacts/x, uri: 'file:///home/me/x'}}}\n";

    #[test]
    fn what_flavours_import_call_and_fetch_is_judged() {
        for (flavor, at) in [
            ("xgboost: {model_class: os.abort}", "xgboost.model_class"),
            ("lightgbm: {model_class: evilmod.Evil}", "lightgbm.model_class"),
            ("spark: {model_class: evilmod.Evil}", "spark.model_class"),
            (
                "sklearn: {skops_trusted_types: [sklearn.svm.SVC, evilmod.Evil]}",
                "sklearn.skops_trusted_types[1]",
            ),
            ("tensorflow: {keras_module: evilmod}", "tensorflow.keras_module"),
            ("x: {env: {conda: ../../evil.yaml}}", "x.env.conda"),
            ("x: {env: {virtualenv: 'http://a.example/x'}}", "x.env.virtualenv"),
            ("x: {artifacts: {y: {path: ../../../etc/passwd}}}", "x.artifacts.y.path"),
            ("x: {some: [{vocab_file: /etc/passwd}]}", "x.some[0].vocab_file"),
        ] {
            let text = format!("{FLAVORS}  {flavor}\n");
            assert_eq!(
                told(&scan(text.as_str(), "MLmodel")),
                [format!("mlflow.loader MLmodel!flavors.{at}")],
                "{text}"
            );
        }
        let text = format!(
            "{FLAVORS}  transformers: {{source_model_name: a/b, source_model_revision: abc, pipeline_model_type: X}}\n"
        );
        let found = "hf.remote-code MLmodel!flavors.transformers.source_model_name";
        assert_eq!(told(&scan(text.as_str(), "MLmodel")), [found]);
        for flavor in [
            "xgboost: {model_class: xgboost.sklearn.XGBClassifier, data: model.xgb, code: null}",
            "lightgbm: {model_class: lightgbm.basic.Booster}",
            "spark: {model_class: pyspark.ml.pipeline.PipelineModel, model_data: sparkml}",
            "tensorflow: {keras_module: keras}",
            "sklearn: {skops_trusted_types: null, model_class: ~, code: ''}",
            "sklearn: {skops_trusted_types: [sklearn.svm.SVC, numpy.dtype]}",
            "transformers: {source_model_name: a/b, model_binary: model, pipeline_model_type: BertModel}",
        ] {
            let text = format!("{FLAVORS}  {flavor}\n");
            assert_eq!(told(&scan(text.as_str(), "MLmodel")), [""; 0], "{text}");
        }
    }

    #[test]
    fn files_that_name_a_module_are_judged() {
        for (name, text) in [
            ("keras_module.txt", "evilmod"),
            ("keras_module.txt", "os"),
            ("pickle_module_info.txt", "evilmod\n"),
        ] {
            assert_eq!(told(&scan(text, name)), [format!("mlflow.loader {name}")], "{text}");
        }
        for (name, text) in [
            ("keras_module.txt", "keras"),
            ("pickle_module_info.txt", "mlflow.pytorch.pickle_module"),
            ("notes.txt", "evilmod"),
        ] {
            assert_eq!(told(&scan(text, name)), [""; 0], "{text}");
        }
    }
}
