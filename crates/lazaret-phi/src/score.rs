//! Predicted spans against gold spans.
//!
//! A predicted span is exact if start, end and label are a gold span's, and overlaps if it shares a character with one
//! of its label. `ANY` is the same with labels ignored. Recall over characters is that of all characters of gold spans
//! that are not white space; over-redaction that of all others. A prediction within neutral text is neither right nor
//! wrong. A span that stands twice counts once.

#![expect(clippy::cast_precision_loss, reason = "counts of spans and characters are far below 2^53")]

use std::collections::{BTreeMap, BTreeSet};

use crate::corpus::{Characters, CorpusError, Mark, Note};

pub mod effect;
mod labels;
pub mod wilson;

pub use labels::Labels;

/// The name under which labels are ignored.
pub const ANY: &str = "ANY";

/// In what the offsets of predictions count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Unit {
    /// Unicode code points.
    #[default]
    CodePoint,
    /// Bytes of UTF-8.
    Byte,
    /// Units of UTF-16.
    Utf16,
}

/// Hits among gold spans and among predictions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Hits {
    /// Gold spans that were found.
    pub found: u64,
    /// Gold spans.
    pub gold: u64,
    /// Predictions that are right.
    pub right: u64,
    /// Predictions.
    pub predicted: u64,
}

impl Hits {
    /// The share of predictions that are right.
    pub fn precision(&self) -> Option<f64> {
        share(self.right, self.predicted)
    }

    /// The share of gold spans that were found.
    pub fn recall(&self) -> Option<f64> {
        share(self.found, self.gold)
    }

    /// The F measure that weighs recall `beta` times precision, squared: 1 or 4.
    pub fn f(&self, beta_squared: f64) -> f64 {
        match (self.precision(), self.recall()) {
            (Some(p), Some(r)) if p + r > 0.0 => (1.0 + beta_squared) * p * r / (beta_squared * p + r),
            _ => 0.0,
        }
    }
}

/// A share; none of none.
pub fn share(part: u64, of: u64) -> Option<f64> {
    (of > 0).then(|| part as f64 / of as f64)
}

/// How well the spans of one gold label are covered, whatever the predicted label.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Coverage {
    /// Spans.
    pub spans: u64,
    /// Spans wholly covered.
    pub whole: u64,
    /// Spans of which nothing is covered.
    pub untouched: u64,
    /// Characters that are not white space.
    pub characters: u64,
    /// Such characters covered.
    pub covered: u64,
}

/// A gold span that is not wholly covered.
#[derive(Clone, PartialEq, Eq)]
pub struct Miss {
    /// The note.
    pub id: String,
    /// Its label, folded.
    pub label: String,
    /// Its text.
    pub text: String,
    /// Whether a part of it is covered.
    pub in_part: bool,
}

/// All figures.
#[derive(Clone, Default)]
pub struct Score {
    /// Notes.
    pub notes: u64,
    /// Notes without a prediction.
    pub absent: u64,
    /// Notes with a character of a gold span uncovered.
    pub leaky: u64,
    /// Same place and label, by label and under [`ANY`].
    pub exact: BTreeMap<String, Hits>,
    /// A character shared and the same label.
    pub overlap: BTreeMap<String, Hits>,
    /// Characters of gold spans.
    pub phi: u64,
    /// Those covered.
    pub phi_covered: u64,
    /// Characters outside gold and neutral spans.
    pub other: u64,
    /// Those covered.
    pub other_covered: u64,
    /// Gold spans covered in part.
    pub in_part: u64,
    /// Gold spans not covered at all.
    pub missed: u64,
    /// Traps, by kind: how many, and how many were touched.
    pub traps: BTreeMap<String, (u64, u64)>,
    /// Gold spans that share a character with a prediction.
    pub found: u64,
    /// Those whose best prediction has the right label.
    pub right: u64,
    /// By the gold file's own labels.
    pub kinds: BTreeMap<String, Coverage>,
    /// By the gold file's own labels and sub-labels.
    pub subs: BTreeMap<String, Coverage>,
    /// Gold spans not wholly covered, the first of them.
    pub misses: Vec<Miss>,
    /// How many there are.
    pub missed_or_in_part: u64,
    /// Predictions on no gold: note and text, the first of them.
    pub falses: Vec<(String, String)>,
    /// How many there are.
    pub on_no_gold: u64,
}

/// Scores note by note.
pub struct Scorer {
    /// How labels are compared.
    pub labels: Labels,
    /// In what predictions count.
    pub unit: Unit,
    /// Predictions below this score are left out; one without a score is sure.
    pub least_score: Option<f64>,
    /// How many misses are kept, and how many false predictions.
    pub kept: (usize, usize),
}

type Span = (usize, usize, String);

impl Scorer {
    /// Adds one note and what was predicted for it; none where nothing was.
    pub fn add(&self, score: &mut Score, note: &Note, predicted: Option<&[Mark]>) -> Result<(), CorpusError> {
        let characters = Characters::of(&note.text);
        let gold: BTreeSet<Span> = note
            .marks
            .iter()
            .filter_map(|mark| Some((mark.start, mark.end, self.labels.fold(&mark.label)?)))
            .collect();
        let predictions = self.predictions(&note.text, &characters, predicted.unwrap_or(&[]))?;
        score.notes += 1;
        score.absent += u64::from(predicted.is_none());
        let spans: BTreeSet<Span> = predictions.keys().cloned().collect();
        add_labelled(score, &gold, &spans, &note.neutral);
        let any = |spans: &BTreeSet<Span>| spans.iter().map(|(b, e, _)| (*b, *e, ANY.to_owned())).collect();
        let falses = add_labelled(score, &any(&gold), &any(&spans), &note.neutral);
        score.on_no_gold += falses.len() as u64;
        for (start, end) in falses {
            if score.falses.len() < self.kept.1 {
                let text = characters.get(start, end).unwrap_or("").to_owned();
                score.falses.push((note.id.clone(), text));
            }
        }
        self.add_characters(score, note, &characters, &gold, &spans);
        add_right(score, &gold, &predictions);
        Ok(())
    }

    /// The predictions that count, in code points, each with its best score.
    fn predictions(
        &self,
        text: &str,
        characters: &Characters<'_>,
        marks: &[Mark],
    ) -> Result<BTreeMap<Span, f64>, CorpusError> {
        let utf16 = (self.unit == Unit::Utf16).then(|| utf16_begins(text));
        let place = |offset: usize| match self.unit {
            Unit::CodePoint => Ok(offset),
            Unit::Byte => characters.at_byte(offset).ok_or(offset),
            Unit::Utf16 => utf16.as_ref().and_then(|at| at.binary_search(&offset).ok()).ok_or(offset),
        };
        let mut predictions = BTreeMap::new();
        for mark in marks {
            let Some(label) = self.labels.fold(&mark.label) else { continue };
            if self.least_score.is_some_and(|least| mark.score.unwrap_or(1.0) < least) {
                continue;
            }
            let (start, end) =
                place(mark.start).and_then(|start| Ok((start, place(mark.end)?))).map_err(|offset| {
                    CorpusError::new(format!(
                        "offset {offset} is not on a character boundary (wrong --pred-unit?)"
                    ))
                })?;
            characters.check(start, end)?;
            let sure: &mut f64 = predictions.entry((start, end, label)).or_insert(0.0);
            *sure = sure.max(mark.score.unwrap_or(0.0));
        }
        Ok(predictions)
    }

    fn add_characters(
        &self,
        score: &mut Score,
        note: &Note,
        characters: &Characters<'_>,
        gold: &BTreeSet<Span>,
        predicted: &BTreeSet<Span>,
    ) {
        let count = characters.count();
        let places = |spans: &BTreeSet<Span>| painted(count, spans.iter().map(|(b, e, _)| (*b, *e)));
        let (is_gold, is_covered) = (places(gold), places(predicted));
        let is_neutral = painted(count, note.neutral.iter().copied());
        let mut leaks = false;
        // Up to each character: how many are no white space, and how many of these are covered.
        let mut solid = Vec::with_capacity(count.saturating_add(1));
        let (mut all, mut covered) = (0_u64, 0_u64);
        solid.push((0, 0));
        let flags = is_gold.iter().zip(&is_neutral).zip(&is_covered);
        for (character, ((gold, neutral), is_covered)) in note.text.chars().zip(flags) {
            if !is_space(character) {
                let hit = u64::from(*is_covered);
                (all, covered) = (all + 1, covered + hit);
                if *gold {
                    score.phi += 1;
                    score.phi_covered += hit;
                    leaks |= !is_covered;
                } else if !neutral {
                    score.other += 1;
                    score.other_covered += hit;
                }
            }
            solid.push((all, covered));
        }
        score.leaky += u64::from(leaks);
        let within = |start: usize, end: usize| {
            let at = |place: usize| solid.get(place).copied().unwrap_or_default();
            (at(end).0 - at(start).0, at(end).1 - at(start).1)
        };
        for (start, end, label) in gold {
            let (all, covered) = within(*start, *end);
            if covered == all {
                continue;
            }
            let in_part = covered > 0;
            score.in_part += u64::from(in_part);
            score.missed += u64::from(!in_part);
            score.missed_or_in_part += 1;
            if score.misses.len() < self.kept.0 {
                let text = characters.get(*start, *end).unwrap_or("").to_owned();
                score.misses.push(Miss { id: note.id.clone(), label: label.clone(), text, in_part });
            }
        }
        let mut seen = BTreeSet::new();
        for mark in note.marks.iter().filter(|mark| self.labels.fold(&mark.label).is_some()) {
            let (kind, sub) = mark.kind();
            let kind = kind.to_uppercase();
            let name = sub.map_or_else(|| kind.clone(), |sub| format!("{kind}.{sub}"));
            let (all, covered) = within(mark.start, mark.end);
            for (is_sub, key, table) in [(false, kind, &mut score.kinds), (true, name, &mut score.subs)] {
                if seen.insert((is_sub, mark.start, mark.end, key.clone())) {
                    let row = table.entry(key).or_default();
                    row.spans += 1;
                    row.whole += u64::from(covered == all);
                    row.untouched += u64::from(covered == 0);
                    row.characters += all;
                    row.covered += covered;
                }
            }
        }
        // Traps count every character, white space too.
        for trap in &note.traps {
            let row = score.traps.entry(trap.kind.clone()).or_default();
            row.0 += 1;
            let touched = is_covered.get(trap.start..trap.end).unwrap_or(&[]).contains(&true);
            row.1 += u64::from(touched);
        }
    }
}

/// Adds exact and overlapping hits. Gives the predictions on no gold.
fn add_labelled(
    score: &mut Score,
    gold: &BTreeSet<Span>,
    predicted: &BTreeSet<Span>,
    neutral: &[(usize, usize)],
) -> Vec<(usize, usize)> {
    let (of_gold, of_predicted) = (Reach::by_label(gold), Reach::by_label(predicted));
    let neutral = Reach::of(neutral.iter().copied());
    for span in gold {
        let (start, end, label) = span;
        let exact = score.exact.entry(label.clone()).or_default();
        exact.gold += 1;
        exact.found += u64::from(predicted.contains(span));
        let overlap = score.overlap.entry(label.clone()).or_default();
        overlap.gold += 1;
        let is_hit = of_predicted.get(label.as_str()).is_some_and(|reach| reach.touches(*start, *end));
        overlap.found += u64::from(is_hit);
    }
    let mut falses = Vec::new();
    for span in predicted {
        let (start, end, label) = span;
        let is_hit = of_gold.get(label.as_str()).is_some_and(|reach| reach.touches(*start, *end));
        if !is_hit && neutral.holds(*start, *end) {
            continue;
        }
        let exact = score.exact.entry(label.clone()).or_default();
        exact.predicted += 1;
        exact.right += u64::from(gold.contains(span));
        let overlap = score.overlap.entry(label.clone()).or_default();
        overlap.predicted += 1;
        overlap.right += u64::from(is_hit);
        if !is_hit {
            falses.push((*start, *end));
        }
    }
    falses
}

/// Spans by their start, with how far any up to each reaches: what overlaps is told in the logarithm of their number.
#[derive(Default)]
struct Reach {
    starts: Vec<usize>,
    reach: Vec<usize>,
}

impl Reach {
    fn of(spans: impl Iterator<Item = (usize, usize)>) -> Self {
        let mut spans: Vec<_> = spans.collect();
        spans.sort_unstable();
        let mut all = Self::default();
        for (start, end) in spans {
            all.push(start, end);
        }
        all
    }

    fn by_label(spans: &BTreeSet<Span>) -> BTreeMap<&str, Self> {
        let mut all: BTreeMap<&str, Self> = BTreeMap::new();
        // A set gives them by their start.
        for (start, end, label) in spans {
            all.entry(label).or_default().push(*start, *end);
        }
        all
    }

    fn push(&mut self, start: usize, end: usize) {
        self.starts.push(start);
        self.reach.push(self.reach.last().map_or(end, |last| end.max(*last)));
    }

    /// How far the first `count` reach.
    fn up_to(&self, count: usize) -> Option<usize> {
        self.reach.get(count.checked_sub(1)?).copied()
    }

    fn touches(&self, start: usize, end: usize) -> bool {
        self.up_to(self.starts.partition_point(|other| *other < end)).is_some_and(|reach| reach > start)
    }

    fn holds(&self, start: usize, end: usize) -> bool {
        self.up_to(self.starts.partition_point(|other| *other <= start)).is_some_and(|reach| reach >= end)
    }
}

/// The label of the prediction that shares most characters; of several the shorter, then the surer; still tied under
/// different labels is wrong.
fn add_right(score: &mut Score, gold: &BTreeSet<Span>, predictions: &BTreeMap<Span, f64>) {
    let spans: Vec<(&Span, f64)> = predictions.iter().map(|(span, sure)| (span, *sure)).collect();
    let reach = Reach::of(predictions.keys().map(|(start, end, _)| (*start, *end)));
    for (start, end, label) in gold {
        let mut best: Option<(usize, usize, f64)> = None;
        let mut labels: BTreeSet<&str> = BTreeSet::new();
        let before_end = spans.partition_point(|((other, ..), _)| other < end);
        for at in (1..=before_end).rev() {
            if reach.up_to(at).is_none_or(|reach| reach <= *start) {
                break;
            }
            let Some(((other, other_end, name), sure)) = spans.get(at - 1) else { break };
            if other_end <= start {
                continue;
            }
            let shared = end.min(other_end) - start.max(other);
            let length = other_end - other;
            let is_better = best
                .is_none_or(|(most, shortest, surest)| (shared, shortest, *sure) > (most, length, surest));
            if is_better {
                best = Some((shared, length, *sure));
                labels = BTreeSet::from([name.as_str()]);
            } else if best == Some((shared, length, *sure)) {
                labels.insert(name);
            }
        }
        score.found += u64::from(best.is_some());
        score.right += u64::from(labels.len() == 1 && labels.contains(label.as_str()));
    }
}

fn painted(count: usize, spans: impl Iterator<Item = (usize, usize)>) -> Vec<bool> {
    let mut begins = vec![0_i64; count.saturating_add(1)];
    for (start, end) in spans.filter(|(start, end)| start < end) {
        for (place, step) in [(start, 1), (end, -1)] {
            if let Some(at) = begins.get_mut(place) {
                *at += step;
            }
        }
    }
    let mut open = 0;
    begins
        .into_iter()
        .take(count)
        .map(|step| {
            open += step;
            open > 0
        })
        .collect()
}

/// White space, and the separators of ASCII (28 to 31), which other languages count as such.
fn is_space(character: char) -> bool {
    character.is_whitespace() || matches!(character, '\u{1c}'..='\u{1f}')
}

/// Where each character begins in UTF-16, and the end.
fn utf16_begins(text: &str) -> Vec<usize> {
    let mut at = 0;
    let mut begins = vec![0];
    begins.extend(text.chars().map(|character| {
        at += character.len_utf16();
        at
    }));
    begins
}

#[cfg(test)]
mod tests;
