//! Prints how many megabytes a second the scanner reads: the texts of a JSONL file, repeated to 10 MB, one thread.
#![expect(
    clippy::print_stdout,
    clippy::disallowed_methods,
    clippy::cast_precision_loss,
    reason = "a tool for benchmarks: it reads one file and prints a rate"
)]

use std::error::Error;
use std::time::Instant;

use lazaret_phi::Scanner;

fn main() -> Result<(), Box<dyn Error>> {
    let path = std::env::args().nth(1).ok_or("usage: speed FILE.jsonl")?;
    let began = Instant::now();
    let scanner = Scanner::new()?;
    println!("start {:.1} ms", began.elapsed().as_secs_f64() * 1e3);
    let mut texts = Vec::new();
    for line in std::fs::read_to_string(path)?.lines().filter(|line| !line.trim().is_empty()) {
        let document: serde_json::Value = serde_json::from_str(line)?;
        texts.push(
            document.get("text").and_then(serde_json::Value::as_str).ok_or("a line without text")?.to_owned(),
        );
    }
    let bytes: usize = texts.iter().map(String::len).sum();
    let rounds = (10_000_000 / bytes.max(1)).max(1);
    let (mut found, mut slowest) = (0, 0.0_f64);
    let began = Instant::now();
    for _ in 0..rounds {
        for text in &texts {
            let note = Instant::now();
            found += scanner.scan(text, None)?.len();
            slowest = slowest.max(note.elapsed().as_secs_f64());
        }
    }
    let rate = (bytes * rounds) as f64 / 1e6 / began.elapsed().as_secs_f64();
    println!("{rate:.1} MB/s, {found} found, slowest note {:.2} ms", slowest * 1e3);
    Ok(())
}
