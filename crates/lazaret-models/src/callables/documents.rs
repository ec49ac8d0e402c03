//! What a name of Python does where a document (not a pickle) makes a loader import it: by the catalogue, and by what of it
//! is for documents alone.

use super::{Effect as Known, LISTED, listed, modern, within};
use crate::own::OwnRules;

/// What importing a name and using it does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Effect {
    /// Plain values, or a class of a library that models are made with.
    Harmless,
    /// A class of the hospital's own, by its own rules.
    Own,
    /// Nobody has listed it.
    Unknown,
    /// It runs code, opens files or connections, or reaches what does; the text says which.
    Dangerous(&'static str),
}

/// The same by the hospital's own rules too. What they forbid is dangerous; what they say makes an object is its own only
/// where nobody has listed it.
pub(crate) fn judge_by(own: &OwnRules, module: &str, name: &str) -> Effect {
    match (own.forbids(module, name), judge(module, name)) {
        (Some(does), _) => Effect::Dangerous(does),
        (None, Effect::Unknown) if own.constructs(module, name) => Effect::Own,
        (None, effect) => effect,
    }
}

/// Judges a name by module and name, exactly.
pub(crate) fn judge(module: &str, name: &str) -> Effect {
    let full = format!("{module}.{name}");
    if full.split('.').any(|step| step.starts_with("__") && !matches!(step, "__main__" | "__builtin__")) {
        return Effect::Dangerous("reaches what lies behind a module or class");
    }
    let (new_module, new_name) = modern(module, name);
    if let Some(does) = LISTED.documents.get(&(new_module, new_name)) {
        return Effect::Dangerous(does);
    }
    // A name may be that of a module (`torch` and `hub`).
    let does = || within(&LISTED.whole, &full).or_else(|| within(&LISTED.whole_documents, &full));
    match listed(module, name) {
        Known::Dangerous(does) => return Effect::Dangerous(does),
        Known::Dunder => return Effect::Dangerous("reaches what lies behind a module or class"),
        // A holder keeps the function that it is given, which is judged by its own name.
        Known::Plain | Known::Holder => return Effect::Harmless,
        Known::Doubtful if new_module == "builtins" => return Effect::Harmless,
        Known::Doubtful => return Effect::Dangerous("calls what it is given"),
        Known::Unknown => {}
    }
    if new_module == "builtins" {
        return Effect::Dangerous("is a built-in name and in no list of what is harmless");
    }
    if let Some(does) = does() {
        return Effect::Dangerous(does);
    }
    let root = module.split('.').next().unwrap_or_default();
    let is_class = name.trim_start_matches('_').starts_with(|c: char| c.is_ascii_uppercase());
    let is_scientific = matches!(root, "sklearn" | "scipy" | "numpy");
    if is_scientific && LISTED.reads_files.contains(name) {
        return Effect::Dangerous("reads or writes files");
    }
    let is_plain = match root {
        _ if is_class && LISTED.libraries.contains(root) => true,
        _ if is_scientific => computes(module),
        "decimal" | "fractions" | "uuid" | "zoneinfo" | "_strptime" => is_class,
        "datetime" | "math" | "cmath" | "statistics" | "numbers" => true,
        _ => false,
    };
    if is_plain { Effect::Harmless } else { Effect::Unknown }
}

/// Whether the catalogue lists this very name as one that does harm, by itself and not with all of its module.
pub(super) fn names_harm(module: &str, name: &str) -> bool {
    let key = modern(module, name);
    matches!(LISTED.exact.get(&key), Some(Known::Dangerous(_))) || LISTED.documents.contains_key(&key)
}

/// Whether a module of a scientific library holds functions that compute and nothing else.
fn computes(module: &str) -> bool {
    module == "numpy" || LISTED.computing.iter().any(|area| is_or_within(module, area))
}

/// Whether a dotted name is another one, or lies within it. Steps are compared whole.
pub(crate) fn is_or_within(name: &str, outer: &str) -> bool {
    name.strip_prefix(outer).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}

/// A dotted name as module and name.
pub(crate) fn split(full: &str) -> (&str, &str) {
    full.rsplit_once('.').unwrap_or(("", full))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What the catalogue says for pickles holds for documents too, and what is for documents alone beside it.
    #[test]
    fn documents_are_judged_by_the_one_catalogue() {
        for (module, name, says) in [
            ("os", "system", "starts programs"),
            ("__builtin__", "eval", "runs code"),
            ("heapq", "nlargest", "calls what it is given"),
            ("builtins", "nobody", "is a built-in name"),
            ("joblib", "Memory", "loads"),
            ("torch", "hub", "loads"),
            ("numpy", "testing", ""),
            ("functools", "partialmethod", "reaches"),
        ] {
            match judge(module, name) {
                Effect::Dangerous(does) => assert!(does.contains(says), "{module}.{name}: {does}"),
                other => panic!("{module}.{name}: {other:?}"),
            }
        }
        for (module, name) in [
            ("builtins", "max"),
            ("subprocess", "TimeoutExpired"),
            ("functools", "partial"),
            ("pathlib", "Path"),
        ] {
            assert_eq!(judge(module, name), Effect::Harmless, "{module}.{name}");
        }
    }

    #[test]
    fn names_are_judged_exactly() {
        let dangerous = |module, name| matches!(judge(module, name), Effect::Dangerous(_));
        for (module, name) in [
            ("os", "system"),
            ("posix", "system"),
            ("os.path", "join"),
            ("subprocess", "Popen"),
            ("builtins", "eval"),
            ("operator", "call"),
            ("numpy", "load"),
            ("numpy.testing", "rundocs"),
            ("numpy", "__builtins__"),
            ("sklearn.datasets", "fetch_openml"),
            ("torch.hub", "load"),
        ] {
            assert!(dangerous(module, name), "{module}.{name}");
        }
        for (module, name) in [
            ("sklearn.svm._classes", "SVC"),
            ("numpy", "log1p"),
            ("builtins", "dict"),
            ("collections", "OrderedDict"),
        ] {
            assert_eq!(judge(module, name), Effect::Harmless, "{module}.{name}");
        }
        for (module, name) in
            [("osmnx", "graph"), ("numpyx", "load"), ("mypackage", "Model"), ("subprocess_tools", "x")]
        {
            assert_eq!(judge(module, name), Effect::Unknown, "{module}.{name}");
        }
    }
}
