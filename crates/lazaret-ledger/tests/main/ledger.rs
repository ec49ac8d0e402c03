//! The store: what is durable, what is refused, what is read back.

use std::sync::Arc;

use lazaret_core::{CrossingId, Ending, EntryIndex, Ledger as _, Signer, VaultError};
use lazaret_ledger::note::Checkpoint;
use lazaret_ledger::{LedgerReader, Query, SqliteLedger, StoreError};
use rusqlite::Connection;

use crate::support::{ORIGIN, SeedSigner, Standing, crossing, digest, entry, key, ledger, opened, seal};

#[test]
fn a_crossing_is_opened_recorded_sealed_and_read_back() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ledger.db");
    let ledger = ledger(&path);
    assert_eq!(ledger.open(&opened(1)).unwrap(), EntryIndex(0));
    let entries = vec![entry(1, 0), entry(1, 1), entry(1, 5)];
    ledger.record(crossing(1), entries[..1].to_vec()).unwrap();
    ledger.record(crossing(1), entries[1..].to_vec()).unwrap();
    assert_eq!(ledger.crossed(&digest(1_000_003)).unwrap(), None);
    let sealed = ledger.seal(&seal(1, &entries, Ending::Complete)).unwrap();
    assert_eq!((sealed.opened_at, sealed.sealed_at), (EntryIndex(0), EntryIndex(1)));
    assert_eq!(ledger.crossed(&digest(1_000_003)).unwrap(), Some(crossing(1)));
    assert_eq!(ledger.crossed(&digest(7)).unwrap(), None);
    let words = ledger.reader().crossing(crossing(1)).unwrap().unwrap();
    assert_eq!(words.opened.purpose, "research:IRB-7");
    let read = words.sealed.unwrap();
    assert_eq!((read.record_root, read.entries), (sealed.record_root, 3));
    assert_eq!(read.seal.counts.phi["NAME.patient"], 6);
    assert_eq!(read.seal.outputs[0].dataset, "lake/Patient");
    assert_eq!(ledger.reader().entries(crossing(1), 1, 10).unwrap().len(), 2);
    assert_eq!(ledger.reader().entry(crossing(1), 5).unwrap().unwrap().line, Some(6));
    assert_eq!(ledger.reader().entry(crossing(1), 4).unwrap(), None);
    ledger.close().unwrap();
    let reader = LedgerReader::open(&path).unwrap();
    let checkpoint = Checkpoint::verify(&reader.checkpoint().unwrap().unwrap(), &key()).unwrap();
    assert_eq!((checkpoint.size, checkpoint.origin.as_str()), (2, ORIGIN));
}

#[test]
fn held_repeated_and_cut_records_have_not_crossed() {
    let folder = tempfile::tempdir().unwrap();
    let ledger = ledger(&folder.path().join("ledger.db"));
    ledger.open(&opened(1)).unwrap();
    let mut held = entry(1, 0);
    held.held = Some(lazaret_core::HoldId { crossing: crossing(1), record: 0 });
    let mut again = entry(1, 1);
    again.again = Some(crossing(9));
    let entries = vec![held, again, entry(1, 2)];
    ledger.record(crossing(1), entries.clone()).unwrap();
    ledger.seal(&seal(1, &entries, Ending::Complete)).unwrap();
    ledger.open(&opened(2)).unwrap();
    ledger.record(crossing(2), vec![entry(2, 0)]).unwrap();
    ledger.seal(&seal(2, &[entry(2, 0)], Ending::Cut)).unwrap();
    let crossed = |n: u64| ledger.crossed(&digest(n)).unwrap();
    assert_eq!([crossed(1_000_003), crossed(1_000_004)], [None, None]);
    assert_eq!(crossed(1_000_005), Some(crossing(1)));
    assert_eq!(crossed(2_000_006), None);
    assert!(ledger.is_sealed_complete(crossing(1)).unwrap());
    assert!(!ledger.is_sealed_complete(crossing(2)).unwrap());
}

#[test]
fn what_is_left_open_is_sealed_as_cut_at_the_next_start() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ledger.db");
    {
        let ledger = ledger(&path);
        ledger.open(&opened(1)).unwrap();
        ledger.record(crossing(1), vec![entry(1, 0), entry(1, 3)]).unwrap();
    }
    let ledger = ledger(&path);
    let left = ledger.unsealed();
    assert_eq!((left.len(), left[0].crossing, left[0].counts.records), (1, crossing(1), 2));
    let cut = ledger.cut_unsealed("the process ended").unwrap();
    assert_eq!(cut[0].seal.counts.edits["MRN token"], 2);
    assert!(ledger.unsealed().is_empty());
    let words = ledger.reader().crossing(crossing(1)).unwrap().unwrap().sealed.unwrap();
    assert_eq!((words.seal.ending.as_str(), words.entries), ("cut", 2));
}

#[test]
fn wrong_order_is_refused_and_the_ledger_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let ledger = ledger(&folder.path().join("ledger.db"));
    let cause = |error: lazaret_core::LedgerError| error.cause.unwrap().to_string();
    assert!(cause(ledger.record(crossing(1), vec![entry(1, 0)]).unwrap_err()).contains("not open"));
    ledger.open(&opened(1)).unwrap();
    assert!(cause(ledger.open(&opened(1)).unwrap_err()).contains("opened before"));
    ledger.record(crossing(1), vec![entry(1, 1)]).unwrap();
    assert!(cause(ledger.record(crossing(1), vec![entry(1, 1)]).unwrap_err()).contains("came after"));
    assert!(cause(ledger.seal(&seal(1, &[], Ending::Complete)).unwrap_err()).contains("1 were recorded"));
    ledger.seal(&seal(1, &[entry(1, 1)], Ending::Complete)).unwrap();
    assert!(cause(ledger.seal(&seal(1, &[], Ending::Cut)).unwrap_err()).contains("not open"));
    assert!(matches!(ledger.append("sealed", &1), Err(StoreError::Kind)));
    assert!(matches!(ledger.append("A b", &1), Err(StoreError::Kind)));
    let long = "x".repeat(65_535);
    let refused = ledger.append("note", &long).unwrap_err();
    assert!(std::error::Error::source(&refused).unwrap().to_string().contains("ledger.max_body"));
    assert_eq!(ledger.append("tokens.revealed", &1).unwrap(), EntryIndex(2));
    let events = ledger.reader().events("tokens.revealed", None, 10).unwrap();
    assert_eq!(
        events[0].body,
        r#"{"at":"2025-11-25T14:20:13.007Z","event":1,"kind":"tokens.revealed","schema":1}"#
    );
}

#[test]
fn many_outputs_go_into_leaves_of_their_own() {
    let folder = tempfile::tempdir().unwrap();
    let ledger = ledger(&folder.path().join("ledger.db"));
    ledger.open(&opened(1)).unwrap();
    let mut seal = seal(1, &[], Ending::Complete);
    let one = seal.outputs[0].clone();
    seal.outputs = (0..1_234)
        .map(|n| lazaret_core::Output {
            dataset: format!("lake/{}", n % 3),
            name: format!("{n}"),
            ..one.clone()
        })
        .collect();
    let sealed = ledger.seal(&seal).unwrap();
    assert_eq!(sealed.sealed_at, EntryIndex(14));
    let words = ledger.reader().crossing(crossing(1)).unwrap().unwrap().sealed.unwrap();
    assert_eq!(words.seal.outputs.len(), 1_234);
    assert!(words.seal.outputs.iter().enumerate().all(|(n, output)| output.name == n.to_string()));
    assert_eq!(ledger.reader().datasets().unwrap(), ["lake/0", "lake/1", "lake/2"]);
    assert_eq!(ledger.reader().crossings_of_dataset("lake", None).unwrap(), [0]);
    assert_eq!(ledger.reader().crossings_of_dataset("lak", None).unwrap(), [] as [u64; 0]);
}

#[test]
fn crossings_are_paged_newest_first() {
    let folder = tempfile::tempdir().unwrap();
    let ledger = ledger(&folder.path().join("ledger.db"));
    for n in 0..7 {
        ledger.open(&opened(n)).unwrap();
        if n != 4 {
            ledger.seal(&seal(n, &[], Ending::Complete)).unwrap();
        }
    }
    let query = Query { limit: 3, ..Query::default() };
    let first = ledger.reader().crossings(&query).unwrap();
    let ids: Vec<&str> = first.iter().map(|row| row.crossing.as_str()).collect();
    assert_eq!(ids, [6, 5, 4].map(|n| crossing(n).to_string()));
    assert_eq!(first[2].ending, None);
    let next = Query { before: Some(first[2].opened_at), ..query };
    assert_eq!(ledger.reader().crossings(&next).unwrap()[0].crossing, crossing(3).to_string());
    let of = Query { dataset: Some("lake/Patient".into()), ..Query::default() };
    assert_eq!(ledger.reader().crossings(&of).unwrap().len(), 6);
    let totals = ledger.reader().totals().unwrap();
    assert_eq!((totals.entries, totals.crossings, totals.unsealed), (13, 7, 1));
}

#[test]
fn a_second_writer_another_origin_a_newer_schema_and_other_databases_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ledger.db");
    let start = |origin: &str| {
        SqliteLedger::start(&path, origin, Arc::new(SeedSigner::new([7; 32])), Arc::new(Standing))
    };
    let open = start(ORIGIN).unwrap();
    assert!(matches!(start(ORIGIN), Err(StoreError::InUse)));
    drop(open);
    assert!(matches!(start("other"), Err(StoreError::Origin { .. })));
    Connection::open(&path).unwrap().pragma_update(None, "user_version", 4).unwrap();
    assert!(matches!(start(ORIGIN), Err(StoreError::NewerSchema { found: 4, known: 3 })));
    assert!(matches!(LedgerReader::open(&path), Err(StoreError::NewerSchema { .. })));
    Connection::open(&path).unwrap().pragma_update(None, "application_id", 1).unwrap();
    assert!(matches!(start(ORIGIN), Err(StoreError::NotALedger)));
}

struct Refusing;

impl Signer for Refusing {
    fn sign(&self, _: &[u8]) -> Result<[u8; 64], VaultError> {
        Err(VaultError { what: "sign", cause: None })
    }

    fn public_key(&self) -> [u8; 32] {
        SeedSigner::new([7; 32]).public_key()
    }
}

#[test]
fn after_a_failure_every_call_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ledger.db");
    let ledger = SqliteLedger::start(&path, ORIGIN, Arc::new(Refusing), Arc::new(Standing)).unwrap();
    assert!(ledger.open(&opened(1)).is_err());
    assert!(ledger.open(&opened(2)).is_err());
    assert!(ledger.record(crossing(1), Vec::new()).is_err());
    assert!(ledger.crossed(&digest(1)).is_err());
    let error = ledger.append("note", &1).unwrap_err().to_string();
    assert!(error.contains("takes nothing more") && error.contains("sign"), "{error}");
    assert!(ledger.close().is_err());
    // Nothing that was refused is there.
    assert_eq!(LedgerReader::open(&path).unwrap().size().unwrap(), 0);
}

#[test]
fn the_tree_is_the_same_after_every_start_and_across_tiles() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ledger.db");
    let mut tree = lazaret_ledger::merkle::Frontier::new();
    for round in 0..6_u64 {
        let ledger = ledger(&path);
        std::thread::scope(|scope| {
            for thread in 0..8_u64 {
                let ledger = &ledger;
                scope.spawn(move || {
                    for n in 0..20 {
                        ledger.append("note", &(round, thread, n)).unwrap();
                    }
                });
            }
        });
        let from = round * 160;
        let leaves = ledger.reader().leaves(from, 1_000).unwrap();
        assert_eq!(leaves.len(), 160);
        for leaf in leaves {
            tree.push(lazaret_ledger::merkle::leaf_hash(leaf.body.as_bytes()));
        }
        let note = Checkpoint::verify(&ledger.checkpoint().unwrap(), &key()).unwrap();
        assert_eq!((note.size, note.root), (tree.size(), tree.root()));
        ledger.close().unwrap();
    }
}

#[test]
fn an_unknown_crossing_is_none() {
    let folder = tempfile::tempdir().unwrap();
    let ledger = ledger(&folder.path().join("ledger.db"));
    let other = CrossingId::parse("0190f3a1-7c1e-7a6b-9c55-3f0d5b8e2a11").unwrap();
    assert_eq!(ledger.reader().crossing(other).unwrap(), None);
    assert!(ledger.reader().entries(other, 0, 10).unwrap().is_empty());
}
