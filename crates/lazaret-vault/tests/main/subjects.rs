//! What derives from a subject's secret, and what is known of it.

use std::sync::Arc;

use lazaret_core::{Known, KnownFact, Label, Limits, Purpose, Sensitive, Vault as _};
use lazaret_vault::{MAX_FACT_BYTES, MAX_KNOWN_FACTS, SqliteVault};

use super::support::{Home, clock, research, subject};

fn fact(label: Label, text: &str) -> KnownFact {
    KnownFact { label, text: Sensitive::new(text.to_owned()) }
}

#[test]
fn digests_and_shifts_are_a_subjects_own_and_outlive_the_process() {
    let home = Home::new();
    let vault = home.init();
    let (anna, bert) = (subject("anna"), subject("bert"));
    let digest = vault.digest(Some(&anna), b"x").unwrap();
    assert_ne!(digest, vault.digest(Some(&bert), b"x").unwrap());
    assert_ne!(digest, vault.digest(None, b"x").unwrap());
    assert_ne!(digest, vault.digest(Some(&anna), b"y").unwrap());
    let installation = vault.digest(None, b"x").unwrap();
    let shifts: Vec<i32> =
        (0..20).map(|n| vault.shift_days(&anna, &research(&n.to_string())).unwrap()).collect();
    assert!(shifts.windows(2).any(|pair| pair[0] != pair[1]), "another purpose, another shift");
    vault.sync().unwrap();
    drop(vault);
    let vault = home.open();
    assert_eq!(digest, vault.digest(Some(&anna), b"x").unwrap());
    assert_eq!(installation, vault.digest(None, b"x").unwrap());
    assert_eq!(shifts[3], vault.shift_days(&anna, &research("3")).unwrap());
}

#[test]
fn facts_are_kept_once_with_their_labels() {
    let home = Home::new();
    let vault = home.init();
    let anna = subject("anna");
    assert_eq!(vault.known(&anna).unwrap(), None);
    vault.shift_days(&anna, &Purpose::Treatment).unwrap();
    assert_eq!(vault.known(&anna).unwrap(), None, "a secret alone does not make a subject known");
    let facts = [
        fact(Label::PATIENT, "Anna Feather"),
        fact(Label::MRN, "4711"),
        fact(Label::NAME.sub("maiden"), "Anna Feather"),
        fact(Label::DATE, ""),
    ];
    vault.learn(&anna, &facts[..2]).unwrap();
    assert_eq!(vault.known(&anna).unwrap().unwrap().facts, facts[..2]);
    vault.learn(&anna, &facts).unwrap();
    vault.learn(&anna, &facts).unwrap();
    let known = vault.known(&anna).unwrap().unwrap();
    assert_eq!(known.facts, facts);
    assert!(Arc::ptr_eq(&known, &vault.known(&anna).unwrap().unwrap()), "kept in memory");
    vault.learn(&subject("bert"), &[]).unwrap();
    assert!(
        vault.known(&subject("bert")).unwrap().unwrap().facts.is_empty(),
        "described, with nothing to seek"
    );
    vault.sync().unwrap();
    drop(vault);
    assert_eq!(home.open().known(&anna).unwrap().unwrap().facts, facts);
}

#[test]
fn a_hostile_record_cannot_fill_the_vault_with_facts() {
    let home = Home::new();
    drop(home.init());
    let mut limits = Limits::default();
    limits.set(MAX_KNOWN_FACTS.key(), 3);
    limits.set(MAX_FACT_BYTES.key(), 5);
    let vault = SqliteVault::open(&home.data(), home.kms(), clock(), &limits).unwrap();
    let anna = subject("anna");
    vault.learn(&anna, &[fact(Label::NAME, "a"), fact(Label::NAME, "b")]).unwrap();
    vault.learn(&anna, &[fact(Label::NAME, "c"), fact(Label::NAME, "b")]).unwrap();
    assert!(vault.known(&anna).unwrap().is_some_and(|known| known.facts.len() == 3 && !known.too_much));
    vault.learn(&anna, &[fact(Label::NAME, "d")]).unwrap();
    let too_much = Known { facts: vec![], too_much: true };
    assert_eq!(vault.known(&anna).unwrap().as_deref(), Some(&too_much), "one more than is kept");
    vault.learn(&anna, &[fact(Label::NAME, "a")]).unwrap();
    assert_eq!(vault.known(&anna).unwrap().as_deref(), Some(&too_much), "and it stays so");
    for (id, facts) in
        [("bert", vec![fact(Label::NAME, "longer")]), ("cleo", vec![fact(Label::NAME, "same"); 4])]
    {
        vault.learn(&subject(id), &facts).unwrap();
        assert_eq!(vault.known(&subject(id)).unwrap().as_deref(), Some(&too_much), "{id}");
    }
    vault.sync().unwrap();
    drop(vault);
    assert_eq!(home.open().known(&anna).unwrap().as_deref(), Some(&too_much));
}
