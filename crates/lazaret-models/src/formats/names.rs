//! What a name of Python does where a document (not a pickle) makes a loader import it: a small table by exact names.
//!
//! The only place where formats other than pickles judge callables.

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

/// Modules that no model needs, with what they are for. A module within one of them is the same.
const DANGEROUS_MODULES: &[(&[&str], &str)] = &[
    (
        &[
            "os",
            "posix",
            "nt",
            "posixpath",
            "ntpath",
            "pty",
            "subprocess",
            "_posixsubprocess",
            "popen2",
            "commands",
        ],
        "runs programs or changes files",
    ),
    (
        &[
            "shutil",
            "tempfile",
            "fileinput",
            "pathlib",
            "glob",
            "io",
            "_io",
            "mmap",
            "sqlite3",
            "dbm",
            "shelve",
        ],
        "reads or changes files",
    ),
    (
        &["zipfile", "tarfile", "zipapp", "zipimport", "gzip", "bz2", "lzma", "linecache"],
        "reads or writes files",
    ),
    (
        &[
            "socket",
            "_socket",
            "ssl",
            "urllib",
            "http",
            "httplib",
            "ftplib",
            "smtplib",
            "telnetlib",
            "poplib",
            "imaplib",
            "nntplib",
            "xmlrpc",
            "socketserver",
            "asyncio",
            "webbrowser",
            "antigravity",
            "requests",
            "urllib2",
            "urllib3",
            "aiohttp",
            "httpx",
            "paramiko",
            "fabric",
            "boto3",
            "docker",
            "websocket",
        ],
        "opens connections",
    ),
    (
        &[
            "pickle",
            "_pickle",
            "cPickle",
            "dill",
            "cloudpickle",
            "joblib",
            "marshal",
            "jsonpickle",
            "yaml",
            "ruamel",
            "torch.serialization",
            "torch.package",
            "torch.hub",
            "torch.jit",
            "torch.multiprocessing",
            "torch.ops",
            "torch._ops",
            "torch.classes",
            "torch.utils.cpp_extension",
            "torch.utils.collect_env",
            "torch.utils.bottleneck",
            "torch.utils.data.datapipes",
            "torch.utils._config_module",
            "torch.distributed.rpc",
            "torch.distributed.run",
            "torch.distributed.launch",
            "torch.distributed.launcher",
            "torch.distributed.elastic",
            "torch.fx",
            "torch._inductor",
            "torch._dynamo",
            "torch.testing",
        ],
        "loads objects or code",
    ),
    (
        &[
            "sys",
            "imp",
            "importlib",
            "_frozen_importlib",
            "_frozen_importlib_external",
            "pkgutil",
            "runpy",
            "code",
            "codeop",
            "codecs",
            "ctypes",
            "_ctypes",
            "cffi",
            "types",
            "inspect",
            "gc",
            "bdb",
            "pdb",
            "cProfile",
            "profile",
            "pstats",
            "trace",
            "timeit",
            "doctest",
            "unittest",
            "ast",
            "dis",
            "py_compile",
            "compileall",
            "lib2to3",
            "site",
            "distutils",
            "setuptools",
            "pip",
            "ensurepip",
            "venv",
            "pydoc",
            "idlelib",
            "test",
            "pytest",
            "nose",
            "IPython",
            "jupyter",
            "ipykernel",
            "numba",
            "cppyy",
            "numexpr",
            "_testcapi",
            "_xxsubinterpreters",
            "_interpreters",
            "sympy",
            "jinja2",
            "mako",
            "django",
            "sh",
            "plumbum",
            "pexpect",
        ],
        "runs or reaches code",
    ),
    (
        &[
            "threading",
            "_thread",
            "multiprocessing",
            "concurrent",
            "signal",
            "sched",
            "atexit",
            "weakref",
            "faulthandler",
            "resource",
            "winreg",
            "_winreg",
            "win32api",
            "msvcrt",
        ],
        "starts threads or processes, or changes the process",
    ),
    (&["keras.utils", "keras.saving", "keras.config"], "is Keras's own, and reads, writes, fetches or loads"),
];

/// Names of `builtins` that build plain values.
const PLAIN_BUILTINS: &[&str] = &[
    "abs",
    "all",
    "any",
    "bool",
    "bytearray",
    "bytes",
    "complex",
    "dict",
    "divmod",
    "enumerate",
    "filter",
    "float",
    "frozenset",
    "hash",
    "int",
    "isinstance",
    "len",
    "list",
    "max",
    "min",
    "object",
    "pow",
    "range",
    "reversed",
    "round",
    "set",
    "slice",
    "sorted",
    "str",
    "sum",
    "tuple",
    "zip",
    "NoneType",
    "ellipsis",
];

/// Names of modules with harmless ones beside them that run code, open files, or reach what does.
const DANGEROUS_NAMES: &[&str] = &[
    "operator.call",
    "operator.methodcaller",
    "operator.attrgetter",
    "functools.reduce",
    "functools.partialmethod",
    "itertools.starmap",
    "numpy.load",
    "numpy.loads",
    "numpy.save",
    "numpy.savez",
    "numpy.savez_compressed",
    "numpy.savetxt",
    "numpy.loadtxt",
    "numpy.genfromtxt",
    "numpy.fromfile",
    "numpy.memmap",
    "numpy.fromregex",
    "numpy.DataSource",
    "numpy.apply_along_axis",
    "numpy.vectorize",
    "numpy.frompyfunc",
    "scipy.io",
    "torch.load",
    "torch.save",
    "torch.from_file",
    "pandas.eval",
    "pandas.read_pickle",
    "pandas.io.pickle.read_pickle",
    "pandas.to_pickle",
    "scipy.LowLevelCallable",
    "transformers.pipeline",
    "huggingface_hub.hf_hub_download",
    "huggingface_hub.snapshot_download",
    "datasets.load_dataset",
    "collections.namedtuple",
    "dataclasses.make_dataclass",
    "hydra.utils.instantiate",
    "hydra.utils.call",
    "omegaconf.OmegaConf.load",
];

/// Names of modules that are dangerous beside them, which make plain values.
const HARMLESS_NAMES: &[&str] = &[
    "pathlib.Path",
    "pathlib.PosixPath",
    "pathlib.WindowsPath",
    "pathlib.PurePath",
    "pathlib.PurePosixPath",
    "pathlib.PureWindowsPath",
    "types.SimpleNamespace",
    "functools.partial",
    "operator.itemgetter",
];

/// Parts of scientific libraries that test, build, or read and write files.
const DANGEROUS_AREAS: &[&str] = &[
    "numpy.testing",
    "numpy.distutils",
    "numpy.f2py",
    "numpy.ctypeslib",
    "numpy.lib.npyio",
    "numpy.lib.format",
    "numpy.lib._npyio_impl",
    "numpy.lib._datasource",
    "scipy.io",
    "scipy.weave",
    "scipy._lib._testutils",
    "scipy._lib._bunch",
    "scipy._lib._gcutils",
    "scipy.datasets",
    "sklearn.datasets",
    "sklearn.utils._testing",
    "sklearn.externals",
    "sklearn._build_utils",
    "pandas.io",
    "pandas.core.computation",
    "tensorflow.io",
    "tensorflow.python.ops.io_ops",
    "tensorflow.saved_model",
    "tensorflow.raw_ops",
];

/// Areas of scientific libraries whose functions compute; `numpy` itself is one, what lies within it is not.
const COMPUTING: &[&str] = &[
    "numpy.core",
    "numpy._core",
    "numpy.linalg",
    "numpy.fft",
    "numpy.random",
    "numpy.ma",
    "numpy.lib.function_base",
    "numpy.lib._function_base_impl",
    "numpy.lib.scimath",
    "scipy.special",
    "scipy.stats",
    "scipy.spatial",
    "scipy.sparse",
    "scipy.linalg",
    "scipy.signal",
    "scipy.ndimage",
    "scipy.interpolate",
    "scipy.optimize",
    "scipy._lib.array_api_compat",
    "sklearn.metrics",
    "sklearn.feature_selection",
    "sklearn.preprocessing",
    "sklearn.utils.extmath",
    "sklearn.utils.validation",
    "sklearn.neighbors",
    "sklearn.gaussian_process",
    "sklearn.linear_model",
    "sklearn._loss",
    "sklearn.ensemble",
    "sklearn.tree",
    "sklearn.cluster",
    "sklearn.decomposition",
    "sklearn.svm",
    "sklearn.compose",
    "sklearn.pipeline",
    "sklearn.covariance",
    "sklearn.kernel_approximation",
    "sklearn.feature_extraction",
    "sklearn.impute",
    "sklearn.manifold",
];

/// Functions by these names read or write files wherever in the scientific libraries they are found.
const READS_FILES: &[&str] = &[
    "load",
    "loads",
    "save",
    "savez",
    "savez_compressed",
    "savetxt",
    "loadtxt",
    "genfromtxt",
    "fromfile",
    "tofile",
    "memmap",
    "open_memmap",
    "fromregex",
    "DataSource",
    "dump",
    "loadmat",
    "savemat",
    "exec_command",
    "runstring",
];

/// Libraries that models are made with: their classes hold state, and their names in capitals are classes.
const LIBRARIES: &[&str] = &[
    "sklearn",
    "numpy",
    "scipy",
    "pandas",
    "xgboost",
    "lightgbm",
    "catboost",
    "imblearn",
    "quantile_forest",
    "category_encoders",
    "statsmodels",
    "sklego",
    "mlxtend",
];

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
    let root = module.split('.').next().unwrap_or_default();
    if full.split('.').any(|step| step.starts_with("__") && step != "__main__") {
        return Effect::Dangerous("reaches what lies behind a module or class");
    }
    if matches!(module, "builtins" | "__builtin__") {
        return if PLAIN_BUILTINS.contains(&name) {
            Effect::Harmless
        } else {
            Effect::Dangerous("is a built-in function that runs code or reaches what does")
        };
    }
    if HARMLESS_NAMES.contains(&full.as_str()) {
        return Effect::Harmless;
    }
    for (modules, does) in DANGEROUS_MODULES {
        if modules.iter().any(|listed| is_or_within(&full, listed)) {
            return Effect::Dangerous(does);
        }
    }
    if DANGEROUS_NAMES.contains(&full.as_str())
        || DANGEROUS_AREAS.iter().any(|area| is_or_within(&full, area))
    {
        return Effect::Dangerous("runs code, reads or writes files, or calls what it is given");
    }
    let is_class = name.trim_start_matches('_').starts_with(|c: char| c.is_ascii_uppercase());
    match root {
        "sklearn" | "scipy" | "numpy" if READS_FILES.contains(&name) => {
            Effect::Dangerous("reads or writes files")
        }
        "sklearn" | "scipy" | "numpy" if is_class || computes(module) => Effect::Harmless,
        _ if LIBRARIES.contains(&root) && is_class => Effect::Harmless,
        "collections" if matches!(name, "OrderedDict" | "defaultdict" | "deque" | "Counter") => {
            Effect::Harmless
        }
        "datetime" | "decimal" | "fractions" | "uuid" | "zoneinfo" | "_strptime"
            if is_class || root == "datetime" =>
        {
            Effect::Harmless
        }
        "operator" if name == "itemgetter" => Effect::Harmless,
        "functools" if name == "partial" => Effect::Harmless,
        "math" | "cmath" | "statistics" | "numbers" => Effect::Harmless,
        _ => Effect::Unknown,
    }
}

/// Whether a module of a scientific library holds functions that compute and nothing else.
fn computes(module: &str) -> bool {
    module == "numpy" || COMPUTING.iter().any(|area| is_or_within(module, area))
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
