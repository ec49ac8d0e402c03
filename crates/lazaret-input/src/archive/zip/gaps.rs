//! What lies outside all members: further end records, members that only their local headers give away.

use std::sync::Arc;

use lazaret_core::Source;
use memchr::memmem;

use super::super::bytes::{read as read_bytes, u32_at};
use super::super::{ArchiveError, FaultKind};
use super::Found;
use super::records::{self, END, LOCAL, Local};
use super::walk::{Owner, Walk};

/// Most end records that are followed.
const MOST_ENDS: usize = 16;
/// Most places that look like one.
const MOST_MARKS: usize = 1_000;

impl Walk<'_> {
    /// Follows end records outside all members.
    pub(super) fn other_ends(&mut self) -> Result<(), ArchiveError> {
        let mut followed = 0_usize;
        for _ in 0..MOST_MARKS {
            let mut found = None;
            for (from, to) in self.gaps() {
                let ends = &self.ends;
                found = self.search.find(from, to, END, |at| ends.contains(&at))?;
                if found.is_some() {
                    break;
                }
            }
            let Some(at) = found else { return Ok(()) };
            let before = self.zip.members.len();
            let leads = records::parse_end(&*self.zip.source, self.len, at)?
                .is_some_and(|end| !end.directories.is_empty());
            if leads {
                followed = followed.saturating_add(1);
                if followed > MOST_ENDS {
                    break;
                }
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
        let why = format!("more than {MOST_ENDS} end records; the rest are not followed");
        self.fault(FaultKind::Unreadable, None, 0, why);
        Ok(())
    }

    /// Finds members that only their local headers give away, outside all others.
    pub(super) fn loose_members(&mut self) -> Result<(), ArchiveError> {
        let gaps = self.gaps();
        for (from, to) in gaps {
            let mut next = from;
            while let Some(at) = self.search.find(next, to, LOCAL, |_| false)? {
                next = at.saturating_add(4);
                if !records::is_likely(&*self.zip.source, at)? {
                    continue;
                }
                let Some(local) = records::local(&*self.zip.source, at)?.filter(is_text) else { continue };
                self.pass_over(local.fields.0, local.fields.1);
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
        while let Some(at) = self.search.find(next, to, b"PK\x07\x08", |_| false)? {
            let said = u32_at(&read_bytes(&*self.zip.source, at, 16)?, 8);
            if said.map(u64::from) == Some(at.saturating_sub(from)) {
                return Ok(at.saturating_sub(from));
            }
            next = at.saturating_add(4);
        }
        let found = self.search.find(from, to, LOCAL, |_| false)?;
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

/// Whether a name is text.
fn is_text(local: &Local) -> bool {
    let name = simdutf8::basic::from_utf8(&local.raw_name);
    name.is_ok_and(|name| !name.chars().any(char::is_control))
}

/// Searches stretches for signatures. It keeps the last block, so that many places in one cost one reading.
pub(super) struct Search {
    source: Arc<dyn Source>,
    begin: u64,
    block: Vec<u8>,
    /// How many more bytes may be searched.
    pub(super) room: u64,
}

impl Search {
    pub(super) fn new(source: Arc<dyn Source>, room: u64) -> Self {
        Self { source, begin: 0, block: Vec::new(), room }
    }

    /// The first place of a signature in a stretch, but those that are skipped.
    fn find(
        &mut self,
        from: u64,
        to: u64,
        signature: &[u8],
        skip: impl Fn(u64) -> bool,
    ) -> Result<Option<u64>, ArchiveError> {
        let mut at = from;
        while at < to && self.room > 0 {
            let end = self.begin.saturating_add(self.block.len() as u64);
            let mut read = 0;
            if at < self.begin || at.saturating_add(4) > end {
                let left = usize::try_from(to.saturating_sub(at)).unwrap_or(usize::MAX);
                self.block = read_bytes(&*self.source, at, left.clamp(LEAST, BLOCK))?;
                self.begin = at;
                read = self.block.len() as u64;
            }
            let into = usize::try_from(at.saturating_sub(self.begin)).unwrap_or(usize::MAX);
            let until = usize::try_from(to.saturating_sub(self.begin)).unwrap_or(usize::MAX);
            let block = self.block.get(into..until.min(self.block.len())).unwrap_or_default();
            for found in memmem::find_iter(block, signature) {
                let place = at.saturating_add(found as u64);
                if !skip(place) {
                    self.room = self.room.saturating_sub(read.max(found as u64)).saturating_sub(COST);
                    return Ok(Some(place));
                }
            }
            // What was read counts, also where little of it is searched: stretches may lie far from each other.
            self.room = self.room.saturating_sub(read.max(block.len() as u64));
            if block.len() < 4 {
                break;
            }
            // A signature may lie across two blocks.
            let next = at.saturating_add(block.len() as u64);
            at = if next >= to { to } else { next.saturating_sub(3) };
        }
        Ok(None)
    }
}

pub(super) const BLOCK: usize = 256 << 10;
/// How much is read at least: several short stretches often lie in it.
const LEAST: usize = 4 << 10;
/// What looking at a place counts for, in bytes searched: a place that looks like a record takes some time.
pub(super) const COST: u64 = 256;
