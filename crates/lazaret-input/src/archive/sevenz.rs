//! 7z archives. Their headers say everything; the bytes of several members are packed as one stream, a folder.
//!
//! Counts in headers are believed only as far as there are bytes for them. Encrypted folders and BCJ2 are not read.
//!
//! | file | what is in it |
//! |---|---|
//! | `header` | the header, as it is written |
//! | `coders` | the coders of a folder, as one stream |

mod coders;
mod header;

use std::sync::Arc;

use flate2::Crc;
use lazaret_core::{Limit, Limits, Source};

use super::bytes::{read as read_bytes, u32_at, u64_at};
use super::unpack::{Packing, Unpacked, Window, unpack};
use super::{ArchiveError, Fault, FaultKind, MAX_DIRECTORY, leaves};

pub use coders::Chain;
use header::{Folder, Listing, Streams};

const MARK: &[u8] = b"7z\xbc\xaf\x27\x1c";
const START_LEN: u64 = 32;
/// How often a header may itself be packed.
const MOST_PACKED_HEADERS: usize = 4;

/// A member.
#[derive(Debug, Clone)]
pub struct Member {
    /// Its name.
    pub name: String,
    /// The folder of streams it lies in; none for one without bytes.
    pub folder: Option<usize>,
    /// Where its bytes begin in the unpacked folder.
    pub from: u64,
    /// How many there are.
    pub len: u64,
    /// Attributes as Windows has them, with the mode of Unix in their upper half.
    pub attributes: u32,
}

impl Member {
    /// Whether its bytes are the target of a symbolic link.
    pub const fn is_link(&self) -> bool {
        self.attributes & 0x8000 != 0 && self.attributes.wrapping_shr(16) & 0o170_000 == 0o120_000
    }
}

/// A 7z archive.
pub struct SevenZ {
    source: Arc<dyn Source>,
    /// Where its packed streams begin.
    streams: Streams,
    /// Its members.
    pub members: Vec<Member>,
    /// What is wrong with it.
    pub faults: Vec<Fault>,
    /// Where it ends.
    pub end: u64,
}

/// Whether bytes begin as a 7z archive does.
pub fn is_archive(head: &[u8]) -> bool {
    head.starts_with(MARK)
}

/// Reads the headers of an archive.
pub fn read(source: Arc<dyn Source>, len: u64, limits: &Limits) -> Result<SevenZ, ArchiveError> {
    let malformed = |at, what| ArchiveError::Malformed { at, what };
    let start = read_bytes(&*source, 0, 32)?;
    let fields = (|| Some((u64_at(&start, 12)?, u64_at(&start, 20)?, u32_at(&start, 28)?)))();
    let (offset, size, crc) =
        fields.filter(|_| is_archive(&start)).ok_or_else(|| malformed(0, "it is cut off"))?;
    let mut archive = SevenZ {
        source,
        streams: Streams::default(),
        members: Vec::new(),
        faults: Vec::new(),
        end: START_LEN,
    };
    if size == 0 {
        return Ok(archive);
    }
    limits.get(MAX_DIRECTORY).check(size)?;
    let at = START_LEN.saturating_add(offset);
    let end = at
        .checked_add(size)
        .filter(|end| *end <= len)
        .ok_or_else(|| malformed(at, "its header is not there"))?;
    archive.end = end;
    let mut bytes = read_bytes(&*archive.source, at, usize::try_from(size).unwrap_or(0))?;
    if crc_of(&bytes) != crc {
        archive.faults.push(Fault::new(FaultKind::Mismatch, None, at, "the CRC of its header is wrong"));
    }
    for _ in 0..=MOST_PACKED_HEADERS {
        match header::parse(&bytes, limits).map_err(|what| malformed(at, what))? {
            Listing::Members { streams, members } => {
                archive.streams = streams;
                archive.list(members);
                return Ok(archive);
            }
            Listing::Packed(streams) => {
                archive.streams = streams;
                let most = limits.get(MAX_DIRECTORY);
                let unpacked = match archive.unpack(0, most, limits) {
                    Ok(unpacked) => unpacked,
                    Err(fault) => {
                        // Its members have no names then: that is told, and nothing of it is read.
                        archive.faults.push(Fault { at, why: format!("its header: {}", fault.why), ..fault });
                        return Ok(archive);
                    }
                };
                if unpacked.fault.is_some() {
                    return Err(malformed(
                        at,
                        "its packed header is damaged, or larger than `archive.max_directory`",
                    ));
                }
                let count = usize::try_from(unpacked.len).unwrap_or(0);
                bytes = read_bytes(&*unpacked.source, 0, count)?;
            }
        }
    }
    Err(malformed(at, "its header is packed too often"))
}

impl SevenZ {
    fn list(&mut self, members: Vec<Member>) {
        let mut seen = std::collections::HashSet::new();
        for (index, member) in members.iter().enumerate() {
            if let Some(why) = leaves(&member.name) {
                self.faults.push(Fault::new(FaultKind::Escapes, Some(index), 0, why.to_string()));
            }
            if !seen.insert(member.name.as_str()) {
                let why = "the archive has two members of this name";
                self.faults.push(Fault::new(FaultKind::Duplicate, Some(index), 0, why));
            }
        }
        self.members = members;
    }

    /// Unpacks a folder, under `input.max_ratio` and a limit of the caller's.
    pub fn unpack(&self, folder: usize, most: Limit, limits: &Limits) -> Result<Unpacked, Fault> {
        let fault = |kind, why: &str| Fault::new(kind, None, 0, why);
        let unreadable = |why: &str| fault(FaultKind::Unreadable, why);
        let Some(Folder { chain, pack, crc, size, encrypted }) = self.streams.folders.get(folder) else {
            return Err(unreadable("a member is in no folder"));
        };
        if *encrypted {
            return Err(fault(FaultKind::Encrypted, "it is encrypted"));
        }
        let chain = chain.clone().ok_or_else(|| unreadable("its coders are not read here"))?;
        let (from, len) =
            *self.streams.packs.get(*pack).ok_or_else(|| unreadable("its packed bytes are not there"))?;
        let packed = Window { source: Arc::clone(&self.source), from, len };
        let mut unpacked = unpack(&packed, &Packing::SevenZ(chain), most, limits);
        let wrong = unpacked.len != *size || crc.is_some_and(|crc| crc != unpacked.crc);
        if unpacked.fault.is_none() && wrong {
            let what = "its length or its CRC is not what the header says";
            let codec = crate::decompress::Codec::Copy;
            unpacked.fault = Some(crate::decompress::UnpackError::Damaged { codec, at: unpacked.len, what });
        }
        Ok(unpacked)
    }
}

fn crc_of(bytes: &[u8]) -> u32 {
    let mut crc = Crc::new();
    crc.update(bytes);
    crc.sum()
}
