//! Tar archives, and `NeMo` models, which are one.

use lazaret_core::{FormatId, Likeness};
use lazaret_input::archive::tar::{Member, MemberKind, Tar as Reader, is_header};
use rustc_hash::FxHashSet;

use super::archive;
use crate::look::{Head, Looking};
use crate::part::{Part, Unread};
use crate::registry::ModelFormat;
use crate::rules;

/// The format.
pub(crate) struct Tar;

impl ModelFormat for Tar {
    fn id(&self) -> FormatId {
        FormatId("tar")
    }

    fn about(&self) -> &'static str {
        "tar archive"
    }

    fn extensions(&self) -> &'static [&'static str] {
        &["tar", "nemo", "riva"]
    }

    fn recognise(&self, head: &Head<'_>) -> Likeness {
        if is_header(head.bytes) { Likeness::Certain } else { Likeness::No }
    }

    fn read(&self, part: &Part, looking: &mut Looking<'_>) -> Result<FormatId, Unread> {
        let mut reader = Reader::new(part.as_source(), part.len(), looking.limits);
        let mut names = FxHashSet::default();
        let mut is_nemo = false;
        loop {
            let next = reader.next_member();
            let member = match next {
                Ok(member) => member,
                Err(error) => {
                    looking.unread(part, &archive::unread(error));
                    return Ok(self.id());
                }
            };
            let name = member.as_ref().map(|member| member.name.as_str());
            for fault in std::mem::take(&mut reader.faults) {
                archive::tell(&fault, fault.member.and(name), part, looking);
            }
            for (from, len) in std::mem::take(&mut reader.passed_over) {
                looking.hidden(part, from, len, "a header or padding of the archive");
            }
            let Some(member) = member else { break };
            for name in [Some(&member.name), member.also.as_ref()].into_iter().flatten() {
                looking.met_file(name, || part.inner(name));
                is_nemo |= name.trim_start_matches("./") == "model_config.yaml";
                if !matches!(member.kind, MemberKind::Folder) && !names.insert(name.clone()) {
                    let message =
                        "the archive has two members of this name: which one is read depends on the reader";
                    looking.find(&rules::DUPLICATE_MEMBER, part.inner(name), message);
                }
            }
            one(&member, part, looking);
        }
        match reader.end() {
            Ok(end) => looking.tail(part, end),
            Err(error) => looking.unread(part, &archive::unread(error)),
        }
        Ok(if is_nemo { FormatId("nemo") } else { self.id() })
    }
}

fn one(member: &Member, part: &Part, looking: &mut Looking<'_>) {
    let inner = part.slice(member.from, member.len, &member.name);
    match member.kind {
        MemberKind::File if inner.len() > 0 => {
            looking.inside(&inner);
        }
        MemberKind::Sparse => {
            let why = "it is sparse: its bytes are not those of the file it becomes";
            looking.unread(&inner, &Unread::of(&rules::MEMBER_UNREADABLE.rule, why));
        }
        MemberKind::HardLink => archive::link_to(&inner, &member.target, "hard link", looking),
        MemberKind::SymbolicLink => archive::link_to(&inner, &member.target, "symbolic link", looking),
        _ => {}
    }
}
