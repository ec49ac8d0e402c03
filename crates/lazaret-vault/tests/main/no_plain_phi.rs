//! Marked values go through everything; no file under the data directory may show one.

use std::path::{Path, PathBuf};

use lazaret_core::{Basis, KnownFact, Label, Sensitive, Subject, TokenForm, TokenRequest, Vault as _};

use super::support::{Home, crossing, hold, research, subject};

const MARK: &str = "QuillFeatherCanary";

fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}

fn search(folder: &Path, marks: &[Vec<u8>]) -> usize {
    let found = files(folder);
    for path in &found {
        assert!(!path.to_string_lossy().contains(MARK));
        let bytes = std::fs::read(path).unwrap();
        for mark in marks {
            let shows = bytes.windows(mark.len()).any(|window| window == mark);
            assert!(!shows, "{} shows a marked value", path.display());
        }
    }
    found.len()
}

#[test]
fn no_file_under_the_data_directory_shows_a_marked_value() {
    let home = Home::new();
    let vault = home.init();
    let utf16: Vec<u8> = MARK.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let marks = [MARK.as_bytes().to_vec(), MARK.to_lowercase().into_bytes(), utf16];
    let marked = |what: &str| format!("{MARK}-{what}");
    let patient: Subject = subject(&marked("id"));
    let one = research("1");
    for (domain, basis, form) in [
        ("", Basis::SafeHarbor, TokenForm::Text),
        ("Patient", Basis::Expert, TokenForm::Id),
        ("Encounter", Basis::LimitedDataSet, TokenForm::Id),
        ("Practitioner", Basis::SafeHarbor, TokenForm::Id),
    ] {
        for subject in [None, Some(&patient)] {
            let (system, value) = (marked("system"), marked("value"));
            let request = TokenRequest {
                subject,
                label: Label::MRN,
                domain,
                system: &system,
                value: &value,
                purpose: &one,
                basis,
                form,
            };
            assert!(!vault.token(&request).unwrap().contains(MARK));
        }
    }
    let fact = KnownFact { label: Label::PATIENT, text: Sensitive::new(marked("fact")) };
    vault.learn(&patient, &[fact]).unwrap();
    vault.digest(Some(&patient), marked("bytes").as_bytes()).unwrap();
    vault.shift_days(&patient, &one).unwrap();
    let run = crossing();
    hold(&vault, run, 0, marked("record").as_bytes(), Some(&patient), true);
    hold(&vault, run, 1, marked("record").as_bytes(), None, false);
    vault.sync().unwrap();
    let errors = [
        format!("{:?}", vault.reveal(&marked("token")).unwrap_err()),
        format!("{:?}", vault.shred(&subject(&marked("nobody")), "kim", "lee", "").unwrap_err()),
        format!("{vault:?} {:?}", vault.status().unwrap()),
    ];
    assert!(errors.iter().all(|text| !text.contains(MARK)));
    // While it is open (with its write-ahead log), after a backup, after shredding, and when it is closed.
    assert!(search(&home.data(), &marks) >= 4);
    let copy = home.folder.path().join("copy");
    vault.backup(&copy).unwrap();
    assert_eq!(search(&copy, &marks), 2);
    vault.shred(&patient, "kim", "lee", &marked("reason")).unwrap();
    search(&home.data(), &marks);
    drop(vault);
    search(&home.data(), &marks);
}

#[test]
fn the_search_finds_a_marked_value_where_there_is_one() {
    let home = Home::new();
    drop(home.init());
    std::fs::write(home.data().join("slip"), format!("x{MARK}x")).unwrap();
    let found = std::panic::catch_unwind(|| search(&home.data(), &[MARK.as_bytes().to_vec()]));
    assert!(found.is_err());
}

#[test]
fn shredding_takes_the_sealed_bytes_out_of_the_files_too() {
    let home = Home::new();
    let vault = home.init();
    let patient = subject("anna");
    let fact = KnownFact { label: Label::PATIENT, text: Sensitive::new("Anna".to_owned()) };
    vault.learn(&patient, &[fact]).unwrap();
    let run = crossing();
    hold(&vault, run, 0, b"a note", Some(&patient), true);
    vault.sync().unwrap();
    let raw = rusqlite::Connection::open(home.data().join("vault.db")).unwrap();
    let sealed = |sql: &str| raw.query_row(sql, [], |row| row.get::<_, Vec<u8>>(0)).unwrap();
    let marks = [sealed("SELECT secret FROM subjects"), sealed("SELECT sealed FROM facts")];
    drop(raw);
    assert!(std::panic::catch_unwind(|| search(&home.data(), &marks)).is_err(), "there before");
    let file = home.data().join("quarantine").join(format!("{run}.held"));
    assert!(std::fs::read(&file).unwrap().iter().any(|byte| *byte != 0));
    vault.shred(&patient, "kim", "lee", "").unwrap();
    search(&home.data(), &marks);
    assert!(std::fs::read(&file).unwrap().iter().all(|byte| *byte == 0));
}
