//! The packages that documents and graphs name, with their versions: environments of conda and MLflow, versions in
//! configurations of model repositories, the tool that wrote a graph. Facts, which `vulnerabilities` judges.

use lazaret_input::json::Node;

use super::keras::path;
use super::protobuf::{Fields, Span};
use super::requirements;
use crate::components::{self, Component, Declared, Ecosystem, Role};
use crate::look::Looking;
use crate::part::Part;

/// Keys whose text is the version of the package that wrote the document.
const WRITERS: &[(&str, &str)] = &[
    ("transformers_version", "transformers"),
    ("_diffusers_version", "diffusers"),
    ("diffusers_version", "diffusers"),
    ("peft_version", "peft"),
    ("adapters_version", "adapters"),
    ("keras_version", "keras"),
    ("_skops_version", "skops"),
    ("mlflow_version", "mlflow"),
    ("archiverVersion", "torch-model-archiver"),
    ("tensorflow_version", "tensorflow"),
];

/// What MLflow's flavors call the versions of their packages (`MLmodel`).
const FLAVORS: &[(&str, &str)] = &[
    ("catboost_version", "catboost"),
    ("cloudpickle_version", "cloudpickle"),
    ("diffusers_version", "diffusers"),
    ("fastai_version", "fastai"),
    ("h2o_version", "h2o"),
    ("keras_version", "keras"),
    ("langchain_version", "langchain"),
    ("lgb_version", "lightgbm"),
    ("onnx_version", "onnx"),
    ("onnxruntime_version", "onnxruntime"),
    ("paddle_version", "paddlepaddle"),
    ("pmdarima_version", "pmdarima"),
    ("prophet_version", "prophet"),
    ("pytorch_version", "torch"),
    ("sentence_transformers_version", "sentence-transformers"),
    ("sklearn_version", "scikit-learn"),
    ("spacy_version", "spacy"),
    ("statsmodels_version", "statsmodels"),
    ("tensorflow_version", "tensorflow"),
    ("transformers_version", "transformers"),
    ("xgb_version", "xgboost"),
];

/// Notes the packages that a document of JSON or YAML names.
pub(crate) fn of_document(root: Node<'_, '_>, part: &Part, looking: &mut Looking<'_>) {
    for member in root.members() {
        let writer = WRITERS.iter().find(|(key, _)| *key == member.key);
        if let (Some((key, name)), Some(version)) = (writer, member.value.as_str()) {
            looking.written_by(name, version, part.inner(member.key), key);
        }
    }
    // sentence-transformers: {"__version__": {"sentence_transformers": "2.2.2", "transformers": "4.30.0", "pytorch": "2.0"}}
    for member in root.get("__version__").into_iter().flat_map(|versions| versions.members()) {
        let name = if member.key == "pytorch" { "torch" } else { member.key };
        if let Some(version) = member.value.as_str() {
            looking.written_by(name, version, part.inner(&path(member.value, "")), "__version__");
        }
    }
    // spaCy says which versions load the model: `>=3.7.2,<3.8.0`.
    if let Some(version) = root.get("spacy_version").and_then(|version| version.as_str()) {
        required(&format!("spacy{version}"), part.inner("spacy_version"), "spacy_version", looking);
    }
    flavors(root, part, looking);
    environment(root, part, looking);
    xgboost(root, part, looking);
}

/// MLflow's `MLmodel`.
fn flavors(root: Node<'_, '_>, part: &Part, looking: &mut Looking<'_>) {
    let flavors = root.get("flavors").into_iter().flat_map(|flavors| flavors.members());
    for member in flavors.flat_map(|flavor| flavor.value.members()) {
        let package = FLAVORS.iter().find(|(key, _)| *key == member.key);
        if let (Some((key, name)), Some(version)) = (package, member.value.as_str()) {
            looking.written_by(name, version, part.inner(&path(member.value, "")), key);
        }
    }
}

/// `conda.yaml` and `python_env.yaml`: lists of dependencies, in which a list of pip's may lie.
fn environment(root: Node<'_, '_>, part: &Part, looking: &mut Looking<'_>) {
    let Some(dependencies) = root.get("dependencies") else { return };
    // Channels may be left out: a list of pip's among the dependencies is conda's alone.
    let of_conda =
        root.get("channels").is_some() || dependencies.items().any(|node| node.get("pip").is_some());
    let is_environment = of_conda || root.get("build_dependencies").is_some() || root.get("python").is_some();
    if !is_environment {
        return;
    }
    for channel in root.get("channels").into_iter().flat_map(|channels| channels.items()) {
        let at = || part.inner(&path(channel, ""));
        requirements::channel(channel.as_str().unwrap_or_default(), at, looking);
    }
    for node in dependencies.items() {
        match node.as_str() {
            Some(text) if of_conda => {
                looking.component(conda(text, part.inner(&path(node, ""))));
                if text.contains("://") {
                    requirements::comes_from(text, || part.inner(&path(node, "")), looking);
                }
            }
            Some(_) => pip(node, "python_env", part, looking),
            None => {
                for requirement in node.get("pip").into_iter().flat_map(|pip| pip.items()) {
                    pip(requirement, "conda", part, looking);
                }
            }
        }
    }
}

/// A line for pip in an environment.
fn pip(node: Node<'_, '_>, because: &'static str, part: &Part, looking: &mut Looking<'_>) {
    let line = node.as_str().unwrap_or_default();
    let at = || part.inner(&path(node, ""));
    required(line, at(), because, looking);
    requirements::comes_from(line, at, looking);
}

fn conda(text: &str, at: lazaret_core::Locator) -> Option<Component> {
    let (name, declared) = components::conda_dependency(text)?;
    let ecosystem = if name == "python" { Ecosystem::Generic } else { Ecosystem::Conda };
    Some(Component { ecosystem, name, declared, role: Role::Required, at, because: "conda" })
}

/// Notes what a requirement of pip names.
pub(crate) fn required(
    line: &str,
    at: lazaret_core::Locator,
    because: &'static str,
    looking: &mut Looking<'_>,
) {
    let Some((name, declared)) = components::requirement(line) else { return };
    looking.component(Component::python(&name, declared, Role::Required, at, because));
}

/// XGBoost's JSON: `"version": [2, 0, 3]`.
fn xgboost(root: Node<'_, '_>, part: &Part, looking: &mut Looking<'_>) {
    let (Some(version), Some(_)) = (root.get("version"), root.get("learner")) else { return };
    let numbers: Vec<&str> = version.items().filter_map(|number| number.as_number()).collect();
    if numbers.len() == 3 {
        looking.written_by("xgboost", &numbers.join("."), part.inner("version"), "version");
    }
}

/// The producers of ONNX graphs that are packages of Python, by the names that they write.
const PRODUCERS: &[(&str, &str)] = &[
    ("pytorch", "torch"),
    ("tf2onnx", "tf2onnx"),
    ("skl2onnx", "skl2onnx"),
    ("onnxmltools", "onnxmltools"),
    ("keras2onnx", "keras2onnx"),
    ("paddlepaddle", "paddlepaddle"),
    ("paddle2onnx", "paddle2onnx"),
    ("onnxruntime", "onnxruntime"),
    ("onnx.quantize", "onnxruntime"),
    ("onnx.compose.merge_models", "onnx"),
    ("olive", "olive-ai"),
];

/// Longest text of a graph that is read as a name or a version.
const MOST_TEXT: usize = 256;

/// `producer_name` and `producer_version` of an ONNX graph.
pub(crate) fn of_onnx(part: &Part, looking: &mut Looking<'_>) {
    let texts = texts(part, &[], &[2, 3], looking);
    let [Some((_, name)), Some((at, version))] = texts.as_slice() else { return };
    let name = name.to_ascii_lowercase();
    if let Some((_, package)) = PRODUCERS.iter().find(|(producer, _)| *producer == name) {
        looking.written_by(package, version, part.at(*at), "producer_version");
    }
}

/// `meta_info_def.tensorflow_version` of a graph, behind the fields that lead to it.
pub(crate) fn of_tensorflow(part: &Part, way: &[u32], looking: &mut Looking<'_>) {
    if let [Some((at, version))] = texts(part, way, &[5], looking).as_slice() {
        looking.written_by("tensorflow", version, part.at(*at), "tensorflow_version");
    }
}

/// Texts of a message by the numbers of their fields, with their places. What cannot be read is told by the format's own
/// reader.
fn texts(part: &Part, way: &[u32], wanted: &[u32], looking: &Looking<'_>) -> Vec<Option<(u64, String)>> {
    let mut fields = Fields::new(part, looking.limits);
    let mut span = fields.root();
    for step in way {
        let Some(inner) = message(&mut fields, span, *step) else { return Vec::new() };
        span = inner;
    }
    let mut found = vec![None; wanted.len()];
    while let Ok(Some(field)) = fields.next(&mut span) {
        let place = wanted.iter().position(|number| *number == field.number);
        let (Some(place), Some(inner)) = (place, field.span()) else { continue };
        let text = fields.text(inner, MOST_TEXT).ok();
        if let (Some(slot @ None), Some(text)) = (found.get_mut(place), text) {
            *slot = Some((field.at, text));
        }
        if found.iter().all(Option::is_some) {
            break;
        }
    }
    found
}

fn message(fields: &mut Fields<'_>, mut span: Span, number: u32) -> Option<Span> {
    while let Ok(Some(field)) = fields.next(&mut span) {
        if field.number == number {
            return field.span();
        }
    }
    None
}

/// The packages whose code a pickle runs, and the versions of scikit-learn in its states.
pub(crate) fn of_pickle<'n>(
    packages: impl Iterator<Item = &'n String>,
    versions: impl Iterator<Item = &'n String>,
    part: &Part,
    looking: &mut Looking<'_>,
) {
    let mut versioned = false;
    for version in versions {
        looking.written_by("scikit-learn", version, part.place(), "_sklearn_version");
        versioned = true;
    }
    for package in packages {
        let name = components::package_of_module(package);
        if name == "scikit-learn" && versioned {
            continue;
        }
        let declared = Declared::Unknown;
        looking.component(Component::python(name, declared, Role::CodeOf, part.place(), "pickle"));
    }
}

/// The version of R that wrote a file: one number of three bytes.
pub(crate) fn of_r(version: i32, part: &Part, looking: &mut Looking<'_>) {
    let [_, major, minor, patch] = version.to_be_bytes();
    looking.component(Some(Component {
        ecosystem: Ecosystem::Generic,
        name: "r".to_owned(),
        declared: components::exact(&format!("{major}.{minor}.{patch}")),
        role: Role::WrittenBy,
        at: part.place(),
        because: "R's header",
    }));
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use lazaret_core::{Hint, Limits};
    use lazaret_input::MemorySource;

    use crate::formats::protobuf::tests::{scan, told};
    use crate::look::{NoFolder, look};

    /// What a file names: `pkg:pypi/torch@2.1.0 written-by config.json!torch_version`.
    fn named(name: &str, bytes: &[u8]) -> Vec<String> {
        let source = Arc::new(MemorySource::new(bytes, Hint::default()));
        let report = look(source, bytes.len() as u64, name, &NoFolder, &Limits::default());
        let told = |component: &crate::Component| {
            let range = match &component.declared {
                crate::Declared::Range(range) => format!(" {range}"),
                _ => String::new(),
            };
            format!("{}{range} {} {}", component.purl_with_version(), component.role.name(), component.at)
        };
        report.components.iter().map(told).collect()
    }

    #[test]
    fn documents_name_their_packages() {
        assert_eq!(
            named("config.json", br#"{"model_type":"bert","transformers_version":"4.30.2"}"#),
            ["pkg:pypi/transformers@4.30.2 written-by config.json!transformers_version"]
        );
        assert_eq!(
            named("metadata.json", br#"{"keras_version":"3.8.0","date_saved":"2025-01-01"}"#),
            ["pkg:pypi/keras@3.8.0 written-by metadata.json!keras_version"]
        );
        let versions = br#"{"__version__":{"sentence_transformers":"2.2.2","pytorch":"2.0.0"},"prompts":{}}"#;
        assert_eq!(
            named("config_sentence_transformers.json", versions),
            [
                "pkg:pypi/sentence-transformers@2.2.2 written-by config_sentence_transformers.json!__version__.sentence_transformers",
                "pkg:pypi/torch@2.0.0 written-by config_sentence_transformers.json!__version__.pytorch"
            ]
        );
        assert_eq!(
            named("model.json", br#"{"learner":{"attributes":{}},"version":[2,0,3]}"#),
            ["pkg:pypi/xgboost@2.0.3 written-by model.json!version"]
        );
    }

    #[test]
    fn environments_name_what_is_installed() {
        let conda = b"channels:\n- conda-forge\ndependencies:\n- python=3.10.9\n- scikit-learn=1.2.2\n- pip:\n  - mlflow==2.3.0\n  - cloudpickle\nname: mlflow-env\n";
        assert_eq!(
            named("conda.yaml", conda),
            [
                "pkg:pypi/cloudpickle required conda.yaml!dependencies[2].pip[1]",
                "pkg:pypi/mlflow@2.3.0 required conda.yaml!dependencies[2].pip[0]",
                "pkg:conda/scikit-learn ==1.2.2.* required conda.yaml!dependencies[1]",
                "pkg:generic/python ==3.10.9.* required conda.yaml!dependencies[0]"
            ]
        );
        let bare = "dependencies:\n- python=3.10\n- http://a/x.tar.bz2\n- pip:\n  - http://a/x.whl\n";
        let at = ["dependencies[1]", "dependencies[2].pip[0]"];
        assert_eq!(
            told(&scan(bare, "environment.yml")),
            at.map(|at| format!("requirements.foreign-source environment.yml!{at}"))
        );
        let elsewhere = "channels:\n- https://conda.anaconda.org/x\n- http://a/c\ndependencies:\n- pip:\n  - numpy==1.2\n  - --extra-index-url http://a/simple\n  - x @ https://a/x.whl\n";
        let at = ["channels[1]", "dependencies[0].pip[1]", "dependencies[0].pip[2]"];
        assert_eq!(
            told(&scan(elsewhere, "conda.yaml")),
            at.map(|at| format!("requirements.foreign-source conda.yaml!{at}"))
        );
        let env = b"python: 3.10.9\nbuild_dependencies:\n- pip==23.0\ndependencies:\n- -r requirements.txt\n- numpy==1.24.0\n";
        assert_eq!(
            named("python_env.yaml", env),
            ["pkg:pypi/numpy@1.24.0 required python_env.yaml!dependencies[1]"]
        );
        let model = b"flavors:\n  python_function:\n    loader_module: mlflow.sklearn\n  sklearn:\n    sklearn_version: 1.2.2\nmlflow_version: 2.3.0\n";
        assert_eq!(
            named("MLmodel", model),
            [
                "pkg:pypi/mlflow@2.3.0 written-by MLmodel!mlflow_version",
                "pkg:pypi/scikit-learn@1.2.2 written-by MLmodel!flavors.sklearn.sklearn_version"
            ]
        );
        let list = b"torch==2.1.0 \\\n  --hash=sha256:ab\n# no\npyyaml\nx @ git+https://a/x\n--index-url https://pypi.org/simple\n";
        assert_eq!(
            named("requirements.txt", list),
            [
                "pkg:pypi/pyyaml required requirements.txt@39",
                "pkg:pypi/torch@2.1.0 required requirements.txt@0",
                "pkg:pypi/x required requirements.txt@46"
            ]
        );
    }

    #[test]
    fn graphs_and_pickles_name_who_wrote_them() {
        // ir_version 8, producer "pytorch" 2.1.0, an empty graph.
        let onnx = b"\x08\x08\x12\x07pytorch\x1a\x052.1.0\x3a\x05\x12\x03abc";
        assert_eq!(named("model.onnx", onnx), ["pkg:pypi/torch@2.1.0 written-by model.onnx@11"]);
        // saved_model { meta_graphs { meta_info_def { tensorflow_version: "2.11.0" } graph_def {} } }
        let saved = b"\x08\x01\x12\x0e\x0a\x08\x2a\x062.11.0\x12\x02\x0a\x00";
        assert_eq!(
            named("saved_model.pb", saved),
            ["pkg:pypi/tensorflow@2.11.0 written-by saved_model.pb@6"]
        );
        // A pickle of an estimator: its class is called, its state is set.
        let pickle = b"\x80\x02csklearn.linear_model\nRidge\n)\x81}(X\x05\x00\x00\x00alphaK\x01X\x10\x00\x00\x00_sklearn_versionX\x05\x00\x00\x001.2.2ub.";
        assert_eq!(named("model.pkl", pickle), ["pkg:pypi/scikit-learn@1.2.2 written-by model.pkl"]);
        let r = b"X\n\x00\x00\x00\x02\x00\x04\x02\x01\x00\x02\x03\x00\x00\x00\x00\xfe";
        assert_eq!(named("model.rds", r), ["pkg:generic/r@4.2.1 written-by model.rds"]);
    }
}
