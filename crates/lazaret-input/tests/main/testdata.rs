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
