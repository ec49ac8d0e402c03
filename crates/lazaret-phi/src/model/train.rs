//! How the weights are learnt: an averaged perceptron with a margin (Freund and Schapire 1999; Krauth and Mézard 1987).

use super::{MAGIC, ROWS, TAGS, Tag, ZERO, best, walk};
use crate::view::{Note, Token};

/// How many steps of a stored weight make one step of training.
const SCALE: i64 = 12;
/// How far ahead of every other tag the truth must be: what is right by less is learnt from too.
const AHEAD: i32 = 12;

/// A text to learn from: what is not in a span is nothing.
#[derive(Debug, Clone)]
pub struct Lesson {
    /// The text, in ASCII or as it is when folded.
    pub text: String,
    /// Start, end and tag of what identifies.
    pub spans: Vec<(usize, usize, Tag)>,
}

impl Lesson {
    fn tag(&self, token: &Token) -> Tag {
        let at = self.spans.partition_point(|(_, end, _)| *end <= token.start);
        self.spans.get(at).filter(|(start, _, _)| *start < token.end).map_or(Tag::Other, |(_, _, tag)| *tag)
    }
}

/// Learns weights from lessons, in their order. The margins are how far ahead a guess must be to be reported.
pub fn train(lessons: &[Lesson], rounds: usize, margins: [u16; TAGS]) -> Vec<u8> {
    let mut weights = vec![0_i32; ROWS * TAGS];
    let mut sums = vec![0_i64; ROWS * TAGS];
    let mut step = 1_i64;
    for round in 0..rounds {
        for lesson in lessons {
            let note = Note::new(&lesson.text);
            let taken = vec![None; note.tokens().len()];
            walk(&note, &taken, |index, _, rows| {
                let truth = note.tokens().get(index).map_or(Tag::Other, |token| lesson.tag(token));
                let rows = rows.iter().map(|row| usize::from(*row));
                let mut scores = [0; TAGS];
                for row in rows.clone() {
                    for (score, weight) in scores.iter_mut().zip(weights.get(row * TAGS..).unwrap_or(&[])) {
                        *score += weight;
                    }
                }
                let guess = best(&scores);
                // The nearest other tag: the truth must be ahead of it by some way, not just by a hair.
                let ahead = scores.get(truth.column()).copied().unwrap_or(0);
                let rival = Tag::ALL
                    .into_iter()
                    .filter(|tag| *tag != truth)
                    .max_by_key(|tag| scores.get(tag.column()).copied().unwrap_or(0));
                let near = rival.filter(|tag| ahead - scores.get(tag.column()).copied().unwrap_or(0) < AHEAD);
                if let Some(rival) = near {
                    for row in rows {
                        for (tag, change) in [(truth, 1), (rival, -1)] {
                            let at = row * TAGS + tag.column();
                            if let (Some(weight), Some(sum)) = (weights.get_mut(at), sums.get_mut(at)) {
                                *weight += change;
                                *sum += i64::from(change) * step;
                            }
                        }
                    }
                }
                step += 1;
                // At first the words before are as they should be, later as they are guessed.
                if round == 0 { truth } else { guess }
            });
        }
    }
    let mut out = MAGIC.to_vec();
    out.extend(margins.iter().flat_map(|margin| margin.to_le_bytes()));
    out.extend(weights.iter().zip(&sums).map(|(weight, sum)| {
        // The mean of the weight over all steps.
        let mean = (i64::from(*weight) * step - sum) * SCALE / step;
        u8::try_from((mean + i64::from(ZERO)).clamp(0, 255)).unwrap_or(0)
    }));
    out
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
