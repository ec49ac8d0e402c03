//! How many durable entries a second: a bare prototype (SQLite in WAL mode with synchronous=FULL, one writer
//! thread that commits what waits, 700-byte entries, leaf hash, RFC 6962 stack) and lazaret's ledger side by
//! side, in the same folder and the same run; then the check of a large ledger.
//!
//! `ledger_bench FOLDER SECONDS RESULTS.json`

use std::error::Error;
use std::io::Write as _;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{SyncSender, sync_channel};
use std::time::{Duration, Instant};

use lazaret_core::{
    Actor, Basis, CrossingId, Ending, Gate, KeyedDigest, Ledger as _, Mode, Opened, Purpose, Random,
    RandomError, Recipient, Seal, Signer, SystemClock, Timestamp, VaultError,
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
    for writers in WRITERS {
        let lasts = Duration::from_secs(seconds);
        let bare = bare(&fresh(folder, "bare")?, writers, lasts)?;
        let append = ours(&fresh(folder, "ours")?, writers, lasts, false)?;
        let open = ours(&fresh(folder, "ours")?, writers, lasts, true)?;
        for (what, run) in [("bare", &bare), ("lazaret append", &append), ("lazaret open", &open)] {
            let of_bare = run.rate / bare.rate;
            let (rate, p50, p99) = (run.rate, run.p50, run.p99);
            writeln!(out, "| {what} | {writers} | {rate:.0} | {p50:.2} | {p99:.2} | {of_bare:.2} |")?;
            rows.push(json!({"what": what, "writers": writers, "entries_per_second": rate.round(),
                "p50_ms": p50, "p99_ms": p99, "of_bare": of_bare}));
        }
    }
    let large = large(&fresh(folder, "large")?, &mut out)?;
    let report = json!({"bench": "ledger", "cores": std::thread::available_parallelism()?.get(),
        "seconds": seconds, "body_bytes": BODY, "rows": rows, "large": large});
    if let Some(results) = results {
        std::fs::write(results, serde_json::to_string_pretty(&report)? + "\n")?;
    }
    fresh(folder, "bare")?;
    fresh(folder, "ours")?;
    fresh(folder, "large")?;
    Ok(())
}

struct Run {
    rate: f64,
    p50: f64,
    p99: f64,
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

/// So many threads that each append and wait, for some time.
fn measure(
    writers: usize,
    lasts: Duration,
    append: impl Fn(usize, u64) -> Outcome<()> + Sync,
) -> Outcome<Run> {
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
        std::thread::sleep(lasts);
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
fn bare(path: &Path, writers: usize, lasts: Duration) -> Outcome<Run> {
    type Waiting = (Vec<u8>, SyncSender<u64>);
    let connection = Connection::open(path)?;
    connection.pragma_update_and_check(None, "journal_mode", "WAL", |_| Ok(()))?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.execute_batch("CREATE TABLE entry (idx INTEGER PRIMARY KEY, hash BLOB, body BLOB)")?;
    let (send, queue) = sync_channel::<Waiting>(4_096);
    let writer = std::thread::spawn(move || -> Outcome<()> {
        let mut tree = Frontier::new();
        while let Ok(first) = queue.recv() {
            let mut batch = vec![first];
            batch.extend(queue.try_iter());
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
    let run = measure(writers, lasts, |writer, number| {
        let mut body = format!("{writer}:{number}:").into_bytes();
        body.resize(BODY, b'x');
        let (reply, answer) = sync_channel(1);
        send.send((body, reply))?;
        answer.recv()?;
        Ok(())
    });
    drop(send);
    writer.join().map_err(|_| "the writer panicked")??;
    run
}

/// The ledger itself: events of about 700 bytes, or whole opened receipts.
fn ours(path: &Path, writers: usize, lasts: Duration, opens: bool) -> Outcome<Run> {
    let ledger = start(path)?;
    let random = SystemBytes(SystemRandom::new());
    let filler = "x".repeat(BODY.saturating_sub(90));
    let run = measure(writers, lasts, |writer, number| {
        if opens {
            ledger.open(&opened(CrossingId::new(Timestamp::from_millis(number), &random)?))?;
        } else {
            ledger.append("bench", &(format!("{writer}:{number}"), &filler))?;
        }
        Ok(())
    })?;
    ledger.close()?;
    Ok(run)
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
