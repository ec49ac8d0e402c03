//! Functions of R that a promise has no business with.

/// Run programs, load code, open connections or change files: no fitted model holds a call of them.
const PROGRAMS: &[&str] = &[
    "system",
    "system2",
    "shell.exec",
    "dyn.load",
    "library.dynam",
    "download.file",
    "socketConnection",
    "socketAccept",
    "serverSocket",
    "unlink",
    "file.remove",
    "file.rename",
    "file.copy",
    "install.packages",
    "sys.source",
    "Sys.setenv",
    "writeBin",
    "writeLines",
    "writeChar",
    "browseURL",
    "curl_download",
    "curl_fetch_memory",
    "py_run_string",
];

/// The same, by names that variables have too.
const PROGRAMS_IF_CALLED: &[&str] = &["shell", "pipe", "fifo", "url", "source", "setwd", "sink"];

/// Make code of a text or of a file.
const MAKE_CODE: &[&str] = &[
    "parse",
    "str2lang",
    "str2expression",
    "readRDS",
    "load",
    "unserialize",
    "source",
    "makeActiveBinding",
    ".Internal",
    ".Call",
    ".C",
    ".External",
    ".External2",
    ".Fortran",
    ".Primitive",
];

/// Evaluate what they are given, or read files.
const EVALUATE: &[&str] = &[
    "eval",
    "evalq",
    "eval.parent",
    "do.call",
    "delayedAssign",
    "loadNamespace",
    "requireNamespace",
    "attachNamespace",
    "attach",
    "file",
    "gzfile",
    "bzfile",
    "readLines",
    "readBin",
    "Sys.getenv",
    "list.files",
    "quit",
    "q",
    "reg.finalizer",
    "getFromNamespace",
    "asNamespace",
    "environment<-",
    "body<-",
    "as.function",
    "saveRDS",
    "save",
    "dump",
];

/// What a function does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Does {
    /// Runs programs, loads code, opens connections or changes files.
    Programs,
    /// Makes code of a text or file.
    MakesCode,
    /// Evaluates code, or reads files.
    Evaluates,
}

impl Does {
    pub(super) const fn words(self) -> &'static str {
        match self {
            Self::Programs => "runs programs, loads code, opens connections or changes files",
            Self::MakesCode => "makes code of a text or a file",
            Self::Evaluates => "evaluates code or reads files",
        }
    }
}

/// What a function that is called does, if it is one of these.
pub(super) fn does(name: &str) -> Option<Does> {
    if is_program(name) || PROGRAMS_IF_CALLED.contains(&name) {
        Some(Does::Programs)
    } else if MAKE_CODE.contains(&name) {
        Some(Does::MakesCode)
    } else {
        EVALUATE.contains(&name).then_some(Does::Evaluates)
    }
}

/// Whether a name alone, called or handed over, can only be a function that runs programs and the like.
pub(super) fn is_program(name: &str) -> bool {
    PROGRAMS.contains(&name)
}
