//! Further formats that are zip archives.

use lazaret_core::{FormatId, Severity};

use super::{Members, ZipKind, ending, is_python};
use crate::look::Looking;
use crate::part::Part;
use crate::rules;

/// A model archive of `TorchServe`.
pub(super) struct ModelArchive;

impl ZipKind for ModelArchive {
    fn id(&self) -> FormatId {
        FormatId("mar")
    }

    fn about(&self) -> &'static str {
        "TorchServe model archive"
    }

    fn recognise(&self, names: &[&str]) -> bool {
        names.contains(&"MAR-INF/MANIFEST.json")
    }

    fn whole(&self, members: &Members<'_>, part: &Part, looking: &mut Looking<'_>) {
        let Some(handler) = members.in_order().find(|name| is_python(name)) else { return };
        let message = "it carries Python source: the server runs its handler when it starts";
        looking.find(&rules::HANDLER_CODE, part.inner(handler), message);
    }
}

/// Arrays of `numpy.savez`.
pub(super) struct Npz;

impl ZipKind for Npz {
    fn id(&self) -> FormatId {
        FormatId("npz")
    }

    fn about(&self) -> &'static str {
        "NumPy arrays in a zip (savez)"
    }

    fn recognise(&self, names: &[&str]) -> bool {
        !names.is_empty() && names.iter().all(|name| ending(name) == "npy")
    }
}

/// An archive that Python runs: `python model.zip`.
pub(super) struct ZipApp;

impl ZipKind for ZipApp {
    fn id(&self) -> FormatId {
        FormatId("zipapp")
    }

    fn about(&self) -> &'static str {
        "Python application in a zip"
    }

    fn recognise(&self, names: &[&str]) -> bool {
        names.contains(&"__main__.py")
    }

    fn whole(&self, _: &Members<'_>, part: &Part, looking: &mut Looking<'_>) {
        let message = "Python runs the archive itself, beginning with this file";
        looking.find_as(Severity::Critical, &rules::PROGRAM, part.inner("__main__.py"), message);
    }
}
