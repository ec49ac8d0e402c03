//! What the weights are learnt from, as one number: it stands beside them, so that lists or templates that were changed
//! without training anew are seen.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// Where the lists are, from the crate's folder.
pub(crate) fn catalogue() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../catalogue/phi")
}

/// FNV-1a, 64 bits (Fowler, Noll, Vo).
pub(crate) fn fnv(bytes: &[u8], so_far: u64) -> u64 {
    bytes.iter().fold(so_far, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3))
}

/// What FNV-1a begins with.
pub(crate) const BASIS: u64 = 0xcbf2_9ce4_8422_2325;

/// Notes that are learnt from none of: they tell what is found in notes of others.
const KEPT_APART: [&str; 2] = ["own_notes14.src.txt", "own_notes17.src.txt"];

/// The notes and lines with marks that are learnt from, in order.
pub(crate) fn marked() -> io::Result<Vec<PathBuf>> {
    let phi = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testdata/phi");
    let mut files = Vec::new();
    for folder in ["kinds", "marked"] {
        for entry in fs::read_dir(phi.join(folder))? {
            files.push(entry?.path());
        }
    }
    files.retain(|path| !KEPT_APART.iter().any(|name| path.ends_with(name)));
    files.sort();
    Ok(files)
}

/// The digest of all lists and of what writes the lessons: its templates, its notes, its slots, its settings. Line ends and
/// the order of files do not count on where it is run.
#[expect(clippy::disallowed_methods, reason = "a tool and its test read the repository's own lists")]
pub(crate) fn digest() -> io::Result<u64> {
    let train = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/train");
    let mut files: Vec<PathBuf> = fs::read_dir(catalogue())?
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.extension().is_some_and(|ending| ending == "txt"))
        .filter(|path| path.file_name().is_some_and(|name| name != "professions.txt"))
        .collect();
    files.sort();
    files.extend(
        ["main.rs", "notes.rs", "slots.rs", "templates.txt", "words.rs"].map(|name| train.join(name)),
    );
    files.extend(marked()?);
    let mut hash = BASIS;
    for file in files {
        hash = fnv(fs::read_to_string(file)?.replace('\r', "").as_bytes(), hash);
    }
    Ok(hash)
}

/// The line that stands beside the weights: the digest of what they were learnt from, and their own.
pub(crate) fn line(words: &[u8], numbers: &[u8]) -> io::Result<String> {
    let (inputs, words, numbers) = (digest()?, fnv(words, BASIS), fnv(numbers, BASIS));
    Ok(format!("inputs {inputs:016x} weights {words:016x} numbers {numbers:016x}\n"))
}
