//! The weights belong to the lists and templates that they are said to be learnt from, and learning is the same each time.

use lazaret_phi::model::{Lesson, Tag, train};

use crate::inputs::{BASIS, catalogue, fnv, line};

#[test]
#[expect(clippy::disallowed_methods, reason = "a test reads the repository's own weights")]
fn the_weights_are_learnt_from_the_lists_and_templates_as_they_are() {
    let weights = std::fs::read(catalogue().join("weights.bin")).unwrap();
    let beside = std::fs::read_to_string(catalogue().join("weights.inputs")).unwrap();
    assert_eq!(
        beside,
        line(&weights).unwrap(),
        "lists or templates have changed: cargo run --release -p lazaret-phi --example train -- catalogue/phi/weights.bin"
    );
}

/// A few lessons that no file holds: whoever changes features, hashes or arithmetic sees it here and trains anew.
#[test]
fn the_same_lessons_give_the_same_weights() {
    let lesson = |text: &str, spans: &[(&str, Tag)]| Lesson {
        text: text.to_owned(),
        spans: spans
            .iter()
            .map(|(part, tag)| {
                let start = text.find(part).unwrap();
                (start, start + part.len(), *tag)
            })
            .collect(),
    };
    let lessons = [
        lesson("Seen with her aunt Quillmoor today.", &[("Quillmoor", Tag::Person)]),
        lesson("She flew in from Zorvany.", &[("Zorvany", Tag::Town)]),
        lesson("Lives at 12 Fenwick Lane.", &[("12 Fenwick Lane", Tag::Street)]),
        lesson("Sent by Fern Bay Clinic.", &[("Fern Bay Clinic", Tag::Organisation)]),
        lesson("Crohn colitis, Humira given.", &[]),
    ];
    let weights = || train(&lessons, 3, [0, 200, 150, 150, 200]);
    assert_eq!(weights(), weights());
    assert_eq!(fnv(&weights(), BASIS), PINNED, "train anew, then pin this");
}

const PINNED: u64 = 13_400_340_006_944_433_285;
