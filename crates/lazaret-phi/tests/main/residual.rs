//! `phi.clinical-text` and `phi.residual-risk` on the texts of `testdata/phi/residual`, half of which they were not
//! fitted to.

use std::path::Path;

use lazaret_core::Severity;
use lazaret_phi::{Assessment, Scanner};

#[expect(clippy::disallowed_methods, reason = "a test reads its own small fixtures")]
fn texts(name: &str) -> Vec<(String, String)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testdata/phi/residual");
    let source = std::fs::read_to_string(folder.join(name)).unwrap();
    let parts = source.split("### ").skip(1).map(|part| part.split_once('\n').unwrap());
    parts.map(|(head, text)| (head.split(' ').next().unwrap().to_owned(), text.trim().to_owned())).collect()
}

fn assess(text: &str) -> Vec<Assessment> {
    let scanner = Scanner::new().unwrap();
    scanner.assess(text, &scanner.scan(text, None).unwrap())
}

fn has(findings: &[Assessment], id: &str) -> bool {
    findings.iter().any(|finding| finding.rule.id == id)
}

#[test]
fn texts_that_are_no_record_raise_no_alarm() {
    for (id, text) in texts("general.dev.txt") {
        assert_eq!(assess(&text), [], "{id}");
    }
    let held = texts("general.held.txt");
    let alarms: Vec<_> = held.iter().filter(|(_, text)| !assess(text).is_empty()).collect();
    assert!(alarms.len() <= 2 && held.len() == 16, "{alarms:?}");
    assert!(held.iter().all(|(_, text)| !has(&assess(text), "phi.residual-risk")));
}

#[test]
fn records_in_german_french_and_spanish_are_told_and_other_texts_are_not() {
    let told = |name: &str| {
        let texts = texts(name);
        let told = texts.iter().filter(|(_, text)| has(&assess(text), "phi.clinical-text"));
        (told.map(|(id, _)| id.clone()).collect::<Vec<_>>(), texts.len())
    };
    for (id, text) in texts("abroad-general.dev.txt") {
        assert_eq!(assess(&text), [], "{id}");
    }
    let (alarms, held) = told("abroad-general.held.txt");
    assert!(alarms.len() <= 1 && held == 12, "{alarms:?}");
    let (records, all) = told("abroad-records.dev.txt");
    assert!(records.len() == all && all == 9, "{records:?}");
    // Nothing was fitted to these.
    let (records, held) = told("abroad-records.held.txt");
    assert!(records.len() >= 7 && held == 9, "{records:?}");
}

#[test]
fn poorly_deidentified_texts_do_not_pass_as_clean() {
    for (id, text) in texts("risky.dev.txt").into_iter().chain(texts("risky.held.txt")) {
        let findings = assess(&text);
        if id.starts_with("r-") {
            assert!(has(&findings, "phi.residual-risk"), "{id}: {findings:?}");
        } else {
            let held = findings.iter().any(|finding| finding.severity >= Severity::Medium);
            assert!(!held, "{id}: {findings:?}");
        }
    }
    let dev = texts("risky.dev.txt");
    let risky = dev.iter().filter(|(id, _)| id.starts_with("r-"));
    assert!(risky.clone().count() >= 6);
    let held = |text: &str| assess(text).iter().any(|f| f.severity == Severity::Medium);
    assert!(risky.filter(|(_, text)| held(text)).count() >= 5);
}

#[test]
fn a_message_never_repeats_the_text() {
    for (id, text) in texts("risky.dev.txt") {
        let rare = ["kuru", "menkes", "creutzfeldt", "quarrenton", "hallowsay", "4471"];
        for finding in assess(&text) {
            let message = finding.message.to_lowercase();
            assert!(rare.iter().all(|word| !message.contains(word)), "{id}: {message}");
        }
    }
}

#[test]
fn both_rules_have_their_page() {
    for rule in lazaret_phi::RULES {
        let page = lazaret_phi::page(rule.id).unwrap();
        assert!(page.contains(rule.id) && page.contains("Why: ") && page.contains("References: "));
    }
}
