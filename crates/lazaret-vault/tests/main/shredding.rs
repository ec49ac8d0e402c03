//! Shredding of one subject leaves nothing of it and everything of the others.

use lazaret_core::{Basis, KnownFact, Label, Purpose, Sensitive, Timestamp, TokenRequest, Vault as _};
use lazaret_vault::{HoldState, SqliteVault, VaultFailure};

use super::support::{Home, crossing, hold, mrn, research, subject};

fn learn(vault: &SqliteVault, id: &str) {
    let facts = [KnownFact { label: Label::NAME, text: Sensitive::new(format!("name of {id}")) }];
    vault.learn(&subject(id), &facts).unwrap();
}

#[test]
fn what_was_shredded_cannot_be_had_again_and_the_others_stay() {
    let home = Home::new();
    let vault = home.init();
    let (anna, bert, one) = (subject("anna"), subject("bert"), research("1"));
    for id in ["anna", "bert"] {
        learn(&vault, id);
    }
    let token = |of: &_, basis| vault.token(&mrn(Some(of), "4711", &one, basis)).unwrap();
    let practitioner = |of| {
        let request =
            TokenRequest { domain: "Practitioner", ..mrn(Some(of), "dr-1", &one, Basis::SafeHarbor) };
        vault.token(&request).unwrap()
    };
    let before = (
        token(&anna, Basis::SafeHarbor),
        token(&anna, Basis::Expert),
        vault.digest(Some(&anna), b"x").unwrap(),
    );
    let berts = (token(&bert, Basis::SafeHarbor), vault.digest(Some(&bert), b"x").unwrap());
    let doctor = practitioner(&anna);
    let run = crossing();
    let (annas_note, berts_note) = (
        hold(&vault, run, 0, b"note of anna", Some(&anna), true),
        hold(&vault, run, 1, b"note of bert", Some(&bert), true),
    );

    let done = vault.shred(&anna, "kim", "lee", "asked by the patient").unwrap();
    assert_eq!((done.tokens, done.facts, done.holds, done.before), (2, 1, 1, 0));

    for vault in [vault, home.open()] {
        for gone in [&before.0, &before.1] {
            assert!(matches!(vault.reveal(gone), Err(VaultFailure::ShreddedToken)));
        }
        assert!(matches!(vault.open_hold(annas_note), Err(VaultFailure::ShreddedHold(_))));
        assert_eq!(vault.held(annas_note).unwrap().state, HoldState::Shredded);
        assert_eq!(vault.known(&anna).unwrap(), None);
        assert_eq!(vault.reveal(&berts.0).unwrap().value.expose(), "4711");
        assert_eq!(vault.digest(Some(&bert), b"x").unwrap(), berts.1);
        assert_eq!(vault.open_hold(berts_note).unwrap().expose(), b"note of bert");
        assert_eq!(
            vault.reveal(&doctor).unwrap().value.expose(),
            "dr-1",
            "a practitioner is not the patient's"
        );
        drop(vault);
    }
    let vault = home.open();
    assert!(matches!(vault.shred(&anna, "kim", "lee", ""), Err(VaultFailure::UnknownSubject)));
    // The subject appears again: nothing of before leads to it.
    let again = vault.token(&mrn(Some(&anna), "4711", &one, Basis::SafeHarbor)).unwrap();
    assert!(again != before.0);
    assert_ne!(vault.token(&mrn(Some(&anna), "4711", &one, Basis::Expert)).unwrap(), before.1);
    assert_ne!(vault.digest(Some(&anna), b"x").unwrap(), before.2);
    assert_eq!(vault.status().unwrap().shredded_and_back, 1);
    assert_eq!(vault.shred(&anna, "kim", "lee", "").unwrap().before, 1);
    assert_eq!(vault.status().unwrap().shreddings, 2);
}

#[test]
fn shredding_needs_two_persons_and_no_legal_hold() {
    let home = Home::new();
    let vault = home.init();
    let anna = subject("anna");
    learn(&vault, "anna");
    for (one, two) in [("kim", "kim"), ("kim", " KIM"), ("kim", ""), ("", "lee")] {
        let refused = vault.shred(&anna, one, two, "");
        assert!(matches!(refused, Err(VaultFailure::TwoPersons | VaultFailure::NoPerson)), "{one} {two}");
    }
    vault.legal_hold(&anna, true, "counsel").unwrap();
    assert!(matches!(vault.shred(&anna, "kim", "lee", ""), Err(VaultFailure::LegalHold)));
    drop(vault);
    let vault = home.open();
    assert!(vault.under_legal_hold(&anna).unwrap());
    assert!(matches!(vault.shred(&anna, "kim", "lee", ""), Err(VaultFailure::LegalHold)));
    assert!(vault.known(&anna).unwrap().is_some(), "a refusal takes nothing");
    vault.legal_hold(&anna, false, "counsel").unwrap();
    vault.shred(&anna, "kim", "lee", "").unwrap();
}

#[test]
fn another_opening_of_the_vault_forgets_the_shredded_too() {
    let home = Home::new();
    let (ours, anna) = (home.init(), subject("anna"));
    let before = ours.digest(Some(&anna), b"x").unwrap();
    ours.sync().unwrap();
    let theirs = home.open();
    assert_eq!(theirs.digest(Some(&anna), b"x").unwrap(), before);
    ours.shred(&anna, "kim", "lee", "").unwrap();
    theirs.sync().unwrap(); // as before every seal
    let after = theirs.digest(Some(&anna), b"x").unwrap();
    assert_ne!(after, before);
    theirs.sync().unwrap();
    ours.sync().unwrap();
    assert_eq!(ours.digest(Some(&anna), b"x").unwrap(), after);
}

#[test]
fn shredding_among_busy_threads_leaves_nothing_that_reveals() {
    let home = Home::new();
    let vault = home.init();
    let (anna, one) = (subject("anna"), research("1"));
    let tokens: Vec<String> = std::thread::scope(|scope| {
        let busy: Vec<_> = (0..3)
            .map(|thread| {
                let (vault, anna, one) = (&vault, &anna, &one);
                scope.spawn(move || {
                    (0..300)
                        .map(|n| {
                            let value = format!("{thread}-{n}");
                            vault.token(&mrn(Some(anna), &value, one, Basis::SafeHarbor)).unwrap()
                        })
                        .collect::<Vec<_>>()
                })
            })
            .collect();
        for _ in 0..5 {
            std::thread::sleep(std::time::Duration::from_millis(3));
            let _ = vault.shred(&anna, "kim", "lee", "");
        }
        busy.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
    });
    vault.shift_days(&anna, &Purpose::Treatment).unwrap(); // so that there is something to shred
    vault.shred(&anna, "kim", "lee", "").unwrap();
    for token in tokens {
        assert!(matches!(vault.reveal(&token), Err(VaultFailure::ShreddedToken)));
    }
}

#[test]
fn a_shredding_that_was_ordered_is_ended_once_whenever_the_process_ended() {
    let home = Home::new();
    let vault = home.init();
    let (anna, one) = (subject("anna"), research("1"));
    assert!(matches!(vault.may_be_shredded(&anna), Err(VaultFailure::UnknownSubject)));
    let token = vault.token(&mrn(Some(&anna), "4711", &one, Basis::SafeHarbor)).unwrap();
    let held = hold(&vault, crossing(), 0, b"note of anna", Some(&anna), true);
    vault.legal_hold(&anna, true, "kim").unwrap();
    assert!(matches!(vault.may_be_shredded(&anna), Err(VaultFailure::LegalHold)));
    vault.legal_hold(&anna, false, "kim").unwrap();
    let digest = vault.may_be_shredded(&anna).unwrap();
    assert!(!digest.contains("anna"));

    let ordered = Timestamp::from_millis(0);
    let end = |vault: &SqliteVault| vault.end_shred(&digest, ordered, "kim", "lee", "asked by the patient");
    // An order of another kind of digest, as older ledgers have, is nothing to carry out.
    vault.end_shred(&"0".repeat(64), ordered, "kim", "lee", "").unwrap();
    assert!(vault.reveal(&token).is_ok());
    end(&vault).unwrap();
    assert!(matches!(vault.reveal(&token), Err(VaultFailure::ShreddedToken)));
    assert!(matches!(vault.open_hold(held), Err(VaultFailure::ShreddedHold(_))));

    // The patient comes back: what was ordered before is done, and does not take the new secret.
    let again = vault.token(&mrn(Some(&anna), "4711", &one, Basis::SafeHarbor)).unwrap();
    let file = home.data().join("quarantine").join(format!("{}.held", held.crossing));
    std::fs::write(&file, vec![7; 4096]).unwrap(); // as if it had ended before it took the bytes away
    end(&vault).unwrap();
    assert!(std::fs::read(&file).unwrap().starts_with(&[0; 12]), "the bytes go all the same");
    std::fs::remove_file(&file).unwrap();
    end(&vault).unwrap();
    assert_eq!(vault.reveal(&again).unwrap().value.expose(), "4711");
    assert_eq!(vault.status().unwrap().shreddings, 1);
}
