//! How fast the other readers are, each over some megabytes made here.
#![expect(clippy::expect_used, reason = "a benchmark without its input cannot go on")]

use std::hint::black_box;
use std::io::Write;
use std::sync::Arc;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use lazaret_core::{Flow, Hint, Limit, Limits};
use lazaret_input::base64::{self, Whitespace};
use lazaret_input::{Lines, MemorySource, decompress, xml};

const LINE: &str = concat!(
    r#"{"resourceType":"Observation","id":"o-1","status":"final","code":{"text":"Glucose, serum"},"#,
    r#""subject":{"reference":"Patient/p-1"},"valueQuantity":{"value":37.10,"unit":"mg/dL"}}"#,
    "\n"
);
const MARKUP: &str = r#"<p class="a">Seen today &amp; well.<br/><b>No pain</b>, sleeps.</p>"#;

fn bench(criterion: &mut Criterion) {
    let limits = Limits::default();
    let text = LINE.repeat(64 << 10);
    let mut group = criterion.benchmark_group("readers");
    group.sample_size(20).throughput(Throughput::Bytes(text.len() as u64));
    let plain = Arc::new(MemorySource::new(text.as_bytes(), Hint::default()));
    group.bench_function("lines", |bencher| {
        bencher.iter(|| {
            let mut lines = Lines::of_source(plain.clone(), &limits);
            while let Some(line) = lines.next().expect("memory does not fail") {
                black_box(line);
            }
        });
    });
    let markup = format!("<div>{}</div>", MARKUP.repeat(64 << 10));
    group.throughput(Throughput::Bytes(markup.len() as u64));
    group.bench_function("xml", |bencher| {
        bencher.iter(|| {
            xml::events(&markup, &limits, |event| {
                black_box(event);
                Flow::On
            })
        });
    });
    // Few repetitions, so that the ratio is that of records and not of a bomb.
    let varied: Vec<String> = (0..64 << 10).map(|n| LINE.replace("-1", &(n * 7_919).to_string())).collect();
    let varied = varied.concat();
    let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    packer.write_all(varied.as_bytes()).expect("memory does not fail");
    let source = Arc::new(MemorySource::new(packer.finish().expect("memory does not fail"), Hint::default()));
    group.throughput(Throughput::Bytes(varied.len() as u64));
    group.bench_function("gzip, by lines", |bencher| {
        bencher.iter(|| {
            let opened = decompress::open_stream(source.clone(), &limits).expect("it opens");
            let mut lines = Lines::new(opened.stream, &limits);
            while let Some(line) = lines.next().expect("it is whole") {
                black_box(line);
            }
        });
    });
    let encoded = base64::encode(text.as_bytes());
    group.throughput(Throughput::Bytes(encoded.len() as u64));
    group.bench_function("base64", |bencher| {
        let most = Limit::new("bench.max", u64::MAX);
        bencher.iter(|| base64::decode(&encoded, Whitespace::Skipped, most).expect("it is base64"));
    });
    group.finish();
}

criterion_group!(benches, bench);
criterion_main!(benches);
