//! Every reader over every seed, and over thousands of changed ones: the same on every machine, on stable Rust.
//! The fuzz targets in `fuzz/` go further; what they find becomes a seed here.

use std::io;
use std::sync::Arc;

use lazaret_core::{Flow, Hint, Limit, Limits};
use lazaret_input::base64::{self, Whitespace};
use lazaret_input::{Lines, MemorySource, charset, decompress, json, sniff, xml};

use crate::testdata;

const AREAS: [&str; 3] = ["input", "json", "xml"];
const PER_SEED: u64 = 400;

/// What a reader made of some bytes, in words, to compare two runs.
type Reader = fn(&[u8]) -> String;

const READERS: [(&str, Reader); 7] = [
    ("json", |bytes| {
        let parsed = json::parse(bytes, &Limits::default());
        assert!(parsed.document.is_some() || !parsed.faults.is_empty());
        assert!(parsed.faults.iter().all(|fault| fault.offset <= bytes.len() as u64));
        format!("{parsed:?}")
    }),
    ("xml", |bytes| {
        let mut told = 0;
        let faults = xml::events_of_bytes(bytes, &Limits::default(), |_| {
            told += 1;
            Flow::On
        });
        assert!(faults.iter().all(|fault| fault.offset <= bytes.len() as u64));
        format!("{told} {faults:?}")
    }),
    ("lines", |bytes| {
        let mut limits = Limits::default();
        limits.set("input.max_record", 50);
        let mut lines = Lines::new(bytes, &limits);
        let mut again = 0;
        while let Some(line) = lines.next().unwrap() {
            let len = line.bytes.map_or_else(|reached| reached.found, |bytes| bytes.len() as u64);
            again += len + line.end.bytes().len() as u64;
        }
        assert_eq!(again, bytes.len() as u64, "no byte is lost");
        again.to_string()
    }),
    ("decompress", |bytes| {
        let source = MemorySource::new(bytes, Hint::default());
        match decompress::unpack(Arc::new(source), &Limits::default()) {
            Ok((source, layers)) => {
                let mut stream = lazaret_input::SourceReader::new(source);
                let read = io::copy(&mut stream, &mut io::sink()).map_err(|error| error.to_string());
                format!("{read:?} {layers:?}")
            }
            Err(error) => error.to_string(),
        }
    }),
    ("brotli", |bytes| {
        let hint = Hint { extension: Some("br".to_owned()), media_type: None };
        let source = MemorySource::new(bytes, hint);
        match decompress::open_stream(Arc::new(source), &Limits::default()) {
            Ok(mut opened) => {
                format!("{:?}", io::copy(&mut opened.stream, &mut io::sink()).map_err(|e| e.to_string()))
            }
            Err(error) => error.to_string(),
        }
    }),
    ("charset", |bytes| {
        let labels = [None, Some("latin1"), Some("utf-16le"), Some("gb18030"), Some("iso-2022-jp")];
        let read = labels.map(|label| charset::decode(bytes, label));
        for (text, charset) in read.iter().flatten() {
            assert_eq!(charset.encode(text).unwrap(), bytes);
        }
        format!("{read:?}")
    }),
    ("base64 and sniff", |bytes| {
        let text = String::from_utf8_lossy(bytes);
        let most = Limit::new("test.max", 1 << 16);
        format!("{:?} {:?}", base64::decode(&text, Whitespace::Skipped, most), sniff::sniff(bytes))
    }),
];

#[test]
fn changed_seeds_end_the_same_way_twice() {
    let seeds: Vec<Vec<u8>> = AREAS.iter().flat_map(|area| testdata::all(area)).collect();
    assert!(seeds.len() >= 15, "the seeds are there");
    let mut random = Random(0x9e37_79b9_7f4a_7c15);
    for seed in &seeds {
        for round in 0..PER_SEED {
            let mut bytes = seed.clone();
            for _ in 0..round.min(1 + round % 6) {
                change(&mut bytes, &mut random);
            }
            for (name, reader) in READERS {
                assert_eq!(reader(&bytes), reader(&bytes), "{name}: {}", bytes.escape_ascii());
            }
        }
    }
}

const PIECES: [&[u8]; 20] = [
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
];

/// One change: a bit, a byte, a piece put in, a part taken out or doubled, the end cut off.
fn change(bytes: &mut Vec<u8>, random: &mut Random) {
    let at = random.below(bytes.len() + 1);
    let end = at + random.below(bytes.len() + 1 - at);
    match random.below(6) {
        0 => bytes.get_mut(at).into_iter().for_each(|byte| *byte ^= 1 << (random.0 >> 61)),
        1 => bytes.get_mut(at).into_iter().for_each(|byte| *byte = random.0.to_le_bytes()[7]),
        2 => drop(bytes.splice(at..at, PIECES[random.below(PIECES.len())].iter().copied())),
        3 => drop(bytes.drain(at..end)),
        4 if bytes.len() < 4_000 => {
            let part = bytes[at..end].to_vec();
            drop(bytes.splice(at..at, part));
        }
        _ => bytes.truncate(at),
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
