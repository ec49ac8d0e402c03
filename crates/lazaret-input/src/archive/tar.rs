//! Tar archives: ustar, pax and GNU, header by header.
//!
//! A damaged header is a fault; reading goes on at the next block that is a header. Sparse members, whose bytes are
//! not those of the file they become, are told as unreadable.

use std::sync::Arc;

use lazaret_core::{Limits, Source, SourceError};

use super::bytes::read;
use super::zip::MAX_GAP;
use super::{ArchiveError, Fault, FaultKind, MAX_DIRECTORY, MAX_MEMBERS, leaves};

const BLOCK: u64 = 512;
/// Longest record of names that one member may have.
const LONGEST_NAMES: u64 = 1 << 20;

/// What a member is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum MemberKind {
    /// A file.
    File,
    /// A file whose bytes are not in the archive as they are.
    Sparse,
    /// A folder.
    Folder,
    /// A second name of another member.
    HardLink,
    /// A symbolic link.
    SymbolicLink,
    /// A device or a pipe.
    Special,
}

/// A member.
#[derive(Debug, Clone)]
pub struct Member {
    /// Its name.
    pub name: String,
    /// What readers call it that join a prefix which others pass over.
    pub also: Option<String>,
    /// What it is.
    pub kind: MemberKind,
    /// Where a link leads.
    pub target: String,
    /// Where its header is.
    pub header_at: u64,
    /// Where its bytes begin.
    pub from: u64,
    /// How many bytes it has.
    pub len: u64,
}

/// A tar archive that is read forward.
pub struct Tar {
    source: Arc<dyn Source>,
    len: u64,
    at: u64,
    count: u64,
    named: u64,
    max_members: lazaret_core::Limit,
    max_names: lazaret_core::Limit,
    max_gap: u64,
    global: Pax,
    /// Where the bytes of the last member end.
    data_end: u64,
    /// Headers and padding since the last member: from, and how long. The caller takes them.
    pub passed_over: Vec<(u64, u64)>,
    /// What is wrong; the caller takes it.
    pub faults: Vec<Fault>,
}

/// What pax records say of the next member.
#[derive(Debug, Clone, Default)]
struct Pax {
    path: Option<String>,
    linkpath: Option<String>,
    size: Option<u64>,
    sparse: bool,
}

/// Whether a first block is a header of a tar archive.
pub fn is_header(block: &[u8]) -> bool {
    Header::parse(block).is_some_and(|header| header.block.first() != Some(&0))
}

impl Tar {
    /// Begins to read an archive.
    pub fn new(source: Arc<dyn Source>, len: u64, limits: &Limits) -> Self {
        Self {
            source,
            len,
            at: 0,
            count: 0,
            named: 0,
            max_members: limits.get(MAX_MEMBERS),
            max_names: limits.get(MAX_DIRECTORY),
            max_gap: limits.get(MAX_GAP).most(),
            global: Pax::default(),
            data_end: 0,
            passed_over: Vec::new(),
            faults: Vec::new(),
        }
    }

    /// The next member; none at the end. Its faults are in `faults`.
    pub fn next_member(&mut self) -> Result<Option<Member>, ArchiveError> {
        let mut pax = Pax::default();
        let (mut long_name, mut long_target) = (None, None);
        loop {
            let Some(header) = self.next_header()? else {
                self.passed_over.push((self.data_end, self.at.saturating_sub(self.data_end)));
                return Ok(None);
            };
            self.count = self.count.saturating_add(1);
            self.max_members.check(self.count)?;
            let header_at = self.at;
            let from = header_at.saturating_add(BLOCK);
            let own_len = header.size();
            match header.kind() {
                b'x' | b'g' | b'X' => {
                    let records = self.names(from, own_len)?;
                    let into = if header.kind() == b'g' { &mut self.global } else { &mut pax };
                    if !into.read(&records) {
                        let why = "its extended header is damaged";
                        self.faults.push(Fault::new(FaultKind::Unreadable, None, header_at, why));
                    }
                    if header.kind() == b'g' && self.global.names() {
                        let why = "its global header names all that follows: readers differ in what they are called";
                        self.faults.push(Fault::new(FaultKind::Mismatch, None, header_at, why));
                    }
                    self.skip(from, own_len);
                }
                b'L' => {
                    long_name = Some(terminated(&self.names(from, own_len)?));
                    self.skip(from, own_len);
                }
                b'K' => {
                    long_target = Some(terminated(&self.names(from, own_len)?));
                    self.skip(from, own_len);
                }
                b'V' | b'N' => self.skip(from, own_len), // a label; names of an old form
                kind => {
                    // A global header holds from where it stands; what is said of the one member goes before it.
                    let Pax { path, linkpath, size, sparse } = self.global.clone();
                    let len = pax.size.or(size).unwrap_or(own_len);
                    let name = pax.path.or(long_name).or(path);
                    let named = name.map_or_else(|| header.name(), |name| Named { name, also: None });
                    let target = pax.linkpath.or(long_target).or(linkpath).unwrap_or_else(|| header.target());
                    let sparse = pax.sparse || sparse;
                    return Ok(Some(self.member(kind, named, target, header_at, len, own_len, sparse)));
                }
            }
        }
    }

    /// Where the archive ends: behind its last member, its zero blocks and its padding.
    pub fn end(&self) -> Result<u64, ArchiveError> {
        let mut at = self.at;
        let until = self.len.min(at.saturating_add(self.max_gap));
        while at < until {
            let bytes = read(&*self.source, at, 64 << 10)?;
            if let Some(first) = bytes.iter().position(|byte| *byte != 0) {
                return Ok(at.saturating_add(first as u64));
            }
            at = at.saturating_add(bytes.len().max(1) as u64);
        }
        Ok(at.min(self.len))
    }

    #[expect(clippy::too_many_arguments, reason = "the parts of one header")]
    fn member(
        &mut self,
        kind: u8,
        Named { name, also }: Named,
        target: String,
        header_at: u64,
        len: u64,
        own_len: u64,
        sparse: bool,
    ) -> Member {
        let index = usize::try_from(self.count).ok();
        let from = header_at.saturating_add(BLOCK);
        let mut fault = |kind, why: &str| self.faults.push(Fault::new(kind, index, header_at, why));
        let also = also.map(|also| (leaves(&also.name), also));
        if let Some(why) = leaves(&name) {
            fault(FaultKind::Escapes, &why.to_string());
        } else if let Some((Some(why), _)) = &also {
            fault(FaultKind::Escapes, &format!("with its prefix, which some readers join: {why}"));
        }
        if also.as_ref().is_some_and(|(_, also)| !also.is_time) {
            let why = "its header has a prefix where its form has none: readers differ in its name";
            fault(FaultKind::Mismatch, why);
        }
        let also = also.map(|(_, also)| also.name);
        if len != own_len && own_len != 0 {
            let why = "its header and its extended header say two sizes: readers differ in what follows";
            fault(FaultKind::Mismatch, why);
        }
        let kind = match kind {
            b'1' => MemberKind::HardLink,
            b'2' => MemberKind::SymbolicLink,
            b'3' | b'4' | b'6' => MemberKind::Special,
            b'5' | b'D' => MemberKind::Folder,
            b'S' | b'M' => MemberKind::Sparse,
            b'0' | 0 if name.ends_with('/') => MemberKind::Folder,
            _ if sparse => MemberKind::Sparse,
            _ => MemberKind::File, // POSIX: any other type is read as a file
        };
        if kind == MemberKind::Special {
            fault(FaultKind::Special, "it is a device or a pipe");
        }
        // What has no bytes of its own may say a size all the same; GNU tar and Python pass over none then.
        let has_bytes = matches!(kind, MemberKind::File | MemberKind::Sparse);
        let len = if has_bytes { len } else { 0 };
        if from.saturating_add(len) > self.len {
            fault(FaultKind::Unreadable, "it is cut off");
        }
        self.skip(from, len);
        let len = len.min(self.len.saturating_sub(from));
        self.passed_over.push((self.data_end, from.saturating_sub(self.data_end)));
        self.data_end = from.saturating_add(len);
        Member { name, also, kind, target, header_at, from, len }
    }

    /// The next block that is a header, at `at`; none at the end of the archive.
    fn next_header(&mut self) -> Result<Option<Header>, ArchiveError> {
        let mut damaged = None;
        while self.at < self.len && self.max_gap > 0 {
            let block = read(&*self.source, self.at, 512)?;
            if block.iter().all(|byte| *byte == 0) {
                break;
            }
            if let Some(header) = Header::parse(&block) {
                if let Some(at) = damaged {
                    self.damaged(at);
                }
                return Ok(Some(header));
            }
            damaged = damaged.or(Some(self.at));
            self.at = self.at.saturating_add(BLOCK);
            self.max_gap = self.max_gap.saturating_sub(BLOCK);
        }
        if self.max_gap == 0 && self.at < self.len {
            damaged = damaged.or(Some(self.at));
        }
        if let Some(at) = damaged {
            self.damaged(at);
            self.at = self.at.min(self.len);
        }
        Ok(None)
    }

    fn damaged(&mut self, at: u64) {
        self.faults.push(Fault::new(
            FaultKind::Unreadable,
            None,
            at,
            "no header of a member is where one should be",
        ));
    }

    /// Goes on behind so many bytes, which are filled up to a whole block.
    fn skip(&mut self, from: u64, len: u64) {
        self.at = from.saturating_add(len.div_ceil(BLOCK).saturating_mul(BLOCK)).min(self.len.max(from));
    }

    /// The bytes of a header that gives names.
    fn names(&mut self, from: u64, len: u64) -> Result<Vec<u8>, ArchiveError> {
        self.named = self.named.saturating_add(len);
        self.max_names.check(self.named)?;
        let len = len.min(LONGEST_NAMES).min(self.len.saturating_sub(from));
        Ok(read(&*self.source, from, usize::try_from(len).unwrap_or(0))?)
    }
}

/// What a header calls its member.
struct Named {
    name: String,
    also: Option<Joined>,
}

/// A name with a prefix that not every reader joins.
struct Joined {
    name: String,
    /// Whether the prefix is rather a time that GNU tar keeps there.
    is_time: bool,
}

struct Header {
    block: Vec<u8>,
}

impl Header {
    /// A block whose checksum is right.
    fn parse(block: &[u8]) -> Option<Self> {
        let block = block.get(..512)?;
        let said = octal(block.get(148..156)?)?;
        let mut unsigned = 0_u64;
        let mut signed = 0_i64; // some old tools
        for (at, byte) in block.iter().enumerate() {
            let byte = if (148..156).contains(&at) { b' ' } else { *byte };
            unsigned = unsigned.saturating_add(byte.into());
            signed = signed.saturating_add(i8::from_ne_bytes([byte]).into());
        }
        let right = said == unsigned || i64::try_from(said) == Ok(signed);
        right.then(|| Self { block: block.to_vec() })
    }

    fn field(&self, from: usize, len: usize) -> &[u8] {
        self.block.get(from..from.saturating_add(len)).unwrap_or_default()
    }

    fn kind(&self) -> u8 {
        self.block.get(156).copied().unwrap_or(0)
    }

    fn size(&self) -> u64 {
        number(self.field(124, 12))
    }

    fn name(&self) -> Named {
        let name = terminated(self.field(0, 100));
        let prefix = terminated(self.field(345, 155));
        if prefix.is_empty() {
            return Named { name, also: None };
        }
        let joined = format!("{prefix}/{name}");
        let is_gnu_kind = matches!(self.kind(), b'L' | b'K' | b'S');
        match (self.field(257, 6) == b"ustar\0", is_gnu_kind) {
            (true, false) => Named { name: joined, also: None },
            // Only Python's reader looks at the kind first.
            (true, true) => Named { name: joined, also: Some(Joined { name, is_time: false }) },
            // Python joins it whatever the form, but in GNU's own kinds.
            (false, false) => Named { name, also: Some(Joined { name: joined, is_time: self.has_times() }) },
            (false, true) => Named { name, also: None },
        }
    }

    /// Whether GNU's times of reading and of change are where other forms have a prefix (`tar --incremental`).
    fn has_times(&self) -> bool {
        let is_time = |field: &[u8]| match field {
            [0x80, 0, 0, 0, ..] | [0xff, 0xff, 0xff, 0xff, ..] => true,
            [digits @ .., 0 | b' '] => digits.iter().all(|byte| matches!(byte, b'0'..=b'7' | b' ')),
            _ => false,
        };
        self.field(257, 8) == b"ustar  \0" && is_time(self.field(345, 12)) && is_time(self.field(357, 12))
    }

    fn target(&self) -> String {
        terminated(self.field(157, 100))
    }
}

impl Pax {
    /// Whether it says what a member is called, where it links to, or how long it is.
    const fn names(&self) -> bool {
        self.path.is_some() || self.linkpath.is_some() || self.size.is_some()
    }

    /// Reads `LENGTH KEY=VALUE\n` records; false where one is damaged.
    fn read(&mut self, mut records: &[u8]) -> bool {
        while !records.is_empty() && records.first() != Some(&0) {
            let Some(space) = records.iter().position(|byte| *byte == b' ') else { return false };
            let len = records
                .get(..space)
                .and_then(|digits| std::str::from_utf8(digits).ok()?.parse::<usize>().ok());
            let record = len.and_then(|len| records.get(space.saturating_add(1)..len));
            let (Some(len), Some([body @ .., b'\n'])) = (len, record) else { return false };
            let Some(equals) = body.iter().position(|byte| *byte == b'=') else { return false };
            let (key, value) = body.split_at_checked(equals).unwrap_or_default();
            let value = String::from_utf8_lossy(value.get(1..).unwrap_or_default());
            match key {
                b"path" | b"GNU.sparse.name" => self.path = Some(value.into_owned()),
                b"linkpath" => self.linkpath = Some(value.into_owned()),
                b"size" => self.size = value.parse().ok(),
                key if key.starts_with(b"GNU.sparse.") => self.sparse = true,
                _ => {}
            }
            records = records.get(len..).unwrap_or_default();
        }
        true
    }
}

/// Text up to the first NUL.
fn terminated(bytes: &[u8]) -> String {
    let text = bytes.split(|byte| *byte == 0).next().unwrap_or_default();
    String::from_utf8_lossy(text).into_owned()
}

/// Digits to base 8, spaces and NULs around them.
fn octal(field: &[u8]) -> Option<u64> {
    let text = std::str::from_utf8(field).ok()?.trim_matches([' ', '\0']);
    u64::from_str_radix(text.split(['\0', ' ']).next()?, 8).ok()
}

/// A number: octal, or to base 256 where the first bit is set.
fn number(field: &[u8]) -> u64 {
    match field {
        [0x80, rest @ ..] => {
            rest.iter().fold(0, |sum: u64, byte| sum.saturating_mul(256).saturating_add((*byte).into()))
        }
        _ => octal(field).unwrap_or(0),
    }
}

/// Whether reading failed because the source did.
impl From<SourceError> for Fault {
    fn from(error: SourceError) -> Self {
        Self::new(FaultKind::Unreadable, None, error.at, error.to_string())
    }
}
