//! An ingest whose machine loses power at any moment, on a disk that throws away what was not yet synced: what was
//! acknowledged is there, nothing is doubled, nothing is in the lake without a sealed receipt. (Linux: the disk is
//! played by a library loaded before the others, made by the C compiler.)
#![expect(
    clippy::panic,
    clippy::print_stdout,
    reason = "a test that breaks off is a failed test; what was measured is printed"
)]

#[path = "power/commands.rs"]
mod commands;
#[path = "power/disk.rs"]
mod disk;
#[path = "power/state.rs"]
mod state;

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output as Ended, Stdio};
use std::sync::{Arc, LazyLock};

use lazaret_core::{CrossingId, DataKey, DataKeys, HoldId, Limits, Output, VaultError};
use lazaret_ingest::lake::Lake;
use lazaret_ledger::LedgerReader;

use crate::killed::{Dice, FILES, Place, acknowledged, holds_mark, ingest_but, runs, search};
use disk::{Disk, Unsynced};
use state::State;

/// What disks do, turn by turn.
const UNSYNCED: [Unsynced; 3] = [Unsynced::Gone, Unsynced::GoneNamesJournalled, Unsynced::AnyOfIt];

/// The library. Where there is no C compiler the test says that it was skipped; it fails where `CI` is `true`, and
/// where a measure is asked for.
fn shim() -> Option<PathBuf> {
    static LIBRARY: LazyLock<Option<PathBuf>> = LazyLock::new(|| {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR"));
        let (coming, library) = (folder.join(format!("shim.{}", std::process::id())), folder.join("shim.so"));
        let source = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/main/power/shim.c");
        let made = Command::new("cc")
            .args(["-O1", "-shared", "-fPIC", "-o"])
            .arg(&coming)
            .args([source, "-lpthread"])
            .status()
            .is_ok_and(|status| status.success());
        if made {
            std::fs::rename(coming, &library).unwrap(); // another run may have it loaded
        }
        made.then_some(library)
    });
    if LIBRARY.is_none() {
        let measured = std::env::var_os("LAZARET_CRASH_RUNS").is_some();
        assert!(
            !measured && std::env::var("CI").as_deref() != Ok("true"),
            "power cuts need a C compiler, `cc`"
        );
        // Past the runner, which hides what a test that ends well prints; `scripts/test` counts these lines.
        let mut errors = std::io::stderr();
        writeln!(errors, "\nskipped: a test of power cuts (there is no C compiler, `cc`)").unwrap();
    }
    LIBRARY.clone()
}

/// A machine: its files, its disk, what it acknowledged.
struct Machine {
    place: Place,
    root: PathBuf,
    shim: PathBuf,
    _aside: tempfile::TempDir,
    journal: PathBuf,
    /// Receipts by file.
    acknowledged: BTreeMap<String, String>,
}

impl Machine {
    fn new(shim: &Path) -> Self {
        Self::at(shim, Place::sown())
    }

    fn at(shim: &Path, place: Place) -> Self {
        let root = std::fs::canonicalize(place.path("")).unwrap();
        let aside = tempfile::tempdir().unwrap();
        let journal = aside.path().join("journal");
        Self { place, root, shim: shim.to_owned(), _aside: aside, journal, acknowledged: BTreeMap::new() }
    }

    /// Runs a command until it ends, or until its change of this number; then the power is cut. Gives the exit
    /// code, none where it was killed, and how many changes there were.
    fn run(&mut self, args: &[&str], until: u64, unsynced: Unsynced, dice: &mut Dice) -> (Option<i32>, u64) {
        let (ended, changes) = self.run_whole(args, until, unsynced, dice);
        if ended.status.code() > Some(1) {
            println!("{args:?}: {}", String::from_utf8_lossy(&ended.stderr)); // why, for the assertion to come
        }
        if args.contains(&"ingest") {
            self.acknowledged.extend(acknowledged(&ended.stdout));
        }
        (ended.status.code(), changes)
    }

    /// As [`Machine::run`], with what was printed.
    fn run_whole(&self, args: &[&str], until: u64, unsynced: Unsynced, dice: &mut Dice) -> (Ended, u64) {
        let disk = self.plugged(unsynced);
        let ended = self.shimmed(args, until).output().unwrap();
        (ended, self.cut(disk, dice))
    }

    /// The disk as it is, and no journal yet.
    fn plugged(&self, unsynced: Unsynced) -> Disk {
        let _none_yet = std::fs::remove_file(&self.journal);
        Disk::load(&self.root, unsynced)
    }

    /// A command whose changes are written down.
    fn shimmed(&self, args: &[&str], until: u64) -> Command {
        let mut command = self.place.command(args);
        command
            .env("LD_PRELOAD", &self.shim)
            .env("SHIM_UNDER", &self.root)
            .env("SHIM_JOURNAL", &self.journal)
            .env("SHIM_KILL_AT", until.to_string())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    /// Cuts the power. Gives how many changes there were.
    fn cut(&self, mut disk: Disk, dice: &mut Dice) -> u64 {
        let journal = std::fs::read(&self.journal).unwrap();
        assert!(!holds_mark(&journal), "a name was written, if only for a moment");
        let changes = disk.replay(&journal);
        disk.cut(dice);
        changes
    }

    /// Ingests the files that were not acknowledged.
    fn ingest(&mut self, until: u64, unsynced: Unsynced, dice: &mut Dice) -> (Option<i32>, u64) {
        let args = ingest_but(&self.acknowledged);
        let args: Vec<&str> = args.iter().map(String::as_str).collect();
        self.run(&args, until, unsynced, dice)
    }

    /// What must hold of a disk after a power cut, before anything is put right.
    fn check_after_cut(&self) {
        let database = self.root.join("lazaret-data/ledger.db");
        let ledger = LedgerReader::open(&database).unwrap();
        let vault = State::of(self, state::DATA, state::KEY).vault;
        let lake = Lake::open(&self.root.join("lake"), Arc::new(NoKeys), &Limits::default()).unwrap();
        let sealed = |receipt: &str| {
            let crossing = ledger.crossing(CrossingId::parse(receipt).unwrap()).unwrap();
            crossing.and_then(|crossing| crossing.sealed).filter(|sealed| sealed.seal.ending == "complete")
        };
        for (file, receipt) in &self.acknowledged {
            let sealed = sealed(receipt).unwrap_or_else(|| panic!("the receipt of {file} is lost"));
            for output in sealed.seal.outputs {
                let output = Output {
                    dataset: output.dataset,
                    name: output.name,
                    sha256: output.sha256,
                    bytes: output.bytes,
                    records: output.records,
                };
                lake.check(&output).unwrap_or_else(|error| panic!("records of {file} are lost: {error}"));
            }
            let crossing = CrossingId::parse(receipt).unwrap();
            for held in
                ledger.entries(crossing, 0, u32::MAX).unwrap().iter().filter_map(|entry| entry.held.as_ref())
            {
                let (crossing, record) = held.rsplit_once(':').unwrap();
                let id = HoldId {
                    crossing: CrossingId::parse(crossing).unwrap(),
                    record: record.parse().unwrap(),
                };
                let opened = vault.open_hold(id);
                assert!(opened.is_ok(), "a held record of {file} is lost: {:?}", opened.err());
            }
        }
        for folder in std::fs::read_dir(self.root.join("lake")).unwrap().map(|folder| folder.unwrap()) {
            if folder.file_name().to_string_lossy().starts_with('.') {
                continue;
            }
            for file in std::fs::read_dir(folder.path()).unwrap() {
                let name = file.unwrap().file_name().into_string().unwrap();
                let receipt = name.rsplit_once('-').unwrap().0;
                assert!(sealed(receipt).is_some(), "{name} is in the lake without a sealed receipt");
            }
        }
        for folder in ["lazaret-data", "lake"] {
            search(&self.root.join(folder));
        }
    }
}

/// For reading what needs no key.
struct NoKeys;

impl DataKeys for NoKeys {
    fn current(&self, _: &str, _: Option<&str>) -> Result<DataKey, VaultError> {
        panic!("no key is needed")
    }

    fn by_id(&self, _: &str) -> Result<DataKey, VaultError> {
        panic!("no key is needed")
    }
}

#[test]
fn a_power_cut_at_any_moment_loses_nothing_that_was_acknowledged() {
    let Some(shim) = shim() else { return };
    let mut dice = Dice(0x51ab_c0de_7f4a_7c15);
    let mut whole = Machine::new(&shim);
    whole.run(&["init"], 0, Unsynced::Gone, &mut dice);
    let (code, changes) = whole.ingest(0, Unsynced::Gone, &mut dice);
    assert_eq!(code, Some(1), "some records are held");
    assert!(changes > 100, "the disk sees what is written");
    whole.check_after_cut();
    whole.place.check();

    let mut kinds = BTreeMap::new();
    let mut kept = 0;
    let (mut cuts, mut machines, mut records) = (0, 0, 0);
    while cuts < runs(6) {
        let unsynced = UNSYNCED[machines % UNSYNCED.len()];
        machines += 1;
        let mut machine = Machine::new(&shim);
        // Once `init` has ended, what it made is there for good.
        assert_eq!(machine.run(&["init"], 0, unsynced, &mut dice).0, Some(0));
        for _ in 0..=dice.below(3) {
            let (code, _) = machine.ingest(1 + dice.below(changes), unsynced, &mut dice);
            cuts += u64::from(code.is_none());
            *kinds.entry(format!("{unsynced:?}")).or_insert(0_u64) += u64::from(code.is_none());
            assert!(matches!(code, None | Some(0 | 1)), "{code:?} after {cuts} cuts, {unsynced:?}");
            if machine.root.join("lake").exists() {
                machine.check_after_cut();
            }
            assert!(
                machine.acknowledged.is_empty() || machine.root.join("lake").exists(),
                "the lake is lost"
            );
            if code.is_some() || machine.acknowledged.len() == FILES {
                break;
            }
        }
        // What is left is ingested, and acknowledged; then the power goes again.
        kept += machine.acknowledged.len();
        if machine.acknowledged.len() < FILES {
            let (code, _) = machine.ingest(0, unsynced, &mut dice);
            assert!(matches!(code, Some(0 | 1)), "{code:?} after {cuts} cuts, {unsynced:?}");
        }
        assert_eq!(machine.acknowledged.len(), FILES);
        machine.check_after_cut();
        // Everything once more: all of it has crossed before, and the half-done is finished or undone.
        assert_eq!(
            machine.place.command(&["ingest", "in", "--to", "lake"]).status().unwrap().code(),
            Some(1)
        );
        records += machine.place.check();
    }
    println!(
        "{}",
        serde_json::json!({ "what": "power cuts", "runs": cuts, "of them": kinds, "changes of a whole ingest": changes,
            "files acknowledged before a cut": kept, "records found once each": records })
    );
}
