//! Facts known of the subject are found however they are written; core's trait says the same as the scanner.

use lazaret_core::{
    Basis, Content, Context, Detector, Findings, Known, KnownFact, Label, Meaning, Place, Profile, Segment,
    View,
};
use lazaret_phi::{PhiText, Scanner, code_points};

fn known(facts: &[(Label, &str)]) -> Known {
    Known {
        too_much: false,
        facts: facts
            .iter()
            .map(|(label, text)| KnownFact { label: *label, text: (*text).to_owned().into() })
            .collect(),
    }
}

fn texts<'t>(text: &'t str, known: &Known) -> Vec<&'t str> {
    let found = Scanner::new().unwrap().scan(text, Some(known)).unwrap();
    found.iter().map(|d| &text[d.span.start..d.span.end]).collect()
}

#[test]
fn known_facts_are_found_in_any_case_and_punctuation() {
    let known = known(&[
        (Label::PATIENT, "Sumiko254 Larue605"),
        (Label::PHONE, "555-867-5309"),
        (Label::STREET, "1047 Jast Mall"),
        (Label::PATIENT, "Mark Quillfeather"),
    ]);
    for (text, part) in [
        ("then sumiko254 said", "sumiko254"),
        ("then LARUE605, said", "LARUE605"),
        ("then Larue said", "Larue"),
        ("number (555) 867.5309 given", "(555) 867.5309"),
        ("at 1047 jast  mall now", "1047 jast  mall"),
        ("quillfeather came", "quillfeather"),
        ("then Mark came", "Mark"),
    ] {
        let found = texts(text, &known);
        assert!(found.iter().any(|f| f.contains(part.trim_start_matches('('))), "{text}: {found:?}");
    }
    assert_eq!(texts("left a mark on the skin", &known), Vec::<&str>::new());
    assert_eq!(texts("remarkable, larues", &known), Vec::<&str>::new());
}

#[test]
fn a_known_birth_date_is_one_in_every_form() {
    let known = known(&[(Label::BIRTH_DATE, "1931-04-17")]);
    for (text, label) in [
        ("seen, 04/17/1931 on the form", Label::BIRTH_DATE),
        ("seen, April 17, 1931 on the form", Label::BIRTH_DATE),
        ("seen, 04/18/1931 on the form", Label::DATE),
    ] {
        let found = Scanner::new().unwrap().scan(text, Some(&known)).unwrap();
        assert_eq!(found.iter().map(|d| d.label).collect::<Vec<_>>(), [label], "{text}");
    }
}

#[test]
fn names_learnt_from_a_cue_are_found_everywhere_in_the_note() {
    let text = "Patient: Xanthe Quorrell\nLater quorrell slept. Xanthe ate.";
    let found = texts(text, &known(&[]));
    assert_eq!(found, ["Xanthe Quorrell", "quorrell", "Xanthe"]);
}

#[test]
fn the_detector_looks_at_free_text_only() {
    let detector = PhiText::new().unwrap();
    let profile = Profile::of(Basis::SafeHarbor);
    let context = Context { known: None, profile: &profile, record_kind: "note" };
    let place = Place::root("note");
    let count = |meaning| {
        let segment = Segment {
            place: &place,
            content: Content::Text("MRN: 00482913, Dr. Vane"),
            meaning,
            subject: None,
            domain: "",
        };
        let mut findings = Findings::new();
        detector.inspect(&View::of(&segment), &context, &mut findings).unwrap();
        findings.take_detections().len()
    };
    assert_eq!(count(Meaning::Text), 2);
    assert_eq!(count(Meaning::Identifier(Label::MRN)), 0);
    assert_eq!(detector.rules().len(), 22);
    assert!(detector.version().starts_with("phi-text "));
}

#[test]
fn code_points_count_characters() {
    let text = "😀 Dr. Vane, 🩺 MRN: 00482913";
    let found = Scanner::new().unwrap().scan(text, None).unwrap();
    let chars: Vec<char> = text.chars().collect();
    let parts: Vec<String> = code_points(text, &found)
        .into_iter()
        .map(|(start, end)| chars[start..end].iter().collect())
        .collect();
    assert_eq!(parts, ["Vane", "00482913"]);
}
