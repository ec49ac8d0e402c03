//! The published vectors, byte for byte.

use std::collections::BTreeMap;

use lazaret_core::hex;
use lazaret_ledger::merkle::{
    Frontier, Hash, LeafNodes, consistency_proof, inclusion_proof, leaf_hash, root_of, sha256,
    verify_consistency, verify_inclusion,
};
use lazaret_ledger::note::{Checkpoint, VerifierKey, unhex};
use lazaret_ledger::tiles::{Tiler, bundle, entries_path, number_path, tile_path};
use serde_json::Value;

use crate::support::SeedSigner;

fn vectors() -> Value {
    serde_json::from_str(include_str!("../../../../testdata/ledger/merkle_vectors.json")).unwrap()
}

fn number(value: &Value) -> u64 {
    value.as_u64().unwrap()
}

fn hashes(value: &Value) -> Vec<Hash> {
    value.as_array().unwrap().iter().map(|hash| unhex(hash.as_str().unwrap()).unwrap()).collect()
}

fn bytes(text: &str) -> Vec<u8> {
    let digit = |byte: u8| char::from(byte).to_digit(16).unwrap();
    text.as_bytes()
        .chunks(2)
        .map(|pair| u8::try_from(digit(pair[0]) << 4 | digit(pair[1])).unwrap())
        .collect()
}

fn leaves(vectors: &Value) -> Vec<Hash> {
    let bodies = vectors["leaves_hex"].as_array().unwrap();
    bodies.iter().map(|body| leaf_hash(&bytes(body.as_str().unwrap()))).collect()
}

fn root(vectors: &Value, size: u64) -> Hash {
    unhex(vectors["roots_hex"][size.to_string()].as_str().unwrap()).unwrap()
}

#[test]
fn roots() {
    let vectors = vectors();
    let leaves = leaves(&vectors);
    for size in 0..=8 {
        assert_eq!(root_of(&leaves[..size]), root(&vectors, size as u64), "{size}");
    }
}

#[test]
fn inclusion_proofs_are_made_and_accepted() {
    let vectors = vectors();
    let leaves = leaves(&vectors);
    let cases = vectors["inclusion"].as_array().unwrap();
    assert_eq!(cases.len(), 24);
    for case in cases {
        let (index, size) = (number(&case["index"]), number(&case["size"]));
        let path = hashes(&case["path"]);
        let ours = inclusion_proof(&mut LeafNodes(&leaves), index, size).unwrap().unwrap();
        assert_eq!(ours, path, "{index} of {size}");
        let leaf = leaves[usize::try_from(index).unwrap()];
        assert!(verify_inclusion(&leaf, index, size, &path, &root(&vectors, size)));
    }
}

#[test]
fn consistency_proofs_are_made_and_accepted() {
    let vectors = vectors();
    let leaves = leaves(&vectors);
    let cases = vectors["consistency"].as_array().unwrap();
    assert_eq!(cases.len(), 31);
    for case in cases {
        let (first, second) = (number(&case["first"]), number(&case["second"]));
        let proof = hashes(&case["proof"]);
        let ours = consistency_proof(&mut LeafNodes(&leaves), first, second).unwrap().unwrap();
        assert_eq!(ours, proof, "{first} to {second}");
        let (old, new) = (root(&vectors, first), root(&vectors, second));
        assert!(verify_consistency(first, second, &old, &new, &proof));
    }
}

#[test]
fn the_large_tree_its_tiles_and_its_entries() {
    let large = &vectors()["large"];
    let mut tree = Frontier::new();
    let mut tiler = Tiler::default();
    let mut digests = BTreeMap::new();
    let mut counts = [0_u64; 3];
    let mut entries = Vec::new();
    for n in 0..70_000_u64 {
        let body = format!("entry-{n}");
        if n < 256 {
            assert!(bundle(body.as_bytes(), &mut entries));
        }
        let leaf = leaf_hash(body.as_bytes());
        tree.push(leaf);
        tiler.push(leaf, &mut |tile| {
            counts[tile.level as usize] += 1;
            digests.insert(tile_path(tile.level, tile.number, 256), hex(&sha256(&tile.bytes)));
        });
        if let Some(root) = large["roots_hex"].get((n + 1).to_string()) {
            assert_eq!(hex(&tree.root()), root.as_str().unwrap(), "{}", n + 1);
        }
    }
    let partial = tiler.partial();
    let shape = &large["tiles_at_70000"];
    assert_eq!(counts[0], number(&shape["level0_full"]));
    assert_eq!(counts[1], number(&shape["level1_full"]));
    for (level, key) in
        ["level0_partial_width", "level1_partial_width", "level2_partial_width"].iter().enumerate()
    {
        let (at, hashes) = &partial[level];
        assert_eq!(hashes.len() as u64, number(&shape[key]));
        let path = tile_path(u32::try_from(level).unwrap(), *at, hashes.len());
        digests.insert(path, hex(&sha256(&hashes.concat())));
    }
    digests.insert(entries_path(0, 256), hex(&sha256(&entries)));
    for (path, digest) in large["sha256_of_tile"].as_object().unwrap() {
        assert_eq!(digests.get(path).map(String::as_str), digest.as_str(), "{path}");
    }
    assert_eq!(number_path(1_234_067), large["path_of_index_1234067"].as_str().unwrap());
}

#[test]
fn the_checkpoint_is_signed_byte_for_byte() {
    let vectors = vectors();
    let case = &vectors["checkpoint"];
    let signer = SeedSigner::new(unhex(case["seed_hex"].as_str().unwrap()).unwrap());
    let key = VerifierKey::parse(case["vkey"].as_str().unwrap()).unwrap();
    assert_eq!(key.to_string(), case["vkey"].as_str().unwrap());
    let note = case["note"].as_str().unwrap();
    let checkpoint = Checkpoint::verify(note, &key).unwrap();
    assert_eq!(checkpoint.size, 70_000);
    assert_eq!(hex(&checkpoint.root), vectors["large"]["roots_hex"]["70000"].as_str().unwrap());
    assert_eq!(checkpoint.sign(&signer).unwrap(), note);
}
