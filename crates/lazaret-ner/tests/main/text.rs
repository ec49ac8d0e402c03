//! Texts read with a tiny model: places, words, windows, thresholds.

use lazaret_core::Limits;
use lazaret_ner::{LocalModel, ModelSettings};
use lazaret_phi::TokenClassifier as _;

use crate::tiny::Tiny;

fn open(tiny: &Tiny, settings: &ModelSettings) -> LocalModel {
    let folder = tempfile::tempdir().unwrap();
    tiny.write(folder.path());
    LocalModel::open(folder.path(), settings, &Limits::default()).unwrap()
}

fn marks(model: &LocalModel, text: &str) -> Vec<(usize, String, String)> {
    let marks = model.classify(text).unwrap();
    let part = |mark: &lazaret_phi::Marked| text.get(mark.span.start..mark.span.end).unwrap().to_owned();
    marks.iter().map(|mark| (mark.span.start, part(mark), mark.label.to_string())).collect()
}

fn one(at: usize, text: &str, label: &str) -> (usize, String, String) {
    (at, text.to_owned(), label.to_owned())
}

#[test]
fn words_of_one_label_are_one_span_and_pieces_whole_words() {
    let model = open(&Tiny::new(), &ModelSettings::default());
    let text = "b\u{f6}ses \u{533b}\u{9662}: Zorblat Quen, ZORBLAT\nquen in GlimmerHall annexe";
    let found = marks(&model, text);
    let at = |word: &str| text.find(word).unwrap();
    let wanted = [
        one(at("Zorblat"), "Zorblat Quen", "NAME.patient"),
        one(at("ZORBLAT"), "ZORBLAT", "NAME.patient"),
        // Not over a line's end
        one(at("quen"), "quen", "NAME.patient"),
        // The two pieces of the first word begin one stretch
        one(at("Glimmer"), "GlimmerHall annexe", "HOSPITAL"),
    ];
    assert_eq!(found, wanted);
    // Two that begin are two.
    assert_eq!(marks(&model, "zorblat zorblat quen").len(), 2);
    // The first piece says it, the last one does not.
    assert_eq!(marks(&model, "a zorblatish"), [one(2, "zorblatish", "NAME.patient")]);
    assert_eq!(marks(&model, ""), []);
    assert_eq!(marks(&model, " \n\u{200b}"), []);
}

#[test]
fn a_long_text_is_read_to_its_end_in_windows() {
    let model = open(&Tiny::new(), &ModelSettings::default());
    // 14 pieces fit between the first and the last of 16 positions: names at every place of a window.
    let mut text = String::new();
    let mut wanted = Vec::new();
    for number in 0..3_000 {
        text.push_str(["caf\u{e9} ", "x ", "\u{1f600} ", "y, "][number % 4]);
        if number % 7 == 0 {
            wanted.push(one(text.len(), "glimmerhall annexe", "HOSPITAL"));
            text.push_str("glimmerhall annexe ");
        }
    }
    assert!(text.len() > 16 << 10, "more than one chunk of the tokenizer");
    assert_eq!(marks(&model, &text), wanted);
    let unbroken = format!("{}zorblat", "\u{e9}".repeat(20_000));
    assert_eq!(marks(&model, &unbroken), []); // one word, longer than any of the vocabulary
}

#[test]
fn the_threshold_is_the_probability_that_a_word_identifies() {
    let sure = |threshold: f32| {
        let model = open(&Tiny::new(), &ModelSettings { threshold, ..ModelSettings::default() });
        model.classify("maybe zorblat").unwrap()
    };
    let marked = sure(0.01);
    assert_eq!(marked.len(), 2);
    let (maybe, name) = (marked[0].confidence.value(), marked[1].confidence.value());
    assert!((0.4..0.6).contains(&maybe) && name > 0.99, "{maybe} {name}");
    assert_eq!(sure(maybe - 0.01).len(), 2);
    assert_eq!(sure(maybe + 0.01).len(), 1);
    assert_eq!(sure(1.0).len(), 0);
}

#[test]
fn the_settings_say_what_labels_are() {
    let own = [("patient".to_owned(), None), ("HOSPITAL".to_owned(), Some(lazaret_core::Label::CITY))];
    let settings = ModelSettings { labels: own.into(), ..ModelSettings::default() };
    let model = open(&Tiny::new(), &settings);
    assert_eq!(marks(&model, "zorblat of glimmerhall"), [one(11, "glimmerhall", "LOCATION.city")]);
}

#[test]
fn the_version_tells_weights_and_settings_apart() {
    let version = |tiny: &Tiny, settings: &ModelSettings| open(tiny, settings).version();
    let plain = version(&Tiny::new(), &ModelSettings::default());
    assert_eq!(plain, version(&Tiny::new(), &ModelSettings::default()));
    let digest = plain.strip_prefix("sha256:").unwrap().split(' ').next().unwrap();
    assert_eq!(digest.len(), 64);
    let pinned = ModelSettings { sha256: Some(digest.to_owned()), ..ModelSettings::default() };
    assert_eq!(version(&Tiny::new(), &pinned), plain);
    let other = version(&Tiny::new(), &ModelSettings { threshold: 0.4, ..ModelSettings::default() });
    assert!(other.contains(digest) && other != plain);
    let mut tiny = Tiny::new();
    tiny.tensors.get_mut("classifier.bias").unwrap().1[0] = 0.5;
    assert!(!version(&tiny, &ModelSettings::default()).contains(digest));
}

#[test]
fn scores_beyond_all_numbers_fail_the_text() {
    let mut tiny = Tiny::new();
    // Finite weights whose product is not: the word alone breaks it, and the folder opens.
    let row = &mut tiny.tensors.get_mut("classifier.weight").unwrap().1;
    row[2 * 16 + 2] = f32::MAX;
    let model = open(&tiny, &ModelSettings::default());
    assert_eq!(marks(&model, "zorblat"), [one(0, "zorblat", "NAME.patient")]);
    let error = model.classify("zorblat quen").unwrap_err().to_string();
    assert!(error.contains("what is no number"), "{error}");
}
