//! An ingest killed at any moment (SIGKILL) loses nothing, doubles nothing and leaves nothing plain behind.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use lazaret_core::{DataKeys, Limits, SystemClock};
use lazaret_ingest::lake::Lake;
use lazaret_ledger::{LedgerReader, Query};
use lazaret_vault::{LocalKms, SqliteVault};

const FILES: usize = 6;
const RECORDS: usize = 150;
/// In every name: searched for in everything that was written.
const MARK: &str = "Quillmoorfeather";

/// Kills in one run of the tests; `bench/crash/run` asks for more.
fn runs() -> u64 {
    std::env::var("LAZARET_CRASH_RUNS").ok().and_then(|runs| runs.parse().ok()).unwrap_or(5)
}

/// Small and repeatable: xorshift.
struct Dice(u64);

impl Dice {
    fn below(&mut self, most: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % most.max(1)
    }
}

struct Place(tempfile::TempDir);

impl Place {
    fn new() -> Self {
        let place = Self(tempfile::tempdir().unwrap());
        std::fs::create_dir(place.path("in")).unwrap();
        for file in 0..FILES {
            let mut text = String::new();
            for record in 0..RECORDS {
                let id = format!("f{file}r{record}");
                let line = match record % 3 {
                    _ if record == 7 => format!(
                        r#"{{"resourceType":"Patient","id":"{id}","name":[{{"family":"{MARK}{id}"}}],"gender":"boy"}}"#
                    ),
                    0 => format!(
                        r#"{{"resourceType":"Patient","id":"{id}","name":[{{"family":"{MARK}{id}"}}],"birthDate":"1961-06-15"}}"#
                    ),
                    _ => format!(
                        r#"{{"resourceType":"Observation","id":"{id}","status":"final","code":{{"text":"pulse"}},"subject":{{"reference":"Patient/f{file}r0"}},"valueString":"seen by Dr. {MARK}"}}"#
                    ),
                };
                text.push_str(&line);
                text.push('\n');
            }
            std::fs::write(place.path(&format!("in/{file}.ndjson")), text).unwrap();
        }
        assert!(place.command(&["init"]).status().unwrap().success());
        place
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_lazaret"));
        command.args(args).current_dir(self.0.path()).stdout(Stdio::null()).stderr(Stdio::null());
        command
    }

    fn ingest(&self) -> Command {
        self.command(&["ingest", "in", "--to", "lake"])
    }

    /// Everything that must hold once an ingest has run to its end.
    fn check(&self) {
        let mut verify = self.command(&["ledger", "verify"]);
        assert!(verify.status().unwrap().success(), "the ledger holds");

        let folder = self.path("lazaret-data");
        let kms = LocalKms::key_file(&self.path("lazaret-data.key"), &folder).unwrap();
        let vault =
            SqliteVault::open(&folder, Arc::new(kms), Arc::new(SystemClock), &Limits::default()).unwrap();
        let held = vault.holds(&lazaret_vault::HoldFilter::default()).unwrap();
        assert_eq!(held.len(), FILES, "each bad record is kept once");

        let keys: Arc<dyn DataKeys> = Arc::new(vault);
        let lake = Lake::open(&self.path("lake"), Arc::clone(&keys), &Limits::default()).unwrap();
        let mut ids = BTreeSet::new();
        let mut rows = 0;
        let mut crossings = BTreeSet::new();
        for dataset in lake.datasets().unwrap() {
            for row in lake.read(&dataset, Arc::clone(&keys)).unwrap() {
                let row = row.unwrap();
                let text = String::from_utf8(row.content.expose().clone()).unwrap();
                assert!(!text.contains(MARK), "a name reached the lake");
                let record: serde_json::Value = serde_json::from_str(&text).unwrap();
                ids.insert((
                    record.get("resourceType").cloned().unwrap().to_string(),
                    record.get("id").unwrap().to_string(),
                ));
                crossings.insert(row.crossing.to_string());
                rows += 1;
            }
        }
        assert_eq!(
            (rows, ids.len()),
            (FILES * (RECORDS - 1), FILES * (RECORDS - 1)),
            "none lost, none doubled"
        );

        let ledger = LedgerReader::open(&folder.join("ledger.db")).unwrap();
        let all = ledger.crossings(&Query { limit: 10_000, ..Query::default() }).unwrap();
        assert!(all.iter().all(|crossing| crossing.ending.is_some()), "what was half done was ended");
        for crossing in &crossings {
            let row = all.iter().find(|row| row.crossing == *crossing).unwrap();
            assert_eq!(
                row.ending.as_deref(),
                Some("complete"),
                "nothing in the lake without a sealed receipt"
            );
        }
        assert_eq!(
            std::fs::read_dir(self.path("lake/.staging")).unwrap().count(),
            0,
            "nothing half done is left"
        );
        for folder in ["lazaret-data", "lake"] {
            search(&self.path(folder));
        }
    }
}

/// Looks for the mark in every file below a folder.
fn search(folder: &Path) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            search(&path);
        } else {
            let bytes = std::fs::read(&path).unwrap();
            let found = bytes.windows(MARK.len()).any(|window| window == MARK.as_bytes());
            assert!(!found, "{} holds a name", path.display());
        }
    }
}

#[test]
fn an_ingest_killed_at_any_moment_loses_and_doubles_nothing() {
    let whole = Place::new();
    let start = Instant::now();
    assert_eq!(whole.ingest().status().unwrap().code(), Some(1), "some records are held");
    let lasts = u64::try_from(start.elapsed().as_micros()).unwrap();
    whole.check();
    let mut dice = Dice(0x9e37_79b9_7f4a_7c15);
    for run in 0..runs() {
        let place = Place::new();
        for _ in 0..=dice.below(3) {
            let mut child = place.ingest().spawn().unwrap();
            std::thread::sleep(Duration::from_micros(dice.below(lasts)));
            child.kill().unwrap(); // SIGKILL
            child.wait().unwrap();
            for folder in ["lazaret-data", "lake"] {
                if place.path(folder).exists() {
                    search(&place.path(folder));
                }
            }
        }
        assert_eq!(place.ingest().status().unwrap().code(), Some(1), "run {run}");
        place.check();
    }
}
