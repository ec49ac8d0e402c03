//! How the weights are learnt: an averaged perceptron with a margin (Freund and Schapire 1999; Krauth and Mézard 1987).

use lazaret_core::Kind;

use super::features::{Row, place};
use super::numbers::{self, Known, Sort, sort_of};
use super::{ROWS, TAGS, Tag, ZERO, walk};
use crate::view::{Note, Token};

/// How many steps of a stored weight make one step of training.
const SCALE: i64 = 12;
/// How far ahead of every other answer the truth must be: what is right by less is learnt from too.
const AHEAD: i32 = 12;

/// A text to learn from: what is not in a span is nothing.
#[derive(Debug, Clone)]
pub struct Lesson {
    /// The text, in ASCII or as it is when folded.
    pub text: String,
    /// Start, end and tag of what identifies.
    pub spans: Vec<(usize, usize, Tag)>,
}

/// A text to learn numbers from: a number that is not in a span is nothing that identifies.
#[derive(Debug, Clone)]
pub struct NumberLesson {
    /// The text, in ASCII or as it is when folded.
    pub text: String,
    /// Start, end and kind of what identifies, in order; without a kind what may be judged either way.
    pub spans: Vec<(usize, usize, Option<Kind>)>,
}

/// The span that a word is in, of spans in order.
fn span_of<'s, T>(spans: &'s [(usize, usize, T)], token: &Token) -> Option<&'s (usize, usize, T)> {
    let at = spans.partition_point(|(_, end, _)| *end <= token.start);
    spans.get(at).filter(|(start, _, _)| *start < token.end)
}

/// Learns the weights of words from lessons, in their order. The margins are how far ahead a guess must be to be reported.
pub fn train(lessons: &[Lesson], rounds: usize, margins: [u16; TAGS]) -> Vec<u8> {
    let mut learner = Learner::<TAGS>::new();
    for round in 0..rounds {
        for lesson in lessons {
            let note = Note::new(&lesson.text);
            let taken = vec![None; note.tokens().len()];
            walk(&note, &taken, |index, _, rows| {
                let word = note.tokens().get(index);
                let span = word.and_then(|word| span_of(&lesson.spans, word));
                let truth = span.map_or(Tag::Other, |(_, _, tag)| *tag);
                let guess = learner.learn(rows, truth.column());
                // At first the words before are as they should be, later as they are guessed.
                if round == 0 { truth } else { Tag::ALL.get(guess).copied().unwrap_or(Tag::Other) }
            });
        }
    }
    learner.stored(*super::MAGIC, margins)
}

/// Learns the weights of numbers from lessons, in their order.
pub fn train_numbers(lessons: &[NumberLesson], rounds: usize, margins: [u16; numbers::SORTS]) -> Vec<u8> {
    let mut learner = Learner::<{ numbers::SORTS }>::new();
    for round in 0..rounds {
        for lesson in lessons {
            let note = Note::new(&lesson.text);
            let known: Vec<Known> = note
                .tokens()
                .iter()
                .map(|token| match span_of(&lesson.spans, token) {
                    Some((_, _, kind)) => {
                        Known { kind: *kind, settled: kind.is_none_or(|kind| sort_of(kind).is_none()) }
                    }
                    None => Known::default(),
                })
                .collect();
            numbers::walk(&note, &known, |run, rows| {
                let kind =
                    known.get(run.first..=run.last).and_then(|words| words.iter().find_map(|word| word.kind));
                let truth = kind.and_then(sort_of).unwrap_or(Sort::Other);
                let guess = learner.learn(rows, truth.column());
                if round == 0 { truth } else { Sort::ALL.get(guess).copied().unwrap_or(Sort::Other) }
            });
        }
    }
    learner.stored(*numbers::MAGIC, margins)
}

/// Weights while they are learnt.
struct Learner<const ANSWERS: usize> {
    weights: Vec<[i32; ANSWERS]>,
    /// Each change times the step it was made at.
    sums: Vec<[i64; ANSWERS]>,
    step: i64,
}

impl<const ANSWERS: usize> Learner<ANSWERS> {
    fn new() -> Self {
        Self { weights: vec![[0; ANSWERS]; ROWS], sums: vec![[0; ANSWERS]; ROWS], step: 1 }
    }

    /// Learns from one decision, and gives what would have been answered.
    fn learn(&mut self, rows: &[Row], truth: usize) -> usize {
        let mut scores = [0; ANSWERS];
        for row in rows {
            let weights = self.weights.get(place(*row)).copied().unwrap_or([0; ANSWERS]);
            for (score, weight) in scores.iter_mut().zip(weights) {
                *score += weight;
            }
        }
        let score = |answer: usize| scores.get(answer).copied().unwrap_or(0);
        let guess = super::best(&scores);
        // The nearest other answer: the truth must be ahead of it by some way, not just by a hair.
        let rival = (0..ANSWERS).filter(|answer| *answer != truth).max_by_key(|answer| score(*answer));
        if let Some(rival) = rival.filter(|rival| score(truth) - score(*rival) < AHEAD) {
            for row in rows {
                self.change(place(*row), truth, 1);
                self.change(place(*row), rival, -1);
            }
        }
        self.step += 1;
        guess
    }

    fn change(&mut self, row: usize, answer: usize, by: i32) {
        if let (Some(weight), Some(sum)) = (
            self.weights.get_mut(row).and_then(|row| row.get_mut(answer)),
            self.sums.get_mut(row).and_then(|row| row.get_mut(answer)),
        ) {
            *weight += by;
            *sum += i64::from(by) * self.step;
        }
    }

    /// The file: what it begins with, the margins, and for each row a byte an answer.
    fn stored(&self, magic: [u8; 4], margins: [u16; ANSWERS]) -> Vec<u8> {
        let mut out = magic.to_vec();
        out.extend(margins.iter().flat_map(|margin| margin.to_le_bytes()));
        let all = self.weights.iter().flatten().zip(self.sums.iter().flatten());
        out.extend(all.map(|(weight, sum)| {
            // The mean of the weight over all steps.
            let mean = (i64::from(*weight) * self.step - sum) * SCALE / self.step;
            u8::try_from((mean + i64::from(ZERO)).clamp(0, 255)).unwrap_or(0)
        }));
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Model;

    fn lessons() -> Vec<Lesson> {
        let names = ["Quillby", "Fenwrack", "Orrisdale", "Tambley"];
        names
            .iter()
            .flat_map(|name| {
                let start = "I spoke with ".len();
                [
                    Lesson {
                        text: format!("I spoke with {name} about it"),
                        spans: vec![(start, start + name.len(), Tag::Person)],
                    },
                    Lesson { text: "Scan of Chest with Contrast".to_owned(), spans: Vec::new() },
                ]
            })
            .collect()
    }

    #[test]
    fn the_same_lessons_give_the_same_weights_which_know_what_they_taught() {
        let bytes = train(&lessons(), 5, [0; TAGS]);
        assert_eq!(bytes, train(&lessons(), 5, [0; TAGS]));
        let model = Model::parse(&bytes).unwrap();
        let text = "I spoke with Umberlow about it";
        let found: Vec<_> =
            model.guess_alone(text).iter().map(|g| (text.get(g.start..g.end).unwrap(), g.tag)).collect();
        assert_eq!(found, [("Umberlow", Tag::Person)]);
        assert!(model.guess_alone("Scan of Chest with Contrast").is_empty());
    }
}
