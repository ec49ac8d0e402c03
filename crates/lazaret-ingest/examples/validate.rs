//! Validates FHIR files and says what was found and how fast: `validate [--repeat N] PATH…`. A Bundle's entries
//! count as resources.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use lazaret_core::{Findings, Format, Limits, Severity};
use lazaret_ingest::formats::fhir::FhirR4;
use lazaret_input::FileSource;

#[expect(clippy::print_stdout, clippy::print_stderr, reason = "an example prints what it found")]
fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut repeat = 1_u32;
    let mut paths = Vec::new();
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        if argument == "--repeat" {
            repeat = arguments.next().ok_or("--repeat needs a number")?.parse()?;
        } else {
            paths.push(PathBuf::from(argument));
        }
    }
    let limits = Limits::default();
    let mut records = Vec::new();
    for path in &paths {
        let mut payload = FhirR4.open(Arc::new(FileSource::open(path)?), &limits)?;
        while let Some(record) = payload.next()? {
            records.push((path, record));
        }
    }
    let bytes: u64 = records.iter().map(|(_, record)| record.body().len()).sum();
    let mut held = 0_u32;
    for (path, record) in &records {
        let mut findings = Findings::new();
        record.read(&limits, &mut findings);
        let faults: Vec<_> =
            findings.faults().iter().filter(|fault| fault.severity >= Severity::Medium).collect();
        held += u32::from(!faults.is_empty());
        for fault in faults {
            let line = record.place().line.map_or(String::new(), |line| format!(":{line}"));
            println!("{}{line}: {}: {}: {}", path.display(), fault.at, fault.id, fault.message);
        }
    }
    let start = Instant::now();
    for _ in 0..repeat {
        for (_, record) in &records {
            std::hint::black_box(record.read(&limits, &mut Findings::new()).is_some());
        }
    }
    let seconds = start.elapsed().as_secs_f64();
    let read = f64::from(u32::try_from(bytes)?) * f64::from(repeat);
    eprintln!("{} records, {bytes} bytes, {held} held; {:.1} MB/s", records.len(), read / seconds / 1e6);
    Ok(())
}
