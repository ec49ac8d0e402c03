//! What a hospital knows of its own texts is found, or left, where its file says so.

use std::sync::Arc;

use lazaret_core::{Known, KnownFact, Label, Limits, Timestamp};
use lazaret_phi::{Knowledge, Scanner, Setting};

const NOW: Timestamp = Timestamp::from_millis(1_795_694_400_000); // 2026-11-26

fn knowing(entries: &str) -> Scanner {
    let text = format!("version = 1\n{entries}");
    let knowledge = Knowledge::read(&text, "d", NOW, &Limits::default()).unwrap();
    Scanner::new().unwrap().knowing(Arc::new(knowledge))
}

fn texts<'t>(
    scanner: &Scanner,
    text: &'t str,
    known: Option<&Known>,
    setting: Setting,
) -> Vec<(&'t str, String)> {
    let found = scanner.scan_in(text, known, setting).unwrap();
    found.iter().map(|d| (&text[d.span.start..d.span.end], d.label.to_string())).collect()
}

fn plain<'t>(scanner: &Scanner, text: &'t str) -> Vec<(&'t str, String)> {
    texts(scanner, text, None, Setting::default())
}

fn one<'t>(text: &'t str, label: &str) -> Vec<(&'t str, String)> {
    vec![(text, label.to_owned())]
}

#[test]
fn a_shape_of_the_hospital_is_found_where_it_stands_or_after_its_words() {
    let anywhere = knowing("[[identifier]]\nlabel = 'MRN'\nshape = 'zq[.]\\d{4}'\n");
    assert_eq!(plain(&anywhere, "stool sent as zq.4471, pending"), one("zq.4471", "MRN"));
    assert_eq!(plain(&anywhere, "stool sent as zq.44718, pending"), []);
    let after = knowing("[[identifier]]\nlabel = 'OTHER_ID.room'\nshape = '[a-d][1-9]'\nafter = ['couch']\n");
    assert_eq!(plain(&after, "seen on couch b4 today"), one("b4", "OTHER_ID.room"));
    assert_eq!(plain(&after, "vitamin b4 today"), []);
}

#[test]
fn staff_are_found_in_both_orders_and_by_family_name() {
    let scanner = knowing("[[staff]]\nnames = ['Wexcombe Thrale']\n");
    for (text, name) in [
        ("told wexcombe thrale about it", "wexcombe thrale"),
        ("told Thrale about it", "Thrale"),
        ("told THRALE, WEXCOMBE about it", "THRALE, WEXCOMBE"),
    ] {
        assert_eq!(plain(&scanner, text), one(name, "NAME.provider"), "{text}");
    }
}

#[test]
fn an_allowed_text_is_left_and_only_it() {
    let text = "Mr. Larkspur scored 4 on it";
    let allow = "[[allow]]\ntexts = ['Larkspur']\nowner = 'o'\nreason = 'r'\n";
    assert_eq!(plain(&Scanner::new().unwrap(), text), one("Larkspur", "NAME.patient"));
    assert_eq!(plain(&knowing(allow), text), []);
    assert_eq!(plain(&knowing(&format!("{allow}label = 'MRN'\n")), text), one("Larkspur", "NAME.patient"));
    assert_eq!(plain(&knowing(allow), "Mr. Larkspur Quimby scored"), one("Larkspur Quimby", "NAME.patient"));
}

#[test]
fn the_record_and_a_deny_go_before_an_allow() {
    let allow = "[[allow]]\ntexts = ['Larkspur']\nowner = 'o'\nreason = 'r'\n";
    let fact = KnownFact { label: Label::PATIENT, text: "Larkspur".to_owned().into() };
    let known = Known { facts: vec![fact], too_much: false };
    let found = texts(&knowing(allow), "so Larkspur came", Some(&known), Setting::default());
    assert_eq!(found, one("Larkspur", "NAME.patient"));
    let both =
        format!("{allow}[[deny]]\ntexts = ['larkspur']\nlabel = 'OTHER_ID'\nowner = 'o'\nreason = 'r'\n");
    assert_eq!(plain(&knowing(&both), "so Larkspur came"), one("Larkspur", "OTHER_ID"));
}

#[test]
fn an_entry_holds_in_its_ward_section_or_for_its_author_alone() {
    let deny = "[[deny]]\ntexts = ['bay seven']\nlabel = 'OTHER_ID.room'\nowner = 'o'\nreason = 'r'\n";
    let found = one("bay seven", "OTHER_ID.room");
    let ward = knowing(&format!("{deny}ward = 'Tansy East'\n"));
    assert_eq!(plain(&ward, "moved to bay seven"), []);
    assert_eq!(texts(&ward, "moved to bay seven", None, Setting::new(Some("tansy  EAST"), None)), found);
    let in_text = plain(&ward, "Ward: Tansy East\nmoved to bay seven");
    assert!(in_text.iter().any(|one| *one == found[0]), "{in_text:?}");
    let author = knowing(&format!("{deny}author = 'Q. Vane'\n"));
    assert_eq!(texts(&author, "moved to bay seven", None, Setting::new(None, Some("Q. Vane"))), found);
    assert_eq!(texts(&author, "moved to bay seven", None, Setting::new(None, Some("R. Vane"))), []);
    let section = knowing(&format!("{deny}section = 'Plan'\n"));
    assert_eq!(plain(&section, "HISTORY\nfrom bay seven\n"), []);
    assert_eq!(plain(&section, "HISTORY\nfrom here\nPlan:\nto bay seven\n"), found);
    assert_eq!(plain(&section, "history\nfrom here\nplan\nto bay seven\n"), found);
    assert_eq!(plain(&section, "plan\nfrom here\nhospital course\nto bay seven\n"), []);
}

#[test]
fn a_section_is_known_beyond_the_block_in_which_it_began() {
    let scanner = knowing(
        "[[deny]]\ntexts = ['bay seven']\nlabel = 'OTHER_ID.room'\nowner = 'o'\nreason = 'r'\nsection = 'Plan'\n",
    );
    let text = format!("PLAN:\n{}to bay seven\n", "went for a walk and rested\n".repeat(60_000));
    assert_eq!(plain(&scanner, &text), one("bay seven", "OTHER_ID.room"));
}

#[test]
fn receipts_tell_which_knowledge_was_used() {
    let version = knowing("").version();
    assert!(version.ends_with("knowledge d"), "{version}");
}
