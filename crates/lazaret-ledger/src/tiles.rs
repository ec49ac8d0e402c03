//! C2SP tlog-tiles: the tree cut into tiles of 256 hashes, and their paths.
//!
//! A tile of level L holds the nodes of tree level `8 * L`. A full tile never changes, so it is stored once and
//! can be served from anywhere; the root over its hashes is one hash of the tile above.

use crate::merkle::{Hash, root_of};

/// Hashes in a full tile.
pub const TILE_WIDTH: usize = 256;
/// Tree levels in a tile.
pub const TILE_HEIGHT: u32 = 8;

/// A full tile.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tile {
    /// Its level, 0 over the leaves.
    pub level: u32,
    /// Its number on that level.
    pub number: u64,
    /// The root over its hashes.
    pub root: Hash,
    /// Its 256 hashes, 8,192 bytes.
    pub bytes: Vec<u8>,
}

/// Cuts a growing tree into full tiles.
#[derive(Debug, Clone, Default)]
pub struct Tiler {
    /// For each level the number of its first unfinished tile, and that tile's hashes.
    levels: Vec<(u64, Vec<Hash>)>,
}

impl Tiler {
    /// Takes up where the unfinished tiles of each level stand.
    pub fn resume(levels: Vec<(u64, Vec<Hash>)>) -> Self {
        Self { levels }
    }

    /// Adds a leaf by its hash; every tile that it fills is given to `full`.
    pub fn push(&mut self, leaf: Hash, full: &mut dyn FnMut(Tile)) {
        let mut hash = leaf;
        let mut level = 0;
        loop {
            if self.levels.len() <= level {
                self.levels.push((0, Vec::new()));
            }
            let Some((number, hashes)) = self.levels.get_mut(level) else { return };
            hashes.push(hash);
            if hashes.len() < TILE_WIDTH {
                return;
            }
            let root = root_of(hashes);
            let tile = Tile {
                level: u32::try_from(level).unwrap_or(u32::MAX),
                number: *number,
                root,
                bytes: hashes.concat(),
            };
            *number = number.saturating_add(1);
            hashes.clear();
            full(tile);
            hash = root;
            level += 1;
        }
    }

    /// The unfinished tiles, lowest level first: number and hashes.
    pub fn partial(&self) -> &[(u64, Vec<Hash>)] {
        &self.levels
    }
}

/// The number of a tile or bundle as a path: `1234067` is `x001/x234/067`.
pub fn number_path(number: u64) -> String {
    let mut groups = vec![format!("{:03}", number % 1_000)];
    let mut rest = number / 1_000;
    while rest > 0 {
        groups.push(format!("x{:03}", rest % 1_000));
        rest /= 1_000;
    }
    groups.reverse();
    groups.join("/")
}

/// The path of a tile of hashes; `width` is below 256 for an unfinished one.
pub fn tile_path(level: u32, number: u64, width: usize) -> String {
    with_width(format!("tile/{level}/{}", number_path(number)), width)
}

/// The path of a bundle of entries.
pub fn entries_path(number: u64, width: usize) -> String {
    with_width(format!("tile/entries/{}", number_path(number)), width)
}

fn with_width(path: String, width: usize) -> String {
    if width < TILE_WIDTH { format!("{path}.p/{width}") } else { path }
}

/// Adds one entry to a bundle: its length in two bytes, then its body. False if it is too long.
pub fn bundle(entry: &[u8], out: &mut Vec<u8>) -> bool {
    let Ok(length) = u16::try_from(entry.len()) else { return false };
    out.extend_from_slice(&length.to_be_bytes());
    out.extend_from_slice(entry);
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_follow_the_specification() {
        assert_eq!(number_path(0), "000");
        assert_eq!(number_path(999), "999");
        assert_eq!(number_path(1_000), "x001/000");
        assert_eq!(number_path(1_234_067), "x001/x234/067");
        assert_eq!(tile_path(1, 1, 17), "tile/1/001.p/17");
        assert_eq!(entries_path(273, 256), "tile/entries/273");
    }

    #[test]
    fn an_entry_too_long_for_its_length_is_refused() {
        let mut out = Vec::new();
        assert!(bundle(&vec![0; 65_535], &mut out));
        assert!(!bundle(&vec![0; 65_536], &mut out));
        assert_eq!(out.len(), 65_537);
    }
}
