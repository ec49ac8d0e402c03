//! How many durable entries a second: a bare prototype (SQLite in WAL mode with synchronous=FULL, one writer
//! thread that commits what waits, 700-byte entries, leaf hash, RFC 6962 stack) and lazaret's ledger side by
//! side, in the same folder and the same run; then the check of a large ledger.
//!
//! `ledger_bench FOLDER SECONDS RESULTS.json [WRITERS]`

use std::error::Error;
use std::io::Write as _;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{SyncSender, sync_channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use lazaret_core::{
    Actor, Basis, Clock as _, CrossingId, Ending, Gate, KeyedDigest, Ledger as _, Mode, Opened, Purpose,
    Random, RandomError, Recipient, Seal, Signer, SystemClock, Timestamp, VaultError,
};
use lazaret_ledger::merkle::{Frontier, leaf_hash};
use lazaret_ledger::{SqliteLedger, prove, verify, verify_proof};
use ring::rand::{SecureRandom as _, SystemRandom};
use ring::signature::{Ed25519KeyPair, KeyPair as _};
use rusqlite::{Connection, params};
use serde_json::{Value, json};

type Outcome<T> = Result<T, Box<dyn Error + Send + Sync>>;

const BODY: usize = 700;
const WRITERS: [usize; 4] = [1, 16, 64, 256];
const LARGE: u64 = 1_000_000;

fn main() -> Outcome<()> {
    let mut arguments = std::env::args().skip(1);
    let folder = arguments.next().ok_or("usage: ledger_bench FOLDER SECONDS RESULTS.json")?;
    let seconds: u64 = arguments.next().unwrap_or_default().parse().unwrap_or(5);
    let results = arguments.next();
    let folder = Path::new(&folder);
    std::fs::create_dir_all(folder)?;
    let mut out = std::io::stdout();
    writeln!(out, "| what | writers | durable entries/s | p50 ms | p99 ms | of bare |")?;
    writeln!(out, "| --- | --- | --- | --- | --- | --- |")?;
    let mut rows = Vec::new();
    let only: Option<usize> = arguments.next().and_then(|writers| writers.parse().ok());
    for writers in WRITERS.into_iter().filter(|writers| only.is_none_or(|only| only == *writers)) {
        for line in side_by_side(folder, writers, seconds)? {
            let Line { what, rate, p50, p99, of_bare } = line;
            writeln!(out, "| {what} | {writers} | {rate:.0} | {p50:.2} | {p99:.2} | {of_bare:.2} |")?;
            rows.push(json!({"what": what, "writers": writers, "entries_per_second": rate.round(),
                "p50_ms": p50, "p99_ms": p99, "of_bare": of_bare}));
        }
    }
    if only.is_some() {
        return Ok(());
    }
    let large = large(&fresh(folder, "large")?, &mut out)?;
    let report = json!({"bench": "ledger", "cores": std::thread::available_parallelism()?.get(),
        "seconds": seconds, "body_bytes": BODY, "rows": rows, "large": large});
    if let Some(results) = results {
        std::fs::write(results, serde_json::to_string_pretty(&report)? + "\n")?;
    }
    for name in ["bare", "append", "open", "large"] {
        fresh(folder, name)?;
    }
    Ok(())
}

struct Run {
    rate: f64,
    p50: f64,
    p99: f64,
}

struct Line {
    what: &'static str,
    rate: f64,
    p50: f64,
    p99: f64,
    of_bare: f64,
}

/// All three in turns of a second, so that what else the machine does meets each alike; the median turn counts,
/// and the median of the turns' ratios. Each keeps its database over its turns.
fn side_by_side(folder: &Path, writers: usize, seconds: u64) -> Outcome<Vec<Line>> {
    let bare = Bare::start(&fresh(folder, "bare")?)?;
    let append = start(&fresh(folder, "append")?)?;
    let open = start(&fresh(folder, "open")?)?;
    let random = SystemBytes(SystemRandom::new());
    let filler = "x".repeat(BODY.saturating_sub(90));
    let mut turns: [Vec<Run>; 3] = [Vec::new(), Vec::new(), Vec::new()];
    for _ in 0..seconds {
        let [of_bare, of_append, of_open] = &mut turns;
        of_bare.push(measure(writers, |writer, number| bare.append(writer, number))?);
        of_append.push(measure(writers, |writer, number| {
            append.append("bench", &(format!("{writer}:{number}"), &filler))?;
            Ok(())
        })?);
        of_open.push(measure(writers, |_, _| {
            open.open(&opened(CrossingId::new(SystemClock.now(), &random)?))?;
            Ok(())
        })?);
    }
    bare.stop()?;
    append.close()?;
    open.close()?;
    let [of_bare, ..] = &turns;
    Ok(["bare", "lazaret append", "lazaret open"]
        .into_iter()
        .zip(&turns)
        .map(|(what, own)| Line {
            what,
            rate: median(own.iter().map(|run| run.rate)),
            p50: median(own.iter().map(|run| run.p50)),
            p99: median(own.iter().map(|run| run.p99)),
            of_bare: median(own.iter().zip(of_bare).map(|(own, bare)| own.rate / bare.rate)),
        })
        .collect())
}

fn median(numbers: impl Iterator<Item = f64>) -> f64 {
    let mut numbers: Vec<f64> = numbers.collect();
    numbers.sort_by(f64::total_cmp);
    numbers.get(numbers.len() / 2).copied().unwrap_or_default()
}

/// A database's path with nothing at it.
fn fresh(folder: &Path, name: &str) -> Outcome<std::path::PathBuf> {
    let path = folder.join(format!("{name}.db"));
    for ending in ["", "-wal", "-shm", ".lock"] {
        let file = folder.join(format!("{name}.db{ending}"));
        if file.exists() {
            std::fs::remove_file(file)?;
        }
    }
    Ok(path)
}

/// So many threads that each append and wait, for a second.
fn measure(writers: usize, append: impl Fn(usize, u64) -> Outcome<()> + Sync) -> Outcome<Run> {
    let stop = AtomicBool::new(false);
    let begun = Instant::now();
    let times = std::thread::scope(|scope| -> Outcome<Vec<u64>> {
        let threads: Vec<_> = (0..writers)
            .map(|writer| {
                let (stop, append) = (&stop, &append);
                scope.spawn(move || -> Outcome<Vec<u64>> {
                    let mut times = Vec::new();
                    let mut number = 0;
                    while !stop.load(Ordering::Relaxed) {
                        let from = Instant::now();
                        append(writer, number)?;
                        times.push(u64::try_from(from.elapsed().as_micros())?);
                        number += 1;
                    }
                    Ok(times)
                })
            })
            .collect();
        std::thread::sleep(Duration::from_secs(1));
        stop.store(true, Ordering::Relaxed);
        let mut all = Vec::new();
        for thread in threads {
            all.extend(thread.join().map_err(|_| "a writer panicked")??);
        }
        Ok(all)
    })?;
    let took = begun.elapsed().as_secs_f64();
    let mut times = times;
    times.sort_unstable();
    let at = |per_cent: usize| {
        let micros = times.get(times.len().saturating_sub(1) * per_cent / 100).copied().unwrap_or_default();
        as_float(micros) / 1_000.0
    };
    let count = as_float(u64::try_from(times.len())?);
    Ok(Run { rate: count / took, p50: at(50), p99: at(99) })
}

fn as_float(number: u64) -> f64 {
    f64::from(u32::try_from(number).unwrap_or(u32::MAX))
}

/// The bare prototype: nothing but what durability and the tree need.
struct Bare {
    queue: SyncSender<(Vec<u8>, SyncSender<u64>)>,
    writer: JoinHandle<Outcome<()>>,
}

impl Bare {
    fn start(path: &Path) -> Outcome<Self> {
        let connection = Connection::open(path)?;
        connection.pragma_update_and_check(None, "journal_mode", "WAL", |_| Ok(()))?;
        connection.pragma_update(None, "synchronous", "FULL")?;
        connection.execute_batch("CREATE TABLE entry (idx INTEGER PRIMARY KEY, hash BLOB, body BLOB)")?;
        let (queue, jobs) = sync_channel::<(Vec<u8>, SyncSender<u64>)>(4_096);
        let writer = std::thread::spawn(move || -> Outcome<()> {
            let mut tree = Frontier::new();
            while let Ok(first) = jobs.recv() {
                let mut batch = vec![first];
                batch.extend(jobs.try_iter());
                connection.execute_batch("BEGIN IMMEDIATE")?;
                {
                    let mut insert = connection.prepare_cached("INSERT INTO entry VALUES (?1, ?2, ?3)")?;
                    for (body, _) in &batch {
                        let hash = leaf_hash(body);
                        insert.execute(params![i64::try_from(tree.size())?, hash, body])?;
                        tree.push(hash);
                    }
                }
                connection.execute_batch("COMMIT")?;
                for (_, reply) in batch {
                    let _ = reply.send(tree.size());
                }
            }
            Ok(())
        });
        Ok(Self { queue, writer })
    }

    fn append(&self, writer: usize, number: u64) -> Outcome<()> {
        let mut body = format!("{writer}:{number}:").into_bytes();
        body.resize(BODY, b'x');
        let (reply, answer) = sync_channel(1);
        self.queue.send((body, reply))?;
        answer.recv()?;
        Ok(())
    }

    fn stop(self) -> Outcome<()> {
        drop(self.queue);
        self.writer.join().map_err(|_| "the writer panicked")?
    }
}

/// A ledger of a million entries: crossings of no record and events, then its check and a proof.
fn large(path: &Path, out: &mut impl std::io::Write) -> Outcome<Value> {
    let ledger = start(path)?;
    let random = SystemBytes(SystemRandom::new());
    let last = CrossingId::new(Timestamp::from_millis(1), &random)?;
    let count = AtomicU64::new(0);
    let begun = Instant::now();
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..128)
            .map(|_| {
                scope.spawn(|| -> Outcome<()> {
                    while count.fetch_add(2, Ordering::Relaxed) + 4 <= LARGE {
                        let crossing = CrossingId::new(Timestamp::from_millis(0), &random)?;
                        ledger.open(&opened(crossing))?;
                        ledger.seal(&seal(crossing))?;
                    }
                    Ok(())
                })
            })
            .collect();
        threads.into_iter().try_for_each(|thread| thread.join().map_err(|_| "a writer panicked")?)
    })?;
    ledger.open(&opened(last))?;
    ledger.seal(&seal(last))?;
    let wrote = begun.elapsed().as_secs_f64();
    let key = ledger.key().clone();
    ledger.checkpoint()?;
    let begun = Instant::now();
    let report = verify(path, &key, &[])?;
    let checked = begun.elapsed().as_secs_f64();
    if !report.holds() {
        return Err(format!("{:?}", report.findings).into());
    }
    let begun = Instant::now();
    let proof = prove(ledger.reader(), last, None)?;
    let made = begun.elapsed().as_secs_f64() * 1_000.0;
    let begun = Instant::now();
    verify_proof(&proof, &key)?;
    let accepted = begun.elapsed().as_secs_f64() * 1_000.0;
    let size = report.size;
    writeln!(out, "\n{size} entries written in {wrote:.1} s, verified in {checked:.1} s")?;
    writeln!(out, "proof of a crossing made in {made:.2} ms, verified in {accepted:.2} ms")?;
    Ok(json!({"entries": size, "written_s": wrote, "verified_s": checked,
        "proof_made_ms": made, "proof_verified_ms": accepted}))
}

fn start(path: &Path) -> Outcome<SqliteLedger> {
    let signer = Arc::new(SeedSigner::new()?);
    Ok(SqliteLedger::start(path, "ledger.bench/lazaret", signer, Arc::new(SystemClock))?)
}

fn opened(crossing: CrossingId) -> Opened {
    Opened {
        crossing,
        actor: Actor { id: "svc.bench".into(), role: "pipeline".into() },
        gate: Gate::Traffic,
        from: KeyedDigest(leaf_hash(crossing.as_bytes())),
        system: "ehr".into(),
        to: "inference".into(),
        to_id: None,
        recipient: Recipient::Internal,
        route: "scribe".into(),
        purpose: Purpose::Treatment,
        basis: Basis::Identified,
        profile: "identified".into(),
        started: Timestamp::from_millis(1_764_080_413_007),
        exchange: None,
        mode: Mode::Enforce,
        care_critical: None,
        override_by: None,
        order: None,
        model: None,
        policy: "0".repeat(64),
        detectors: (0..8).map(|n| format!("phi.detector-{n}/1")).collect(),
    }
}

fn seal(crossing: CrossingId) -> Seal {
    Seal {
        crossing,
        ending: Ending::Complete,
        reason: None,
        ended: Timestamp::from_millis(1_764_080_413_008),
        counts: lazaret_core::Counts::default(),
        outputs: Vec::new(),
    }
}

struct SeedSigner(Ed25519KeyPair);

impl SeedSigner {
    fn new() -> Outcome<Self> {
        Ok(Self(Ed25519KeyPair::from_seed_unchecked(&[7; 32]).map_err(|error| error.to_string())?))
    }
}

impl Signer for SeedSigner {
    fn sign(&self, message: &[u8]) -> Result<[u8; 64], VaultError> {
        let signature = self.0.sign(message);
        signature.as_ref().try_into().map_err(|_| VaultError { what: "sign", cause: None })
    }

    fn public_key(&self) -> [u8; 32] {
        self.0.public_key().as_ref().try_into().unwrap_or([0; 32])
    }
}

struct SystemBytes(SystemRandom);

impl Random for SystemBytes {
    fn fill(&self, buffer: &mut [u8]) -> Result<(), RandomError> {
        self.0.fill(buffer).map_err(|_| RandomError)
    }
}
