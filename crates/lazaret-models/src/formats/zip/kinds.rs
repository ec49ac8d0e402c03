//! Further formats that are zip archives.

use lazaret_core::{FormatId, Severity};

use super::{Members, ZipKind, ending};
use crate::look::Looking;
use crate::part::Part;
use crate::rules;

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
