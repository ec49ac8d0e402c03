//! Unpacking: what goes in comes out whole or is an error, under limits, with flat memory.

use std::io::Write;
use std::sync::Arc;

use lazaret_core::{Hint, Limit, Limits, Source, SourceError};
use lazaret_input::decompress::{Codec, UnpackError, open_stream, refused, unpack};
use lazaret_input::{Lines, MemorySource, ReadError, head, read_stream, read_whole};
use proptest::prelude::*;

const CODECS: [Codec; 4] = [Codec::Gzip, Codec::Zlib, Codec::Zstd, Codec::Brotli];
const ALL: Limit = Limit::new("test.max", 1 << 40);

fn pack(codec: Codec, bytes: &[u8]) -> Vec<u8> {
    match codec {
        Codec::Gzip => {
            let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
            encoder.write_all(bytes).unwrap();
            encoder.finish().unwrap()
        }
        Codec::Zlib => {
            let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::default());
            encoder.write_all(bytes).unwrap();
            encoder.finish().unwrap()
        }
        Codec::Zstd => zstd::encode_all(bytes, 3).unwrap(),
        Codec::Brotli => {
            let mut encoder = brotli::CompressorWriter::new(Vec::new(), 4096, 3, 20);
            encoder.write_all(bytes).unwrap();
            encoder.into_inner()
        }
        other => unreachable!("{other} has no mark by which it is told"),
    }
}

fn source(codec: Codec, bytes: Vec<u8>) -> Arc<dyn Source> {
    let extension = (codec == Codec::Brotli).then(|| "ndjson.br".to_owned());
    Arc::new(MemorySource::new(bytes, Hint { extension, ..Hint::default() }))
}

fn unpacked(codec: Codec, bytes: Vec<u8>, limits: &Limits) -> Result<Vec<u8>, UnpackError> {
    let mut opened = open_stream(source(codec, bytes), limits)?;
    match read_stream(&mut opened.stream, ALL) {
        Ok(bytes) => Ok(bytes),
        Err(ReadError::Source(error)) => Err(error.cause.into()),
        Err(other) => unreachable!("{other}"),
    }
}

/// Bytes that compress a little.
fn some_text(len: usize) -> Vec<u8> {
    let mut state = 7_u32;
    let mut next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        *b"abcdefgh {}\":,\n".get((state >> 24) as usize % 15).unwrap()
    };
    (0..len).map(|_| next()).collect()
}

#[test]
fn every_codec_gives_back_what_was_packed() {
    for codec in CODECS {
        for text in [b"{}".to_vec(), some_text(300_000)] {
            let packed = pack(codec, &text);
            assert_eq!(unpacked(codec, packed, &Limits::default()).unwrap(), text, "{codec}");
        }
    }
}

#[test]
fn several_members_and_frames_are_one_stream() {
    for codec in [Codec::Gzip, Codec::Zstd] {
        let packed = [pack(codec, b"one"), pack(codec, b"two")].concat();
        assert_eq!(unpacked(codec, packed, &Limits::default()).unwrap(), b"onetwo");
    }
}

#[test]
fn a_stream_cut_off_anywhere_is_an_error_and_never_a_shorter_stream() {
    let text = some_text(3_000);
    for codec in CODECS {
        let packed = pack(codec, &text);
        for len in 4..packed.len() {
            let error = unpacked(codec, packed[..len].to_vec(), &Limits::default());
            match error {
                Err(UnpackError::Damaged { .. }) => {}
                other => panic!("{codec} cut at {len}: {:?}", other.map(|bytes| bytes.len())),
            }
        }
    }
}

#[test]
fn bytes_after_the_end_are_an_error() {
    for codec in CODECS {
        let packed = [pack(codec, &some_text(100)), b"hidden".to_vec()].concat();
        let error = unpacked(codec, packed, &Limits::default()).unwrap_err();
        assert!(matches!(error, UnpackError::Damaged { .. }), "{codec}: {error}");
        assert_eq!(error.rule().id, "input.uninspectable");
    }
}

#[test]
fn bombs_are_stopped_by_ratio_and_by_size() {
    let zeros = vec![b'0'; 64 << 20];
    for codec in CODECS {
        let packed = pack(codec, &zeros);
        let error = unpacked(codec, packed.clone(), &Limits::default()).unwrap_err();
        assert_eq!(error.rule().id, "limit.ratio", "{codec}");
        assert!(error.to_string().contains("set `input.max_ratio` under [limits]"), "{error}");
        let mut limits = Limits::default();
        limits.set("input.max_ratio", u64::MAX);
        limits.set("input.max_expanded", 10 << 20);
        let error = unpacked(codec, packed, &limits).unwrap_err();
        assert_eq!(error.rule().id, "limit.expanded-size");
        assert!(error.to_string().contains("set `input.max_expanded` under [limits]"), "{error}");
    }
}

#[test]
fn layers_are_undone_up_to_the_limit_and_bombs_within_them_seen() {
    let text = some_text(5_000);
    let two = pack(Codec::Zstd, &pack(Codec::Gzip, &text));
    let opened = open_stream(source(Codec::Zstd, two.clone()), &Limits::default()).unwrap();
    assert_eq!(opened.layers, [Codec::Zstd, Codec::Gzip]);
    assert_eq!(opened.head, text[..4096]);
    assert_eq!(unpacked(Codec::Zstd, two, &Limits::default()).unwrap(), text);
    let five = (0..5).fold(text, |bytes, _| pack(Codec::Gzip, &bytes));
    let error = unpacked(Codec::Gzip, five, &Limits::default()).unwrap_err();
    assert!(error.to_string().contains("input.max_nesting"), "{error}");
    let bomb = pack(Codec::Gzip, &pack(Codec::Gzip, &vec![0; 200 << 20]));
    assert_eq!(unpacked(Codec::Gzip, bomb, &Limits::default()).unwrap_err().rule().id, "limit.ratio");
}

#[test]
fn a_zstd_window_above_the_limit_is_refused_by_its_key() {
    let mut encoder = zstd::Encoder::new(Vec::new(), 1).unwrap();
    encoder.window_log(27).unwrap();
    encoder.write_all(&some_text(100)).unwrap();
    let packed = encoder.finish().unwrap();
    let error = unpacked(Codec::Zstd, packed, &Limits::default()).unwrap_err();
    assert!(error.to_string().contains("set `input.max_window`"), "{error}");
}

#[test]
fn an_unpacked_source_reads_at_any_place_and_by_lines() {
    let text = some_text(3 << 20);
    for codec in CODECS {
        let (source, layers) = unpack(source(codec, pack(codec, &text)), &Limits::default()).unwrap();
        assert_eq!(layers, [codec]);
        assert_eq!(read_whole(&*source, ALL).unwrap(), text);
        let mut buffer = [0; 1_000];
        for at in [2_500_000, 10, 3 << 20, (3 << 20) - 10, 0] {
            let read = source.read_at(at as u64, &mut buffer).unwrap();
            assert_eq!(buffer[..read], text[at..text.len().min(at + 1_000)]);
        }
        let mut lines = Lines::of_source(source, &Limits::default());
        let mut count = 0;
        while lines.next().unwrap().is_some() {
            count += 1;
        }
        assert_eq!(count, text.split_inclusive(|byte| *byte == b'\n').count());
    }
}

#[test]
fn a_source_that_is_not_compressed_comes_back_as_it_is_and_hints_lose_their_packing() {
    let plain = MemorySource::new(b"{}".as_slice(), Hint::default());
    let (source, layers) = unpack(Arc::new(plain), &Limits::default()).unwrap();
    assert!(layers.is_empty() && read_whole(&*source, ALL).unwrap() == b"{}");
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("Patient.NDJSON.GZ");
    std::fs::write(&path, pack(Codec::Gzip, b"{}\n")).unwrap();
    let file = lazaret_input::FileSource::open(&path).unwrap();
    let (source, _) = unpack(Arc::new(file), &Limits::default()).unwrap();
    assert_eq!(source.hint().extension.as_deref(), Some("ndjson"));
}

/// Counts the bytes that are read of it.
struct Counting(MemorySource, std::sync::atomic::AtomicUsize);

impl Source for Counting {
    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> Result<usize, SourceError> {
        let read = self.0.read_at(offset, buffer)?;
        self.1.fetch_add(read, std::sync::atomic::Ordering::Relaxed);
        Ok(read)
    }

    fn hint(&self) -> Hint {
        self.0.hint()
    }
}

#[test]
fn a_source_that_was_recognised_and_is_then_read_is_unpacked_once() {
    let text = some_text(6 << 20);
    for codec in CODECS {
        let packed = pack(codec, &text);
        let extension = Some("ndjson.br".to_owned()).filter(|_| codec == Codec::Brotli);
        let length = packed.len();
        let memory = MemorySource::new(packed, Hint { extension, ..Hint::default() });
        let counting = Arc::new(Counting(memory, 0.into()));
        let (source, _) = unpack(Arc::clone(&counting) as Arc<dyn Source>, &Limits::default()).unwrap();
        assert_eq!(head(&*source, 16 << 10).unwrap(), text[..16 << 10]);
        assert_eq!(read_whole(&*source, ALL).unwrap(), text);
        let read = counting.1.load(std::sync::atomic::Ordering::Relaxed);
        assert_eq!(read, length, "{codec}: more than once");
    }
}

#[test]
fn what_stops_a_line_reader_keeps_its_rule() {
    let packed = pack(Codec::Gzip, &vec![b'\n'; 20 << 20]);
    let opened = open_stream(source(Codec::Gzip, packed), &Limits::default()).unwrap();
    let mut lines = Lines::new(opened.stream, &Limits::default());
    let error = loop {
        match lines.next() {
            Ok(line) => assert!(line.is_some(), "the end came before the limit"),
            Err(error) => break error,
        }
    };
    assert_eq!(refused(&error).rule, "limit.ratio");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn damaged_streams_end_without_a_panic_and_the_same_way_twice(
        which in 0..4_usize,
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
    ) {
        let mut packed = pack(CODECS[which], &some_text(2_000));
        for (place, byte) in changes {
            let at = place.index(packed.len());
            packed[at] = byte;
        }
        let result = |bytes: Vec<u8>| {
            let outcome = unpacked(CODECS[which], bytes, &Limits::default());
            outcome.map_err(|error| error.to_string())
        };
        prop_assert_eq!(result(packed.clone()), result(packed));
    }

    #[test]
    fn any_bytes_end(bytes in prop::collection::vec(any::<u8>(), 0..300), which in 0..4_usize) {
        let magic: &[u8] = [&b"\x1f\x8b\x08"[..], b"\x78\x9c", b"\x28\xb5\x2f\xfd", b""][which];
        let bytes = [magic.to_vec(), bytes].concat();
        let one = unpacked(CODECS[which], bytes.clone(), &Limits::default());
        if let Ok(text) = one {
            prop_assert!(text.len() < 1 << 20 || text.len() / bytes.len() <= 100);
        }
    }
}
