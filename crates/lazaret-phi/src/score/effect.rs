//! What a change of the detector does to marked notes: the figures before and after, and the places where it tells.

use crate::corpus::{Characters, CorpusError, Mark, Note};
use crate::score::{ANY, Hits, Labels, Score, Scorer, Unit, is_space, painted};

/// The figures of one side, labels ignored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Figures {
    /// Overlapping hits: gold spans found, predictions that are right.
    pub hits: Hits,
    /// Characters of gold spans that are not white space.
    pub phi: u64,
    /// Those that are left in the text.
    pub left: u64,
    /// Marked traps that were touched.
    pub traps: u64,
}

/// A place where it tells. Holds text of a note.
#[derive(Clone, PartialEq, Eq)]
pub struct Place {
    /// The note.
    pub id: String,
    /// The gold span's label; empty where there is no gold.
    pub label: String,
    /// The text there.
    pub text: String,
}

/// Places: how many, and the first of them.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Places {
    /// How many.
    pub count: u64,
    /// The first.
    pub first: Vec<Place>,
}

/// What a change does.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Effect {
    /// Notes.
    pub notes: u64,
    /// Before it.
    pub before: Figures,
    /// After it.
    pub after: Figures,
    /// Gold spans of which more is covered.
    pub found: Places,
    /// Gold spans of which less is covered: they pass.
    pub lost: Places,
    /// Predictions on no gold that cover what was uncovered.
    pub masked: Places,
    /// Predictions on no gold whose text is free again, whole or in part.
    pub freed: Places,
}

impl Effect {
    /// Whether it does harm on these notes: a gold span, or more of one, passes, or what is no identifier is masked.
    pub fn is_worse(&self) -> bool {
        self.lost.count > 0 || self.masked.count > 0 || self.after.traps > self.before.traps
    }

    /// Whether it does anything on these notes.
    pub fn is_none(&self) -> bool {
        [&self.found, &self.lost, &self.masked, &self.freed].iter().all(|places| places.count == 0)
    }
}

/// Adds up over notes.
pub struct Comparison {
    scorer: Scorer,
    before: Score,
    after: Score,
    kept: usize,
    effect: Effect,
}

impl Comparison {
    /// Keeps the first so many places of each kind.
    pub fn new(kept: usize) -> Self {
        let labels = Labels { raw: true, ..Labels::default() };
        let scorer = Scorer { labels, unit: Unit::CodePoint, least_score: None, kept: (0, 0) };
        Self { scorer, before: Score::default(), after: Score::default(), kept, effect: Effect::default() }
    }

    /// Adds a note with what is found in it before and after, in code points.
    pub fn add(&mut self, note: &Note, before: &[Mark], after: &[Mark]) -> Result<(), CorpusError> {
        self.scorer.add(&mut self.before, note, Some(before))?;
        self.scorer.add(&mut self.after, note, Some(after))?;
        self.effect.notes += 1;
        let characters = Characters::of(&note.text);
        let count = characters.count();
        let spans = |marks: &[Mark]| painted(count, marks.iter().map(|mark| (mark.start, mark.end)));
        let (was, is) = (spans(before), spans(after));
        if was == is {
            return Ok(());
        }
        let gold = spans(&note.marks);
        let neutral = painted(count, note.neutral.iter().copied());
        let solid: Vec<bool> = note.text.chars().map(|character| !is_space(character)).collect();
        let covered = |flags: &[bool], (start, end): (usize, usize)| {
            let flags = flags.get(start..end).unwrap_or(&[]).iter();
            flags.zip(solid.get(start..end).unwrap_or(&[])).filter(|(flag, solid)| **flag && **solid).count()
        };
        let all = |(start, end): (usize, usize)| {
            solid.get(start..end).unwrap_or(&[]).iter().filter(|solid| **solid).count()
        };
        let place = |(start, end): (usize, usize), label: &str| Place {
            id: note.id.clone(),
            label: label.to_owned(),
            text: characters.get(start, end).unwrap_or("").to_owned(),
        };
        let mut seen = std::collections::BTreeSet::new();
        for mark in note.marks.iter().filter(|mark| seen.insert((mark.start, mark.end))) {
            let span = (mark.start, mark.end);
            let (before, after) = (covered(&was, span), covered(&is, span));
            let places = if after > before { &mut self.effect.found } else { &mut self.effect.lost };
            if after != before {
                places.add(self.kept, || place(span, &mark.label));
            }
        }
        let of_no_gold = |mark: &&Mark| {
            let flags = gold.get(mark.start..mark.end).unwrap_or(&[]);
            !flags.contains(&true) && neutral.get(mark.start..mark.end).unwrap_or(&[]).contains(&false)
        };
        for (marks, other, places) in
            [(after, &was, &mut self.effect.masked), (before, &is, &mut self.effect.freed)]
        {
            for mark in marks.iter().filter(of_no_gold) {
                let span = (mark.start, mark.end);
                if covered(other, span) < all(span) {
                    places.add(self.kept, || place(span, ""));
                }
            }
        }
        Ok(())
    }

    /// What it came to.
    pub fn effect(self) -> Effect {
        let figures = |score: &Score| Figures {
            hits: score.overlap.get(ANY).copied().unwrap_or_default(),
            phi: score.phi,
            left: score.phi.saturating_sub(score.phi_covered),
            traps: score.traps.values().map(|(_, masked)| masked).sum(),
        };
        Effect { before: figures(&self.before), after: figures(&self.after), ..self.effect }
    }
}

impl Places {
    fn add(&mut self, kept: usize, place: impl FnOnce() -> Place) {
        self.count += 1;
        if self.first.len() < kept {
            self.first.push(place());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mark(start: usize, end: usize) -> Mark {
        Mark { start, end, label: "NAME".to_owned(), sub: None, score: None }
    }

    fn note(marks: Vec<Mark>) -> Note {
        let text = "Ana Rook met Larkspur at bay seven".to_owned();
        Note { id: "n".to_owned(), text, marks, neutral: vec![(25, 34)], traps: Vec::new() }
    }

    fn effect(gold: Vec<Mark>, before: &[Mark], after: &[Mark]) -> Effect {
        let mut comparison = Comparison::new(1);
        comparison.add(&note(gold), before, after).unwrap();
        comparison.effect()
    }

    fn first(places: &Places) -> (u64, &str) {
        (places.count, places.first.first().map_or("", |place| place.text.as_str()))
    }

    #[test]
    fn what_passes_what_is_found_and_what_is_masked_stand_apart() {
        let gold = || vec![mark(0, 8)];
        let allowed = effect(gold(), &[mark(0, 8), mark(13, 21)], &[mark(0, 3)]);
        assert_eq!((first(&allowed.lost), first(&allowed.freed)), ((1, "Ana Rook"), (1, "Larkspur")));
        assert_eq!((first(&allowed.found).0, first(&allowed.masked).0), (0, 0));
        assert!(allowed.is_worse());
        assert_eq!((allowed.before.left, allowed.after.left, allowed.after.phi), (0, 4, 7));
        assert_eq!((allowed.before.hits.right, allowed.before.hits.predicted), (1, 2));

        let denied = effect(gold(), &[], &[mark(0, 8)]);
        assert_eq!((first(&denied.found), denied.is_worse()), ((1, "Ana Rook"), false));
        let too_wide = effect(gold(), &[mark(0, 8)], &[mark(0, 8), mark(13, 21)]);
        assert_eq!((first(&too_wide.masked), too_wide.is_worse()), ((1, "Larkspur"), true));
        // Neutral text may be masked or not; the same spans with other borders are no change.
        let neutral = effect(gold(), &[mark(0, 8)], &[mark(0, 8), mark(25, 34)]);
        assert!(neutral.is_none() && !neutral.is_worse());
        assert!(effect(gold(), &[mark(0, 8)], &[mark(0, 4), mark(4, 8)]).is_none());
    }
}
