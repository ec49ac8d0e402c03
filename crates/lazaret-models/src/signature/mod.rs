//! Signatures of models (OpenSSF Model Signing, `model_signing` 1.1): checked against the files of a folder, and made.
//!
//! | file | what is in it |
//! |---|---|
//! | `bundle`, `dsse` | the file that a signature is, and the bytes that are signed |
//! | `manifest` | the signed statement: names, digests, how they were made |
//! | `keys`, `any_key`, `x509`, `certificates`, `der`, `moment` | what a signature is checked by |
//! | `sigstore` | signatures with a short-lived certificate and an entry in a public log |
//! | `folder`, `hash` | the files on disk |
//! | `verify`, `verify_files`, `sign` | the two ways through |
//! | `provenance` | where a model is from, as its builder says (SLSA) |
//! | `received` | the signatures and the provenance of a model that crosses, by those whom the hospital trusts |
//! | `look`, `claimed` | a signature among the files that are looked at, without keys: its names, and its digests |

mod any_key;
mod bundle;
mod certificates;
mod claimed;
mod der;
mod dsse;
mod folder;
mod hash;
mod keys;
mod look;
mod manifest;
mod moment;
mod provenance;
mod received;
mod sign;
mod sigstore;
#[cfg(test)]
pub(crate) mod tests;
mod verify;
mod verify_files;
mod x509;

use std::io;

use lazaret_core::LimitExceeded;

pub(crate) use bundle::is_bundle;
pub use certificates::{SigningChain, Trusted};
pub(crate) use claimed::claimed;
pub(crate) use folder::MAX_FILES;
pub(crate) use hash::HashKind;
pub use keys::{Curve, MAX_KEY, PrivateKey, PublicKey};
pub(crate) use look::look_at;
pub use provenance::{Builder, Proven, Provenance};
pub use received::Signatories;
pub(crate) use received::{MAX_ATTESTATIONS, Standing, attests, of_one_file};
pub use sign::{Sign, Signed, SigningKey};
pub use sigstore::{SigstoreTrust, TrustRoot};
pub use verify::{Signer, Trust, Verification, Verify};

/// Why a model could not be signed, or its signature not be checked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SignatureError {
    /// A key cannot be used.
    #[error("{0}")]
    Key(String),
    /// Trusted certificates cannot be used.
    #[error("{0}")]
    Certificates(String),
    /// What was given does not go together.
    #[error("{0}")]
    Usage(String),
    /// The model is not there, or cannot be signed as it is.
    #[error("{0}")]
    Model(String),
    /// The signature is not there or cannot be read.
    #[error("{0}")]
    Signature(String),
    /// It is of a kind that is not checked here.
    #[error("{0}")]
    Unsupported(String),
    /// A file or folder could not be read or written.
    #[error("{what}")]
    Unreadable {
        /// Which.
        what: String,
        /// Why.
        #[source]
        cause: io::Error,
    },
    /// A limit was reached.
    #[error("refused whole")]
    Limit(#[from] LimitExceeded),
}
