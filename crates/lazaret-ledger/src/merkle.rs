//! The Merkle tree of RFC 6962, section 2.1: hashes, roots, and proofs made and verified.
//!
//! Leaf and inner hashes differ by their first byte (0x00, 0x01), so a leaf can never pass for a node. A node
//! is named by its level (0 for leaves) and its number on that level; a *perfect* node covers `2^level` leaves
//! and never changes once they are there, so only perfect nodes are stored ([`Nodes`]).

use std::convert::Infallible;

use ring::digest::{Context, SHA256, digest};

/// A SHA-256 hash.
pub type Hash = [u8; 32];

/// SHA-256 of some bytes.
pub fn sha256(bytes: &[u8]) -> Hash {
    to_hash(digest(&SHA256, bytes).as_ref())
}

/// The hash of a leaf: SHA-256(0x00 || body).
pub fn leaf_hash(body: &[u8]) -> Hash {
    let mut context = Context::new(&SHA256);
    context.update(&[0]);
    context.update(body);
    to_hash(context.finish().as_ref())
}

/// The hash of an inner node: SHA-256(0x01 || left || right).
pub fn node_hash(left: &Hash, right: &Hash) -> Hash {
    let mut bytes = [1_u8; 65];
    let (_, children) = bytes.split_at_mut(1);
    let (first, second) = children.split_at_mut(32);
    first.copy_from_slice(left);
    second.copy_from_slice(right);
    sha256(&bytes)
}

/// The root of no leaves: SHA-256 of nothing.
pub fn empty_root() -> Hash {
    sha256(&[])
}

fn to_hash(bytes: &[u8]) -> Hash {
    let mut hash = [0; 32];
    for (to, from) in hash.iter_mut().zip(bytes) {
        *to = *from;
    }
    hash
}

/// A tree that only grows, kept as its perfect subtrees from left to right: one hash for each bit set in its
/// size.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Frontier {
    size: u64,
    perfect: Vec<Hash>,
}

impl Frontier {
    /// The empty tree.
    pub fn new() -> Self {
        Self::default()
    }

    /// The tree of a size, its perfect subtrees read from where they are stored.
    pub fn read<N: Nodes>(nodes: &mut N, size: u64) -> Result<Self, N::Error> {
        let mut perfect = Vec::new();
        for (level, number) in perfect_subtrees(size) {
            perfect.push(nodes.node(level, number)?);
        }
        Ok(Self { size, perfect })
    }

    /// Adds a leaf by its hash.
    pub fn push(&mut self, leaf: Hash) {
        let mut hash = leaf;
        for _ in 0..self.size.trailing_ones() {
            if let Some(left) = self.perfect.pop() {
                hash = node_hash(&left, &hash);
            }
        }
        self.perfect.push(hash);
        self.size = self.size.saturating_add(1);
    }

    /// How many leaves.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// The root over all leaves.
    pub fn root(&self) -> Hash {
        let mut from_right = self.perfect.iter().rev();
        let Some(last) = from_right.next() else { return empty_root() };
        from_right.fold(*last, |right, left| node_hash(left, &right))
    }
}

/// The perfect subtrees of a size from left to right, as level and number.
fn perfect_subtrees(size: u64) -> impl Iterator<Item = (u32, u64)> {
    let mut begin = 0_u64;
    (0..u64::BITS).rev().filter(move |level| size & (1 << level) != 0).map(move |level| {
        let number = begin >> level;
        begin = begin.wrapping_add(1 << level);
        (level, number)
    })
}

/// Where the perfect nodes of a tree are found.
pub trait Nodes {
    /// Why one could not be read.
    type Error;
    /// The node of a level with a number: it covers the leaves `number << level .. (number + 1) << level`.
    fn node(&mut self, level: u32, number: u64) -> Result<Hash, Self::Error>;
}

/// The nodes of a tree whose leaf hashes are all in memory.
#[derive(Debug, Clone, Copy)]
pub struct LeafNodes<'a>(pub &'a [Hash]);

impl Nodes for LeafNodes<'_> {
    type Error = Infallible;

    fn node(&mut self, level: u32, number: u64) -> Result<Hash, Infallible> {
        let begin = usize::try_from(number << level).unwrap_or(usize::MAX);
        let end = begin.saturating_add(1 << level).min(self.0.len());
        Ok(root_of(self.0.get(begin..end).unwrap_or_default()))
    }
}

/// The root over some leaf hashes.
pub fn root_of(leaves: &[Hash]) -> Hash {
    let mut tree = Frontier::new();
    for leaf in leaves {
        tree.push(*leaf);
    }
    tree.root()
}

/// The root of the first `size` leaves.
pub fn root_at<N: Nodes>(nodes: &mut N, size: u64) -> Result<Hash, N::Error> {
    Ok(Frontier::read(nodes, size)?.root())
}

/// The proof that a leaf is in the tree of a size (RFC 6962, 2.1.1). None if there is no such leaf.
pub fn inclusion_proof<N: Nodes>(
    nodes: &mut N,
    index: u64,
    size: u64,
) -> Result<Option<Vec<Hash>>, N::Error> {
    if index >= size {
        return Ok(None);
    }
    let mut path = Vec::new();
    let (mut begin, mut end) = (0, size);
    while end - begin > 1 {
        let middle = begin + split(end - begin);
        if index < middle {
            path.push(range_root(nodes, middle, end)?);
            end = middle;
        } else {
            path.push(range_root(nodes, begin, middle)?);
            begin = middle;
        }
    }
    path.reverse();
    Ok(Some(path))
}

/// The proof that the tree of the first size is the beginning of the tree of the second (RFC 6962, 2.1.2).
/// None unless `0 < first <= second`.
pub fn consistency_proof<N: Nodes>(
    nodes: &mut N,
    first: u64,
    second: u64,
) -> Result<Option<Vec<Hash>>, N::Error> {
    if first == 0 || first > second {
        return Ok(None);
    }
    let mut proof = Vec::new();
    let (mut begin, mut end) = (0, second);
    let mut whole = true; // whether the part before `first` is the whole first tree, whose root is known
    while first != end {
        let middle = begin + split(end - begin);
        if first <= middle {
            proof.push(range_root(nodes, middle, end)?);
            end = middle;
        } else {
            proof.push(range_root(nodes, begin, middle)?);
            begin = middle;
            whole = false;
        }
    }
    if !whole {
        proof.push(range_root(nodes, begin, end)?);
    }
    proof.reverse();
    Ok(Some(proof))
}

/// The root over the leaves `begin..end`, where `begin` is a multiple of the power of two not below their
/// number: a right or left part of a split.
fn range_root<N: Nodes>(nodes: &mut N, begin: u64, end: u64) -> Result<Hash, N::Error> {
    let mut right_to_left = Vec::new();
    for (level, number) in perfect_subtrees(end - begin) {
        right_to_left.push(nodes.node(level, (begin >> level) + number)?);
    }
    let mut from_right = right_to_left.iter().rev();
    let Some(last) = from_right.next() else { return Ok(empty_root()) };
    Ok(from_right.fold(*last, |right, left| node_hash(left, &right)))
}

/// The largest power of two below a number of leaves above 1.
fn split(leaves: u64) -> u64 {
    1 << (leaves - 1).ilog2()
}

/// Whether a path proves that the leaf is at the index of the tree with this size and root (RFC 9162, 2.1.3.2).
pub fn verify_inclusion(leaf: &Hash, index: u64, size: u64, path: &[Hash], root: &Hash) -> bool {
    if index >= size {
        return false;
    }
    let (mut number, mut last) = (index, size - 1);
    let mut hash = *leaf;
    for sibling in path {
        if last == 0 {
            return false;
        }
        if number & 1 == 1 || number == last {
            hash = node_hash(sibling, &hash);
            while number & 1 == 0 && number != 0 {
                number >>= 1;
                last >>= 1;
            }
        } else {
            hash = node_hash(&hash, sibling);
        }
        number >>= 1;
        last >>= 1;
    }
    last == 0 && hash == *root
}

/// Whether a proof shows that the first tree is the beginning of the second (RFC 9162, 2.1.4.2).
pub fn verify_consistency(
    first: u64,
    second: u64,
    first_root: &Hash,
    second_root: &Hash,
    proof: &[Hash],
) -> bool {
    if first == 0 || first > second {
        return false;
    }
    if first == second {
        return proof.is_empty() && first_root == second_root;
    }
    let mut proof = proof.iter();
    let seed = if first.is_power_of_two() { Some(first_root) } else { proof.next() };
    let Some(seed) = seed else { return false };
    let (mut number, mut last) = (first - 1, second - 1);
    while number & 1 == 1 {
        number >>= 1;
        last >>= 1;
    }
    let (mut old, mut new) = (*seed, *seed);
    for hash in proof {
        if last == 0 {
            return false;
        }
        if number & 1 == 1 || number == last {
            old = node_hash(hash, &old);
            new = node_hash(hash, &new);
            while number & 1 == 0 && number != 0 {
                number >>= 1;
                last >>= 1;
            }
        } else {
            new = node_hash(&new, hash);
        }
        number >>= 1;
        last >>= 1;
    }
    last == 0 && old == *first_root && new == *second_root
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn leaves(count: u64) -> Vec<Hash> {
        (0..count).map(|n| leaf_hash(&n.to_be_bytes())).collect()
    }

    proptest! {
        #[test]
        fn every_proof_made_is_accepted_and_no_changed_one(size in 1_u64..300, at in any::<u64>(), bit in any::<u16>()) {
            let leaves = leaves(size);
            let index = at % size;
            let root = root_of(&leaves);
            let leaf = leaves[usize::try_from(index).unwrap()];
            let mut path = inclusion_proof(&mut LeafNodes(&leaves), index, size).unwrap().unwrap();
            prop_assert!(verify_inclusion(&leaf, index, size, &path, &root));
            prop_assert!(!verify_inclusion(&leaf, index + 1, size, &path, &root));
            prop_assert!(!verify_inclusion(&leaf_hash(b"other"), index, size, &path, &root));
            if !path.is_empty() {
                let nth = usize::from(bit) % path.len();
                path[nth][usize::from(bit >> 8) % 32] ^= 1;
                prop_assert!(!verify_inclusion(&leaf, index, size, &path, &root));
            }
        }

        #[test]
        fn a_tree_is_consistent_with_each_of_its_beginnings_only(second in 1_u64..300, at in any::<u64>()) {
            let leaves = leaves(second);
            let first = at % second + 1;
            let old = root_of(&leaves[..usize::try_from(first).unwrap()]);
            let new = root_of(&leaves);
            let proof = consistency_proof(&mut LeafNodes(&leaves), first, second).unwrap().unwrap();
            prop_assert!(verify_consistency(first, second, &old, &new, &proof));
            prop_assert!(!verify_consistency(first, second, &leaf_hash(b"x"), &new, &proof));
            prop_assert!(!verify_consistency(first, second, &old, &leaf_hash(b"x"), &proof));
        }

        #[test]
        fn nonsense_is_refused_without_panic(
            index in any::<u64>(), size in any::<u64>(), path in prop::collection::vec(any::<[u8; 32]>(), 0..70),
        ) {
            prop_assert!(!verify_inclusion(&[1; 32], index, size, &path, &[2; 32]));
            prop_assert!(!verify_consistency(index, size, &[1; 32], &[2; 32], &path));
        }
    }
}
