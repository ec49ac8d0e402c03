//! An ingest killed at any moment (SIGKILL) loses nothing, doubles nothing and leaves nothing plain behind.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use lazaret_core::{DataKeys, Limits, SystemClock};
use lazaret_ingest::lake::Lake;
use lazaret_ledger::{LedgerReader, Query};
use lazaret_vault::{LocalKms, SqliteVault};
use serde_json::Value;

pub(crate) const FILES: usize = 6;
const RECORDS: usize = 150;
/// So many files, the last ones, have a record that is held: the quarantine is made when others have crossed.
const BAD: usize = 3;
/// In every name: searched for in everything that was written.
pub(crate) const MARK: &str = "Quillmoorfeather";

/// Kills in one run of the tests; `bench/crash/run` asks for more.
pub(crate) fn runs(unless_asked: u64) -> u64 {
    std::env::var("LAZARET_CRASH_RUNS").ok().and_then(|runs| runs.parse().ok()).unwrap_or(unless_asked)
}

/// Small and repeatable: xorshift.
pub(crate) struct Dice(pub(crate) u64);

impl Dice {
    pub(crate) fn below(&mut self, most: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % most.max(1)
    }
}

pub(crate) struct Place(tempfile::TempDir);

impl Place {
    fn new() -> Self {
        let place = Self::sown();
        assert!(place.command(&["init"]).status().unwrap().success());
        place
    }

    /// Nothing at all yet.
    pub(crate) fn empty() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    /// The files to ingest, and no data directory yet.
    pub(crate) fn sown() -> Self {
        let place = Self::empty();
        std::fs::create_dir(place.path("in")).unwrap();
        for file in 0..FILES {
            let mut text = String::new();
            for record in 0..RECORDS {
                let id = format!("f{file}r{record}");
                let line = match record % 3 {
                    _ if record == 7 && file >= FILES - BAD => format!(
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
        place
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub(crate) fn command<A: AsRef<std::ffi::OsStr>>(&self, args: &[A]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_lazaret"));
        command.args(args).current_dir(self.0.path()).stdout(Stdio::null()).stderr(Stdio::null());
        command
    }

    /// Everything that must hold once an ingest has run to its end. Gives how many records are in the lake.
    pub(crate) fn check(&self) -> usize {
        let mut verify = self.command(&["ledger", "verify"]);
        assert!(verify.status().unwrap().success(), "the ledger holds");

        let folder = self.path("lazaret-data");
        let kms = LocalKms::key_file(&self.path("lazaret-data.key"), &folder).unwrap();
        let vault =
            SqliteVault::open(&folder, Arc::new(kms), Arc::new(SystemClock), &Limits::default()).unwrap();
        let held = vault.holds(&lazaret_vault::HoldFilter::default()).unwrap();
        assert_eq!(held.len(), BAD, "each bad record is kept once");

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
                let record: Value = serde_json::from_str(&text).unwrap();
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
            (FILES * RECORDS - BAD, FILES * RECORDS - BAD),
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
        rows
    }
}

/// The command that ingests every file but those that were acknowledged; all of them if all were.
pub(crate) fn ingest_but(done: &BTreeMap<String, String>) -> Vec<String> {
    let files: Vec<String> = (0..FILES).map(|file| format!("in/{file}.ndjson")).collect();
    let left: Vec<String> = files.iter().filter(|file| !done.contains_key(*file)).cloned().collect();
    let mut args: Vec<String> = ["ingest", "--jsonl", "--to", "lake"].map(str::to_owned).into();
    args.extend(if left.is_empty() { files } else { left });
    args
}

/// Files and their receipts, from what `ingest --jsonl` printed before it ended. A line cut short says nothing.
pub(crate) fn acknowledged(printed: &[u8]) -> Vec<(String, String)> {
    let lines = printed.split_inclusive(|byte| *byte == b'\n').filter(|line| line.ends_with(b"\n"));
    let reports = lines.map(|line| serde_json::from_slice::<Value>(line).unwrap());
    let whole = reports.filter(|report| report.get("stopped").is_none());
    let word = |report: &Value, key: &str| report.get(key).and_then(Value::as_str).unwrap().to_owned();
    whole.map(|report| (word(&report, "path"), word(&report, "receipt"))).collect()
}

/// Looks for the mark in every file below a folder.
pub(crate) fn search(folder: &Path) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            search(&path);
        } else {
            let found = holds_mark(&std::fs::read(&path).unwrap());
            assert!(!found, "{} holds a name", path.display());
        }
    }
}

/// Whether the mark is in some bytes: as it is, in UTF-16, or within base64 at any of its three offsets.
pub(crate) fn holds_mark(bytes: &[u8]) -> bool {
    let mut forms = vec![MARK.as_bytes().to_vec(), MARK.encode_utf16().flat_map(u16::to_le_bytes).collect()];
    for (before, cut) in [("", 0), ("x", 2), ("xy", 3)] {
        let encoded = lazaret_input::base64::encode(format!("{before}{MARK}").as_bytes());
        // The characters that what stands before and after would change are left out.
        let kept: Vec<u8> = encoded.trim_end_matches('=').bytes().skip(cut).collect();
        forms.push(kept.split_last().unwrap().1.to_vec());
    }
    forms.iter().any(|form| bytes.windows(form.len()).any(|window| window == form))
}

#[test]
fn the_search_finds_the_mark_in_every_form() {
    let encoded = |text: String| lazaret_input::base64::encode(text.as_bytes()).into_bytes();
    assert!(holds_mark(format!("a{MARK}b").as_bytes()));
    assert!(holds_mark(&format!("a{MARK}b").encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<_>>()));
    for before in ["abc", "abcd", "abcde"] {
        assert!(holds_mark(&encoded(format!("{before}{MARK}{before}"))));
    }
    assert!(!holds_mark(b"Quillmoor feather"));
}

#[test]
fn an_ingest_killed_at_any_moment_loses_and_doubles_nothing() {
    let whole = Place::new();
    let start = Instant::now();
    assert_eq!(
        whole.command(&ingest_but(&BTreeMap::new())).status().unwrap().code(),
        Some(1),
        "some records are held"
    );
    let start_to_end = start.elapsed();
    let lasts = u64::try_from(start_to_end.as_micros()).unwrap();
    whole.check();
    let mut dice = Dice(0x9e37_79b9_7f4a_7c15);
    let (mut kills, mut records) = (0_u64, 0);
    while kills < runs(6) {
        let place = Place::new();
        let mut done = BTreeMap::new();
        for _ in 0..=dice.below(3) {
            let mut command = place.command(&ingest_but(&done));
            let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
            std::thread::sleep(Duration::from_micros(dice.below(lasts)));
            child.kill().unwrap(); // SIGKILL
            let output = child.wait_with_output().unwrap();
            kills += u64::from(output.status.code().is_none());
            done.extend(acknowledged(&output.stdout));
            for folder in ["lazaret-data", "lake"] {
                if place.path(folder).exists() {
                    search(&place.path(folder));
                }
            }
        }
        // What was acknowledged is not sent again: were it lost, it would be missing.
        let code = place.command(&ingest_but(&done)).status().unwrap().code();
        assert!(matches!(code, Some(0 | 1)), "{code:?} after {kills} kills");
        records += place.check();
    }
    println!(
        "{}",
        serde_json::json!({ "what": "kill -9", "runs": kills, "seconds of a whole ingest": start_to_end.as_secs_f64(),
            "records found once each": records })
    );
}
