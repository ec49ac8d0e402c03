//! Key services: who keeps the key-encryption key and wraps data keys under it.
//!
//! A key service is one file here. It never gives the key-encryption key out; it
//! wraps and unwraps data keys of 32 bytes, each bound to what it is for ([`WrapContext`], the "encryption
//! context" of cloud key services).

mod local;

use std::fmt;

use lazaret_core::Sensitive;
use serde::Serialize;

pub(crate) use local::unhex;
pub use local::{LocalKms, MIN_PASSPHRASE_CHARS, PBKDF2_ITERATIONS};

/// What a data key is for. It is authenticated: a wrapped key put in another's place does not unwrap.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WrapContext<'a> {
    /// The data key's id.
    pub key: &'a str,
    /// `vault` for the vault's own keys, `dataset` for those of datasets.
    pub class: &'a str,
    /// The dataset, or the use within the vault.
    pub dataset: &'a str,
    /// The column, or empty.
    pub column: &'a str,
}

/// What is kept beside the wrapped keys so that the same key service is found again. Nothing in it is secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct KmsDescription {
    /// The key service's name: `local`.
    pub provider: String,
    /// Which key-encryption key: a fingerprint or the service's own name of it.
    pub key_id: String,
    /// What opening it again needs beside the secret: salt and iterations of a passphrase, a region.
    pub parameters: String,
}

impl fmt::Display for KmsDescription {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.key_id, self.parameters)
    }
}

/// Wraps and unwraps data keys under a key-encryption key that it keeps.
pub trait Kms: Send + Sync {
    /// Which key service and key this is.
    fn describe(&self) -> KmsDescription;
    /// Wraps a data key.
    fn wrap(&self, context: &WrapContext<'_>, key: &Sensitive<[u8; 32]>) -> Result<Vec<u8>, KmsError>;
    /// Unwraps a data key that was wrapped for the same context.
    fn unwrap(&self, context: &WrapContext<'_>, wrapped: &[u8]) -> Result<Sensitive<[u8; 32]>, KmsError>;
}

/// Why a key service did not serve. Never key material.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum KmsError {
    /// The wrapped key is not of this key-encryption key or of this place.
    #[error(
        "the data key `{key}` does not unwrap under {key_id}: another passphrase or key file wrapped it, or it was changed"
    )]
    NotUnwrapped {
        /// The data key's id.
        key: String,
        /// The key-encryption key that was tried.
        key_id: String,
    },
    /// The data key could not be wrapped.
    #[error("the data key could not be wrapped")]
    NotWrapped,
    /// A passphrase is too short to keep anything.
    #[error("the passphrase has fewer than {MIN_PASSPHRASE_CHARS} characters; choose a longer one")]
    ShortPassphrase,
    /// The parameters kept beside the wrapped keys cannot be used.
    #[error("the parameters kept for key service `local` cannot be used: {0}")]
    BadParameters(&'static str),
    /// The key file lies with the data it protects.
    #[error(
        "the key file lies inside the data directory, where a copy of the data would carry its own key; move it elsewhere"
    )]
    KeyFileInside,
    /// Others may read the key file.
    #[error("the key file may be read by group or others; run `chmod 600` on it")]
    KeyFileExposed,
    /// The key file holds something else.
    #[error("the key file must hold 32 random bytes, raw or as 64 hex digits")]
    KeyFileContent,
    /// The key file could not be read or made.
    #[error("the key file could not be {what}")]
    KeyFile {
        /// What was tried.
        what: &'static str,
        /// Why.
        #[source]
        cause: std::io::Error,
    },
    /// No random bytes.
    #[error(transparent)]
    Random(#[from] lazaret_core::RandomError),
}
