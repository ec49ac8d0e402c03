//! Random bytes from the operating system.

use lazaret_core::{Random, RandomError};
use ring::rand::SecureRandom as _;

/// The operating system's random source.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemRandom;

impl Random for SystemRandom {
    fn fill(&self, buffer: &mut [u8]) -> Result<(), RandomError> {
        ring::rand::SystemRandom::new().fill(buffer).map_err(|_| RandomError)
    }
}

/// A new array of random bytes.
pub(crate) fn random_bytes<const N: usize>() -> Result<[u8; N], RandomError> {
    let mut bytes = [0_u8; N];
    SystemRandom.fill(&mut bytes)?;
    Ok(bytes)
}
