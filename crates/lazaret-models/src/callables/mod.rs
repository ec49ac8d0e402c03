//! What the functions and classes do that a model file may name, by exact name: one catalogue for all formats.
//!
//! | file | what is in it |
//! |---|---|
//! | here | the catalogue (`catalogue/models/callables.txt`), and what pickles are judged by |
//! | `documents` | what formats are judged by that are documents and not pickles: skops, YAML, Keras, Hydra, MLflow |
//! | `recipes` | what documents are judged by that make a loader call what they name, packages of training above all |
//!
//! Python source is judged by sections of its own ([`sources`]).

pub(crate) mod documents;
pub(crate) mod recipes;

use std::sync::LazyLock;

use rustc_hash::{FxHashMap, FxHashSet};

use crate::own::OwnRules;

const CATALOGUE: &str = include_str!("../../../../catalogue/models/callables.txt");

/// What a name does when it is called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Effect {
    /// It makes a plain value.
    Plain,
    /// It keeps a function for later.
    Holder,
    /// It calls its argument: harmless where it is only loaded.
    Doubtful,
    /// What it is known to do, in words: never harmless.
    Dangerous(&'static str),
    /// A module's or object's own dictionary, class or code.
    Dunder,
    /// Nobody has listed it.
    Unknown,
}

struct Catalogue {
    exact: FxHashMap<(&'static str, &'static str), Effect>,
    /// Modules that are dangerous as a whole, with what lies below them.
    whole: FxHashMap<&'static str, &'static str>,
    standard: FxHashSet<&'static str>,
    modules: FxHashSet<&'static str>,
    /// Modules of Python 2 by what Python 3 reads them as, and names with their modules.
    old_modules: FxHashMap<&'static str, &'static str>,
    old_names: FxHashMap<(&'static str, &'static str), (&'static str, &'static str)>,
    /// What documents alone may not name: by module and name, and modules as a whole.
    documents: FxHashMap<(&'static str, &'static str), &'static str>,
    whole_documents: FxHashMap<&'static str, &'static str>,
    /// Libraries, areas of them whose functions compute, and functions that read or write files.
    libraries: FxHashSet<&'static str>,
    computing: Vec<&'static str>,
    reads_files: FxHashSet<&'static str>,
    /// Packages of training, modules of theirs that bear a name of the standard library, areas whose functions build parts.
    training: FxHashSet<&'static str>,
    own_modules: FxHashSet<&'static str>,
    building: Vec<&'static str>,
    sources: Vec<Listed>,
}

/// A module with the names of it that Python source has no need to call, and the section they are in: `runs`.
pub(crate) struct Listed {
    pub(crate) section: &'static str,
    pub(crate) module: &'static str,
    pub(crate) names: Vec<&'static str>,
}

/// What Python source is judged by, in the order of the catalogue.
pub(crate) fn sources() -> &'static [Listed] {
    &LISTED.sources
}

static LISTED: LazyLock<Catalogue> = LazyLock::new(|| Catalogue::read(CATALOGUE));

impl Catalogue {
    fn read(text: &'static str) -> Self {
        let mut catalogue = Self {
            exact: FxHashMap::default(),
            whole: FxHashMap::default(),
            standard: FxHashSet::default(),
            modules: FxHashSet::default(),
            old_modules: FxHashMap::default(),
            old_names: FxHashMap::default(),
            documents: FxHashMap::default(),
            whole_documents: FxHashMap::default(),
            libraries: FxHashSet::default(),
            computing: Vec::new(),
            reads_files: FxHashSet::default(),
            training: FxHashSet::default(),
            own_modules: FxHashSet::default(),
            building: Vec::new(),
            sources: Vec::new(),
        };
        let mut section = "";
        for line in text.lines().filter(|line| !line.starts_with('#')) {
            if let Some(name) = line.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
                section = name;
                continue;
            }
            match section {
                "standard" => catalogue.standard.extend(line.split_whitespace()),
                "modules" => catalogue.modules.extend(line.split_whitespace()),
                "python2" => catalogue.old_modules.extend(line.split_once(": ")),
                "python2-names" => catalogue.old_names.extend(
                    line.split_once(": ")
                        .and_then(|(old, new)| Some((old.rsplit_once('.')?, new.rsplit_once('.')?))),
                ),
                "libraries" => catalogue.libraries.extend(line.split_whitespace()),
                "computing" => catalogue.computing.extend(line.split_whitespace()),
                "training" => catalogue.training.extend(line.split_whitespace()),
                "own-modules" => catalogue.own_modules.extend(line.split_whitespace()),
                "building" => catalogue.building.extend(line.split_whitespace()),
                "reads-files" => catalogue.reads_files.extend(line.split_whitespace()),
                _ => catalogue.list(section, line),
            }
        }
        catalogue
    }

    fn list(&mut self, section: &'static str, line: &'static str) {
        let Some((module, names)) = line.split_once(':') else { return };
        if let Some(section) = section.strip_prefix("source.") {
            self.sources.push(Listed { section, module, names: names.split_whitespace().collect() });
            return;
        }
        let of_documents = section.strip_prefix("documents.");
        let does = match of_documents.unwrap_or(section) {
            "programs" => "starts programs",
            "code" => "runs code",
            "files" => "reads, writes or removes files",
            "network" => "opens connections",
            "loads" => "loads further models, pickles or modules",
            _ => "reaches functions by their names, or changes the process",
        };
        for name in names.split_whitespace() {
            if of_documents.is_some() {
                if name == "*" {
                    self.whole_documents.insert(module, does);
                } else {
                    self.documents.insert((module, name), does);
                }
                continue;
            }
            let effect = match section {
                "plain" => Effect::Plain,
                "holder" => Effect::Holder,
                "doubtful" => Effect::Doubtful,
                _ if name == "*" => {
                    self.whole.insert(module, does);
                    continue;
                }
                _ => Effect::Dangerous(does),
            };
            // What is listed as harmless by name goes before the rest of its module.
            self.exact.entry((module, name)).or_insert(effect);
        }
    }
}

/// What a name of a module does when it is called. Both are compared whole; nothing is trusted by its first letters. What
/// belongs to the standard library and is not listed as harmless is dangerous.
pub(crate) fn effect_of(module: &str, name: &str) -> Effect {
    let effect = listed(module, name);
    let (module, name) = modern(module, name);
    if !matches!(effect, Effect::Unknown) {
        return effect;
    }
    let top = module.split('.').next().unwrap_or(module);
    if LISTED.standard.contains(top) {
        return Effect::Dangerous("is of the standard library and in no list of what is harmless");
    }
    // `torch.serialization` has `os`: a dotted name, or a name that is a module, leaves its own module.
    if name.split('.').any(|step| LISTED.modules.contains(step)) {
        return Effect::Dangerous("is reached through a module of the process");
    }
    // Packages that bring a module of the standard library anew, under its name (`gevent.subprocess`): a function that runs
    // something in the one does so in the other, and what is built in is that everywhere.
    let last = module.rsplit('.').next().unwrap_or(module);
    if last != module
        && name.starts_with(|c: char| c.is_ascii_lowercase())
        && LISTED.standard.contains(last)
        && let copied @ Effect::Dangerous(does) = listed(last, name)
        && (last == "builtins" || matches!(does, "starts programs" | "runs code"))
    {
        return copied;
    }
    // What a listed class or function is asked for (`OrderedDict.fromkeys`) is listed itself or it is not known.
    Effect::Unknown
}

/// The same as far as it is listed.
fn listed(module: &str, name: &str) -> Effect {
    let (module, name) = modern(module, name);
    if let Some(effect) = LISTED.exact.get(&(module, name)) {
        return *effect;
    }
    let steps = || module.split('.').chain(name.split('.'));
    if steps().any(is_dunder) {
        return Effect::Dunder;
    }
    within(&LISTED.whole, module).map_or(Effect::Unknown, Effect::Dangerous)
}

/// What a module does by the nearest of those around it, itself first, that are listed as a whole.
fn within(whole: &FxHashMap<&'static str, &'static str>, module: &str) -> Option<&'static str> {
    let mut below = Some(module);
    while let Some(name) = below {
        if let Some(does) = whole.get(name) {
            return Some(does);
        }
        below = name.rsplit_once('.').map(|(above, _)| above);
    }
    None
}

/// Whether Python has a function of this name without an import that runs code, opens files or reaches what does.
pub(crate) fn is_dangerous_builtin(name: &str) -> bool {
    let does_harm = matches!(listed("builtins", name), Effect::Dangerous(_));
    does_harm || LISTED.documents.contains_key(&("builtins", name))
}

/// The same by the hospital's own rules too. What they forbid is dangerous; what they say makes an object is plain only
/// where nobody has listed it.
pub(crate) fn effect_by(own: Option<&OwnRules>, module: &str, name: &str) -> Effect {
    let Some(own) = own else { return effect_of(module, name) };
    match (own.forbids(module, name), effect_of(module, name)) {
        (Some(does), _) => Effect::Dangerous(does),
        (None, Effect::Unknown) if own.constructs(module, name) => Effect::Plain,
        (None, effect) => effect,
    }
}

/// A name of Python 2 as Python 3 reads it.
pub(crate) fn modern<'n>(module: &'n str, name: &'n str) -> (&'n str, &'n str) {
    if let Some(new) = LISTED.old_names.get(&(module, name)) {
        return *new;
    }
    (LISTED.old_modules.get(module).copied().unwrap_or(module), name)
}

/// Whether a name is one that Python itself gives meaning: `__globals__`. Names that Cython and numpy gave to functions
/// for pickles are not.
pub(crate) fn is_dunder(step: &str) -> bool {
    let inner = step.strip_prefix("__").and_then(|rest| rest.strip_suffix("__"));
    inner.is_some_and(|inner| !inner.is_empty() && inner != "main" && inner != "torch" && inner != "mp_main")
        || matches!(
            step,
            "func_globals" | "func_code" | "gi_frame" | "gi_code" | "f_globals" | "f_locals" | "f_builtins"
        )
}

/// Whether the last word of an unlisted function says that it runs, loads, reads or writes something. Such a call is as
/// grave as one that is listed; other names say nothing, for or against.
pub(crate) fn sounds_dangerous(name: &str) -> bool {
    const WORDS: &[&str] = &[
        "call",
        "cmd",
        "command",
        "compile",
        "connect",
        "delete",
        "download",
        "dump",
        "eval",
        "evaluate",
        "exec",
        "execute",
        "fetch",
        "import",
        "install",
        "load",
        "loader",
        "loads",
        "open",
        "popen",
        "process",
        "read",
        "remove",
        "request",
        "rmtree",
        "run",
        "runcode",
        "runstring",
        "save",
        "script",
        "shell",
        "socket",
        "source",
        "spawn",
        "subprocess",
        "system",
        "unlink",
        "unpickle",
        "upload",
        "urlopen",
        "write",
    ];
    let last = name.rsplit('.').next().unwrap_or(name);
    words_of(last).any(|word| WORDS.contains(&word.trim_end_matches(|c: char| c.is_numeric())))
}

/// The words of a name: `load_lib`, `loadLib` and `LOAD` hold `load`.
fn words_of(name: &str) -> impl Iterator<Item = String> {
    let mut words = vec![String::new()];
    let mut before_lower = false;
    for c in name.chars() {
        let new = !c.is_alphanumeric() || c.is_uppercase() && before_lower;
        before_lower = c.is_lowercase() || c.is_numeric();
        if new {
            words.push(String::new());
        }
        if let Some(word) = words.last_mut().filter(|_| c.is_alphanumeric()) {
            word.extend(c.to_lowercase());
        }
    }
    words.into_iter().filter(|word| !word.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_judged_whole() {
        use Effect::{Dangerous, Dunder, Holder, Plain, Unknown};
        assert_eq!(effect_of("collections", "OrderedDict"), Plain);
        assert_eq!(effect_of("__builtin__", "set"), Plain);
        assert_eq!(effect_of("functools", "partial"), Holder);
        assert_eq!(effect_of("types", "MethodType"), Holder);
        assert_eq!(effect_of("signal", "Signals"), Plain);
        for (module, name) in [
            ("os", "system"),
            ("os.path", "os"),
            ("collections", "_sys"),
            ("collections", "_sys.modules.get"),
            ("torch.serialization", "os.system"),
            ("torch", "os.system"),
            ("numpy.f2py.crackfortran", "getlincoef"),
            ("collections", "OrderedDict.fromkeys"),
            ("__builtin__", "eval"),
            ("_winapi", "CreateProcess"),
            ("requests.sessions", "Session"),
            ("gevent.subprocess", "check_output"),
            ("eventlet.green.os", "popen"),
            ("six.moves.builtins", "getattr"),
        ] {
            assert!(matches!(effect_of(module, name), Dangerous(_)), "{module}.{name}");
        }
        for (module, name) in [
            ("numpy", "__builtins__"),
            ("builtins", "object.__subclasses__"),
            ("collections", "namedtuple.__globals__.get"),
            ("numpy.__loader__", "load_module"),
        ] {
            assert_eq!(effect_of(module, name), Dunder, "{module}.{name}");
        }
        for (module, name) in [
            ("osx", "thing"),
            ("sklearn.pipeline", "Pipeline"),
            ("numpy_", "ndarray"),
            ("__torch__", "M"),
            ("a.os", "Thing"),
        ] {
            assert_eq!(effect_of(module, name), Unknown, "{module}.{name}");
        }
    }

    #[test]
    fn words_of_a_name_are_whole_words() {
        for name in ["load", "loadLib", "load_lib", "RUN", "a.b.read_csv", "doEval2"] {
            assert!(sounds_dangerous(name), "{name}");
        }
        for name in ["Overload", "ready", "Reader", "evaluation", "Conv2d", "load.Thing"] {
            assert!(!sounds_dangerous(name), "{name}");
        }
    }
}
