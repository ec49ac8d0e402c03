//! Python that comes with a model: source, and what it is compiled to.
//!
//! | file | what is in it |
//! |---|---|
//! | `lex` | source cut into tokens |
//! | `judge` | what the tokens call, with names followed |
//! | `names` | what no model needs to call |
//! | `bytecode` | the names in compiled Python |
//! | `expression` | expressions within other formats |
//! | `literal` | literals alone, for headers of other formats |

mod bytecode;
mod expression;
mod judge;
mod lex;
pub(crate) mod literal;
mod names;

use lazaret_core::{FormatId, Likeness, Limit, Severity};

pub(crate) use self::expression::{Expression, Imports};
use super::text::is_text;
use crate::inside::{How, Met};
use crate::look::{Head, Looking};
use crate::part::{MAX_WHOLE, Part, Unread, printed};
use crate::registry::ModelFormat;
use crate::rules;

/// Most bytes of one file of source.
pub(crate) const MAX_SOURCE: Limit = Limit::new("python.max_source", 1 << 20);

/// Most calls that are told of one file: the gravest.
const MOST_CALLS: usize = 32;

/// Source.
pub(crate) struct PythonSource;

impl ModelFormat for PythonSource {
    fn id(&self) -> FormatId {
        FormatId("python")
    }

    fn about(&self) -> &'static str {
        "Python source"
    }

    fn extensions(&self) -> &'static [&'static str] {
        &["py", "pyw", "pyi"]
    }

    fn recognise(&self, head: &Head<'_>) -> Likeness {
        let named = self.extensions().contains(&head.extension);
        let line = head.bytes.split(|byte| *byte == b'\n').next().unwrap_or_default();
        let shebang = line.starts_with(b"#!") && memchr::memmem::find(line, b"python").is_some();
        match (is_text(head.bytes), named || shebang) {
            (true, true) => Likeness::Possible,
            (false, _) if named => Likeness::ByName,
            _ => Likeness::No,
        }
    }

    fn read(&self, part: &Part, looking: &mut Looking<'_>) -> Result<FormatId, Unread> {
        let bytes = part.whole(looking.limits.get(MAX_SOURCE)).inspect_err(|_| {
            looking.find(&rules::PYTHON_REMOTE_CODE, part.place(), "Python source that was not read");
        })?;
        if let Some(name) = strange_encoding(&bytes) {
            let message =
                format!("it says that it is written in `{}`, under which it reads otherwise", printed(&name));
            looking.find(&rules::PYTHON_DANGEROUS_CALL, part.at(0), message);
        }
        let text = String::from_utf8_lossy(&bytes);
        let tokens = lex::lex(&text);
        if tokens.iter().all(|token| matches!(token.kind, lex::Kind::Text(..) | lex::Kind::Line)) {
            return Ok(self.id()); // comments and notes alone
        }
        looking.find(
            &rules::PYTHON_REMOTE_CODE,
            part.place(),
            "Python source: a loader that trusts it runs it",
        );
        let met = || Met::code("Python source", "run by a loader that trusts it");
        looking.uses(met, || part.place());
        let mut calls = judge::judge(&tokens, &judge::Aliases::default());
        calls.sort_by_key(|call| call.only_in_function);
        for call in calls.into_iter().take(MOST_CALLS) {
            let at = || part.at(call.at as u64);
            let (name, does) = (call.path.clone(), Some(call.does));
            looking.uses(|| Met { how: How::Calls, name, does, about: None, times: 1 }, at);
            let severity = if call.only_in_function { Severity::High } else { Severity::Critical };
            let message = format!("byte {}: it {} `{}`", call.at, call.does, printed(&call.path));
            looking.find_as(severity, &rules::PYTHON_DANGEROUS_CALL, part.at(call.at as u64), message);
        }
        Ok(self.id())
    }
}

/// An encoding named in the first two lines that hides what the text says.
fn strange_encoding(bytes: &[u8]) -> Option<String> {
    for line in bytes.split(|byte| *byte == b'\n').take(2) {
        let line = String::from_utf8_lossy(line.get(..200).unwrap_or(line)).into_owned();
        if !line.trim_start().starts_with('#') {
            continue;
        }
        let Some((_, after)) = line.split_once("coding") else { continue };
        let Some(after) = after.strip_prefix([':', '=']) else { continue };
        let is_name = |c: &char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
        let name: String = after.trim_start().chars().take_while(is_name).collect();
        let plain: String = name.to_ascii_lowercase().chars().filter(|c| !matches!(c, '-' | '_')).collect();
        let usual =
            ["utf8", "ascii", "latin", "iso8859", "cp12", "windows125", "usascii", "utf8sig", "l1", "koi8"];
        if !plain.is_empty() && !usual.iter().any(|usual| plain.starts_with(usual)) {
            return Some(name);
        }
    }
    None
}

/// Compiled Python.
pub(crate) struct PythonBytecode;

impl ModelFormat for PythonBytecode {
    fn id(&self) -> FormatId {
        FormatId("python-bytecode")
    }

    fn about(&self) -> &'static str {
        "compiled Python"
    }

    fn depth(&self) -> crate::registry::Depth {
        crate::registry::Depth::Header
    }

    fn extensions(&self) -> &'static [&'static str] {
        &["pyc", "pyo"]
    }

    fn recognise(&self, head: &Head<'_>) -> Likeness {
        let named = self.extensions().contains(&head.extension);
        // A magic number, CR LF, flags, a time, a size; then a code object, with or without its flag of being shared.
        let [_, _, b'\r', b'\n', rest @ ..] = head.bytes else { return Likeness::No };
        let code = [4, 8, 12].iter().any(|at| rest.get(*at).is_some_and(|byte| matches!(byte, b'c' | 0xe3)));
        match (code, named) {
            (true, true) => Likeness::Certain,
            (true, false) => Likeness::Possible,
            (false, true) => Likeness::ByName,
            _ => Likeness::No,
        }
    }

    fn read(&self, part: &Part, looking: &mut Looking<'_>) -> Result<FormatId, Unread> {
        let bytes = part.whole(looking.limits.get(MAX_WHOLE))?;
        looking.find(
            &rules::PYTHON_REMOTE_CODE,
            part.place(),
            "compiled Python: a loader that trusts it runs it",
        );
        let met = || Met::code("compiled Python", "run by a loader that trusts it");
        looking.uses(met, || part.place());
        for name in bytecode::dangerous(&bytes) {
            let message = format!("compiled Python uses `{}`", printed(&name));
            looking.find(&rules::PYTHON_DANGEROUS_CALL, part.place(), message);
        }
        Ok(self.id())
    }
}

#[cfg(test)]
mod tests;
