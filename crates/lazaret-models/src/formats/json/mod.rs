//! JSON documents: what they are is told by their keys, and by their names where keys say nothing.

use lazaret_core::{Finding, FormatId, Likeness};
use lazaret_input::json::{self, Node};

use crate::look::{Head, Looking};
use crate::part::{MAX_WHOLE, Part, Unread};
use crate::registry::ModelFormat;

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
    &crate::formats::hydra::HydraConfig,
    &crate::formats::mlflow::MlflowModel,
];

/// Faults on which Python's readers agree with each other: no reader of models takes them for something else.
const HARMLESS_FAULTS: &[&str] = &["json.not-a-number", "json.number-range", "input.byte-order-mark"];

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
        &["json"]
    }

    fn runs_nothing(&self) -> bool {
        true
    }

    fn recognise(&self, head: &Head<'_>) -> Likeness {
        match head.bytes.trim_ascii_start() {
            [b'{', rest @ ..] if matches!(rest.trim_ascii_start(), [b'"' | b'}', ..]) => Likeness::Certain,
            [b'[', ..] => Likeness::Possible,
            _ if head.extension == "json" => Likeness::ByName,
            _ => Likeness::No,
        }
    }

    fn read(&self, part: &Part, looking: &mut Looking<'_>) -> Result<FormatId, Unread> {
        let bytes = part.whole(looking.limits.get(MAX_WHOLE))?;
        let parsed = json::parse(&bytes, looking.limits);
        for fault in parsed.faults.iter().filter(|fault| !HARMLESS_FAULTS.contains(&fault.rule.id)) {
            looking.add(Finding::new(fault.rule, part.at(fault.offset), fault.message.clone()));
        }
        let Some(document) = &parsed.document else {
            looking.not_whole();
            return Ok(self.id());
        };
        Ok(tell(document.root(), part, looking).unwrap_or(self.id()))
    }
}

/// Lets every kind that a document is tell what loading it would do; gives the first of them.
fn tell(root: Node<'_, '_>, part: &Part, looking: &mut Looking<'_>) -> Option<FormatId> {
    let file_name = part.file_name();
    let mut is = None;
    for kind in KINDS.iter().filter(|kind| kind.recognise(root, &file_name)) {
        kind.read(root, part, looking);
        is = is.or(Some(kind.id()));
    }
    is
}
