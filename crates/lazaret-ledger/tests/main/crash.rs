//! A process that appends and acknowledges is killed at random moments: nothing acknowledged is lost, the
//! ledger holds, and the next start goes on.
//!
//! The child is this test binary again, told by the environment where the ledger lies. `LAZARET_CRASH_RUNS`
//! sets how often it is killed (20 unless set).

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use lazaret_core::{CrossingId, Ending, Ledger as _, Timestamp};
use lazaret_ledger::{LedgerReader, verify};

use crate::support::{Counting, entry, key, ledger, opened, seal};

const CHILD: &str = "LAZARET_CRASH_CHILD";
const RUNS: &str = "LAZARET_CRASH_RUNS";
/// Threads of a child that append.
const THREADS: u64 = 6;

/// A crossing id nobody else makes: by run, thread and number.
fn id(run: u64, thread: u64, n: u64) -> CrossingId {
    CrossingId::new(Timestamp::from_millis(run), &Counting(thread << 32 | n)).unwrap()
}

/// The child: crossings without end, each step said on standard output once it is acknowledged.
#[test]
fn child() {
    let Ok(told) = std::env::var(CHILD) else { return };
    let (run, path) = told.split_once(' ').unwrap();
    let run: u64 = run.parse().unwrap();
    let ledger = ledger(Path::new(path));
    for cut in ledger.cut_unsealed("the process ended").unwrap() {
        say(&format!("CUT {}", cut.seal.crossing));
    }
    std::thread::scope(|scope| {
        for thread in 0..THREADS {
            let ledger = &ledger;
            scope.spawn(move || {
                for n in 0.. {
                    let crossing = id(run, thread, n);
                    let mut begun = opened(1);
                    begun.crossing = crossing;
                    ledger.open(&begun).unwrap();
                    say(&format!("OPENED {crossing}"));
                    let entries: Vec<_> =
                        (0..n % 7).map(|record| entry(run << 20 | thread << 16 | n, record)).collect();
                    ledger.record(crossing, entries.clone()).unwrap();
                    let mut ended = seal(1, &entries, Ending::Complete);
                    ended.crossing = crossing;
                    ledger.seal(&ended).unwrap();
                    say(&format!("SEALED {crossing}"));
                }
            });
        }
    });
}

fn say(line: &str) {
    let mut out = std::io::stdout().lock();
    // The mark keeps these lines apart from the test runner's own, which do not end where they stand.
    writeln!(out, "\n@{line}").unwrap();
    out.flush().unwrap();
}

/// Starts a child, lets it work for a while, kills it, and returns what it had said.
fn run_and_kill(run: u64, path: &Path, after: Duration) -> Vec<String> {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "crash::child", "--nocapture", "--test-threads=1"])
        .env(CHILD, format!("{run} {}", path.display()))
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let out = child.stdout.take().unwrap();
    let reader = std::thread::spawn(move || {
        let lines = BufReader::new(out).lines();
        lines.map_while(Result::ok).filter_map(|line| line.strip_prefix('@').map(str::to_owned)).collect()
    });
    std::thread::sleep(after);
    child.kill().unwrap(); // SIGKILL on Unix
    child.wait().unwrap();
    reader.join().unwrap()
}

#[test]
fn nothing_acknowledged_is_lost_when_the_process_is_killed() {
    let runs: u64 = std::env::var(RUNS).ok().and_then(|runs| runs.parse().ok()).unwrap_or(20);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ledger.db");
    let mut moment = 0x9e37_79b9_7f4a_7c15_u64;
    let (mut sealed, mut cut) = (0_u64, 0_u64);
    for run in 0..runs {
        moment = moment.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let said = run_and_kill(run, &path, Duration::from_millis(20 + (moment >> 33) % 230));
        if !path.exists() {
            continue; // killed before it had made the file: it had acknowledged nothing
        }
        let Ok(reader) = LedgerReader::open(&path) else {
            assert_eq!(said, [] as [String; 0], "run {run}: acknowledged, and no ledger");
            continue;
        };
        for line in &said {
            let (what, id) = line.split_once(' ').unwrap();
            // A line cut by the kill is no acknowledgement that was read.
            let Some(id) = CrossingId::parse(id).filter(|_| id.len() == 36) else { continue };
            let found = reader.crossing(id).unwrap().unwrap_or_else(|| panic!("run {run}: {line} is lost"));
            let ending = found.sealed.as_ref().map(|sealed| sealed.seal.ending.as_str());
            match what {
                "OPENED" => {}
                "SEALED" => {
                    sealed += 1;
                    assert_eq!(ending, Some("complete"), "run {run}: {line}");
                    let entries = reader.entries(id, 0, 100).unwrap().len();
                    assert_eq!(found.sealed.unwrap().entries, u64::try_from(entries).unwrap());
                }
                _ => {
                    cut += 1;
                    assert_eq!(ending, Some("cut"), "run {run}: {line}");
                }
            }
        }
        let report = verify(&path, &key(), &[]).unwrap();
        assert!(report.holds(), "run {run}: {:?}", report.findings);
    }
    assert!(sealed > runs, "the children did nothing: {sealed} sealed");
    assert!(cut > 0, "no child was killed within a crossing");
}
