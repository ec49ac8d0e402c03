//! What has passed. Only a [`Passage`](crate::Passage) can construct a [`Cleared`], and a [`Destination`] takes
//! nothing else: another road does not compile.
//!
//! ```compile_fail
//! let piece = lazaret_core::Piece { record: 0, kind: String::new(), content: lazaret_core::PieceContent::Bytes(vec![]) };
//! let smuggled = lazaret_core::Cleared(piece);
//! ```

use crate::{Output, Sealed, Stored};

/// Something that was inspected, decided and written down, and may go to its destination.
#[derive(Debug, Clone)]
pub struct Cleared<P>(P);

impl<P> Cleared<P> {
    /// Only the passage clears.
    pub(crate) fn new(piece: P) -> Self {
        Self(piece)
    }

    /// Looks at the piece.
    pub fn piece(&self) -> &P {
        &self.0
    }

    /// Takes the piece out: it has arrived.
    pub fn into_piece(self) -> P {
        self.0
    }
}

/// One record as it leaves.
#[derive(Clone)]
pub struct Piece {
    /// Its number in the payload.
    pub record: u64,
    /// What kind of record it is: `Patient`, `note`, `csv-row`.
    pub kind: String,
    /// What it holds, with the edits made.
    pub content: PieceContent,
}

/// What a piece holds.
#[derive(Clone)]
pub enum PieceContent {
    /// Bytes in memory.
    Bytes(Vec<u8>),
    /// A file of lazaret's own, as it came.
    Stored(Stored),
}

impl PieceContent {
    /// The bytes in memory; none of a file.
    pub fn bytes(&self) -> Option<&[u8]> {
        match self {
            Self::Bytes(bytes) => Some(bytes),
            Self::Stored(_) => None,
        }
    }

    /// Length in bytes.
    #[expect(clippy::len_without_is_empty, reason = "no one asks a piece whether it is empty")]
    pub fn len(&self) -> u64 {
        match self {
            Self::Bytes(bytes) => bytes.len() as u64,
            Self::Stored(stored) => stored.file.len,
        }
    }
}

impl std::fmt::Debug for Piece {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Piece {{ record: {}, kind: {:?}, {} bytes }}", self.record, self.kind, self.content.len())
    }
}

/// A destination could not take or show a piece.
#[derive(Debug, thiserror::Error)]
#[error("the destination could not {what}")]
pub struct Undelivered {
    /// What was asked.
    pub what: &'static str,
    /// Why.
    #[source]
    pub cause: Option<Box<dyn std::error::Error + Send + Sync>>,
}

/// Where cleared pieces go. What is staged is encrypted and not visible until `commit`.
pub trait Destination: Send {
    /// Takes a piece into temporary output.
    fn stage(&mut self, piece: Cleared<Piece>) -> Result<(), Undelivered>;
    /// Ends the temporary output, durable but not visible, and says what it will be. Called before the seal.
    fn finish(&mut self) -> Result<Vec<Output>, Undelivered>;
    /// Makes it visible. Called after the seal; must be able to be done again after a crash.
    fn commit(&mut self, sealed: &Sealed) -> Result<(), Undelivered>;
    /// Takes the temporary output away.
    fn undo(&mut self);
}
