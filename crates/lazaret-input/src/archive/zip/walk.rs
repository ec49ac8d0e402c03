//! All members of an archive, and where its headers disagree.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use lazaret_core::{Limit, Limits, Source};

use super::super::bytes::read as read_bytes;
use super::super::names::leaves;
use super::super::{ArchiveError, Fault, FaultKind, MAX_DIRECTORY, MAX_MEMBERS};
use super::gaps::{BLOCK, COST, Search};
use super::records::{self, CENTRAL_LEN, Directory, END_LEN, End, LOCAL, Local};
use super::{Found, Member, Zip};

/// Most bytes outside members that are searched for records.
pub const MAX_GAP: Limit = Limit::new("archive.max_gap", 256 << 20);

/// Flags that say how a member is read: encrypted, patch, strong encryption, masked headers.
const FLAGS: u16 = 1 | 1 << 5 | 1 << 6 | 1 << 13;
/// Bytes between members below which nothing is said: padding that tools write.
const PADDING: u64 = 64;
/// The shortest bytes in a comment or extra field that something may hide in.
const SHORTEST: u64 = 12;
/// Most stretches between members that are handed on to be looked at: tools leave none, or one.
const MOST_GAPS: usize = 100;

/// Reads an archive. Only what keeps all of it from being read is an error; the rest are faults.
pub fn read(source: Arc<dyn Source>, len: u64, limits: &Limits) -> Result<Zip, ArchiveError> {
    let last = records::last_end(&*source, len)?;
    let begins_as_one = read_bytes(&*source, 0, 4)? == LOCAL;
    if last.is_none() && !begins_as_one {
        return Err(ArchiveError::Malformed { at: 0, what: "no record of a zip archive is in it" });
    }
    let mut walk = Walk {
        search: Search::new(Arc::clone(&source), limits.get(MAX_GAP).most()),
        zip: Zip {
            source,
            members: Vec::new(),
            faults: Vec::new(),
            gaps: Vec::new(),
            passed_over: Vec::new(),
            begin: 0,
            end: len,
            ends: last.is_some(),
        },
        len,
        limits,
        regions: Vec::new(),
        ends: Vec::new(),
        raw_names: HashMap::new(),
        full: false,
    };
    match last {
        Some(at) => walk.end_record(at, Found::Listed)?,
        None => walk.fault(
            FaultKind::Unreadable,
            None,
            len,
            "no end record: members are read from their own headers",
        ),
    }
    if walk.zip.ends {
        walk.other_ends()?;
        walk.loose_members()?;
    } else {
        walk.loose_members()?; // first: what members hold is no evidence
        walk.other_ends()?;
    }
    Ok(walk.finish())
}

pub(super) struct Walk<'a> {
    pub(super) zip: Zip,
    pub(super) len: u64,
    pub(super) limits: &'a Limits,
    /// What is accounted for: from, to, whose.
    pub(super) regions: Vec<(u64, u64, Owner)>,
    /// End records that were followed.
    pub(super) ends: Vec<u64>,
    /// Names seen, as bytes.
    raw_names: HashMap<Vec<u8>, usize>,
    /// The limit of members was reached.
    pub(super) full: bool,
    pub(super) search: Search,
}

/// Whose bytes are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Owner {
    Member(usize),
    /// Directories and end records.
    Records,
    /// A member whose header cannot be read: how long it is nobody knows.
    Broken,
}

impl Walk<'_> {
    pub(super) fn fault(&mut self, kind: FaultKind, member: Option<usize>, at: u64, why: impl Into<String>) {
        self.zip.faults.push(Fault::new(kind, member, at, why));
    }

    /// Follows the end record at a place.
    pub(super) fn end_record(&mut self, at: u64, found: Found) -> Result<(), ArchiveError> {
        self.ends.push(at);
        let Some(end) = records::parse_end(&*self.zip.source, self.len, at)? else { return Ok(()) };
        for why in &end.faults {
            self.fault(FaultKind::Mismatch, None, at, *why);
        }
        let comment_end = at.saturating_add(END_LEN).saturating_add(end.comment);
        if found == Found::Listed {
            self.zip.end = comment_end.min(self.len);
            if comment_end > self.len {
                self.fault(FaultKind::Mismatch, None, at, "the comment is longer than the file");
            }
        }
        self.regions.push((end.begins, at.saturating_add(END_LEN), Owner::Records));
        // A zip64 end record may be longer than what is read of it.
        self.pass_over(end.begins, at.saturating_sub(end.begins));
        self.pass_over(at.saturating_add(END_LEN), end.comment);
        if end.directories.is_empty() {
            self.fault(FaultKind::Unreadable, None, at, "the end record leads to no directory");
        }
        let mut found = found;
        for directory in end.directories.clone() {
            self.directory(&end, directory, found)?;
            found = Found::OtherDirectory;
        }
        Ok(())
    }

    /// A comment, or extra fields: what is too short to be anything is not kept.
    pub(super) fn pass_over(&mut self, from: u64, len: u64) {
        let len = len.min(self.len.saturating_sub(from));
        if len >= SHORTEST && self.zip.passed_over.last() != Some(&(from, len)) {
            self.zip.passed_over.push((from, len));
        }
    }

    fn directory(&mut self, end: &End, directory: Directory, found: Found) -> Result<(), ArchiveError> {
        let Directory { at, size, entries, base } = directory;
        // Up to the records of the end: a directory may be longer than it is said to be.
        let until = end.begins.max(at).min(self.len);
        let span = until.saturating_sub(at).max(size.min(self.len.saturating_sub(at)));
        let most = self.limits.get(MAX_DIRECTORY);
        let taken = span.min(most.most());
        let bytes = read_bytes(&*self.zip.source, at, usize::try_from(taken).unwrap_or(0))?;
        let mut next = 0_usize;
        let mut count = 0_u64;
        let mut beyond = false;
        let mut listed = Vec::new();
        while let Some((member, entry_len, raw_name)) =
            bytes.get(next..).and_then(|rest| records::central(rest, base, found))
        {
            beyond |= next as u64 >= size;
            let said = CENTRAL_LEN.saturating_add(raw_name.len());
            let fields_at = at.saturating_add(next.saturating_add(said) as u64);
            self.pass_over(fields_at, entry_len.saturating_sub(said) as u64);
            next = next.saturating_add(entry_len);
            count = count.saturating_add(1);
            listed.push((member, raw_name));
            if listed.len() as u64 > self.limits.get(MAX_MEMBERS).most() {
                break;
            }
        }
        self.regions.push((at, at.saturating_add(next as u64), Owner::Records));
        // In the order of their bytes: an archive that is itself packed is then read forward.
        listed.sort_by_key(|(member, _)| member.header_at);
        for (member, raw_name) in listed {
            self.listed(member, raw_name)?;
        }
        let whole = next as u64 >= size.min(span);
        if span > taken && !whole {
            let reached = most.exceeded(span);
            self.fault(
                FaultKind::Unreadable,
                None,
                at,
                format!("its directory is not read whole: {reached}"),
            );
        } else if !whole {
            let why = "its directory breaks off before its end";
            self.fault(FaultKind::Unreadable, None, at.saturating_add(next as u64), why);
        }
        // Sixteen bits hold no more; tools without zip64 write what is left.
        let wrapped = entries < 0xffff && count > 0xffff && count & 0xffff == entries;
        if (count != entries && !wrapped) || beyond {
            let why = format!("the end record says {entries} members, the directory lists {count}");
            self.fault(FaultKind::Mismatch, None, end.at, why);
        }
        Ok(())
    }

    /// Adds a member; none when there are too many.
    pub(super) fn push(&mut self, member: Member) -> Option<usize> {
        if let Err(reached) =
            self.limits.get(MAX_MEMBERS).check((self.zip.members.len() as u64).saturating_add(1))
        {
            if !self.full {
                self.full = true;
                let why = format!("the members that follow are not read: {reached}");
                self.fault(FaultKind::Unreadable, None, member.header_at, why);
            }
            return None;
        }
        let index = self.zip.members.len();
        if let Some(why) = leaves(&member.name) {
            self.fault(FaultKind::Escapes, Some(index), member.header_at, why.to_string());
        }
        if member.name.contains('\0') {
            let why = "its name has a NUL: some readers end the name there";
            self.fault(FaultKind::Mismatch, Some(index), member.header_at, why);
        }
        self.zip.members.push(member);
        Some(index)
    }

    /// A member that a directory lists, with its local header.
    fn listed(&mut self, mut member: Member, raw_name: Vec<u8>) -> Result<(), ArchiveError> {
        let header_at = member.header_at;
        let same = |other: &Member| {
            other.header_at == header_at
                && other.name == member.name
                && other.packed == member.packed
                && other.method == member.method
        };
        // Two directories may list one member; that is one member. One directory may not.
        if member.found == Found::OtherDirectory {
            let known = self.raw_names.get(&raw_name).and_then(|index| self.zip.members.get(*index));
            if known.is_some_and(same) {
                return Ok(());
            }
        }
        let local = if header_at < self.len { records::local(&*self.zip.source, header_at)? } else { None };
        let Some(local) = local else {
            self.regions.push((header_at.min(self.len), header_at.min(self.len), Owner::Broken));
            let index = self.push(member);
            self.named(raw_name, index, header_at);
            self.fault(
                FaultKind::Unreadable,
                index,
                header_at,
                "no local header is where the directory says",
            );
            return Ok(());
        };
        self.pass_over(local.fields.0, local.fields.1);
        member.data_at = local.member.data_at;
        let data_at = member.data_at.unwrap_or(header_at);
        let mut end = data_at.saturating_add(member.packed);
        let fits = end <= self.len;
        let streamed = (member.flags | local.member.flags) & 8 != 0;
        let descriptor =
            if streamed && fits { records::descriptor(&self.zip.source, end, &member)? } else { None };
        let Some(index) = self.push(member.clone()) else { return Ok(()) };
        self.named(raw_name.clone(), Some(index), header_at);
        if streamed && fits && descriptor.is_none() && local.member.unsized_ {
            let why = "the data descriptor behind its bytes says other sizes than the directory";
            self.fault(FaultKind::Mismatch, Some(index), end, why);
        }
        end = end.saturating_add(descriptor.unwrap_or(0));
        if !fits {
            let why = format!("it is said to have {} bytes, which are not there", member.packed);
            self.fault(FaultKind::Unreadable, Some(index), header_at, why);
            if let Some(broken) = self.zip.members.get_mut(index) {
                broken.packed = self.len.saturating_sub(data_at);
            }
            end = data_at;
        }
        self.regions.push((header_at, end, Owner::Member(index)));
        self.compare(index, &member, &raw_name, &local);
        Ok(())
    }

    fn named(&mut self, raw_name: Vec<u8>, index: Option<usize>, at: u64) {
        let Some(index) = index else { return };
        if self.raw_names.insert(raw_name, index).is_some() {
            let why = "the archive has two members of this name: which one is read depends on the reader";
            self.fault(FaultKind::Duplicate, Some(index), at, why);
        }
    }

    /// Says in what the directory and a local header disagree.
    fn compare(&mut self, index: usize, member: &Member, raw_name: &[u8], local: &Local) {
        let at = member.header_at;
        let own = &local.member;
        let mut say = Vec::new();
        if raw_name != local.raw_name {
            say.push(String::from("its local header has another name"));
            if let Some(why) = leaves(&own.name) {
                self.fault(
                    FaultKind::Escapes,
                    Some(index),
                    at,
                    format!("its local header has another name: {why}"),
                );
            }
        }
        if let Some(unicode) = local.unicode_name.as_ref().filter(|_| raw_name.is_ascii()) {
            if unicode.as_bytes() != raw_name {
                say.push(String::from("it has a second name in an extra field"));
            }
            if let Some(why) = leaves(unicode) {
                self.fault(FaultKind::Escapes, Some(index), at, format!("its second name: {why}"));
            }
        }
        if member.method != own.method {
            say.push(format!("the directory says method {}, its local header {}", member.method, own.method));
        }
        if member.flags & FLAGS != own.flags & FLAGS {
            say.push(String::from("the directory and its local header have other flags"));
        }
        if member.flags & 1 << 5 != 0 {
            say.push(String::from("a flag says that it is a patch of other data"));
        }
        // A member that was written as a stream has its sizes behind its bytes.
        let streamed = own.flags & 8 != 0;
        let differs = |listed: u64, own: u64| listed != own && !(streamed && own == 0);
        let masked = |wide: u64| wide & 0xffff_ffff;
        let sizes = differs(member.packed, own.packed) || differs(member.size, own.size);
        // A local header without a zip64 field may have 0xffffffff.
        let both_wide = streamed && (own.packed == 0xffff_ffff || masked(member.packed) == own.packed);
        if sizes && !both_wide {
            say.push(format!(
                "the directory says {} bytes ({} packed), its local header {} ({} packed)",
                member.size, member.packed, own.size, own.packed
            ));
        }
        if differs(member.crc.into(), own.crc.into()) {
            say.push(String::from("the directory and its local header have other CRCs"));
        }
        if member.method == 0 && member.packed != member.size && member.flags & 1 == 0 {
            say.push(String::from("it is stored, and says two sizes"));
        }
        let other_bytes = member.method != own.method || (sizes && !both_wide && own.packed > 0);
        for why in say {
            self.fault(FaultKind::Mismatch, Some(index), at, why);
        }
        // A reader that goes by local headers takes other bytes: they are a member too.
        if other_bytes && own.data_at.is_some_and(|from| from.saturating_add(own.packed) <= self.len) {
            let mut second = own.clone();
            if second.name == member.name || second.name.len() > 256 {
                second.name = format!("{} (by its local header)", member.name);
            }
            let _ = self.push(second);
        }
    }

    fn finish(mut self) -> Zip {
        let gaps = self.gaps();
        let first = self.regions.iter().map(|(from, _, _)| *from).min().unwrap_or(0);
        self.zip.begin = first.min(self.len);
        self.overlaps();
        let broken: HashSet<u64> = self
            .regions
            .iter()
            .filter(|(_, _, owner)| *owner == Owner::Broken)
            .map(|(from, _, _)| *from)
            .collect();
        let most = self.limits.get(MAX_GAP);
        let mut room = most.most();
        for (from, to) in gaps {
            // What is before and behind the archive the caller looks at; what a broken member has is its own.
            let between = from > first && to <= self.zip.end && to < self.len && !broken.contains(&from);
            let Some(from) = between.then(|| self.first_byte(from, to, &mut room)).flatten() else {
                continue;
            };
            if self.zip.gaps.len() >= MOST_GAPS {
                let why = format!(
                    "more than {MOST_GAPS} stretches between its members belong to none; the rest are not read"
                );
                self.fault(FaultKind::Unreadable, None, from, why);
                break;
            }
            let len = to.saturating_sub(from);
            if len > PADDING {
                let why = format!("{len} bytes between its members belong to none");
                self.fault(FaultKind::Gap, None, from, why);
            }
            // A few bytes are padding unless they say something: the caller looks at them.
            self.zip.gaps.push((from, len));
        }
        if self.search.room == 0 || room == 0 {
            let reached = most.exceeded(most.most().saturating_add(1));
            let why = format!("bytes outside its members are not searched: {reached}");
            self.fault(FaultKind::Unreadable, None, 0, why);
        }
        self.zip
    }

    /// The first byte of a stretch that is not zero, as far as there is room to search.
    fn first_byte(&self, from: u64, to: u64, room: &mut u64) -> Option<u64> {
        let mut at = from;
        *room = room.saturating_sub(COST);
        while at < to && *room > 0 {
            let most = usize::try_from(to.saturating_sub(at)).unwrap_or(BLOCK).min(BLOCK);
            let block = read_bytes(&*self.zip.source, at, most).ok().filter(|block| !block.is_empty())?;
            if let Some(within) = block.iter().position(|byte| *byte != 0) {
                return Some(at.saturating_add(within as u64));
            }
            at = at.saturating_add(block.len() as u64);
            *room = room.saturating_sub(block.len() as u64);
        }
        None
    }

    /// Members that share bytes.
    fn overlaps(&mut self) {
        let mut furthest = (0, None);
        let mut told = Vec::new();
        for (from, to, owner) in &self.regions {
            if *from < furthest.0 && to > from {
                let index = match (*owner, furthest.1) {
                    (Owner::Member(index), _) | (_, Some(Owner::Member(index))) => Some(index),
                    _ => None,
                };
                if index.is_some() {
                    told.push((index, *from));
                }
            }
            if *to > furthest.0 {
                furthest = (*to, Some(*owner));
            }
        }
        for (index, at) in told {
            self.fault(FaultKind::Mismatch, index, at, "it shares bytes with another record of the archive");
        }
    }
}
