//! What no model needs to call, by its full name.

use std::collections::BTreeSet;

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

/// Modules with the functions of theirs that matter; `*` for all.
const MODULES: &[(&str, &[&str], Effect)] = &[
    (
        "os",
        &[
            "system",
            "popen",
            "popen2",
            "popen3",
            "popen4",
            "execl",
            "execle",
            "execlp",
            "execlpe",
            "execv",
            "execve",
            "execvp",
            "execvpe",
            "spawnl",
            "spawnle",
            "spawnlp",
            "spawnlpe",
            "spawnv",
            "spawnve",
            "spawnvp",
            "spawnvpe",
            "posix_spawn",
            "posix_spawnp",
            "fork",
            "forkpty",
            "startfile",
            "kill",
            "killpg",
        ],
        Effect::Runs,
    ),
    (
        "subprocess",
        &[
            "run",
            "call",
            "check_call",
            "check_output",
            "Popen",
            "getoutput",
            "getstatusoutput",
            "_execute_child",
        ],
        Effect::Runs,
    ),
    ("_posixsubprocess", &["*"], Effect::Runs),
    ("commands", &["getoutput", "getstatusoutput"], Effect::Runs),
    ("pty", &["spawn", "fork"], Effect::Runs),
    ("pexpect", &["*"], Effect::Runs),
    ("plumbum", &["*"], Effect::Runs),
    ("shutil", &["rmtree"], Effect::Runs),
    ("asyncio", &["create_subprocess_exec", "create_subprocess_shell", "subprocess"], Effect::Runs),
    ("webbrowser", &["*"], Effect::Runs),
    ("pip", &["*"], Effect::Runs),
    ("builtins", &["eval", "exec", "compile", "__import__", "execfile", "breakpoint"], Effect::Builds),
    (
        "code",
        &["interact", "InteractiveInterpreter", "InteractiveConsole", "compile_command"],
        Effect::Builds,
    ),
    ("codeop", &["*"], Effect::Builds),
    ("runpy", &["*"], Effect::Builds),
    ("types", &["FunctionType", "CodeType", "LambdaType"], Effect::Builds),
    ("timeit", &["timeit", "repeat", "Timer"], Effect::Builds),
    ("bdb", &["*"], Effect::Builds),
    ("pdb", &["*"], Effect::Builds),
    ("cProfile", &["run", "runctx"], Effect::Builds),
    ("profile", &["run", "runctx"], Effect::Builds),
    ("trace", &["Trace"], Effect::Builds),
    ("imp", &["*"], Effect::Loads),
    ("importlib.machinery", &["*"], Effect::Loads),
    ("importlib.util", &["spec_from_file_location", "spec_from_loader", "module_from_spec"], Effect::Loads),
    ("importlib", &["__import__", "reload"], Effect::Loads),
    ("zipimport", &["*"], Effect::Loads),
    (
        "ctypes",
        &[
            "CDLL",
            "PyDLL",
            "WinDLL",
            "OleDLL",
            "LibraryLoader",
            "cdll",
            "windll",
            "pydll",
            "oledll",
            "pythonapi",
            "CFUNCTYPE",
            "PYFUNCTYPE",
            "WINFUNCTYPE",
            "memmove",
            "memset",
            "string_at",
        ],
        Effect::Loads,
    ),
    ("_ctypes", &["*"], Effect::Loads),
    ("cffi", &["*"], Effect::Loads),
    ("torch.utils.cpp_extension", &["load", "load_inline"], Effect::Loads),
    ("torch.ops", &["load_library"], Effect::Loads),
    ("tensorflow", &["load_op_library", "load_library"], Effect::Loads),
    ("marshal", &["load", "loads"], Effect::Loads),
    ("pickle", &["load", "loads", "Unpickler", "_Unpickler"], Effect::Loads),
    ("_pickle", &["load", "loads", "Unpickler"], Effect::Loads),
    ("cPickle", &["load", "loads", "Unpickler"], Effect::Loads),
    ("dill", &["load", "loads", "Unpickler"], Effect::Loads),
    ("cloudpickle", &["load", "loads"], Effect::Loads),
    ("joblib", &["load"], Effect::Loads),
    ("shelve", &["open"], Effect::Loads),
    ("jsonpickle", &["decode"], Effect::Loads),
    ("yaml", &["unsafe_load", "unsafe_load_all", "UnsafeLoader"], Effect::Loads),
    ("socket", &["socket", "create_connection", "create_server", "socketpair", "fromfd"], Effect::Connects),
    ("_socket", &["*"], Effect::Connects),
    ("socketserver", &["*"], Effect::Connects),
    ("asyncio", &["open_connection", "start_server"], Effect::Connects),
    ("ftplib", &["*"], Effect::Connects),
    ("smtplib", &["*"], Effect::Connects),
    ("telnetlib", &["*"], Effect::Connects),
    ("paramiko", &["*"], Effect::Connects),
    ("http.client", &["*"], Effect::Connects),
    ("http.server", &["*"], Effect::Connects),
    ("xmlrpc.client", &["*"], Effect::Connects),
    ("urllib.request", &["urlopen", "urlretrieve", "Request", "build_opener"], Effect::Fetches),
    ("urllib", &["urlopen", "urlretrieve"], Effect::Fetches),
    ("urllib2", &["*"], Effect::Fetches),
    ("urllib3", &["*"], Effect::Fetches),
    (
        "requests",
        &["get", "post", "put", "request", "patch", "delete", "head", "Session", "session"],
        Effect::Fetches,
    ),
    ("httpx", &["get", "post", "put", "request", "stream", "Client", "AsyncClient"], Effect::Fetches),
    ("aiohttp", &["ClientSession", "request"], Effect::Fetches),
];

/// What calling or handing on a name does. `builtins.` is before what Python has without an import.
pub(super) fn effect(path: &str) -> Option<Effect> {
    // Other names of the same modules.
    let path = match path.split_once('.') {
        Some(("posix" | "nt", rest)) => format!("os.{rest}"),
        Some(("__builtin__" | "__builtins__", rest)) => format!("builtins.{rest}"),
        _ => path.to_owned(),
    };
    MODULES.iter().find_map(|(module, names, effect)| {
        let name = path.strip_prefix(module)?.strip_prefix('.')?;
        let first = name.split('.').next().unwrap_or_default();
        let is = names.contains(&first) || names.contains(&"*");
        is.then_some(*effect)
    })
}

/// Modules that stand among names together with a function of theirs.
pub(super) fn among(names: &BTreeSet<&str>) -> Vec<String> {
    let of = |(module, functions, _): &(&str, &[&str], Effect)| {
        let other: &[&str] = if *module == "os" { &["posix", "nt"] } else { &[] };
        let is_used = names.contains(module) || other.iter().any(|name| names.contains(name));
        let function = functions.iter().find(|name| names.contains(*name) || **name == "*")?;
        is_used.then(|| format!("{module}.{function}"))
    };
    MODULES.iter().filter_map(of).collect()
}

/// A module that has anything of the kind.
pub(super) fn is_module(name: &str) -> bool {
    let name = match name {
        "posix" | "nt" => "os",
        "__builtin__" | "__builtins__" => "builtins",
        other => other,
    };
    MODULES.iter().any(|(module, ..)| *module == name)
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
    matches!(name, "eval" | "exec" | "compile" | "__import__" | "execfile" | "breakpoint")
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
