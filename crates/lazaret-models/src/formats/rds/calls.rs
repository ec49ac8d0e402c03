//! Functions of R that a promise has no business with.

/// Run programs, load code or open connections: no fitted model holds a call of them.
const PROGRAMS: &[&str] = &[
    "system",
    "system2",
    "shell",
    "shell.exec",
    "pipe",
    "fifo",
    "dyn.load",
    "library.dynam",
    "download.file",
    "url",
    "socketConnection",
    "socketAccept",
    "serverSocket",
    "unlink",
    "file.remove",
    "file.rename",
    "file.copy",
    "install.packages",
    "source",
    "sys.source",
    "Sys.setenv",
    "setwd",
    "writeBin",
    "writeLines",
    "writeChar",
    "download_file",
    "browseURL",
    "curl_download",
    "curl_fetch_memory",
    "reg.finalizer",
    "Rprof",
    "sink",
    "py_run_string",
];

/// Evaluate texts, reach functions by their names, or read files.
const EVALUATE: &[&str] = &[
    "eval",
    "evalq",
    "eval.parent",
    "parse",
    "str2lang",
    "str2expression",
    "do.call",
    "match.fun",
    "get",
    "get0",
    "mget",
    "assign",
    "delayedAssign",
    "makeActiveBinding",
    "Recall",
    "loadNamespace",
    "requireNamespace",
    "library",
    "require",
    "attachNamespace",
    "attach",
    "load",
    "readRDS",
    "unserialize",
    "file",
    "gzfile",
    "bzfile",
    "readLines",
    "readBin",
    "scan",
    "read.table",
    "read.csv",
    "cat",
    "dump",
    "dput",
    "save",
    "saveRDS",
    "serialize",
    ".C",
    ".Call",
    ".External",
    ".External2",
    ".Fortran",
    ".Internal",
    ".Primitive",
    "Sys.getenv",
    "list.files",
    "quit",
    "q",
    "local",
    "with",
    "within",
    "::",
    ":::",
    "getFromNamespace",
    "asNamespace",
    "environment<-",
    "body<-",
    "as.function",
    "function",
];

/// What a function does, if a promise should not call it.
pub(super) fn does(name: &str) -> Option<&'static str> {
    if runs_programs(name) {
        Some("runs programs, loads code, or changes files")
    } else if EVALUATE.contains(&name) {
        Some("evaluates code, reaches functions by name, or reads files")
    } else {
        None
    }
}

/// Whether it runs programs, loads code, opens connections or changes files.
pub(super) fn runs_programs(name: &str) -> bool {
    PROGRAMS.contains(&name)
}
