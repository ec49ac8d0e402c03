//! What one object of a Keras configuration makes the loader import and build.

use lazaret_core::Severity;

use super::catalogue::{CLASSES, FUNCTIONS, OPERATIONS, has};
use crate::callables::documents::{self as names, Effect, is_or_within, judge_by};
use crate::callables::is_dangerous_builtin;
use crate::own::{About, OwnRules};
use crate::rules::{self, ModelRule};

/// A verdict over one object: the rule, how grave, what is said.
pub(super) type Verdict = (&'static ModelRule, Severity, String);

/// The roads to Keras's own modules. What follows is the area: `layers`, `utils`.
const KERAS: &[&str] = &[
    "keras",
    "tf_keras",
    "keras.src",
    "tf_keras.src",
    "keras.api",
    "tf_keras.api",
    "keras._tf_keras.keras",
    "keras.api._tf_keras.keras",
    "keras.api._v2.keras",
    "keras.api._v1.keras",
    "tensorflow.keras",
    "tensorflow.python.keras",
    "keras.legacy",
    "keras.src.legacy",
    "keras.src.engine",
    "keras.engine",
];

/// Areas of Keras whose classes are what models are made of.
const AREAS: &[&str] = &[
    "layers",
    "initializers",
    "regularizers",
    "constraints",
    "activations",
    "losses",
    "metrics",
    "optimizers",
    "dtype_policies",
    "ops",
    "random",
    "quantizers",
    "models",
    "engine",
    "mixed_precision",
    "trainers",
];

/// Areas whose functions compute on tensors and nothing else.
const FUNCTION_AREAS: &[&str] = &[
    "activations",
    "losses",
    "metrics",
    "initializers",
    "regularizers",
    "constraints",
    "ops",
    "random",
    "layers",
];

/// Functions of those areas that build other objects from what they are given.
const BUILDERS: &[&str] = &["get", "deserialize", "serialize"];

/// Packages of the Keras project that its loader imports by itself.
const SISTERS: &[&str] = &["keras_hub", "keras_nlp", "keras_cv"];

/// Keras's marks for plain values.
const PLAIN: &[&str] = &[
    "__numpy__",
    "__tensor__",
    "__tuple__",
    "__bytes__",
    "__slice__",
    "__ellipsis__",
    "__keras_tensor__",
    "__set__",
    "__dict__",
    "__complex__",
];

/// An object of a configuration: its strings, where it has them.
#[derive(Debug, Clone, Copy)]
pub(super) struct Named<'a> {
    /// The hospital's own rules.
    pub(super) own: &'a OwnRules,
    pub(super) class_name: &'a str,
    pub(super) module: Option<&'a str>,
    pub(super) registered_name: Option<&'a str>,
    /// `config`, where it is a string or an object with a `name`.
    pub(super) config: Option<&'a str>,
}

impl Named<'_> {
    /// What findings of it are about: a function, or a class that is a layer too.
    pub(super) fn about(&self) -> About {
        let module = self.module.map_or("", str::trim);
        let class = self.class_name.trim();
        if class.eq_ignore_ascii_case("function") {
            return About::callable(module, self.config.map_or("", str::trim));
        }
        let layer = About::callable(module, class).and(About::layer(class));
        self.registered_name.map_or(layer.clone(), |name| layer.and(About::layer(name)))
    }
}

/// Judges an object by its class and module.
pub(super) fn object(named: &Named<'_>) -> Option<Verdict> {
    let class = named.class_name.trim();
    let module = named.module.map(str::trim).filter(|module| !module.is_empty());
    if class.eq_ignore_ascii_case("__lambda__") {
        return Some(lambda("a function as marshalled bytecode (`__lambda__`) runs when the model is used"));
    }
    let bare = class.rsplit('>').next().unwrap_or(class);
    let bare = if module.is_none() { bare.rsplit('.').next().unwrap_or(bare) } else { bare };
    if bare.eq_ignore_ascii_case("lambda") {
        return Some(lambda("a Lambda layer: it runs a function that the file brings along or names"));
    }
    match bare {
        "TorchModuleWrapper" => {
            return Some(foreign(
                "TorchModuleWrapper: loading it unpickles a PyTorch module that lies in the file",
            ));
        }
        "TFSMLayer" => {
            return Some(foreign(
                "TFSMLayer: loading it loads and runs a SavedModel from a path of the file's choice",
            ));
        }
        "JaxLayer" | "FlaxLayer" => {
            return Some(custom(format!("{bare}: it calls functions that are no part of Keras")));
        }
        _ => {}
    }
    if PLAIN.contains(&class) {
        return None;
    }
    if class.eq_ignore_ascii_case("function") {
        return named.config.and_then(|name| function(named.own, module, name.trim(), named.registered_name));
    }
    class_of(named.own, module, class, named.registered_name)
}

/// Judges a name that stands where a function is expected, as text alone: `os.system`, `relu`.
pub(super) fn function_by_text(own: &OwnRules, name: &str) -> Option<Verdict> {
    let (module, last) = names::split(name);
    let is_name = |text: &str| text.chars().all(|c| c == '_' || c == '.' || c.is_ascii_alphanumeric());
    if module.is_empty() || !is_name(name) {
        return None;
    }
    match judge_by(own, module, last) {
        Effect::Dangerous(does) => Some(foreign(&format!("the function {}: it {does}", shown(module, last)))),
        Effect::Harmless | Effect::Own | Effect::Unknown => None,
    }
}

fn function(own: &OwnRules, module: Option<&str>, name: &str, registered: Option<&str>) -> Option<Verdict> {
    let Some(module) = module else {
        if is_own(name) {
            return None;
        }
        return function_by_text(own, name)
            .or_else(|| Some(custom(format!("the function {name} is none of Keras's"))));
    };
    if module == "builtins" {
        // Keras looks such names up among its own functions.
        if is_own(name) {
            return None;
        }
        return Some(match judge_by(own, module, name) {
            Effect::Dangerous(does) if is_dangerous_builtin(name) => {
                foreign(&format!("the function {name}: it {does}"))
            }
            _ => custom(format!("the function {name} is none of Keras's: it must be handed to the loader")),
        });
    }
    if let Some(area) = keras_area(module) {
        let first = area.split('.').next().unwrap_or_default();
        let is_internal = module.split('.').any(|step| matches!(step, "src" | "python" | "engine"));
        let is_known = is_own(name) || (!is_internal && is_snake(name));
        return if !FUNCTION_AREAS.contains(&first) || BUILDERS.contains(&name) {
            let says = "is Keras's own, and no part of a model: such functions fetch, read, write or load";
            Some(foreign(&format!("the function {} {says}", shown(module, name))))
        } else if is_known {
            None
        } else {
            Some(custom(format!("the function {} is not known", shown(module, name))))
        };
    }
    Some(foreign_name(own, module, name, registered, "function"))
}

fn class_of(own: &OwnRules, module: Option<&str>, class: &str, registered: Option<&str>) -> Option<Verdict> {
    let own_package = |name: &str| {
        let package = name.split('>').next().unwrap_or_default();
        matches!(package, "keras" | "Keras") || SISTERS.contains(&package)
    };
    if let Some(registered) = registered.filter(|name| name.contains('>') && !own_package(name)) {
        let is_foreign = module.is_some_and(|module| keras_area(module).is_none());
        if !is_foreign {
            return Some(custom(format!("the class {registered} is registered by somebody's own code")));
        }
    }
    let Some(module) = module else {
        let (package, last) = names::split(class);
        if has(CLASSES, class) || (class.contains('>') && own_package(class)) {
            return None;
        }
        return match judge_by(own, package, last) {
            Effect::Dangerous(does) if !package.is_empty() => {
                Some(foreign(&format!("the class {}: it {does}", shown(package, last))))
            }
            _ => {
                Some(custom(format!("the class {class} is none of Keras's: it must be handed to the loader")))
            }
        };
    };
    if let Some(area) = keras_area(module) {
        let first = area.split('.').next().unwrap_or_default();
        let is_class = class.starts_with(|c: char| c.is_ascii_uppercase())
            && class.chars().all(|c| c.is_ascii_alphanumeric());
        return if has(CLASSES, class) || (AREAS.contains(&first) && is_class) {
            None
        } else if AREAS.contains(&first) || first.is_empty() {
            Some(custom(format!("{} is no layer, loss, metric or optimiser of Keras", shown(module, class))))
        } else {
            let says =
                "is Keras's own, and no part of a model: what lies there fetches, reads, writes or loads";
            Some(foreign(&format!("{} {says}", shown(module, class))))
        };
    }
    if module == "builtins" && matches!(judge_by(own, module, class), Effect::Harmless) {
        return None;
    }
    if is_or_within(module, "tensorflow")
        && matches!(class, "TensorShape" | "DType" | "TensorSpec" | "RaggedTensorSpec" | "SparseTensorSpec")
    {
        return None;
    }
    if SISTERS.contains(&module.split('.').next().unwrap_or_default()) {
        let says = "is code of a package beside Keras, which the loader imports";
        return Some((
            &rules::KERAS_CUSTOM_OBJECT,
            Severity::Info,
            format!("{} {says}", shown(module, class)),
        ));
    }
    Some(foreign_name(own, module, class, registered, "class"))
}

/// A name of a module outside Keras.
fn foreign_name(own: &OwnRules, module: &str, name: &str, registered: Option<&str>, kind: &str) -> Verdict {
    let last = registered.map(|registered| registered.rsplit('>').next().unwrap_or(registered));
    match judge_by(own, module, name) {
        Effect::Dangerous(does) => foreign(&format!("the {kind} {}: it {does}", shown(module, name))),
        Effect::Own => {
            let says = "is the hospital's own: the loader imports it, or must be handed it";
            (
                &rules::KERAS_CUSTOM_OBJECT,
                Severity::Info,
                format!("the {kind} {} {says}", shown(module, name)),
            )
        }
        // Keras writes the registered name of every class and function that is not its own.
        _ if last == Some(name) || module == "__main__" => {
            let says = "is somebody's own code: the loader imports it, or must be handed it";
            custom(format!("the {kind} {} {says}", shown(module, name)))
        }
        _ => {
            let says = "is from outside Keras, and loading the model imports and calls it";
            foreign(&format!("the {kind} {} {says}", shown(module, name)))
        }
    }
}

/// What follows Keras's own package in a module's name, if it is one of Keras's: steps are compared whole.
fn keras_area(module: &str) -> Option<&str> {
    let within = KERAS.iter().filter(|road| is_or_within(module, road));
    let road = within.max_by_key(|road| road.len())?;
    Some(module.get(road.len()..)?.trim_start_matches('.'))
}

/// Whether Keras has a function of this name that computes.
fn is_own(name: &str) -> bool {
    has(FUNCTIONS, name) || has(OPERATIONS, name)
}

fn is_snake(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_lowercase())
        && name.chars().all(|c| c == '_' || c.is_ascii_lowercase() || c.is_ascii_digit())
}

fn shown(module: &str, name: &str) -> String {
    format!("{module}.{name}")
}

fn lambda(says: &str) -> Verdict {
    (&rules::KERAS_LAMBDA, Severity::Critical, says.to_owned())
}

fn foreign(says: &str) -> Verdict {
    (&rules::KERAS_FOREIGN_CALLABLE, Severity::Critical, says.to_owned())
}

fn custom(says: String) -> Verdict {
    (&rules::KERAS_CUSTOM_OBJECT, Severity::High, says)
}
