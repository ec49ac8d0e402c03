//! What a record holds: bytes in memory, or a file of lazaret's own that is too large for that.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use serde::{Serialize, Serializer};

use crate::{Source, hex};

/// The SHA-256 (FIPS 180-4) of a file that is about no patient: a model's. Anybody can compute it from the file, so it is
/// never made of a patient's record; those have a [`KeyedDigest`](crate::KeyedDigest).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Sha256(pub [u8; 32]);

impl Sha256 {
    /// Reads 64 hex digits, with or without `sha256:` before them.
    pub fn parse(text: &str) -> Option<Self> {
        let digits = text.strip_prefix("sha256:").unwrap_or(text).as_bytes();
        if digits.len() != 64 {
            return None;
        }
        let mut bytes = [0; 32];
        for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
            let mut value = 0_u8;
            for digit in pair {
                value = value << 4 | u8::try_from(char::from(*digit).to_digit(16)?).ok()?;
            }
            *byte = value;
        }
        Some(Self(bytes))
    }
}

impl fmt::Display for Sha256 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex(&self.0))
    }
}

impl fmt::Debug for Sha256 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for Sha256 {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// A file of lazaret's own: nobody else writes it, so what was inspected is what crosses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnFile {
    /// Where it lies. A destination may move it away.
    pub path: PathBuf,
    /// Length in bytes.
    pub len: u64,
    /// Of all its bytes.
    pub sha256: Sha256,
}

/// A record that lies in a file of lazaret's own, and is read from there.
#[derive(Clone)]
pub struct Stored {
    /// Its bytes.
    pub source: Arc<dyn Source>,
    /// The file.
    pub file: OwnFile,
}

impl Stored {
    /// What a source stores, if it is a file of lazaret's own.
    pub fn of(source: &Arc<dyn Source>) -> Option<Self> {
        let file = source.own_file()?.clone();
        Some(Self { source: Arc::clone(source), file })
    }
}

impl fmt::Debug for Stored {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stored")
            .field("len", &self.file.len)
            .field("sha256", &self.file.sha256)
            .finish_non_exhaustive()
    }
}

/// What a record holds, as it arrived.
#[derive(Debug, Clone, Copy)]
pub enum Body<'a> {
    /// Bytes in memory: what is digested, and what is held if it must be.
    Held(&'a [u8]),
    /// A file: known by its SHA-256. If it must be held, that is what is kept; the file stays with its sender, and crosses
    /// when it comes again and persons have admitted it.
    Stored(&'a Stored),
}

impl<'a> Body<'a> {
    /// Length in bytes.
    #[expect(clippy::len_without_is_empty, reason = "no one asks a record whether it is empty")]
    pub fn len(self) -> u64 {
        match self {
            Self::Held(bytes) => bytes.len() as u64,
            Self::Stored(stored) => stored.file.len,
        }
    }

    /// The bytes in memory; none of a file.
    pub const fn held(self) -> Option<&'a [u8]> {
        match self {
            Self::Held(bytes) => Some(bytes),
            Self::Stored(_) => None,
        }
    }

    /// The SHA-256 of a file.
    pub fn sha256(self) -> Option<Sha256> {
        match self {
            Self::Held(_) => None,
            Self::Stored(stored) => Some(stored.file.sha256),
        }
    }

    /// What stands for it where it is digested: the bytes, or a file's SHA-256.
    pub(crate) fn to_digest(self) -> std::borrow::Cow<'a, [u8]> {
        match self {
            Self::Held(bytes) => bytes.into(),
            Self::Stored(stored) => [b"sha256:".as_slice(), &stored.file.sha256.0].concat().into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sha256_reads_back_what_it_prints() {
        let digest = Sha256(std::array::from_fn(|at| u8::try_from(at * 7).unwrap()));
        assert_eq!(Sha256::parse(&digest.to_string()), Some(digest));
        assert_eq!(Sha256::parse(&format!("sha256:{digest}")), Some(digest));
        assert_eq!(Sha256::parse(&digest.to_string().to_uppercase()), Some(digest));
        for wrong in ["", "00", "sha256:", &"g".repeat(64), &"0".repeat(63), &"0".repeat(65), &"é".repeat(32)]
        {
            assert_eq!(Sha256::parse(wrong), None, "{wrong}");
        }
    }
}
