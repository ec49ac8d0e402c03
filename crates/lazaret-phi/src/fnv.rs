//! FNV-1a, 64 bits (Fowler, Noll, Vo): a hash that is the same everywhere and in every version, where what was made with
//! it must not change.

/// What it begins with.
pub(crate) const START: u64 = 0xcbf2_9ce4_8422_2325;

/// The hash with one byte more.
pub(crate) const fn mixed(hash: u64, byte: u8) -> u64 {
    (hash ^ byte as u64).wrapping_mul(0x0100_0000_01b3)
}

/// The hash of some bytes.
pub(crate) fn fnv(bytes: impl Iterator<Item = u8>) -> u64 {
    bytes.fold(START, mixed)
}
