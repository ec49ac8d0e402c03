//! What no model needs to call, by its full name: the sections `source.…` of the catalogue.

use std::collections::BTreeSet;

use crate::callables::{Listed, sources};

/// How a call is judged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Effect {
    Runs,
    Builds,
    Loads,
    /// Opens a connection.
    Connects,
    /// Fetches over HTTP: within a function, models do so for images.
    Fetches,
}

impl Effect {
    pub(super) const fn does(self) -> &'static str {
        match self {
            Self::Runs => "runs programs through",
            Self::Builds => "builds code through",
            Self::Loads => "loads what runs code through",
            Self::Connects => "opens connections through",
            Self::Fetches => "fetches from the network through",
        }
    }
}

impl Effect {
    /// That of a section of the catalogue.
    fn of(section: &str) -> Self {
        match section {
            "runs" => Self::Runs,
            "builds" => Self::Builds,
            "connects" => Self::Connects,
            "fetches" => Self::Fetches,
            _ => Self::Loads,
        }
    }
}

/// What calling or handing on a name does. `builtins.` is before what Python has without an import.
pub(super) fn effect(path: &str) -> Option<Effect> {
    // Other names of the same modules.
    let path = match path.split_once('.') {
        Some(("posix" | "nt", rest)) => format!("os.{rest}"),
        Some(("__builtin__" | "__builtins__", rest)) => format!("builtins.{rest}"),
        _ => path.to_owned(),
    };
    sources().iter().find_map(|listed| {
        let name = path.strip_prefix(listed.module)?.strip_prefix('.')?;
        let first = name.split('.').next().unwrap_or_default();
        let is = listed.names.contains(&first) || listed.names.contains(&"*");
        is.then(|| Effect::of(listed.section))
    })
}

/// Modules that stand among names together with a function of theirs.
pub(super) fn among(names: &BTreeSet<&str>) -> Vec<String> {
    let of = |listed: &Listed| {
        let other: &[&str] = if listed.module == "os" { &["posix", "nt"] } else { &[] };
        let is_used = names.contains(listed.module) || other.iter().any(|name| names.contains(name));
        let function = listed.names.iter().find(|name| names.contains(*name) || **name == "*")?;
        is_used.then(|| format!("{}.{function}", listed.module))
    };
    sources().iter().filter_map(of).collect()
}

/// A module that has anything of the kind.
pub(super) fn is_module(name: &str) -> bool {
    let name = match name {
        "posix" | "nt" => "os",
        "__builtin__" | "__builtins__" => "builtins",
        other => other,
    };
    sources().iter().any(|listed| listed.module == name)
}

/// Names of modules that are names of variables, too: they count where they are imported.
pub(super) fn is_usual_variable(name: &str) -> bool {
    matches!(
        name,
        "code"
            | "trace"
            | "profile"
            | "commands"
            | "pip"
            | "imp"
            | "types"
            | "requests"
            | "timeit"
            | "urllib"
            | "http"
            | "yaml"
            | "torch"
            | "tensorflow"
            | "asyncio"
            | "pty"
            | "bdb"
            | "pdb"
            | "dill"
    )
}

/// What only counts where it is called: its name stands in tests of types as well.
pub(super) fn counts_when_called(path: &str) -> bool {
    path.starts_with("types.") || path.starts_with("http.server.") || path.starts_with("builtins.")
}

/// A name that Python has without an import.
pub(super) fn is_builtin(name: &str) -> bool {
    sources().iter().any(|listed| listed.module == "builtins" && listed.names.contains(&name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_judged_whole() {
        assert_eq!(effect("os.system"), Some(Effect::Runs));
        assert_eq!(effect("posix.system"), Some(Effect::Runs));
        assert_eq!(effect("ctypes.CDLL"), Some(Effect::Loads));
        assert_eq!(effect("builtins.exec"), Some(Effect::Builds));
        for path in [
            "os.path.join",
            "re.compile",
            "torch.compile",
            "model.eval",
            "subprocess.PIPE",
            "os",
            "socket.gethostname",
        ] {
            assert_eq!(effect(path), None, "{path}");
        }
    }
}
