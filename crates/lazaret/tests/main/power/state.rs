//! The machine before a command, and what is in its data directory and lake afterwards.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;

use lazaret_core::{DataKeys, Limits, SystemClock};
use lazaret_ingest::lake::Lake;
use lazaret_ledger::{CrossingWords, LedgerReader, Query};
use lazaret_vault::{HeldRecord, HoldFilter, HoldState, LocalKms, SqliteVault};

use super::Machine;
use crate::killed::{MARK, Place};

pub(super) const DATA: &str = "lazaret-data";
pub(super) const KEY: &str = "lazaret-data.key";
pub(super) const NEW_KEY: &str = "new.key";

/// What the tests' files hold: two records that cross, and three that are held, two of them of the patient `p1`.
pub(super) fn records() -> String {
    [
        format!(r#"{{"resourceType":"Patient","id":"p1","name":[{{"family":"{MARK}"}}],"birthDate":"1961-06-15"}}"#),
        format!(
            r#"{{"resourceType":"Observation","id":"o1","status":"final","code":{{"text":"pulse"}},"subject":{{"reference":"Patient/p1"}},"valueString":"seen by Dr. {MARK}"}}"#
        ),
        format!(r#"{{"resourceType":"Patient","id":"p2","name":[{{"family":"{MARK}"}}],"gender":"boy"}}"#),
        format!(
            r#"{{"resourceType":"Observation","id":"o2","status":"ended","code":{{"text":"pulse"}},"subject":{{"reference":"Patient/p1"}},"valueString":"seen by Dr. {MARK}"}}"#
        ),
        format!(
            r#"{{"resourceType":"Observation","id":"o3","status":"ended","code":{{"text":"pulse"}},"subject":{{"reference":"Patient/p1"}},"valueString":"seen by Dr. {MARK}"}}"#
        ),
    ]
    .join("\n")
}
pub(super) const CROSSED: usize = 2;
pub(super) const HELD: usize = 3;

/// A machine before the command, copied for each cut.
pub(super) struct Before {
    pub(super) shim: PathBuf,
    pub(super) place: Place,
    /// The holds, in their order.
    pub(super) holds: Vec<String>,
    /// A token of `p1`.
    pub(super) token: String,
}

impl Before {
    pub(super) fn empty(shim: &Path) -> Self {
        let place = Place::empty();
        std::fs::create_dir(place.path("in")).unwrap();
        std::fs::write(place.path("in/a.ndjson"), records()).unwrap();
        Self { shim: shim.to_owned(), place, holds: Vec::new(), token: String::new() }
    }

    pub(super) fn ingested(shim: &Path) -> Self {
        let mut before = Self::empty(shim);
        let machine = before.copy();
        ends(&machine, &["init"], &[0]);
        ends(&machine, &["ingest", "in", "--to", "lake"], &[1]);
        let state = State::of(&machine, DATA, KEY);
        before.holds = state.holds().iter().map(|hold| hold.id.to_string()).collect();
        let rows = state.rows();
        let patient = rows.iter().find(|row| row.contains(r#""resourceType":"Patient""#)).unwrap();
        let id = patient.split_once(r#""id":""#).unwrap().1;
        id.split_once('"').unwrap().0.clone_into(&mut before.token);
        drop(state);
        before.place = machine.place;
        before
    }

    pub(super) fn backed_up(shim: &Path) -> Self {
        let before = Self::ingested(shim);
        assert!(before.place.command(&["backup", "backup"]).status().unwrap().success());
        before
    }

    pub(super) fn hold(&self) -> &str {
        self.holds.last().unwrap()
    }

    pub(super) fn copy(&self) -> Machine {
        let place = Place::empty();
        copy_tree(&self.place.path(""), &place.path(""));
        Machine::at(&self.shim, place)
    }
}

pub(super) fn copy_tree(from: &Path, to: &Path) {
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            std::fs::create_dir(&target).unwrap();
            copy_tree(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).unwrap();
        }
    }
}

/// Runs a command to its end, which must be one of these; gives the code and all it printed.
pub(super) fn ends(machine: &Machine, args: &[&str], codes: &[i32]) -> (i32, String) {
    let ended = machine.place.command(args).stdout(Stdio::piped()).stderr(Stdio::piped()).output().unwrap();
    let text = String::from_utf8_lossy(&[ended.stdout, ended.stderr].concat()).into_owned();
    let code = ended.status.code().unwrap();
    assert!(codes.contains(&code), "{args:?} ended with {code}: {text}");
    (code, text)
}

/// What is in a data directory and the lake, read with the key.
pub(super) struct State {
    root: PathBuf,
    pub(super) folder: PathBuf,
    pub(super) vault: Arc<SqliteVault>,
    pub(super) ledger: LedgerReader,
}

impl State {
    pub(super) fn of(machine: &Machine, data: &str, key: &str) -> Self {
        let folder = machine.root.join(data);
        let kms = LocalKms::key_file(&machine.root.join(key), &folder).unwrap();
        let vault = SqliteVault::open(&folder, Arc::new(kms), Arc::new(SystemClock), &Limits::default());
        let ledger = LedgerReader::open(&folder.join("ledger.db")).unwrap();
        Self { root: machine.root.clone(), folder, vault: Arc::new(vault.unwrap()), ledger }
    }

    pub(super) fn holds(&self) -> Vec<HeldRecord> {
        self.vault.holds(&HoldFilter::default()).unwrap()
    }

    pub(super) fn crossings(&self) -> Vec<CrossingWords> {
        let rows = self.ledger.crossings(&Query { limit: 10_000, ..Query::default() }).unwrap();
        rows.iter().map(|row| self.ledger.crossing_at(row.opened_at).unwrap().unwrap()).collect()
    }

    /// How many orders of a kind are sealed as complete.
    pub(super) fn orders(&self, what: &str) -> usize {
        let complete = |crossing: &CrossingWords| {
            let sealed = crossing.sealed.as_ref().is_some_and(|sealed| sealed.seal.ending == "complete");
            sealed && crossing.opened.order.as_ref().is_some_and(|order| order.what == what)
        };
        self.crossings().iter().filter(|crossing| complete(crossing)).count()
    }

    /// The lake's records, each of a complete crossing and without a name.
    pub(super) fn rows(&self) -> Vec<String> {
        let keys: Arc<dyn DataKeys> = Arc::clone(&self.vault) as Arc<dyn DataKeys>;
        let lake = Lake::open(&self.root.join("lake"), Arc::clone(&keys), &Limits::default()).unwrap();
        let mut rows = Vec::new();
        for dataset in lake.datasets().unwrap() {
            for row in lake.read(&dataset, Arc::clone(&keys)).unwrap() {
                let row = row.unwrap();
                assert!(self.ledger.is_sealed_complete(row.crossing).unwrap(), "no sealed receipt");
                rows.push(String::from_utf8(row.content.expose().clone()).unwrap());
            }
        }
        assert!(rows.iter().all(|row| !row.contains(MARK)), "a name reached the lake");
        rows
    }

    /// How many records are in each state; each that is not shredded opens.
    pub(super) fn states(&self) -> BTreeMap<&'static str, usize> {
        let mut states = BTreeMap::new();
        for hold in self.holds() {
            *states.entry(hold.state.name()).or_insert(0) += 1;
            let opened = self.vault.open_hold(hold.id);
            if hold.state == HoldState::Shredded {
                assert!(opened.is_err(), "a shredded record opens");
            } else {
                let bytes = opened.unwrap();
                assert!(bytes.expose().windows(MARK.len()).any(|text| text == MARK.as_bytes()));
            }
        }
        states
    }

    /// Everything that was there before the command is there, and opens.
    pub(super) fn is_whole(&self) {
        assert_eq!(self.rows().len(), CROSSED);
        assert_eq!(self.states(), BTreeMap::from([("held", HELD)]));
        let crossings = self.crossings();
        assert!(crossings.iter().any(|crossing| crossing.opened.order.is_none()), "the ledger is another");
        let policies: BTreeSet<PathBuf> = std::fs::read_dir(self.folder.join("policies"))
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .filter(|path| path.is_file())
            .map(|path| path.file_name().unwrap().into())
            .collect();
        for policy in lazaret_policy::DEFAULTS {
            assert!(policies.contains(Path::new(policy.name)), "{} is missing", policy.name);
            let text = std::fs::read_to_string(self.folder.join("policies").join(policy.name)).unwrap();
            assert_eq!(text, policy.text, "{}", policy.name);
        }
    }
}
