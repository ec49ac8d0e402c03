//! Prints how fast texts are read, on one thread, beside a pass that only seeks line ends and hashes words.
//!
//!     cargo run --release -p lazaret-phi --example speed -- MEGABYTES FILE.jsonl…
//!
//! Each file has `{"text"}` lines. Its texts are repeated to 2 MB and read ten times; then cut into notes of 5 kB, not
//! repeated, which are read one by one: the rate of notes that each come once. Then 1 MB and so many MEGABYTES of the
//! first file, and of pieces that begin many shapes and cues, are read as one text.
#![expect(
    clippy::print_stdout,
    clippy::disallowed_methods,
    clippy::cast_precision_loss,
    reason = "a tool for benchmarks: it reads files and prints rates"
)]

use std::error::Error;
use std::hash::{Hash as _, Hasher as _};
use std::hint::black_box;
use std::time::Instant;

use lazaret_phi::Scanner;
use rustc_hash::{FxHashSet, FxHasher};

/// Allocation as the product's binary has it.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const MB: usize = 1_000_000;
/// Bytes of a note whose time is taken by itself.
const NOTE: usize = 5_000;
/// Texts without end that ask much of the shapes and cues.
const PIECES: [&str; 12] =
    ["1", "12-", "1 ", "a", "Aa ", "AA ", "A. ", "a@", "a.", "MRN ", "Dr. ", "son Aa 1/2, MD (1"];

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let megabytes: usize = arguments.next().ok_or("usage: speed MEGABYTES FILE.jsonl...")?.parse()?;
    let began = Instant::now();
    let scanner = Scanner::new()?;
    println!("start {:.1} ms", began.elapsed().as_secs_f64() * 1e3);
    let mut first = None;
    for path in arguments {
        let text = texts(&path)?;
        let two = repeated(&text, 2 * MB);
        let (mut found, mut words) = (0, 0);
        let rate = rate(&two, |text| {
            found += scanner.scan(text, None)?.len();
            Ok(())
        })?;
        let known: FxHashSet<u64> =
            text.split_ascii_whitespace().step_by(2).map(|w| hash(w.as_bytes())).collect();
        let plain = self::rate(&two, |text| {
            words += known_words(text.as_bytes(), &known);
            Ok(())
        })?;
        println!(
            "{path}: {rate:.1} MB/s, {found} found; line ends and word hashes alone {plain:.0} MB/s, {words} known: {:.1} %",
            rate / plain * 100.0
        );
        // Processors learn what is repeated: a text of few notes again and again is read faster than as many notes.
        let notes: Vec<_> = text.as_bytes().chunks(NOTE).map(String::from_utf8_lossy).collect();
        let (mut times, mut least) = (Vec::new(), f64::MAX);
        for _ in 0..10 {
            let mut round = 0.0;
            for note in &notes {
                let began = Instant::now();
                black_box(scanner.scan(note, None)?);
                let took = began.elapsed().as_secs_f64();
                round += took;
                if note.len() >= NOTE {
                    times.push(took * 1e3);
                }
            }
            least = least.min(round);
        }
        times.sort_by(f64::total_cmp);
        let at = |percent: usize| times.get(times.len() * percent / 100).copied().unwrap_or(0.0);
        println!(
            "{path}: notes of 5 kB {:.1} MB/s, each {:.2} ms, p99 {:.2} ms",
            text.len() as f64 / 1e6 / least,
            at(50),
            at(99)
        );
        first.get_or_insert(text);
    }
    if let Ok(status) = std::fs::read_to_string("/proc/self/status") {
        let most = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap_or("?");
        println!("most memory so far {}", most.trim());
    }
    let first = first.unwrap_or_default();
    let mut worst = 0.0_f64;
    for piece in PIECES.into_iter().chain([first.as_str()]) {
        let name = if piece.len() < 32 { piece } else { "the first file" };
        let (short, long) = (repeated(piece, MB), repeated(piece, megabytes * MB));
        let once = |text: &str| {
            let began = Instant::now();
            black_box(scanner.scan(text, None)?);
            Ok::<f64, Box<dyn Error>>(began.elapsed().as_secs_f64() * 1e9 / text.len() as f64)
        };
        let mut per_byte = f64::MAX;
        for _ in 0..3 {
            per_byte = per_byte.min(once(&short)?);
        }
        let ratio = once(&long)? / per_byte;
        worst = worst.max(ratio);
        println!("{name:?}: {per_byte:.1} ns a byte of 1 MB, {ratio:.2} times that of {megabytes} MB");
    }
    println!("worst {worst:.2} times");
    Ok(())
}

fn texts(path: &str) -> Result<String, Box<dyn Error>> {
    let mut texts = String::new();
    for line in std::fs::read_to_string(path)?.lines().filter(|line| !line.trim().is_empty()) {
        let document: serde_json::Value = serde_json::from_str(line)?;
        texts
            .push_str(document.get("text").and_then(serde_json::Value::as_str).ok_or("a line without text")?);
        texts.push_str("\n\n");
    }
    Ok(texts)
}

fn repeated(piece: &str, bytes: usize) -> String {
    piece.repeat((bytes / piece.len().max(1)).max(1))
}

/// Megabytes a second of the fastest of ten rounds.
fn rate(text: &str, mut read: impl FnMut(&str) -> Result<(), Box<dyn Error>>) -> Result<f64, Box<dyn Error>> {
    let mut least = f64::MAX;
    for _ in 0..10 {
        let began = Instant::now();
        read(text)?;
        least = least.min(began.elapsed().as_secs_f64());
    }
    Ok(text.len() as f64 / 1e6 / least)
}

/// How many words of a text are in a set: the least that a detector by word lists must do.
fn known_words(text: &[u8], known: &FxHashSet<u64>) -> usize {
    let mut count = 0;
    let mut from = 0;
    for end in memchr::memchr_iter(b'\n', text).chain([text.len()]) {
        let line = text.get(from..end).unwrap_or(&[]);
        let words = line.split(|byte| !byte.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
        count += words.filter(|word| known.contains(&hash(word))).count();
        from = end + 1;
    }
    count
}

fn hash(word: &[u8]) -> u64 {
    let mut hasher = FxHasher::default();
    word.hash(&mut hasher);
    hasher.finish()
}
