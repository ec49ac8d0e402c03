//! Every fuzz target over its seeds, and over thousands of changed ones: the same on every machine, on stable Rust.
//! The fuzzer goes further (`fuzz/README.md`); what it finds becomes a seed.

use std::collections::BTreeSet;
use std::path::Path;

use crate::targets::{TARGETS, Target};

/// Seeds longer than this are for the fuzzer alone.
const LONGEST: usize = 8 << 10;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).unwrap()
}

/// The files of a folder and of those in it, in the order of their names.
fn files(folder: &Path, ending: &str, out: &mut Vec<Vec<u8>>) {
    let mut paths: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    for path in paths {
        if path.is_dir() {
            files(&path, ending, out);
        } else if path.to_str().unwrap().ends_with(ending) && !path.ends_with("SOURCE.md") {
            out.push(std::fs::read(path).unwrap());
        }
    }
}

fn seeds(target: &Target) -> Vec<Vec<u8>> {
    let mut seeds = Vec::new();
    for (folder, ending) in target.seeds {
        files(&root().join(folder), ending, &mut seeds);
    }
    seeds.retain(|seed| seed.len() <= LONGEST);
    assert!(!seeds.is_empty(), "{} has seeds", target.name);
    seeds
}

#[test]
fn every_target_has_a_file_a_line_and_a_place_in_the_list() {
    let mut names: Vec<_> = TARGETS.iter().map(|target| target.name).collect();
    if cfg!(not(feature = "ner-model")) {
        names.push("model"); // in the list where it is built
        names.sort_unstable();
    }
    assert!(names.is_sorted());
    let files = std::fs::read_dir(root().join("fuzz/fuzz_targets")).unwrap();
    let files: BTreeSet<_> =
        files.map(|entry| entry.unwrap().path().file_stem().unwrap().to_str().unwrap().to_owned()).collect();
    assert!(files.iter().eq(names.iter()), "fuzz_targets has {files:?}");
    let manifest = std::fs::read_to_string(root().join("fuzz/Cargo.toml")).unwrap();
    assert_eq!(manifest.matches("[[bin]]").count(), names.len());
    for name in names {
        assert!(manifest.contains(&format!("name = \"{name}\"")), "{name} is in fuzz/Cargo.toml");
        let file = root().join(format!("fuzz/fuzz_targets/{name}.rs"));
        assert!(std::fs::read_to_string(file).unwrap().contains(&format!("lazaret_fuzz::{name}(bytes)")));
    }
}

/// A target whose seeds are refused at once sees little.
#[cfg(feature = "ner-model")]
#[test]
fn every_seed_of_a_model_is_a_model() {
    let target = TARGETS.iter().find(|target| target.name == "model").unwrap();
    let seeds = seeds(target);
    assert_eq!(seeds.len(), 4);
    for seed in seeds {
        let said = (target.run)(&seed);
        assert!(said.starts_with("sha256:"), "{said}");
    }
}

#[test]
fn changed_seeds_end_the_same_way_twice() {
    std::thread::scope(|scope| {
        for target in TARGETS {
            scope.spawn(|| replay(target));
        }
    });
}

fn replay(target: &Target) {
    let mut random = Random(0x9e37_79b9_7f4a_7c15);
    let seeds = seeds(target);
    for seed in &seeds {
        assert_eq!((target.run)(seed), (target.run)(seed), "{}: {}", target.name, seed.escape_ascii());
    }
    let times = std::env::var("LAZARET_REPLAYS").map_or(1, |times| times.parse().unwrap());
    for round in 0..target.replays * times {
        let mut bytes = seeds[random.below(seeds.len())].clone();
        for _ in 0..=round % 6 {
            change(&mut bytes, &mut random);
        }
        let told = std::panic::catch_unwind(|| ((target.run)(&bytes), (target.run)(&bytes)));
        let same = told.is_ok_and(|(once, twice)| once == twice);
        assert!(same, "{}: {}", target.name, bytes.escape_ascii());
    }
}

const PIECES: [&[u8]; 32] = [
    b"\"",
    b"\\",
    b"{",
    b"[",
    b"]",
    b"}",
    b",",
    b":",
    b"\\u0000",
    b"\\ud800",
    b"NaN",
    b"1e999",
    b"\0",
    b"\xff",
    b"<!DOCTYPE a>",
    b"<!--",
    b"&#0;",
    b"\r\n",
    b"\xef\xbb\xbf",
    b"\x1f\x8b\x08",
    b"@",
    b"://",
    b"1-",
    b"Dr. ",
    b"MRN 1",
    b"\xe2\x80\x8b",
    b"e\xcc\x81",
    b"\xef\xbc\x91",
    b"+",
    b"=",
    b"'",
    b"99999999999999999999",
];

/// One change: a bit, a byte, a piece put in, a part taken out or doubled, the end cut off.
fn change(bytes: &mut Vec<u8>, random: &mut Random) {
    let at = random.below(bytes.len() + 1);
    let end = at + random.below(bytes.len() + 1 - at).min(64);
    match random.below(7) {
        0 => bytes.get_mut(at).into_iter().for_each(|byte| *byte ^= 1 << (random.0 >> 61)),
        1 => bytes.get_mut(at).into_iter().for_each(|byte| *byte = random.0.to_le_bytes()[7]),
        2 | 3 => drop(bytes.splice(at..at, PIECES[random.below(PIECES.len())].iter().copied())),
        4 => drop(bytes.drain(at..end)),
        5 => {
            let part = bytes[at..end].to_vec();
            drop(bytes.splice(at..at, part));
        }
        _ if random.below(8) == 0 => bytes.truncate(at),
        _ => {}
    }
}

/// A small generator: the same numbers on every machine.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % bound.max(1)
    }
}
