//! kill -9 at random moments: nothing acknowledged after a sync is lost.
//!
//! The test starts itself again as a child (one ignored test, chosen by name) that holds records and makes
//! tokens, and writes a line to its standard output after each sync; the parent kills it and looks.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use lazaret_core::{
    Basis, CrossingId, DataKeys as _, HoldId, KnownFact, Label, Limits, Sensitive, Vault as _,
};
use lazaret_vault::{HoldFilter, LocalKms, SqliteVault, SystemRandom};

use super::support::{Home, clock, crossing, hold, kms, mrn, research, subject};

const FOLDER: &str = "LAZARET_VAULT_CRASH_FOLDER";
const PER_SYNC: u64 = 20;
/// `acknowledged`, the crossing, the round, the tokens, the data key.
const WORDS: usize = 24;

#[test]
#[ignore = "the child of nothing_acknowledged_is_lost; it runs until it is killed"]
fn child() {
    let Some(folder) = std::env::var_os(FOLDER) else { return };
    let folder = Path::new(&folder);
    let (data, key) = (folder.join("data"), folder.join("kek"));
    let vault = SqliteVault::open(&data, kms(&key, &data), clock(), &Limits::default()).unwrap();
    let (run, one) = (crossing(), research("1"));
    let mut out = std::io::stdout();
    for round in 0_u64.. {
        // First, since a key given out is durable at once, and with it all written before.
        let key = vault.current(&format!("lake/{run}/{round}"), None).unwrap();
        let mut line = format!("\nacknowledged {run} {round}");
        for n in 0..PER_SYNC {
            let record = round * PER_SYNC + n;
            let value = format!("{run}-{record}");
            let patient = subject(&value);
            hold(&vault, run, record, value.repeat(50).as_bytes(), Some(&patient), true);
            let basis = if n % 2 == 0 { Basis::SafeHarbor } else { Basis::Expert };
            let token = vault.token(&mrn(Some(&patient), &value, &one, basis)).unwrap();
            let fact = KnownFact { label: Label::MRN, text: Sensitive::new(value) };
            vault.learn(&patient, &[fact]).unwrap();
            line.push(' ');
            line.push_str(&token);
        }
        vault.sync().unwrap();
        writeln!(out, "{line} {}", key.id).unwrap();
        out.flush().unwrap();
    }
}

#[test]
fn nothing_acknowledged_is_lost() {
    let home = Home::new();
    drop(home.init());
    let mut acknowledged = 0;
    for n in 0..20_u64 {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "main::crash::child", "--ignored", "--nocapture"])
            .env(FOLDER, home.folder.path())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let reader = std::thread::spawn(move || {
            lines.map_while(Result::ok).filter(|line| line.starts_with("acknowledged ")).collect::<Vec<_>>()
        });
        // Some are killed while the vault opens, most within a write or a sync.
        std::thread::sleep(Duration::from_millis(20 + (n * 7_919) % 230));
        child.kill().unwrap();
        child.wait().unwrap();
        let vault = home.open();
        for line in reader.join().unwrap() {
            acknowledged += check(&vault, &line);
        }
    }
    assert!(acknowledged > 100, "only {acknowledged} records were acknowledged before the kills");
    // What was not acknowledged is whole or absent.
    let vault = home.open();
    let mut filter = HoldFilter::default();
    loop {
        let page = vault.holds(&filter).unwrap();
        for held in &page {
            vault.open_hold(held.id).unwrap();
        }
        filter.after = page.last().map(|held| held.id);
        if page.is_empty() {
            break;
        }
    }
}

fn check(vault: &SqliteVault, line: &str) -> u64 {
    let words: Vec<&str> = line.split(' ').collect();
    let Some(key) = words.get(WORDS - 1).filter(|key| key.len() == "dk-".len() + 20) else {
        return 0; // the kill came while the line was written
    };
    let (run, round) = (CrossingId::parse(words[1]).unwrap(), words[2].parse::<u64>().unwrap());
    for (n, token) in (0..PER_SYNC).zip(&words[3..WORDS - 1]) {
        let record = round * PER_SYNC + n;
        let value = format!("{run}-{record}");
        assert_eq!(vault.reveal(token).unwrap().value.expose(), &value);
        let content = vault.open_hold(HoldId { crossing: run, record }).unwrap();
        assert_eq!(content.expose(), value.repeat(50).as_bytes());
        assert_eq!(vault.known(&subject(&value)).unwrap().unwrap().facts[0].text.expose(), &value);
    }
    vault.by_id(key).unwrap();
    PER_SYNC
}

const ROTATING: &str = "LAZARET_VAULT_ROTATING_FOLDER";

#[test]
#[ignore = "the child of a_rotation_is_whole_or_absent; it runs until it is killed"]
fn rotating_child() {
    let Some(folder) = std::env::var_os(ROTATING) else { return };
    let folder = Path::new(&folder);
    let vault = open_with_the_right_key(folder);
    loop {
        for key in ["other", "kek"] {
            let _ = vault.rotate(kms(&folder.join(key), &folder.join("data"))); // the key in force is refused
        }
    }
}

fn open_with_the_right_key(folder: &Path) -> SqliteVault {
    let data = folder.join("data");
    let kept = SqliteVault::kept_kms(&data).unwrap();
    let keys = ["kek", "other"].map(|key| kms(&folder.join(key), &data));
    let right = keys.into_iter().find(|kms| kms.describe() == kept).unwrap();
    SqliteVault::open(&data, right, clock(), &Limits::default()).unwrap()
}

#[test]
fn a_rotation_is_whole_or_absent() {
    let home = Home::new();
    let vault = home.init();
    LocalKms::create_key_file(&home.folder.path().join("other"), &home.data(), &SystemRandom).unwrap();
    let keys: Vec<_> = (0..30).map(|n| vault.current(&format!("lake/{n}"), None).unwrap()).collect();
    drop(vault);
    let mut versions = Vec::new();
    for n in 0..20_u64 {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "main::crash::rotating_child", "--ignored", "--nocapture"])
            .env(ROTATING, home.folder.path())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        std::thread::sleep(Duration::from_millis(30 + (n * 7_919) % 120));
        child.kill().unwrap();
        child.wait().unwrap();
        let vault = open_with_the_right_key(home.folder.path());
        for key in &keys {
            assert_eq!(vault.by_id(&key.id).unwrap().key, key.key);
        }
        versions.push(vault.status().unwrap().kms_version);
    }
    assert!(versions.last() > Some(&5), "rotated all the while: {versions:?}");
}
