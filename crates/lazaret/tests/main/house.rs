//! The rules of the house: which room may know which, how long a file may be, what is never read.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).unwrap().to_owned()
}

fn tracked(endings: &[&str]) -> Vec<PathBuf> {
    let output =
        Command::new("git").args(["ls-files", "-z"]).current_dir(root()).output().expect("git is there");
    assert!(output.status.success(), "the tests run in a checkout");
    let list = String::from_utf8(output.stdout).unwrap();
    let files = list.split('\0').filter(|name| endings.iter().any(|ending| name.ends_with(ending)));
    files.map(|name| root().join(name)).filter(|path| path.exists()).collect()
}

/// Normal and build dependencies between rooms, as ARCHITECTURE.md draws them.
const ARROWS: &[(&str, &[&str])] = &[
    ("lazaret-core", &[]),
    ("lazaret-input", &["lazaret-core"]),
    ("lazaret-phi", &["lazaret-core", "lazaret-input"]),
    ("lazaret-ner", &["lazaret-core", "lazaret-input", "lazaret-phi"]),
    ("lazaret-policy", &["lazaret-core", "lazaret-input"]),
    ("lazaret-ledger", &["lazaret-core", "lazaret-input"]),
    ("lazaret-vault", &["lazaret-core", "lazaret-input"]),
    ("lazaret-ingest", &["lazaret-core", "lazaret-input"]),
    ("lazaret-models", &["lazaret-core", "lazaret-input"]),
    ("lazaret-traffic", &["lazaret-core", "lazaret-input"]),
];

#[test]
fn no_room_knows_a_room_it_may_not() {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version", "1", "--no-deps"])
        .current_dir(root())
        .output()
        .unwrap();
    let metadata: serde_json::Value =
        serde_json::from_str(std::str::from_utf8(&output.stdout).unwrap()).unwrap();
    let allowed: BTreeMap<&str, &[&str]> = ARROWS.iter().copied().collect();
    let mut seen = BTreeSet::new();
    for package in metadata["packages"].as_array().unwrap() {
        let name = package["name"].as_str().unwrap();
        seen.insert(name.to_owned());
        let Some(may) = allowed.get(name) else {
            assert_eq!(name, "lazaret", "{name} has no line in ARROWS");
            continue;
        };
        for dependency in package["dependencies"].as_array().unwrap() {
            let of = dependency["name"].as_str().unwrap();
            let is_arrow = dependency["kind"] != "dev" && of.starts_with("lazaret");
            assert!(!is_arrow || may.contains(&of), "{name} must not know {of}");
        }
    }
    assert_eq!(seen.len(), ARROWS.len() + 1, "{seen:?}");
}

#[test]
fn every_file_says_what_it_is_for_and_none_is_too_long() {
    for path in tracked(&[".rs"]) {
        let text = std::fs::read_to_string(&path).unwrap();
        let name = path.display();
        let first = text.lines().find(|line| !line.is_empty() && !line.starts_with("#![")).unwrap_or("");
        assert!(first.starts_with("//!"), "{name} does not open with `//!`");
        let lines = text.lines().count();
        assert!(lines <= 1_000, "{name} has {lines} lines; a thousand are the most");
    }
}

#[test]
fn nothing_that_is_built_or_tested_reads_outside_the_repository() {
    let shared = ["..", "shared"].join("/");
    for path in tracked(&[".rs", ".toml", ".py", "scripts/demo", "scripts/test", ".ci/run"]) {
        let in_bench = path.strip_prefix(root()).unwrap().starts_with("bench");
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(in_bench || !text.contains(&shared), "{} reads outside the repository", path.display());
    }
}

#[test]
fn one_file_calls_the_operating_system_by_name() {
    for path in tracked(&[".rs"]) {
        let name = path.strip_prefix(root()).unwrap();
        let in_a_room = name.starts_with("crates") && name.components().any(|part| part.as_os_str() == "src");
        if !in_a_room || name.ends_with("lazaret-input/src/platform.rs") {
            continue;
        }
        let text = std::fs::read_to_string(&path).unwrap();
        let shipped = text.split("\n#[cfg(test)]\nmod tests {").next().unwrap();
        for word in ["std::os::", "cfg(unix", "cfg(windows", "cfg!(unix", "cfg!(windows", "target_os"] {
            assert!(!shipped.contains(word), "{} says `{word}`: that belongs in platform.rs", name.display());
        }
    }
}

#[test]
fn one_provider_of_cryptography() {
    let lock = std::fs::read_to_string(root().join("Cargo.lock")).unwrap();
    for other in ["openssl-sys", "aws-lc-rs", "aws-lc-sys", "rustls-openssl", "native-tls", "boring"] {
        assert!(!lock.contains(&format!("name = \"{other}\"")), "{other} came in beside ring");
    }
    assert!(lock.contains("name = \"ring\""));
}

/// What most builds do not need stays out of them: candle and its numerics come with a feature that is off.
#[test]
fn the_model_is_in_no_build_that_does_not_ask_for_it() {
    let tree = Command::new(env!("CARGO"))
        .args(["tree", "--package", "lazaret", "--edges", "normal,build", "--prefix", "none", "--locked"])
        .current_dir(root())
        .output()
        .unwrap();
    assert!(tree.status.success(), "{}", String::from_utf8_lossy(&tree.stderr));
    let tree = String::from_utf8(tree.stdout).unwrap();
    assert!(tree.contains("lazaret-phi"));
    for one in ["lazaret-ner", "candle-core", "tokenizers", "safetensors"] {
        assert!(!tree.lines().any(|line| line.starts_with(one)), "{one} is in lazaret without `ner-model`");
    }
}
