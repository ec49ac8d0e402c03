//! Sealing: AES-256-GCM (NIST SP 800-38D) under a key derived anew for every sealed thing.
//!
//! A sealed thing is `version (1) · salt (16) · nonce (12) · ciphertext · tag (16)`. The salt and the
//! [`SealingKey`] give, by HKDF-SHA256 (RFC 5869), the AES key of this one thing, and the nonce is random. So no
//! AES key ever seals twice, and the bound on random nonces under one key (2^32, SP 800-38D 8.3) is never near.
//!
//! What a thing is and where it lies ([`Binding`]) goes into the authenticated data: a sealed thing moved to
//! another row, file or purpose does not open.

use lazaret_core::{RandomError, Sensitive};
use ring::{aead, hkdf, hmac};
use zeroize::Zeroize as _;

use crate::random::random_bytes;

/// 32 bytes nobody else knows.
pub(crate) type Secret = Sensitive<[u8; 32]>;

const VERSION: u8 = 1;
const SALT: usize = 16;
const NONCE: usize = aead::NONCE_LEN;
const HEADER: usize = 1 + SALT + NONCE;
const TAG: usize = 16;

/// A sealed thing did not open.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("it does not open: sealed under another key, for another place, or changed")]
pub(crate) struct NotOpened;

/// A thing could not be sealed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("it could not be sealed")]
pub(crate) struct NotSealed;

impl From<RandomError> for NotSealed {
    fn from(_: RandomError) -> Self {
        Self
    }
}

/// A new random secret.
pub(crate) fn new_secret() -> Result<Secret, RandomError> {
    random_bytes().map(Sensitive::new)
}

/// What a sealed thing is and where it lies: parts with their lengths, so no two lists give the same bytes.
#[derive(Debug, Clone)]
pub(crate) struct Binding(Vec<u8>);

impl Binding {
    /// A binding to a purpose.
    pub(crate) fn to(purpose: &str) -> Self {
        Self(Vec::with_capacity(64)).and(purpose.as_bytes())
    }

    /// The same, and bound to one more part.
    #[must_use]
    pub(crate) fn and(mut self, part: &[u8]) -> Self {
        self.0.extend_from_slice(&(part.len() as u64).to_be_bytes());
        self.0.extend_from_slice(part);
        self
    }

    /// The bytes.
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.0
    }
}

/// A key that seals and opens.
pub(crate) struct SealingKey(hkdf::Prk);

impl SealingKey {
    /// The key made of a secret.
    pub(crate) fn new(secret: &Secret) -> Self {
        Self(hkdf::Prk::new_less_safe(hkdf::HKDF_SHA256, secret.expose()))
    }

    /// Seals a plaintext for a place.
    pub(crate) fn seal(&self, binding: &Binding, plaintext: &[u8]) -> Result<Vec<u8>, NotSealed> {
        let random: [u8; SALT + NONCE] = random_bytes()?;
        let (salt, nonce) = random.split_first_chunk::<SALT>().ok_or(NotSealed)?;
        let nonce = aead::Nonce::try_assume_unique_for_key(nonce).map_err(|_| NotSealed)?;
        let key = self.key_of(salt).ok_or(NotSealed)?;
        let mut sealed = Vec::with_capacity(HEADER.saturating_add(plaintext.len()).saturating_add(TAG));
        sealed.push(VERSION);
        sealed.extend_from_slice(&random);
        sealed.extend_from_slice(plaintext);
        let body = sealed.get_mut(HEADER..).ok_or(NotSealed)?;
        let tag = key
            .seal_in_place_separate_tag(nonce, aead::Aad::from(binding.bytes()), body)
            .map_err(|_| NotSealed)?;
        sealed.extend_from_slice(tag.as_ref());
        Ok(sealed)
    }

    /// Opens what was sealed for a place.
    pub(crate) fn open(&self, binding: &Binding, sealed: &[u8]) -> Result<Sensitive<Vec<u8>>, NotOpened> {
        let (version, rest) = sealed.split_first().ok_or(NotOpened)?;
        if *version != VERSION {
            return Err(NotOpened);
        }
        let (salt, rest) = rest.split_first_chunk::<SALT>().ok_or(NotOpened)?;
        let (nonce, body) = rest.split_first_chunk::<NONCE>().ok_or(NotOpened)?;
        let key = self.key_of(salt).ok_or(NotOpened)?;
        let mut body = body.to_vec();
        let nonce = aead::Nonce::assume_unique_for_key(*nonce);
        let length = key
            .open_in_place(nonce, aead::Aad::from(binding.bytes()), &mut body)
            .map_err(|_| NotOpened)?
            .len();
        body.truncate(length);
        Ok(Sensitive::new(body))
    }

    /// Opens a sealed secret.
    pub(crate) fn open_secret(&self, binding: &Binding, sealed: &[u8]) -> Result<Secret, NotOpened> {
        let opened = self.open(binding, sealed)?;
        opened.expose().as_slice().try_into().map(Sensitive::new).map_err(|_| NotOpened)
    }

    fn key_of(&self, salt: &[u8; SALT]) -> Option<aead::LessSafeKey> {
        let info = [b"lazaret seal 1".as_slice(), salt];
        let key = self.0.expand(&info, &aead::AES_256_GCM).ok()?;
        Some(aead::LessSafeKey::new(aead::UnboundKey::from(key)))
    }
}

impl std::fmt::Debug for SealingKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("[sensitive]")
    }
}

/// A secret from which others are derived, each for one use (HKDF-Expand, RFC 5869 2.3).
pub(crate) struct Derivation(hkdf::Prk);

impl Derivation {
    /// Derives from a secret of 32 random bytes.
    pub(crate) fn of(secret: &Secret) -> Self {
        Self(hkdf::Prk::new_less_safe(hkdf::HKDF_SHA256, secret.expose()))
    }

    /// The secret of one use.
    pub(crate) fn secret(&self, usage: &str) -> Result<Secret, NotSealed> {
        struct Bytes32;
        impl hkdf::KeyType for Bytes32 {
            fn len(&self) -> usize {
                32
            }
        }
        let mut bytes = [0_u8; 32];
        let info = [b"lazaret use 1 ".as_slice(), usage.as_bytes()];
        self.0.expand(&info, Bytes32).and_then(|okm| okm.fill(&mut bytes)).map_err(|_| NotSealed)?;
        let secret = Sensitive::new(bytes);
        bytes.zeroize();
        Ok(secret)
    }

    /// A key for sealing, of one use.
    pub(crate) fn sealing(&self, usage: &str) -> Result<SealingKey, NotSealed> {
        self.secret(usage).map(|secret| SealingKey::new(&secret))
    }

    /// A key for digests, of one use.
    pub(crate) fn mac(&self, usage: &str) -> Result<MacKey, NotSealed> {
        self.secret(usage).map(|secret| MacKey::new(&secret))
    }
}

/// A key for keyed digests (HMAC-SHA256, RFC 2104).
pub(crate) struct MacKey(hmac::Key);

impl MacKey {
    /// The key made of a secret.
    pub(crate) fn new(secret: &Secret) -> Self {
        Self(hmac::Key::new(hmac::HMAC_SHA256, secret.expose()))
    }

    /// The digest of some bytes.
    pub(crate) fn digest(&self, bytes: &[u8]) -> [u8; 32] {
        let mut digest = [0_u8; 32];
        for (to, from) in digest.iter_mut().zip(hmac::sign(&self.0, bytes).as_ref()) {
            *to = *from;
        }
        digest
    }

    /// The first 16 bytes of the digest of a binding, for looking up: two meet by chance after 2^64.
    pub(crate) fn lookup(&self, binding: &Binding) -> [u8; 16] {
        let digest = self.digest(binding.bytes());
        digest.first_chunk::<16>().copied().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn key(byte: u8) -> SealingKey {
        SealingKey::new(&Sensitive::new([byte; 32]))
    }

    proptest! {
        #[test]
        fn what_is_sealed_opens_at_its_place_and_nowhere_else(
            plaintext in proptest::collection::vec(any::<u8>(), 0..300), place in ".{0,20}", other in ".{0,20}",
            flip in any::<prop::sample::Index>(),
        ) {
            let binding = Binding::to("test").and(place.as_bytes());
            let mut sealed = key(1).seal(&binding, &plaintext).unwrap();
            let opened = key(1).open(&binding, &sealed).unwrap();
            prop_assert_eq!(opened.expose(), &plaintext);
            prop_assert!(key(2).open(&binding, &sealed).is_err());
            if other != place {
                prop_assert!(key(1).open(&Binding::to("test").and(other.as_bytes()), &sealed).is_err());
            }
            let at = flip.index(sealed.len());
            sealed[at] ^= 1;
            prop_assert!(key(1).open(&binding, &sealed).is_err());
        }

        #[test]
        fn any_bytes_are_refused_without_a_panic(bytes in proptest::collection::vec(any::<u8>(), 0..100)) {
            prop_assert!(key(1).open(&Binding::to("test"), &bytes).is_err());
        }
    }

    #[test]
    fn bindings_of_different_parts_differ() {
        assert_ne!(Binding::to("ab").and(b"c").bytes(), Binding::to("a").and(b"bc").bytes());
        assert_ne!(Binding::to("a").bytes(), Binding::to("a").and(b"").bytes());
    }

    #[test]
    fn the_same_plaintext_never_seals_to_the_same_bytes() {
        let binding = Binding::to("test");
        assert_ne!(key(1).seal(&binding, b"x").unwrap(), key(1).seal(&binding, b"x").unwrap());
    }

    #[test]
    fn derived_secrets_differ_by_use() {
        let derivation = Derivation::of(&Sensitive::new([7; 32]));
        assert_ne!(derivation.secret("digest").unwrap(), derivation.secret("token").unwrap());
        assert_eq!(derivation.secret("digest").unwrap(), derivation.secret("digest").unwrap());
    }
}
