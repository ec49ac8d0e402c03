//! YAML: its tags, which make Python's unsafe loaders import and call what they name, and what its keys say, which the
//! judges of JSON tell.

pub(crate) mod document;

use lazaret_core::{FormatId, Likeness, Limit, Severity};
use lazaret_input::json;

use crate::callables::documents::{self as names, Effect, judge_by};
use crate::formats::json::tell_document;
use crate::formats::recipes;
use crate::look::{Head, Looking};
use crate::own::About;
use crate::part::{Part, Unread, printed};
use crate::registry::ModelFormat;
use crate::rules;
use document::Fault;

/// Most bytes of a YAML file.
pub(crate) const MAX_LEN: Limit = Limit::new("yaml.max_len", 8 << 20);

/// Files without an ending that are YAML.
const BY_NAME: &[&str] = &["mlmodel", "kitfile", "registered_model_meta"];

/// The format.
pub(crate) struct Yaml;

impl ModelFormat for Yaml {
    fn id(&self) -> FormatId {
        FormatId("yaml")
    }

    fn about(&self) -> &'static str {
        "YAML document"
    }

    fn extensions(&self) -> &'static [&'static str] {
        &["yaml", "yml", "dvc"]
    }

    fn runs_nothing(&self) -> bool {
        true
    }

    fn recognise(&self, head: &Head<'_>) -> Likeness {
        if head.bytes.contains(&0) {
            return Likeness::No;
        }
        let by_name = self.extensions().contains(&head.extension) || BY_NAME.contains(&head.file_name);
        // A model card begins with YAML and goes on as prose, in which a tag is a word.
        if matches!(head.extension, "md" | "markdown" | "rst" | "txt" | "html") || head.file_name == "readme"
        {
            return Likeness::No;
        }
        let has = |mark: &[u8]| memchr::memmem::find(head.bytes, mark).is_some();
        let tagged = has(b"!!python/") || has(b"tag:yaml.org,2002:") || has(b"%TAG ");
        match (by_name, begins_like_yaml(head.bytes)) {
            (true, _) if tagged => Likeness::Certain,
            (true, _) => Likeness::Possible,
            (false, true)
                if tagged || head.bytes.starts_with(b"---\n") || has(b"\nconfig:\n") || has(b"_target_:") =>
            {
                Likeness::Possible
            }
            _ => Likeness::No,
        }
    }

    fn read(&self, part: &Part, looking: &mut Looking<'_>) -> Result<FormatId, Unread> {
        let bytes = part.whole(looking.limits.get(MAX_LEN))?;
        let text = text(&bytes)?;
        let read = document::read(&text, looking.limits);
        for (tag, at) in &read.tags {
            judge_tag(tag, *at, part, looking);
        }
        let mut is = None;
        for document in &read.documents {
            let parsed = json::parse(document.as_bytes(), looking.limits);
            match &parsed.document {
                Some(document) => is = is.or(tell_document(document.root(), part, looking)),
                None => looking.unread(part, &Unread::malformed(0, "its keys could not be read")),
            }
        }
        match read.fault {
            None => {}
            Some(Fault::Malformed(at)) => {
                tags_of_text(&text, at, part, looking);
                return Err(Unread::malformed(at as u64, "it is not YAML from here on"));
            }
            Some(Fault::Limit(reached)) => {
                tags_of_text(&text, 0, part, looking);
                return Err(reached.into());
            }
            Some(Fault::Bomb(reached)) => {
                let says = format!("its aliases multiply what is written without end: {reached}");
                looking.find(&rules::YAML_ALIAS_BOMB, part.place(), says);
                looking.not_whole();
            }
        }
        Ok(is.unwrap_or(self.id()))
    }
}

/// The text as PyYAML reads it: UTF-8, or UTF-16 with a mark.
fn text(bytes: &[u8]) -> Result<String, Unread> {
    let wide = |of: fn([u8; 2]) -> u16| {
        let units = bytes.get(2..).unwrap_or_default().chunks_exact(2);
        let units = units.filter_map(|pair| pair.try_into().ok().map(of));
        char::decode_utf16(units).map(|c| c.unwrap_or('\u{fffd}')).collect()
    };
    match bytes {
        [0xff, 0xfe, ..] => Ok(wide(u16::from_le_bytes)),
        [0xfe, 0xff, ..] => Ok(wide(u16::from_be_bytes)),
        _ => match std::str::from_utf8(bytes) {
            Ok(text) => Ok(text.trim_start_matches('\u{feff}').to_owned()),
            Err(error) => Err(Unread::malformed(error.valid_up_to() as u64, "it is no UTF-8 text")),
        },
    }
}

fn begins_like_yaml(head: &[u8]) -> bool {
    let lines = head.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii_end);
    let mut lines = lines.filter(|line| !line.is_empty() && !line.starts_with(b"#"));
    let Some(first) = lines.next() else { return false };
    let is_key = |line: &[u8]| {
        let end = line.iter().position(|byte| *byte == b':').unwrap_or(0);
        let (key, rest) = line.split_at_checked(end).unwrap_or_default();
        !key.is_empty()
            && key.iter().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.'))
            && (rest == b":" || rest.starts_with(b": "))
    };
    first == b"---"
        || first.starts_with(b"%")
        || first.starts_with(b"- ")
        || first.starts_with(b"!!")
        || is_key(first)
}

/// Python's tags that make plain values.
const PLAIN: &[&str] =
    &["none", "bool", "bytes", "str", "unicode", "int", "long", "float", "complex", "list", "tuple", "dict"];

fn judge_tag(tag: &str, at: usize, part: &Part, looking: &mut Looking<'_>) {
    recipes::tags::judge(tag, || part.at(at as u64), looking);
    let name = tag.strip_prefix("tag:yaml.org,2002:").or_else(|| tag.strip_prefix("!!")).unwrap_or("");
    if let Some(python) = name.strip_prefix("python/") {
        if PLAIN.contains(&python) {
            return;
        }
        let (kind, what) = python.split_once(':').unwrap_or((python, ""));
        let (module, last) = names::split(what);
        let module = if module.is_empty() { "builtins" } else { module };
        let place = || part.at(at as u64);
        looking.met_callable(module, last, place);
        let (severity, does) = match judge_by(looking.own, module, last) {
            Effect::Dangerous(does) => (Severity::Critical, format!("; it {does}")),
            Effect::Harmless | Effect::Own if kind != "module" => (Severity::Medium, String::new()),
            _ => (Severity::Critical, String::new()),
        };
        let says = format!(
            "the tag `!!python/{}` makes an unsafe YAML loader import and use {}{does}",
            printed(kind),
            printed(if what.is_empty() { "what it names" } else { what })
        );
        looking.find_about(severity, &rules::YAML_PYTHON_TAG, About::callable(module, last), place(), says);
    } else if name.contains('.')
        || name.starts_with("js/")
        || tag.starts_with("!ruby/")
        || name.starts_with("ruby/")
    {
        let says = format!("the tag {} names a class that a loader of another language builds", printed(tag));
        looking.find_as(Severity::High, &rules::YAML_PYTHON_TAG, part.at(at as u64), says);
    }
}

/// Tags in a text that is no YAML from some place on: a laxer reader may get further.
fn tags_of_text(text: &str, from: usize, part: &Part, looking: &mut Looking<'_>) {
    for mark in ["!!python/", "tag:yaml.org,2002:python/"] {
        for (at, _) in text.match_indices(mark).filter(|(at, _)| *at >= from).take(100) {
            let rest = text.get(at..).unwrap_or_default();
            let end = rest
                .find(|c: char| c.is_whitespace() || matches!(c, ',' | ']' | '}' | '>'))
                .unwrap_or(rest.len());
            judge_tag(rest.get(..end).unwrap_or_default(), at, part, looking);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use lazaret_core::{Hint, Limits};
    use lazaret_input::MemorySource;
    use proptest::prelude::*;

    use super::*;
    use crate::look::{NoFolder, Report, look};

    fn said(text: &str, name: &str) -> Report {
        look(
            Arc::new(MemorySource::new(text.as_bytes(), Hint::default())),
            text.len() as u64,
            name,
            &NoFolder,
            &Limits::default(),
        )
    }

    fn worst(text: &str) -> Option<(&'static str, Severity)> {
        let report = said(text, "config.yaml");
        report
            .findings
            .iter()
            .max_by_key(|finding| finding.severity)
            .map(|finding| (finding.id, finding.severity))
    }

    #[test]
    fn tags_of_python_are_judged_by_what_they_name() {
        for text in [
            "m: !!python/object/apply:os.system ['true']",
            "m: !!python/name:exec",
            "- !<tag:yaml.org,2002:python/module:subprocess> ''",
            "%TAG ! tag:yaml.org,2002:python/\n---\nm: !object/new:type {}",
            "{\"a\": !!python/object/apply:os.system ['true']}",
            "a: [\n!!python/object/apply:os.system ['x']\n}",
        ] {
            let worst = worst(text);
            assert!(matches!(worst, Some((_, Severity::Critical))), "{text} {worst:?}");
        }
        assert_eq!(
            worst("m: !!python/object/apply:collections.OrderedDict [[]]"),
            Some(("yaml.python-tag", Severity::Medium))
        );
        assert_eq!(
            worst("m: !!python/tuple [1, 2]\nn: '!!python/name:exec is a tag'\n# !!python/name:exec\n"),
            None
        );
        assert_eq!(worst("r: !Ref Bucket\nx: !!binary aGk=\n"), None);
    }

    #[test]
    fn a_model_card_is_text() {
        let card = "---\nlicense: mit\n---\n# Model\n\nNever `!!python/object/apply:os.system`.\n";
        let report = said(card, "README.md");
        assert_eq!((report.format.0, report.findings.len()), ("text", 0));
        assert_eq!(said("---\nm: !!python/name:exec\n", "config").format.0, "yaml");
    }

    #[test]
    fn keras_in_yaml_is_walked_through_aliases() {
        let text = "x: &b {module: os}\nclass_name: Model\nconfig:\n  layers:\n  - {<<: *b, class_name: function, config: system}\n";
        assert!(matches!(worst(text), Some(("keras.foreign-callable", Severity::Critical))));
        let text = "class_name: Sequential\nconfig:\n- class_name: Dense\n  config: {activation: relu}\n";
        assert_eq!(worst(text), None);
        assert_eq!(said(text, "config.yaml").format.0, "keras-config");
    }

    proptest! {
        #[test]
        fn any_text_ends(text in "[-a: \n\\[\\]{}&*!<>|#'\"?%0-9]{0,200}") {
            let _report = said(&text, "a.yaml");
        }
    }
}
