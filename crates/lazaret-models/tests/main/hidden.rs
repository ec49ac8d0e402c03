//! What lies in bytes that loaders pass over: comments, extra fields, padding, names.

use std::sync::Arc;

use lazaret_core::{Hint, Limits, Severity};
use lazaret_input::MemorySource;
use lazaret_models::{NoFolder, Report, look};

/// Calls `posix.system`, in protocol 2 and 0.
const CALL: &[u8] = b"\x80\x02cposix\nsystem\nX\x04\0\0\0true\x85R.";
const EARLY: &[u8] = b"cposix\nsystem\n(S'true'\ntR.";
/// The same by INST, which takes its arguments from a mark before it, and by `STACK_GLOBAL`.
const INST: &[u8] = b"(S'true'\niposix\nsystem\n.";
const STACKED: &[u8] = b"\x8c\x05posix\x8c\x06system\x93\x8c\x04true\x85R.";

fn looked_at(bytes: &[u8], limits: &Limits) -> Report {
    let source = Arc::new(MemorySource::new(bytes.to_vec(), Hint::default()));
    look(source, bytes.len() as u64, "model", &NoFolder, limits)
}

fn worst(bytes: &[u8]) -> Option<Severity> {
    looked_at(bytes, &Limits::default()).findings.iter().map(|finding| finding.severity).max()
}

fn u16_of(bytes: &[u8]) -> [u8; 2] {
    u16::try_from(bytes.len()).unwrap().to_le_bytes()
}

/// A zip archive of one stored member with these fields and comments.
fn zip(local: &[u8], central: &[u8], comment: &[u8], end: &[u8]) -> Vec<u8> {
    let sizes = [[0x86, 0xa6, 0x10, 0x36], [5, 0, 0, 0], [5, 0, 0, 0]].concat();
    let member =
        [b"PK\x03\x04\x14\0", &[0; 8][..], &sizes, &[5, 0], &u16_of(local), b"a.txt", local, b"hello"]
            .concat();
    let entry = [
        b"PK\x01\x02\x14\0\x14\0",
        &[0; 8][..],
        &sizes,
        &[5, 0],
        &u16_of(central),
        &u16_of(comment),
        &[0; 12],
        b"a.txt",
        central,
        comment,
    ]
    .concat();
    let at = u32::try_from(member.len()).unwrap().to_le_bytes();
    let len = u32::try_from(entry.len()).unwrap().to_le_bytes();
    let ends = [b"PK\x05\x06\0\0\0\0\x01\0\x01\0", &len[..], &at, &u16_of(end), end].concat();
    [member, entry, ends].concat()
}

fn extra(id: u16, body: &[u8]) -> Vec<u8> {
    [&id.to_le_bytes()[..], &u16_of(body), body].concat()
}

#[test]
fn comments_and_extra_fields_of_zip_archives_are_looked_at() {
    for hidden in [CALL, EARLY, INST, STACKED] {
        let noted = [b"a note: ".as_slice(), hidden].concat();
        let field = extra(0x5455, hidden);
        for (what, archive) in [
            ("archive's comment", zip(&[], &[], &[], hidden)),
            ("archive's comment, behind text", zip(&[], &[], &[], &noted)),
            ("entry's comment", zip(&[], &[], &noted, &[])),
            ("central extra field", zip(&[], &field, &[], &[])),
            ("local extra field", zip(&field, &[], &[], &[])),
        ] {
            let report = looked_at(&archive, &Limits::default());
            assert_eq!(report.format.0, "zip");
            let ids: Vec<&str> = report.findings.iter().map(|finding| finding.id).collect();
            assert!(ids.contains(&"pickle.dangerous-call"), "{what}: {ids:?}");
            assert!(ids.contains(&"format.hidden-content"), "{what}: {ids:?}");
        }
    }
    let plain = zip(
        &extra(0x4246, &[b'Z'; 40]),
        &extra(0x5455, b"\x03\0\0\0\0\0\0\0\0"),
        b"the weights of layer 1; model 2, c\nabc\nd",
        br#"{"made by": "tool 1.2", "see": "https://lazaret.example", "run": "c = os.system"}"#,
    );
    assert_eq!(looked_at(&plain, &Limits::default()).findings, []);
}

fn octal(header: &mut [u8]) {
    header.get_mut(148..156).unwrap().fill(b' ');
    let sum: u32 = header.iter().map(|byte| u32::from(*byte)).sum();
    header.get_mut(148..156).unwrap().copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
}

/// A header of a tar member of this kind and length.
fn header(kind: u8, name: &[u8], len: usize) -> Vec<u8> {
    let mut header = vec![0; 512];
    header.get_mut(..name.len()).unwrap().copy_from_slice(name);
    header.get_mut(124..135).unwrap().copy_from_slice(format!("{len:011o}").as_bytes());
    *header.get_mut(156).unwrap() = kind;
    header.get_mut(257..263).unwrap().copy_from_slice(b"ustar\0");
    octal(&mut header);
    header
}

fn block(bytes: &[u8]) -> Vec<u8> {
    let mut block = bytes.to_vec();
    block.resize(bytes.len().next_multiple_of(512), 0);
    block
}

#[test]
fn headers_and_padding_of_tar_archives_are_looked_at() {
    let member = |padding: &[u8]| [header(b'0', b"a.txt", 5), block(&[b"hello", padding].concat())].concat();
    let end = [0; 1024];
    assert_eq!(worst(&[member(&[]), end.to_vec()].concat()), None);
    // Letters that pickles begin with, too.
    for first in (b'0'..=b'z').filter(u8::is_ascii_alphanumeric) {
        let named = header(b'0', &[&[first][..], b"ICENSE.txt"].concat(), 5);
        assert_eq!(worst(&[named, block(b"hello"), end.to_vec()].concat()), None, "{}", char::from(first));
    }
    for archive in [
        [member(CALL), end.to_vec()].concat(),
        [member(&[&[0; 9], EARLY].concat()), member(&[]), end.to_vec()].concat(),
        // Behind the end of a name, in a label, behind the last member.
        [header(b'0', &[b"a.txt\0", CALL].concat(), 5), block(b"hello"), end.to_vec()].concat(),
        [header(b'V', b"label", CALL.len()), block(CALL), member(&[]), end.to_vec()].concat(),
        [
            header(b'L', b"././@LongLink", CALL.len() + 6),
            block(&[b"a.txt\0", CALL].concat()),
            member(&[]),
            end.to_vec(),
        ]
        .concat(),
    ] {
        assert_eq!(worst(&archive), Some(Severity::Critical));
    }
}

#[test]
fn what_packed_streams_carry_beside_their_data_is_looked_at() {
    // {"a":1}
    const DEFLATED: &[u8] = b"\xab\x56\x4a\x54\xb2\x32\xac\x05\0\xaf\xac\x1b\x56\x07\0\0\0";
    let gzip = |flags: u8, fields: &[u8]| {
        [b"\x1f\x8b\x08", &[flags][..], b"\0\0\0\0\0\xff", fields, DEFLATED].concat()
    };
    let named = [EARLY, b"\0"].concat();
    let report = looked_at(&gzip(8, b"config.json\0"), &Limits::default());
    assert_eq!((report.format.0, report.findings.len()), ("gzip", 0), "{:?}", report.findings);
    for stream in [
        gzip(8, &named),
        gzip(16, &named),
        gzip(4, &[&u16_of(CALL)[..], CALL].concat()),
        gzip(28, &[b"\x04\0abcd".as_slice(), b"name\0", &named].concat()),
        [gzip(0, b""), gzip(8, &named)].concat(),
    ] {
        assert_eq!(worst(&stream), Some(Severity::Critical));
    }
    // A frame of {"a":1} without checksum, and one that readers skip.
    let frame = b"\x28\xb5\x2f\xfd\x20\x07\x39\0\0{\"a\":1}";
    let skipped = |body: &[u8]| {
        [b"\x5a\x2a\x4d\x18", &u32::try_from(body.len()).unwrap().to_le_bytes()[..], body].concat()
    };
    assert_eq!(worst(&[skipped(b"made by a tool"), frame.to_vec()].concat()), None);
    for stream in [[skipped(CALL), frame.to_vec()].concat(), [frame.to_vec(), skipped(CALL)].concat()] {
        assert_eq!(worst(&stream), Some(Severity::Critical));
    }
}

#[test]
fn headers_that_go_on_behind_their_end_are_looked_at() {
    let array = "{'descr': '<f8', 'fortran_order': False, 'shape': (2,), }";
    let npy = |behind: &[u8]| {
        let header = [array.as_bytes(), behind].concat();
        [b"\x93NUMPY\x01\0", &u16_of(&header)[..], &header, &[0; 16]].concat()
    };
    let tensors = br#"{"w":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}"#;
    let safetensors = |behind: &[u8]| {
        let header = [tensors.as_slice(), behind].concat();
        [&(header.len() as u64).to_le_bytes(), header.as_slice(), &[0; 8]].concat()
    };
    for quiet in [npy(b"      \n"), safetensors(b"      ")] {
        assert_eq!(worst(&quiet), None);
    }
    for behind in [[b"  ".as_slice(), CALL].concat(), [b" # ".as_slice(), EARLY].concat()] {
        assert_eq!(worst(&npy(&behind)), Some(Severity::Critical));
        assert_eq!(worst(&safetensors(&behind)), Some(Severity::Critical));
    }
}

#[test]
fn the_search_ends_at_its_limit_and_says_so() {
    let mut limits = Limits::default();
    limits.set("models.max_passed_over", 64 << 10);
    let report = looked_at(&zip(&[], &[], &[], &b"\x80\x02".repeat(1_000)), &limits);
    let said: Vec<_> = report.findings.iter().map(|finding| finding.id).collect();
    assert_eq!(said, ["input.uninspectable"]);
    let report = looked_at(&zip(&[], &[], &[], b"a note"), &limits);
    assert_eq!(report.findings, []);
}
