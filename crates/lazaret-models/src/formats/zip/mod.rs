//! Zip archives, and the formats that are one: what they are is told by the names of their members.

use lazaret_core::{FormatId, Likeness};

use crate::look::{Head, Looking};
use crate::part::{Part, Unread};
use crate::registry::ModelFormat;

/// A format whose files are zip archives.
pub(crate) trait ZipKind: Send + Sync {
    /// Its id.
    fn id(&self) -> FormatId;
    /// What it is, in a line.
    fn about(&self) -> &'static str;
    /// The endings of names it goes by, in lower case.
    fn extensions(&self) -> &'static [&'static str];
    /// Whether an archive with members of these names is one.
    fn recognise(&self, names: &[&str]) -> bool;
    /// Looks at a member in a way of its own; false for those that are told by their content like any other.
    fn member(&self, _member: &Part, _looking: &mut Looking<'_>) -> Result<bool, Unread> {
        Ok(false)
    }
    /// Says what there is to say of the archive as a whole, when its members were looked at.
    fn whole(&self, _names: &[&str], _part: &Part, _looking: &mut Looking<'_>) {}
}

/// The kinds, in the order in which they are asked.
pub(crate) const KINDS: &[&dyn ZipKind] =
    &[&crate::formats::keras::KerasZip, &crate::formats::skops::SkopsZip];

/// The format.
pub(crate) struct Zip;

impl ModelFormat for Zip {
    fn id(&self) -> FormatId {
        FormatId("zip")
    }

    fn about(&self) -> &'static str {
        "zip archive"
    }

    fn extensions(&self) -> &'static [&'static str] {
        &["zip"]
    }

    fn recognise(&self, _head: &Head<'_>) -> Likeness {
        Likeness::No
    }

    fn read(&self, _part: &Part, _looking: &mut Looking<'_>) -> Result<FormatId, Unread> {
        Ok(self.id())
    }
}
