//! Every command that changes the data directory, cut short at each of its changes: killed (`kill -9`), and by a
//! power cut on each kind of disk. Then what fits the command must hold, and the command must work again.
//!
//! A run of the tests cuts each command in a few places, one for each kind of disk; with `LAZARET_CRASH_RUNS` (`bench/crash/run`) in all.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader};
use std::path::Path;

use lazaret_vault::HoldState;

use super::disk::Unsynced;
use super::state::{Before, CROSSED, DATA, HELD, KEY, NEW_KEY, State, copy_tree, ends};
use super::{Machine, shim};
use crate::killed::{Dice, MARK, Place, runs, search};

/// What becomes of what was not synced, turn by turn.
const FATES: [Unsynced; 4] =
    [Unsynced::Kept, Unsynced::Gone, Unsynced::GoneNamesJournalled, Unsynced::AnyOfIt];

/// From so many runs on, each place is cut on every kind of disk; below, on one, turn by turn.
const ALL: u64 = 200;

const SHRED: [&str; 9] =
    ["keys", "shred", "Patient/p1", "--by", "ana", "--second", "ben", "--reason", "request 17"];

/// One command under test.
struct Cut<'a> {
    name: &'a str,
    before: &'a Before,
    args: Vec<&'a str>,
    /// What must hold once it was cut short; told what it printed, and whether it had ended well.
    after: &'a dyn Fn(&Machine, &str, bool),
}

impl Cut<'_> {
    fn everywhere(&self) {
        let mut dice = Dice(0x2545_f491_4f6c_dd1d);
        let (ended, changes) = self.before.copy().run_whole(&self.args, 0, Unsynced::Kept, &mut dice);
        assert_eq!(ended.status.code(), Some(0), "{}: {}", self.name, String::from_utf8_lossy(&ended.stderr));
        assert!(changes > 0, "{} changes nothing", self.name);
        let mut cuts = 0;
        let each = 1..=changes;
        let places: Vec<(u64, Unsynced)> = if runs(0) >= ALL {
            each.flat_map(|at| FATES.map(|fate| (at, fate))).collect()
        } else if runs(0) > 0 {
            let fates = FATES.iter().cycle().skip(usize::try_from(runs(0)).unwrap());
            each.zip(fates).map(|(at, fate)| (at, *fate)).collect()
        } else {
            FATES.map(|fate| (1 + dice.below(changes), fate)).into()
        };
        // And last the power goes when the command has just said that it is done.
        let places = places.into_iter().chain([(0, Unsynced::GoneNamesJournalled), (0, Unsynced::Gone)]);
        for (at, fate) in places {
            let machine = self.before.copy();
            let (ended, _) = machine.run_whole(&self.args, at, fate, &mut dice);
            let code = ended.status.code();
            let printed = String::from_utf8_lossy(&ended.stdout).into_owned();
            let why = String::from_utf8_lossy(&ended.stderr).into_owned();
            let told = Told(format!("{} cut at {at} of {changes}, {fate:?}", self.name));
            assert!(code == Some(0) || (code.is_none() && at > 0), "{code:?} {why}");
            cuts += u64::from(code.is_none());
            for folder in [DATA, "lake", "backup", "restored"] {
                if machine.root.join(folder).exists() {
                    search(&machine.root.join(folder));
                }
            }
            (self.after)(&machine, &printed, code == Some(0));
            drop(told);
        }
        measured(self.name, changes, cuts);
    }
}

/// Says where it was, if the test breaks off.
struct Told(String);

impl Drop for Told {
    fn drop(&mut self) {
        if std::thread::panicking() {
            println!("{}", self.0);
        }
    }
}

/// The next start of a command that writes: what was left is put right before anything else.
fn next_start(machine: &Machine) {
    ends(machine, &["backup", "of-the-next-start"], &[0]);
    std::fs::remove_dir_all(machine.root.join("of-the-next-start")).unwrap();
    ends(machine, &["ledger", "verify"], &[0]);
}

fn after_init(machine: &Machine, _: &str, done: bool) {
    // What is used without another `init` is whole or says that it is no data directory.
    let copy =
        Before { shim: machine.shim.clone(), place: Place::empty(), holds: vec![], token: String::new() };
    copy_tree(&machine.root, &copy.place.path(""));
    let used = copy.copy();
    let (code, _) = ends(&used, &["ingest", "in", "--to", "lake"], if done { &[1] } else { &[1, 2, 3] });
    if code == 1 {
        ends(&used, &["ledger", "verify"], &[0]);
        State::of(&used, DATA, KEY).is_whole();
    }
    let (code, text) = ends(machine, &["init"], if done { &[2] } else { &[0, 2] });
    assert!(code == 0 || text.contains("is a data directory already"), "{text}");
    ends(machine, &["ledger", "verify"], &[0]);
    ends(machine, &["ingest", "in", "--to", "lake"], &[1]);
    ends(machine, &["ledger", "verify"], &[0]);
    State::of(machine, DATA, KEY).is_whole();
    assert_tidy(&machine.root);
}

/// No half-made file is left beside the data.
fn assert_tidy(root: &Path) {
    for folder in [root.to_owned(), root.join(DATA), root.join(DATA).join("policies")] {
        for entry in std::fs::read_dir(folder).unwrap() {
            let name = entry.unwrap().file_name().into_string().unwrap();
            assert!(!name.contains(".coming"), "{name} is left");
        }
    }
}

fn after_backup(machine: &Machine, _: &str, done: bool) {
    let restore = ["restore", "backup", "--data", "restored", "--key-file", KEY];
    let (code, _) = ends(machine, &restore, if done { &[0] } else { &[0, 2, 3] });
    if code == 0 {
        ends(machine, &["ledger", "verify", "--data", "restored", "--key-file", KEY], &[0]);
        State::of(machine, "restored", KEY).is_whole();
    } else {
        let listed = ["quarantine", "list", "--data", "restored", "--key-file", KEY];
        ends(machine, &listed, &[2]);
    }
    next_start(machine);
    State::of(machine, DATA, KEY).is_whole();
    let (code, _) = ends(machine, &["backup", "backup"], &[0, 2]);
    assert_eq!(code, if machine.root.join("backup").exists() && code == 2 { 2 } else { 0 });
}

fn after_restore(machine: &Machine, _: &str, done: bool) {
    let of = |args: &[&'static str]| [args, &["--data", "restored", "--key-file", KEY]].concat();
    // Without another `restore`: whole, or no data directory.
    let (code, _) = ends(machine, &of(&["quarantine", "list"]), if done { &[1] } else { &[1, 2, 3] });
    if code == 1 {
        ends(machine, &of(&["ledger", "verify"]), &[0]);
        State::of(machine, "restored", KEY).is_whole();
    }
    let (code, text) = ends(machine, &of(&["restore", "backup"]), if done { &[2] } else { &[0, 2] });
    assert!(code == 0 || text.contains("is a data directory already"), "{text}");
    ends(machine, &of(&["ledger", "verify"]), &[0]);
    State::of(machine, "restored", KEY).is_whole();
}

fn after_rotate(machine: &Machine, _: &str, done: bool) {
    let opens = |key| ends(machine, &["keys", "status", "--key-file", key], &[0, 3]).0 == 0;
    let (old, new) = (opens(KEY), opens(NEW_KEY));
    assert!(old != new && (new || !done), "one key opens: old {old}, new {new}, acknowledged {done}");
    if old {
        ends(
            machine,
            &["keys", "rotate", "--new-key-file", NEW_KEY, "--by", "ana", "--reason", "audit"],
            &[0],
        );
    }
    ends(machine, &["backup", "next", "--key-file", NEW_KEY], &[0]);
    ends(machine, &["ledger", "verify", "--key-file", NEW_KEY], &[0]);
    let state = State::of(machine, DATA, NEW_KEY);
    state.is_whole();
    assert_eq!(
        state.ledger.events("keys.rotated", None, 10).unwrap().len(),
        1,
        "a rotation is recorded once"
    );
    assert_tidy(&machine.root);
}

fn after_shred(machine: &Machine, token: &str, done: bool) {
    let check = || {
        let state = State::of(machine, DATA, KEY);
        let ordered = state.orders("shred");
        assert!(ordered == 1 || (ordered == 0 && !done), "{ordered} orders");
        assert_eq!(state.vault.reveal(token).is_err(), ordered == 1, "the token, and the receipt");
        let states = state.states();
        assert_eq!(states.get("shredded").copied().unwrap_or(0), if ordered == 1 { 2 } else { 0 });
        assert_eq!(state.vault.status().unwrap().shreddings, ordered as u64);
        assert_eq!(state.rows().len(), CROSSED);
        if ordered == 1 {
            // Its bytes went too: only the record of the other patient is left in the file.
            let held: u64 = state
                .holds()
                .iter()
                .filter(|hold| hold.state == HoldState::Shredded)
                .map(|hold| hold.bytes)
                .sum();
            let file = std::fs::read_dir(state.folder.join("quarantine")).unwrap().next().unwrap().unwrap();
            let bytes = std::fs::read(file.path()).unwrap();
            let noughts = bytes.iter().rev().take_while(|byte| **byte == 0).count();
            assert!(noughts as u64 >= held, "{noughts} of {held} bytes of shredded records are gone");
        }
        ordered
    };
    if done {
        check(); // without the help of another start
    }
    next_start(machine);
    if check() == 0 {
        ends(machine, &SHRED, &[0]);
    } else {
        ends(machine, &SHRED, &[2]); // no such subject
    }
    assert_eq!(check(), 1);
}

fn after_settling(machine: &Machine, args: &[&str], word: &str, done: bool) {
    let rows = if word == "released" { CROSSED + 1 } else { CROSSED };
    let order = if word == "released" { "release" } else { "reject" };
    if done {
        let state = State::of(machine, DATA, KEY);
        assert_eq!(state.rows().len(), rows, "acknowledged");
        assert_eq!(state.states().get(word), Some(&1), "acknowledged");
    }
    let (code, text) = ends(machine, args, if done { &[2] } else { &[0, 2] });
    assert!(code == 0 || text.contains("already"), "{text}");
    ends(machine, &["ledger", "verify"], &[0]);
    let state = State::of(machine, DATA, KEY);
    assert_eq!(state.rows().len(), rows, "once in the lake");
    assert_eq!(state.states(), BTreeMap::from([("held", HELD - 1), (word, 1)]));
    assert_eq!(state.orders(order), 1, "one receipt");
    assert_eq!(std::fs::read_dir(machine.root.join("lake/.staging")).unwrap().count(), 0);
}

fn after_a_look(machine: &Machine, seen: bool, order: &str) {
    // What was seen is recorded; the other way round is no harm.
    let recorded = || State::of(machine, DATA, KEY).orders(order);
    assert!(!seen || recorded() == 1, "seen, and not recorded");
    next_start(machine);
    assert!(State::of(machine, DATA, KEY).crossings().iter().all(|crossing| crossing.sealed.is_some()));
    State::of(machine, DATA, KEY).is_whole();
}

fn after_legal_hold(machine: &Machine, _: &str, done: bool) {
    next_start(machine);
    State::of(machine, DATA, KEY).is_whole();
    let (code, text) = ends(machine, &SHRED, if done { &[2] } else { &[0, 2] });
    assert!(code == 0 || text.contains("legal hold"), "{text}");
}

/// Serves until its change of this number, or until it is up; then it is killed and the power goes.
fn serve(machine: &Machine, until: u64, unsynced: Unsynced, dice: &mut Dice) -> u64 {
    let disk = machine.plugged(unsynced);
    let mut child = machine.shimmed(&["serve", "--port", "0"], until).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    child.kill().unwrap();
    let ended = child.wait().unwrap();
    assert!(ended.code().is_none() && (line.is_empty() || line.starts_with("console:")), "{ended} {line}");
    machine.cut(disk, dice)
}

/// Cuts one command in places; what was measured is printed.
fn cut_short(name: &str, before: &Before, args: &[&str], after: &dyn Fn(&Machine, &str, bool)) {
    let cut = Cut { name, before, args: args.to_vec(), after };
    cut.everywhere();
}

#[test]
fn init_cut_short() {
    let Some(shim) = shim() else { return };
    cut_short("init", &Before::empty(&shim), &["init"], &after_init);
}

#[test]
fn backup_cut_short() {
    let Some(shim) = shim() else { return };
    cut_short("backup", &Before::ingested(&shim), &["backup", "backup"], &after_backup);
}

#[test]
fn restore_cut_short() {
    let Some(shim) = shim() else { return };
    let args = ["restore", "backup", "--data", "restored", "--key-file", KEY];
    cut_short("restore", &Before::backed_up(&shim), &args, &after_restore);
}

#[test]
fn keys_rotate_cut_short() {
    let Some(shim) = shim() else { return };
    let args = ["keys", "rotate", "--new-key-file", NEW_KEY, "--by", "ana", "--reason", "audit"];
    cut_short("keys rotate", &Before::ingested(&shim), &args, &after_rotate);
}

#[test]
fn keys_shred_cut_short() {
    let Some(shim) = shim() else { return };
    let before = Before::ingested(&shim);
    cut_short("keys shred", &before, &SHRED, &|machine, _, done| after_shred(machine, &before.token, done));
}

#[test]
fn keys_legal_hold_cut_short() {
    let Some(shim) = shim() else { return };
    let args = ["keys", "legal-hold", "Patient/p1", "--by", "ana", "--reason", "audit"];
    cut_short("keys legal-hold", &Before::ingested(&shim), &args, &after_legal_hold);
}

#[test]
fn quarantine_release_cut_short() {
    let Some(shim) = shim() else { return };
    let before = Before::ingested(&shim);
    let args = ["quarantine", "release", before.hold(), "--by", "ana", "--reason", "agreed", "--to", "lake"];
    cut_short("quarantine release", &before, &args, &|machine, _, done| {
        after_settling(machine, &args, "released", done);
    });
}

#[test]
fn quarantine_reject_cut_short() {
    let Some(shim) = shim() else { return };
    let before = Before::ingested(&shim);
    let args = ["quarantine", "reject", before.hold(), "--by", "ana", "--reason", "unreadable"];
    cut_short("quarantine reject", &before, &args, &|machine, _, done| {
        after_settling(machine, &args, "rejected", done);
    });
}

#[test]
fn a_look_cut_short() {
    let Some(shim) = shim() else { return };
    let before = Before::ingested(&shim);
    let args = ["quarantine", "show", before.hold(), "--content", "--by", "ana", "--reason", "audit"];
    cut_short("quarantine show --content", &before, &args, &|machine, printed, _| {
        after_a_look(machine, printed.contains(MARK), "look");
    });
}

#[test]
fn tokens_reveal_cut_short() {
    let Some(shim) = shim() else { return };
    let before = Before::ingested(&shim);
    let args = ["tokens", "reveal", &before.token, "--by", "ana", "--reason", "request 18"];
    cut_short("tokens reveal", &before, &args, &|machine, printed, _| {
        after_a_look(machine, !printed.is_empty(), "reveal");
    });
}

#[test]
fn serve_cut_short() {
    let Some(shim) = shim() else { return };
    let before = Before::ingested(&shim);
    let mut dice = Dice(0x9e37_79b9_7f4a_7c15);
    // It only reads; its locks and shared memory are files all the same.
    let changes = serve(&before.copy(), 0, Unsynced::Kept, &mut dice);
    for at in 1..=changes + 1 {
        for fate in if runs(0) > 0 { &FATES[..] } else { &FATES[..1] } {
            let machine = before.copy();
            serve(&machine, at, *fate, &mut dice);
            next_start(&machine);
            State::of(&machine, DATA, KEY).is_whole();
        }
    }
    measured("serve", changes, changes);
}

fn measured(command: &str, changes: u64, killed: u64) {
    println!(
        "{}",
        serde_json::json!({ "what": "a command cut short at each of its changes", "command": command,
            "changes and syncs": changes, "cuts": killed })
    );
}
