//! Kitfiles (KitOps): what a ModelKit holds and where its files go. They are YAML in a folder, and JSON as the configuration of
//! a kit in a registry of images.

use lazaret_core::FormatId;
use lazaret_input::json::Node;

use super::{JsonKind, Walk, path_of};
use crate::formats::beside::points_elsewhere;
use crate::look::Looking;
use crate::part::{Part, printed};
use crate::rules;

/// Kitfiles.
pub(super) struct Kitfile;

impl JsonKind for Kitfile {
    fn id(&self) -> FormatId {
        FormatId("kitfile")
    }

    fn about(&self) -> &'static str {
        "Kitfile: what a ModelKit of KitOps holds"
    }

    fn recognise(&self, root: Node<'_, '_>, file_name: &str) -> bool {
        const HOLDS: [&str; 6] = ["package", "model", "code", "datasets", "docs", "prompts"];
        let holds = HOLDS.iter().any(|key| root.get(key).is_some());
        holds && (file_name == "kitfile" || root.get("manifestVersion").is_some())
    }

    fn read(&self, root: Node<'_, '_>, part: &Part, looking: &mut Looking<'_>) {
        for node in Walk::new(root).filter(|node| node.key() == Some("path")) {
            if let Some(path) = node.as_str()
                && points_elsewhere(path)
            {
                let message = format!("a file of the kit lies outside its folder: `{}`", printed(path));
                looking.find(&rules::HF_PATH_ESCAPE, part.inner(&path_of(node)), message);
            }
        }
    }
}
