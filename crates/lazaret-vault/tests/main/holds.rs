//! Records kept back: sealed, listed, opened, settled once.

use std::collections::BTreeSet;

use lazaret_core::{Body, Hold, HoldId, Vault as _};
use lazaret_vault::{HoldFilter, HoldState, Settlement, VaultFailure};

use super::support::{Home, crossing, hold, subject};

#[test]
fn held_records_come_back_whole_with_their_reasons() {
    let home = Home::new();
    let vault = home.init();
    let (one, anna) = (crossing(), subject("anna"));
    let big = vec![7; 300_000];
    let ids = [
        hold(&vault, one, 3, b"first", Some(&anna), true),
        hold(&vault, one, 5, b"", None, false),
        hold(&vault, one, 9, &big, Some(&anna), true),
    ];
    vault.sync().unwrap();
    drop(vault);
    let vault = home.open();
    assert_eq!(vault.open_hold(ids[0]).unwrap().expose(), b"first");
    assert_eq!(vault.open_hold(ids[1]).unwrap().expose(), b"");
    assert_eq!(vault.open_hold(ids[2]).unwrap().expose(), &big);
    let listed = vault.holds(&HoldFilter::default()).unwrap();
    assert_eq!(listed.iter().map(|held| held.id).collect::<Vec<_>>(), ids);
    let first = &listed[0];
    assert_eq!(
        (first.kind.as_str(), first.bytes, first.releasable, first.of_subject),
        ("note", 5, true, true)
    );
    assert_eq!((first.findings[0].id.as_str(), first.findings[0].at.as_str()), ("input.uninspectable", "@7"));
    assert_eq!((first.state, first.cut), (HoldState::Held, false));
    let missing = HoldId { crossing: one, record: 4 };
    assert!(matches!(vault.open_hold(missing), Err(VaultFailure::UnknownHold(_))));
}

#[test]
fn lists_are_filtered_and_paged() {
    let home = Home::new();
    let vault = home.init();
    let (one, two) = (crossing(), crossing());
    for record in 0..10 {
        hold(&vault, one, record, b"x", None, true);
        hold(&vault, two, record, b"x", None, true);
    }
    vault.settle(HoldId { crossing: one, record: 4 }, Settlement::Rejected, "kim", None).unwrap();
    assert_eq!(vault.mark_cut(two).unwrap(), 10);
    let list = |filter| vault.holds(&filter).unwrap();
    assert_eq!(list(HoldFilter { crossing: Some(one), ..HoldFilter::default() }).len(), 10);
    assert_eq!(list(HoldFilter { state: Some(HoldState::Held), ..HoldFilter::default() }).len(), 19);
    assert!(list(HoldFilter { crossing: Some(two), ..HoldFilter::default() }).iter().all(|held| held.cut));
    let mut paged = Vec::new();
    let mut filter = HoldFilter { most: Some(3), ..HoldFilter::default() };
    loop {
        let page = list(filter);
        filter.after = page.last().map(|held| held.id);
        if page.is_empty() {
            break;
        }
        paged.extend(page);
    }
    assert_eq!(paged, list(HoldFilter::default()));
}

#[test]
fn a_quarantined_record_needs_one_person_and_a_blocked_one_two() {
    let home = Home::new();
    let vault = home.init();
    let one = crossing();
    let quarantined = hold(&vault, one, 0, b"x", None, true);
    let blocked = hold(&vault, one, 1, b"x", None, false);
    for (second, by) in [(None, "kim"), (Some("Kim "), "kim"), (Some(""), "kim"), (Some("lee"), " ")] {
        let refused = vault.settle(blocked, Settlement::Released, by, second);
        assert!(matches!(refused, Err(VaultFailure::TwoPersons | VaultFailure::NoPerson)), "{by} {second:?}");
    }
    assert!(matches!(vault.settle(quarantined, Settlement::Released, "", None), Err(VaultFailure::NoPerson)));
    assert_eq!(vault.held(blocked).unwrap().state, HoldState::Held);
    let released = vault.settle(blocked, Settlement::Released, "kim", Some("lee")).unwrap();
    assert_eq!((released.state, released.settled_second.as_deref()), (HoldState::Released, Some("lee")));
    vault.settle(quarantined, Settlement::Rejected, "kim", None).unwrap();
    drop(vault);
    let vault = home.open();
    assert_eq!(vault.held(quarantined).unwrap().state, HoldState::Rejected);
    let again = vault.settle(quarantined, Settlement::Released, "kim", None);
    assert!(matches!(again, Err(VaultFailure::Settled { state: HoldState::Rejected, .. })));
    assert_eq!(vault.open_hold(quarantined).unwrap().expose(), b"x", "kept as evidence");
}

#[test]
fn a_record_moved_changed_or_cut_short_does_not_open() {
    let home = Home::new();
    let vault = home.init();
    let (one, two) = (crossing(), crossing());
    let first = hold(&vault, one, 0, b"first", None, true);
    let second = hold(&vault, two, 0, b"other", None, true);
    vault.sync().unwrap();
    let file = |crossing| home.data().join("quarantine").join(format!("{crossing}.held"));
    std::fs::copy(file(two), file(one)).unwrap();
    assert!(matches!(vault.open_hold(first), Err(VaultFailure::NotOpened { .. })));
    let mut bytes = std::fs::read(file(two)).unwrap();
    bytes.pop();
    std::fs::write(file(two), &bytes).unwrap();
    assert!(matches!(vault.open_hold(second), Err(VaultFailure::NotOpened { .. })));
}

#[test]
fn a_record_that_comes_again_is_kept_once_until_it_is_settled() {
    let home = Home::new();
    let vault = home.init();
    let anna = subject("anna");
    let identity = vault.digest(Some(&anna), b"Observation/1").unwrap();
    let keep = |crossing, record| {
        let bytes = b"note of anna".as_slice();
        let subject = Some(&anna);
        let findings = &[];
        let hold = Hold {
            crossing,
            record,
            identity,
            body: Body::Held(bytes),
            kind: "note",
            subject,
            findings,
            releasable: true,
        };
        vault.hold(&hold).unwrap()
    };
    let first = keep(crossing(), 7);
    assert_eq!(first, keep(crossing(), 0), "of another crossing");
    vault.sync().unwrap();
    assert_eq!(first, keep(first.crossing, 7), "the same call again");
    let file = home.data().join("quarantine").join(format!("{}.held", first.crossing));
    let length = std::fs::metadata(file).unwrap().len();
    assert_eq!(length, u64::try_from("note of anna".len()).unwrap() + 45, "written once");
    assert_eq!(vault.holds(&HoldFilter::default()).unwrap().len(), 1);
    vault.settle(first, Settlement::Rejected, "kim", None).unwrap();
    let second = keep(crossing(), 0);
    assert_ne!(first, second);
    vault.settle(second, Settlement::Released, "kim", None).unwrap();
    assert_ne!(second, keep(crossing(), 0));
}

#[test]
fn many_threads_keep_a_record_once() {
    let home = Home::new();
    let vault = home.init();
    let identity = vault.digest(None, b"x").unwrap();
    let ids: BTreeSet<_> = std::thread::scope(|scope| {
        let keep = || {
            let hold = Hold {
                crossing: crossing(),
                record: 0,
                identity,
                body: Body::Held(b"x"),
                kind: "note",
                subject: None,
                findings: &[],
                releasable: true,
            };
            vault.hold(&hold).unwrap()
        };
        let threads: Vec<_> = (0..8).map(|_| scope.spawn(keep)).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    assert_eq!(ids.len(), 1);
}

#[test]
fn another_content_under_the_same_number_takes_its_place() {
    let home = Home::new();
    let vault = home.init();
    let one = crossing();
    let id = hold(&vault, one, 0, b"first try", None, true);
    assert_eq!(id, hold(&vault, one, 0, b"second try", None, true));
    assert_eq!(vault.open_hold(id).unwrap().expose(), b"second try");
    assert_eq!(vault.holds(&HoldFilter::default()).unwrap().len(), 1);
}
