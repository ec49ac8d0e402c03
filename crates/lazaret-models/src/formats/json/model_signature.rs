//! Signatures of models (OpenSSF Model Signing): looked at without keys. Whether one holds, `lazaret models verify` says.

use lazaret_core::FormatId;
use lazaret_input::json::Node;

use super::JsonKind;
use crate::look::Looking;
use crate::part::Part;
use crate::signature;

/// The kind.
pub(crate) struct ModelSignature;

impl JsonKind for ModelSignature {
    fn id(&self) -> FormatId {
        FormatId("model-signature")
    }

    fn about(&self) -> &'static str {
        "signature of a model (OpenSSF Model Signing): the names it covers, not whether it holds"
    }

    fn recognise(&self, root: Node<'_, '_>, _file_name: &str) -> bool {
        signature::is_bundle(root)
    }

    fn read(&self, root: Node<'_, '_>, part: &Part, looking: &mut Looking<'_>) {
        signature::look_at(root, part, looking);
    }
}
