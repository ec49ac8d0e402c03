//! Lines for a shell: which of them no notebook needs, and which notebooks have as a habit. By their words; nothing is run.

/// What no notebook needs: what was fetched or decoded is run at once, a connection gets a shell.
pub(super) fn grave(shell: &str) -> Option<&'static str> {
    const SHELLS: &[&str] = &[
        "sh",
        "bash",
        "zsh",
        "dash",
        "ksh",
        "python",
        "python3",
        "perl",
        "ruby",
        "node",
        "php",
        "pwsh",
        "powershell",
        "iex",
        "cmd",
        "source",
        "eval",
    ];
    let lower = shell.to_ascii_lowercase();
    let program = |part: &str| {
        let words = part.split_whitespace().map(|word| word.trim_matches(['"', '\'', '(', ')', ';', '`']));
        let mut words = words.skip_while(|word| {
            matches!(*word, "sudo" | "env" | "nohup" | "exec" | "-e") || word.contains('=')
        });
        words.next().map(|word| word.rsplit('/').next().unwrap_or_default().to_owned()).unwrap_or_default()
    };
    let fetches =
        ["curl", "wget", "fetch", "invoke-webrequest", "iwr", "downloadstring", "base64", "xxd", "openssl"]
            .iter()
            .any(|word| {
                lower.split(|c: char| !c.is_ascii_alphanumeric() && c != '-').any(|part| part == *word)
            });
    let piped = lower.split('|').skip(1).any(|part| SHELLS.contains(&program(part).as_str()));
    let substituted =
        ["$(", "<(", "`"].iter().any(|mark| {
            lower
                .split(mark)
                .skip(1)
                .any(|part| matches!(program(part).as_str(), "curl" | "wget" | "base64" | "echo"))
        }) && lower.split(['|', ';', '&', '\n']).any(|part| SHELLS.contains(&program(part).as_str()));
    if fetches && (piped || substituted) {
        return Some("; what is fetched or decoded is run at once");
    }
    let connects = lower.contains("/dev/tcp/")
        || lower.contains("/dev/udp/")
        || lower.contains("mkfifo")
        || (lower.contains("nc ") || lower.contains("ncat ") || lower.contains("socat "))
            && (lower.contains(" -e")
                || lower.contains("/bin/sh")
                || lower.contains("/bin/bash")
                || lower.contains("exec:"));
    if connects {
        return Some("; a connection gets a shell");
    }
    let runs = ["chmod +x", "chmod 7", "&& ./", "; ./"].iter().any(|mark| lower.contains(mark));
    let mut next = lower.split(['|', ';', '&', '\n']).skip(1);
    let runs_fetched = fetches && (runs || next.any(|part| SHELLS.contains(&program(part).as_str())));
    runs_fetched.then_some("; what is fetched is run")
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
