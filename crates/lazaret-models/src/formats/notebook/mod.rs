//! Jupyter notebooks (`.ipynb`, nbformat 3 and 4): what their cells hand to a shell or to another interpreter, what they call
//! in Python, and outputs that a browser runs when the notebook is opened.
//!
//! | file | what is in it |
//! |---|---|
//! | `shell` | which lines for a shell no notebook needs |

mod shell;

use std::sync::Arc;

use lazaret_core::{FormatId, Hint, Severity};
use lazaret_input::MemorySource;
use lazaret_input::base64::{self, Whitespace};
use lazaret_input::json::{JsonKind as Kind, Node};

use self::shell::{grave, is_usual};
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
    source.at = source.at.or(Some(node));
    let start = text.trim_start();
    if let Some((magic, line, body)) = cell_magic(start) {
        source.python.extend(expanded(line));
        match magic {
            // What follows is Python all the same.
            "time" | "timeit" | "capture" | "prun" | "memit" | "mprun" => {}
            "javascript" | "js" | "html" | "svg" => {
                let message = format!("a cell (`%%{magic}`) is run by the browser");
                return looking.find(&rules::NOTEBOOK_ACTIVE_OUTPUT, place(), message);
            }
            "writefile" | "file" => {
                if let Some(why) = grave(body) {
                    let message = format!("a cell writes a file{why}");
                    looking.find_as(Severity::High, &rules::NOTEBOOK_COMMAND, place(), message);
                }
                return;
            }
            "markdown" | "latex" => return,
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
            source.python.extend(expanded(shell));
            let least = if is_usual(shell) { Severity::Low } else { Severity::Medium };
            command("a line is run by a shell", shell, place(), looking, least);
        } else if let Some((magic, rest)) = line_magic(&whole) {
            source.python.extend(expanded(rest));
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

/// What `IPython` evaluates in a line before it hands it on, a line each: what stands in braces, where it calls something.
/// Quotes that nothing closes are none of Python's: the line is another program's.
fn expanded(line: &str) -> Vec<String> {
    let (mut open, mut pairs) = (Vec::new(), Vec::<(usize, &str)>::new());
    for (at, brace) in line.match_indices(['{', '}']) {
        if brace == "{" {
            open.push(at);
        } else if let Some(from) = open.pop() {
            // Of braces in braces the outermost are told.
            while pairs.pop_if(|(inner, _)| *inner > from).is_some() {}
            pairs.push((from, line.get(from.saturating_add(1)..at).unwrap_or_default()));
        }
    }
    let is_closed =
        |text: &str| ['"', '\''].iter().all(|quote| text.matches(*quote).count().is_multiple_of(2));
    let calls = pairs.into_iter().map(|(_, text)| text).filter(|text| text.contains('(') && is_closed(text));
    calls.map(|text| format!("({text})\n")).collect()
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
        None => (least, String::new()),
    };
    let first = shell.split_whitespace().next().unwrap_or_default();
    let message = format!("{says}: `{} …`{why}", printed(first));
    looking.find_as(severity, &rules::NOTEBOOK_COMMAND, at, message);
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
    } else {
        looking.hidden(&inner, 0, len, "what is attached to the notebook");
    }
}

#[cfg(test)]
mod tests;
