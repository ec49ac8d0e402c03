//! Configurations of Python's logging (`logging.conf`), as bundles of MONAI bring them: `fileConfig` evaluates the class and
//! the arguments of each handler as Python.

use lazaret_core::{FormatId, Likeness, Severity};

use super::python;
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
        let mut lines = head.bytes.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii);
        let sections = lines.any(|line| matches!(line, b"[handlers]" | b"[loggers]" | b"[formatters]"));
        if sections && is_text(head.bytes) { Likeness::Possible } else { Likeness::No }
    }

    fn read(&self, part: &Part, looking: &mut Looking<'_>) -> Result<FormatId, Unread> {
        let bytes = part.whole(looking.limits.get(python::MAX_SOURCE))?;
        let text = String::from_utf8_lossy(&bytes);
        let mut at = 0_usize;
        // What a line goes on with is indented.
        let mut evaluated: Option<(usize, String)> = None;
        for line in text.split_inclusive('\n') {
            let begin = at;
            at = at.saturating_add(line.len());
            let goes_on = line.starts_with([' ', '\t']);
            if let Some((_, value)) = evaluated.as_mut().filter(|_| goes_on) {
                value.push_str(line);
                continue;
            }
            judge(evaluated.take(), part, looking);
            let Some((key, value)) = line.split_once(['=', ':']) else { continue };
            let key = key.trim().to_ascii_lowercase();
            match key.as_str() {
                "class" => {
                    class(value.trim(), begin, part, looking);
                    evaluated = Some((begin, value.to_owned()));
                }
                "args" | "kwargs" | "defaults" => evaluated = Some((begin, value.to_owned())),
                _ => {}
            }
        }
        judge(evaluated, part, looking);
        Ok(self.id())
    }
}

/// The class of a handler or formatter.
fn class(name: &str, at: usize, part: &Part, looking: &mut Looking<'_>) {
    if !USUAL.contains(&name) {
        let says = format!("logging makes a `{}` by it, which is none of its plain handlers", printed(name));
        looking.find(&rules::CONFIG_TARGET, part.at(at as u64), says);
    }
}

/// What Python evaluates.
fn judge(evaluated: Option<(usize, String)>, part: &Part, looking: &mut Looking<'_>) {
    let Some((at, value)) = evaluated else { return };
    for expressed in python::expressed(value.trim()) {
        let severity = if expressed.runs { Severity::Critical } else { Severity::High };
        let says = format!("logging evaluates it as Python: it {}", expressed.says);
        looking.find_as(severity, &rules::CONFIG_TARGET, part.at(at as u64), says);
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
        ] {
            let report = scan(format!("{PLAIN}[handler_b]\n{line}\n"), "logging.conf");
            let worst = report.findings.iter().map(|finding| finding.severity).max();
            assert_eq!(worst, Some(severity), "{line}");
            assert!(told(&report)[0].starts_with("config.target logging.conf@"), "{line}");
        }
    }

    proptest! {
        #[test]
        fn any_configuration_ends(text in "(\\[handlers\\]|class|args|=|:|\n| |\\(|'|eval|\\PC){0,60}") {
            scan(format!("[handlers]\n{text}"), "logging.conf");
        }
    }
}
