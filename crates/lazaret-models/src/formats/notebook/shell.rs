//! Lines for a shell: which of them no notebook needs, and which notebooks have as a habit. By their words; nothing is run.

use crate::formats::shell::{at_once, fetches_and_runs, later};
use crate::part::printed;

/// What no notebook needs: what was fetched or decoded is run, a connection gets a shell.
pub(super) fn grave(shell: &str) -> Option<String> {
    if let Some(why) = at_once(shell) {
        return Some(format!("; {why}"));
    }
    if fetches_and_runs(shell) {
        return Some("; what is fetched or decoded is run".to_owned());
    }
    later(shell).map(|program| format!("; what is fetched is run by `{}`", printed(program)))
}

/// Commands that notebooks have as a habit, in a plain line: they list, show, make folders, install packages by name.
pub(super) fn is_usual(shell: &str) -> bool {
    const USUAL: &[&str] = &[
        "ls",
        "pwd",
        "cd",
        "cat",
        "head",
        "tail",
        "wc",
        "mkdir",
        "echo",
        "du",
        "df",
        "free",
        "nproc",
        "lscpu",
        "tree",
        "date",
        "which",
        "nvidia-smi",
        "uname",
        "unzip",
        "tar",
        "gunzip",
        "pip",
        "pip3",
        "conda",
        "mamba",
        "uv",
    ];
    if shell.contains(['|', ';', '&', '`', '>', '<', '\n']) || shell.contains("$(") || shell.contains("://") {
        return false;
    }
    let mut words = shell.split_whitespace();
    let first = words.next().unwrap_or_default();
    let plain = match first {
        "python" | "python3" => shell.contains("-m pip install") || shell.ends_with("--version"),
        first => USUAL.contains(&first),
    };
    plain
        && !shell
            .split_whitespace()
            .any(|word| word.starts_with("--index-url") || word.starts_with("--extra-index") || word == "-i")
}
