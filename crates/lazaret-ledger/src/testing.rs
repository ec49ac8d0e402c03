//! What the unit tests and the integration tests share: a signer from a seed.

use lazaret_core::{Signer, VaultError};
use ring::signature::{Ed25519KeyPair, KeyPair as _};

pub(crate) struct SeedSigner(Ed25519KeyPair);

impl SeedSigner {
    pub(crate) fn new(seed: [u8; 32]) -> Self {
        Self(Ed25519KeyPair::from_seed_unchecked(&seed).unwrap())
    }
}

impl Signer for SeedSigner {
    fn sign(&self, message: &[u8]) -> Result<[u8; 64], VaultError> {
        Ok(self.0.sign(message).as_ref().try_into().unwrap())
    }

    fn public_key(&self) -> [u8; 32] {
        self.0.public_key().as_ref().try_into().unwrap()
    }
}
