//! Fail closed, record first, no values: whatever fails, hangs or panics, at whatever step.

use lazaret_core::*;
use proptest::prelude::*;

use crate::fakes::*;

/// Steps whose trouble is one record's alone.
fn is_of_the_record(at: At) -> bool {
    matches!(at, At::Read | At::Segments | At::Detector | At::Write)
}

fn check(at: At, trouble: Trouble, record: u64, count: u64) {
    check_in(&Scene::new(Plan::new(at, trouble, record)), at, trouble, record, count);
    if at != At::Token {
        // The same where records wait for numbers before they are written. No token is made there.
        let scene = Scene::redacting(Plan::new(at, trouble, record), 2, Limits::default());
        check_in(&scene, at, trouble, record, count);
    }
}

fn check_in(scene: &Scene, at: At, trouble: Trouble, record: u64, count: u64) {
    let mut all = texts(count);
    if at == At::Hold {
        all[usize::try_from(record).unwrap()].insert_str(0, "bad ");
    }
    let outcome = scene.pass(crossing(1), &all);
    let visible = scene.visible();
    let seals = scene.ledger.seals.lock().unwrap().clone();
    let entries = scene.ledger.entries.lock().unwrap().clone();
    assert!(visible.iter().all(|text| !text.contains("Quillfeather")), "an identifier was released");

    if is_of_the_record(at) {
        let receipt =
            outcome.unwrap_or_else(|stopped| panic!("one bad record ended the batch: {}", chain(&stopped)));
        assert_eq!(receipt.sealed.seal.counts.records, count);
        assert_eq!(receipt.sealed.seal.counts.held(), 1);
        assert_eq!(visible.len() as u64, count - 1);
        let of_bad: Vec<_> = entries.iter().filter(|(_, entry)| entry.record == record).collect();
        assert_eq!(of_bad.len(), 1, "one entry for the record");
        assert!(
            of_bad[0].1.verdict.holds() && of_bad[0].1.held.is_some() && of_bad[0].1.digest_out.is_none()
        );
        assert!(of_bad[0].1.findings.iter().any(|finding| finding.severity >= Severity::Medium));
        assert_eq!(scene.vault.held.lock().unwrap().len(), 1, "the record is kept");
        assert_eq!(seals.len(), 1);
        return;
    }

    let stopped = outcome.expect_err("a passage that could not do its work must say so");
    assert!(visible.is_empty(), "something was released although {at:?} met {trouble:?}");
    let text = chain(&stopped);
    assert!(!text.contains("Quillfeather"), "a value is in the error: {text}");
    assert!(
        text.contains("nothing") || text.contains("finished at the next start"),
        "no clear refusal: {text}"
    );
    match stopped.reached {
        Reached::Nothing => {
            assert!(seals.is_empty() && entries.is_empty());
            assert!(matches!(at, At::Open | At::Digest), "{at:?} happens after opening");
        }
        Reached::Opened => {
            assert_eq!(scene.ledger.opened.lock().unwrap().len(), 1, "opened before anything else");
            // The ledger may be what fails; then the next start seals.
            assert!(seals.len() <= 1);
            assert!(seals.iter().all(|seal| seal.ending == Ending::Cut && seal.outputs.is_empty()));
            // Before sealing began, everything that answers is undone and sealed as cut at once.
            if !matches!(at, At::Seal | At::Sync) {
                assert_eq!(seals.len(), 1, "sealed as cut");
            }
        }
        Reached::Sealed => {
            assert_eq!(at, At::Commit);
            assert_eq!(seals.len(), 1);
            assert_eq!(seals[0].ending, Ending::Complete);
        }
    }
}

#[test]
fn whatever_goes_wrong_nothing_is_released_and_it_is_recorded_or_refused() {
    for at in EVERYWHERE {
        for trouble in [Trouble::Fail, Trouble::Hang, Trouble::Panic] {
            check(at, trouble, 1, 3);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn the_same_at_any_record_of_any_batch(
        step in 0..EVERYWHERE.len(),
        trouble in prop_oneof![Just(Trouble::Fail), Just(Trouble::Hang), Just(Trouble::Panic)],
        count in 1_u64..150,
        record in 0_u64..150,
    ) {
        check(EVERYWHERE[step], trouble, record % count, count);
    }
}

#[test]
fn what_waits_behind_a_record_that_hangs_is_not_held_for_it() {
    for record in [0, 1, 63, 64, 70, 149] {
        let scene = Scene::redacting(Plan::new(At::Detector, Trouble::Hang, record), 1, Limits::default());
        check_in(&scene, At::Detector, Trouble::Hang, record, 150);
    }
}

#[test]
fn a_detector_that_answers_nonsense_blocks_the_record() {
    let scene = Scene::new(Plan::none());
    let receipt = scene.pass(crossing(1), &["nonsense".to_owned(), "fine".to_owned()]).unwrap();
    assert_eq!(scene.visible(), ["fine"]);
    assert_eq!(receipt.sealed.seal.counts.findings.get("input.detector-failed"), Some(&1));
    assert_eq!(receipt.sealed.seal.counts.verdicts.get(&Verdict::Block), Some(&1));
}

#[test]
fn at_a_stated_number_of_lost_workers_everything_is_refused() {
    let scene = Scene::new(Plan::new(At::Detector, Trouble::Hang, 0));
    for n in 0..9 {
        let text = format!("record 0 of {n}");
        let outcome = scene.pass(crossing(n), &[text]);
        assert!(outcome.is_err() || scene.visible().is_empty());
    }
    assert!(!scene.checkpoint.ready());
    let stopped = scene.pass(crossing(99), &["fine".to_owned()]).unwrap_err();
    assert!(chain(&stopped).contains("workers were lost"), "{}", chain(&stopped));
    assert_eq!(stopped.reached, Reached::Nothing);
}
