//! 7z archives.

use lazaret_core::{FormatId, Likeness};
use lazaret_input::archive::sevenz::{self, Member, SevenZ as Reader};

use super::archive;
use crate::look::{Head, Looking};
use crate::part::{Part, Unread};
use crate::registry::ModelFormat;

/// The format.
pub(crate) struct SevenZ;

impl ModelFormat for SevenZ {
    fn id(&self) -> FormatId {
        FormatId("7z")
    }

    fn about(&self) -> &'static str {
        "7z archive"
    }

    fn extensions(&self) -> &'static [&'static str] {
        &["7z"]
    }

    fn recognise(&self, head: &Head<'_>) -> Likeness {
        if sevenz::is_archive(head.bytes) { Likeness::Certain } else { Likeness::No }
    }

    fn read(&self, part: &Part, looking: &mut Looking<'_>) -> Result<FormatId, Unread> {
        let reader = sevenz::read(part.as_source(), part.len(), looking.limits).map_err(archive::unread)?;
        for fault in &reader.faults {
            let name =
                fault.member.and_then(|index| reader.members.get(index)).map(|member| member.name.as_str());
            archive::tell(fault, name, part, looking);
        }
        for member in &reader.members {
            looking.met_file(&member.name, || part.inner(&member.name));
        }
        // Members lie in their folders in order.
        let mut members = reader.members.iter().peekable();
        while let Some(first) = members.next() {
            let Some(folder) = first.folder else { continue };
            let mut within = vec![first];
            while let Some(next) = members.next_if(|next| next.folder.is_none_or(|other| other == folder)) {
                within.push(next);
            }
            read_folder(&reader, folder, &within, part, looking);
        }
        looking.tail(part, reader.end);
        Ok(self.id())
    }
}

fn read_folder(reader: &Reader, folder: usize, members: &[&Member], part: &Part, looking: &mut Looking<'_>) {
    let unpacked = match reader.unpack(folder, looking.room(), looking.limits) {
        Ok(unpacked) => unpacked,
        Err(fault) => {
            looking.not_whole();
            for member in members.iter().filter(|member| member.folder.is_some()) {
                archive::tell(&fault, Some(&member.name), part, looking);
            }
            return;
        }
    };
    let whole = part.member(unpacked.source, unpacked.len, "");
    if let Err(reached) = looking.unpacked(unpacked.len) {
        looking.unread(part, &reached.into());
    }
    for member in members.iter().filter(|member| member.folder.is_some()) {
        let inner = whole.within(member.from, member.len, part, &member.name);
        let cut = member.from.saturating_add(member.len) > unpacked.len;
        if let Some(error) = unpacked.fault.as_ref().filter(|_| cut || members.len() == 1) {
            archive::cut(error, &inner, looking);
        }
        if inner.len() == 0 {
            continue;
        }
        if member.is_link() {
            if let Err(unread) = archive::link(&inner, looking) {
                looking.unread(&inner, &unread);
            }
        } else {
            looking.inside(&inner);
        }
    }
    let told = |member: &&Member| member.from.saturating_add(member.len) > unpacked.len;
    if let Some(error) = unpacked.fault.as_ref().filter(|_| members.len() > 1 && !members.iter().any(told)) {
        archive::cut(error, part, looking);
    }
}
