//! Configurations of Python's logging (`logging.conf`), as bundles of MONAI bring them: `fileConfig` evaluates the class and
//! the arguments of each handler as Python.

use lazaret_core::{FormatId, Likeness, Severity};
use rustc_hash::FxHashMap;

use super::ini::{Ini, Setting};
use super::python::{self, Expression, Imports};
use super::text::is_text;
use crate::look::{Head, Looking};
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
    if !USUAL.contains(&name) {
        let says = format!("logging makes a `{}` by it, which is none of its plain handlers", printed(name));
        looking.find(&rules::CONFIG_TARGET, part.at(at), says);
    }
}

/// What Python evaluates.
fn judge(value: &str, at: u64, part: &Part, looking: &mut Looking<'_>) {
    for expressed in Expression::of(value).judge(&Imports::none()) {
        let severity = if expressed.runs { Severity::Critical } else { Severity::High };
        let says = format!("logging evaluates it as Python: it {}", expressed.says);
        looking.find_as(severity, &rules::CONFIG_TARGET, part.at(at), says);
    }
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

    proptest! {
        #[test]
        fn any_configuration_ends(text in "(\\[handlers\\]|class|args|=|:|\n| |\\(|'|eval|\\PC){0,60}") {
            scan(format!("[handlers]\n{text}"), "logging.conf");
        }
    }
}
