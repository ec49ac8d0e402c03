//! Tokens: the same for the same, never across purposes, and the way back.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use lazaret_core::{Basis, Label, Purpose, TokenForm, TokenRequest, Vault as _};
use lazaret_vault::{SqliteVault, VaultFailure};
use proptest::prelude::*;

use super::support::{Home, mrn, research, subject};

const BASES: [Basis; 3] = [Basis::SafeHarbor, Basis::Expert, Basis::LimitedDataSet];

#[test]
fn the_same_value_of_a_patient_has_one_token_within_a_purpose() {
    let home = Home::new();
    let vault = home.init();
    let (anna, bert) = (subject("anna"), subject("bert"));
    let (one, two) = (research("1"), research("2"));
    for basis in BASES {
        let token = vault.token(&mrn(Some(&anna), "4711", &one, basis)).unwrap();
        assert_eq!(token, vault.token(&mrn(Some(&anna), "4711", &one, basis)).unwrap());
        let others = [
            vault.token(&mrn(Some(&anna), "4711", &two, basis)).unwrap(),
            vault.token(&mrn(Some(&bert), "4711", &one, basis)).unwrap(),
            vault.token(&mrn(Some(&anna), "4712", &one, basis)).unwrap(),
            vault.token(&TokenRequest { system: "lab", ..mrn(Some(&anna), "4711", &one, basis) }).unwrap(),
            vault
                .token(&TokenRequest { label: Label::SSN, ..mrn(Some(&anna), "4711", &one, basis) })
                .unwrap(),
            token,
        ];
        assert_eq!(BTreeSet::from(others).len(), 6, "{basis}");
    }
    let expert = vault.token(&mrn(Some(&anna), "4711", &one, Basis::Expert)).unwrap();
    assert_ne!(expert, vault.token(&mrn(Some(&anna), "4711", &one, Basis::SafeHarbor)).unwrap());
}

#[test]
fn tokens_outlive_the_process() {
    let home = Home::new();
    let (anna, one) = (subject("anna"), research("1"));
    let vault = home.init();
    let before = BASES.map(|basis| vault.token(&mrn(Some(&anna), "4711", &one, basis)).unwrap());
    vault.sync().unwrap();
    drop(vault);
    let vault = home.open();
    assert_eq!(before, BASES.map(|basis| vault.token(&mrn(Some(&anna), "4711", &one, basis)).unwrap()));
}

#[test]
fn tokens_in_text_bear_their_kind_and_reveal_the_same() {
    let home = Home::new();
    let vault = home.init();
    let (anna, one) = (subject("anna"), research("1"));
    let id = vault.token(&mrn(Some(&anna), "4711", &one, Basis::SafeHarbor)).unwrap();
    let text = TokenRequest { form: TokenForm::Text, ..mrn(Some(&anna), "4711", &one, Basis::SafeHarbor) };
    let text = vault.token(&text).unwrap();
    assert_eq!(text, format!("[MRN {id}]"));
    assert_eq!(vault.reveal(&id).unwrap(), vault.reveal(&text).unwrap());
    let revealed = vault.reveal(&id).unwrap();
    assert_eq!((revealed.scope.as_str(), revealed.purpose.as_str()), ("MRN", "research:1"));
    assert_eq!((revealed.system.expose().as_str(), revealed.value.expose().as_str()), ("ehr", "4711"));
}

#[test]
fn a_patients_id_has_one_token_wherever_it_is_referred_to() {
    let home = Home::new();
    let vault = home.init();
    let (anna, bert, one) = (subject("anna"), subject("bert"), research("1"));
    let reference = subject("Patient/anna");
    for basis in BASES {
        let ask = |asked_with, value| {
            let request = TokenRequest {
                label: Label::RECORD_ID,
                domain: "Patient",
                ..mrn(asked_with, value, &one, basis)
            };
            vault.token(&request).unwrap()
        };
        let own = ask(Some(&anna), "anna");
        assert_eq!(own, ask(None, "anna"), "{basis}: from a record of no subject");
        assert_eq!(own, ask(Some(&bert), "anna"), "{basis}: from another patient's record");
        assert_eq!(own, ask(Some(&reference), "anna"));
        assert_eq!(own, ask(Some(&bert), "Patient/anna"));
        assert_ne!(own, ask(Some(&bert), "bert"));
    }
}

#[test]
fn ids_of_other_records_have_one_token_from_any_record() {
    let home = Home::new();
    let vault = home.init();
    let (anna, bert, one) = (subject("anna"), subject("bert"), research("1"));
    for (domain, basis) in [("Encounter", Basis::SafeHarbor), ("Practitioner", Basis::Expert)] {
        let ask = |asked_with| {
            let request =
                TokenRequest { label: Label::RECORD_ID, domain, ..mrn(asked_with, "e-1", &one, basis) };
            vault.token(&request).unwrap()
        };
        let first = ask(None);
        assert_eq!(first, ask(Some(&anna)), "{domain}");
        assert_eq!(first, ask(Some(&bert)), "{domain}");
        assert_eq!(vault.reveal(&first).unwrap().value.expose(), "e-1");
    }
}

#[test]
fn what_is_no_token_or_unknown_is_said_clearly_and_not_repeated() {
    let home = Home::new();
    let vault = home.init();
    for text in
        ["", "lz-", "Anna Feather", "lz-0000000000000000000l", "[MRN ]", "[", "lz-00000000000000000000\u{e9}"]
    {
        let error = vault.reveal(text).unwrap_err();
        assert!(matches!(error, VaultFailure::NotAToken), "{text}");
        assert!(text.len() < 4 || !error.to_string().contains(text));
    }
    assert!(matches!(vault.reveal("lz-00000000000000000000"), Err(VaultFailure::UnknownToken)));
}

#[test]
fn rows_exchanged_in_the_table_do_not_reveal_each_other() {
    let home = Home::new();
    let vault = home.init();
    let (anna, one) = (subject("anna"), research("1"));
    let tokens =
        ["1", "2"].map(|value| vault.token(&mrn(Some(&anna), value, &one, Basis::SafeHarbor)).unwrap());
    vault.sync().unwrap();
    let raw = rusqlite::Connection::open(home.data().join("vault.db")).unwrap();
    raw.execute_batch(
        "CREATE TEMP TABLE kept AS SELECT id, token FROM tokens;
         UPDATE tokens SET token = CAST(id AS BLOB);
         UPDATE tokens SET token = (SELECT token FROM kept WHERE kept.id = 3 - tokens.id);",
    )
    .unwrap();
    for token in tokens {
        assert!(matches!(vault.reveal(&token), Err(VaultFailure::NotOpened { .. })));
    }
}

#[test]
fn many_threads_agree_on_every_token() {
    let home = Home::new();
    let vault = home.init();
    let one = research("1");
    let tokens = |thread: usize| -> Vec<String> {
        (0..500)
            .map(|n| {
                let n = if thread.is_multiple_of(2) { n } else { 499 - n };
                let patient = subject(&format!("p{}", n % 50));
                let basis = BASES[n % 3];
                vault.token(&mrn(Some(&patient), &n.to_string(), &one, basis)).unwrap()
            })
            .collect()
    };
    let all: Vec<Vec<String>> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..8).map(|thread| scope.spawn(move || tokens(thread))).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    for (thread, mut theirs) in all.into_iter().enumerate().skip(1) {
        if !thread.is_multiple_of(2) {
            theirs.reverse();
        }
        assert_eq!(theirs, tokens(0), "thread {thread}");
    }
}

#[test]
fn two_openings_of_one_vault_agree() {
    let home = Home::new();
    let (ours, one) = (home.init(), research("1"));
    let theirs = home.open();
    for n in 0..200 {
        let patient = subject(&format!("p{}", n % 20));
        let (first, second) = if n % 2 == 0 { (&ours, &theirs) } else { (&theirs, &ours) };
        let value = n.to_string();
        let token = first.token(&mrn(Some(&patient), &value, &one, Basis::SafeHarbor)).unwrap();
        let digest = first.digest(Some(&patient), b"x").unwrap();
        if n % 50 != 0 {
            first.sync().unwrap(); // else the other waits until the transaction has grown old
        }
        assert_eq!(token, second.token(&mrn(Some(&patient), &value, &one, Basis::SafeHarbor)).unwrap());
        assert_eq!(digest, second.digest(Some(&patient), b"x").unwrap());
        second.sync().unwrap();
    }
}

static SHARED: LazyLock<(Home, SqliteVault)> = LazyLock::new(|| {
    let home = Home::new();
    let vault = home.init();
    (home, vault)
});

proptest! {
    #[test]
    fn a_token_reveals_its_value(
        value in ".{0,60}", id in "[a-z]{1,3}", domain in prop::sample::select(vec!["", "Patient", "Encounter"]),
        basis in prop::sample::select(BASES.to_vec()), of_subject in any::<bool>(),
    ) {
        let vault = &SHARED.1;
        let (patient, one) = (subject(&id), research("1"));
        let request = TokenRequest { domain, ..mrn(of_subject.then_some(&patient), &value, &one, basis) };
        let token = vault.token(&request).unwrap();
        prop_assert!(token.len() <= 64 && token.chars().all(|c| c.is_ascii_alphanumeric() || ".-".contains(c)));
        prop_assert_eq!(&token, &vault.token(&request).unwrap());
        let revealed = vault.reveal(&token).unwrap().value;
        let bare = |text: &str| text.trim_start_matches("Patient/").to_owned();
        prop_assert_eq!(bare(revealed.expose()), bare(&value));
    }

    #[test]
    fn tokens_of_two_purposes_have_nothing_in_common(
        value in ".{1,20}", one in "[a-z0-9]{1,8}", two in "[a-z0-9]{1,8}",
        basis in prop::sample::select(BASES.to_vec()),
    ) {
        prop_assume!(one != two);
        let vault = &SHARED.1;
        let patient = subject("p");
        let of = |purpose: &Purpose| vault.token(&mrn(Some(&patient), &value, purpose, basis)).unwrap();
        let (one, two) = (of(&research(&one)), of(&research(&two)));
        // Eight equal characters at one place of two independent tokens: once in 10^11.
        let equal = one.bytes().zip(two.bytes()).skip(3).collect::<Vec<_>>();
        prop_assert!(!equal.windows(8).any(|window| window.iter().all(|(a, b)| a == b)));
    }
}
