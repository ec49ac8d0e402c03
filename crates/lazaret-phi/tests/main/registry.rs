//! The registry keeps its promises: ids, pages, and an example that fires beside one that does not.

use lazaret_phi::{Scanner, examples, ids, page};

#[test]
fn ids_are_unique_and_sorted_and_begin_with_their_area() {
    let ids: Vec<&str> = ids().collect();
    assert!(ids.windows(2).all(|pair| pair[0] < pair[1]), "{ids:?}");
    assert!(ids.iter().all(|id| id.starts_with("phi.")));
    for kind in lazaret_core::Kind::ALL {
        let rule = kind.rule_id();
        let covered = ids.iter().any(|id| *id == rule || id.starts_with(&format!("{rule}.")));
        assert!(covered || rule == "phi.fax", "{rule} has no detector");
    }
}

#[test]
fn every_detector_has_a_page_that_says_what_why_and_gives_an_example() {
    for id in ids() {
        let page = page(id).unwrap();
        assert!(page.starts_with("Finds "), "{id}");
        for part in ["Why: ", "Example: ", "References: "] {
            assert!(page.contains(part), "{id}: no {part}");
        }
    }
}

#[test]
fn every_detector_fires_on_its_example_and_not_on_the_look_alike() {
    let scanner = Scanner::new().unwrap();
    for id in ids() {
        let (fires, quiet) = examples(id).unwrap();
        let kind = |rule: &str| id == rule || id.starts_with(&format!("{rule}."));
        let found = scanner.scan(fires, None).unwrap();
        assert!(found.iter().any(|d| kind(d.rule)), "{id} is silent on its example");
        let found = scanner.scan(quiet, None).unwrap();
        assert!(!found.iter().any(|d| kind(d.rule)), "{id} fires on its look-alike");
    }
}
