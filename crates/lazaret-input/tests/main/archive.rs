//! Archives: every member is found and comes out as it went in; every way in which headers disagree is told.

use std::collections::BTreeMap;
use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use lazaret_core::{Hint, Limit, Limits, Source, SourceError};
use lazaret_input::archive::sevenz;
use lazaret_input::archive::tar::{MemberKind, Tar};
use lazaret_input::archive::zip::{self, Found, Zip};
use lazaret_input::archive::{FaultKind, MAX_MEMBERS, Packing, Unpacked, Window, unpack};
use lazaret_input::decompress::Codec;
use lazaret_input::{MemorySource, read_whole};
use proptest::prelude::*;

use crate::testdata::read;

const MOST: Limit = Limit::new("test.max", 1 << 26);

fn source(bytes: Vec<u8>) -> Arc<dyn Source> {
    Arc::new(MemorySource::new(bytes, Hint::default()))
}

fn zip_of(bytes: Vec<u8>) -> Zip {
    let len = bytes.len() as u64;
    zip::read(source(bytes), len, &Limits::default()).unwrap()
}

fn kinds(zip: &Zip) -> Vec<FaultKind> {
    zip.faults.iter().map(|fault| fault.kind).collect()
}

fn member_bytes(zip: &Zip, index: usize) -> Vec<u8> {
    let opened = zip.open(index, MOST, &Limits::default()).unwrap();
    let mut bytes = vec![0; usize::try_from(opened.len).unwrap()];
    assert_eq!(opened.source.read_at(opened.from, &mut bytes).unwrap(), bytes.len());
    bytes
}

fn body() -> Vec<u8> {
    member_bytes(&zip_of(read("archive", "stored.zip")), 0)
}

fn unpacked(codec: Codec, bytes: Vec<u8>, limits: &Limits) -> Unpacked {
    let len = bytes.len() as u64;
    unpack(&Window { source: source(bytes), from: 0, len }, &Packing::Codec(codec), MOST, limits)
}

#[test]
fn every_method_of_zip_gives_back_what_was_packed() {
    let body = body();
    assert!(body.starts_with(b"{\"layers\""));
    for name in ["stored", "deflate", "bzip2", "lzma", "xz", "streamed"] {
        let zip = zip_of(read("archive", &format!("{name}.zip")));
        assert_eq!(zip.faults, [], "{name}");
        assert_eq!(zip.members[0].name, "a/config.json");
        assert_eq!(zip.members[0].found, Found::Listed);
        let opened = zip.open(0, MOST, &Limits::default()).unwrap();
        assert!(opened.faults.is_empty() && opened.cut.is_none(), "{name}: {:?}", opened.faults);
        assert_eq!(member_bytes(&zip, 0), body, "{name}");
        assert_eq!((zip.begin, zip.ends), (0, true));
    }
}

#[test]
fn an_archive_is_found_behind_a_prefix_and_before_a_comment() {
    let mut bytes = b"#!/bin/sh\n".to_vec();
    bytes.extend(read("archive", "deflate.zip"));
    let comment = vec![b'c'; 0xffff];
    let at = bytes.len() - 2;
    bytes[at..].copy_from_slice(&0xffff_u16.to_le_bytes());
    bytes.extend(comment);
    let zip = zip_of(bytes);
    assert_eq!((zip.begin, zip.faults.as_slice()), (10, [].as_slice()));
    assert_eq!(member_bytes(&zip, 0), body());
}

#[test]
fn a_damaged_local_header_ends_nothing() {
    let mut bytes = read("archive", "stored.zip");
    bytes[3] = 9;
    let zip = zip_of(bytes);
    assert_eq!(kinds(&zip), [FaultKind::Unreadable]);
    assert!(zip.open(0, MOST, &Limits::default()).is_err());
    assert_eq!(member_bytes(&zip, 1), b"3\n");
}

#[test]
fn disagreeing_headers_are_told() {
    let stored = read("archive", "stored.zip");
    let central = memchr::memmem::find(&stored, b"PK\x01\x02").unwrap();
    let end = memchr::memmem::rfind(&stored, b"PK\x05\x06").unwrap();
    let changed = |change: &dyn Fn(&mut Vec<u8>)| {
        let mut bytes = stored.clone();
        change(&mut bytes);
        kinds(&zip_of(bytes))
    };
    assert_eq!(changed(&|bytes| bytes[30] = b'b'), [FaultKind::Mismatch]); // name
    assert_eq!(changed(&|bytes| bytes[central + 8] |= 0x20).first(), Some(&FaultKind::Mismatch)); // patch flag
    assert_eq!(changed(&|bytes| bytes[central + 16] ^= 1), [FaultKind::Mismatch]); // CRC
    assert_eq!(changed(&|bytes| bytes[end + 10] = 1).first(), Some(&FaultKind::Mismatch)); // number
    assert_eq!(changed(&|bytes| bytes[central + 24] ^= 1).first(), Some(&FaultKind::Mismatch)); // size
    assert!(changed(&|bytes| bytes[central + 20..central + 28].fill(0xff)).contains(&FaultKind::Unreadable));
    let doubled = changed(&|bytes| {
        let again = bytes.clone();
        bytes.extend(again);
    });
    assert!(doubled.contains(&FaultKind::Mismatch) && doubled.contains(&FaultKind::Duplicate), "{doubled:?}");
}

#[test]
fn names_that_leave_the_folder_are_told() {
    let mut bytes = read("archive", "stored.zip");
    for at in memchr::memmem::find_iter(&bytes.clone(), b"a/config.json") {
        bytes[at..at + 4].copy_from_slice(b"../f");
    }
    assert_eq!(kinds(&zip_of(bytes)), [FaultKind::Escapes]);
}

#[test]
fn a_flag_that_lies_about_encryption_hides_nothing() {
    for name in ["stored.zip", "deflate.zip"] {
        let mut bytes = read("archive", name);
        let central = memchr::memmem::find(&bytes, b"PK\x01\x02").unwrap();
        bytes[6] |= 1;
        bytes[central + 8] |= 1;
        let zip = zip_of(bytes.clone());
        let opened = zip.open(0, MOST, &Limits::default()).unwrap();
        assert_eq!(opened.faults[0].kind, FaultKind::Encrypted);
        assert_eq!(member_bytes(&zip, 0), body());
        bytes[central + 16] ^= 1; // now its CRC says nothing: it may be encrypted
        let kind = zip_of(bytes).open(0, MOST, &Limits::default()).err().map(|fault| fault.kind);
        assert_eq!(kind, Some(FaultKind::Encrypted));
    }
}

/// An archive in which a stored member holds the bytes of another archive.
fn around(inner: &[u8]) -> Vec<u8> {
    let mut local = b"PK\x03\x04\x14\0\0\0\0\0\0\0\0\0".to_vec();
    let len = u32::try_from(inner.len()).unwrap().to_le_bytes();
    let fields = [[0; 4], len, len, [1, 0, 0, 0]].concat();
    local.extend([fields.as_slice(), b"w", inner].concat());
    let mut central = b"PK\x01\x02\x14\0\x14\0\0\0\0\0\0\0\0\0".to_vec();
    central.extend([fields.as_slice(), &[0; 14], b"w"].concat());
    let end =
        [b"PK\x05\x06\0\0\0\0\x01\0\x01\0".as_slice(), &u32::try_from(central.len()).unwrap().to_le_bytes()];
    let end = [end.concat(), u32::try_from(local.len()).unwrap().to_le_bytes().to_vec(), vec![0; 2]].concat();
    [local, central, end].concat()
}

#[test]
fn what_stored_bytes_look_like_is_no_evidence() {
    let zip = zip_of(around(&read("archive", "stored.zip")));
    assert_eq!((zip.faults.as_slice(), zip.members.len()), ([].as_slice(), 1));
}

#[test]
fn a_member_that_no_directory_lists_is_found_between_the_others() {
    let stored = read("archive", "stored.zip");
    let central = memchr::memmem::find(&stored, b"PK\x01\x02").unwrap();
    let loose = &around(b"loose")[..36];
    let bytes = [&stored[..central], loose, &stored[central..]].concat();
    let zip = zip_of(bytes);
    assert!(kinds(&zip).contains(&FaultKind::Hidden), "{:?}", zip.faults);
    let index = zip.members.iter().position(|member| member.name == "w").unwrap();
    assert_eq!(member_bytes(&zip, index), b"loose");
}

#[test]
fn without_an_end_record_members_are_read_from_their_own_headers() {
    let mut bytes = read("archive", "stored.zip");
    bytes.truncate(bytes.len() - 20);
    let zip = zip_of(bytes);
    assert!(!zip.ends);
    assert_eq!(kinds(&zip), [FaultKind::Unreadable]);
    assert_eq!(member_bytes(&zip, 0), body());
}

/// An archive whose members are zeros that are stored nowhere, with a gap behind each. It counts what is read of it.
struct Sparse {
    /// Everything but zeros, by where it stands.
    pieces: BTreeMap<u64, Vec<u8>>,
    len: u64,
    read: AtomicU64,
    readings: AtomicU64,
}

impl Sparse {
    fn new(members: u32, member_len: u32, gap: &[u8]) -> Arc<Self> {
        let (mut pieces, mut directory, mut at) = (BTreeMap::new(), Vec::new(), 0_u32);
        for number in 0..members {
            let name = format!("{number:06}");
            let fields = [[0; 4], member_len.to_le_bytes(), member_len.to_le_bytes()].concat();
            let local = [b"PK\x03\x04\x14\0", &[0; 8][..], &fields, &[6, 0, 0, 0], name.as_bytes()].concat();
            directory.extend([b"PK\x01\x02\x14\0\x14\0", &[0; 8][..], &fields, &[6, 0], &[0; 12]].concat());
            directory.extend([&at.to_le_bytes(), name.as_bytes()].concat());
            pieces.insert(u64::from(at), local);
            at += 36 + member_len;
            pieces.insert(u64::from(at), gap.to_vec());
            at += u32::try_from(gap.len()).unwrap();
        }
        let count = u16::try_from(members).unwrap().to_le_bytes();
        let size = u32::try_from(directory.len()).unwrap().to_le_bytes();
        directory
            .extend([b"PK\x05\x06\0\0\0\0", &count[..], &count, &size, &at.to_le_bytes(), &[0, 0]].concat());
        let len = u64::from(at) + directory.len() as u64;
        pieces.insert(u64::from(at), directory);
        Arc::new(Self { pieces, len, read: AtomicU64::new(0), readings: AtomicU64::new(0) })
    }
}

impl Source for Sparse {
    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> Result<usize, SourceError> {
        let end = self.len.min(offset + buffer.len() as u64);
        let count = usize::try_from(end.saturating_sub(offset)).unwrap();
        buffer.get_mut(..count).unwrap().fill(0);
        let before = self.pieces.range(..=offset).next_back().map_or(0, |(at, _)| *at);
        for (at, piece) in self.pieces.range(before..end) {
            for (byte, place) in piece.iter().zip(*at..).filter(|(_, place)| (offset..end).contains(place)) {
                *buffer.get_mut(usize::try_from(place - offset).unwrap()).unwrap() = *byte;
            }
        }
        self.read.fetch_add(count as u64, Ordering::Relaxed);
        self.readings.fetch_add(1, Ordering::Relaxed);
        Ok(count)
    }

    fn hint(&self) -> Hint {
        Hint::default()
    }
}

/// The work is counted, not timed: searching gaps costs what the limit says, whatever lies between and in them.
#[test]
fn thousands_of_gaps_cost_no_more_than_the_limit_says() {
    const MEMBERS: u32 = 3_000;
    let mut limits = Limits::default();
    let room = 32 << 20;
    limits.set("archive.max_gap", room);
    // Far from each other, near each other; zeros, what looks like the end of an archive, like a member.
    for member_len in [300_000, 10] {
        for (gap, is_searched) in
            [(&[0; 8][..], true), (b"PK\x05\x06PK\x05\x06", false), (b"PK\x03\x04\x14\0\0\0", true)]
        {
            let archive = Sparse::new(MEMBERS, member_len, gap);
            let len = archive.len;
            let zip = zip::read(Arc::clone(&archive) as Arc<dyn Source>, len, &limits).unwrap();
            assert_eq!(zip.members.len(), MEMBERS as usize);
            let (read, readings) =
                (archive.read.load(Ordering::Relaxed), archive.readings.load(Ordering::Relaxed));
            let headers = u64::from(MEMBERS) * 1_024;
            assert!(read <= 2 * room + headers + (1 << 20), "{member_len} {gap:?}: {read} bytes read");
            // A reading counts for 256 bytes at least.
            assert!(
                readings <= 2 * room / 256 + u64::from(MEMBERS) * 8,
                "{member_len} {gap:?}: {readings} readings"
            );
            let told = zip.faults.iter().any(|fault| fault.kind == FaultKind::Unreadable);
            assert!(is_searched || told, "{member_len} {gap:?}: {:?}", zip.faults.first());
            if gap == [0; 8] {
                assert_eq!((zip.faults.len(), zip.gaps.len()), (0, 0), "{member_len}");
            }
        }
    }
}

#[test]
fn too_many_members_are_told_and_the_first_are_given() {
    let mut limits = Limits::default();
    limits.set(MAX_MEMBERS.key(), 1);
    let bytes = read("archive", "stored.zip");
    let len = bytes.len() as u64;
    let zip = zip::read(source(bytes), len, &limits).unwrap();
    assert_eq!(zip.members.len(), 1);
    assert!(zip.faults.iter().any(|fault| fault.why.contains("archive.max_members")));
}

#[test]
fn a_bomb_is_cut_and_what_came_before_is_given() {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    encoder.write_all(&vec![0; 32 << 20]).unwrap();
    let bomb = unpacked(Codec::Gzip, encoder.finish().unwrap(), &Limits::default());
    assert_eq!(bomb.fault.unwrap().rule().id, "limit.ratio");
    assert!(bomb.len > 0 && bomb.len < 16 << 20);
    assert_eq!(bomb.source.read_at(0, &mut [1; 8]).unwrap(), 8);
}

#[test]
fn long_ones_are_unpacked_again_as_they_are_read() {
    let text: Vec<u8> = (0..3_000_000_u32).flat_map(u32::to_le_bytes).collect();
    let mut encoder = lz4_flex::frame::FrameEncoder::new(Vec::new());
    encoder.write_all(&text).unwrap();
    let mut packed = encoder.finish().unwrap();
    let unpacked_one = unpacked(Codec::Lz4, packed.clone(), &Limits::default());
    assert!(unpacked_one.fault.is_none());
    assert_eq!(read_whole(&*unpacked_one.source, MOST).unwrap(), text);
    for at in [11_999_990, 0, 5_000_000, 11_000_000] {
        let mut bytes = [0; 100];
        let read = unpacked_one.source.read_at(at, &mut bytes).unwrap();
        let at = usize::try_from(at).unwrap();
        assert_eq!(bytes[..read], text[at..text.len().min(at + 100)]);
    }
    let mut limits = Limits::default();
    limits.set("archive.max_rereads", 1);
    let once = unpacked(Codec::Lz4, packed.clone(), &limits);
    once.source.read_at(1 << 20, &mut [0; 8]).unwrap();
    assert!(once.source.read_at(0, &mut [0; 8]).is_err());
    packed.truncate(packed.len() - 9);
    assert!(unpacked(Codec::Lz4, packed, &Limits::default()).fault.is_some());
}

#[test]
fn lz4_frames_are_joined() {
    let frame = |text: &[u8], linked: bool| {
        let mode =
            if linked { lz4_flex::frame::BlockMode::Linked } else { lz4_flex::frame::BlockMode::Independent };
        let info = lz4_flex::frame::FrameInfo::new().block_mode(mode).content_checksum(true);
        let mut encoder = lz4_flex::frame::FrameEncoder::with_frame_info(info, Vec::new());
        encoder.write_all(text).unwrap();
        encoder.finish().unwrap()
    };
    let text: Vec<u8> = (0..200_000_u32).flat_map(u32::to_le_bytes).collect();
    for linked in [false, true] {
        let (first, second) = (frame(&text, linked), frame(b"second", linked));
        let two = [first.clone(), second.clone()].concat();
        let whole = unpacked(Codec::Lz4, two.clone(), &Limits::default());
        assert!(whole.fault.is_none() && whole.taken == two.len() as u64);
        assert_eq!(read_whole(&*whole.source, MOST).unwrap(), [text.as_slice(), b"second"].concat());
        let followed = [first.as_slice(), b"\x04\x22 else"].concat();
        assert_eq!(unpacked(Codec::Lz4, followed, &Limits::default()).taken, first.len() as u64);
        for cut in [1, 4, 9, second.len() - 3] {
            let cut = two[..first.len() + cut].to_vec();
            let part = unpacked(Codec::Lz4, cut.clone(), &Limits::default());
            assert!(part.fault.is_some() || part.taken < cut.len() as u64, "{}", cut.len());
        }
    }
}

#[test]
fn single_streams_come_out_and_say_where_they_end() {
    for (name, codec) in [("bz2", Codec::Bzip2), ("xz", Codec::Xz), ("lzma", Codec::Lzma)] {
        let packed = read("archive", &format!("config.json.{name}"));
        let whole = unpacked(codec, packed.clone(), &Limits::default());
        assert_eq!(read_whole(&*whole.source, MOST).unwrap(), body(), "{name}");
        assert!(whole.fault.is_none() && whole.taken == packed.len() as u64, "{name}: {whole:?}");
        let cut = unpacked(codec, packed[..packed.len() - 12].to_vec(), &Limits::default());
        assert!(cut.fault.is_some(), "{name}");
        if codec != Codec::Lzma {
            let twice = unpacked(codec, packed.repeat(2), &Limits::default());
            assert_eq!(read_whole(&*twice.source, MOST).unwrap(), body().repeat(2), "{name}");
        }
    }
}

fn tar_of(bytes: Vec<u8>) -> (Vec<lazaret_input::archive::tar::Member>, Vec<FaultKind>, u64) {
    let len = bytes.len() as u64;
    let mut tar = Tar::new(source(bytes), len, &Limits::default());
    let mut members = Vec::new();
    while let Ok(Some(member)) = tar.next_member() {
        members.push(member);
    }
    (members, tar.faults.iter().map(|fault| fault.kind).collect(), tar.end().unwrap())
}

#[test]
fn every_dialect_of_tar_gives_names_links_and_bytes() {
    for name in ["ustar", "pax", "gnu"] {
        let bytes = read("archive", &format!("{name}.tar"));
        let (members, faults, end) = tar_of(bytes.clone());
        assert_eq!((members.len(), faults.as_slice(), end), (2, [].as_slice(), bytes.len() as u64), "{name}");
        assert!(members[0].name.starts_with("folder/folder/") && members[0].name.ends_with("/config.json"));
        let from = usize::try_from(members[0].from).unwrap();
        assert_eq!(bytes[from..from + usize::try_from(members[0].len).unwrap()], body());
        assert_eq!((members[1].kind, members[1].target.as_str()), (MemberKind::SymbolicLink, "folder/x"));
    }
}

/// Python joins the prefix whatever the form says, but in GNU's own kinds.
#[test]
fn a_prefix_that_some_readers_join_is_told() {
    const USTAR: [u8; 8] = *b"ustar\x0000";
    const GNU: [u8; 8] = *b"ustar  \0";
    use FaultKind::{Escapes, Mismatch};
    // A member: its header with a form and what stands where a prefix may, and its one byte.
    let prefixed = |kind: u8, name: &str, form: [u8; 8], prefix: &[u8]| {
        let mut block = [0; 1024];
        block[..name.len()].copy_from_slice(name.as_bytes());
        block[124..135].copy_from_slice(b"00000000001");
        block[148..156].fill(b' ');
        block[156] = kind;
        block[257..265].copy_from_slice(&form);
        block[345..345 + prefix.len()].copy_from_slice(prefix);
        let sum: u32 = block[..512].iter().map(|byte| u32::from(*byte)).sum();
        block[148..154].copy_from_slice(format!("{sum:06o}").as_bytes());
        block[512] = b'a';
        block.to_vec()
    };
    let times = b"15302534334\x0015302534334\0";
    let mut wide = [0xff; 24];
    wide[4..12].copy_from_slice(b"/../../x");
    for (kind, form, prefix, is_joined, is_also, faults) in [
        (b'0', USTAR, b"a".as_slice(), true, false, [].as_slice()),
        (b'0', USTAR, b"../..", true, false, &[Escapes]),
        (b'0', GNU, b"a", false, true, &[Mismatch]),
        (b'0', GNU, b"/tmp", false, true, &[Escapes, Mismatch]),
        (b'0', [0; 8], b"../..", false, true, &[Escapes, Mismatch]),
        (b'S', GNU, b"..", false, false, &[]),
        (b'0', GNU, times, false, true, &[]),
        (b'0', [0; 8], times, false, true, &[Mismatch]),
        (b'0', GNU, &wide, false, true, &[Escapes]),
    ] {
        let (members, found, _) = tar_of([prefixed(kind, "x", form, prefix), vec![0; 1024]].concat());
        let prefix = String::from_utf8_lossy(prefix.split(|byte| *byte == 0).next().unwrap());
        let joined = format!("{prefix}/x");
        assert_eq!(found, faults, "{joined}");
        assert_eq!(members[0].name, if is_joined { joined.as_str() } else { "x" });
        assert_eq!(members[0].also, is_also.then_some(joined));
    }
}

#[test]
fn a_global_header_names_the_member_behind_it_and_is_told() {
    // A member: its header and its bytes, in whole blocks.
    let tar_member = |kind: u8, name: &str, body: &[u8]| {
        let mut block = [0; 512];
        block[..name.len()].copy_from_slice(name.as_bytes());
        block[124..135].copy_from_slice(format!("{:011o}", body.len()).as_bytes());
        block[148..156].fill(b' ');
        block[156] = kind;
        block[257..263].copy_from_slice(b"ustar\0");
        let sum: u32 = block.iter().map(|byte| u32::from(*byte)).sum();
        block[148..154].copy_from_slice(format!("{sum:06o}").as_bytes());
        let filled = body.len().div_ceil(512) * 512;
        [&block[..], body, &vec![0; filled - body.len()]].concat()
    };
    let record = |text: &str| format!("{} {text}\n", text.len() + 4).into_bytes();
    let global = tar_member(b'g', "pax_global_header", &record("path=../../x.txt"));
    let member = tar_member(b'0', "a.txt", b"a");
    let own = tar_member(b'x', "x", &record("path=inside.txt"));
    let end = vec![0; 1024];
    let (members, faults, _) = tar_of([&global[..], &member, &own, &member, &end].concat());
    let names: Vec<_> = members.iter().map(|member| member.name.as_str()).collect();
    assert_eq!(names, ["../../x.txt", "inside.txt"]);
    assert_eq!(faults, [FaultKind::Mismatch, FaultKind::Escapes]);
    // What git writes says only from which commit an archive is.
    let comment = tar_member(b'g', "pax_global_header", &record("comment=0123456789"));
    let (members, faults, _) = tar_of([&comment[..], &member, &end].concat());
    assert_eq!((members[0].name.as_str(), faults), ("a.txt", Vec::new()));
}

#[test]
fn a_damaged_header_of_tar_is_told_and_the_next_is_found() {
    let mut bytes = read("archive", "ustar.tar");
    bytes[10] ^= 1;
    let (members, faults, _) = tar_of(bytes);
    assert_eq!((members.len(), faults.as_slice()), (1, [FaultKind::Unreadable].as_slice()));
}

#[test]
fn members_of_7z_come_out() {
    for name in ["copy", "lzma", "lzma2"] {
        let bytes = read("archive", &format!("{name}.7z"));
        let len = bytes.len() as u64;
        let archive = sevenz::read(source(bytes), len, &Limits::default()).unwrap();
        assert_eq!((archive.members.len(), archive.faults.as_slice(), archive.end), (2, [].as_slice(), len));
        let unpacked = archive.unpack(0, MOST, &Limits::default()).unwrap();
        assert!(unpacked.fault.is_none(), "{name}: {unpacked:?}");
        let whole = read_whole(&*unpacked.source, MOST).unwrap();
        let second = &archive.members[1];
        assert_eq!((archive.members[0].name.as_str(), second.name.as_str()), ("a/config.json", "b.txt"));
        assert_eq!(whole[usize::try_from(second.from).unwrap()..], *b"second");
    }
}

/// Reads all that an archive of any kind gives.
fn read_all(bytes: &[u8]) {
    let limits = Limits::default();
    let len = bytes.len() as u64;
    if let Ok(zip) = zip::read(source(bytes.to_vec()), len, &limits) {
        for index in 0..zip.members.len() {
            let _ = zip.open(index, MOST, &limits);
        }
    }
    let mut tar = Tar::new(source(bytes.to_vec()), len, &limits);
    while let Ok(Some(member)) = tar.next_member() {
        assert!(member.from <= len && member.from + member.len <= len);
    }
    tar.end().unwrap();
    if let Ok(archive) = sevenz::read(source(bytes.to_vec()), len, &limits) {
        let _ = archive.unpack(0, MOST, &limits);
    }
}

const SEEDS: [&str; 11] = [
    "stored.zip",
    "deflate.zip",
    "bzip2.zip",
    "lzma.zip",
    "xz.zip",
    "streamed.zip",
    "pax.tar",
    "gnu.tar",
    "copy.7z",
    "lzma.7z",
    "lzma2.7z",
];

proptest! {
    #[test]
    fn any_bytes_end_without_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..600)) {
        read_all(&bytes);
        for codec in [Codec::Bzip2, Codec::Xz, Codec::Lzma, Codec::Lz4, Codec::Deflate, Codec::Deflate64] {
            unpacked(codec, bytes.clone(), &Limits::default());
        }
    }

    #[test]
    fn changed_archives_end_without_a_panic(
        seed in prop::sample::select(SEEDS.as_slice()),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..12),
        cut in any::<prop::sample::Index>(),
    ) {
        let mut bytes = read("archive", seed);
        for (at, byte) in changes {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        read_all(&bytes);
        bytes.truncate(cut.index(bytes.len()));
        read_all(&bytes);
    }
}
