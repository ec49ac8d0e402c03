//! The weights belong to the lists and templates that they are said to be learnt from, and learning is the same each time.

use lazaret_core::Kind;
use lazaret_phi::model::{Lesson, NumberLesson, Tag, train, train_numbers};

use crate::inputs::{BASIS, catalogue, fnv, line};

#[test]
#[expect(clippy::disallowed_methods, reason = "a test reads the repository's own weights")]
fn the_weights_are_learnt_from_the_lists_and_templates_as_they_are() {
    let words = std::fs::read(catalogue().join("weights.bin")).unwrap();
    let numbers = std::fs::read(catalogue().join("numbers.bin")).unwrap();
    let beside = std::fs::read_to_string(catalogue().join("weights.inputs")).unwrap();
    assert_eq!(
        beside,
        line(&words, &numbers).unwrap(),
        "lists, templates or notes have changed: cargo run --release -p lazaret-phi --example train -- catalogue/phi"
    );
}

/// Where these parts of a text are.
fn places<T: Copy>(text: &str, parts: &[(&str, T)]) -> Vec<(usize, usize, T)> {
    let place = |(part, what): &(&str, T)| {
        let start = text.find(part).unwrap();
        (start, start + part.len(), *what)
    };
    parts.iter().map(place).collect()
}

/// A few lessons that no file holds: whoever changes features, hashes or arithmetic sees it here and trains anew.
#[test]
fn the_same_lessons_give_the_same_weights() {
    let lesson =
        |text: &str, parts: &[(&str, Tag)]| Lesson { text: text.to_owned(), spans: places(text, parts) };
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

/// The same of numbers.
#[test]
fn the_same_lessons_give_the_same_weights_of_numbers() {
    let lesson = |text: &str, parts: &[(&str, Option<Kind>)]| NumberLesson {
        text: text.to_owned(),
        spans: places(text, parts),
    };
    let lessons = [
        lesson("Locker tag QX-4471 kept", &[("QX-4471", Some(Kind::OtherId))]),
        lesson("Next labs 2/19 fasting", &[("2/19", Some(Kind::Date))]),
        lesson("Aunt Orrel, 94, lives alone", &[("Orrel", Some(Kind::Name)), ("94", Some(Kind::Age))]),
        lesson("Strength 4/5, HR 94, 12 units", &[]),
    ];
    let weights = || train_numbers(&lessons, 3, [0, 100, 100, 100]);
    assert_eq!(weights(), weights());
    assert_eq!(fnv(&weights(), BASIS), PINNED_NUMBERS, "train anew, then pin this");
}

const PINNED_NUMBERS: u64 = 6_189_787_524_512_606_197;
const PINNED: u64 = 15_845_272_206_236_671_927;
