//! Placeholders have one number for one thing of a patient in all the records of a crossing.

use std::sync::Arc;

use lazaret_core::*;

use crate::fakes::*;

fn strings(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|text| (*text).to_owned()).collect()
}

/// What these texts become.
fn redacted(texts: &[&str], limits: Limits) -> Vec<String> {
    let scene = Scene::redacting(Plan::none(), 2, limits);
    scene.pass(crossing(1), &strings(texts)).unwrap();
    scene.visible()
}

#[test]
fn one_thing_of_a_patient_has_one_number_in_all_records() {
    let texts =
        ["patient a: Quillfeather and Quillfeather", "patient a: Orrelby", "patient a: of Quillfeather"];
    assert_eq!(
        redacted(&texts, Limits::default()),
        ["patient a: [MRN 1] and [MRN 1]", "patient a: [MRN 2]", "patient a: of [MRN 1]"]
    );
}

#[test]
fn two_patients_never_share_their_numbers() {
    let texts = [
        "patient a: Quillfeather, Orrelby",
        "patient b: Orrelby",
        "patient a: Orrelby",
        "patient b: Quillfeather",
    ];
    assert_eq!(
        redacted(&texts, Limits::default()),
        ["patient a: [MRN 1], [MRN 2]", "patient b: [MRN 1]", "patient a: [MRN 2]", "patient b: [MRN 2]"]
    );
}

#[test]
fn a_record_of_no_patient_has_numbers_of_its_own() {
    let texts = ["nobody: Quillfeather, Orrelby, Quillfeather", "nobody: Orrelby", "patient a: Orrelby"];
    assert_eq!(
        redacted(&texts, Limits::default()),
        ["nobody: [MRN 1], [MRN 2], [MRN 1]", "nobody: [MRN 1]", "patient a: [MRN 1]"]
    );
}

#[test]
fn a_record_that_is_held_takes_no_number() {
    let texts = ["bad Orrelby", "of Quillfeather"];
    assert_eq!(redacted(&texts, Limits::default()), ["of [MRN 1]"]);
}

#[test]
fn past_the_limits_placeholders_have_no_number() {
    let texts = [
        "patient a: Quillfeather",
        "patient b: Quillfeather",
        "patient a: Orrelby",
        "patient a: of Quillfeather",
    ];
    let mut limits = Limits::default();
    limits.set(MAX_ENTITIES.key(), 1);
    let numbered = ["patient a: [MRN 1]", "patient b: [MRN]", "patient a: [MRN]", "patient a: of [MRN 1]"];
    assert_eq!(redacted(&texts, limits), numbered);
    let mut limits = Limits::default();
    limits.set(MAX_SUBJECTS.key(), 1);
    let numbered = ["patient a: [MRN 1]", "patient b: [MRN]", "patient a: [MRN 2]", "patient a: of [MRN 1]"];
    assert_eq!(redacted(&texts, limits), numbered);
}

#[test]
fn records_fed_one_by_one_are_numbered_alike() {
    let scene = Scene::redacting(Plan::none(), 2, Limits::default());
    let mut passage = scene.checkpoint.open(crossing(1)).unwrap();
    let mut feed = |number, text: &str| {
        let record = FakeRecord { plan: Plan::none(), number, text: text.to_owned() };
        let Fate::Cleared(piece) = passage.feed(Arc::new(record)).unwrap() else { panic!("{text} is held") };
        String::from_utf8(piece.piece().content.bytes().unwrap().to_vec()).unwrap()
    };
    assert_eq!(feed(0, "patient a: Quillfeather"), "patient a: [MRN 1]");
    assert_eq!(feed(1, "patient b: Orrelby"), "patient b: [MRN 1]");
    assert_eq!(feed(2, "patient a: Orrelby, Quillfeather"), "patient a: [MRN 2], [MRN 1]");
}

#[test]
fn numbers_depend_neither_on_workers_nor_on_time() {
    // Every batch takes another time, and the order in which things are met differs between the patients.
    let texts: Vec<String> = (0..700_u32)
        .map(|n| {
            let patient = ["patient a", "patient b", "nobody", "patient c"][(n % 4) as usize];
            let slow = if (n / 64) % 3 == 0 && n % 16 == 0 { " slow" } else { "" };
            let met = if (n / 7) % 2 == 0 { "Quillfeather, Orrelby" } else { "Orrelby, Quillfeather" };
            format!("{patient}: {n}{slow} {met}")
        })
        .collect();
    let passed = |workers| {
        let scene = Scene::redacting(Plan::none(), workers, Limits::default());
        scene.pass(crossing(1), &texts).unwrap();
        scene.visible()
    };
    let one = passed(1);
    assert_eq!(one.len(), texts.len());
    for workers in [2, 3, 8] {
        assert_eq!(passed(workers), one, "{workers} workers");
    }
}
