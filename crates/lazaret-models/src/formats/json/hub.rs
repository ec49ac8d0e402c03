//! Configurations of model repositories (transformers, diffusers, sentence-transformers, PEFT): what code they name
//! and what files they point to.

use lazaret_core::{FormatId, Severity};
use lazaret_input::json::Node;

use super::{JsonKind, Walk, path_of};
use crate::formats::beside::points_elsewhere;
use crate::formats::recipes;
use crate::look::Looking;
use crate::part::{Part, printed};
use crate::rules;

/// Libraries whose parts a pipeline may name: their code is installed, it does not come with the model.
const LIBRARIES: &[&str] = &[
    "transformers",
    "diffusers",
    "sentence_transformers",
    "torch",
    "torchvision",
    "onnxruntime",
    "optimum",
    "peft",
    "timm",
    "open_clip",
    "k_diffusion",
    "flax",
    "jax",
    "tokenizers",
    "numpy",
    "pylate",
    "model2vec",
];

/// Configurations.
pub(super) struct HubConfig;

impl JsonKind for HubConfig {
    fn id(&self) -> FormatId {
        FormatId("hf-config")
    }

    fn about(&self) -> &'static str {
        "configuration of a model repository"
    }

    fn recognise(&self, root: Node<'_, '_>, file_name: &str) -> bool {
        const KEYS: &[&str] = &[
            "model_type",
            "architectures",
            "auto_map",
            "custom_pipelines",
            "custom_generate",
            "tokenizer_class",
            "processor_class",
            "chat_template",
            "_class_name",
            "peft_type",
            "base_model_name_or_path",
            "trust_remote_code",
            "transformers_version",
        ];
        let named = matches!(
            file_name,
            "config.json"
                | "tokenizer_config.json"
                | "generation_config.json"
                | "preprocessor_config.json"
                | "processor_config.json"
                | "adapter_config.json"
                | "model_index.json"
                | "modules.json"
                | "special_tokens_map.json"
                | "chat_template.json"
                | "config_sentence_transformers.json"
        );
        named || KEYS.iter().any(|key| root.get(key).is_some()) || is_modules(root)
    }

    fn read(&self, root: Node<'_, '_>, part: &Part, looking: &mut Looking<'_>) {
        for node in Walk::new(root) {
            match node.key() {
                Some("auto_map") => auto_map(node, part, looking),
                Some("custom_pipelines") => custom_pipelines(node, part, looking),
                Some("custom_generate" | "custom_pipeline" | "custom_code") => {
                    custom_code(node, part, looking);
                }
                Some("parent_library" | "megatron_core") => library(node, part, looking),
                Some("type_hint") => part_of_pipeline(node, part, looking),
                _ => {}
            }
        }
        if root.get("_class_name").is_some() {
            pipeline(root, part, looking);
        }
        if is_modules(root) {
            modules(root, part, looking);
        }
        for key in ["base_model_name_or_path", "_name_or_path", "base_model"] {
            if let Some(node) = root.get(key) {
                base_model(node, key == "base_model_name_or_path", part, looking);
            }
        }
    }
}

fn names_code(node: Node<'_, '_>, what: &str, part: &Part, looking: &mut Looking<'_>) {
    let Some(name) = node.as_str() else { return };
    let at = part.inner(&path_of(node));
    if let Some((repository, class)) = name.split_once("--") {
        let message = format!(
            "{what} loads `{}` from another repository, `{}`, which can change at any time",
            printed(class),
            printed(repository)
        );
        looking.find_as(Severity::High, &rules::HF_REMOTE_CODE, at, message);
    } else if name.contains('/') {
        let message =
            format!("{what} loads code from elsewhere, `{}`, which can change at any time", printed(name));
        looking.find_as(Severity::High, &rules::HF_REMOTE_CODE, at, message);
    } else {
        let message = format!("{what} loads `{}`, Python code that comes with the model", printed(name));
        looking.find(&rules::HF_REMOTE_CODE, at, message);
    }
}

/// `{"AutoModel": "module.Class"}`; of tokenizers a list of two, the second of which may be null.
fn auto_map(map: Node<'_, '_>, part: &Part, looking: &mut Looking<'_>) {
    for node in Walk::new(map) {
        names_code(node, "`auto_map`", part, looking);
    }
}

fn custom_pipelines(pipelines: Node<'_, '_>, part: &Part, looking: &mut Looking<'_>) {
    for node in Walk::new(pipelines).filter(|node| node.key() == Some("impl")) {
        names_code(node, "a custom pipeline", part, looking);
    }
}

fn custom_code(node: Node<'_, '_>, part: &Part, looking: &mut Looking<'_>) {
    for node in Walk::new(node) {
        names_code(
            node,
            &format!("`{}`", printed(node.key().unwrap_or("a list of custom code"))),
            part,
            looking,
        );
    }
}

/// A library that PEFT imports by its name.
fn library(node: Node<'_, '_>, part: &Part, looking: &mut Looking<'_>) {
    let Some(name) = node.as_str() else { return };
    let root = name.split('.').next().unwrap_or_default();
    if !LIBRARIES.contains(&root) && root != "megatron" {
        names_code(node, "an adapter", part, looking);
    }
}

/// A pipeline of diffusers: each part is `[library, class]`.
fn pipeline(root: Node<'_, '_>, part: &Part, looking: &mut Looking<'_>) {
    for member in root.members() {
        part_of_pipeline(member.value, part, looking);
    }
}

/// A part as `[library, class]`.
fn part_of_pipeline(node: Node<'_, '_>, part: &Part, looking: &mut Looking<'_>) {
    let mut items = node.items();
    let (Some(library), Some(class), None) = (items.next(), items.next(), items.next()) else { return };
    let (Some(library), Some(class)) = (library.as_str(), class.as_str()) else { return };
    let root = library.split('.').next().unwrap_or_default();
    // Parts of diffusers' own pipelines go by the name of the pipeline's module.
    let own = LIBRARIES.contains(&root)
        || matches!(library, "stable_diffusion" | "deprecated" | "audio_diffusion" | "latent_diffusion");
    if !own {
        let message = format!(
            "a part of the pipeline is `{}` of `{}`, which is no library: a module that comes with the model",
            printed(class),
            printed(library)
        );
        looking.find(&rules::HF_REMOTE_CODE, part.inner(&path_of(node)), message);
    }
}

/// `modules.json` of sentence-transformers.
fn is_modules(root: Node<'_, '_>) -> bool {
    let mut items = root.items().peekable();
    items.peek().is_some() && items.all(|item| item.get("idx").is_some() && item.get("type").is_some())
}

fn modules(root: Node<'_, '_>, part: &Part, looking: &mut Looking<'_>) {
    for module in root.items() {
        if let Some(kind) = module.get("type")
            && let Some(name) = kind.as_str()
        {
            if LIBRARIES.contains(&name.split('.').next().unwrap_or_default()) {
                recipes::judge_class(kind, part, looking);
            } else {
                names_code(kind, "a module of sentence-transformers", part, looking);
            }
        }
        if let Some(path) = module.get("path")
            && path.as_str().is_some_and(points_elsewhere)
        {
            let message =
                format!("a module lies outside the model: `{}`", printed(path.as_str().unwrap_or_default()));
            looking.find(&rules::HF_PATH_ESCAPE, part.inner(&path_of(path)), message);
        }
    }
}

/// The base of an adapter, or where a model was saved from.
fn base_model(node: Node<'_, '_>, loaded: bool, part: &Part, looking: &mut Looking<'_>) {
    let Some(path) = node.as_str() else { return };
    let climbs = path.split(['/', '\\']).any(|step| step == "..");
    // Trainers write the path of their own disk: no loader of another host finds a model there.
    let system =
        ["/etc", "/proc", "/sys", "/dev", "/root", "/var/run"].iter().any(|root| path.starts_with(root));
    let remote = path.contains("://") || path.starts_with("\\\\");
    let outside = climbs || system || remote;
    let absolute = loaded && path.starts_with('/');
    if !outside && !absolute {
        return;
    }
    let severity = if loaded && outside { Severity::High } else { Severity::Info };
    let message = format!("the base model is said to lie outside: `{}`", printed(path));
    looking.find_as(severity, &rules::HF_PATH_ESCAPE, part.inner(&path_of(node)), message);
}
