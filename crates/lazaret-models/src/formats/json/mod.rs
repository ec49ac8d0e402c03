//! JSON documents: what they are is told by their keys, and by their names where keys say nothing.

mod model_signature;

use lazaret_core::{FormatId, Likeness};
use lazaret_input::json::Node;

use crate::look::{Head, Looking};
use crate::part::{Part, Unread};
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
pub(crate) const KINDS: &[&dyn JsonKind] = &[&model_signature::ModelSignature];

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

    fn recognise(&self, _head: &Head<'_>) -> Likeness {
        Likeness::No
    }

    fn read(&self, _part: &Part, _looking: &mut Looking<'_>) -> Result<FormatId, Unread> {
        Ok(self.id())
    }
}
