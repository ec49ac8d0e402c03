//! How fast typed CSV is read: `cargo run --release -p lazaret-ingest --example csv_speed -- FILE SCHEMA [TIMES]`.
//! Prints megabytes a second of reading, checking every cell's type and visiting every segment, best of TIMES.
#![expect(
    clippy::print_stdout,
    clippy::disallowed_methods,
    clippy::unwrap_used,
    reason = "a measuring tool for developers, on files they name"
)]

use std::sync::Arc;
use std::time::Instant;

use lazaret_core::{Findings, Flow, Format as _, Hint, Limits};
use lazaret_ingest::formats::csv::{CsvFormat, Schema};
use lazaret_input::MemorySource;

fn main() {
    let mut arguments = std::env::args().skip(1);
    let bytes: Arc<[u8]> = std::fs::read(arguments.next().unwrap()).unwrap().into();
    let schema = Schema::parse(&std::fs::read_to_string(arguments.next().unwrap()).unwrap()).unwrap();
    let times: u32 = arguments.next().map_or(5, |times| times.parse().unwrap());
    let format = CsvFormat::with_schema(Arc::new(schema));
    let limits = Limits::default();
    let mut best = f64::MAX;
    let (mut rows, mut held, mut segments) = (0_u64, 0_u64, 0_u64);
    for _ in 0..times {
        let source = Arc::new(MemorySource::new(Arc::clone(&bytes), Hint::default()));
        let started = Instant::now();
        (rows, held, segments) = (0, 0, 0);
        let mut payload = format.open(source, &limits).unwrap();
        while let Some(record) = payload.next().unwrap() {
            rows += 1;
            let mut findings = Findings::new();
            if let Some(reading) = record.read(&limits, &mut findings) {
                reading
                    .segments(&mut |_| {
                        segments += 1;
                        Flow::On
                    })
                    .unwrap();
            }
            held += u64::from(!findings.faults().is_empty());
        }
        best = best.min(started.elapsed().as_secs_f64());
    }
    #[expect(clippy::cast_precision_loss, reason = "for people")]
    let speed = bytes.len() as f64 / best / 1e6;
    println!("{speed:.0} MB/s, {rows} rows, {held} with findings, {segments} segments");
}
