//! Archives and packed files of `testdata/archive`.

use std::path::PathBuf;
use std::sync::Arc;

use lazaret_core::{Hint, Limit, Limits};
use lazaret_input::{MemorySource, read_file};
use lazaret_models::{NoFolder, Report, look};

fn file(name: &str) -> Vec<u8> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../testdata/archive");
    read_file(&folder.join(name), Limit::new("test.max", 1 << 20)).unwrap()
}

fn looked_at(bytes: Vec<u8>, name: &str) -> Report {
    let len = bytes.len() as u64;
    look(Arc::new(MemorySource::new(bytes, Hint::default())), len, name, &NoFolder, &Limits::default())
}

fn places<'a>(report: &'a Report, id: &str) -> Vec<&'a str> {
    report.findings.iter().filter(|finding| finding.id == id).map(|finding| finding.at.as_str()).collect()
}

#[test]
fn archives_are_told_by_their_content() {
    for (name, format) in [
        ("stored.zip", "zip"),
        ("ustar.tar", "tar"),
        ("pax.tar", "tar"),
        ("gnu.tar", "tar"),
        ("lzma2.7z", "7z"),
        ("config.json.xz", "xz"),
        ("config.json.bz2", "bzip2"),
        ("config.json.lzma", "lzma"),
    ] {
        let report = looked_at(file(name), "model.bin");
        assert_eq!(report.format.0, format, "{name}");
        let broken =
            |id: &str| id.starts_with("archive.") && id != "archive.link" || id == "format.malformed";
        assert!(!report.findings.iter().any(|finding| broken(finding.id)), "{name}: {:?}", report.findings);
    }
}

#[test]
fn a_link_in_a_tar_archive_is_told_and_one_that_leaves_is_critical() {
    assert_eq!(places(&looked_at(file("ustar.tar"), "m.tar"), "archive.link"), ["m.tar!link"]);
    let mut bytes = file("ustar.tar");
    let at = bytes.len() - 1024 - 512; // the link's header
    bytes[at + 157..at + 165].copy_from_slice(b"../../xx");
    let sum: u32 =
        (0..512).map(|i| if (148..156).contains(&i) { 32 } else { u32::from(bytes[at + i]) }).sum();
    bytes[at + 148..at + 156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    assert_eq!(places(&looked_at(bytes, "m.tar"), "archive.path-escapes"), ["m.tar!link"]);
}

#[test]
fn a_program_is_found_through_every_packing() {
    let mut elf = b"\x7fELF\x02\x01\x01".to_vec();
    elf.resize(64, 0);
    let mut header = vec![0_u8; 512];
    header[..5].copy_from_slice(b"a.bin");
    header[124..135].copy_from_slice(b"00000000100");
    header[148..156].fill(b' ');
    header[156] = b'0';
    let sum: u32 = header.iter().map(|byte| u32::from(*byte)).sum();
    header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    let tar = [header, elf, vec![0; 512 - 64 + 1024]].concat();
    assert_eq!(places(&looked_at(tar.clone(), "m.tar"), "executable.program"), ["m.tar!a.bin"]);
    let cut = looked_at(tar[..540].to_vec(), "m.tar");
    assert_eq!(places(&cut, "archive.member-unreadable"), ["m.tar!a.bin"]);
    assert_eq!(places(&cut, "executable.program"), ["m.tar!a.bin"]);
}

#[test]
fn what_follows_a_packed_stream_is_told() {
    let bytes = [file("config.json.xz"), b"more".to_vec()].concat();
    let report = looked_at(bytes, "a.xz");
    assert!(
        report.findings.iter().any(|finding| finding.id == "archive.member-unreadable"),
        "{:?}",
        report.findings
    );
    let bytes = [file("config.json.bz2"), file("config.json.bz2"), b"more".to_vec()].concat();
    let report = looked_at(bytes, "a.bz2");
    assert!(
        report.findings.iter().any(|finding| finding.id == "archive.member-unreadable"),
        "{:?}",
        report.findings
    );
    // LZMA's decoder reads a little ahead: where exactly the stream ends is not known.
    let bytes = [file("config.json.lzma"), b"more".repeat(40)].concat();
    assert_eq!(places(&looked_at(bytes, "a.lzma"), "format.trailing-bytes").len(), 1);
}
