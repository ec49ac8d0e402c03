//! What a check of the whole ledger finds: each way of changing it that the cases name, and each value that
//! stands outside the tree.

use std::path::{Path, PathBuf};

use lazaret_core::{Ending, Ledger as _};
use lazaret_ledger::merkle::{Frontier, leaf_hash, root_of};
use lazaret_ledger::note::Checkpoint;
use lazaret_ledger::tiles::Tiler;
use lazaret_ledger::{Verification, check_remembered, verify, verify_remembered};
use rusqlite::{Connection, params};

use crate::support::{SeedSigner, crossing, entry, key, ledger, opened, seal};

/// Three sealed crossings with records, one left open, and events up to a number of leaves.
fn filled(folder: &Path, leaves: u64) -> PathBuf {
    let path = folder.join("ledger.db");
    let ledger = ledger(&path);
    for n in 0..3 {
        ledger.open(&opened(n)).unwrap();
        let entries: Vec<_> = (0..5).map(|record| entry(n, record)).collect();
        ledger.record(crossing(n), entries.clone()).unwrap();
        ledger.seal(&seal(n, &entries, Ending::Complete)).unwrap();
    }
    ledger.open(&opened(3)).unwrap();
    ledger.record(crossing(3), vec![entry(3, 0)]).unwrap();
    std::thread::scope(|scope| {
        for thread in 0..8_u64 {
            let ledger = &ledger;
            scope.spawn(move || {
                for n in (7..leaves).filter(|n| n % 8 == thread) {
                    ledger.append("receipt", &[format!("{n}"), "block".to_owned()]).unwrap();
                }
            });
        }
    });
    ledger.close().unwrap();
    path
}

fn checked(path: &Path, given: &[String]) -> Verification {
    verify(path, &key(), given).unwrap()
}

fn findings(report: &Verification) -> Vec<(&str, &str, &str)> {
    report.findings.iter().map(|f| (f.id, f.at.as_str(), f.message.as_str())).collect()
}

fn ids(path: &Path) -> Vec<&'static str> {
    let mut ids: Vec<_> = checked(path, &[]).findings.iter().map(|finding| finding.id).collect();
    ids.dedup();
    ids
}

/// Makes the stored hashes and tiles consistent with the bodies again, as one without the key can.
fn rehash(connection: &Connection) {
    let mut statement = connection.prepare("SELECT idx, body FROM leaf ORDER BY idx").unwrap();
    let bodies: Vec<(i64, String)> =
        statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).unwrap().map(Result::unwrap).collect();
    connection.execute("DELETE FROM tile", []).unwrap();
    let mut tiler = Tiler::default();
    for (index, body) in bodies {
        let hash = leaf_hash(body.as_bytes());
        connection.execute("UPDATE leaf SET hash = ?2 WHERE idx = ?1", params![index, hash]).unwrap();
        tiler.push(hash, &mut |tile| {
            let number = i64::try_from(tile.number).unwrap();
            connection
                .execute(
                    "INSERT INTO tile VALUES (?1, ?2, ?3, ?4)",
                    params![tile.level, number, tile.root, tile.bytes],
                )
                .unwrap();
        });
    }
}

#[test]
fn an_unchanged_ledger_holds() {
    let folder = tempfile::tempdir().unwrap();
    let path = filled(folder.path(), 1_000);
    let report = checked(&path, &[]);
    assert_eq!(findings(&report), []);
    assert!(report.holds());
    assert_eq!((report.size, report.signed, report.crossings), (1_000, 1_000, 4));
    assert_eq!((report.unsealed, report.records), (1, 16));
}

#[test]
fn case_03_edited_receipt_body() {
    let folder = tempfile::tempdir().unwrap();
    let path = filled(folder.path(), 1_000);
    let kept = lazaret_ledger::LedgerReader::open(&path).unwrap().checkpoint().unwrap().unwrap();
    let connection = Connection::open(&path).unwrap();
    let edit = "UPDATE leaf SET body = replace(body, 'block', 'allow') WHERE idx = 417";
    assert_eq!(connection.execute(edit, []).unwrap(), 1);
    let given = [kept];
    let report = checked(&path, &given);
    assert_eq!(findings(&report), [("ledger.body-mismatch", "[417]", "body does not match leaf")]);
    assert!(!report.holds());

    rehash(&connection);
    let report = checked(&path, &given);
    let expected = ("ledger.root-mismatch", "[999]", "root at size 1000 differs from signed checkpoint");
    assert!(findings(&report).iter().all(|finding| *finding == expected));
    assert!(!report.holds());

    connection.execute("UPDATE leaf SET body = replace(body, 'allow', 'block') WHERE idx = 417", []).unwrap();
    rehash(&connection);
    assert!(checked(&path, &given).holds());
    connection.execute("DELETE FROM leaf WHERE idx >= 990", []).unwrap();
    rehash(&connection);
    let report = checked(&path, &given);
    assert_eq!(findings(&report), [("ledger.history-cut", "[990]", "size 990 < 1000, history cut")]);
    assert!(!report.holds());

    // Cut together with the checkpoints over it: one kept elsewhere tells where.
    connection.execute("DELETE FROM checkpoint", []).unwrap();
    assert_eq!(ids(&path), ["ledger.unsigned"]);
    assert!(!checked(&path, &[]).holds());
    assert_eq!(checked(&path, &given).findings[0].id, "ledger.history-cut");
}

#[test]
fn a_forked_history_contradicts_one_of_two_checkpoints() {
    let folder = tempfile::tempdir().unwrap();
    let path = filled(folder.path(), 40);
    let reader = lazaret_ledger::LedgerReader::open(&path).unwrap();
    let mut tree = Frontier::new();
    for leaf in reader.leaves(0, 30).unwrap() {
        tree.push(leaf_hash(leaf.body.as_bytes()));
    }
    let signer = SeedSigner::new([7; 32]);
    let sign = |size, root| Checkpoint { origin: key().name().to_owned(), size, root }.sign(&signer).unwrap();
    let (ours, theirs) = (sign(30, tree.root()), sign(31, root_of(&[[1; 32]])));
    assert!(checked(&path, std::slice::from_ref(&ours)).holds());
    let report = checked(&path, &[ours, theirs]);
    assert_eq!(
        findings(&report),
        [("ledger.root-mismatch", "[30]", "root at size 31 differs from signed checkpoint")]
    );
}

/// One change with a database client, and what is found after it.
fn changed(sql: &str) -> Vec<&'static str> {
    let folder = tempfile::tempdir().unwrap();
    let path = filled(folder.path(), 600);
    let connection = Connection::open(&path).unwrap();
    connection.execute_batch(sql).unwrap();
    drop(connection);
    ids(&path)
}

#[test]
fn swapped_rows_and_changed_hashes_are_found() {
    let swap = "UPDATE leaf SET idx = -1 WHERE idx = 20; UPDATE leaf SET idx = 20 WHERE idx = 21;
                UPDATE leaf SET idx = 21 WHERE idx = -1";
    assert!(changed(swap).contains(&"ledger.root-mismatch"));
    let bodies = "CREATE TEMP TABLE t AS SELECT idx, body FROM leaf WHERE idx IN (20, 21);
                  UPDATE leaf SET body = (SELECT body FROM t WHERE t.idx = 41 - leaf.idx) WHERE idx IN (20, 21)";
    assert_eq!(changed(bodies), ["ledger.body-mismatch"]);
    let hash = changed("UPDATE leaf SET hash = zeroblob(32) WHERE idx = 20");
    assert!(hash.contains(&"ledger.body-mismatch") && hash.contains(&"ledger.root-mismatch"));
    assert!(changed("UPDATE leaf SET hash = x'00' WHERE idx = 20").contains(&"ledger.body-mismatch"));
    assert!(changed("DELETE FROM leaf WHERE idx = 20").contains(&"ledger.body-mismatch"));
}

#[test]
fn a_replaced_root_is_found() {
    let forged = "UPDATE checkpoint SET note = replace(note, char(10) || '600' || char(10), char(10) || '599' || char(10))";
    assert_eq!(changed(forged), ["ledger.checkpoint-forged"]);
    assert_eq!(changed("UPDATE checkpoint SET note = ''"), ["ledger.checkpoint-forged"]);
    assert_eq!(changed("UPDATE checkpoint SET size = 599 WHERE size = 600"), ["ledger.checkpoint-forged"]);
}

#[test]
fn values_outside_the_tree_are_recomputed() {
    let index = ["ledger.index-mismatch"];
    let records = ["ledger.record-mismatch"];
    for (sql, expected) in [
        ("UPDATE leaf SET kind = 'note' WHERE idx = 20", index),
        ("UPDATE tile SET hashes = zeroblob(8192) WHERE number = 0", index),
        ("UPDATE tile SET root = zeroblob(32) WHERE number = 1", index),
        ("DELETE FROM tile WHERE number = 1", index),
        ("INSERT INTO tile VALUES (1, 0, zeroblob(32), zeroblob(8192))", index),
        ("UPDATE crossing SET started = '2020' WHERE opened_at = 0", index),
        ("UPDATE crossing SET gate = 'models' WHERE opened_at = 6", index),
        ("UPDATE crossing SET ending = 'cut' WHERE opened_at = 0", index),
        ("UPDATE crossing SET records = 4 WHERE opened_at = 0", index),
        ("UPDATE crossing SET held = 1 WHERE opened_at = 2", index),
        (
            "UPDATE crossing SET sealed_at = 5, ending = 'complete', records = 1, held = 0 WHERE opened_at = 6",
            index,
        ),
        ("UPDATE crossing SET sealed_at = NULL WHERE opened_at = 0", index),
        ("UPDATE crossing SET id = zeroblob(16) WHERE opened_at = 0", index),
        ("DELETE FROM crossing WHERE opened_at = 6", index),
        ("INSERT INTO crossing (opened_at, id, started, gate) VALUES (20, zeroblob(16), '', '')", index),
        ("DELETE FROM output WHERE opened_at = 0", index),
        ("INSERT INTO output VALUES ('lake/Secret', 0)", index),
        ("UPDATE meta SET value = 'other' WHERE key = 'origin'", index),
        ("UPDATE entry SET identity = zeroblob(32) WHERE id = 0", index),
        ("UPDATE entry SET identity = NULL WHERE id = 1", index),
        ("UPDATE entry SET identity = NULL WHERE id = 6 << 28", index),
        ("INSERT INTO entry VALUES (1 << 28, NULL, '{}')", index),
        ("UPDATE entry SET id = id + 100 WHERE id = 4", index),
        ("UPDATE entry SET body = replace(body, 'tokenise', 'allow') WHERE id = 3", records),
        ("DELETE FROM entry WHERE id = 3", records),
        ("INSERT INTO entry SELECT id + 10, NULL, body FROM entry WHERE id = 3", records),
    ] {
        assert_eq!(changed(sql), expected, "{sql}");
    }
}

#[test]
fn another_key_vouches_for_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let path = filled(folder.path(), 20);
    let other = SeedSigner::new([8; 32]);
    let other =
        lazaret_ledger::note::VerifierKey::new(key().name(), lazaret_core::Signer::public_key(&other))
            .unwrap();
    assert!(!verify(&path, &other, &[]).unwrap().holds());
}

#[test]
fn what_the_vault_remembers_tells_of_a_history_cut_with_its_checkpoints() {
    let folder = tempfile::tempdir().unwrap();
    let path = filled(folder.path(), 100);
    let kept = lazaret_ledger::LedgerReader::open(&path).unwrap().checkpoint().unwrap().unwrap();
    let public = lazaret_core::Signer::public_key(&SeedSigner::new([7; 32]));
    let found = |note: &str| {
        let report = verify_remembered(&path, &key(), &[], Some(note)).unwrap();
        report.findings.iter().map(|finding| finding.id).collect::<Vec<_>>()
    };
    let starts = || check_remembered(&path, public, &kept).is_ok();
    assert!(found(&kept).is_empty() && starts());

    let connection = Connection::open(&path).unwrap();
    connection.execute("DELETE FROM checkpoint", []).unwrap();
    assert_eq!(found(&kept), ["ledger.unsigned"], "the entries are there, and nothing signed says so");
    assert!(starts(), "no entry is missing");

    // Back to the first crossing, with everything that would tell.
    connection.execute("DELETE FROM leaf WHERE idx >= 70", []).unwrap();
    connection.execute("DELETE FROM crossing WHERE opened_at >= 70", []).unwrap();
    rehash(&connection);
    assert_eq!(found(&kept), ["ledger.rollback", "ledger.unsigned"]);
    assert!(!starts());
    let told = check_remembered(&path, public, &kept).unwrap_err().to_string();
    assert!(told.contains("ledger.rollback") && told.contains("70") && told.contains("100"), "{told}");

    // As long as before, of other entries.
    for n in 70..100 {
        let body = format!(r#"{{"at":"2026-01-01T00:00:00.000Z","body":{n},"kind":"receipt"}}"#);
        let hash = leaf_hash(body.as_bytes());
        connection
            .execute("INSERT INTO leaf VALUES (?1, 'receipt', ?2, ?3)", params![n, hash, body])
            .unwrap();
    }
    assert!(found(&kept).contains(&"ledger.rollback"));
    assert!(!starts());

    let other = Checkpoint { origin: key().name().to_owned(), size: 1, root: [0; 32] };
    let forged = other.sign(&SeedSigner::new([9; 32])).unwrap();
    assert!(found(&forged).contains(&"ledger.checkpoint-forged"));
    assert!(check_remembered(&path, public, &forged).is_err());
    assert!(
        check_remembered(&folder.path().join("gone.db"), public, &kept).is_err(),
        "a ledger that is gone"
    );
}
