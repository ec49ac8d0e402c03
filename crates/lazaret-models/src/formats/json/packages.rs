//! Lists of the files that a package or an image holds: manifests of Core ML packages and of OCI.

use lazaret_core::{FormatId, Severity};
use lazaret_input::json::{JsonKind as Kind, Node};

use super::{JsonKind, Walk, layout, path_of};
use crate::formats::beside::points_elsewhere;
use crate::look::Looking;
use crate::part::{Part, printed};
use crate::rules;

/// Manifests of Core ML packages (`Manifest.json` of an `.mlpackage`).
pub(super) struct CoreMlManifest;

impl JsonKind for CoreMlManifest {
    fn id(&self) -> FormatId {
        FormatId("coreml-manifest")
    }

    fn about(&self) -> &'static str {
        "manifest of a Core ML package"
    }

    fn recognise(&self, root: Node<'_, '_>, _file_name: &str) -> bool {
        root.get("itemInfoEntries").is_some_and(|items| items.kind() == Kind::Object)
    }

    fn read(&self, root: Node<'_, '_>, part: &Part, looking: &mut Looking<'_>) {
        paths(root, &["path"], "a file of the package", part, looking);
    }
}

/// Manifests and indexes of OCI images and artifacts.
pub(super) struct OciManifest;

/// Annotations whose value clients take for the path of a file to write: of ORAS, and of the model specification.
const FILES: &[&str] = &["org.opencontainers.image.title", "org.cncf.model.filepath"];

impl JsonKind for OciManifest {
    fn id(&self) -> FormatId {
        FormatId("oci-manifest")
    }

    fn about(&self) -> &'static str {
        "manifest or index of an OCI image or artifact"
    }

    fn recognise(&self, root: Node<'_, '_>, _file_name: &str) -> bool {
        let lists = ["layers", "blobs", "manifests"].iter().any(|key| root.get(key).is_some());
        lists && root.get("schemaVersion").is_some()
    }

    fn read(&self, root: Node<'_, '_>, part: &Part, looking: &mut Looking<'_>) {
        paths(root, FILES, "a file of a layer", part, looking);
        layout::blobs(root, part, looking);
        for urls in Walk::new(root).filter(|node| node.key() == Some("urls")) {
            for url in urls.items().filter_map(|url| url.as_str()) {
                let message = format!(
                    "a layer is fetched from the address `{}`, where nobody inspects it",
                    printed(url)
                );
                looking.find_as(Severity::High, &rules::HF_PATH_ESCAPE, part.inner(&path_of(urls)), message);
            }
        }
    }
}

/// Tells paths under these keys that leave the folder.
fn paths(root: Node<'_, '_>, keys: &[&str], what: &str, part: &Part, looking: &mut Looking<'_>) {
    for node in Walk::new(root).filter(|node| node.key().is_some_and(|key| keys.contains(&key))) {
        if let Some(path) = node.as_str()
            && points_elsewhere(path)
        {
            let message = format!("{what} lies outside its folder: `{}`", printed(path));
            looking.find(&rules::HF_PATH_ESCAPE, part.inner(&path_of(node)), message);
        }
    }
}
