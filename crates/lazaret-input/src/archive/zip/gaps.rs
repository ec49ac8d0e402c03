//! What lies outside all members: further end records, members that only their local headers give away.

use lazaret_core::Source;
use memchr::memmem;

use super::super::bytes::{read as read_bytes, u32_at};
use super::super::{ArchiveError, FaultKind};
use super::Found;
use super::records::{self, END, LOCAL, Local};
use super::walk::{Owner, Walk};

/// Most end records that are followed.
const MOST_ENDS: usize = 16;

impl Walk<'_> {
    /// Follows end records outside all members.
    pub(super) fn other_ends(&mut self) -> Result<(), ArchiveError> {
        for _ in 0..MOST_ENDS {
            let mut found = None;
            for (from, to) in self.gaps() {
                let ends = &self.ends;
                found = search(&*self.zip.source, from, to, END, &mut self.room, |at| ends.contains(&at))?;
                if found.is_some() {
                    break;
                }
            }
            let Some(at) = found else { return Ok(()) };
            let before = self.zip.members.len();
            let leads = records::parse_end(&*self.zip.source, self.len, at)?
                .is_some_and(|end| !end.directories.is_empty());
            if leads {
                let why = "a second end record: which directory is read depends on the reader";
                self.fault(FaultKind::Mismatch, None, at, why);
                self.end_record(at, Found::OtherDirectory)?;
            } else {
                self.ends.push(at);
            }
            if self.full && self.zip.members.len() == before {
                return Ok(());
            }
        }
        self.fault(
            FaultKind::Unreadable,
            None,
            0,
            format!("more than {MOST_ENDS} end records; the rest are not followed"),
        );
        Ok(())
    }

    /// Finds members that only their local headers give away, outside all others.
    pub(super) fn loose_members(&mut self) -> Result<(), ArchiveError> {
        let gaps = self.gaps();
        for (from, to) in gaps {
            let mut next = from;
            while let Some(at) = search(&*self.zip.source, next, to, LOCAL, &mut self.room, |_| false)? {
                next = at.saturating_add(4);
                let Some(local) = records::local(&*self.zip.source, at)?.filter(is_likely) else { continue };
                let mut member = local.member;
                let Some(data_at) = member.data_at.filter(|data_at| *data_at <= to) else { continue };
                if member.unsized_ {
                    member.packed = self.streamed_len(data_at, to)?;
                    (member.size, member.found) = (member.packed, Found::LocalHeader);
                } else if data_at.saturating_add(member.packed) > to {
                    member.packed = to.saturating_sub(data_at);
                    member.unsized_ = true;
                }
                let end = data_at.saturating_add(member.packed);
                next = if member.unsized_ && member.method != 0 { data_at } else { end.max(next) };
                let Some(index) = self.push(member) else { return Ok(()) };
                self.regions.push((at, end, Owner::Member(index)));
                if self.zip.ends {
                    let why = "no directory lists it: only readers that go by local headers see it";
                    self.fault(FaultKind::Hidden, Some(index), at, why);
                }
            }
        }
        Ok(())
    }

    /// How many bytes a member written as a stream has: up to a descriptor that says so, else to the next record.
    fn streamed_len(&mut self, from: u64, to: u64) -> Result<u64, ArchiveError> {
        let mut next = from;
        while let Some(at) = search(&*self.zip.source, next, to, b"PK\x07\x08", &mut self.room, |_| false)? {
            let said = u32_at(&read_bytes(&*self.zip.source, at, 16)?, 8);
            if said.map(u64::from) == Some(at.saturating_sub(from)) {
                return Ok(at.saturating_sub(from));
            }
            next = at.saturating_add(4);
        }
        let found = search(&*self.zip.source, from, to, LOCAL, &mut self.room, |_| false)?;
        Ok(found.unwrap_or(to).saturating_sub(from))
    }

    /// What is accounted for by nothing, in order.
    pub(super) fn gaps(&mut self) -> Vec<(u64, u64)> {
        self.regions.sort_unstable_by_key(|(from, to, _)| (*from, *to));
        let mut gaps = Vec::new();
        let mut at = 0;
        for (from, to, _) in &self.regions {
            if *from > at {
                gaps.push((at, *from));
            }
            at = at.max(*to);
        }
        if at < self.len {
            gaps.push((at, self.len));
        }
        gaps
    }
}

/// Whether a local header outside all members is one and not four bytes that look like it.
fn is_likely(local: &Local) -> bool {
    let name = &local.raw_name;
    local.version <= 63
        && matches!(local.member.method, 0..=20 | 93..=99)
        && (1..=512).contains(&name.len())
        && simdutf8::basic::from_utf8(name).is_ok_and(|name| !name.chars().any(char::is_control))
}

/// The first place of a signature in a stretch, but those that are skipped. `room` is how much may be searched.
fn search(
    source: &dyn Source,
    from: u64,
    to: u64,
    signature: &[u8],
    room: &mut u64,
    skip: impl Fn(u64) -> bool,
) -> Result<Option<u64>, ArchiveError> {
    const BLOCK: u64 = 256 << 10;
    let mut at = from;
    while at < to && *room > 0 {
        let count = BLOCK.min(to.saturating_sub(at));
        let block = read_bytes(source, at, usize::try_from(count).unwrap_or(0))?;
        for found in memmem::find_iter(&block, signature) {
            let place = at.saturating_add(found as u64);
            if !skip(place) {
                *room = room.saturating_sub(found as u64);
                return Ok(Some(place));
            }
        }
        *room = room.saturating_sub(count);
        // A signature may lie across two blocks.
        at = if at.saturating_add(count) >= to { to } else { at.saturating_add(count).saturating_sub(3) };
    }
    Ok(None)
}
