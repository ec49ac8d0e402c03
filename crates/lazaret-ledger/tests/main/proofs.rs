//! Proofs that are checked with the log's key alone.

use lazaret_core::{Ending, Ledger as _, Signer as _};
use lazaret_ledger::note::VerifierKey;
use lazaret_ledger::{ProofError, prove, verify_proof};
use proptest::prelude::*;

use crate::support::{SeedSigner, crossing, entry, key, ledger, opened, seal};

fn proven(record: Option<u64>) -> String {
    let folder = tempfile::tempdir().unwrap();
    let ledger = ledger(&folder.path().join("ledger.db"));
    for n in 0..300 {
        ledger.append("note", &n).unwrap();
    }
    ledger.open(&opened(1)).unwrap();
    let entries: Vec<_> = (0..11).map(|record| entry(1, record * 2)).collect();
    ledger.record(crossing(1), entries.clone()).unwrap();
    for n in 0..300 {
        ledger.append("note", &n).unwrap();
    }
    ledger.seal(&seal(1, &entries, Ending::Complete)).unwrap();
    ledger.checkpoint().unwrap();
    prove(ledger.reader(), crossing(1), record).unwrap()
}

#[test]
fn a_crossing_and_each_of_its_records_are_proven_offline() {
    let whole = verify_proof(&proven(None), &key()).unwrap();
    assert_eq!((whole.opened_at, whole.sealed_at, whole.size), (300, Some(601), 602));
    assert_eq!(whole.seal.unwrap().counts.records, 11);
    for record in [0, 2, 12, 20] {
        let proven = verify_proof(&proven(Some(record)), &key()).unwrap();
        assert_eq!(proven.opened.crossing, crossing(1).to_string());
        let proven = proven.record.unwrap();
        assert_eq!((proven.entry.record, proven.position, proven.of), (record, record / 2, 11));
    }
}

#[test]
fn what_is_not_there_or_not_signed_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let ledger = ledger(&folder.path().join("ledger.db"));
    assert!(matches!(prove(ledger.reader(), crossing(1), None), Err(ProofError::NotSigned)));
    ledger.open(&opened(1)).unwrap();
    ledger.checkpoint().unwrap();
    assert!(matches!(prove(ledger.reader(), crossing(2), None), Err(ProofError::NoCrossing)));
    assert!(matches!(prove(ledger.reader(), crossing(1), Some(0)), Err(ProofError::NotSealed)));
    let open = verify_proof(&prove(ledger.reader(), crossing(1), None).unwrap(), &key()).unwrap();
    assert_eq!((open.opened_at, open.sealed_at), (0, None));
    ledger.seal(&seal(1, &[], Ending::Complete)).unwrap();
    ledger.checkpoint().unwrap();
    assert!(matches!(prove(ledger.reader(), crossing(1), Some(0)), Err(ProofError::NoRecord(0))));
}

#[test]
fn a_changed_proof_does_not_hold() {
    let proof = proven(Some(4));
    assert!(verify_proof(&proof, &key()).is_ok());
    for (from, to) in [
        ("tokenise", "allow"),
        ("complete", "cut"),
        ("svc.etl", "someone"),
        ("\"position\": 2", "\"position\": 3"),
        ("\"index\": 300", "\"index\": 301"),
        ("\"schema\": 1", "\"schema\": 2"),
        ("\"record\": {", "\"more\": 1, \"record\": {"),
    ] {
        assert!(proof.contains(from), "{from}");
        assert!(verify_proof(&proof.replacen(from, to, 1), &key()).is_err(), "{from}");
    }
    let other = VerifierKey::new(key().name(), SeedSigner::new([8; 32]).public_key()).unwrap();
    assert!(matches!(verify_proof(&proof, &other), Err(ProofError::Checkpoint(_))));
    assert!(matches!(verify_proof(&" ".repeat(1 << 21), &key()), Err(ProofError::Limit(_))));
}

proptest! {
    #[test]
    fn any_text_is_refused_without_panic(text in "\\PC{0,300}") {
        prop_assert!(verify_proof(&text, &key()).is_err());
    }
}
