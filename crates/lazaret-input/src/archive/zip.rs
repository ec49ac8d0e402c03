//! Zip archives (APPNOTE 6.3.10), read as every reader could read them: from the end record, from every other end
//! record that can be reached, and from local headers that no directory lists.
//!
//! What the bytes of a member look like is no evidence of anything: records count only outside all members. The
//! directory of the last end record says what the members are, as for all readers that begin at the end.
//!
//! The CRC of a stored member is not computed: its bytes are given as they lie in the archive, and loaders such as
//! torch do not look at it. Where a member is unpacked its CRC and its true length are compared.
//!
//! | file | what is in it |
//! |---|---|
//! | `records` | end records, directories and local headers, as they are written |
//! | `walk` | all members of an archive, and where its headers disagree |
//! | `gaps` | what lies outside all members |
//! | `open` | the bytes of one member |

mod gaps;
mod open;
mod records;
mod walk;

use std::sync::Arc;

use lazaret_core::Source;

use super::Fault;

pub use open::Opened;
pub use records::{Ends, ends_as_one};
pub use walk::{MAX_GAP, read};

/// By what a member was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Found {
    /// By the directory of the last end record.
    Listed,
    /// By a directory that only some readers see.
    OtherDirectory,
    /// By its local header alone.
    LocalHeader,
}

/// A member.
#[derive(Debug, Clone)]
pub struct Member {
    /// Its name, as far as it is text.
    pub name: String,
    /// By what it was found.
    pub found: Found,
    /// Where its local header is.
    pub header_at: u64,
    /// Where its bytes begin, if its local header can be read.
    pub data_at: Option<u64>,
    /// General purpose flags.
    pub flags: u16,
    /// Compression method.
    pub method: u16,
    /// How many bytes it has in the archive.
    pub packed: u64,
    /// How many it says that it has unpacked.
    pub size: u64,
    /// The CRC it says.
    pub crc: u32,
    /// Its mode, as Unix has it.
    pub mode: u32,
    /// Whether its sizes were not said, so that they are not compared.
    pub unsized_: bool,
}

impl Member {
    /// Whether it is a folder.
    pub fn is_folder(&self) -> bool {
        self.name.ends_with('/') && self.size == 0 && self.packed == 0
    }

    /// Whether its bytes are the target of a symbolic link.
    pub const fn is_link(&self) -> bool {
        self.mode & 0o170_000 == 0o120_000
    }

    /// Whether it says that it is encrypted.
    pub const fn says_encrypted(&self) -> bool {
        self.flags & 1 != 0
    }
}

/// A zip archive.
pub struct Zip {
    source: Arc<dyn Source>,
    /// Its members: those that are listed, then what else was found.
    pub members: Vec<Member>,
    /// What is wrong with it.
    pub faults: Vec<Fault>,
    /// Stretches between its members that belong to none: from, and how long.
    pub gaps: Vec<(u64, u64)>,
    /// Its comments and extra fields, which readers of members pass over: from, and how long.
    pub passed_over: Vec<(u64, u64)>,
    /// How many bytes are before the first record.
    pub begin: u64,
    /// Where the last record ends, with its comment.
    pub end: u64,
    /// Whether an end record was found.
    pub ends: bool,
}
