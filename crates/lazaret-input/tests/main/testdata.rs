//! Fixtures.

use std::path::PathBuf;

use lazaret_core::Limit;

/// The folder of an area's fixtures.
pub(crate) fn folder(area: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../testdata").join(area)
}

/// A fixture's bytes.
pub(crate) fn read(area: &str, name: &str) -> Vec<u8> {
    lazaret_input::read_file(&folder(area).join(name), Limit::new("test.max", 1 << 20)).unwrap()
}

/// All fixtures of an area, in the order of their names.
pub(crate) fn all(area: &str) -> Vec<Vec<u8>> {
    let mut names: Vec<_> =
        std::fs::read_dir(folder(area)).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    names.sort();
    names
        .iter()
        .filter_map(|name| name.to_str())
        .filter(|name| *name != "SOURCE.md")
        .map(|name| read(area, name))
        .collect()
}
