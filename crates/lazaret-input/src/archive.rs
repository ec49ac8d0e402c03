//! Archives read as an attack: every member that any reader could take from one, and every way in which its headers
//! disagree. Nothing is extracted; nothing is held whole but the directory, under a limit.
//!
//! A fault of one member is told and the others are read all the same.
//!
//! | file | what is in it |
//! |---|---|
//! | `zip` | zip archives: the directory and every local header, and what lies between members |
//! | `tar` | tar archives: ustar, pax, GNU |
//! | `sevenz` | 7z archives |
//! | `unpack` | packed bytes as a source, its length known and its limits kept |
//! | `names` | what a member's name would do to the folder it is unpacked into |
//! | `bytes` | numbers in headers |

mod bytes;
mod names;
pub mod sevenz;
pub mod tar;
mod unpack;
pub mod zip;

use lazaret_core::{Limit, LimitExceeded, SourceError};

pub use names::{Leaves, leaves, leaves_by_link};
pub use unpack::{MAX_REREADS, Packing, Unpacked, Window, unpack};

/// Most members of one archive.
pub const MAX_MEMBERS: Limit = Limit::new("archive.max_members", 100_000);
/// Most bytes of one archive's directory, or of the headers that give members their names.
pub const MAX_DIRECTORY: Limit = Limit::new("archive.max_directory", 32 << 20);

/// Why an archive could not be read at all, or not further.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ArchiveError {
    /// It is not of this format, or its frame is broken.
    #[error("byte {at}: {what}")]
    Malformed {
        /// Where.
        at: u64,
        /// What is wrong.
        what: &'static str,
    },
    /// A limit was reached.
    #[error(transparent)]
    Limit(#[from] LimitExceeded),
    /// Its bytes could not be read.
    #[error(transparent)]
    Source(#[from] SourceError),
}

/// What kind of fault an archive has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum FaultKind {
    /// Two places say different things of one member, or of the archive.
    Mismatch,
    /// A member, or a part of the archive, cannot be read.
    Unreadable,
    /// A name, or the target of a link, leaves the folder.
    Escapes,
    /// A name twice.
    Duplicate,
    /// A member that the directory does not list.
    Hidden,
    /// A member is encrypted, or says so.
    Encrypted,
    /// A link.
    Link,
    /// A device, a pipe or another special file.
    Special,
    /// Bytes that belong to nothing.
    Gap,
}

/// A fault of an archive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// Its kind.
    pub kind: FaultKind,
    /// The member it is of.
    pub member: Option<usize>,
    /// Where in the archive.
    pub at: u64,
    /// What is wrong; a member's name is not in it.
    pub why: String,
}

impl Fault {
    pub(crate) fn new(kind: FaultKind, member: Option<usize>, at: u64, why: impl Into<String>) -> Self {
        Self { kind, member, at, why: why.into() }
    }
}
