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
    "library",
    "require",
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

/// Find a function or a name by a text, or give an environment of all names.
const FIND: &[&str] = &[
    "get",
    "get0",
    "mget",
    "dynGet",
    "match.fun",
    "getExportedValue",
    "getFromNamespace",
    "getAnywhere",
    "getFunction",
    "getNamespace",
    ".getNamespace",
    "asNamespace",
    "as.environment",
    "baseenv",
];

/// Read or write files by names, or start the programs that others choose.
const FILES: &[&str] = &[
    "write",
    "write.table",
    "write.csv",
    "write.csv2",
    "write.dcf",
    "dput",
    "save.image",
    "file.create",
    "file.append",
    "file.symlink",
    "file.link",
    "dir.create",
    "Sys.chmod",
    "scan",
    "read.table",
    "read.csv",
    "read.csv2",
    "read.delim",
    "read.delim2",
    "read.fwf",
    "read.dcf",
    "unz",
    "untar",
    "unzip",
    "tar",
    "zip",
    "Rcmd",
    "edit",
    "fix",
    "page",
    "vi",
    "emacs",
    "pico",
    "xemacs",
    "xedit",
    "file.edit",
    "file.show",
    "data.entry",
    "texi2dvi",
    "texi2pdf",
    "pdf",
    "png",
    "jpeg",
    "svg",
    "postscript",
    "sourceCpp",
    "cppFunction",
    "evalCpp",
    "py_eval",
    "source_python",
];

/// Call what they are given, by its name too.
const APPLY: &[&str] = &[
    "sapply",
    "lapply",
    "vapply",
    "mapply",
    "rapply",
    "eapply",
    "tapply",
    "apply",
    "Map",
    "Reduce",
    "Filter",
    "Find",
    "Position",
    "outer",
    "Vectorize",
    "aggregate",
    "by",
    "mclapply",
    "do.call",
];

/// Put a text together.
const TEXTS: &[&str] = &[
    "paste",
    "paste0",
    "sprintf",
    "gettextf",
    "rawToChar",
    "intToUtf8",
    "chartr",
    "gsub",
    "sub",
    "substr",
    "substring",
    "strsplit",
    "strtrim",
    "trimws",
    "toupper",
    "tolower",
    "casefold",
    "as.character",
    "as.name",
    "as.symbol",
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
    /// Finds a function by a text.
    Finds,
    /// Reads or writes files, or starts a program that its caller names.
    Files,
}

impl Does {
    pub(super) const fn words(self) -> &'static str {
        match self {
            Self::Programs => "runs programs, loads code, opens connections or changes files",
            Self::MakesCode => "makes code of a text or a file",
            Self::Evaluates => "evaluates code or reads files",
            Self::Finds => "finds a function by a text",
            Self::Files => "reads or writes files, or starts a program",
        }
    }
}

/// What a function that is called does, if it is one of these.
pub(super) fn does(name: &str) -> Option<Does> {
    if is_program(name) || PROGRAMS_IF_CALLED.contains(&name) {
        Some(Does::Programs)
    } else if MAKE_CODE.contains(&name) {
        Some(Does::MakesCode)
    } else if EVALUATE.contains(&name) {
        Some(Does::Evaluates)
    } else if finds(name) {
        Some(Does::Finds)
    } else {
        FILES.contains(&name).then_some(Does::Files)
    }
}

/// Whether a function finds another by a text.
pub(super) fn finds(name: &str) -> bool {
    FIND.contains(&name)
}

/// Whether a function calls what it is given.
pub(super) fn applies(name: &str) -> bool {
    APPLY.contains(&name)
}

/// Whether a function puts a text together.
pub(super) fn makes_text(name: &str) -> bool {
    TEXTS.contains(&name)
}

/// Whether a function evaluates what it is given.
pub(super) fn evaluates(name: &str) -> bool {
    matches!(name, "eval" | "evalq" | "eval.parent")
}

/// Whether a function makes code of a text.
pub(super) fn parses(name: &str) -> bool {
    matches!(name, "parse" | "str2lang" | "str2expression")
}

/// Whether a name alone, called or handed over, can only be a function that runs programs and the like.
pub(super) fn is_program(name: &str) -> bool {
    PROGRAMS.contains(&name)
}
