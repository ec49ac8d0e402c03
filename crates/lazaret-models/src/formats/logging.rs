//! Configurations of Python's logging: `logging.conf`, as bundles of MONAI bring it, of which `fileConfig` evaluates the class
//! and the arguments of each handler as Python; and dicts in JSON or YAML, of which `dictConfig` imports and calls what
//! stands under `()` and `class`.

use lazaret_core::{FormatId, Likeness, Severity};
use lazaret_input::json::Node;
use rustc_hash::FxHashMap;

use super::ini::{Ini, Setting};
use super::json::{JsonKind, Walk, path_of};
use super::python::{self, Expression, Imports};
use super::text::is_text;
use crate::callables::documents::{self as names, Effect, judge_by};
use crate::callables::is_dangerous_builtin;
use crate::look::{Head, Looking};
use crate::own::About;
use crate::part::{Part, Unread, printed};
use crate::registry::ModelFormat;
use crate::rules;

/// The format.
pub(crate) struct LoggingConfig;

/// Handlers that write to the screen, to nowhere or into a file.
const USUAL: &[&str] = &[
    "StreamHandler",
    "NullHandler",
    "FileHandler",
    "handlers.RotatingFileHandler",
    "handlers.TimedRotatingFileHandler",
    "handlers.WatchedFileHandler",
    "handlers.MemoryHandler",
    "logging.StreamHandler",
    "logging.NullHandler",
    "logging.FileHandler",
    "logging.handlers.RotatingFileHandler",
    "logging.handlers.TimedRotatingFileHandler",
    "logging.Formatter",
    "Formatter",
];

impl ModelFormat for LoggingConfig {
    fn id(&self) -> FormatId {
        FormatId("logging-config")
    }

    fn about(&self) -> &'static str {
        "configuration of Python's logging"
    }

    fn extensions(&self) -> &'static [&'static str] {
        &["conf"]
    }

    fn recognise(&self, head: &Head<'_>) -> Likeness {
        let lines = head.bytes.split(|byte| matches!(byte, b'\n' | b'\r')).map(<[u8]>::trim_ascii);
        let named = |line: &[u8]| SECTIONS.iter().any(|section| line.starts_with(section));
        if lines.into_iter().any(named) && is_text(head.bytes) { Likeness::Possible } else { Likeness::No }
    }

    fn read(&self, part: &Part, looking: &mut Looking<'_>) -> Result<FormatId, Unread> {
        let most = looking.limits.get(python::MAX_SOURCE);
        let bytes = part.whole(most)?;
        let text = String::from_utf8_lossy(&bytes);
        let settings = Ini::of(&text).settings;
        let known = settings.iter().map(|of| ((of.section, of.key.clone()), of.value.as_str()));
        let known: FxHashMap<_, _> = known.collect();
        let mut room = most.most();
        for setting in &settings {
            // Which values are evaluated depends on what others put into them: each is judged.
            judge(&setting.value, setting.at, part, looking);
            if !EVALUATED.contains(&setting.key.as_str()) {
                continue;
            }
            let value = interpolated(setting, &known, &mut room);
            if value.is_none() {
                let says = format!(
                    "what logging evaluates as `{}` is put together from what was not judged",
                    setting.key
                );
                looking.find(&rules::CONFIG_TARGET, part.at(setting.at), says);
            }
            let value = value.as_ref().unwrap_or(&setting.value);
            if *value != setting.value {
                judge(value, setting.at, part, looking);
            }
            if setting.key == "class" {
                class(value, setting.at, part, looking);
            }
        }
        Ok(self.id())
    }
}

const SECTIONS: &[&[u8]] = &[b"[handlers]", b"[loggers]", b"[formatters]"];
/// Keys whose values Python evaluates.
const EVALUATED: &[&str] = &["class", "args", "kwargs", "defaults"];

/// A value with what `%(name)s` stands for in it; none where that is not in the file, is itself put together, or is more
/// than there is room for.
fn interpolated(
    setting: &Setting<'_>,
    known: &FxHashMap<(&str, String), &str>,
    room: &mut u64,
) -> Option<String> {
    let mut rest = setting.value.as_str();
    let mut whole = String::new();
    while let Some((before, after)) = rest.split_once('%') {
        whole.push_str(before);
        if let Some(after) = after.strip_prefix('%') {
            whole.push('%');
            rest = after;
        } else if let Some((name, after)) = after.strip_prefix('(').and_then(|after| after.split_once(")s")) {
            let name = name.to_lowercase();
            let value = known.get(&(setting.section, name.clone())).or_else(|| known.get(&("DEFAULT", name)));
            let value = value.filter(|value| !value.contains('%'))?;
            *room = room.checked_sub(value.len() as u64)?;
            whole.push_str(value);
            rest = after;
        } else {
            whole.push('%'); // Python refuses it
            rest = after;
        }
    }
    whole.push_str(rest);
    Some(whole)
}

/// The class of a handler or formatter.
fn class(name: &str, at: u64, part: &Part, looking: &mut Looking<'_>) {
    if !USUAL.contains(&name)
        && let Some((severity, does)) = called(name, looking)
    {
        let says = format!("logging makes a `{}` by it, which {does}", printed(name));
        let (module, name) = names::split(name);
        looking.find_about(severity, &rules::CONFIG_TARGET, About::callable(module, name), part.at(at), says);
    }
}

/// What calling something by its name does, where that is more than making a plain handler.
fn called(name: &str, looking: &Looking<'_>) -> Option<(Severity, &'static str)> {
    let (module, last) = names::split(name);
    if module.is_empty() && is_dangerous_builtin(last) {
        return Some((Severity::Critical, "runs code, or reaches what does"));
    }
    match judge_by(looking.own, module, last) {
        Effect::Dangerous(does) if !is_of_logging(name) => Some((Severity::Critical, does)),
        Effect::Own => None,
        _ => Some((Severity::High, "is none of its plain handlers")),
    }
}

/// What is logging's own, and is judged by the list of what is plain.
fn is_of_logging(name: &str) -> bool {
    name.starts_with("logging.") && !name.split('.').any(|step| step.starts_with('_'))
}

/// What Python evaluates.
fn judge(value: &str, at: u64, part: &Part, looking: &mut Looking<'_>) {
    for expressed in Expression::of(value).judge(&Imports::none()) {
        let severity = if expressed.runs { Severity::Critical } else { Severity::High };
        let says = format!("logging evaluates it as Python: it {}", expressed.says);
        looking.find_as(severity, &rules::CONFIG_TARGET, part.at(at), says);
    }
}

/// A configuration as a dict, for itself or within another document.
pub(crate) struct LoggingDict;

/// Packages of handlers and formatters that services use.
const HANDLERS: &[&str] = &[
    "colorlog",
    "gunicorn.glogging",
    "json_log_formatter",
    "pythonjsonlogger",
    "rich.logging",
    "structlog.stdlib",
    "uvicorn.logging",
];

impl JsonKind for LoggingDict {
    fn id(&self) -> FormatId {
        FormatId("logging-dict")
    }

    fn about(&self) -> &'static str {
        "configuration of Python's logging, as a dict"
    }

    fn recognise(&self, root: Node<'_, '_>, _: &str) -> bool {
        Walk::new(root).any(|node| is_dict_config(node) || is_factory(node))
    }

    fn read(&self, root: Node<'_, '_>, part: &Part, looking: &mut Looking<'_>) {
        for node in Walk::new(root) {
            let Some(text) = node.as_str() else { continue };
            let above = |steps| (0..steps).try_fold(node, |at, _| at.parent());
            // `handlers.NAME.class`, or a list of such.
            let is_within = (2..=4).filter_map(above).any(is_dict_config);
            let called = match node.key() {
                Some("()") => true,
                Some("class" | "listener" | "queue") => is_within,
                _ => false,
            };
            let imported = is_within && text.starts_with("ext://");
            if !called && !imported {
                continue;
            }
            let target = text.trim().trim_start_matches("ext://");
            let said = if called && target.starts_with("cfg://") {
                Some((Severity::High, "stands elsewhere in the document"))
            } else {
                factory(target, is_within, looking)
            };
            let Some((severity, does)) = said else { continue };
            let (module, name) = names::split(target);
            let verb = if called { "calls" } else { "imports" };
            let says = format!("logging {verb} `{}`, which {does}", printed(target));
            let place = part.inner(&path_of(node));
            looking.find_about(severity, &rules::CONFIG_TARGET, About::callable(module, name), place, says);
        }
    }
}

/// What a name under `()`, `class` or `ext://` does. Outside such a configuration a key is only a word, and what is not known
/// says nothing.
fn factory(name: &str, is_within: bool, looking: &Looking<'_>) -> Option<(Severity, &'static str)> {
    let is_usual = USUAL.contains(&name)
        || matches!(name, "sys.stdout" | "sys.stderr")
        || HANDLERS.iter().any(|package| crate::callables::documents::is_or_within(name, package));
    let (severity, does) = called(name, looking).filter(|_| !is_usual)?;
    (severity == Severity::Critical || is_within && !is_of_logging(name)).then_some((severity, does))
}

/// Whether a value is what `dictConfig` takes.
fn is_dict_config(node: Node<'_, '_>) -> bool {
    let has = |key: &str| node.get(key).is_some_and(|of| of.kind() == lazaret_input::json::JsonKind::Object);
    let version = node.get("version").and_then(|version| version.as_number().or(version.as_str()));
    version == Some("1") && ["handlers", "formatters", "filters", "loggers"].into_iter().any(has)
}

/// Whether an object has the key under which `dictConfig` takes what it calls.
fn is_factory(node: Node<'_, '_>) -> bool {
    node.get("()").is_some_and(|of| of.as_str().is_some_and(|text| text.contains('.')))
}

#[cfg(test)]
mod tests {
    use lazaret_core::Severity;
    use proptest::prelude::*;

    use crate::formats::protobuf::tests::{scan, told};

    const PLAIN: &str = "[loggers]\nkeys=root\n[handlers]\nkeys=a\n[handler_a]\nclass=StreamHandler\nlevel=INFO\nargs=(sys.stdout,)\n";

    #[test]
    fn what_logging_evaluates_is_judged() {
        let report = scan(PLAIN, "logging.conf");
        assert_eq!((report.format.0, told(&report)), ("logging-config", Vec::new()));
        for (line, severity) in [
            ("args=(__import__('os').system('true'),)", Severity::Critical),
            ("args=(\n  eval('1'),)", Severity::Critical),
            ("KWARGS : {'a': os.popen('true')}", Severity::Critical),
            ("class=handlers.HTTPHandler", Severity::High),
            ("class=evil.Handler", Severity::High),
            ("class=eval", Severity::Critical),
            ("class=os.system", Severity::Critical),
            ("class=subprocess.Popen", Severity::Critical),
            ("class=%(k)s\nk=exec", Severity::Critical),
            ("args=%(x)s\nx=__import__('os').system('true')", Severity::Critical),
            ("args=%(x)s\n[DEFAULT]\nX=__import__('os').system('true')", Severity::Critical),
            ("args=(%(a)sl('1'),)\na=eva", Severity::Critical),
            ("class=%(y)s\ny=os.system", Severity::Critical),
            ("args=(%(here)s,)", Severity::High),
            ("args=%(x)s\nx=%(y)s", Severity::High),
            ("args=(\n# it goes on\n  eval('1'),)", Severity::Critical),
            ("args=(\n\n ; so\n\n  eval('1'),)", Severity::Critical),
            ("args=(\r\x1ceval('1'),)", Severity::Critical),
            ("  args=(\n   eval('1'),)", Severity::Critical),
        ] {
            let report = scan(format!("{PLAIN}[handler_b]\n{line}\n"), "logging.conf");
            let worst = report.findings.iter().map(|finding| finding.severity).max();
            assert_eq!(worst, Some(severity), "{line}");
            assert!(told(&report)[0].starts_with("config.target logging.conf@"), "{line}");
        }
    }

    #[test]
    fn plain_values_that_are_put_together_pass() {
        let line = "[DEFAULT]\ndir=/var/log\n[handler_b]\nKind=FileHandler\nclass=%(kind)s\nargs=('%(dir)s/a.log', 'a')\n\
            [formatter_f]\nformat=%(asctime)s %(levelname)s: %(message)s\nclass=logging.Formatter\n";
        assert_eq!(told(&scan(format!("{PLAIN}{line}"), "logging.conf")), Vec::<String>::new());
    }

    #[test]
    fn what_dicts_of_logging_make_is_judged() {
        let json = |handler: &str| {
            let text = format!(r#"{{"version":1,"handlers":{{"h":{handler}}},"root":{{"handlers":["h"]}}}}"#);
            let report = scan(text, "logging.json");
            assert_eq!(report.format.0, "logging-dict", "{handler}");
            report
                .findings
                .into_iter()
                .map(|finding| (finding.at.to_string(), finding.severity))
                .collect::<Vec<_>>()
        };
        let at = |key: &str| format!("logging.json!handlers.h.{key}");
        for (handler, key, severity) in [
            (r#"{"()":"os.system","command":"true"}"#, "()", Severity::Critical),
            (r#"{"()":"builtins.eval","x":"1"}"#, "()", Severity::Critical),
            (r#"{"()":"eval"}"#, "()", Severity::Critical),
            (r#"{"()":"ext://subprocess.Popen","args":"true"}"#, "()", Severity::Critical),
            (r#"{"()":"cfg://other"}"#, "()", Severity::High),
            (r#"{"class":"os.system","command":"true"}"#, "class", Severity::Critical),
            (r#"{"class":"logging.StreamHandler","stream":"ext://os.system"}"#, "stream", Severity::Critical),
            (
                r#"{"class":"logging.handlers.QueueHandler","listener":"os.system"}"#,
                "listener",
                Severity::Critical,
            ),
            (r#"{"()":"some.package.Handler"}"#, "()", Severity::High),
        ] {
            assert_eq!(json(handler), [(at(key), severity)], "{handler}");
        }
        for handler in [
            r#"{"class":"logging.StreamHandler","stream":"ext://sys.stdout"}"#,
            r#"{"()":"logging.StreamHandler"}"#,
            r#"{"class":"rich.logging.RichHandler"}"#,
            r#"{"()":"uvicorn.logging.DefaultFormatter","fmt":"%(message)s"}"#,
        ] {
            assert_eq!(json(handler), [], "{handler}");
        }
        let yaml =
            "logging:\n  version: 1\n  formatters:\n    f:\n      (): os.system\n      format: 'true'\n";
        assert_eq!(told(&scan(yaml, "a.yaml")), ["config.target a.yaml!logging.formatters.f.()"]);
        // The key is a word elsewhere.
        assert_eq!(told(&scan(r#"{"vocab":{"()":"a.b","x":"os.system"},"version":1}"#, "v.json")), [""; 0]);
    }

    proptest! {
        #[test]
        fn any_configuration_ends(text in "(\\[handlers\\]|class|args|=|:|\n| |\\(|'|eval|\\PC){0,60}") {
            scan(format!("[handlers]\n{text}"), "logging.conf");
        }
    }
}
