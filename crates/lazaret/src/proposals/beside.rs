//! A note of the gold beside what is found in it: where the two agree, what was missed, and what is found where the gold
//! has nothing. As scores count it: a finding is right where it touches gold, and a gold span is found when all of it is.

use std::collections::BTreeSet;

use lazaret_phi::corpus::{Mark, Note};

use crate::commands::phi::label_of;

/// So many labels of gold are named beside one finding.
const NAMED: usize = 3;

/// How a span stands to the other side.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stand {
    /// A finding that touches gold.
    Right,
    /// A finding where the gold leaves it open whether something stands there.
    Open,
    /// A finding where the gold has nothing.
    Extra,
    /// A gold span of which nothing is found.
    Missed,
    /// A gold span of which a part is found.
    InPart,
}

/// A finding, or a gold span that is not found whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Line {
    pub(crate) start: usize,
    pub(crate) end: usize,
    /// What it was found as; none of a gold span.
    pub(crate) found: Option<String>,
    /// What it is in the gold; none of a finding where the gold has nothing.
    pub(crate) gold: Option<String>,
    pub(crate) stand: Stand,
}

/// A stretch of the text that is drawn in one way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Stretch {
    pub(crate) start: usize,
    pub(crate) end: usize,
    pub(crate) label: String,
    pub(crate) stand: Stand,
}

/// The two sides of one note.
pub(crate) struct Beside<'n> {
    note: &'n Note,
    found: &'n [Mark],
    /// The gold in order and without overlaps: what lies in another span goes, what reaches beyond it is cut.
    flat: Vec<(usize, usize, &'n Mark)>,
    /// Up to each character, how many are no white space.
    solid: Vec<usize>,
    /// Of these those that a finding covers.
    covered: Vec<usize>,
    /// Up to each character, how many the gold leaves open.
    open: Vec<usize>,
}

impl<'n> Beside<'n> {
    /// `found` is in order, without overlaps, in characters of the note.
    pub(crate) fn of(note: &'n Note, found: &'n [Mark]) -> Self {
        let mut marks: Vec<&Mark> = note.marks.iter().collect();
        marks.sort_by_key(|mark| (mark.start, mark.end));
        let mut flat = Vec::new();
        let mut at = 0;
        for mark in marks {
            let start = mark.start.max(at);
            if start < mark.end {
                flat.push((start, mark.end, mark));
                at = mark.end;
            }
        }
        let mut neutral = note.neutral.clone();
        neutral.sort_unstable();
        let (mut solid, mut covered, mut open) = (vec![0], vec![0], vec![0]);
        let (mut is_solid, mut is_covered, mut is_open) = (0, 0, 0);
        let mut findings = found.iter().peekable();
        let mut left_open = neutral.into_iter().peekable();
        let mut open_until = 0;
        for (at, character) in note.text.chars().enumerate() {
            while findings.next_if(|mark| mark.end <= at).is_some() {}
            while let Some((_, end)) = left_open.next_if(|(start, _)| *start <= at) {
                open_until = open_until.max(end);
            }
            if !character.is_whitespace() {
                is_solid += 1;
                is_covered += usize::from(findings.peek().is_some_and(|mark| mark.start <= at));
            }
            is_open += usize::from(at < open_until);
            solid.push(is_solid);
            covered.push(is_covered);
            open.push(is_open);
        }
        Self { note, found, flat, solid, covered, open }
    }

    /// The findings and the gold spans that are not found whole, in order.
    pub(crate) fn lines(&self) -> Vec<Line> {
        let mut lines: Vec<Line> = self.found.iter().map(|mark| self.line(mark)).collect();
        let mut seen = BTreeSet::new();
        for mark in self.note.marks.iter().filter(|mark| seen.insert((mark.start, mark.end))) {
            let (all, covered) = (within(&self.solid, mark), within(&self.covered, mark));
            if covered < all {
                let stand = if covered == 0 { Stand::Missed } else { Stand::InPart };
                let gold = Some(label_of(mark));
                lines.push(Line { start: mark.start, end: mark.end, found: None, gold, stand });
            }
        }
        lines.sort_by_key(|line| (line.start, line.end));
        lines
    }

    fn line(&self, mark: &Mark) -> Line {
        let gold: BTreeSet<String> =
            self.touching(mark).map(|(_, _, gold)| label_of(gold)).take(NAMED).collect();
        let gold: Vec<String> = gold.into_iter().collect();
        let stand = if !gold.is_empty() {
            Stand::Right
        } else if within(&self.open, mark) == mark.end.saturating_sub(mark.start) {
            Stand::Open
        } else {
            Stand::Extra
        };
        let gold = (!gold.is_empty()).then(|| gold.join(", "));
        Line { start: mark.start, end: mark.end, found: Some(label_of(mark)), gold, stand }
    }

    /// The gold spans that a finding touches.
    fn touching(&self, mark: &Mark) -> impl Iterator<Item = &(usize, usize, &'n Mark)> {
        let first = self.flat.partition_point(|(_, end, _)| *end <= mark.start);
        let (until, from) = (mark.end, self.flat.get(first..).unwrap_or(&[]));
        from.iter().take_while(move |(start, _, _)| *start < until)
    }

    /// What is drawn: findings, and in between the gold that was missed. What a finding takes beside its gold is drawn as one
    /// with it.
    pub(crate) fn stretches(&self) -> Vec<Stretch> {
        let mut stretches = Vec::new();
        let mut gold = self.flat.iter().copied().peekable();
        let missed = |from: usize, to: usize, mark: &Mark, out: &mut Vec<Stretch>| {
            let span = Mark { start: from, end: to, ..mark.clone() };
            if within(&self.solid, &span) > 0 {
                let label = format!("missed: {}", label_of(mark));
                out.push(Stretch { start: from, end: to, label, stand: Stand::Missed });
            }
        };
        let mut at = 0;
        for finding in self.found {
            // Gold before it, and what the one that reaches into it has before it
            while let Some((start, end, mark)) = gold.peek().copied().filter(|next| next.0 < finding.end) {
                if start.max(at) < finding.start {
                    missed(start.max(at), end.min(finding.start), mark, &mut stretches);
                }
                if end > finding.end {
                    break; // it goes on behind the finding
                }
                gold.next();
            }
            let line = self.line(finding);
            let (found, of_gold) = (line.found.unwrap_or_default(), line.gold.unwrap_or_default());
            let same = of_gold.split(['.', ',']).next() == found.split('.').next();
            let label = match line.stand {
                Stand::Open => format!("{found}; open in the gold"),
                Stand::Extra => format!("not in the gold: {found}"),
                _ if same => found,
                _ => format!("{found}; in the gold: {of_gold}"),
            };
            stretches.push(Stretch { start: line.start, end: line.end, label, stand: line.stand });
            at = finding.end;
        }
        for (start, end, mark) in gold {
            if start.max(at) < end {
                missed(start.max(at), end, mark, &mut stretches);
            }
        }
        stretches
    }
}

/// How much of what was counted up to each character lies in a span.
fn within(counted: &[usize], span: &Mark) -> usize {
    let at = |place: usize| counted.get(place).or(counted.last()).copied().unwrap_or(0);
    at(span.end).saturating_sub(at(span.start))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn mark(start: usize, end: usize, label: &str) -> Mark {
        Mark { start, end, label: label.to_owned(), sub: None, score: None }
    }

    fn note(text: &str, marks: Vec<Mark>) -> Note {
        Note { id: "n".to_owned(), text: text.to_owned(), marks, neutral: Vec::new(), traps: Vec::new() }
    }

    #[test]
    fn what_is_right_missed_and_too_much_stand_apart() {
        let mut note = note(
            "Dr Rook met Ana Lark at bay seven, 4 May, Tuesday",
            vec![mark(3, 7, "NAME.provider"), mark(12, 20, "NAME"), mark(24, 33, "OTHER_ID")],
        );
        note.neutral = vec![(42, 49)];
        let found = [
            mark(0, 7, "NAME.provider"),
            mark(12, 15, "HOSPITAL"),
            mark(35, 40, "DATE"),
            mark(42, 49, "DATE"),
        ];
        let beside = Beside::of(&note, &found);
        let lines: Vec<_> = beside.lines().iter().map(|line| (line.start, line.end, line.stand)).collect();
        let expected = [
            (0, 7, Stand::Right),
            (12, 15, Stand::Right),
            (12, 20, Stand::InPart),
            (24, 33, Stand::Missed),
            (35, 40, Stand::Extra),
            (42, 49, Stand::Open),
        ];
        assert_eq!(lines, expected);
        let drawn: Vec<String> = beside
            .stretches()
            .iter()
            .map(|one| format!("{}..{} {}", one.start, one.end, one.label))
            .collect();
        let expected = [
            "0..7 NAME.provider",
            "12..15 HOSPITAL; in the gold: NAME",
            "15..20 missed: NAME",
            "24..33 missed: OTHER_ID",
            "35..40 not in the gold: DATE",
            "42..49 DATE; open in the gold",
        ];
        assert_eq!(drawn, expected);
    }

    #[test]
    fn gold_that_overlaps_and_findings_within_it_are_drawn_once() {
        let note = note(
            "abc def ghi",
            vec![mark(4, 11, "NAME"), mark(0, 7, "HOSPITAL"), mark(0, 7, "NAME"), mark(5, 6, "DATE")],
        );
        let found = [mark(1, 2, "NAME"), mark(3, 4, "DATE")];
        let drawn: Vec<_> = Beside::of(&note, &found)
            .stretches()
            .into_iter()
            .map(|one| (one.start, one.end, one.stand))
            .collect();
        let expected = [
            (0, 1, Stand::Missed),
            (1, 2, Stand::Right),
            (2, 3, Stand::Missed),
            (3, 4, Stand::Right),
            (4, 7, Stand::Missed),
            (7, 11, Stand::Missed),
        ];
        assert_eq!(drawn, expected);
    }

    /// Spans of a text of thirty characters, as gold may have them.
    fn marks() -> impl Strategy<Value = Vec<Mark>> {
        let one = (0_usize..30, 1_usize..9, prop::sample::select(vec!["NAME", "DATE.x", "MRN"]));
        prop::collection::vec(one.prop_map(|(at, long, label)| mark(at, (at + long).min(30), label)), 0..9)
    }

    proptest! {
        #[test]
        fn what_is_drawn_is_in_order_and_covers_findings_and_gold(
            text in "[a-c \u{e9}]{30}",
            gold in marks(),
            found in marks(),
        ) {
            let mut flat: Vec<Mark> = Vec::new();
            let mut sorted = found;
            sorted.sort_by_key(|mark| mark.start);
            for mark in sorted {
                if flat.last().is_none_or(|last| last.end <= mark.start) {
                    flat.push(mark);
                }
            }
            let note = note(&text, gold);
            let beside = Beside::of(&note, &flat);
            let stretches = beside.stretches();
            let mut at = 0;
            for one in &stretches {
                prop_assert!(at <= one.start && one.start < one.end && one.end <= 30, "{one:?}");
                at = one.end;
            }
            let drawn = |at: usize| stretches.iter().find(|one| one.start <= at && at < one.end);
            for (at, character) in text.chars().enumerate() {
                let of = |marks: &[Mark]| marks.iter().any(|mark| mark.start <= at && at < mark.end);
                let (is_gold, is_found) = (of(&note.marks), of(&flat));
                let stand = drawn(at).map(|one| one.stand);
                if is_found {
                    prop_assert!(matches!(stand, Some(Stand::Right | Stand::Extra)), "{at}");
                } else if is_gold && !character.is_whitespace() {
                    prop_assert_eq!(stand, Some(Stand::Missed));
                } else if !is_gold {
                    prop_assert_eq!(stand, None);
                }
            }
            let whole = beside.lines().iter().all(|line| line.stand == Stand::Right);
            prop_assert_eq!(whole, stretches.iter().all(|one| one.stand == Stand::Right));
        }
    }
}
