//! The hashes by which keys and names are found in the table.

/// A fast hash; the keys of the table are fixed, so nobody can crowd one of its slots, and a key from outside
/// is looked up and never kept.
pub(super) fn hash(shape: u16, key: &str) -> usize {
    let mut state = 0x9E37_79B9_7F4A_7C15_u64 ^ u64::from(shape).wrapping_mul(0xA24B_AED4_963E_E407);
    let mut chunks = key.as_bytes().chunks_exact(8);
    for chunk in &mut chunks {
        let word = chunk.try_into().map_or(0, u64::from_le_bytes);
        state = mix(state, word);
    }
    let rest = chunks.remainder().iter().fold(0_u64, |word, byte| (word << 8) | u64::from(*byte));
    usize::try_from(mix(state, rest) >> 32).unwrap_or(0)
}

const fn mix(state: u64, word: u64) -> u64 {
    (state.rotate_left(5) ^ word).wrapping_mul(0x517C_C1B7_2722_0A95)
}

/// The hasher of the table's own maps: see [`hash`].
pub(crate) type Hasher = std::hash::BuildHasherDefault<WordHasher>;

/// Hashes a string by words.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct WordHasher(u64);

impl std::hash::Hasher for WordHasher {
    fn finish(&self) -> u64 {
        self.0.rotate_left(26)
    }

    fn write(&mut self, bytes: &[u8]) {
        for chunk in bytes.chunks(8) {
            let word = chunk.iter().fold(0_u64, |word, byte| (word << 8) | u64::from(*byte));
            self.0 = mix(self.0, word);
        }
    }
}
