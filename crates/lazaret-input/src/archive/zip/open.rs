//! The bytes of one member.

use std::sync::Arc;

use flate2::Crc;
use lazaret_core::{Limit, Limits, Source};

use super::super::unpack::{Packing, Window, unpack};
use super::super::{Fault, FaultKind};
use super::{Member, Zip};
use crate::decompress::{Codec, UnpackError};

/// A member's bytes.
pub struct Opened {
    /// Where they lie.
    pub source: Arc<dyn Source>,
    /// Where they begin in it.
    pub from: u64,
    /// How many there are.
    pub len: u64,
    /// Whether they lie in the archive as they are.
    pub stored: bool,
    /// How many were unpacked.
    pub unpacked: u64,
    /// What is wrong with them.
    pub faults: Vec<Fault>,
    /// Why they could not be unpacked whole.
    pub cut: Option<UnpackError>,
}

impl Zip {
    /// The bytes of a member, unpacked under `input.max_ratio` and a limit of the caller's. A stored member is not
    /// read at all, unless it says that it is encrypted: then its CRC shows whether it is.
    pub fn open(&self, index: usize, most: Limit, limits: &Limits) -> Result<Opened, Fault> {
        let fault = |kind, why: String| {
            let at = self.members.get(index).map_or(0, |member| member.header_at);
            Fault::new(kind, Some(index), at, why)
        };
        let unreadable = |why: &str| fault(FaultKind::Unreadable, why.to_owned());
        let member = self.members.get(index).ok_or_else(|| unreadable("no such member"))?;
        let from = member.data_at.ok_or_else(|| unreadable("its local header cannot be read"))?;
        let packed = Window { source: Arc::clone(&self.source), from, len: member.packed };
        let Some(packing) = packing(member) else {
            let lies = member.says_encrypted();
            let mut opened = stored(member, packed).ok_or_else(|| match member.method {
                99 => fault(FaultKind::Encrypted, "it is encrypted (method 99)".to_owned()),
                method if lies => fault(FaultKind::Encrypted, format!("it is encrypted (method {method})")),
                method => fault(FaultKind::Unreadable, format!("its method {method} is not read here")),
            })?;
            if lies {
                opened.faults.push(fault(FaultKind::Encrypted, LIES.to_owned()));
            }
            return Ok(opened);
        };
        let unpacked = unpack(&packed, &packing, most, limits);
        let matches = unpacked.crc == member.crc && unpacked.len == member.size;
        let mut faults = Vec::new();
        if member.says_encrypted() {
            if !matches || unpacked.fault.is_some() {
                return Err(fault(FaultKind::Encrypted, "it is encrypted".to_owned()));
            }
            faults.push(fault(FaultKind::Encrypted, LIES.to_owned()));
        } else if unpacked.fault.is_none() && !member.unsized_ {
            if unpacked.len != member.size {
                let why =
                    format!("it unpacks to {} bytes and not to the {} it says", unpacked.len, member.size);
                faults.push(fault(FaultKind::Mismatch, why));
            } else if unpacked.crc != member.crc {
                let why = "its CRC is not that of its bytes: some readers refuse it, others do not";
                faults.push(fault(FaultKind::Mismatch, why.to_owned()));
            }
            if member.method == 8 && unpacked.taken < member.packed {
                let why = "bytes follow the end of its packed data";
                faults.push(fault(FaultKind::Mismatch, why.to_owned()));
            }
        }
        Ok(Opened {
            source: unpacked.source,
            from: 0,
            len: unpacked.len,
            stored: false,
            unpacked: unpacked.len,
            faults,
            cut: unpacked.fault,
        })
    }
}

/// A stored member; none where it is encrypted, or packed in a way that is not read.
fn stored(member: &Member, packed: Window) -> Option<Opened> {
    let plain = !member.says_encrypted() || (member.packed == member.size && has_crc(&packed, member.crc));
    let Window { source, from, len } = packed;
    let opened = Opened { source, from, len, stored: true, unpacked: 0, faults: Vec::new(), cut: None };
    Some(opened).filter(|_| plain && member.method == 0)
}

const LIES: &str =
    "a flag says that it is encrypted, and it is not: readers that believe the flag pass it by";

/// How a member is packed; none where it is stored or by a method that is not read.
fn packing(member: &Member) -> Option<Packing> {
    Some(match member.method {
        8 => Packing::Codec(Codec::Deflate),
        9 => Packing::Codec(Codec::Deflate64),
        12 => Packing::Codec(Codec::Bzip2),
        // Bit 1 says that an end mark is in the stream, so that the size is not needed.
        14 => {
            Packing::ZipLzma { size: Some(member.size).filter(|_| member.flags & 2 == 0 && !member.unsized_) }
        }
        20 | 93 => Packing::Codec(Codec::Zstd),
        95 => Packing::Codec(Codec::Xz),
        _ => return None,
    })
}

fn has_crc(window: &Window, expected: u32) -> bool {
    let mut crc = Crc::new();
    let mut block = vec![0; 256 << 10];
    let mut done = 0;
    while done < window.len {
        let wanted = usize::try_from(window.len.saturating_sub(done)).unwrap_or(usize::MAX).min(block.len());
        let room = block.get_mut(..wanted).unwrap_or_default();
        match window.source.read_at(window.from.saturating_add(done), room) {
            Ok(read) if read > 0 => {
                crc.update(room.get(..read).unwrap_or_default());
                done = done.saturating_add(read as u64);
            }
            Ok(_) | Err(_) => return false,
        }
    }
    crc.sum() == expected
}
