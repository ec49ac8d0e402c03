//! Digests of files, read block by block.

use blake2::Digest as _;
use lazaret_core::{Source, SourceError};
use ring::digest;

/// How much is read at once.
pub(super) const BLOCK: usize = 1 << 20;

/// How files are hashed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum HashKind {
    /// SHA-256.
    Sha256,
    /// BLAKE2b of 64 bytes.
    Blake2b,
    /// BLAKE3 of 32 bytes.
    Blake3,
}

impl HashKind {
    /// As manifests name it.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Sha256 => "sha256",
            Self::Blake2b => "blake2b",
            Self::Blake3 => "blake3",
        }
    }

    pub(super) fn of_name(name: &str) -> Option<Self> {
        [Self::Sha256, Self::Blake2b, Self::Blake3].into_iter().find(|kind| kind.name() == name)
    }

    /// How many bytes it has.
    pub(super) const fn len(self) -> usize {
        match self {
            Self::Sha256 | Self::Blake3 => 32,
            Self::Blake2b => 64,
        }
    }

    /// The digest of so many bytes of a source; the buffer is used again and again.
    pub(crate) fn of(
        self,
        source: &dyn Source,
        from: u64,
        to: u64,
        buffer: &mut [u8],
    ) -> Result<Vec<u8>, SourceError> {
        let mut hasher = match self {
            Self::Sha256 => Hasher::Sha256(Box::new(digest::Context::new(&digest::SHA256))),
            Self::Blake2b => Hasher::Blake2b(Box::new(blake2::Blake2b512::new())),
            Self::Blake3 => Hasher::Blake3(Box::new(blake3::Hasher::new())),
        };
        let mut at = from;
        while at < to {
            let wanted = usize::try_from(to.saturating_sub(at)).unwrap_or(usize::MAX).min(buffer.len());
            let room = buffer.get_mut(..wanted).unwrap_or_default();
            let read = source.read_at(at, room)?;
            if read == 0 {
                return Err(SourceError { at, cause: std::io::ErrorKind::UnexpectedEof.into() });
            }
            hasher.update(room.get(..read).unwrap_or_default());
            at = at.saturating_add(read as u64);
        }
        Ok(hasher.finish())
    }
}

enum Hasher {
    Sha256(Box<digest::Context>),
    Blake2b(Box<blake2::Blake2b512>),
    Blake3(Box<blake3::Hasher>),
}

impl Hasher {
    fn update(&mut self, bytes: &[u8]) {
        match self {
            Self::Sha256(context) => context.update(bytes),
            Self::Blake2b(hasher) => hasher.update(bytes),
            Self::Blake3(hasher) => {
                hasher.update(bytes);
            }
        }
    }

    fn finish(self) -> Vec<u8> {
        match self {
            Self::Sha256(context) => context.finish().as_ref().to_vec(),
            Self::Blake2b(hasher) => hasher.finalize().to_vec(),
            Self::Blake3(hasher) => hasher.finalize().as_bytes().to_vec(),
        }
    }
}

#[cfg(test)]
mod tests {
    use lazaret_core::{Hint, hex};
    use lazaret_input::MemorySource;

    use super::*;

    #[test]
    fn digests_are_those_of_the_standards() {
        let source = MemorySource::new(&b"xabcx"[..], Hint::default());
        let of = |kind: HashKind, buffer: usize| hex(&kind.of(&source, 1, 4, &mut vec![0; buffer]).unwrap());
        let sha = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!((of(HashKind::Sha256, 1), of(HashKind::Sha256, 64)), (sha.to_owned(), sha.to_owned()));
        assert!(of(HashKind::Blake2b, 2).starts_with("ba80a53f981c4d0d6a2797b69f12f6e94c212f14685ac4b7"));
        assert!(of(HashKind::Blake3, 2).starts_with("6437b3ac38465133ffb63b75273a8db548c558465d79db03"));
        assert!(HashKind::Sha256.of(&source, 1, 9, &mut [0; 2]).is_err());
    }
}
