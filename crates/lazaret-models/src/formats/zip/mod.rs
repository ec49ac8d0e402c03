//! Zip archives, and the formats that are one: what they are is told by the names of their members.

mod exported;
mod kinds;
mod mar;
mod torch;
mod torchscript;
mod wheel;

use lazaret_core::{FormatId, Likeness, Severity};
use lazaret_input::archive::zip::{self, Ends, Member};
use rustc_hash::FxHashMap;

use super::{archive, tflite};
use crate::look::{Head, Looking, is_also};
use crate::part::{Part, Unread};
use crate::registry::ModelFormat;
use crate::rules;

/// A format whose files are zip archives.
pub(crate) trait ZipKind: Send + Sync {
    /// Its id.
    fn id(&self) -> FormatId;
    /// What it is, in a line.
    fn about(&self) -> &'static str;
    /// Whether an archive with members of these names is one.
    fn recognise(&self, names: &[&str]) -> bool;
    /// Looks at a member in a way of its own; false for those that are told by their content like any other.
    fn member(&self, _member: &Part, _looking: &mut Looking<'_>) -> Result<bool, Unread> {
        Ok(false)
    }
    /// Says what there is to say of the archive as a whole, when its members were looked at.
    fn whole(&self, _members: &Members<'_>, _part: &Part, _looking: &mut Looking<'_>) {}
    /// Hands its tensors over, which lie in several members.
    fn weights(&self, _members: &Members<'_>, _part: &Part, _looking: &mut Looking<'_>) {}
}

/// The members of an archive by their names.
pub(crate) struct Members<'r> {
    read: &'r zip::Zip,
    by_name: FxHashMap<&'r str, usize>,
}

impl<'r> Members<'r> {
    fn new(read: &'r zip::Zip) -> Self {
        // Of members of one name the last counts, as for Python.
        let by_name = read.members.iter().enumerate().map(|(index, member)| (member.name.as_str(), index));
        Self { read, by_name: by_name.collect() }
    }

    /// All names, in no order.
    fn names(&self) -> impl Iterator<Item = &'r str> {
        self.by_name.keys().copied()
    }

    /// All names in the order in which they stand in the archive.
    fn in_order(&self) -> impl Iterator<Item = &'r str> {
        self.read.members.iter().filter(|member| !member.is_folder()).map(|member| member.name.as_str())
    }

    /// A member's bytes. What is wrong with it was told before.
    fn open(&self, name: &str, part: &Part, looking: &mut Looking<'_>) -> Option<Part> {
        let opened = self.read.open(*self.by_name.get(name)?, looking.room(), looking.limits).ok()?;
        looking.unpacked(opened.unpacked).ok()?;
        Some(if opened.stored {
            part.slice(opened.from, opened.len, name)
        } else {
            part.member(opened.source, opened.len, name)
        })
    }

    /// The same of a member that lies in the archive as it is; none of one that is packed.
    fn stored(&self, name: &str, part: &Part, looking: &mut Looking<'_>) -> Option<Part> {
        let member = self.read.members.get(*self.by_name.get(name)?)?;
        if member.method == 0 { self.open(name, part, looking) } else { None }
    }
}

/// The kinds, in the order in which they are asked.
pub(crate) const KINDS: &[&dyn ZipKind] = &[
    &mar::ModelArchive,
    &torch::TorchPackage,
    &torchscript::TorchScript,
    &torch::TorchZip,
    &exported::TorchExport,
    &super::keras::KerasZip,
    &super::skops::SkopsZip,
    &kinds::Npz,
    &wheel::Wheel,
    &kinds::ZipApp,
];

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
        &[
            "zip",
            "pt",
            "pth",
            "ckpt",
            "bin",
            "mar",
            "npz",
            "keras",
            "skops",
            "whl",
            "egg",
            "pyz",
            "jar",
            "ptl",
            "pt2",
            "nemo",
            "mlpackage",
        ]
    }

    fn recognise(&self, head: &Head<'_>) -> Likeness {
        if head.bytes.starts_with(b"PK\x03\x04") || head.bytes.starts_with(b"PK\x05\x06") {
            return Likeness::Certain;
        }
        match zip::ends_as_one(head.part, head.part.len()) {
            Ok(Some(Ends::AtTheEnd)) => Likeness::Certain,
            // Readers look for the record a while back; so it is in every tar archive whose last member is a zip.
            Ok(Some(Ends::Before)) => Likeness::Possible,
            Ok(None) | Err(_) => Likeness::No,
        }
    }

    fn read(&self, part: &Part, looking: &mut Looking<'_>) -> Result<FormatId, Unread> {
        let read = zip::read(part.as_source(), part.len(), looking.limits).map_err(archive::unread)?;
        let names: Vec<&str> = read.members.iter().map(|member| member.name.as_str()).collect();
        let kind = KINDS.iter().find(|kind| kind.recognise(&names));
        for fault in &read.faults {
            let name = fault.member.and_then(|index| names.get(index)).copied();
            archive::tell(fault, name, part, looking);
        }
        if read.begin > 0 {
            before(part, read.begin, looking);
        }
        let (mut given, mut is_shared) = (0_u64, false);
        for (index, member) in read.members.iter().enumerate() {
            given = given.saturating_add(member.packed);
            if given > part.len().saturating_mul(MOST_SHARED) {
                shared(part, looking);
                is_shared = true;
                break;
            }
            looking.met_file(&member.name, || part.inner(&member.name));
            if !member.is_folder() {
                one(&read, index, member, kind.copied(), part, looking);
            }
        }
        for (from, len) in &read.gaps {
            looking.passed_over(part, *from, *len);
        }
        for (from, len) in &read.passed_over {
            looking.hidden(part, *from, *len, "a comment or extra field of the archive");
        }
        if let Some(kind) = kind.filter(|_| !is_shared) {
            let members = Members::new(&read);
            kind.whole(&members, part, looking);
            kind.weights(&members, part, looking);
        }
        if read.ends {
            looking.tail(part, read.end);
        }
        Ok(kind.map_or_else(|| self.id(), |kind| kind.id()))
    }
}

/// How often, on the whole, members may have the same bytes of the archive and are still all looked at.
const MOST_SHARED: u64 = 4;

/// Members that share bytes make a small archive endless.
fn shared(part: &Part, looking: &mut Looking<'_>) {
    let message = format!(
        "its members share their bytes: together they are more than {MOST_SHARED} times as long as the archive, and \
         those that follow were not inspected"
    );
    looking.unread(part, &Unread::of(&rules::MEMBER_UNREADABLE.rule, message));
}

/// The ending of a member's name, without the dot.
fn ending(name: &str) -> &str {
    name.rsplit_once('.').map_or("", |(_, ending)| ending)
}

/// Whether a member is Python source, by its name.
fn is_python(name: &str) -> bool {
    ending(name) == "py"
}

/// Looks at one member. Whatever is wrong with it is told, and the next one is looked at.
fn one(
    read: &zip::Zip,
    index: usize,
    member: &Member,
    kind: Option<&'static dyn ZipKind>,
    part: &Part,
    looking: &mut Looking<'_>,
) {
    let opened = match read.open(index, looking.room(), looking.limits) {
        Ok(opened) => opened,
        Err(fault) => {
            // A header that cannot be read was told when the archive was walked.
            looking.not_whole();
            if member.data_at.is_some() {
                archive::tell(&fault, Some(&member.name), part, looking);
            }
            return;
        }
    };
    for fault in &opened.faults {
        archive::tell(fault, Some(&member.name), part, looking);
    }
    let inner = if opened.stored {
        part.slice(opened.from, opened.len, &member.name)
    } else {
        part.member(opened.source, opened.len, &member.name)
    };
    looking.within(&inner, |looking| {
        if let Err(reached) = looking.unpacked(opened.unpacked) {
            looking.unread(&inner, &reached.into());
        }
        if let Some(error) = &opened.cut {
            archive::cut(error, &inner, looking);
        }
        if inner.len() == 0 {
            return;
        }
        let done = if member.is_link() {
            archive::link(&inner, looking).map(|()| true)
        } else {
            kind.map_or(Ok(false), |kind| kind.member(&inner, looking))
        };
        match done {
            Ok(true) => {}
            Ok(false) => {
                looking.read(&inner);
            }
            Err(unread) => looking.unread(&inner, &unread),
        }
    });
}

/// What stands before the archive: told, and looked at unless the file was recognised by it already.
fn before(part: &Part, begin: u64, looking: &mut Looking<'_>) {
    let message =
        format!("{begin} bytes stand before the archive: readers that begin at the end do not see them");
    // A TensorFlow Lite model carries its labels so.
    let severity = if tflite::begins(part) { Severity::Info } else { rules::PREFIX.rule.severity };
    looking.find_as(severity, &rules::PREFIX, part.at(0), message);
    if !is_also(part, FormatId("zip")) {
        looking.passed_over(part, 0, begin);
    }
}

#[cfg(test)]
mod tests;
