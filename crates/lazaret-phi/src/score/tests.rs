//! Figures worked out by hand, and the fast overlap against the plain one.

use proptest::prelude::*;

use super::*;
use crate::corpus::Trap;

fn mark(start: usize, end: usize, label: &str) -> Mark {
    Mark { start, end, label: label.to_owned(), sub: None, score: None }
}

fn note(text: &str, marks: Vec<Mark>) -> Note {
    Note { id: "n".to_owned(), text: text.to_owned(), marks, neutral: Vec::new(), traps: Vec::new() }
}

fn scorer() -> Scorer {
    Scorer { labels: Labels::default(), unit: Unit::CodePoint, least_score: None, kept: (9, 9) }
}

fn scored(note: &Note, predicted: &[Mark]) -> Score {
    let mut score = Score::default();
    scorer().add(&mut score, note, Some(predicted)).unwrap();
    score
}

fn hits(found: u64, gold: u64, right: u64, predicted: u64) -> Hits {
    Hits { found, gold, right, predicted }
}

#[test]
fn overlaps_duplicates_and_labels_by_hand() {
    // Seen: two gold spans; one found exactly but for its label, one in part by two predictions, one prediction on
    // nothing, and each duplicate once.
    let note = note("abc def ghi jkl", vec![mark(0, 3, "NAME"), mark(4, 11, "DATE"), mark(4, 11, "DATE")]);
    let predicted = [
        mark(0, 3, "MRN"),
        mark(0, 3, "MRN"),
        mark(4, 7, "DATE_TIME"),
        mark(4, 7, "DOB"),
        mark(6, 7, "NAME"),
        mark(12, 15, "NAME"),
    ];
    let score = scored(&note, &predicted);
    assert_eq!(score.exact["DATE"], hits(0, 1, 0, 1));
    assert_eq!(score.overlap["DATE"], hits(1, 1, 1, 1));
    assert_eq!(score.overlap["NAME"], hits(0, 1, 0, 2));
    assert_eq!(score.overlap["ID"], hits(0, 0, 0, 1));
    assert_eq!(score.exact[ANY], hits(1, 2, 1, 4));
    assert_eq!(score.overlap[ANY], hits(2, 2, 3, 4));
    // White space is no character here: 3 + 6 of gold, 3 + 3 of them covered; of the 3 others all.
    assert_eq!((score.phi, score.phi_covered, score.other, score.other_covered), (9, 6, 3, 3));
    assert_eq!((score.in_part, score.missed, score.leaky), (1, 0, 1));
    assert_eq!((score.found, score.right), (2, 1));
    assert_eq!(score.kinds["DATE"], Coverage { spans: 1, whole: 0, untouched: 0, characters: 6, covered: 3 });
    assert_eq!((score.on_no_gold, score.misses.len()), (1, 1));
    assert_eq!(score.falses, [("n".to_owned(), "jkl".to_owned())]);
}

#[test]
fn neutral_text_traps_and_ties() {
    let mut note = note("abc def ghi", vec![mark(0, 3, "NAME")]);
    note.neutral = vec![(4, 7)];
    note.traps = vec![Trap { start: 8, end: 11, kind: "dose".to_owned() }];
    let score =
        scored(&note, &[mark(4, 7, "DATE"), mark(10, 11, "DATE"), mark(0, 3, "NAME"), mark(0, 3, "AGE")]);
    assert_eq!(score.overlap[ANY], hits(1, 1, 1, 2));
    assert_eq!((score.other, score.other_covered), (3, 1));
    assert_eq!(score.traps["dose"], (1, 1));
    assert_eq!((score.found, score.right), (1, 0), "tied under two labels");
    let surer = Mark { score: Some(0.9), ..mark(0, 3, "NAME") };
    assert_eq!(scored(&note, &[surer, mark(0, 3, "AGE")]).right, 1);
}

#[test]
fn units_and_bad_offsets() {
    let note = note("\u{1f600}ab", vec![mark(1, 2, "NAME")]);
    let mut score = Score::default();
    for (unit, start, end) in [(Unit::CodePoint, 1, 2), (Unit::Byte, 4, 5), (Unit::Utf16, 2, 3)] {
        let scorer = Scorer { unit, ..scorer() };
        scorer.add(&mut score, &note, Some(&[mark(start, end, "NAME")])).unwrap();
    }
    assert_eq!(score.exact["NAME"], hits(3, 3, 3, 3));
    let told = |unit, start, end| {
        let scorer = Scorer { unit, ..scorer() };
        scorer.add(&mut Score::default(), &note, Some(&[mark(start, end, "X")])).unwrap_err().to_string()
    };
    assert!(told(Unit::Byte, 1, 4).contains("offset 1 is not on a character boundary"));
    assert!(told(Unit::Utf16, 1, 3).contains("offset 1 is not"));
    assert!(told(Unit::CodePoint, 1, 9).contains("span 1..9 is outside the text of 3 characters"));
    assert!(told(Unit::CodePoint, 2, 2).contains("is empty"));
    assert!(told(Unit::CodePoint, 2, 1).contains("is empty"));
}

#[test]
fn a_note_without_prediction_is_counted() {
    let mut score = Score::default();
    scorer().add(&mut score, &note("ab", vec![mark(0, 2, "NAME")]), None).unwrap();
    assert_eq!((score.absent, score.missed, score.leaky), (1, 1, 1));
    assert_eq!(score.overlap["NAME"].recall(), Some(0.0));
    assert_eq!(score.overlap["NAME"].precision(), None);
}

fn spans() -> impl Strategy<Value = Vec<(usize, usize)>> {
    prop::collection::vec((0_usize..30, 1_usize..10), 0..12)
        .prop_map(|spans| spans.into_iter().map(|(start, length)| (start, start + length)).collect())
}

proptest! {
    #[test]
    fn what_overlaps_is_what_the_plain_loop_says(all in spans(), asked in spans()) {
        let reach = Reach::of(all.iter().copied());
        for (start, end) in asked {
            prop_assert_eq!(reach.touches(start, end), all.iter().any(|(b, e)| start < *e && *b < end));
            prop_assert_eq!(reach.holds(start, end), all.iter().any(|(b, e)| *b <= start && end <= *e));
        }
    }

    #[test]
    fn what_is_predicted_right_is_all_right(gold in spans()) {
        let marks: Vec<Mark> = gold.iter().map(|(start, end)| mark(*start, *end, "NAME")).collect();
        let score = scored(&note(&"x".repeat(40), marks.clone()), &marks);
        prop_assert_eq!(score.phi, score.phi_covered);
        prop_assert_eq!((score.found, score.other_covered), (score.right, 0));
        prop_assert!(score.overlap.values().all(|hits| hits.found == hits.gold && hits.right == hits.predicted));
    }
}
