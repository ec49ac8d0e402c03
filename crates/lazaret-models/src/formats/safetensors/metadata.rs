//! The metadata of safetensors: texts. One that is a script does nothing by itself, and has no business there.

use std::sync::Arc;

use lazaret_core::Hint;
use lazaret_input::MemorySource;
use lazaret_input::base64::{self, Whitespace};
use lazaret_input::json::{JsonKind, Node};

use crate::formats::template;
use crate::look::Looking;
use crate::own::FactKind;
use crate::part::{MAX_WHOLE, Part, printed};
use crate::rules;

/// How much of a text is judged.
const MOST: usize = 256 << 10;

/// Modules whose calls start programs, reach the system or load code, where a whole statement is such a call.
const SYSTEM: &[&str] = &[
    "builtins",
    "ctypes",
    "importlib",
    "marshal",
    "os",
    "pty",
    "runpy",
    "shutil",
    "socket",
    "subprocess",
    "sys",
];

pub(super) fn read(metadata: Node<'_, '_>, part: &Part, looking: &mut Looking<'_>) {
    if metadata.kind() != JsonKind::Object {
        let at = metadata.key_offset().unwrap_or(0).saturating_add(super::PREFIX);
        looking.find(&rules::SAFETENSORS_HEADER, part.at(at), "`__metadata__` is no object of texts");
        return;
    }
    for member in metadata.members() {
        let place = part.inner(&format!("__metadata__.{}", member.key));
        looking.met(FactKind::Metadata, member.key, || place.clone());
        let Some(text) = member.value.as_str() else {
            let message = "a value of the metadata is no text: the format has texts alone there";
            looking.find(&rules::SAFETENSORS_HEADER, place, message);
            continue;
        };
        let first = text.get(..text.floor_char_boundary(MOST)).unwrap_or(text);
        if let Some(what) = script(first) {
            let message = format!(
                "the metadata `{}` is {what}: harmless until a reader runs or shows it, and no description of weights",
                printed(member.key)
            );
            looking.find(&rules::SAFETENSORS_METADATA_CODE, place, message);
        } else if let Some(bytes) = packed(text) {
            let message = format!(
                "the metadata `{}` is a file in base64: harmless until a reader unpacks and loads it",
                printed(member.key)
            );
            looking.find(&rules::SAFETENSORS_METADATA_CODE, place, message);
            let length = bytes.len() as u64;
            let source = Arc::new(MemorySource::new(bytes, Hint::default()));
            looking.inside(&part.member(source, length, &format!("__metadata__.{}", member.key)));
        } else if first.contains("{{") || first.contains("{%") {
            template::judge(first, place, looking);
        }
    }
}

/// The bytes of a text that is base64 of a pickle or an archive.
fn packed(text: &str) -> Option<Vec<u8>> {
    let begins = ["gA", "UEsDB", "H4sI"].iter().any(|begin| text.starts_with(begin));
    let bytes = begins.then(|| base64::decode(text, Whitespace::Refused, MAX_WHOLE).ok()).flatten()?;
    let known = matches!(bytes.as_slice(), [0x80, 0..=5, ..] | [b'P', b'K', 3, 4, ..] | [0x1f, 0x8b, 8, ..]);
    (known && bytes.len() > 8).then_some(bytes)
}

/// What kind of script a text is, if it is one: by its form, never by words in it.
pub(super) fn script(text: &str) -> Option<&'static str> {
    let text = text.trim_start();
    if text.starts_with("#!/") {
        return Some("a script for a shell");
    }
    if text.starts_with("<?php") || runs_in_page(text) {
        return Some("a script for a web page");
    }
    python(text).then_some("Python code")
}

/// Whether a text has a script element, an attribute of an element that is an event handler, or an address that is a
/// script.
pub(crate) fn runs_in_page(text: &str) -> bool {
    let lower = text.to_ascii_lowercase();
    lower.match_indices('<').any(|(at, _)| {
        let tag = lower.get(at.saturating_add(1)..).unwrap_or_default();
        let name = tag.find(|c: char| !c.is_ascii_alphanumeric()).and_then(|end| tag.get(..end));
        let Some(name) = name.filter(|name| name.starts_with(|c: char| c.is_ascii_alphabetic())) else {
            return false;
        };
        let inside = tag.get(name.len()..).unwrap_or_default();
        let inside = inside.split_once('>').map_or(inside, |(inside, _)| inside);
        if !inside.is_empty() && !inside.starts_with([' ', '\t', '\n', '\r', '/']) {
            return false;
        }
        let handler = |attribute: &str| {
            let name = attribute.trim_end().rsplit([' ', '\t', '\n', '\r', '/', '"', '\'']).next();
            name.is_some_and(|name| {
                name.len() > 4 && name.starts_with("on") && name.chars().all(|c| c.is_ascii_alphabetic())
            })
        };
        let mut values = inside.split('=');
        let last = values.next_back().unwrap_or_default();
        let address = inside.contains("=javascript:")
            || inside.contains("=\"javascript:")
            || inside.contains("='javascript:");
        name == "script" || address || (!last.is_empty() && values.any(handler))
    })
}

/// Whether a text is Python code: it begins with an import or with a call into the system, or it has an import and
/// calls what was imported.
fn python(text: &str) -> bool {
    let mut imported: Vec<&str> = Vec::new();
    for (number, statement) in
        text.split(['\n', ';']).map(str::trim).filter(|line| !line.is_empty()).enumerate()
    {
        if let Some(names) = imports(statement) {
            if number == 0 {
                return true;
            }
            imported.extend(names);
        } else if let Some(root) = calls(statement) {
            let runs_text = matches!(root, "eval" | "exec" | "compile" | "__import__");
            if runs_text || imported.contains(&root) || SYSTEM.contains(&root) {
                return true;
            }
        }
    }
    // As part of a larger expression: no prose has these.
    text.contains("__import__(") || text.contains("__subclasses__(") || text.contains("__globals__[")
}

/// The names that an import statement gives, if the statement is one and nothing else.
fn imports(statement: &str) -> Option<Vec<&str>> {
    let clause = if let Some(rest) = statement.strip_prefix("from ") {
        let (module, names) = rest.split_once(" import ")?;
        let module = module.trim().trim_start_matches('.');
        (module.is_empty() || is_dotted(module)).then_some(())?;
        names.trim_start_matches('(').trim_end_matches(')')
    } else {
        statement.strip_prefix("import ")?
    };
    let names: Option<Vec<&str>> = clause
        .split('#')
        .next()
        .unwrap_or_default()
        .split(',')
        .map(|name| {
            let mut words = name.split_whitespace();
            let (name, with, alias, more) = (words.next()?, words.next(), words.next(), words.next());
            let given = match (with, alias, more) {
                (None, None, None) => name.split('.').next(),
                (Some("as"), Some(alias), None) => Some(alias),
                _ => None,
            };
            given.filter(|given| (is_dotted(name) || name == "*") && (is_dotted(given) || *given == "*"))
        })
        .collect();
    names.filter(|names| !names.is_empty())
}

/// The first name of a statement that is a call and begins with what it calls: `os` of `os.system('x')`.
fn calls(statement: &str) -> Option<&str> {
    let (callee, rest) = statement.split_once('(')?;
    (rest.contains(')') && is_dotted(callee)).then(|| callee.split('.').next().unwrap_or(callee))
}

/// Whether a text is a name of Python, or several with dots between.
fn is_dotted(text: &str) -> bool {
    !text.is_empty()
        && text.split('.').all(|name| {
            name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
                && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scripts_are_told_by_their_form() {
        for text in [
            "import os; os.system('x')",
            "import numpy as np, os",
            "from os import system",
            "a loader\nimport os\nos.system('x')",
            "__import__('os').system('x')",
            "x = __import__('os')",
            "eval('1')",
            "exec(open('x').read())",
            "subprocess.run(['x'])",
            "#!/bin/sh\nx",
            "<script>x</script>",
            "text <SCRIPT src='x'>",
            "<img src=x onerror=alert(1)>",
            "<a href=\"javascript:x\">y</a>",
            "<svg/onload=x>",
            "<?php x",
        ] {
            assert!(script(text).is_some(), "{text}");
        }
    }

    #[test]
    fn text_with_words_of_code_is_text() {
        for text in [
            "uses os.system? no; see https://example.org/import",
            "import the model, then run it",
            "from the clinic; import of notes",
            "exec summary (short) of the study",
            "script for nurses: onset = day 3",
            "a < b and c > d; on = 1",
            "<p>weights of <b>one</b> study</p>",
            "<a href=\"https://example.org/?on=1\">card</a>",
            "LoraConfig(r=8, alpha=16)",
            "torch.Size([1, 2])",
            "{\"system\": \"os.system('x')\"}",
            "sample evaluation (n=3)",
            "<|im_start|>system",
        ] {
            assert_eq!(script(text), None, "{text}");
        }
    }
}
