//! What a log promises: that an entry is in its tree (RFC 6962, 2.1.1), and which tree it has signed (C2SP signed note and
//! checkpoint).

use lazaret_input::base64::{self, Whitespace};
use ring::digest::{Context, SHA256};

use super::root::Log;
use crate::signature::keys::{MAX_KEY, Sha};

type Hash = [u8; 32];

fn hash(parts: &[&[u8]]) -> Hash {
    let mut context = Context::new(&SHA256);
    for part in parts {
        context.update(part);
    }
    context.finish().as_ref().try_into().unwrap_or_default()
}

/// The root that a leaf and its proof lead to (RFC 9162, 2.1.3.2); none where the proof does not fit the tree's size.
pub(super) fn root_of(body: &[u8], index: u64, size: u64, proof: &[Vec<u8>]) -> Option<Hash> {
    if index >= size {
        return None;
    }
    let (mut node, mut last) = (index, size.saturating_sub(1));
    let mut root = hash(&[&[0], body]);
    for sibling in proof {
        if sibling.len() != 32 || last == 0 {
            return None;
        }
        if node & 1 == 1 || node == last {
            root = hash(&[&[1], sibling, &root]);
            // A right-most node without a sibling goes up as it is.
            while node & 1 == 0 && node != 0 {
                node >>= 1;
                last >>= 1;
            }
        } else {
            root = hash(&[&[1], &root, sibling]);
        }
        node >>= 1;
        last >>= 1;
    }
    (last == 0).then_some(root)
}

/// The tree that a log has signed: its size and root. An error says why it is no checkpoint of this log.
pub(super) fn checkpoint(note: &str, log: &Log) -> Result<(u64, Vec<u8>), &'static str> {
    let (body, signatures) = note.split_once("\n\n").ok_or("its checkpoint is no signed note")?;
    let signed = [body, "\n"].concat();
    let hint = log.id.get(..4).ok_or("the log's id is too short")?;
    let is_signed = signatures.lines().any(|line| {
        let encoded = line.strip_prefix("\u{2014} ").and_then(|line| line.rsplit_once(' '));
        let bytes = encoded.and_then(|(_, text)| base64::decode(text, Whitespace::Refused, MAX_KEY).ok());
        let parts = bytes.as_deref().and_then(|bytes| bytes.split_at_checked(4));
        parts.is_some_and(|(key, signature)| {
            key == hint && log.key.verifies_with(Sha::Sha256, signed.as_bytes(), signature)
        })
    });
    if !is_signed {
        return Err("its checkpoint is not signed by that log");
    }
    let mut lines = body.lines().skip(1);
    let size = lines.next().and_then(|size| size.parse().ok());
    let root = lines.next().and_then(|root| base64::decode(root, Whitespace::Refused, MAX_KEY).ok());
    size.zip(root).ok_or("its checkpoint has no size or no root")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The proof of a leaf by the definition of RFC 6962, 2.1.1, and the root of the tree.
    fn proof(leaves: &[Vec<u8>], index: usize) -> (Hash, Vec<Vec<u8>>) {
        if leaves.len() == 1 {
            return (hash(&[&[0], &leaves[0]]), Vec::new());
        }
        let split = leaves.len().next_power_of_two() / 2;
        let (left, right) = leaves.split_at(split);
        let root = |(a, b): (Hash, Hash)| hash(&[&[1], &a, &b]);
        if index < split {
            let ((own, mut path), (other, _)) = (proof(left, index), proof(right, 0));
            path.push(other.to_vec());
            (root((own, other)), path)
        } else {
            let ((own, mut path), (other, _)) = (proof(right, index - split), proof(left, 0));
            path.push(other.to_vec());
            (root((other, own)), path)
        }
    }

    proptest! {
        #[test]
        fn only_the_right_proof_leads_to_the_root(size in 1..40_usize, index in any::<prop::sample::Index>(), wrong in any::<prop::sample::Index>()) {
            let index = index.index(size);
            let leaves: Vec<Vec<u8>> = (0..size).map(|leaf| vec![u8::try_from(leaf).unwrap()]).collect();
            let (root, mut path) = proof(&leaves, index);
            let check = |body: &[u8], index: usize, path: &[Vec<u8>]| root_of(body, index as u64, size as u64, path);
            prop_assert_eq!(check(&leaves[index], index, &path), Some(root));
            prop_assert_ne!(check(b"other", index, &path), Some(root));
            prop_assert_eq!(check(&leaves[index], size, &path), None);
            let mut longer = path.clone();
            longer.push(vec![0; 32]);
            prop_assert_ne!(check(&leaves[index], index, &longer), Some(root));
            if !path.is_empty() {
                let at = wrong.index(path.len());
                path[at][0] ^= 1;
                prop_assert_ne!(check(&leaves[index], index, &path), Some(root));
                path.pop();
                prop_assert_ne!(check(&leaves[index], index, &path), Some(root));
            }
        }

        #[test]
        fn any_numbers_end(index in any::<u64>(), size in any::<u64>(), count in 0..70_usize) {
            root_of(b"", index, size, &vec![vec![0; 32]; count]);
        }
    }
}
