//! A public key of any kind that certificates, logs and authorities of time sign with: ECDSA, Ed25519 or RSA.

use lazaret_core::hex;
use ring::digest;
use ring::signature::{self as ring_signature, UnparsedPublicKey, VerificationAlgorithm};

use super::der::{Der, NotDer, OID, SEQUENCE};
use super::keys::{PublicKey, Sha};

/// rsaEncryption (RFC 3279).
const RSA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01];
/// id-Ed25519 (RFC 8410).
const ED25519: &[u8] = &[0x2b, 0x65, 0x70];

/// A key that checks.
#[derive(Debug, Clone)]
pub(super) enum AnyKey {
    /// On P-256, P-384 or P-521.
    Ecdsa(PublicKey),
    /// The point.
    Ed25519(Vec<u8>),
    /// An `RSAPublicKey`; its signatures are PKCS#1 v1.5, from 2,048 bits on.
    Rsa(Vec<u8>),
    /// No key that is understood here: it checks nothing.
    Other,
}

impl AnyKey {
    /// Reads a `SubjectPublicKeyInfo`.
    pub(super) fn from_der(info: &[u8]) -> Self {
        if let Ok(key) = PublicKey::from_der(info) {
            return Self::Ecdsa(key);
        }
        match kind_and_bits(info) {
            Ok((RSA, bits)) => Self::Rsa(bits.to_vec()),
            Ok((ED25519, bits)) if bits.len() == 32 => Self::Ed25519(bits.to_vec()),
            _ => Self::Other,
        }
    }

    /// Whether a signature is of this message, by this digest (Ed25519 has its own).
    pub(super) fn verifies_with(&self, sha: Sha, message: &[u8], signature: &[u8]) -> bool {
        let (algorithm, key): (&dyn VerificationAlgorithm, _) = match (self, sha) {
            (Self::Ecdsa(key), _) => return key.verifies_with(sha, message, signature),
            (Self::Ed25519(key), _) => (&ring_signature::ED25519, key),
            (Self::Rsa(key), Sha::Sha256) => (&ring_signature::RSA_PKCS1_2048_8192_SHA256, key),
            (Self::Rsa(key), Sha::Sha384) => (&ring_signature::RSA_PKCS1_2048_8192_SHA384, key),
            (Self::Rsa(key), Sha::Sha512) => (&ring_signature::RSA_PKCS1_2048_8192_SHA512, key),
            (Self::Other, _) => return false,
        };
        UnparsedPublicKey::new(algorithm, key).verify(message, signature).is_ok()
    }
}

/// SHA-256.
pub(super) fn sha256(bytes: &[u8]) -> [u8; 32] {
    let digest = digest::digest(&digest::SHA256, bytes);
    digest.as_ref().try_into().unwrap_or_default()
}

/// SHA-256 in hexadecimal.
pub(super) fn sha256_hex(bytes: &[u8]) -> String {
    hex(&sha256(bytes))
}

fn kind_and_bits(info: &[u8]) -> Result<(&[u8], &[u8]), NotDer> {
    let mut info = Der::only(info, SEQUENCE)?;
    let kind = info.open(SEQUENCE)?.take(OID)?.body;
    let bits = info.bits()?;
    info.end()?;
    Ok((kind, bits))
}
