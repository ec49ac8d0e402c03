//! Nothing of the notes that detection is measured on stands in lists, cues, templates or tests of ours: the digests of
//! their spans (`testdata/phi/gold.digests`, made by `bench/phi/gold_digests`) are compared with every run of words.
//!
//! A span whose every word is a public one passes: the lists that were taken over whole (census names, places, common
//! words) hold it, and so do days, months, numbers and the words of a facility or street. The digests hold no text.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use crate::inputs::{BASIS, catalogue, fnv};

/// Lists that were taken over whole from the source that `catalogue/phi/SOURCE.md` names.
const UPSTREAM: [&str; 7] = [
    "given-frequent.txt",
    "given.txt",
    "surnames-frequent.txt",
    "surnames.txt",
    "cities.txt",
    "counties.txt",
    "common-words.txt",
];
/// Lists of words that anyone knows: the parts of addresses, dates and titles.
const KNOWN: [&str; 11] = [
    "months.txt",
    "weekdays.txt",
    "states.txt",
    "countries.txt",
    "street-suffixes.txt",
    "facilities.txt",
    "facility-heads.txt",
    "org-suffixes.txt",
    "titles.txt",
    "particles.txt",
    "function-words.txt",
];
/// Names of feasts that anyone knows.
const FEASTS: [&str; 1] = ["anzac"];
/// Most words of a span.
const LONGEST: usize = 8;

#[expect(clippy::disallowed_methods, reason = "a test reads the repository's own files")]
fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap()
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn words(text: &str) -> Vec<String> {
    let parts = text.split(|c: char| !c.is_alphanumeric()).filter(|part| !part.is_empty());
    parts.map(str::to_lowercase).collect()
}

fn gold() -> HashSet<u64> {
    let lines = read(&root().join("testdata/phi/gold.digests"));
    lines.lines().map(|line| u64::from_str_radix(line, 16).unwrap()).collect()
}

/// Words of the lists that were taken over whole, and of those that anyone knows.
fn public() -> HashSet<String> {
    let lists = UPSTREAM.iter().chain(&KNOWN).map(|list| read(&catalogue().join(list)));
    lists.flat_map(|list| words(&list)).chain(FEASTS.map(str::to_owned)).collect()
}

/// Runs of words of a text that are spans of the notes and not made of public words alone.
fn held(text: &str, gold: &HashSet<u64>, public: &HashSet<String>) -> Vec<String> {
    let mut out = Vec::new();
    for line in text.lines() {
        let words = words(line);
        for first in 0..words.len() {
            for last in first..words.len().min(first + LONGEST) {
                let Some(run) = words.get(first..=last) else { continue };
                let known = |word: &String| {
                    public.contains(word)
                        || word.len() < 3
                        || word.chars().all(|c| c.is_ascii_digit()) && word.len() <= 4
                };
                let joined = run.join(" ");
                if gold.contains(&fnv(joined.as_bytes(), BASIS)) && !run.iter().all(known) {
                    out.push(joined);
                }
            }
        }
    }
    out
}

fn files(folder: &Path, endings: &[&str], out: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files(&path, endings, out);
        } else if path.extension().is_some_and(|ending| endings.iter().any(|of| ending == *of)) {
            out.push(path);
        }
    }
}

#[test]
fn the_digests_know_a_span_when_they_see_it() {
    let gold = HashSet::from([fnv(b"xanthe quorrell moss", BASIS)]);
    let public = HashSet::from(["moss".to_owned()]);
    assert_eq!(held("saw Xanthe Quorrell-Moss, then", &gold, &public), ["xanthe quorrell moss"]);
    let public = HashSet::from(["moss".to_owned(), "xanthe".to_owned(), "quorrell".to_owned()]);
    assert!(held("saw Xanthe Quorrell-Moss, then", &gold, &public).is_empty());
}

#[test]
fn no_list_cue_template_or_test_of_ours_holds_a_span_of_the_notes() {
    let (gold, public) = (gold(), public());
    assert!(gold.len() > 900 && public.len() > 100_000);
    let mut all = Vec::new();
    let crate_folder = root().join("crates/lazaret-phi");
    for folder in [crate_folder.join("src"), crate_folder.join("examples"), crate_folder.join("tests")] {
        files(&folder, &["rs", "txt"], &mut all);
    }
    let lists = std::fs::read_dir(catalogue()).unwrap().map(|entry| entry.unwrap().path());
    all.extend(lists.filter(|path| {
        let name = path.file_name().unwrap().to_str().unwrap();
        path.extension().is_some_and(|ending| ending == "txt") && !UPSTREAM.contains(&name)
    }));
    files(&root().join("testdata/phi/marked"), &["txt"], &mut all);
    files(&root().join("testdata/phi/kinds"), &["txt"], &mut all);
    let mut wrong = Vec::new();
    for path in all {
        let held = held(&read(&path), &gold, &public);
        if !held.is_empty() {
            wrong.push(format!("{}: {}", path.display(), held.join(", ")));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
