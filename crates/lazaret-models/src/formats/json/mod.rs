//! JSON documents: what they are is told by their keys, and by their names where keys say nothing.
//!
//! | file | what is in it |
//! |---|---|
//! | `hub` | configurations of model repositories: code they name, files they point to |
//! | `model_signature` | signatures of models, looked at without keys |
//! | `kitfile` | what a ModelKit of KitOps holds |
//! | `packages`, `layout` | manifests of Core ML packages and of OCI, and the blobs that these name |
//! | `index` | lists of the files that hold a model's weights |
//! | `tokenizer` | vocabularies |
//! | `secret` | keys and tokens, command lines |
//! | `walk` | every value with its dotted path |

mod hub;
mod index;
mod kitfile;
pub(crate) mod layout;
mod model_signature;
mod packages;
mod secret;
mod tokenizer;
mod walk;

use lazaret_core::{Finding, FormatId, Likeness, Limit, Limits, Severity};
use lazaret_input::json::{self, Fault, Node, Parsed};
use lazaret_input::{
    BYTE_ORDER_MARK, JSON_LONE_SURROGATE, JSON_MALFORMED, JSON_NOT_A_NUMBER, JSON_NUL, JSON_NUMBER_RANGE,
    JSON_TRAILING_BYTES, Lines, RECORD_SIZE,
};

pub(crate) use self::walk::{Walk, path_of};
use super::{packages as writers, recipes, template, toml};
use crate::look::{Head, Looking};
use crate::part::{Part, Unread};
use crate::registry::ModelFormat;

/// Most bytes of a JSON document of a model. Tokenizers of 250,000 words have 35 million.
pub(crate) const MAX_SIZE: Limit = Limit::new("models.max_json", 64 << 20);
/// How many values a JSON document of a model may have. A tokenizer of 250,000 words has two million.
pub(crate) const MAX_VALUES: Limit = Limit::new("models.max_json_values", 3_000_000);

/// Documents, one a line.
pub(crate) const LINES: FormatId = FormatId("json-lines");

/// A kind of document.
pub(crate) trait JsonKind: Send + Sync {
    /// Its id.
    fn id(&self) -> FormatId;
    /// What it is, in a line.
    fn about(&self) -> &'static str;
    /// Whether a document is one, by its keys or the name of its file (in lower case, without folders). Several may be.
    fn recognise(&self, root: Node<'_, '_>, file_name: &str) -> bool;
    /// Tells what loading it would do.
    fn read(&self, root: Node<'_, '_>, part: &Part, looking: &mut Looking<'_>);
}

/// The kinds, in the order in which they are asked.
pub(crate) const KINDS: &[&dyn JsonKind] = &[
    &crate::formats::keras::KerasConfig,
    &crate::formats::keras::KerasMetadata,
    &crate::formats::skops::SkopsSchema,
    &crate::formats::trees::XgboostJson,
    &crate::formats::recipes::hydra::HydraConfig,
    &crate::formats::logging::LoggingDict,
    &crate::formats::mlflow::MlflowModel,
    &crate::formats::project::PythonProject,
    &crate::formats::notebook::Notebook,
    &tokenizer::Tokenizer,
    &index::WeightIndex,
    &kitfile::Kitfile,
    &packages::CoreMlManifest,
    &packages::OciManifest,
    &crate::formats::paddle::PaddleJson,
    &model_signature::ModelSignature,
    &hub::HubConfig,
];

/// The format.
pub(crate) struct Json;

impl ModelFormat for Json {
    fn id(&self) -> FormatId {
        FormatId("json")
    }

    fn about(&self) -> &'static str {
        "JSON document"
    }

    fn extensions(&self) -> &'static [&'static str] {
        &["json", "jsonl", "ndjson", "ipynb"]
    }

    fn runs_nothing(&self) -> bool {
        true
    }

    fn recognise(&self, head: &Head<'_>) -> Likeness {
        let named = self.extensions().contains(&head.extension);
        match (begins(head.bytes), named) {
            // `[[bin]]`, `[1]`: a section of settings.
            (_, false)
                if head.bytes.starts_with(b"[")
                    && (matches!(head.extension, "toml" | "ini" | "cfg") || toml::is_named(head)) =>
            {
                Likeness::No
            }
            (Beginning::Document, _) | (Beginning::Bracket, true) => Likeness::Certain,
            (Beginning::Bracket, false) => Likeness::Possible,
            (Beginning::Other, true) if !head.bytes.contains(&0) => Likeness::ByName,
            (Beginning::Other, _) => Likeness::No,
        }
    }

    fn read(&self, part: &Part, looking: &mut Looking<'_>) -> Result<FormatId, Unread> {
        let limits = limits(looking.limits);
        if is_lines(part, &limits)? {
            return read_lines(part, &limits, looking);
        }
        let bytes = part.whole(looking.limits.get(MAX_SIZE))?;
        let parsed = json::parse(&bytes, &limits);
        let id = read_document(&parsed, part, looking);
        let kind = id.unwrap_or_else(|| self.id());
        for fault in &parsed.faults {
            tell(fault, &parsed, part, looking);
            if fault.rule.id == JSON_TRAILING_BYTES.id {
                looking.tail(part, fault.offset);
            }
        }
        Ok(kind)
    }
}

/// The limits of the reader, with room for the vocabularies of models.
pub(crate) fn limits(limits: &Limits) -> Limits {
    let values = limits.get(MAX_VALUES).most().max(limits.get(json::MAX_NODES).most());
    let mut own = limits.clone();
    own.set(json::MAX_NODES.key(), values);
    own
}

/// All that is told of one document; what it is, if it is of a kind.
fn read_document(parsed: &Parsed<'_>, part: &Part, looking: &mut Looking<'_>) -> Option<FormatId> {
    tell_document(parsed.document.as_ref()?.root(), part, looking)
}

/// The same of a document that was read, from JSON or from YAML.
pub(crate) fn tell_document(root: Node<'_, '_>, part: &Part, looking: &mut Looking<'_>) -> Option<FormatId> {
    let file_name = part.file_name();
    let mut is = None;
    for kind in KINDS.iter().filter(|kind| kind.recognise(root, &file_name)) {
        kind.read(root, part, looking);
        is = is.or(Some(kind.id()));
    }
    writers::of_document(root, part, looking);
    recipes::judge(root, part, looking);
    read_values(root, part, looking);
    is
}

/// What any text of any document may be: a template, a secret, a command line.
fn read_values(root: Node<'_, '_>, part: &Part, looking: &mut Looking<'_>) {
    let mut lines_of = None;
    for node in Walk::new(root) {
        if let Some(lines) = lines_of_template(node) {
            template::judge(&lines, part.inner(&path_of(node)), looking);
            lines_of = Some(node.id());
        }
        let Some(text) = node.as_str() else { continue };
        let is_line = lines_of.is_some() && node.parent().map(|parent| parent.id()) == lines_of;
        if template::has_marks(text) && !is_line {
            let named = walk::names(&node).any(template::is_template_key);
            template::judge_under(named, text, || part.inner(&path_of(node)), looking);
        }
        secret::judge(node, text, part, looking);
    }
}

/// A template that is written as a list of its lines.
fn lines_of_template(node: Node<'_, '_>) -> Option<String> {
    if !node.key().is_some_and(template::is_template_key) || node.is_empty() {
        return None;
    }
    let lines: Option<Vec<&str>> = node.items().map(|item| item.as_str()).collect();
    lines.filter(|lines| !lines.is_empty()).map(|lines| lines.join("\n"))
}

/// A fault of a document. What Python's own writer and reader of JSON do (`NaN`, `Infinity`) is no more than told.
fn tell(fault: &Fault, parsed: &Parsed<'_>, part: &Part, looking: &mut Looking<'_>) {
    let node = fault.node.and_then(|id| parsed.document.as_ref()?.node(id));
    let at = node.filter(|node| node.parent().is_some()).map(path_of);
    let at = at.map_or_else(|| part.at(fault.offset), |path| part.inner(&path));
    let usual = [&JSON_NOT_A_NUMBER, &JSON_NUMBER_RANGE, &JSON_NUL, &JSON_LONE_SURROGATE, &BYTE_ORDER_MARK];
    let mut finding = Finding::new(fault.rule, at, fault.message.clone());
    if usual.iter().any(|rule| rule.id == fault.rule.id) {
        finding.severity = Severity::Info;
    }
    if parsed.document.is_none() {
        looking.not_whole();
    }
    looking.add(finding);
}

/// JSON lines: a document a line, each read for itself.
fn read_lines(part: &Part, limits: &Limits, looking: &mut Looking<'_>) -> Result<FormatId, Unread> {
    let mut lines = Lines::of_source(part.as_source(), limits);
    while let Some(line) = lines.next()? {
        let Ok(bytes) = line.bytes else {
            let rest = part.at(line.offset);
            looking.not_whole();
            looking.add(Finding::new(
                &RECORD_SIZE,
                rest,
                "a line is longer than a record may be; it was not inspected",
            ));
            continue;
        };
        if bytes.iter().all(u8::is_ascii_whitespace) {
            continue;
        }
        let parsed = json::parse_at(bytes, line.offset, limits);
        read_document(&parsed, part, looking);
        for fault in &parsed.faults {
            tell(
                &Fault { offset: fault.offset.saturating_add(line.offset), ..fault.clone() },
                &parsed,
                part,
                looking,
            );
        }
    }
    Ok(LINES)
}

/// Whether the first line is a document of its own and another one follows.
fn is_lines(part: &Part, limits: &Limits) -> Result<bool, Unread> {
    let mut head = vec![0; 64 << 10];
    let read = part.read_at(0, &mut head)?;
    head.truncate(read);
    let text = head.trim_ascii_start();
    let named = matches!(part.extension().as_str(), "jsonl" | "ndjson");
    let Some(end) = memchr::memchr(b'\n', text) else { return Ok(named) };
    let (first, rest) = text.split_at_checked(end).unwrap_or_default();
    if named {
        return Ok(true);
    }
    let is_document = |line: &[u8]| {
        let parsed = json::parse(line, limits);
        parsed.document.is_some() && parsed.faults.iter().all(|fault| fault.rule.id != JSON_MALFORMED.id)
    };
    let follows = rest.trim_ascii_start().first();
    Ok(matches!(follows, Some(b'{' | b'[')) && first.starts_with(b"{") && is_document(first))
}

enum Beginning {
    Document,
    Bracket,
    Other,
}

/// What the first tokens say.
fn begins(head: &[u8]) -> Beginning {
    let text = head.strip_prefix(b"\xef\xbb\xbf").unwrap_or(head).trim_ascii_start();
    let Some((bracket, rest)) = text.split_first() else { return Beginning::Other };
    let rest = rest.trim_ascii_start();
    let digit = rest.first().is_some_and(|byte| byte.is_ascii_digit() || *byte == b'-');
    match (bracket, rest.first()) {
        (b'{', Some(b'}')) | (b'[', Some(b']' | b'{')) => Beginning::Document,
        (b'{', Some(b'"')) => {
            // A key and a colon.
            let mut escaped = false;
            let end = rest.iter().skip(1).position(|byte| {
                let ends = !escaped && *byte == b'"';
                escaped = !escaped && *byte == b'\\';
                ends
            });
            let after = end.and_then(|end| rest.get(end.saturating_add(2)..)).unwrap_or_default();
            match after.trim_ascii_start().first() {
                Some(b':') => Beginning::Document,
                None => Beginning::Bracket,
                Some(_) => Beginning::Other,
            }
        }
        (b'[', Some(b'"' | b'[')) => Beginning::Bracket,
        (b'[', _) if digit || [&b"true"[..], b"false", b"null"].iter().any(|word| rest.starts_with(word)) => {
            Beginning::Bracket
        }
        (b'{' | b'[', None) => Beginning::Bracket,
        _ => Beginning::Other,
    }
}

#[cfg(test)]
pub(crate) mod tests;
